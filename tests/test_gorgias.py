"""The vendor file as data, its requests against the sandbox, and a whole backfill with the traps there are."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote, urlencode

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandboxed import Client, noon, sandboxed

import extractor
from benchmarks.rig import Sandbox, sandbox
from extractor.account import ExitCode, Outcome
from extractor.errors import SettingsError
from extractor.model import Answer, Bucket, Call, ColumnType, Endpoint, Listing, Response
from extractor.paginate import once
from extractor.sandbox.gorgias.routes import gorgias
from extractor.selection import select
from extractor.vendors import load
from extractor.vendors.gorgias import VENDOR

ENDPOINTS = {endpoint.name: endpoint for endpoint in VENDOR.endpoints}

LOADED = {
    "account": ("domain",),
    **dict.fromkeys(
        (
            *("account_settings", "users", "teams", "tags", "macros", "custom_fields", "views", "rules"),
            *("integrations", "jobs", "widgets", "satisfaction_surveys", "customers", "tickets", "messages"),
            *("events", "voice_calls", "voice_call_events", "voice_call_recordings"),
        ),
        ("id",),
    ),
}
"""Tables of a plain backfill, and the fields of their keys."""

NAMED = {
    "ticket": ("id",),
    "user": ("id",),
    "macro": ("id",),
    "customer": ("id",),
    "ticket_tags": ("ticket_id", "id"),
    "ticket_custom_fields": ("ticket_id", "field_id"),
    "customer_custom_fields": ("customer_id", "field_id"),
    "view_items": ("view_id", "id"),
}
"""Tables that are loaded only when named."""

SEED = ("users", "user", "tickets", "ticket", "macro", "macros")

FREE = ("meta", "data", "params", "settings", "headers", "code_ast", "template", "definition", "arguments", "extra")
"""Fields whose keys nobody can list; `account.settings` is a list of sound records all the same."""


def listing(key: str = "") -> Listing:
    return Listing(id=1, endpoint="x", key=key)


def every(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(kind, VENDOR.endpoints, ids=lambda endpoint: endpoint.name)


def fixed_params(endpoint: Endpoint) -> dict[str, str]:
    assert not callable(endpoint.params)
    return dict(endpoint.params)


# ── it fits together ────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_its_name() -> None:
    assert load("gorgias") is VENDOR
    assert VENDOR.name == "gorgias"


def test_names_are_there_once() -> None:
    names = [name for endpoint in VENDOR.endpoints for name in (endpoint.name, *endpoint.aliases)]
    assert sorted(names) == sorted(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_a_plain_backfill_loads_these_tables() -> None:
    assert {ENDPOINTS[name].destination_table for name in select(VENDOR).loaded} == LOADED.keys()
    assert {endpoint.destination_table for endpoint in VENDOR.endpoints} == LOADED.keys() | NAMED.keys()


@pytest.mark.parametrize("table", [*LOADED, *NAMED])
def test_a_table_is_named_whole_and_has_its_key(table: str) -> None:
    """Macros come from two lists and custom fields too: whoever names the table wants both."""
    routes = {endpoint.name for endpoint in VENDOR.endpoints if endpoint.destination_table == table}
    assert select(VENDOR, [table]).loaded == routes
    assert {ENDPOINTS[name].key for name in routes} == {(LOADED | NAMED)[table]}
    assert {ENDPOINTS[name].default for name in routes} == {table in LOADED}


@pytest.mark.parametrize("name", SEED)
def test_names_of_the_seed_are_known(name: str) -> None:
    assert select(VENDOR, [name]).loaded


@every("endpoint")
def test_what_is_not_loaded_by_default_says_why(endpoint: Endpoint) -> None:
    assert endpoint.default or endpoint.note


@every("endpoint")
def test_parents_stand_above(endpoint: Endpoint) -> None:
    names = list(ENDPOINTS)
    assert all(names.index(parent.endpoint) < names.index(endpoint.name) for parent in endpoint.parents)  # type: ignore[union-attr]
    assert bool(endpoint.parents) == ("{key}" in endpoint.path)


@every("endpoint")
def test_nothing_is_changed_at_the_vendor(endpoint: Endpoint) -> None:
    assert (endpoint.method, endpoint.writes) == ("GET", False)


@every("endpoint")
def test_paths_begin_below_the_address(endpoint: Endpoint) -> None:
    """The seed's `/api/tickets` below an address that ends in `/api` would be there twice."""
    assert VENDOR.base_url.endswith("/api")
    assert endpoint.path.startswith("/")
    assert not endpoint.path.startswith("/api")


