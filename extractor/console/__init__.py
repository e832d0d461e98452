"""Progress on stderr, in the form that was asked for or that fits where it goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from extractor.account import Outcome, Snapshot

__all__ = ["MODES", "Progress", "chosen", "progress"]

MODES = ("auto", "live", "plain", "json", "off")


class Progress(Protocol):
    """Shows a run while it lasts. Never raises because the terminal is gone: the run is worth more than its picture."""

    def show(self, snapshot: Snapshot) -> None:
        """A moment of the run; may be called as often as one likes."""

    def end(self, outcome: Outcome) -> None:
        """The run is over; what was shown for the moment goes away."""

    def close(self) -> None:
        """Give the terminal back, also when no outcome came."""


class Off:
    """Shows nothing."""

    def show(self, snapshot: Snapshot) -> None:
        """Nothing."""

    def end(self, outcome: Outcome) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def chosen(mode: str, stream: TextIO) -> str:
    """The mode that `auto` stands for: live on a terminal that can move its cursor, else plain lines."""
    if mode != "auto":
        return mode
    return "live" if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb") else "plain"


@contextmanager
def progress(mode: str, vendor: str, stream: TextIO | None = None) -> Iterator[Progress]:
    """Open the progress display of one of `MODES`, by default on stderr."""
    stream = stream or sys.stderr
    shown: Progress
    match chosen(mode, stream):
        case "live":
            from extractor.console.live import Live  # noqa: PLC0415 - rich costs time that other modes don't need

            shown = Live(vendor, stream)
        case "json":
            from extractor.console.jsonl import JsonLines  # noqa: PLC0415 - only one of them is needed

            shown = JsonLines(vendor, stream)
        case "plain":
            from extractor.console.plain import Plain  # noqa: PLC0415 - as above

            shown = Plain(vendor, stream)
        case _:
            shown = Off()
    try:
        yield shown
    finally:
        shown.close()
