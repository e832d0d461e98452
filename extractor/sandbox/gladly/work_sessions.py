"""`POST /reports/work-session-events`: who worked on which contact, as CSV between two minutes.

A row stands in the window in which its session ended; while it goes on, in the one in which it was created.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from re import compile as pattern

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.calendar import Calendar
from extractor.sandbox.gladly.errors import invalid
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import Conversation, Population
from extractor.sandbox.gladly.records import Records
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.report_rows import ReportRows
from extractor.sandbox.gladly.reports import as_csv, json_body
from extractor.sandbox.gladly.stamps import HOUR, MINUTE, SECOND, stamp
from extractor.sandbox.replies import Call, Reply

__all__ = ["WorkSessions"]

COLUMNS = (
    *("id", "contact_session_id", "contact_session_created_at", "customer_id", "conversation_id", "inbox_id"),
    *("channel", "direction", "agent_accepted_at", "contact_session_routed_at", "agent_id", "sla_fulfilled_at"),
    *("contact_session_ended_at", "status", "within_sla", "work_session_handle_time_sec"),
    *("work_session_after_contact_time_sec", "work_session_unknown_time_sec", "accepted_inbox_id"),
)
INSTANT = pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d(Z|[+-]\d\d:\d\d)")
LONGEST = HOUR
"""A session ends within so many milliseconds."""


class WorkSessions:
    """Makes the sessions of a span: one for each conversation, begun with it."""

    def __init__(
        self,
        *,
        population: Population,
        ids: Ids,
        calendar: Calendar,
        reference: Reference,
        records: Records,
        rows: ReportRows,
    ) -> None:
        self._population = population
        self._ids = ids
        self._calendar = calendar
        self._reference = reference
        self._records = records
        self._rows = rows

    async def answer(self, call: Call) -> Reply:
        """The report between the minutes that a body names, the last one included."""
        asked = json_body(call)
        if isinstance(asked, Reply):
            return asked
        if unknown := asked.keys() - {"startAtTime", "endAtTime"}:
            return invalid(min(unknown), "unknown field")
        start, end = _minute(asked, "startAtTime"), _minute(asked, "endAtTime")
        if isinstance(start, Reply):
            return start
        if isinstance(end, Reply) or end < start:
            return end if isinstance(end, Reply) else invalid("endAtTime", "before startAtTime")
        calendar = await self._calendar.ready()
        first, after = (int(when.timestamp()) * 1000 for when in (start, end + timedelta(minutes=1)))
        found = calendar.look(calendar.conversations, calendar.between(calendar.conversations, first - LONGEST, after))
        return Reply(content_type="text/csv", chunks=as_csv(COLUMNS, self._between(found, first, after)))

    def keys(self, i: int, j: int) -> tuple[str, str]:
        """Session and agent of conversation j of customer i; the agent is blank as long as nobody has accepted."""
        talk = self._population.conversation(self._population.customer(i), j)
        return self._ids.write(Kind.CONTACT, i, j), self._agent(talk)

    def _between(self, found: Iterator[tuple[int, int]], first: int, after: int) -> Iterator[list[object]]:
        for i, j in found:
            talk = self._population.conversation(self._population.customer(i), j)
            if first <= (self._ended(talk) or talk.created) < after:
                yield self._row(talk)

    def _ended(self, talk: Conversation) -> int | None:
        """When a session ended, None while it goes on."""
        length = Dice(self._population.key, Kind.CONTACT, talk.i, talk.j).between(2 * MINUTE, LONGEST - MINUTE)
        return None if talk.open else talk.created + length

    def _agent(self, talk: Conversation) -> str:
        agent = self._records.details(talk).agent
        return "" if agent is None else str(agent["id"])

    def _row(self, talk: Conversation) -> list[object]:
        session, agent = self.keys(talk.i, talk.j)
        ended, inbox = self._ended(talk), self._reference.inboxes[self._records.details(talk).inbox]
        accepted = stamp(talk.created + MINUTE, 3) if agent else ""
        return [
            "" if ended is None else f"{session}-{agent}",
            session,
            stamp(talk.created, 3),
            self._rows.reported_customer(self._population.customer(talk.i), talk),
            self._ids.conversation(talk.i, talk.j),
            inbox,
            talk.channel,
            "INBOUND",
            accepted,
            stamp(talk.created + 20 * SECOND, 3),
            agent,
            accepted,
            "" if ended is None else stamp(ended, 3),
            "ACTIVE" if ended is None else "ENDED",
            "true" if agent else "",
            "" if ended is None else (ended - talk.created) // SECOND,
            "" if ended is None else 12.5,
            "",
            inbox if agent else "",
        ]


def _minute(asked: dict[str, object], field: str) -> datetime | Reply:
    value = asked.get(field)
    try:
        if isinstance(value, str) and INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return invalid(field, "an instant such as 2024-03-01T00:00Z is expected", code="invalid" if value else "blank")
