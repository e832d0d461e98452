"""The vendor file as data, its requests against the sandbox, and whole runs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import asked, incidents
from sandboxed import NOON, Client, noon, sandboxed

import extractor
from benchmarks.rig import DATASET, PIPELINE, Sandbox, missing, sandbox
from extractor.account import ExitCode, Outcome
from extractor.model import Answer, Bucket, Children, ColumnType, Configured, Endpoint, Listing
from extractor.paginate import field_of, once
from extractor.sandbox.assembled.routes import assembled
from extractor.selection import select
from extractor.vendors import assembled as module
from extractor.vendors import load
from extractor.vendors.assembled import VENDOR

ENDPOINTS = {endpoint.name: endpoint for endpoint in VENDOR.endpoints}
ORDER = {endpoint.name: place for place, endpoint in enumerate(VENDOR.endpoints)}
MAPS = ("teams", "sites", "queues", "skills", "roles", "activity_types", "requirement_types", "people")
REPORTS = ("report_adherence", "report_agent_state_handle_times", "report_agent_ticket_stats")
SERIES = ("channel", "queue", "start_time")
STATE = ("agent_id", "platform", "start_time")
METRIC = ("name", "agent_id", "start_time")

LOADED = {
    **dict.fromkeys(MAPS, ("id",)),
    **dict.fromkeys(REPORTS, METRIC),
    "activities": ("id_with_timestamps",),
    "agent_states": STATE,
    "event_changes": ("id",),
    "requirements": ("requirement_type_id", "start_time"),
    "forecasts": SERIES,
    "forecasted_vs_actuals": SERIES,
    "time_off_requests": ("id",),
    "time_off_updates": ("id",),
    "assist_conversations": ("id",),
}
"""Tables of a plain backfill, and the fields of their keys."""

ON_DEMAND = {
    "agent_states_single": STATE,
    "assist_handoff": ("conversation_id",),
    "condensed_timeline": ("agent_id", "start_time"),
    "forecast_totals": ("id",),
}
"""Tables of their own that are loaded only when named."""

TYPED = {
    "person": {"people"},
    "filters_queues": {"queues"},
    "reports_get": set(REPORTS),
    "people": {"people"},
    "agent_states": {"agent_states"},
}
"""Words for `--only` that a seed shows or that are further routes, and the tables that they fill."""

TODAY = datetime.fromtimestamp(NOON, UTC).date()
PLATFORMS = "aircall,zendesk"


def every(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(kind, VENDOR.endpoints, ids=lambda endpoint: endpoint.name)


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


# ── it fits together ────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_its_name() -> None:
    assert load("assembled") is VENDOR
    assert VENDOR.name == "assembled"


def test_a_plain_backfill_loads_these_tables() -> None:
    assert {ENDPOINTS[name].destination_table for name in select(VENDOR).loaded} == LOADED.keys()


@pytest.mark.parametrize("table", [*LOADED, *ON_DEMAND])
def test_every_table_has_its_key(table: str) -> None:
    keys = {endpoint.key for endpoint in VENDOR.endpoints if endpoint.destination_table == table}
    assert keys == {(LOADED | ON_DEMAND)[table]}


@pytest.mark.parametrize("word", TYPED)
def test_names_that_others_use_can_be_typed(word: str) -> None:
    assert {ENDPOINTS[name].destination_table for name in select(VENDOR, only=[word]).loaded} == TYPED[word]
    assert select(VENDOR, also=[word]).loaded >= select(VENDOR).loaded


@every("endpoint")
def test_all_that_an_endpoint_names_exists(endpoint: Endpoint) -> None:
    settings = {setting.name: setting for setting in VENDOR.settings}
    for parent in endpoint.parents:
        if isinstance(parent, Children):
            assert ORDER[parent.endpoint] < ORDER[endpoint.name]
        else:
            assert settings[parent.setting].many
            assert parent.setting in endpoint.needs
    assert set(endpoint.needs) <= settings.keys()
    assert set(endpoint.budgets) == VENDOR.budgets.keys()
    assert endpoint.default or endpoint.note


@every("endpoint")
def test_nothing_is_written_but_orders_of_reports(endpoint: Endpoint) -> None:
    assert (endpoint.method == "POST") == (endpoint.job is not None) == endpoint.path.startswith("/reports/")
    assert re.findall(r"{(.*?)}", endpoint.path) in ([], ["key"])
    asks_about = "{key}" in endpoint.path or bool(endpoint.key_param) or endpoint.job is not None
    assert asks_about == bool(endpoint.parents)


@every("endpoint")
def test_what_is_asked_for_by_an_id_may_be_gone(endpoint: Endpoint) -> None:
    of_a_product_of_its_own = endpoint.path.startswith("/assist/")
    assert (404 in endpoint.gone) == ("{key}" in endpoint.path or of_a_product_of_its_own)


@every("endpoint")
def test_columns_can_be_read(endpoint: Endpoint) -> None:
    for path, kind in endpoint.columns.items():
        assert kind in get_args(ColumnType)
        assert re.fullmatch(r"\w+(\[\])?(\.\w+(\[\])?)*", path), path
    times = {path for path in endpoint.columns if re.search(r"_(time|at|date)$", path)} - {"first_response_time"}
    figures = {path for path, kind in endpoint.columns.items() if kind == "double"}
    assert {path for path, kind in endpoint.columns.items() if kind == "unix"} == times - figures
    assert set(endpoint.key) <= endpoint.columns.keys()


def test_columns_of_one_table_agree() -> None:
    """Two routes to one table that declare different types would make the type depend on which comes first."""
    for one in VENDOR.endpoints:
        for other in VENDOR.endpoints:
            if one.destination_table == other.destination_table:
                assert one.columns == other.columns


def test_the_first_endpoint_is_one_cheap_request() -> None:
    first = VENDOR.endpoints[0]
    assert (first.parents, first.windows, first.job, first.paginate) == ((), None, None, None)


def test_limits_are_those_of_the_documents() -> None:
    assert VENDOR.budgets == {"requests": Bucket(size=20, per_second=5, older=(10, 2))}


def test_history_begins_with_whom_or_what_is_oldest() -> None:
    assert VENDOR.beginning.keys() == {"people", "teams", "queues"}
    for name, path in VENDOR.beginning.items():
        assert ENDPOINTS[name].columns[path] == "unix"
        assert ENDPOINTS[name].windows is None
    assert all(endpoint.windows.begin == "beginning" for endpoint in VENDOR.endpoints if endpoint.windows)


# ── what is odd about it ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ["", "2019-06-20"])
def test_the_key_is_the_name_of_a_user_without_a_password(version: str) -> None:
    headers = dict(VENDOR.headers({"api_key": "sk_live_x"} | ({"api_version": version} if version else {})))
    scheme, _, pair = headers.pop("Authorization").partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"sk_live_x:")
    assert headers == ({"API-Version": version} if version else {})


def test_the_key_is_secret_and_does_not_tell_accounts_apart() -> None:
    """What tells accounts apart is kept in the clear, here and in the destination."""
    assert [setting.name for setting in VENDOR.settings if setting.required] == ["api_key"]
    secrets = [setting.name for setting in VENDOR.settings if setting.secret]
    assert secrets == ["api_key"]
    assert VENDOR.account not in secrets


@every("endpoint")
@given(start=st.dates(date(1990, 1, 1), date(2100, 1, 1)), days=st.integers(1, 400))
def test_windows_are_midnights_of_utc_the_end_excluded(endpoint: Endpoint, start: date, days: int) -> None:
    if endpoint.windows is None:
        return
    end = start + timedelta(days=days)
    said: Mapping[str, object]
    if endpoint.windows.body is not None:
        said = endpoint.windows.body(start, end, "chat")
        assert orjson.loads(orjson.dumps(said)) == said
        assert said["channel"] == "chat"
        assert said["interval"] == "1d"
    else:
        assert endpoint.windows.params is not None
        said = dict(endpoint.windows.params(start, end))
    assert (int(str(said["start_time"])), int(str(said["end_time"]))) == (midnight(start), midnight(end))


@pytest.mark.parametrize(
    ("record", "channels"),
    [
        ({"channels": ["phone", "back_office"]}, ("phone", "back_office")),
        ({"channel": "email"}, ("email",)),
        ({"channels": []}, ()),
        ({"channels": None, "channel": None}, ()),
        ({"channels": ["", None, 5, "chat"]}, ("chat",)),
        ({"channels": "phone"}, ()),
        ({}, ()),
    ],
)
def test_channels_are_what_people_and_requirement_types_say(
    record: Mapping[str, object], channels: tuple[str, ...]
) -> None:
    for name in (*REPORTS, "forecasted_vs_actuals"):
        for parent in ENDPOINTS[name].parents:
            assert isinstance(parent, Children)
            assert callable(parent.key)
            assert parent.key(record) == channels


def row(name: str, record: object, key: str = "") -> Mapping[str, object] | None:
    made = ENDPOINTS[name].row
    assert made is not None
    return made(record, Listing(id=1, endpoint=name, key=key))


@pytest.mark.parametrize("name", ["teams", "sites", "queues", "skills", "people", "person"])
def test_a_time_of_zero_is_one_that_nobody_set(name: str) -> None:
    record = {"id": "a", "start_date": 0, "end_date": 0, "updated_at": 0, "created_at": 5, "productivity": 0}
    made = row(name, record)
    assert made == record | {"start_date": None, "end_date": None, "updated_at": None}
    assert record["end_date"] == 0, "the record itself stays as it came"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("agent_states", {"platform"}),
        ("agent_states_single", {"platform"}),
        ("forecasts", {"channel", "queue"}),
        ("forecasted_vs_actuals", {"queue"}),
    ],
)
def test_a_key_is_never_null(name: str, fields: set[str]) -> None:
    for record in ({}, dict.fromkeys(fields)):
        assert row(name, record) == dict.fromkeys(fields, "")
    assert row(name, dict.fromkeys(fields, "x")) == dict.fromkeys(fields, "x")


@pytest.mark.parametrize("name", ["people", "agent_states"])
@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()))
def test_what_is_no_record_becomes_one_without_a_key_which_the_gate_will_name(name: str, value: object) -> None:
    assert row(name, value) == {"value": value}


def test_figures_of_a_report_stand_beside_whom_they_are_about() -> None:
    record = {"name": "adherence", "value": None, "attributes": {"agent_id": "a", "start_time": 5}}
    for name in REPORTS:
        assert row(name, record) == {"name": "adherence", "value": None, "agent_id": "a", "start_time": 5}


def test_a_transcript_names_its_conversation() -> None:
    assert row("assist_handoff", {"transcript": "hi"}, key="c") == {"transcript": "hi", "conversation_id": "c"}


def walked(name: str, records: int, *, counts: bool, largest: int = 500) -> tuple[int, int, bool]:
    """How many of so many records a walk through time off sees, in how many requests, and whether it was cut off.

    Args:
        counts: `offset` makes a difference.
        largest: what the vendor makes of a larger `limit`.
    """
    paginate = ENDPOINTS[name].paginate
    assert paginate is not None
    walk = paginate(None)
    seen: set[int] = set()
    call, requests = next(walk), 1
    while True:
        asked = {param: int(value) for param, value in call.params}
        start, size = asked["offset"] if counts else 0, min(asked["limit"], largest)
        shown = range(records)[start : start + size]
        seen |= set(shown)
        try:
            call = walk.send(Answer(records=[{"id": n} for n in shown]))
        except StopIteration as stop:
            return len(seen), requests, bool(stop.value)
        requests += 1


@pytest.mark.parametrize("name", ["time_off_requests", "time_off_updates"])
@given(records=st.integers(0, 1_600), largest=st.integers(50, 10_000))
def test_time_off_is_read_to_its_end_or_named_as_cut_off(name: str, records: int, largest: int) -> None:
    assert walked(name, records, counts=True, largest=largest)[::2] == (records, False)
    seen, requests, cut_off = walked(name, records, counts=False)
    assert requests <= 2
    assert (seen == records) or cut_off


# ── its requests, by hand ───────────────────────────────────────────────────────────────────


class Hand:
    """Makes requests as the vendor file describes them, one window long."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.headers = VENDOR.headers({"api_key": client.told["api_key"], "api_version": "2019-06-20"})

    async def ask(self, path: str, method: str = "GET", **more: Any) -> Any:
        answer = await self.client.ask(path, method, auth=None, headers=self.headers, **more)
        assert answer.status == 200, (path, more, answer.body)
        assert answer.headers["api-version"] == "2019-06-20"
        return answer.json

    async def rows(self, endpoint: Endpoint) -> list[Mapping[str, object]]:
        """Rows of the first page, for the first few things that it can be asked about."""
        found = []
        for about in (await self.abouts(endpoint))[:3]:
            found += await self.page(endpoint, about)
        return found

    async def abouts(self, endpoint: Endpoint) -> list[str]:
        keys: dict[str, None] = {}
        for parent in endpoint.parents:
            if isinstance(parent, Configured):
                keys[PLATFORMS] = None
                continue
            for record in await self.rows(ENDPOINTS[parent.endpoint]):
                named = parent.key(record) if callable(parent.key) else (field_of(record, parent.key),)
                keys |= dict.fromkeys(str(name) for name in named if name)
        return list(keys) if endpoint.parents else [""]

    async def page(self, endpoint: Endpoint, about: str) -> list[Mapping[str, object]]:
        assert not callable(endpoint.params)
        params, body, key = list(endpoint.params), None, about
        if endpoint.windows is not None:
            # Two days, since not everybody works on every day; a report is asked for as long as one may be.
            start, end = TODAY - timedelta(days=min(endpoint.windows.days, 2)), TODAY
            key = f"{start}/{end} {about}".rstrip()
            params += endpoint.windows.params(start, end) if endpoint.windows.params else ()
            body = endpoint.windows.body(start, end, about) if endpoint.windows.body else None
        params += [(endpoint.key_param, about)] if endpoint.key_param else []
        paging = list(next((endpoint.paginate or once)(None)).params)
        path = endpoint.path.replace("{key}", about)
        if endpoint.job is not None:
            job = field_of(await self.ask(path, "POST", json=body), endpoint.job.id)
            status = None
            while status not in endpoint.job.done:
                status = field_of(await self.ask(endpoint.job.poll.format(job=job)), endpoint.job.status)
                assert status in endpoint.job.waiting | endpoint.job.done
            content = await self.ask(endpoint.job.results.format(job=job), params=paging)
        else:
            content = await self.ask(path, params=params + paging)
        return rows(endpoint, content, Listing(id=1, endpoint=endpoint.name, key=key))


