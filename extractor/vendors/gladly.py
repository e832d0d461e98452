"""Gladly, REST API v1: customers, their conversations and tasks, the items of conversations.

Paths, caps, orders and the report columns are those of the vendor's OpenAPI document and help pages as
read in 2026; limits and header names too (10 requests a second for the whole organisation, reports 10 a
minute and 2 at once). There is no list of customers, conversations or tasks: parents come from two
reports, the export files of the last 14 days and the events of the last 24 hours. Lists have no pages
but caps, betrayed by `Gladly-Limited-Data`.

Where the seed document differs, the vendor's own wins: `/topics` is an array, `/customer-profiles`
is a search and not a list, the user name is needed beside the token, header names have no blanks.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial

from extractor.model import (
    Afterwards,
    Cap,
    Children,
    ColumnType,
    Endpoint,
    Listing,
    Missing,
    Records,
    RollingWindow,
    Setting,
    StatedSecond,
    Vendor,
    Windows,
)
from extractor.paginate import split_by, split_by_field
from extractor.reshape import with_key
from extractor.vendors import _gladly_columns as columns
from extractor.vendors import _gladly_records as records

# ── what is odd about this vendor ───────────────────────────────────────────────────────────


def _basic(settings: Mapping[str, str]) -> dict[str, str]:
    pair = f"{settings['username']}:{settings['password']}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def _metrics(metric_set: str) -> Callable[[date, date, str], records.Record]:
    def ask(start: date, end: date, _: str) -> records.Record:
        # The last day is included, and without `timezone` the organisation's own would shift every time stamp.
        last = end - timedelta(days=1)
        return {"metricSet": metric_set, "timezone": "UTC", "startAt": start.isoformat(), "endAt": last.isoformat()}

    return ask


def _minutes(start: date, end: date, _: str) -> records.Record:
    # Here the last minute is included.
    return {"startAtTime": f"{start}T00:00Z", "endAtTime": f"{end - timedelta(days=1)}T23:59Z"}


def _last_day(_: Listing) -> tuple[tuple[str, str], ...]:
    # Older than 24 hours is refused; half a minute is left for retries.
    start = datetime.now(UTC) - timedelta(hours=24) + timedelta(seconds=30)
    return (("startAt", start.strftime("%Y-%m-%dT%H:%M:%S.000Z")), *(("entities", one) for one in _ENTITIES))


_ENTITIES = (
    *("AGENT_AVAILABILITY", "AGENT_STATUS", "CONTACT", "CONVERSATION"),
    *("CUSTOMER", "CUSTOMER_PROFILE", "PAYMENT_REQUEST", "TASK"),
)


# ── endpoints of equal form ─────────────────────────────────────────────────────────────────


def _each(endpoint: str, key: str | Callable[[records.Record], tuple[str, ...]] = "id", **fields: str) -> Children:
    return Children(endpoint=endpoint, key=key, fields=fields)


def _days(metric_set: str, days: int = 365) -> Windows:
    return _windows(_metrics(metric_set), days)


def _windows(ask: Callable[[date, date, str], records.Record], days: int = 365) -> Windows:
    # Rows stop without a word at about 100,000; whatever comes near is taken for cut off.
    return Windows(days=days, empty=-(-365 // days), near=95_000, body=ask)


def _file(name: str, file: str, types: Mapping[str, ColumnType]) -> Endpoint:
    return _large(
        name=name,
        path=f"/export/jobs/{{key}}/files/{file}",
        # Of the same record in several files the one that is loaded last stays: the newest job's.
        parents=(Children(endpoint="export_jobs", key=records.completed_with(file), oldest_first="updatedAt"),),
        columns=types,
        note="the last 14 days only; the same records as elsewhere, as they were at the date of their job",
    )


def _capped(size: int, completed_by: str = "", known_from: str = "") -> Cap:
    key_field = "customer" if completed_by else ""
    return Cap(
        size=size, header="gladly-limited-data", completed_by=completed_by, known_from=known_from, key_field=key_field
    )


_LINES = Records(shape="lines")
_ONE = Records(shape="object")
_CUSTOMERS = (
    _each("report_conversation_export", "Customer ID"),
    _each("report_task_export", "Customer ID"),
    _each("export_customers"),
    _each("export_conversation_items", "customerId"),
    _each("events", records.customers_of_event),
    _each("customers_by_email"),
    _each("customers_by_phone"),
)
_of_customer = partial(Endpoint, parents=_CUSTOMERS, moved=(301,), moved_to=records.merged_into, gone=(404,))
_single = partial(Endpoint, records=_ONE, default=False, gone=(404,))
_report = partial(Endpoint, path="/reports", method="POST", budgets=("requests", "reports"), download=True, timeout=300)
_long_report = partial(_report, default=False, note="many rows for each conversation, at 10 reports a minute")
_large = partial(
    Endpoint, records=_LINES, default=False, budgets=("files", "requests"), download=True, timeout=900, gone=(404,)
)
# A search is cut off, too, and no document says that a header tells: a full one is then suspected.
_search = partial(
    Endpoint, path="/customer-profiles", table="customer_profiles", cap=_capped(50), columns=columns.PROFILE
)
_BY_ID = "asked for by a backfill only where the customer's list lacks it"

# ── the vendor ──────────────────────────────────────────────────────────────────────────────

VENDOR = Vendor(
    name="gladly",
    title="Gladly: customers, conversations, items and tasks (REST API v1)",
    base_url="https://{organization}.gladly.com/api/v1",
    settings=(
        Setting(name="organization", help="the first part of your Gladly host name, https://ORGANIZATION.gladly.com"),
        Setting(name="username", help="e-mail address of the Gladly user who owns the API token"),
        Setting(name="password", help="the API token", secret=True),
    ),
    account="organization",
    headers=_basic,
    budgets={
        "requests": StatedSecond(
            limit=10, limit_header="ratelimit-limit-second", remaining_header="ratelimit-remaining-second"
        ),
        "reports": RollingWindow(limit=10, seconds=60, at_once=2),
        # No limit of the vendor's: several files hold the same record, and that of the newest job must come last.
        "files": RollingWindow(limit=10, seconds=1, at_once=1),
    },
    ids={
        "id": ("customer_profiles", "conversations", "tasks"),
        "email": ("customers_by_email",),
        "phone": ("customers_by_phone",),
    },
    endpoints=(
        Endpoint(name="organization", path="/organization", records=_ONE, columns=columns.ORGANIZATION),
        *(Endpoint(name=name, path=path, columns=types) for name, (path, types) in columns.LISTS.items()),
        Endpoint(
            name="events",
            path="/events",
            params=_last_day,
            records=_LINES,
            columns=columns.EVENT,
            download=True,
            timeout=300,
        ),
        _report(
            name="report_conversation_export",
            key=("Conversation ID",),
            windows=_days("ConversationExportReport"),
            records=Records(shape="csv", needs=("Conversation ID", "Customer ID")),
            columns=columns.CONVERSATION_REPORT,
        ),
        _report(
            name="report_task_export",
            key=("Task ID",),
            windows=_days("TaskExportReport"),
            records=Records(shape="csv", needs=("Task ID", "Customer ID")),
            columns=columns.TASK_REPORT,
        ),
        _long_report(
            name="report_conversation_timestamps",
            key=(),  # no column tells two events of one conversation in one second apart
            windows=_days("ConversationTimestampsReport", 91),
            records=Records(shape="csv", needs=("Timestamp", "Event Type", "Conversation ID")),
            columns=columns.TIMESTAMPS_REPORT,
        ),
        _long_report(
            name="report_contact_export",
            key=("Contact ID",),
            windows=_days("ContactExportReportV3"),
            records=Records(shape="csv", needs=("Contact ID", "Customer ID")),
            columns=columns.CONTACT_REPORT,
        ),
        _long_report(
            name="report_work_session_events",
            path="/reports/work-session-events",
            key=("contact_session_id", "agent_id"),
            windows=_windows(_minutes),
            records=Records(shape="csv", needs=("contact_session_id", "agent_id")),
            row=records.nobody_yet,
            columns=columns.WORK_SESSION_EVENTS,
        ),
        _single(
            name="agents_get",
            path="/agents/{key}",
            table="agents",
            parents=(_each("agents"),),
            columns=columns.AGENT,
            note="the list of agents holds the same records",
        ),
        Endpoint(
            name="public_answers",
            path="/orgs/{key}/answers",
            parents=(_each("organization"),),
            cap=_capped(1000),
            columns=columns.PUBLIC_ANSWER,
            default=False,
            note="texts of the help centre, in the organisation's own language",
            gone=(404,),
        ),
        _single(
            name="answers",
            path="/answers/{key}",
            parents=(_each("public_answers"),),
            columns=columns.ANSWER,
            note="public answers only: nothing names the internal ones",
        ),
        _file("export_agents", "agents.jsonl", columns.AGENT),
        _file("export_topics", "topics.jsonl", columns.TOPIC),
        _file("export_customers", "customers.jsonl", columns.EXPORT_CUSTOMER),
        _file("export_conversation_items", "conversation_items.jsonl", columns.ITEM),
        _search(
            name="customers_by_email",
            params=lambda listing: (("email", listing.key),),
            note="for --ids with a column `email`",
        ),
        _search(
            name="customers_by_phone",
            params=lambda listing: (("phoneNumber", listing.key),),
            note="for --ids with a column `phone`",
        ),
        _of_customer(
            name="customer_profiles",
            path="/customer-profiles/{key}",
            aliases=("customer_profile",),
            records=_ONE,
            columns=columns.PROFILE,
        ),
        _of_customer(
            name="tasks",
            path="/customers/{key}/tasks",
            cap=_capped(2000, completed_by="task", known_from="report_task_export"),
            paginate=split_by("status", ("OPEN", "CLOSED")),
            columns=columns.TASK,
        ),
        _of_customer(
            name="conversations",
            path="/customers/{key}/conversations",
            aliases=("conversations_for_customer",),
            cap=_capped(100, completed_by="conversation", known_from="report_conversation_export"),
            columns=columns.CONVERSATION,
        ),
        _single(
            name="task",
            path="/tasks/{key}",
            table="tasks",
            parents=(
                _each("report_task_export", "Task ID", customer="Customer ID"),
                _each("events", "content.taskId", customer="content.customerId"),
            ),
            held=Missing(delivered_by="tasks"),
            columns=columns.TASK,
            note=_BY_ID,
        ),
        Endpoint(
            name="task_comments",
            path="/tasks/{key}/comments",
            parents=(_each("tasks"), _each("task")),
            cap=_capped(1000),
            columns=columns.COMMENT,
            default=False,
            note="one request for each task, most of which have no comment",
            gone=(404,),
        ),
        _single(
            name="conversation",
            path="/conversations/{key}",
            table="conversations",
            parents=(
                _each("report_conversation_export", "Conversation ID", customer="Customer ID"),
                _each("export_conversation_items", "conversationId", customer="customerId"),
                _each("events", "content.conversationId", customer="content.customerId"),
            ),
            held=Missing(delivered_by="conversations"),
            columns=columns.CONVERSATION,
            note=_BY_ID,
        ),
        _single(
            name="custom_attributes",
            path="/custom-attributes/{key}",
            parents=(_each("conversations", records.attributes), _each("conversation", records.attributes)),
            columns=columns.CUSTOM_ATTRIBUTE,
            note="only those that a conversation has: there is no list",
        ),
        Endpoint(
            name="conversation_items",
            path="/conversations/{key}/items",
            parents=(_each("conversations"), _each("conversation")),
            cap=_capped(1000),
            paginate=split_by_field("sessionId", ("sessionId", "content.sessionId")),
            columns=columns.ITEM,
            gone=(404,),
        ),
        _single(
            name="voice_transcripts",
            path="/conversation-items/{key}/voice-transcript",
            key=("item_id",),
            row=with_key("item_id"),
            parents=(_each("conversation_items", records.recorded),),
            columns=columns.TRANSCRIPT,
            note="one request for each recorded call or voicemail",
        ),
        _large(
            name="conversation_items_exported",
            path="/export/jobs/{key}/files/conversation_items.jsonl",
            table="conversation_items",
            keep=records.only_here,
            parents=(_each("export_jobs", records.completed_with("conversation_items.jsonl")),),
            held=Afterwards(truncated="conversation_items"),
            columns=columns.ITEM,
            note="items outside conversations and of capped ones, from the export files of the last 14 days",
        ),
        _single(
            name="conversation_item",
            path="/conversation-items/{key}",
            table="conversation_items",
            parents=(_each("export_conversation_items"),),
            columns=columns.ITEM,
            note="the conversation's list of items holds the same records",
        ),
    ),
)
