"""The vendor file as data: it fits together, and says what the vendor's documents say."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.model import (
    Afterwards,
    Children,
    ColumnType,
    Endpoint,
    Listing,
    Missing,
    Response,
    RollingWindow,
    StatedSecond,
)
from extractor.selection import select
from extractor.vendors import _gladly_records, load
from extractor.vendors.gladly import VENDOR

ENDPOINTS = {endpoint.name: endpoint for endpoint in VENDOR.endpoints}
ORDER = {endpoint.name: place for place, endpoint in enumerate(VENDOR.endpoints)}

LOADED: dict[str, tuple[str, ...]] = {
    "agents": ("id",),
    "teams": ("id",),
    "inboxes": ("id",),
    "topics": ("id",),
    "audiences": ("id",),
    "business_hours": ("id",),
    "webhooks": ("id",),
    "organization": ("id",),
    "customer_profiles": ("id",),
    "conversations": ("id",),
    "conversation_items": ("id",),
    "tasks": ("id",),
    "events": ("id",),
    "export_schedules": ("id",),
    "export_jobs": ("id",),
    "report_conversation_export": ("Conversation ID",),
    "report_task_export": ("Task ID",),
}
"""Tables of a plain backfill, and the fields of their keys."""

NAMED: dict[str, tuple[str, ...]] = {
    "task_comments": ("id",),
    "voice_transcripts": ("item_id",),
    "custom_attributes": ("id",),
    "public_answers": ("id",),
    "answers": ("id",),
    "export_agents": ("id",),
    "export_topics": ("id",),
    "export_customers": ("id",),
    "export_conversation_items": ("id",),
    "report_conversation_timestamps": (),
    "report_contact_export": ("Contact ID",),
    "report_work_session_events": ("contact_session_id", "agent_id"),
}
"""Tables that are loaded when they are named; one has no key."""

SEED = (
    "agents",
    "agents_get",
    "conversations_for_customer",
    "conversation",
    "conversation_items",
    "conversation_item",
    "customer_profiles",
    "customer_profile",
    "topics",
    "teams",
    "inboxes",
    "organization",
    "events",
    "export_schedules",
    "export_jobs",
    "webhooks",
)

REPORTS = ("/reports", "/reports/work-session-events")

MOVED = {"attr": "customerId", "code": "moved", "meta": {"old": "a", "new": "b"}}


def listing(key: str = "", **fields: str) -> Listing:
    return Listing(id=1, endpoint="x", key=key, fields=fields)


def parents(endpoint: Endpoint) -> list[Children]:
    found = [parent for parent in endpoint.parents if isinstance(parent, Children)]
    assert len(found) == len(endpoint.parents)
    return found


def every(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(kind, VENDOR.endpoints, ids=lambda endpoint: endpoint.name)


# ── it fits together ────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_its_name() -> None:
    assert load("gladly") is VENDOR
    assert VENDOR.name == "gladly"


def test_names_are_there_once() -> None:
    """A name that is also somebody's alias would mean two things."""
    names = [name for endpoint in VENDOR.endpoints for name in (endpoint.name, *endpoint.aliases)]
    assert sorted(names) == sorted(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_a_plain_backfill_loads_these_tables() -> None:
    loaded = select(VENDOR).loaded
    assert {ENDPOINTS[name].destination_table for name in loaded} == LOADED.keys()


def test_no_other_table_can_be_had() -> None:
    assert {endpoint.destination_table for endpoint in VENDOR.endpoints} == LOADED.keys() | NAMED.keys()


@pytest.mark.parametrize("table", LOADED | NAMED)
def test_every_table_has_its_key(table: str) -> None:
    key = (LOADED | NAMED)[table]
    assert {endpoint.key for endpoint in VENDOR.endpoints if endpoint.destination_table == table} == {key}


@pytest.mark.parametrize("table", NAMED)
def test_a_table_that_is_named_is_loaded_alone(table: str) -> None:
    assert {ENDPOINTS[name].destination_table for name in select(VENDOR, only=[table]).loaded} == {table}


@pytest.mark.parametrize("route", SEED)
def test_the_names_of_the_seed_can_be_typed(route: str) -> None:
    assert select(VENDOR, only=[route]).loaded
    assert select(VENDOR, also=[route]).loaded >= select(VENDOR).loaded


@pytest.mark.parametrize(
    ("route", "table"),
    [
        ("agents_get", "agents"),
        ("conversations_for_customer", "conversations"),
        ("conversation", "conversations"),
        ("conversation_item", "conversation_items"),
        ("customer_profile", "customer_profiles"),
    ],
)
def test_a_further_route_fills_the_table_of_its_records(route: str, table: str) -> None:
    assert {ENDPOINTS[name].destination_table for name in select(VENDOR, only=[route]).loaded} == {table}


@every("endpoint")
def test_parents_stand_before_their_children(endpoint: Endpoint) -> None:
    for parent in parents(endpoint):
        assert ORDER[parent.endpoint] < ORDER[endpoint.name]


@every("endpoint")
def test_all_that_an_endpoint_names_exists(endpoint: Endpoint) -> None:
    named = [endpoint.destination_table]
    if endpoint.cap is not None:
        named += [name for name in (endpoint.cap.completed_by, endpoint.cap.known_from) if name]
    if isinstance(endpoint.held, Missing):
        named.append(endpoint.held.delivered_by)
    if isinstance(endpoint.held, Afterwards):
        named.append(endpoint.held.truncated)
    assert set(named) <= ENDPOINTS.keys()
    assert set(endpoint.budgets) <= VENDOR.budgets.keys()
    assert "requests" in endpoint.budgets, "every request counts against the organisation's second"
    assert all(name in ENDPOINTS for names in VENDOR.ids.values() for name in names)


@every("endpoint")
def test_a_cap_is_made_up_for_by_a_route_that_knows_the_list_it_helps(endpoint: Endpoint) -> None:
    if endpoint.cap is None or not endpoint.cap.completed_by:
        return
    remedy, source = ENDPOINTS[endpoint.cap.completed_by], ENDPOINTS[endpoint.cap.known_from]
    assert remedy.held == Missing(delivered_by=endpoint.name)
    assert remedy.destination_table == endpoint.destination_table
    edges = {parent.endpoint: parent for parent in parents(remedy)}
    assert endpoint.cap.key_field in edges[source.name].fields
    assert source.windows is not None, "all history is known only from a report"
    assert {parent.endpoint for parent in parents(endpoint)} >= {source.name}


@every("endpoint")
def test_only_what_the_vendor_says_is_sent(endpoint: Endpoint) -> None:
    """A token may do everything, so that nothing but GET and the reports may ever be sent."""
    assert endpoint.method == ("POST" if endpoint.path in REPORTS else "GET")
    assert not endpoint.writes
    assert (endpoint.windows is not None) == (endpoint.method == "POST")
    assert endpoint.path.startswith("/")
    params = endpoint.params(listing("the-key")) if callable(endpoint.params) else endpoint.params
    fed = bool(endpoint.parents) or any(endpoint.name in names for names in VENDOR.ids.values())
    used = "{key}" in endpoint.path or "the-key" in dict(params).values()
    assert used == fed
    assert re.findall(r"{(.*?)}", endpoint.path) in ([], ["key"])


@every("endpoint")
def test_large_bodies_pass_through_a_file(endpoint: Endpoint) -> None:
    assert endpoint.download == (endpoint.records.shape in ("lines", "csv"))
    assert endpoint.timeout >= (300 if endpoint.download else 60)


@every("endpoint")
def test_a_record_that_is_asked_for_by_id_may_be_gone(endpoint: Endpoint) -> None:
    assert (404 in endpoint.gone) == ("{key}" in endpoint.path)
    assert (301 in endpoint.moved) == (endpoint.moved_to is not None)
    by_customer = "/customers/{key}" in endpoint.path or endpoint.path == "/customer-profiles/{key}"
    assert (301 in endpoint.moved) == by_customer, "only customers are merged under a new id that the answer names"


@every("endpoint")
def test_columns_can_be_read(endpoint: Endpoint) -> None:
    assert endpoint.columns
    for path, kind in endpoint.columns.items():
        assert kind in get_args(ColumnType)
        if endpoint.windows is None:
            assert re.fullmatch(r"\w+(\[\])?(\.\w+(\[\])?)*", path), path
        for key in endpoint.key:
            assert endpoint.columns[key] == "text"
    for needed in endpoint.records.needs:
        assert needed in endpoint.columns


def test_columns_of_one_table_agree() -> None:
    """Two routes to one table that declare different types would make the type depend on which comes first."""
    for one in VENDOR.endpoints:
        for other in VENDOR.endpoints:
            if one.destination_table == other.destination_table:
                assert one.columns == other.columns


@every("endpoint")
def test_what_is_not_loaded_by_default_says_why(endpoint: Endpoint) -> None:
    assert endpoint.default or endpoint.note


def test_limits_are_those_of_the_documents() -> None:
    assert VENDOR.budgets == {
        "requests": StatedSecond(
            limit=10,
            limit_header="ratelimit-limit-second",
            remaining_header="ratelimit-remaining-second",
        ),
        "reports": RollingWindow(limit=10, seconds=60, at_once=2),
        "files": RollingWindow(limit=10, seconds=1, at_once=1),
    }
    reports = [endpoint for endpoint in VENDOR.endpoints if endpoint.path in REPORTS]
    assert all("reports" in endpoint.budgets for endpoint in reports)
    assert {endpoint.name for endpoint in VENDOR.endpoints if "reports" in endpoint.budgets} == {
        e.name for e in reports
    }


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("conversations", 100),
        ("conversation_items", 1000),
        ("tasks", 2000),
        ("task_comments", 1000),
        ("public_answers", 1000),
        ("customers_by_email", 50),
        ("customers_by_phone", 50),
    ],
)
def test_caps_are_those_of_the_documents(name: str, size: int) -> None:
    cap = ENDPOINTS[name].cap
    assert cap is not None
    assert (cap.size, cap.header) == (size, "gladly-limited-data")