@every("endpoint")
def test_a_record_that_is_asked_for_by_id_may_be_gone_or_moved(endpoint: Endpoint) -> None:
    assert (404 in endpoint.gone) == ("{key}" in endpoint.path)
    by_ticket = endpoint.path.startswith("/tickets/")
    assert (301 in endpoint.moved) == (endpoint.moved_to is not None) == by_ticket, "only tickets are merged"


def test_routes_of_one_ticket_learn_together_where_it_went() -> None:
    moved = [endpoint for endpoint in VENDOR.endpoints if endpoint.moved]
    assert all(endpoint.parents == moved[0].parents for endpoint in moved)


def test_the_first_endpoint_is_one_cheap_request() -> None:
    first = VENDOR.endpoints[0]
    assert (first.path, first.parents, first.paginate, first.windows) == ("/account", (), None, None)


def test_limits_are_those_of_the_documents() -> None:
    """40 requests in 20 seconds."""
    bucket = Bucket(size=40, per_second=2, used_header="x-gorgias-account-api-call-limit")
    assert VENDOR.budgets == {"requests": bucket}
    assert {endpoint.budgets for endpoint in VENDOR.endpoints} == {("requests",)}


# ── columns ─────────────────────────────────────────────────────────────────────────────────


@every("endpoint")
def test_columns_can_be_read(endpoint: Endpoint) -> None:
    assert endpoint.columns
    for path, kind in endpoint.columns.items():
        assert kind in get_args(ColumnType)
        assert re.fullmatch(r"\w+(\[\])?(\.\w+(\[\])?)*", path), path
    for key in endpoint.key:
        assert endpoint.columns[key] == ("text" if key == "domain" else "bigint")


def test_columns_of_one_table_agree() -> None:
    for one in VENDOR.endpoints:
        for other in VENDOR.endpoints:
            if one.destination_table == other.destination_table:
                assert one.columns == other.columns


@every("endpoint")
def test_free_forms_stay_whole(endpoint: Endpoint) -> None:
    """What stands in them makes no columns, and nothing is declared below them."""
    whole = {path for path, kind in endpoint.columns.items() if kind == "json"}
    for path, kind in endpoint.columns.items():
        assert not any(path.startswith((f"{one}.", f"{one}[")) for one in whole)
        if path.rpartition(".")[2] in FREE:
            assert kind == "json", path
        if path.endswith("_datetime"):
            assert kind == "timestamp", path


# ── requests ────────────────────────────────────────────────────────────────────────────────


@every("endpoint")
def test_lists_ask_for_whole_pages_in_an_order_that_stands_still(endpoint: Endpoint) -> None:
    params = fixed_params(endpoint)
    assert (params.get("limit") == "100") == (endpoint.paginate is not None), "the vendor's own choice is 30"
    unordered = endpoint.path.startswith("/phone/") or endpoint.paginate is None
    expected = {True: None, False: "created_datetime:asc"}[unordered]
    assert params.get("order_by") == ("priority:desc" if endpoint.path == "/custom-fields" else expected)


def test_of_macros_and_custom_fields_both_kinds_are_asked_for() -> None:
    asked = {endpoint.name: fixed_params(endpoint) for endpoint in VENDOR.endpoints}
    assert {asked[name]["archived"] for name in ("macros_active", "macros_archived")} == {"false", "true"}
    kinds = {asked[name]["object_type"] for name in ("custom_fields_ticket", "custom_fields_customer")}
    assert kinds == {"Ticket", "Customer"}