def rows(endpoint: Endpoint, content: object, listing: Listing) -> list[Mapping[str, object]]:
    """What is loaded of an answer."""
    at = endpoint.records.at
    assert isinstance(at, str)
    held: Any = content if isinstance(content, list) or not at else field_of(content, at)
    match endpoint.records.shape:
        case "map":
            held = [*held.values()]
        case "object":
            held = [held]
    assert isinstance(held, list), f"no list at {at!r}"
    made = [endpoint.row(record, listing) if endpoint.row else record for record in held]
    return [record for record in made if record is not None]


def leaves(value: object, path: str, whole: frozenset[str]) -> Iterator[str]:
    """Dotted paths of all plain values, and of those in `whole`."""
    if isinstance(value, Mapping) and path not in whole:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name, whole)
    elif isinstance(value, list) and path not in whole:
        for inner in value:
            yield from leaves(inner, f"{path}[]", whole)
    else:
        yield path


@every("endpoint")
async def test_the_vendor_understands_its_requests_and_the_columns_its_answers(endpoint: Endpoint) -> None:
    async with sandboxed(vendor=assembled, clock=noon) as client:
        found = await Hand(client).rows(endpoint)
    assert found, "an answer without a record shows nothing"
    whole = frozenset(path for path, kind in endpoint.columns.items() if kind == "json")
    for record in found:
        assert all(record.get(name) is not None for name in endpoint.key)
        assert set(leaves(record, "", whole)) <= endpoint.columns.keys()