def test_no_other_list_is_known_to_be_cut_off() -> None:
    assert sum(endpoint.cap is not None for endpoint in VENDOR.endpoints) == 7


def test_the_first_endpoint_is_one_cheap_request() -> None:
    first = VENDOR.endpoints[0]
    assert (first.path, first.parents, first.windows, first.download) == ("/organization", (), None, False)


def test_settings_are_those_that_users_type() -> None:
    assert [setting.name for setting in VENDOR.settings if setting.required] == ["organization", "username", "password"]
    assert [setting.name for setting in VENDOR.settings if setting.secret] == ["password"]
    assert VENDOR.account == "organization"
    assert re.findall(r"{(.*?)}", VENDOR.base_url) == ["organization"]


# ── what is odd about it ────────────────────────────────────────────────────────────────────


def test_the_token_is_the_password_of_the_user() -> None:
    headers = VENDOR.headers({"organization": "acme", "username": "zoë@example.org", "password": "t:ken"})
    assert list(headers) == ["Authorization"]
    scheme, _, pair = headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", "zoë@example.org:t:ken")


def asked(name: str, start: date, end: date) -> Mapping[str, object]:
    windows = ENDPOINTS[name].windows
    assert windows is not None
    assert windows.body is not None
    return windows.body(start, end, "")


