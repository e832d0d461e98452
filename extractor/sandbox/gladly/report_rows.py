"""Columns and rows of the reports."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import Conversation, Customer, Part, Population
from extractor.sandbox.gladly.records import Records
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.stamps import DAY, MINUTE, SECOND

__all__ = ["COLUMNS", "LONGEST_SPAN", "TASKS", "TIMESTAMPS", "ReportRows"]

TASKS, TIMESTAMPS = "TaskExportReport", "ConversationTimestampsReport"

LONGEST_SPAN = 7 * DAY
"""Of a conversation whose closing a report knows of: all but those of the long kind."""

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
    TASKS: (
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
    TIMESTAMPS: (
        "Timezone Filter",
        "Timestamp",
        "Event Type",
        "Conversation ID",
        "Customer ID",
        "Initiator Type",
        "Initiator ID",
        "Initiator Agent Name",
        "Assigned Inbox ID",
        "Assigned Inbox Name",
        "Assigned Agent ID",
        "Assigned Agent Name",
        "Assignment Update Reason",
        "Merged Customer ID",
        "Merged Conversation ID",
    ),
    "ContactExportReportV3": (
        "Queued At",
        "Customer ID",
        "Conversation ID",
        "Contact ID",
        "Contact Link",
        "Channel",
        "Direction",
        "Contact Initiator",
        "Entry Point",
        "Final IVR Selection",
    ),
}
Row = list[object]


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

    def conversation(self, i: int, j: int, zone: ZoneInfo) -> Row:
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
            _link(self._ids.customer(i), slug),
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

    def events(self, i: int, j: int, span: tuple[int, int], zone: ZoneInfo) -> list[Row]:
        """What happened to conversation j of customer i in a span of milliseconds: its creation, its closing."""
        who = self._population.customer(i)
        talk = self._population.conversation(who, j)
        details = self._records.details(talk)
        inbox = (self._reference.inboxes[details.inbox], self._reference.inbox_name(details.inbox))
        agent = (details.agent["id"], details.agent["name"]) if details.agent else ("", "")
        customer, slug = self.reported_customer(who, talk), self._ids.conversation(i, j)
        happened = [(talk.created, "CONVERSATION/CREATED", "CUSTOMER", customer, "")]
        if not talk.open and talk.span <= LONGEST_SPAN:
            happened.append((talk.created + talk.span, "CONVERSATION/CLOSED", "APPLICATION", "automation", ""))
        start, end = span
        return [
            [zone.key, _local(at, zone), kind, slug, customer, *by, *inbox, *agent, "", "", ""]
            for at, kind, *by in happened
            if start <= at < end
        ]

    def contact(self, i: int, j: int, zone: ZoneInfo) -> Row:
        """The row of the contact that began conversation j of customer i."""
        who = self._population.customer(i)
        talk = self._population.conversation(who, j)
        slug, contact = self._ids.conversation(i, j), self._ids.write(Kind.CONTACT, i, j)
        customer = self.reported_customer(who, talk)
        queued, link = _local(talk.created, zone), _link(customer, slug)
        return [queued, customer, slug, contact, link, talk.channel, "INBOUND", "CUSTOMER", "Main, 24/7", ""]

    def reported_customer(self, who: Customer, talk: Conversation) -> str:
        """The customer id in a row: the one that the customer had when the row was written."""
        if talk.lost or (who.part is Part.MERGED_TWICE and talk.j > 0):
            return self._ids.write(Kind.FORMER, who.i, 0)
        if who.former and talk.j == 0:
            return self._ids.write(Kind.FORMER, who.i, who.former - 1)
        return self._ids.customer(who.i)

    def task(self, i: int, t: int, zone: ZoneInfo) -> Row:
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


def _link(customer: str, slug: str) -> str:
    return f"https://sandbox.example/customers/{customer}/conversation/{slug}"


def _local(ms: int, zone: ZoneInfo) -> str:
    """An instant as the wall clock of a zone shows it."""
    return datetime.fromtimestamp(ms // SECOND, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
