"""The parameters of the Logs API, and the slice of time that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from re import compile as pattern
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from extractor.sandbox.replies import Call

__all__ = ["Window", "read_window"]

DAY_ONLY = pattern(r"\d{4}-\d\d-\d\d")
DEFAULT_ZONE = "Etc/UTC"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What a request asks for.

    Attributes:
        asked: the parameters but for `next`, in the order in which a link repeats them.
        widgets: ids; none means every widget.
        start, end: milliseconds since 1970, the end excluded.
        next: from a link.
    """

    asked: tuple[tuple[str, str], ...]
    widgets: tuple[str, ...]
    start: int
    end: int
    next: str | None


def read_window(call: Call, *, end_exclusive: bool) -> Window:
    """The window of a request; of a parameter that is given twice, the last one counts.

    Raises:
        ValueError: says which parameter is missing or makes no sense.
    """
    zone_name = call.one("timezone") or DEFAULT_ZONE
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("timezone is unknown") from None
    first, last = _day(call, "start"), _day(call, "end")
    if last < first:
        raise ValueError("end is before start")
    listed = call.one("widgetId")
    widgets = () if listed is None else tuple(dict.fromkeys(listed.split(",")))
    try:
        after = last if end_exclusive else last + timedelta(days=1)
        start, end = (int(datetime.combine(day, time(), zone).timestamp()) * 1000 for day in (first, after))
    except OverflowError:
        raise ValueError("start or end is out of range") from None
    names = ("widgetId", "start", "end", "timezone")
    asked = tuple((name, value) for name in names if (value := call.one(name)) is not None)
    return Window(asked=asked, widgets=widgets, start=start, end=end, next=call.one("next"))


def _day(call: Call, name: str) -> date:
    value = call.one(name)
    if value is None or not DAY_ONLY.fullmatch(value):
        raise ValueError(f"{name} must be a date, YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name} is no day of the calendar") from None