@pytest.mark.parametrize(
    ("name", "metric_set"),
    [
        ("report_conversation_export", "ConversationExportReport"),
        ("report_task_export", "TaskExportReport"),
        ("report_conversation_timestamps", "ConversationTimestampsReport"),
        ("report_contact_export", "ContactExportReportV3"),
    ],
)
@given(start=st.dates(date(1990, 1, 1), date(2100, 1, 1)), days=st.integers(1, 400))
def test_a_report_is_asked_for_in_utc_and_its_last_day_is_included(
    name: str, metric_set: str, start: date, days: int
) -> None:
    body = asked(name, start, start + timedelta(days=days))
    assert body["metricSet"] == metric_set
    assert body["timezone"] == "UTC"
    first, last = (date.fromisoformat(str(body[field])) for field in ("startAt", "endAt"))
    assert first == start
    assert (last - first).days + 1 == days
    assert orjson.loads(orjson.dumps(body)) == body


@given(start=st.dates(date(1990, 1, 1), date(2100, 1, 1)), days=st.integers(1, 400))
def test_work_sessions_are_asked_for_to_the_last_minute(start: date, days: int) -> None:
    """The minute that `endAtTime` names is included: with midnight, two windows would share one."""
    body = asked("report_work_session_events", start, start + timedelta(days=days))
    first, last = (datetime.fromisoformat(str(body[field])) for field in ("startAtTime", "endAtTime"))
    assert (first.date(), first.tzinfo) == (start, UTC)
    assert last - first == timedelta(days=days) - timedelta(minutes=1)


def test_a_session_without_an_agent_has_a_key_all_the_same() -> None:
    make = ENDPOINTS["report_work_session_events"].row
    assert make is not None
    for record in ({"contact_session_id": "s"}, {"contact_session_id": "s", "agent_id": None}):
        assert make(record, listing()) == {"contact_session_id": "s", "agent_id": ""}
    assert make({"contact_session_id": "s", "agent_id": "a"}, listing()) == {"contact_session_id": "s", "agent_id": "a"}