@given(start=st.dates(date(2015, 1, 1), date(2100, 1, 1)), days=st.integers(1, 400))
def test_windows_of_events_touch_and_do_not_overlap(start: date, days: int) -> None:
    windows = ENDPOINTS["events"].windows
    assert windows is not None
    assert windows.params is not None
    end = start + timedelta(days=days)
    asked, following = dict(windows.params(start, end)), dict(windows.params(end, end + timedelta(days=1)))
    assert asked["created_datetime[lt]"] == following["created_datetime[gte]"]
    assert asked["created_datetime[gte]"] == f"{start.isoformat()}T00:00:00Z"


async def answered(client: Client, endpoint: Endpoint, key: str, call: Call) -> Any:
    """The answer to an endpoint's request, put together by hand."""
    params = [(name, value) for name, value in fixed_params(endpoint).items() if name not in dict(call.params)]
    if endpoint.windows is not None:
        assert endpoint.windows.params is not None
        params += endpoint.windows.params(date(2020, 1, 1), date(2026, 4, 1))
    path = f"{endpoint.path.replace('{key}', key)}?{urlencode([*params, *call.params], quote_via=quote)}"
    answer = await client.ask(call.link.removeprefix("/api") or path)
    assert answer.status == 200, answer.body
    return answer.json


@every("endpoint")
async def test_the_vendor_knows_all_that_is_sent(endpoint: Endpoint) -> None:
    """Whatever it does not know it refuses: two pages of each list, one of each record."""
    async with sandboxed(vendor=gorgias, clock=noon, plain=True, size=300) as client:
        client.authorization = VENDOR.headers(client.told)["Authorization"]
        key = ""
        if endpoint.parents:
            table = ENDPOINTS[endpoint.parents[0].endpoint].destination_table  # type: ignore[union-attr]
            key = str((await client.own(f"/truth?table={table}"))["tables"][table][0])
        pages = (endpoint.paginate or once)(None)
        call = next(pages)
        for _ in range(2):
            content = await answered(client, endpoint, key, call)
            rows = content if endpoint.records.shape == "object" else content["data"]
            assert rows or endpoint.parents
            try:
                call = pages.send(Answer(records=rows, content=content))
            except StopIteration:
                break


# ── what is odd about it ────────────────────────────────────────────────────────────────────


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


PAIR = base64.b64encode("zoë@example.org:k:ey".encode()).decode()


