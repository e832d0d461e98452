"""The types of all fields that Gladly's documents name, table by table.

Declared, so that no type depends on which record comes first. Where the vendor mixes types a field is text: the gate
writes what is no text as JSON.
"""

from __future__ import annotations

from extractor.model import ColumnType


def _columns(**types: str) -> dict[str, ColumnType]:
    named: dict[str, ColumnType] = {}
    for kind, fields in types.items():
        named |= dict.fromkeys(fields.split(), kind)  # type: ignore[arg-type]
    return named


AGENT = _columns(text="id name emailAddress")
TEAM = _columns(text="id name description")
INBOX = _columns(text="id name", bool="disabled")
TOPIC = _columns(text="id name parentId", bool="disabled")
ORGANIZATION = _columns(text="id loginDomain name timezone gladlyUrl")
AUDIENCE = _columns(text="id name")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BUSINESS_HOURS = _columns(
    text="id name officeHours.timezone officeHours.exceptions[].name officeHours.exceptions[].start"
    " officeHours.exceptions[].stop " + " ".join(f"officeHours.{day}[].start officeHours.{day}[].stop" for day in DAYS),
    bigint="version",
    bool="primary",
    timestamp="createdAt updatedAt",
    json="officeHours.exceptions[].scheduleBlocks",
)
WEBHOOK = _columns(
    text="id name url",
    bool="hasCredentials enabled",
    timestamp="createdAt updatedAt disabledAtDueToRetryLimit",
)
PROFILE = _columns(
    text="""id name image address externalCustomerId emails[].normalized emails[].original phones[].normalized
        phones[].original phones[].extension phones[].regionCode phones[].smsPreference phones[].type""",
    bool="emails[].primary phones[].primary",
    timestamp="createdAt updatedAt",
    # Keys of these maps are the customer's own: as columns they would never end.
    json="externalCustomerIds customAttributes",
)
CONVERSATION = _columns(
    text="id customerId status inboxId agentId customAttributes[].id customAttributes[].value",
    timestamp="createdAt closedAt",
)
ITEM = _columns(
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
TASK = _columns(
    text="id customerId createdBy.id createdBy.type assignee.inboxId assignee.agentId body status",
    timestamp="timestamp dueAt",
)
SCHEDULE = _columns(text="id frequency type", timestamp="nextStartAt updatedAt")
JOB = _columns(text="id scheduleId status parameters.type", timestamp="updatedAt parameters.startAt parameters.endAt")
EVENT = _columns(
    text="""id type initiator.id initiator.type content.contactId content.conversationId content.customerId
        content.agentId content.taskId content.commentId content.paymentRequestId content.channel content.reason
        content.status content.fulfilledType content.transferType content.sourceCustomerId
        content.destinationCustomerId content.sourceConversationId content.destinationConversationId
        content.awayReason.id content.awayReason.name content.activeReason.id content.activeReason.name""",
    timestamp="timestamp content.occurredAt content.awayAt",
    # The state before the event: another shape for every type.
    json="content.context",
)
CONVERSATION_REPORT: dict[str, ColumnType] = {
    **dict.fromkeys(
        (
            "Conversation ID",
            "Customer ID",
            "Conversation Link",
            "Status",
            "Assigned Agent ID - Current",
            "Assigned Agent Name - Current",
            "Inbox ID - Current",
            "Inbox Name - Current",
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
        ),
        "text",
    ),
    **dict.fromkeys(("Created At", "First Closed At", "Last Closed At"), "timestamp"),
}
TASK_REPORT: dict[str, ColumnType] = {
    **dict.fromkeys(("Task ID", "Customer ID", "Status"), "text"),
    **dict.fromkeys(("Created At", "Due At", "Closed At"), "timestamp"),
}