@every("endpoint")
def test_windows_reach_back_over_an_empty_year(endpoint: Endpoint) -> None:
    if endpoint.windows is not None:
        assert endpoint.windows.days * endpoint.windows.empty >= 364


def test_a_report_is_split_long_before_it_is_cut_off() -> None:
    assert all(e.windows.near < 100_000 for e in VENDOR.endpoints if e.windows is not None)


def test_report_columns_are_declared_by_the_names_that_the_report_gives_them() -> None:
    """A header of the documented report has no column that the vendor file writes differently."""
    header = (
        "Created At,Conversation ID,Customer ID,Conversation Link,Status,Assigned Agent ID - Current,"
        "Inbox ID - Current,First Closed At,Last Closed At,Initiator Type - Created,Topics,First Channel,"
        "Conversation Handle Time"
    )
    (names,) = csv.reader(io.StringIO(header))
    assert set(names) <= ENDPOINTS["report_conversation_export"].columns.keys()


def test_events_are_asked_for_within_the_last_day() -> None:
    params = ENDPOINTS["events"].params
    assert callable(params)
    before = datetime.now(UTC)
    asked = params(listing())
    assert [value for name, value in asked if name == "entities"] == [
        "AGENT_AVAILABILITY",
        "AGENT_STATUS",
        "CONTACT",
        "CONVERSATION",
        "CUSTOMER",
        "CUSTOMER_PROFILE",
        "PAYMENT_REQUEST",
        "TASK",
    ]
    start = datetime.fromisoformat(dict(asked)["startAt"])
    age = before - start
    assert timedelta(hours=23) < age < timedelta(hours=24), "older than 24 hours is refused"


