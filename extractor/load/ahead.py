"""The next chunk, read and made into columns while this one is loaded: dlt and DuckDB leave a core to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from extractor.load.tables import Contents, Page

__all__ = ["Ahead", "Next"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """A chunk that is sealed.

    Attributes:
        pages: reads them.
    """

    number: int
    pages: Callable[[], Iterable[Page]]


class Ahead:
    """Works in a thread of its own on one chunk at a time.

    What it works with learns from what it reads, and is nobody else's until `take` or `drop` has returned.

    Args:
        prepare: makes columns of what it can.
    """

    def __init__(self, prepare: Callable[[Iterable[Page]], Contents]) -> None:
        self._prepare = prepare
        self._thread: threading.Thread | None = None
        self._number = 0
        self._found: Contents | None = None

    def begin(self, following: Next) -> None:
        """Start with this chunk; what is there of another is forgotten."""
        self.drop()
        self._number = following.number
        self._thread = threading.Thread(target=self._run, args=(following,), name="ahead", daemon=True)
        self._thread.start()

    def take(self, number: int) -> Contents | None:
        """What is in this chunk, once; None if it was not this one, or something went wrong."""
        if self._thread is not None:
            self._thread.join()
        found, self._thread, self._found = self._found, None, None
        return found if number == self._number else None

    def drop(self) -> None:
        """Wait for the end, and forget what was made."""
        self.take(0)

    def _run(self, following: Next) -> None:
        try:
            self._found = self._prepare(following.pages())
        except Exception:  # noqa: BLE001 - whoever loads the chunk meets the same, and knows what to do
            self._found = None