@pytest.mark.parametrize("shape", ["keyed", "array"])
async def test_conversations_may_be_a_bare_list(shape: str) -> None:
    async with sandboxed(vendor=assembled, clock=noon, knob={"assist": shape}) as client:
        assert await Hand(client).rows(ENDPOINTS["assist_conversations"])


# ── whole runs ──────────────────────────────────────────────────────────────────────────────

QUICK = ("--rate-scale", "10000", "--latency", "0", "--knob", "report-polls=0", "--knob", "history-days=3")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    # No header would tell that this sandbox allows more.
    monkeypatch.setattr(module, "VENDOR", replace(VENDOR, budgets={"requests": Bucket(size=1_000, per_second=10_000)}))
    return tmp_path


def run(played: Sandbox, settings: Mapping[str, Any] | None = None, **options: Any) -> Outcome:
    told: dict[str, Any] = {"base_url": played.base_url, **played.settings, **(settings or {})}
    return extractor.backfill("assembled", pipeline_name=PIPELINE, dataset=DATASET, settings=told, **options)


def test_everything_is_loaded_and_a_second_run_has_nothing_to_do(folder: Path) -> None:
    with sandbox("assembled", *QUICK) as played:
        truth = played.ask("truth")
        outcome = run(played)
        assert (outcome.code, incidents(folder)) == (ExitCode.COMPLETE, set())
        assert {one.table for one in outcome.tables} == LOADED.keys()
        assert truth["tables"].keys() == LOADED.keys()
        lacking = missing("assembled", folder, (truth,))
        assert lacking.keys() >= LOADED.keys()
        assert not any(lacking.values())

        again = run(played)
        assert (again.code, again.nothing_to_do, again.requests) == (ExitCode.COMPLETE, True, 0)

    for endpoint in VENDOR.endpoints:
        if endpoint.default:
            kinds = dict(
                asked(
                    folder,
                    "SELECT column_name, data_type FROM information_schema.columns"
                    f" WHERE table_name = '{endpoint.destination_table}'",
                )
            )
            times = [path for path, kind in endpoint.columns.items() if kind == "unix" and "[]" not in path]
            assert {kinds[time] for time in times} <= {"TIMESTAMP WITH TIME ZONE"}
            assert not [name for name in kinds if "__v_" in name], "every value is of its declared type"
    ((oldest, unset),) = asked(folder, "SELECT min(epoch(created_at)), count(*) FILTER (end_date IS NULL) FROM people")
    assert oldest % 86_400 == 0, "history begins at a midnight, when the first person was made"
    assert unset > 0
    assert asked(folder, "SELECT count(*) FROM people WHERE end_date < '1971-01-01'") == [(0,)]


