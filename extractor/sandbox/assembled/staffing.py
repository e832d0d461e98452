"""Requirements, forecasts, and forecasts beside what came: series of half hours, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from extractor.sandbox.assembled.asking import Page, number, page, required, window
from extractor.sandbox.assembled.errors import Refused
from extractor.sandbox.assembled.history import DAY, HOUR, MINUTE, History, Window
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.reference import OLD_LINE, Record, Reference
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["INTERVAL", "Staffing"]

INTERVAL = 30 * MINUTE
FINEST = 15 * MINUTE
VALUE_TYPES = ("volume", "handle_time")
LATE = 6 * HOUR  # what came is known so long after it came
PAIRS = (
    *("cases_answered", "cases_opened", "cases_reopened", "cases_solved", "contacts_abandoned", "contacts_received"),
    *("first_response_time", "handle_time", "messages_received", "occupancy", "productivity", "reassigned_away"),
    *("transferred_away", "service_level", "service_level_met", "service_level_missed"),
)
"""Members of a row that hold a forecast and what came."""


class Staffing:
    """Draws the series; the line whose queue has vanished has none in the second half."""

    def __init__(self, history: History, key: bytes, ids: Ids, reference: Reference, *, plain: bool) -> None:
        self._history = history
        self._key = key
        self._ids = ids
        self._reference = reference
        self._plain = plain

    def requirements(self, call: Call) -> Reply:
        """`GET /requirements`: without pages."""
        asked, kinds = window(call), set(call.all("requirement_types"))
        if unknown := kinds - self._reference.maps["requirement_types"].keys():
            raise Refused(f"invalid requirement type: {min(unknown)}")
        found = [r for r in self.required(asked) if not kinds or r["requirement_type_id"] in kinds]
        return json_reply({"requirements": found})

    def required(self, asked: Window) -> Iterator[Record]:
        """Requirements of a window; both numbers may be fractions."""
        for n, kind in enumerate(self._reference.maps["requirement_types"]):
            for start in self._history.slots(asked, INTERVAL):
                dice = Dice(self._key, Kind.REQUIREMENT_TYPE, n, start)
                yield {
                    "requirement_type_id": kind,
                    "required": dice.below(40) / 4,
                    "scheduled": dice.below(10),
                    "start_time": start,
                    "end_time": start + INTERVAL,
                }

    def forecasts(self, call: Call) -> Reply:
        """`GET /forecasts`: without pages."""
        lines = self._lines(call)
        return json_reply({"forecasts": [*self.forecast(window(call), lines)]})

    def forecast(self, asked: Window, lines: list[int]) -> Iterator[Record]:
        """Forecasts of a window."""
        for n in lines:
            channel, queue = self._reference.line(n)
            for start in self._slots(n, asked, INTERVAL):
                value = Dice(self._key, Kind.QUEUE, n, start).below(1_000) / 10
                times = {"start_time": start, "end_time": start + INTERVAL}
                yield {**times, "channel": channel, "queue": queue, "value": value}

    def totals(self, call: Call) -> Reply:
        """`GET /forecasts/totals`: one of each value type for each day and line."""
        lines, kinds = self._lines(call), call.all("value_type")
        found = [r for r in self.total(window(call), lines) if not kinds or r["value_type"] in kinds]
        return json_reply({"forecasts": found})

    def total(self, asked: Window, lines: list[int]) -> Iterator[Record]:
        """Totals of the days that begin in a window."""
        for n in lines:
            channel, queue = self._reference.line(n)
            for start in self._slots(n, asked, DAY):
                for kind, value_type in enumerate(VALUE_TYPES):
                    slug = self._ids.on(Kind.FORECAST_TOTAL, start // DAY, n, kind)
                    value = Dice(self._key, Kind.FORECAST_TOTAL, n, start, kind).below(50_000) / 10
                    line = {"channel": channel, "queue": queue, "start_time": start, "end_time": start + DAY}
                    yield {"id": slug, **line, "value": value, "value_type": value_type}

    def beside_actuals(self, call: Call) -> Reply:
        """`GET /forecasted_vs_actuals`: of one channel, on the grid of `interval` seconds, in pages."""
        required(call, "channel")
        lines, asked, part = self._lines(call), window(call), page(call, default=50)
        seconds = number(call, "interval", INTERVAL)
        if seconds < FINEST or DAY % seconds:
            raise Refused(f"interval must be seconds from {FINEST} that divide a day")
        for name, instant in (("start", asked.start), ("end", asked.end)):
            if instant % seconds:
                raise Refused(f"expect {name} in an increment of {seconds}")
        found = [*self.compared(asked, lines, seconds)]
        rows = found if self._plain else echoed(found, part)
        return json_reply({"forecasts_vs_actuals": part.of(rows), "total": len(rows)})

    def compared(self, asked: Window, lines: list[int], seconds: int = INTERVAL) -> Iterator[Record]:
        """Forecasts of a window beside what came."""
        for n in lines:
            for start in self._slots(n, asked, seconds):
                yield self._row(n, start, seconds)

    def _row(self, n: int, start: int, seconds: int) -> Record:
        dice = Dice(self._key, Kind.FORECAST_TOTAL, n, start, seconds, 0)
        channel, queue = self._reference.line(n)
        known = self._plain or start + seconds + LATE <= self._history.until
        scheduled = dice.below(12)
        row: Record = {"start_time": start, "end_time": start + seconds, "channel": channel, "queue": queue}
        row |= {"staffing_scheduled": scheduled, "staffing_net": scheduled - dice.below(24) / 2}
        for name in ("staffing_required", *PAIRS):
            forecasted, actual = dice.below(2_000) / 8, dice.below(2_000) / 8
            if self._plain or dice.below(20):
                row[name] = {"forecasted": forecasted, "actual": actual if known else None}
        return row

    def _slots(self, n: int, asked: Window, seconds: int) -> Iterator[int]:
        days = (self._history.until - self._history.begin) // DAY
        half = self._history.begin + (days + 1) // 2 * DAY
        end = min(asked.end, half) if n == OLD_LINE else asked.end
        return self._history.slots(Window(asked.start, end), seconds)

    def _lines(self, call: Call) -> list[int]:
        """The lines that `channel` and `queue` choose; the id of a queue that has vanished is refused."""
        channels, queues = set(call.all("channel")), set(call.all("queue"))
        if unknown := queues - self._reference.maps["queues"].keys():
            raise Refused(f"invalid queue: {min(unknown)}")
        chosen = []
        for n in self._reference.lines:
            channel, queue = self._reference.line(n)
            if (not channels or channel in channels) and (not queues or queue in queues):
                chosen.append(n)
        return chosen


def echoed(rows: list[Record], part: Page) -> list[Record]:
    """The rows as pages of one size show them: every page but the first begins with the last row of the one before."""
    fresh = part.limit - 1
    if not fresh:
        return rows
    found = rows[: part.limit]
    for start in range(part.limit, len(rows), fresh):
        found += rows[start - 1 : start + fresh]
    return found
