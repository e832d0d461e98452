"""`POST /reports`: CSV over a span of days, with the ways in which it misleads."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from hashlib import blake2b
from itertools import chain, islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.calendar import Calendar
from extractor.sandbox.gladly.errors import invalid
from extractor.sandbox.gladly.knobs import Knobs
from extractor.sandbox.gladly.report_rows import COLUMNS, LONGEST_SPAN, TASKS, TIMESTAMPS, ReportRows
from extractor.sandbox.replies import Call, Reply

__all__ = ["Reports", "as_csv", "json_body"]

ORGANIZATION_ZONE = "America/Los_Angeles"
NOT_FOR_EXPORTS = {"aggregationLevel", "startAtTime", "endAtTime"}
FIELDS = {"metricSet", "timezone", "startAt", "endAt", "filters"} | NOT_FOR_EXPORTS
HANG = 600  # seconds
BATCH = 200  # rows from one piece of a body to the next
SALT = 0xCE
BOM = b"\xef\xbb\xbf"
BLANK = b"\r\n \r\n"


class _Oddity(Enum):
    """What is wrong with a body that has rows."""

    NONE = auto()
    BYTE_ORDER_MARK = auto()
    BLANK_LINES = auto()
    ERROR_TEXT = auto()  # on the first attempt


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A report that makes sense."""

    metric_set: str
    zone: ZoneInfo
    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def span(self) -> tuple[int, int]:
        """From midnight in the zone to midnight after the last day, in milliseconds since 1970."""
        first, after = (
            datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
            for day in (self.start, self.end + timedelta(days=1))
        )
        return int(first.timestamp() * 1000), int(after.timestamp() * 1000)


class Reports:
    """Answers report requests.

    A window with rows may begin with a byte order mark or with blank lines, or answer the first
    attempt with an error text and status 200. Which one does depends on the rows in it, so that
    the oddities are met however the client cuts its windows: the oldest conversation brings the
    error, the newest one the mark, the newest task the blank lines; other windows draw.
    """

    def __init__(self, knobs: Knobs, key: bytes, calendar: Calendar, rows: ReportRows, *, plain: bool) -> None:
        self._knobs = knobs
        self._plain = plain
        self._key = key
        self._calendar = calendar
        self._rows = rows
        self._attempted: set[_Asked] = set()

    def latency(self, number: int) -> float:
        """Milliseconds that a report takes."""
        if self._knobs.report_latency is not None:
            return self._knobs.report_latency
        return 300 + Dice(self._key, SALT, number).below(701)

    async def answer(self, call: Call) -> Reply:
        """The report that a body asks for."""
        asked = _understand(call)
        if isinstance(asked, Reply):
            return asked
        if 0 < self._knobs.report_refuse_days < asked.days:
            return invalid("endAt", f"the range is longer than {self._knobs.report_refuse_days} days")
        if 0 < self._knobs.report_timeout_days < asked.days:
            await asyncio.sleep(HANG)
            return Reply(status=504, body=b"upstream request timeout", content_type="text/plain")
        calendar = await self._calendar.ready()
        entries = calendar.tasks if asked.metric_set == TASKS else calendar.conversations
        start, end = asked.span()
        positions = calendar.between(entries, start, end)
        # What happens to a conversation later than its creation is found by looking back.
        before = LONGEST_SPAN if asked.metric_set == TIMESTAMPS else 0
        found = calendar.look(entries, calendar.between(entries, start - before, end))
        rows = islice(self._made(asked, found), self._knobs.report_rows)
        first = next(rows, None)
        name = f"{asked.metric_set}-{asked.start:%Y%m%d}-{asked.end:%Y%m%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if first is None:
            return Reply(content_type="text/csv", headers=headers)
        oddity = self._oddity(asked, positions, len(entries))
        if oddity is _Oddity.ERROR_TEXT and asked not in self._attempted:
            self._attempted.add(asked)
            return Reply(body=b"Unexpected error occurred", content_type="text/csv", headers=headers, settled=False)
        mark = {_Oddity.BYTE_ORDER_MARK: BOM, _Oddity.BLANK_LINES: BLANK}.get(oddity, b"")
        body = as_csv(COLUMNS[asked.metric_set], chain([first], rows), mark)
        return Reply(content_type="text/csv", headers=headers, chunks=body)

    def _made(self, asked: _Asked, found: Iterable[tuple[int, int]]) -> Iterator[list[object]]:
        """The rows of what the calendar has, made when they are needed."""
        match asked.metric_set:
            case "ConversationTimestampsReport":
                span = asked.span()
                return (row for i, j in found for row in self._rows.events(i, j, span, asked.zone))
            case "ContactExportReportV3":
                return (self._rows.contact(i, j, asked.zone) for i, j in found)
            case "TaskExportReport":
                return (self._rows.task(i, t, asked.zone) for i, t in found)
        return (self._rows.conversation(i, j, asked.zone) for i, j in found)

    def _oddity(self, asked: _Asked, positions: range, total: int) -> _Oddity:
        if self._plain:
            return _Oddity.NONE
        if asked.metric_set != TASKS and 0 in positions:
            return _Oddity.ERROR_TEXT
        if total - 1 in positions:
            return _Oddity.BLANK_LINES if asked.metric_set == TASKS else _Oddity.BYTE_ORDER_MARK
        text = f"{asked.metric_set} {asked.start} {asked.end} {asked.zone}"
        drawn = blake2b(text.encode(), key=self._key, digest_size=2).digest()[0] % 10
        odd = {0: _Oddity.BYTE_ORDER_MARK, 1: _Oddity.BLANK_LINES, 2: _Oddity.ERROR_TEXT}
        return odd.get(drawn, _Oddity.NONE)


