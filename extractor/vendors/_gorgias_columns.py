"""The types of all fields that Gorgias's documents name, table by table.

Declared, so that no type depends on which record comes first. `meta`, `data` and their like have keys that customers,
apps and mail servers choose: as columns they would never end, so they stay JSON. A field that is text in one record and
something else in the next is text: the gate writes what is no text as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from extractor.model import ColumnType
from extractor.vendors._columns import columns


def _below(path: str, columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    return {f"{path}.{name}": kind for name, kind in columns.items()}


ACCOUNT = columns(
    text="domain status.status current_subscription.plan current_subscription.status settings[].type",
    bigint="settings[].id",
    timestamp="created_datetime current_subscription.start_datetime",
    json="meta settings[].data",
)
SETTING = columns(bigint="id", text="type", json="data")
USER = columns(
    bigint="id",
    text="uri bio country email external_id firstname lastname name language timezone role.name",
    bool="active has_password has_2fa_enabled",
    timestamp="created_datetime updated_datetime deactivated_datetime",
    json="meta",
)
TEAM = columns(
    bigint="id members[].id",
    text="uri name description members[].name members[].email",
    timestamp="created_datetime",
    json="decoration members[].meta",
)
TAG = columns(
    bigint="id usage",
    text="uri name description",
    timestamp="created_datetime deleted_datetime",
    json="decoration",
)
MACRO = columns(
    bigint="id usage",
    text="uri external_id name intent language actions[].name actions[].type actions[].title",
    timestamp="created_datetime updated_datetime archived_datetime",
    # What an action takes depends on the action.
    json="actions[].arguments",
)
VIEW = columns(
    bigint="id",
    text="uri name slug category type visibility order_by order_dir filters fields[] search",
    timestamp="created_datetime deactivated_datetime",
    json="decoration shared_with_users shared_with_teams",
)
RULE = columns(
    bigint="id priority",
    text="uri name description code event_types",
    timestamp="created_datetime updated_datetime deactivated_datetime",
    # A syntax tree: as columns it would need thousands.
    json="code_ast settings",
)
INTEGRATION = columns(
    bigint="id",
    # `form` is a template as text, or the object that it makes.
    text="uri type name description application_id http.url http.method http.form",
    timestamp="created_datetime updated_datetime deactivated_datetime locked_datetime deleted_datetime",
    json="user meta http.headers decoration",
)
JOB = columns(
    bigint="id",
    text="uri type status",
    timestamp="scheduled_datetime created_datetime started_datetime ended_datetime",
    json="params info meta",
)
WIDGET = columns(
    bigint="id integration_id order",
    text="uri type context app_id",
    timestamp="created_datetime updated_datetime deactivated_datetime",
    json="template",
)
CUSTOM_FIELD = columns(
    bigint="id priority",
    text="object_type label description managed_type requirement_type external_id",
    bool="required",
    timestamp="created_datetime updated_datetime deactivated_datetime",
    json="definition",
)
EVENT = columns(
    bigint="id object_id user_id",
    text="uri type object_type context",
    timestamp="created_datetime",
    json="data",
)
SURVEY = columns(
    bigint="id ticket_id customer_id score",
    text="uri body_text",
    timestamp="created_datetime should_send_datetime sent_datetime scored_datetime",
    json="meta",
)
VOICE_CALL = columns(
    bigint="""id integration_id ticket_id phone_number_id duration initiated_by_agent_id last_answered_by_agent_id
        customer_id""",
    text="""external_id provider status direction phone_number_source phone_number_destination country_source
        country_destination""",
    bool="has_voicemail has_call_recording",
    timestamp="started_datetime created_datetime updated_datetime",
)
VOICE_CALL_EVENT = columns(
    bigint="id account_id call_id user_id customer_id",
    text="type",
    timestamp="created_datetime",
    json="meta",
)
VOICE_CALL_RECORDING = columns(
    bigint="id call_id duration deleted_by_user_id",
    text="external_id url type error_code",
    timestamp="created_datetime deleted_datetime",
)

_CUSTOMER_IN_SHORT = columns(bigint="id", text="email name firstname lastname", json="meta")
_USER_IN_SHORT = _CUSTOMER_IN_SHORT | columns(text="bio")
_CHANNEL = columns(
    bigint="id",
    text="type address",
    bool="preferred",
    timestamp="created_datetime updated_datetime deleted_datetime",
    json="user customer",
)
CUSTOMER = columns(
    bigint="id",
    text="external_id email name firstname lastname language timezone note",
    bool="active",
    timestamp="created_datetime updated_datetime",
    json="meta data custom_fields",
)
CUSTOMER_DETAIL = {
    **CUSTOMER,
    **_below("channels[]", _CHANNEL),
    **columns(json="integrations external_data ecommerce_data"),
}
TICKET = {
    **columns(
        bigint="id messages_count assignee_team.id tags[].id",
        text="""uri external_id language status priority channel via subject excerpt assignee_team.name
            integrations[].name integrations[].address integrations[].type tags[].name""",
        bool="from_agent is_unread spam",
        timestamp="""created_datetime opened_datetime last_received_message_datetime last_message_datetime
            updated_datetime closed_datetime snooze_datetime trashed_datetime""",
        # `events` was announced to go in 2023 and comes empty, if it comes.
        json="meta custom_fields events assignee_team.decoration tags[].decoration",
    ),
    **_below("customer", _CUSTOMER_IN_SHORT),
    **_below("assignee_user", _USER_IN_SHORT),
}
TICKET_DETAIL = {
    **TICKET,
    **_below("customer.channels[]", _CHANNEL),
    **_below("satisfaction_survey", SURVEY),
    # Messages are rows of a table of their own; the requester is the customer once more.
    **columns(json="messages requester reply_options"),
}
MESSAGE = {
    **columns(
        bigint="id ticket_id integration_id rule_id attachments[].size macros[].id",
        text="""uri message_id external_id channel via subject body_text body_html stripped_text stripped_html
            stripped_signature last_sending_error.error source.type intents[].name attachments[].url attachments[].name
            attachments[].content_type actions[].name actions[].type actions[].title actions[].status """
        + " ".join(f"source.{end}.name source.{end}.address" for end in ("from", "to[]", "cc[]", "bcc[]")),
        bool="public from_agent is_retriable intents[].is_user_feedback attachments[].public",
        timestamp="created_datetime sent_datetime failed_datetime deleted_datetime opened_datetime",
        json="headers meta source.extra attachments[].extra actions[].arguments replied_by replied_to",
    ),
    # An agent or a customer.
    **_below("sender", _USER_IN_SHORT),
    **_below("receiver", _USER_IN_SHORT),
}
VIEW_ITEM = TICKET | columns(bigint="view_id")
TICKET_TAG = TAG | columns(bigint="ticket_id")
TICKET_CUSTOM_FIELD = {
    **columns(bigint="ticket_id field_id", text="value", json="prediction"),
    **_below("field", CUSTOM_FIELD),
}
CUSTOMER_CUSTOM_FIELD = {
    **columns(bigint="customer_id field_id", text="value", json="prediction"),
    **_below("field", CUSTOM_FIELD),
}
