"""Columns and rows of the reports."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import Conversation, Customer, Part, Population
from extractor.sandbox.gladly.records import Records
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.stamps import MINUTE, SECOND

__all__ = ["COLUMNS", "ReportRows"]

COLUMNS = {
    "ConversationExportReport": (
        "Created At",
        "Conversation ID",
        "Customer ID",
        "Conversation Link",
        "Status",
        "Assigned Agent ID - Current",
        "Assigned Agent Name - Current",
        "Inbox ID - Current",
        "Inbox Name - Current",
        "First Closed At",
        "Last Closed At",
        "Initiator Type - Created",
        "Initiator Agent ID - Created",
        "Initiator Agent Name - Created",
        "Inbox ID - Created",
        "Inbox Name - Created",
        "Assigned Agent ID - Created",
        "Topics",
        "Topics with Hierarchy",
        "First Contact ID",
        "First Channel",
        "Last Channel",
        "Created-to-First Closed Time",
        "Created-to-Last Closed Time",
        "Conversation Handle Time",
        "Contacts",
        "Agents Assigned",
        "Inboxes Assigned",
        "Times Closed",
        "Times Reopened",
    ),
    "TaskExportReport": (
        "Created At",
        "Task ID",
        "Customer ID",
        "Task Link",
        "Status",
        "Due At",
        "Closed At",
        "Initiator Type - Created",
        "Initiator Agent ID - Created",
        "Initiator Agent Name - Created",
        "Assigned Inbox ID",
        "Assigned Inbox Name",
        "Assigned Agent ID",
        "Assigned Agent Name",
        "Comments",
    ),
}


class ReportRows:
    """Makes rows; times are local to the report's zone and do not say so."""

    def __init__(
        self, population: Population, ids: Ids, changes: Changes, reference: Reference, records: Records
    ) -> None:
        self._population = population
        self._ids = ids
        self._changes = changes
        self._reference = reference
        self._records = records

    def conversation(self, i: int, j: int, zone: ZoneInfo) -> list[object]:
        """The row of conversation j of customer i."""
        who = self._population.customer(i)
        talk = self._population.conversation(who, j)
        details = self._records.details(talk)
        status, closed = self._records.status(talk)
        slug = self._ids.conversation(i, j)
        inbox = (self._reference.inboxes[details.inbox], self._reference.inbox_name(details.inbox))
        agent = (details.agent["id"], details.agent["name"]) if details.agent else ("", "")
        by_agent = j % 5 == 4
        closed_at = "" if closed is None else _local(closed, zone)
        seconds: object = "" if closed is None else (closed - talk.created) // SECOND
        if talk.lost or (i, j) in self._changes.lost:
            status = "MERGED"
        return [
            _local(talk.created, zone),
            slug,
            self.reported_customer(who, talk),
            f"https://sandbox.example/customers/{self._ids.customer(i)}/conversation/{slug}",
            "OPEN" if status == "WAITING" else status,
            *agent,
            *inbox,
            closed_at,
            closed_at,
            "AGENT" if by_agent else "CUSTOMER",
            *(agent if by_agent else ("", "")),
            *inbox,
            agent[0],
            *self._reference.topic_names(details.topics),
            self._ids.write(Kind.CONTACT, i, j),
            talk.channel,
            talk.channel,
            seconds,
            seconds,
            talk.items * 40,
            1 + talk.items // 6,
            1 if agent[0] else 0,
            1,
            0 if closed is None else 1,
            0,
        ]

    def reported_customer(self, who: Customer, talk: Conversation) -> str:
        """The customer id in a row: the one that the customer had when the row was written."""
        if talk.lost or (who.part is Part.MERGED_TWICE and talk.j > 0):
            return self._ids.write(Kind.FORMER, who.i, 0)
        if who.former and talk.j == 0:
            return self._ids.write(Kind.FORMER, who.i, who.former - 1)
        return self._ids.customer(who.i)

    def task(self, i: int, t: int, zone: ZoneInfo) -> list[object]:
        """The row of task t of customer i."""
        who = self._population.customer(i)
        task = self._population.task(who, t)
        inbox, agent, due = self._records.task_details(task)
        by = self._reference.agent(t)
        slug = self._ids.write(Kind.TASK, i, t)
        return [
            _local(task.created, zone),
            slug,
            self._ids.customer(i),
            f"https://sandbox.example/tasks/{slug}",
            "CLOSED" if task.closed else "OPEN",
            _local(due, zone),
            _local(task.created + 50 * MINUTE, zone) if task.closed else "",
            "AGENT",
            by["id"],
            by["name"],
            self._reference.inboxes[inbox],
            self._reference.inbox_name(inbox),
            *((agent["id"], agent["name"]) if agent else ("", "")),
            task.comments,
        ]


def _local(ms: int, zone: ZoneInfo) -> str:
    """An instant as the wall clock of a zone shows it."""
    return datetime.fromtimestamp(ms // SECOND, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
