"""The types of all fields that Gladly's documents name, table by table.

Declared, so that no type depends on which record comes first. Where the vendor mixes types a field is text: the gate
writes what is no text as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from extractor.model import ColumnType
from extractor.vendors._columns import columns

AGENT = columns(text="id name emailAddress")
TEAM = columns(text="id name description")
INBOX = columns(text="id name", bool="disabled")
TOPIC = columns(text="id name parentId", bool="disabled")
ORGANIZATION = columns(text="id loginDomain name timezone gladlyUrl")
AUDIENCE = columns(text="id name")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BUSINESS_HOURS = columns(
    text="id name officeHours.timezone officeHours.exceptions[].name officeHours.exceptions[].start"
    " officeHours.exceptions[].stop " + " ".join(f"officeHours.{day}[].start officeHours.{day}[].stop" for day in DAYS),
    bigint="version",
    bool="primary",
    timestamp="createdAt updatedAt",
    json="officeHours.exceptions[].scheduleBlocks",
)
WEBHOOK = columns(
    text="id name url",
    bool="hasCredentials enabled",
    timestamp="createdAt updatedAt disabledAtDueToRetryLimit",
)
PROFILE = columns(
    text="""id name image address externalCustomerId emails[].normalized emails[].original phones[].normalized
        phones[].original phones[].extension phones[].regionCode phones[].smsPreference phones[].type""",
    bool="emails[].primary phones[].primary",
    timestamp="createdAt updatedAt",
    # Keys of these maps are the customer's own: as columns they would never end.
    json="externalCustomerIds customAttributes",
)
CONVERSATION = columns(
    text="id customerId status inboxId agentId customAttributes[].id customAttributes[].value",
    timestamp="createdAt closedAt",
)
ITEM = columns(
    # `to`, `cc`, `bcc` and `from` are a string in one kind of item and a list in the next; `recordingDuration`
    # is now a number and now text.
    text="""id customerId conversationId sessionId initiator.id initiator.type responder.id responder.type content.type
        content.sessionId content.content content.messageType content.from content.to content.cc content.bcc
        content.subject content.body content.pageId content.userId content.recordingStatus content.recordingUrl
        content.recordingDuration content.recordingSummary.status content.recordingSummary.summary
        content.recordingSummary.language content.customerNumber content.companyNumber content.status content.title
        content.activityType content.sourceName content.link.url content.link.text content.assignee.inboxId
        content.assignee.agentId content.attachments[].id content.attachments[].contentType
        content.attachments[].filename""",
    bigint="content.attachments[].fileSize",
    bool="content.expandByDefault",
    timestamp="""timestamp content.startedAt content.answeredAt content.completedAt content.occurredAt
        content.receivedAt content.dueAt""",
    json="content.messageData",
)
TASK = columns(
    text="id customerId createdBy.id createdBy.type assignee.inboxId assignee.agentId body status",
    timestamp="timestamp dueAt",
)
SCHEDULE = columns(text="id frequency type", timestamp="nextStartAt updatedAt")
JOB = columns(text="id scheduleId status parameters.type", timestamp="updatedAt parameters.startAt parameters.endAt")
EVENT = columns(
    text="""id type initiator.id initiator.type content.contactId content.conversationId content.customerId
        content.agentId content.taskId content.commentId content.paymentRequestId content.channel content.reason
        content.status content.fulfilledType content.transferType content.sourceCustomerId
        content.destinationCustomerId content.sourceConversationId content.destinationConversationId
        content.awayReason.id content.awayReason.name content.activeReason.id content.activeReason.name""",
    timestamp="timestamp content.occurredAt content.awayAt",
    # The state before the event: another shape for every type.
    json="content.context",
)
COMMENT = columns(text="id agentId comment taskId", timestamp="createdAt")
TRANSCRIPT = columns(
    text="item_id customerId language paragraphs[].transcript",
    bigint="numberOfSpeakers paragraphs[].speaker",
    double="paragraphs[].startTime paragraphs[].endTime",
    timestamp="createdAt updatedAt",
)
CUSTOM_ATTRIBUTE = columns(text="id key label createdBy", bool="deactivated", timestamp="createdAt")
ANSWER = columns(text="id name description", timestamp="createdAt updatedAt")
PUBLIC_ANSWER = columns(text="id name bodyHtml language", timestamp="updatedAt")

EXPORT_CUSTOMER = columns(text="id name address externalCustomerId", json="externalCustomerIds")

LISTS: dict[str, tuple[str, Mapping[str, ColumnType]]] = {
    "agents": ("/agents", AGENT),
    "teams": ("/teams", TEAM),
    "inboxes": ("/inboxes", INBOX),
    "topics": ("/topics", TOPIC),
    "audiences": ("/audiences", AUDIENCE),
    "business_hours": ("/business-hours", BUSINESS_HOURS),
    "webhooks": ("/webhooks", WEBHOOK),
    "export_schedules": ("/export/schedules", SCHEDULE),
    "export_jobs": ("/export/jobs", JOB),
}
"""Lists that are one request: path and types."""

# Columns of reports have the names of the header, blanks included.
CONVERSATION_REPORT = columns(
    ",",
    text="""Conversation ID, Customer ID, Conversation Link, Status, Assigned Agent ID - Current,
        Assigned Agent Name - Current, Inbox ID - Current, Inbox Name - Current, Initiator Type - Created,
        Initiator Agent ID - Created, Initiator Agent Name - Created, Inbox ID - Created, Inbox Name - Created,
        Assigned Agent ID - Created, Topics, Topics with Hierarchy, First Contact ID, First Channel, Last Channel,
        Created-to-First Closed Time, Created-to-Last Closed Time, Conversation Handle Time""",
    timestamp="Created At, First Closed At, Last Closed At",
)
TASK_REPORT = columns(",", text="Task ID, Customer ID, Status", timestamp="Created At, Due At, Closed At")
TIMESTAMPS_REPORT = columns(
    ",",
    text="""Timezone Filter, Event Type, Conversation ID, Customer ID, Initiator Type, Initiator ID,
        Initiator Agent Name, Assigned Inbox ID, Assigned Inbox Name, Assigned Agent ID, Assigned Agent Name, Topic ID,
        Topic Name, Newly Assigned Inbox ID, Newly Assigned Inbox Name, Newly Assigned Agent ID,
        Newly Assigned Agent Name, Assignment Update Reason, Merged Customer ID, Merged Conversation ID""",
    timestamp="Timestamp",
)
CONTACT_REPORT = columns(
    ",",
    text="""Customer ID, Conversation ID, Contact ID, Channel, Direction, Contact Initiator, Entry Point,
        Final IVR Selection""",
    timestamp="Queued At",
)
WORK_SESSION_EVENTS = columns(
    text="""id contact_session_id customer_id conversation_id inbox_id channel direction agent_id status within_sla
        accepted_inbox_id""",
    double="work_session_handle_time_sec work_session_after_contact_time_sec work_session_unknown_time_sec",
    timestamp="""contact_session_created_at agent_accepted_at contact_session_routed_at sla_fulfilled_at
        contact_session_ended_at""",
)
