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
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import orjson

from extractor.model import (
    Afterwards,
    Cap,
    Children,
    Endpoint,
    Listing,
    Missing,
    Records,
    Response,
    RollingWindow,
    Setting,
    StatedSecond,
    Vendor,
    Windows,
)
from extractor.paginate import split_by, split_by_field
from extractor.vendors import _gladly_columns as columns

# ── what is odd about this vendor ───────────────────────────────────────────────────────────


def _basic(settings: Mapping[str, str]) -> dict[str, str]:
    pair = f"{settings['username']}:{settings['password']}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def _report(metric_set: str) -> Windows:
    def ask(start: date, end: date) -> dict[str, object]:
        # The last day is included, and without `timezone` the organisation's own would shift every time stamp.
        last = end - timedelta(days=1)
        return {
            "metricSet": metric_set,
            "timezone": "UTC",
            "startAt": start.isoformat(),
            "endAt": last.isoformat(),
        }

    # Rows stop without a word at about 100,000; whatever comes near is taken for cut off.
    return Windows(days=365, near=95_000, ask=ask)


def _last_day(_: Listing) -> tuple[tuple[str, str], ...]:
    # Older than 24 hours is refused; half a minute is left for retries.
    start = datetime.now(UTC) - timedelta(hours=24) + timedelta(seconds=30)
    entities = (
        "AGENT_AVAILABILITY",
        "AGENT_STATUS",
        "CONTACT",
        "CONVERSATION",
        "CUSTOMER",
        "CUSTOMER_PROFILE",
        "PAYMENT_REQUEST",
        "TASK",
    )
    return (
        ("startAt", start.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
        *(("entities", entity) for entity in entities),
    )


def _customers_of_event(record: Mapping[str, object]) -> tuple[str, ...]:
    # A merge names two customers; the one that is left holds both.
    content = record.get("content")
    if not isinstance(content, Mapping):
        return ()
    named = (content.get("customerId"), content.get("destinationCustomerId"))
    return tuple(value for value in named if isinstance(value, str) and value)


def _merged_into(response: Response) -> str | None:
    # 301 comes without Location; `errors` is a list in most answers and one object in some.
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None
    errors = body.get("errors") if isinstance(body, dict) else body
    for error in errors if isinstance(errors, list) else [errors]:
        meta = error.get("meta") if isinstance(error, dict) else None
        if isinstance(meta, dict) and isinstance(meta.get("new"), str):
            return str(meta["new"])
    return None


def _has_file(name: str) -> Children:
    def jobs(record: Mapping[str, object]) -> tuple[str, ...]:
        files, job = record.get("files"), record.get("id")
        listed = isinstance(files, list) and name in files and record.get("status") == "COMPLETED"
        return (job,) if listed and isinstance(job, str) else ()

    return Children(endpoint="export_jobs", key=jobs)


def _only_here(record: Mapping[str, object], fields: Mapping[str, str]) -> bool:
    # Items outside conversations are in no list; those of capped conversations are in no other.
    conversation = record.get("conversationId")
    if not conversation:
        return True
    return isinstance(conversation, str) and conversation in _keys(fields.get("truncated", "[]"))


@lru_cache(maxsize=1)
def _keys(listed: str) -> frozenset[str]:
    # The same long list comes with every line of a file.
    return frozenset(orjson.loads(listed))


# ── endpoints ───────────────────────────────────────────────────────────────────────────────

_ONE = Records(shape="object")
_LINES = Records(shape="lines")
_LIMITED = "gladly-limited-data"
# A search is cut off, too, and no document says that a header tells: a full one is then suspected.
_FOUND = Cap(size=50, header=_LIMITED)

_CUSTOMERS = (
    Children(endpoint="report_conversation_export", key="Customer ID"),
    Children(endpoint="report_task_export", key="Customer ID"),
    Children(endpoint="export_customers", key="id"),
    Children(endpoint="export_conversation_items", key="customerId"),
    Children(endpoint="events", key=_customers_of_event),
    Children(endpoint="customers_by_email", key="id"),
    Children(endpoint="customers_by_phone", key="id"),
)

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
            limit=10,
            limit_header="ratelimit-limit-second",
            remaining_header="ratelimit-remaining-second",
        ),
        "reports": RollingWindow(limit=10, seconds=60, at_once=2),
    },
    ids={
        "id": ("customer_profiles", "conversations", "tasks"),
        "email": ("customers_by_email",),
        "phone": ("customers_by_phone",),
    },
    endpoints=(
        Endpoint(name="organization", path="/organization", records=_ONE, columns=columns.ORGANIZATION),
        Endpoint(name="agents", path="/agents", columns=columns.AGENT),
        Endpoint(name="teams", path="/teams", columns=columns.TEAM),
        Endpoint(name="inboxes", path="/inboxes", columns=columns.INBOX),
        Endpoint(name="topics", path="/topics", columns=columns.TOPIC),
        Endpoint(name="audiences", path="/audiences", columns=columns.AUDIENCE),
        Endpoint(name="business_hours", path="/business-hours", columns=columns.BUSINESS_HOURS),
        Endpoint(name="webhooks", path="/webhooks", columns=columns.WEBHOOK),
        Endpoint(name="export_schedules", path="/export/schedules", columns=columns.SCHEDULE),
        Endpoint(name="export_jobs", path="/export/jobs", columns=columns.JOB),
        Endpoint(
            name="events",
            path="/events",
            params=_last_day,
            records=_LINES,
            columns=columns.EVENT,
            download=True,
            timeout=300,
        ),
        Endpoint(
            name="report_conversation_export",
            path="/reports",
            method="POST",
            key=("Conversation ID",),
            windows=_report("ConversationExportReport"),
            records=Records(shape="csv", needs=("Conversation ID", "Customer ID")),
            columns=columns.CONVERSATION_REPORT,
            budgets=("requests", "reports"),
            download=True,
            timeout=300,
        ),
        Endpoint(
            name="report_task_export",
            path="/reports",
            method="POST",
            key=("Task ID",),
            windows=_report("TaskExportReport"),
            records=Records(shape="csv", needs=("Task ID", "Customer ID")),
            columns=columns.TASK_REPORT,
            budgets=("requests", "reports"),
            download=True,
            timeout=300,
        ),
        Endpoint(
            name="agents_get",
            path="/agents/{key}",
            table="agents",
            records=_ONE,
            parents=(Children(endpoint="agents", key="id"),),
            columns=columns.AGENT,
            default=False,
            note="the list of agents holds the same records",
            gone=(404,),
        ),
        Endpoint(
            name="export_customers",
            path="/export/jobs/{key}/files/customers.jsonl",
            records=_LINES,
            parents=(_has_file("customers.jsonl"),),
            ids_only=True,
            download=True,
            timeout=900,
            gone=(404,),
        ),
        Endpoint(
            name="export_conversation_items",
            path="/export/jobs/{key}/files/conversation_items.jsonl",
            records=_LINES,
            parents=(_has_file("conversation_items.jsonl"),),
            ids_only=True,
            download=True,
            timeout=900,
            gone=(404,),
        ),
        Endpoint(
            name="customers_by_email",
            path="/customer-profiles",
            params=lambda listing: (("email", listing.key),),
            table="customer_profiles",
            cap=_FOUND,
            columns=columns.PROFILE,
            note="for --ids with a column `email`",
        ),
        Endpoint(
            name="customers_by_phone",
            path="/customer-profiles",
            params=lambda listing: (("phoneNumber", listing.key),),
            table="customer_profiles",
            cap=_FOUND,
            columns=columns.PROFILE,
            note="for --ids with a column `phone`",
        ),
        Endpoint(
            name="customer_profiles",
            path="/customer-profiles/{key}",
            aliases=("customer_profile",),
            records=_ONE,
            parents=_CUSTOMERS,
            moved=(301,),
            moved_to=_merged_into,
            columns=columns.PROFILE,
            gone=(404,),
        ),
        Endpoint(
            name="tasks",
            path="/customers/{key}/tasks",
            parents=_CUSTOMERS,
            cap=Cap(
                size=2000, header=_LIMITED, completed_by="task", known_from="report_task_export", key_field="customer"
            ),
            paginate=split_by("status", ("OPEN", "CLOSED")),
            moved=(301,),
            moved_to=_merged_into,
            columns=columns.TASK,
            gone=(404,),
        ),
        Endpoint(
            name="conversations",
            path="/customers/{key}/conversations",
            aliases=("conversations_for_customer",),
            parents=_CUSTOMERS,
            cap=Cap(
                size=100,
                header=_LIMITED,
                completed_by="conversation",
                known_from="report_conversation_export",
                key_field="customer",
            ),
            moved=(301,),
            moved_to=_merged_into,
            columns=columns.CONVERSATION,
            gone=(404,),
        ),
        Endpoint(
            name="task",
            path="/tasks/{key}",
            table="tasks",
            records=_ONE,
            parents=(
                Children(endpoint="report_task_export", key="Task ID", fields={"customer": "Customer ID"}),
                Children(endpoint="events", key="content.taskId", fields={"customer": "content.customerId"}),
            ),
            held=Missing(delivered_by="tasks"),
            columns=columns.TASK,
            default=False,
            note="asked for by a backfill only where the customer's list lacks it",
            gone=(404,),
        ),
        Endpoint(
            name="conversation",
            path="/conversations/{key}",
            table="conversations",
            records=_ONE,
            parents=(
                Children(
                    endpoint="report_conversation_export", key="Conversation ID", fields={"customer": "Customer ID"}
                ),
                Children(endpoint="export_conversation_items", key="conversationId", fields={"customer": "customerId"}),
                Children(endpoint="events", key="content.conversationId", fields={"customer": "content.customerId"}),
            ),
            held=Missing(delivered_by="conversations"),
            columns=columns.CONVERSATION,
            default=False,
            note="asked for by a backfill only where the customer's list lacks it",
            gone=(404,),
        ),
        Endpoint(
            name="conversation_items",
            path="/conversations/{key}/items",
            parents=(
                Children(endpoint="conversations", key="id"),
                Children(endpoint="conversation", key="id"),
            ),
            cap=Cap(size=1000, header=_LIMITED),
            paginate=split_by_field("sessionId", ("sessionId", "content.sessionId")),
            columns=columns.ITEM,
            gone=(404,),
        ),
        Endpoint(
            name="conversation_items_exported",
            path="/export/jobs/{key}/files/conversation_items.jsonl",
            table="conversation_items",
            records=_LINES,
            keep=_only_here,
            parents=(_has_file("conversation_items.jsonl"),),
            held=Afterwards(truncated="conversation_items"),
            columns=columns.ITEM,
            default=False,
            note="items outside conversations and of capped ones, from the export files of the last 14 days",
            download=True,
            timeout=900,
            gone=(404,),
        ),
        Endpoint(
            name="conversation_item",
            path="/conversation-items/{key}",
            table="conversation_items",
            records=_ONE,
            parents=(Children(endpoint="export_conversation_items", key="id"),),
            columns=columns.ITEM,
            default=False,
            note="the conversation's list of items holds the same records",
            gone=(404,),
        ),
    ),
)
