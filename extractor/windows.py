"""Windows: slices of time, each one a listing with the key `START/END`, END excluded, or `START/END ID`.

They lie on a grid, so that a resumed run meets the same listings whatever day it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from extractor.model import Windows

__all__ = ["Span", "Window", "before", "grid", "is_slice", "keys", "newest", "pieces"]

_EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Days from `start` to `end`, `end` excluded."""

    start: date
    end: date

    @classmethod
    def of(cls, key: str) -> Window:
        """The window of a listing's key, whatever id follows it."""
        start, _, end = key.partition(" ")[0].partition("/")
        return cls(date.fromisoformat(start), date.fromisoformat(end))

    @property
    def key(self) -> str:
        """The key of a listing that is about nothing else."""
        return f"{self.start.isoformat()}/{self.end.isoformat()}"

    @property
    def days(self) -> int:
        """How long it is."""
        return (self.end - self.start).days

    def key_of(self, about: str) -> str:
        """The key of a listing of an id, or without one."""
        return f"{self.key} {about}" if about else self.key

    def halves(self) -> tuple[Window, Window]:
        """Two windows that make up this one, which is at least two days long."""
        middle = self.start + timedelta(days=self.days // 2)
        return Window(self.start, middle), Window(middle, self.end)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The days that a run asks for.

    Attributes:
        since: the first one, None for all there is.
        until: the one after the last.
        beginning: where the vendor's history begins; None as long as nobody asked, or if there is none.
    """

    since: date | None
    until: date
    beginning: date | None = None


def newest(windows: Windows, until: date) -> Window:
    """The slice of the grid that holds the day before `until`, cut at `until`; or the last one ahead of it, whole."""
    window = _slice(windows, until - _DAY)
    for _ in range(windows.ahead):
        window = _slice(windows, window.end)
    return window if windows.ahead else Window(window.start, until)


def before(windows: Windows, window: Window) -> Window | None:
    """The slice of the grid that ends where `window` starts; None if that is no border of the grid."""
    if window.start <= _EPOCH or _slice(windows, window.start).start != window.start:
        return None
    return _slice(windows, window.start - _DAY)


def grid(windows: Windows, since: date, until: date) -> Iterator[Window]:
    """The slices from `until` back to `since`, the outer ones cut there; nothing lies before 1970-01-01."""
    since = max(since, _EPOCH)
    window = newest(windows, until) if until > since else None
    while window is not None and window.end > since:
        yield Window(max(window.start, since), window.end)
        window = before(windows, window)


def is_slice(windows: Windows, window: Window, until: date) -> bool:
    """True for a slice of the grid, false for a part of one."""
    return window in (_slice(windows, window.start), newest(windows, until))


def pieces(window: Window, days: int) -> Iterator[Window]:
    """Windows of so many days that make up this one, the newest first, which may be shorter."""
    for start in range((window.days - 1) // days * days, -1, -days):
        day = window.start + timedelta(days=start)
        yield Window(day, min(day + timedelta(days=days), window.end))


def keys(windows: Windows | None, about: str, span: Span) -> Iterator[str]:
    """The keys of the listings to ask for what is meant by `about`: itself, or one for each window, newest first.

    All windows if it is known where they begin; else the newest one, whose pages name the window before it. As long
    as nobody knows the beginning, windows that begin there are none.
    """
    if windows is None:
        yield about
        return
    since = span.since
    if windows.begin == "beginning":
        since = max((day for day in (span.since, span.beginning) if day is not None), default=span.until)
    chosen = [newest(windows, span.until)] if since is None else grid(windows, since, span.until)
    for window in chosen:
        yield window.key_of(about)


def _slice(windows: Windows, day: date) -> Window:
    """The whole slice of the grid that holds the day."""
    if windows.grid == "quarters":
        start = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        return Window(start, date(day.year + day.month // 10, (start.month + 2) % 12 + 1, 1))
    start = _EPOCH + timedelta(days=(day - _EPOCH).days // windows.days * windows.days)
    return Window(start, start + timedelta(days=windows.days))