@pytest.mark.parametrize(
    ("settings", "authorization"),
    [
        ({"username": "zoë@example.org", "api_key": "k:ey"}, basic("zoë@example.org:k:ey")),
        ({"api_key": PAIR}, basic("zoë@example.org:k:ey")),
        ({"username": "a@example.org", "api_key": PAIR}, basic(f"a@example.org:{PAIR}")),
        ({"access_token": "t"}, "Bearer t"),
        ({"access_token": "t", "username": "a@example.org", "api_key": "k"}, "Bearer t"),
    ],
)
def test_credentials_come_in_three_forms(settings: Mapping[str, str], authorization: str) -> None:
    assert VENDOR.headers({"domain": "acme", **settings}) == {"Authorization": authorization}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"username": "a@example.org"},
        *(
            {"api_key": base64.b64encode(pair).decode()}
            for pair in (b"no mail:key", b"a@example.org", b"a@example.org:", b"\xff\xfe")
        ),
        {"api_key": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
        {"api_key": "not base64 at all"},
    ],
)
def test_half_of_the_credentials_is_a_mistake_that_is_explained(settings: Mapping[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"username .* api_key, or access_token") as raised:
        VENDOR.headers({"domain": "acme", **settings})
    assert not any(value in str(raised.value) for value in settings.values())


def test_settings_are_those_that_users_type() -> None:
    assert [setting.name for setting in VENDOR.settings] == ["domain", "username", "api_key", "access_token"]
    assert [setting.name for setting in VENDOR.settings if setting.secret] == ["api_key", "access_token"]
    assert VENDOR.account == "domain"
    assert re.findall(r"{(.*?)}", VENDOR.base_url) == ["domain"]


def merged(**headers: str) -> str | None:
    moved_to = ENDPOINTS["ticket"].moved_to
    assert moved_to is not None
    return moved_to(Response(status=301, headers=headers))


@pytest.mark.parametrize("origin", ["", "https://acme.gorgias.com", "http://127.0.0.1:8080"])
@pytest.mark.parametrize("end", ["", "/", "/tags", "/custom-fields/", "?relationships=custom_fields", "#x"])
def test_a_merged_ticket_s_new_id_stands_in_the_address(origin: str, end: str) -> None:
    assert merged(location=f"{origin}/api/tickets/123{end}") == "123"


@pytest.mark.parametrize(
    "location", ["", "/", "/login?next=/tickets/5", "/api/tickets/", "/api/tickets/x5", "/tickets/²"]
)
def test_an_address_that_names_no_ticket_is_taken_as_that(location: str) -> None:
    assert merged(location=location) is None
    assert merged() is None


@given(st.text())
def test_no_address_breaks_the_run(location: str) -> None:
    found = merged(location=location)
    assert found is None or found.isdigit()


@pytest.mark.parametrize(
    ("name", "owner"), [("ticket_custom_fields", "ticket_id"), ("customer_custom_fields", "customer_id")]
)
def test_a_value_of_a_custom_field_gets_both_halves_of_its_key(name: str, owner: str) -> None:
    row = ENDPOINTS[name].row
    assert row is not None
    value = {"field": {"id": 5, "label": "Size"}, "value": ["XL"], "prediction": None}
    assert row(value, listing("7")) == {owner: "7", "field_id": 5, **value}
    assert "field_id" not in value, "what the vendor sent is not changed"
    assert row({"field": None, "value": 1}, listing("7")) == {owner: "7", "field_id": None, "field": None, "value": 1}


# ── everything there is ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    return tmp_path


def backfilled(one: Sandbox, **options: Any) -> Outcome:
    settings: dict[str, Any] = {"base_url": one.base_url, **one.settings}
    return extractor.backfill("gorgias", **({"settings": settings} | options))


def truth_of(one: Sandbox, *tables: str) -> dict[str, Any]:
    told: dict[str, Any] = one.ask("truth?" + "&".join(f"table={table}" for table in tables))
    return told


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "gorgias_pipeline.duckdb"), read_only=True) as database:
        database.execute("USE gorgias_data")
        return database.execute(query).fetchall()


def lacking(folder: Path, truth: Mapping[str, list[Any]]) -> dict[str, set[tuple[Any, ...]]]:
    """Keys of the truth that are in no table, by table."""
    found = {}
    for table, known in truth.items():
        if not known:
            continue
        expected = {tuple(key) if isinstance(key, list) else (key,) for key in known}
        loaded = rows(folder, f"SELECT {', '.join((LOADED | NAMED)[table])} FROM {table}")
        assert len(set(loaded)) == len(loaded)
        if missing := expected - set(loaded):
            found[table] = missing
    return found


def declared() -> dict[str, set[str]]:
    """Tables and columns that the vendor file names; dlt's own columns are left out."""
    tables: dict[str, set[str]] = {}
    for endpoint in VENDOR.endpoints:
        for path in endpoint.columns:
            *lists, column = path.split("[].") if "[]." in path else [path]
            if column.endswith("[]"):
                lists, column = [*lists, column.removesuffix("[]")], "value"
            nested = [endpoint.destination_table, *(name.replace(".", "__") for name in lists)]
            tables.setdefault("__".join(nested), set()).add(column.replace(".", "__"))
    return tables


QUICK = ("--latency", "1", "--rate-scale", "1000")
UNNAMED = {
    **dict.fromkeys(("customers", "customer"), ("loyalty__tier",)),
    **dict.fromkeys(("tickets", "ticket", "view_items"), ("summary__content", "summary__triggered_by")),
    "integrations": ("http__id",),
}
"""Columns of fields that the sandbox has and no document names."""