def json_body(call: Call) -> dict[str, object] | Reply:
    """The JSON object that a request brings and says that it brings, or the 400 that it gets."""
    if call.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return invalid("Content-Type", "application/json is expected")
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        body = None
    return body if isinstance(body, dict) else invalid("body", "a JSON object is expected")


def _understand(call: Call) -> _Asked | Reply:
    """What a request asks for, or the 400 that it gets."""
    asked = json_body(call)
    if isinstance(asked, Reply):
        return asked
    if unknown := set(asked) - FIELDS:
        return invalid(min(unknown), "unknown field")
    metric_set = asked.get("metricSet")
    if not isinstance(metric_set, str) or metric_set not in COLUMNS:
        return invalid("metricSet", "blank or not available", code="invalid" if metric_set else "blank")
    if misplaced := set(asked) & NOT_FOR_EXPORTS:
        return invalid(min(misplaced), f"not for {metric_set}")
    if asked.get("filters"):
        return invalid("filters", "this sandbox plays reports without filters only")
    start, end = _day(asked, "startAt"), _day(asked, "endAt")
    if isinstance(start, Reply):
        return start
    if isinstance(end, Reply) or end < start:
        return end if isinstance(end, Reply) else invalid("endAt", "before startAt")
    try:
        zone = ZoneInfo(asked.get("timezone", ORGANIZATION_ZONE))  # type: ignore[arg-type]
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        return invalid("timezone", "an IANA name is expected")
    return _Asked(metric_set=metric_set, zone=zone, start=start, end=end)


def _day(asked: dict[str, object], field: str) -> date | Reply:
    value = asked.get(field)
    try:
        if isinstance(value, str) and len(value) == len("2024-03-01"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    return invalid(field, "a day such as 2024-03-01 is expected", code="invalid" if value else "blank")


async def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]], mark: bytes = b"") -> AsyncIterator[bytes]:
    """A body: what stands before the header, header and rows, a batch at a time."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    left, piece = iter(rows), mark
    while batch := [*islice(left, BATCH)]:
        writer.writerows(batch)
        yield piece + text.getvalue().encode()
        piece = b""
        text.seek(0)
        text.truncate()
        await asyncio.sleep(0)
    yield piece + text.getvalue().encode()