def merged(body: object) -> str | None:
    endpoint = ENDPOINTS["customer_profiles"]
    assert endpoint.moved_to is not None
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return endpoint.moved_to(Response(status=301, headers={}, body=raw))


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [MOVED]},
        {"errors": MOVED},
        [MOVED],
        {"errors": [{"code": "other"}, MOVED]},
        {"errors": [None, 5, "x", {"meta": None}, {"meta": {"new": 5}}, MOVED]},
    ],
)
def test_the_new_id_is_found_in_every_shape_of_errors(body: object) -> None:
    assert merged(body) == "b"


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"\xff", b"null", b"5", b'"x"', b"[]", b"{}", b'{"errors": null}', b'{"errors": "moved"}']
    + [orjson.dumps({"errors": {"meta": {"new": wrong}}}) for wrong in (None, 5, ["b"], {"id": "b"})],
)  # fmt: skip
def test_an_answer_that_names_no_new_id_is_taken_as_that(body: bytes) -> None:
    assert not merged(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "COMPLETED", "customers.jsonl"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["errors", "meta", "new", "files", "id", "status", "content", "customerId", "customAttributes"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
records = json_values.filter(lambda value: isinstance(value, dict)).map(lambda value: cast("dict[str, object]", value))


@given(json_values)
def test_no_answer_to_a_moved_id_breaks_the_run(body: object) -> None:
    found = merged(body)
    assert found is None or isinstance(found, str)


@given(records)
def test_no_record_breaks_the_functions_of_this_vendor(record: Mapping[str, object]) -> None:
    for endpoint in VENDOR.endpoints:
        for parent in parents(endpoint):
            if callable(parent.key):
                assert all(isinstance(key, str) for key in parent.key(record))
        if endpoint.row is not None:
            assert endpoint.row(record, listing()) is not None
        if endpoint.keep is not None:
            assert endpoint.keep(record, {"truncated": '["a"]'}) in (True, False)


def keys_of(child: str, parent: str, record: Mapping[str, object]) -> tuple[str, ...]:
    (edge,) = [one for one in parents(ENDPOINTS[child]) if one.endpoint == parent]
    assert callable(edge.key)
    return edge.key(record)


@pytest.mark.parametrize("child", ["customer_profiles", "conversations", "tasks"])
def test_events_name_customers_and_the_one_that_a_merge_leaves(child: str) -> None:
    assert keys_of(child, "events", {"content": {"customerId": "c"}}) == ("c",)
    merge = {"type": "CUSTOMER/MERGED", "content": {"sourceCustomerId": "old", "destinationCustomerId": "new"}}
    assert keys_of(child, "events", merge) == ("new",)
    without: tuple[object, ...] = (None, [], {"customerId": 5}, {"customerId": ""})
    for nothing in without:
        assert keys_of(child, "events", {"content": nothing}) == ()


@pytest.mark.parametrize(
    ("child", "file"),
    [
        ("export_agents", "agents.jsonl"),
        ("export_topics", "topics.jsonl"),
        ("export_customers", "customers.jsonl"),
        ("export_conversation_items", "conversation_items.jsonl"),
        ("conversation_items_exported", "conversation_items.jsonl"),
    ],
)
def test_files_are_asked_for_of_finished_jobs_that_list_them(child: str, file: str) -> None:
    job: dict[str, object] = {"id": "j", "status": "COMPLETED", "files": ["other.jsonl", file]}
    assert keys_of(child, "export_jobs", job) == ("j",)
    for change in (
        {"status": "IN_PROGRESS"},
        {"files": ["other.jsonl"]},
        {"files": None},
        {"files": file},
        {"id": None},
    ):
        assert keys_of(child, "export_jobs", job | change) == ()
    assert ENDPOINTS[child].path == f"/export/jobs/{{key}}/files/{file}"


def test_export_files_are_read_one_after_the_other() -> None:
    """Of a record in several files the one read last stays."""
    files = [endpoint for endpoint in VENDOR.endpoints if "/files/" in endpoint.path]
    assert {endpoint.budgets for endpoint in files} == {("files", "requests")}
    assert isinstance(VENDOR.budgets["files"], RollingWindow)
    assert VENDOR.budgets["files"].at_once == 1


@pytest.mark.parametrize("name", ["export_agents", "export_topics", "export_customers", "export_conversation_items"])
def test_export_files_are_read_the_oldest_first(name: str) -> None:
    assert [parent.oldest_first for parent in parents(ENDPOINTS[name])] == ["updatedAt"]


@pytest.mark.parametrize("parent", ["conversations", "conversation"])
def test_custom_attributes_are_those_that_conversations_have(parent: str) -> None:
    both = {"customAttributes": [{"id": "a", "value": "1"}, {"id": "b"}, {"value": "2"}, "x", {"id": 5}]}
    assert keys_of("custom_attributes", parent, both) == ("a", "b")
    without: tuple[object, ...] = (None, {}, "a", [])
    for nothing in without:
        assert keys_of("custom_attributes", parent, {"customAttributes": nothing}) == ()


def test_transcripts_are_asked_for_where_a_recording_is_there() -> None:
    call: dict[str, object] = {"id": "i", "content": {"type": "PHONE_CALL", "recordingStatus": "AVAILABLE"}}
    assert keys_of("voice_transcripts", "conversation_items", call) == ("i",)
    for content in (None, {}, {"recordingStatus": "DELETED"}, {"recordingStatus": None}):
        assert keys_of("voice_transcripts", "conversation_items", call | {"content": content}) == ()
    make = ENDPOINTS["voice_transcripts"].row
    assert make is not None
    assert make({"language": "en"}, listing("i")) == {"language": "en", "item_id": "i"}


def test_of_an_export_file_only_items_are_kept_that_no_list_brings() -> None:
    keep = ENDPOINTS["conversation_items_exported"].keep
    assert keep is not None
    fields = {"truncated": '["capped", "another"]'}
    assert keep({"id": "i"}, fields)
    assert keep({"id": "i", "conversationId": None}, fields)
    assert keep({"id": "i", "conversationId": "capped"}, fields)
    assert not keep({"id": "i", "conversationId": "whole"}, fields)
    assert not keep({"id": "i", "conversationId": "capped"}, {})
    assert not keep({"id": "i", "conversationId": ["capped"]}, fields)


def test_the_list_of_capped_conversations_is_read_once_and_not_for_every_line() -> None:
    """A file has hundreds of thousands of lines, the list may have thousands of keys."""
    keep = ENDPOINTS["conversation_items_exported"].keep
    assert keep is not None
    _gladly_records._keys.cache_clear()
    fields = {"truncated": orjson.dumps([f"c{number}" for number in range(100)]).decode()}
    assert all(keep({"conversationId": f"c{number}"}, fields) for number in range(100))
    assert _gladly_records._keys.cache_info().misses == 1


@pytest.mark.parametrize(("name", "param"), [("customers_by_email", "email"), ("customers_by_phone", "phoneNumber")])
def test_a_search_has_exactly_one_parameter(name: str, param: str) -> None:
    params = ENDPOINTS[name].params
    assert callable(params)
    assert params(replace(listing(), key="+17245550100")) == ((param, "+17245550100"),)
