"""From when to when the data reach; instants are integers of Unix seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DAY", "HOUR", "MINUTE", "History", "Window"]

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; `end` is not part of it."""

    start: int
    end: int

    def meets(self, start: int, end: int | None) -> bool:
        """Does something that lasts from `start` to `end` (None: still) lie in it, with a part at least?"""
        return start < self.end and (end is None or end > self.start)

    def __contains__(self, instant: int) -> bool:
        return self.start <= instant < self.end


@dataclass(frozen=True, slots=True)
class History:
    """What happened, all of it between two instants.

    Attributes:
        begin: midnight (UTC); the first team, the first queue and the first person were made then.
        until: "now" for the data.
    """

    begin: int
    until: int

    @property
    def window(self) -> Window:
        """All of it."""
        return Window(self.begin, self.until)

    def days(self, window: Window, back: int = 0) -> range:
        """Days (since 1970) on which something began that may lie in a window, if nothing lasts over `back` midnights.

        What is still open at the end of the data lies in every later window.
        """
        first = min(window.start, self.until) // DAY - back
        last = (min(window.end, self.until) - 1) // DAY
        return range(max(first, self.begin // DAY), last + 1)

    def slots(self, window: Window, seconds: int) -> Iterator[int]:
        """Where equal parts of a day begin, for those that begin in a window."""
        start = max(window.start, self.begin)
        yield from range(start + -start % seconds, min(window.end, self.until), seconds)