def test_what_is_named_is_loaded_besides(folder: Path) -> None:
    with sandbox("assembled", *QUICK, "--size", "8") as played:
        outcome = run(played, {"priority_order": [PLATFORMS]}, only=tuple(ON_DEMAND))
        assert (outcome.code, incidents(folder)) == (ExitCode.COMPLETE, set())
        assert {one.table for one in outcome.tables} == ON_DEMAND.keys()
        for table, key in ON_DEMAND.items():
            expected = {tuple(k) if isinstance(k, list) else (k,) for k in told(played, table)}
            columns = ", ".join(f"epoch({name})::BIGINT" if name == "start_time" else name for name in key)
            assert expected
            assert expected <= set(asked(folder, f"SELECT {columns} FROM {table}"))


def told(played: Sandbox, table: str) -> list[Any]:
    keys: list[Any] = played.ask(f"truth?table={table}")["tables"][table]
    return keys


@pytest.mark.parametrize(
    ("status", "kind", "code"), [(404, "gone", ExitCode.COMPLETE), (403, "refused", ExitCode.PARTIAL)]
)
def test_an_account_without_the_assistant_has_all_else(folder: Path, status: int, kind: str, code: ExitCode) -> None:
    with sandbox("assembled", *QUICK, "--size", "4", "--knob", f"assist={status}") as played:
        outcome = run(played, only=("teams", "assist_conversations"))
        assert (outcome.code, incidents(folder)) == (code, {(kind, "assist_conversations", status)})
        assert asked(folder, "SELECT count(*) FROM teams") == [(len(told(played, "teams")),)]


def test_a_report_that_fails_is_named(folder: Path) -> None:
    with sandbox("assembled", *QUICK, "--size", "4", "--knob", "failing-report=2") as played:
        outcome = run(played, only=("report_adherence",))
        assert outcome.code is ExitCode.PARTIAL
        assert {endpoint for kind, endpoint, _ in incidents(folder) if kind == "failed"} == {"report_adherence"}
        assert asked(folder, "SELECT count(*) > 0 FROM report_adherence") == [(True,)]
