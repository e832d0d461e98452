"""Windows: slices of time, each one a listing with the key `START/END`, END excluded.

They lie on a grid that begins at 1970-01-01, so that a resumed run meets the same listings whatever day it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from extractor.model import Windows

__all__ = ["Window", "before", "grid", "is_slice", "newest"]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """Days from `start` to `end`, `end` excluded."""

    start: date
    end: date

    @classmethod
    def of(cls, key: str) -> Window:
        """The window of a listing's key."""
        start, _, end = key.partition("/")
        return cls(date.fromisoformat(start), date.fromisoformat(end))

    @property
    def key(self) -> str:
        """The listing's key."""
        return f"{self.start.isoformat()}/{self.end.isoformat()}"

    @property
    def days(self) -> int:
        """How long it is."""
        return (self.end - self.start).days

    def halves(self) -> tuple[Window, Window]:
        """Two windows that make up this one, which is at least two days long."""
        middle = self.start + timedelta(days=self.days // 2)
        return Window(self.start, middle), Window(middle, self.end)


def newest(windows: Windows, until: date) -> Window:
    """The slice of the grid that holds the day before `until`, cut at `until`."""
    last = until - timedelta(days=1)
    start = _EPOCH + timedelta(days=(last - _EPOCH).days // windows.days * windows.days)
    return Window(start, until)


def before(windows: Windows, window: Window) -> Window | None:
    """The slice of the grid that ends where `window` starts; None if that is no border of the grid."""
    if (window.start - _EPOCH).days % windows.days or window.start <= _EPOCH:
        return None
    return Window(window.start - timedelta(days=windows.days), window.start)


def grid(windows: Windows, since: date, until: date) -> Iterator[Window]:
    """The slices from `until` back to `since`, the outer ones cut there; nothing lies before 1970-01-01."""
    since = max(since, _EPOCH)
    window = newest(windows, until) if until > since else None
    while window is not None and window.end > since:
        yield Window(max(window.start, since), window.end)
        window = before(windows, window)


def is_slice(windows: Windows, window: Window, until: date) -> bool:
    """True for a slice of the grid, false for a part of one."""
    on_border = (window.start - _EPOCH).days % windows.days == 0
    return (on_border and window.days == windows.days) or window == newest(windows, until)
