"""Reports that are ordered, waited for and paged: one row for each metric, agent and interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeGuard

import orjson

from extractor.sandbox.assembled.asking import LATEST, page
from extractor.sandbox.assembled.errors import not_found
from extractor.sandbox.assembled.history import DAY, HOUR, MINUTE, Window
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.knobs import Knobs
from extractor.sandbox.assembled.reference import CHANNELS, Record
from extractor.sandbox.assembled.roster import SHIFT, Person, Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["METRICS", "Reports"]

METRICS = {
    "adherence": ("adherence", "conformance", "scheduled_seconds"),
    "agent_ticket_stats": ("cases_solved", "messages_sent", "first_response_time"),
    "agent_state_handle_times": ("available_time", "handle_time"),
}
"""Names of the metrics, by type of report."""
INTERVALS = {"15m": 15 * MINUTE, "30m": 30 * MINUTE, "1h": HOUR, "1d": DAY}
HELD = 4  # reports whose rows are kept, since they are read page by page


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ordered:
    """What a report is about."""

    type: str
    asked: Window
    seconds: int
    channel: str


@dataclass(kw_only=True, slots=True)
class _Job:
    """A report in the making.

    Attributes:
        polls: how often it is still to be called unfinished.
        created: Unix seconds.
    """

    ordered: _Ordered
    polls: int
    fails: bool
    created: float


class Reports:
    """Takes orders and answers for them; finished reports stay readable.

    The figures of an agent are the same whatever the channel, so that a row is one row in all reports it is in.
    """

    def __init__(self, roster: Roster, ids: Ids, knobs: Knobs) -> None:
        self._roster = roster
        self._ids = ids
        self._knobs = knobs
        self._jobs: list[_Job] = []
        self._made = lru_cache(HELD)(self._make)

    def order(self, call: Call) -> Reply:
        """`POST /reports/:type`; a body that makes no sense is answered 400 without a word."""
        if call.args[0] not in METRICS:
            return not_found()
        ordered = _understand(call.args[0], call.body)
        if ordered is None:
            return Reply(status=400)
        every = self._knobs.failing_report
        fails = every > 0 and (len(self._jobs) + 1) % every == 0
        self._jobs.append(_Job(ordered=ordered, polls=self._knobs.report_polls, fails=fails, created=call.now))
        reply = json_reply({"report_id": self._ids.write(Kind.REPORT, len(self._jobs) - 1)})
        reply.settled = not fails
        return reply

    def read(self, call: Call) -> Reply:
        """`GET /reports/:id`: 200 also while the report is not ready, and when it never will be."""
        n, part = self._ids.read(Kind.REPORT, call.args[0]), page(call)
        if n is None or n >= len(self._jobs):
            return not_found()
        job = self._jobs[n]
        answer: Record = {"created_at": datetime.fromtimestamp(int(job.created), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if job.polls > 0:
            job.polls -= 1
            reply = json_reply(answer | {"status": "in_progress"})
            reply.settled = False
            return reply
        if job.fails:
            return json_reply(answer | {"status": "failed"})
        rows = self._made(job.ordered)
        answer |= {"status": "complete", "total_metric_count": len(rows), "metrics": part.of(rows)}
        return json_reply(answer)

    def worked(self, asked: Window, seconds: int = DAY, channel: str | None = None) -> Iterator[tuple[Person, int]]:
        """Who worked when: agents of a channel, or all, with each interval that begins in a window."""
        for who in self._roster.agents():
            if channel is None or channel in who.channels:
                for start in self._roster.history.slots(asked, seconds):
                    if self._works(who, Window(start, start + seconds)):
                        yield who, start

    def _works(self, who: Person, span: Window) -> bool:
        for day in range(span.start // DAY - 1, (span.end - 1) // DAY + 1):
            start = self._roster.shift(who, day)
            if start is not None and start in self._roster.history.window and span.meets(start, start + SHIFT):
                return True
        return False

    def _metrics(self, kind: str, who: Person, start: int, seconds: int) -> Iterator[Record]:
        agent_id = self._ids.write(Kind.AGENT, who.i)
        dice = Dice(self._roster.key, Kind.REPORT, [*METRICS].index(kind), who.i, start, seconds)
        for name in METRICS[kind]:
            value = dice.below(10_000) / 100
            unknown = not dice.below(15) and not self._roster.plain
            attributes: Record = {"agent_id": agent_id, "start_time": start, "end_time": start + seconds}
            if kind != "adherence":
                attributes["type"] = kind
            yield {"name": name, "value": None if unknown else value, "attributes": attributes}

    def _make(self, ordered: _Ordered) -> list[Record]:
        return [
            row
            for who, start in self.worked(ordered.asked, ordered.seconds, ordered.channel)
            for row in self._metrics(ordered.type, who, start, ordered.seconds)
        ]


def _understand(kind: str, body: bytes) -> _Ordered | None:
    """What a body asks for; filters other than the channel make no difference."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(asked, Mapping):
        return None
    start, end = asked.get("start_time"), asked.get("end_time")
    if not _instant(start) or not _instant(end) or start >= end:
        return None
    seconds, channel = asked.get("interval"), asked.get("channel")
    if seconds not in INTERVALS or channel not in CHANNELS:
        return None
    return _Ordered(type=kind, asked=Window(start, end), seconds=INTERVALS[seconds], channel=channel)


def _instant(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < LATEST