def test_everything_is_loaded_or_named_and_free_forms_make_no_columns(folder: Path) -> None:
    with sandbox("gorgias", *QUICK, "--size", "48") as one:
        outcome = backfilled(one, also=list(NAMED))
        truth = truth_of(one)
        named = truth_of(one, *NAMED)["tables"]
    assert outcome.code is ExitCode.COMPLETE
    assert truth["tables"].keys() == LOADED.keys()
    assert named.keys() == NAMED.keys()
    assert not lacking(folder, truth["tables"] | named)

    incidents = rows(folder, "SELECT kind, endpoint, key FROM _extractor_incidents")
    moved = {key for kind, endpoint, key in incidents if (kind, endpoint) == ("moved", "ticket")}
    gone = {int(key) for kind, endpoint, key in incidents if (kind, endpoint) == ("gone", "customer")}
    assert {kind for kind, _, _ in incidents} == {"moved", "gone"}
    assert moved
    assert moved <= truth["moved"].keys()
    assert gone
    assert gone <= set(truth["gone"]["customer"])

    named_nowhere: dict[str, set[str]] = {}
    known = declared()
    for table, column in rows(folder, "SELECT table_name, column_name FROM information_schema.columns"):
        if not (table.startswith("_") or column.startswith("_dlt") or column in known.get(table, ())):
            named_nowhere.setdefault(table, set()).add(column)
    assert all(columns <= set(UNNAMED.get(table, ())) for table, columns in named_nowhere.items()), named_nowhere


@pytest.mark.parametrize(
    "flags",
    [(), ("--knob", "view-items-cursor=on"), ("--fault", "503=0.05", "--fault", "short=0.05")],
    ids=["views lead on by addresses", "views lead on by cursors", "faults"],
)
def test_lists_of_several_pages_are_whole(folder: Path, flags: tuple[str, ...]) -> None:
    with sandbox("gorgias", *QUICK, "--size", "96", *flags) as one:
        outcome = backfilled(one, only=["view_items", "messages", "events"])
        truth = truth_of(one, "view_items", "messages", "events")["tables"]
    assert outcome.code is ExitCode.COMPLETE
    assert not lacking(folder, truth)
    pages = rows(folder, "SELECT endpoint FROM _extractor_listings WHERE pages > 1")
    assert {endpoint for (endpoint,) in pages} == truth.keys()


def test_days_choose_among_events_only(folder: Path) -> None:
    """No other list takes a time; without days the events begin with the account."""
    since = datetime.now(UTC).date() - timedelta(days=40)
    with sandbox("gorgias", *QUICK, "--size", "12") as one:
        outcome = backfilled(one, only=["events", "tickets"], since=since)
        truth = truth_of(one, "events", "tickets")["tables"]
    assert outcome.code is ExitCode.COMPLETE
    assert lacking(folder, truth).keys() == {"events"}
    (oldest,) = rows(folder, "SELECT min(created_datetime) FROM events")[0]
    assert oldest.date() >= since


@pytest.mark.parametrize("credentials", [{"access_token": "sandbox-access-token"}, {}], ids=["token", "pair"])
def test_other_credentials_open_the_same_account(folder: Path, credentials: dict[str, str]) -> None:
    with sandbox("gorgias", *QUICK, "--size", "2") as one:
        pair = base64.b64encode(f"{one.settings['username']}:{one.settings['api_key']}".encode()).decode()
        settings = {"base_url": one.base_url, **(credentials or {"api_key": pair})}
        outcome = extractor.backfill("gorgias", settings=settings, only=["tags"])
    assert outcome.code is ExitCode.COMPLETE
    assert rows(folder, "SELECT count(*) FROM tags") != [(0,)]


def test_a_list_without_end_is_named_and_the_rest_is_loaded(folder: Path) -> None:
    with sandbox("gorgias", *QUICK, "--size", "120", "--knob", "cursor-repeat=2") as one:
        outcome = backfilled(one, only=["tickets", "tags"])
        tags = truth_of(one, "tags")["tables"]
    assert outcome.code is ExitCode.PARTIAL
    assert rows(folder, "SELECT kind, endpoint FROM _extractor_incidents") == [("failed", "tickets")]
    assert not lacking(folder, tags)


def test_an_address_on_another_host_is_not_followed(folder: Path) -> None:
    with sandbox("gorgias", *QUICK, "--size", "240", "--knob", "foreign-next=on") as one:
        outcome = backfilled(one, only=["view_items"])
    assert outcome.code is ExitCode.PARTIAL
    assert set(rows(folder, "SELECT kind, endpoint FROM _extractor_incidents")) == {("failed", "view_items")}
