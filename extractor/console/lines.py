"""Progress that is written line by line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TextIO

from extractor.account import Snapshot
from extractor.console.estimate import Estimate
from extractor.console.pace import Pace

__all__ = ["Lines"]


class Lines:
    """A line at the start of each phase, and one every so many seconds of it.

    Args:
        stream: where they go.
        line: what to write of a snapshot, given the seconds that are left, None while nobody knows.
        every: seconds between two lines of a phase.
    """

    def __init__(self, stream: TextIO, line: Callable[[Snapshot, float | None], str], *, every: float) -> None:
        self._stream = stream
        self._line = line
        self._estimate = Estimate()
        self._pace = Pace(every)

    def show(self, snapshot: Snapshot) -> None:
        """Write a line if it is time for one."""
        left = self._estimate.left(snapshot)
        if self._pace.due(snapshot):
            self.write(self._line(snapshot, left))

    def write(self, line: str) -> None:
        """Write it now."""
        # Whoever read the lines may have gone; the run goes on.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()
