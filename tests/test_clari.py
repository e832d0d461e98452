"""The vendor file as data, a walk over the sandbox by what it says, and whole backfills that meet the traps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote, urlencode

import orjson
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st
from runs import asked, incidents
from sandboxed import Answer, Client, sandboxed

import extractor
from benchmarks.rig import DATASET, PIPELINE, Sandbox, missing, sandbox
from extractor.account import ExitCode, Outcome
from extractor.model import Answer as Told
from extractor.model import Call, Children, ColumnType, Configured, Endpoint, Listing, StatedSecond, WeeklyQuota
from extractor.paginate import field_of, once
from extractor.sandbox.clari.routes import clari
from extractor.selection import select
from extractor.vendors import clari as module
from extractor.vendors import load
from extractor.vendors.clari import VENDOR
from extractor.windows import Window, grid, pieces

ENDPOINTS = {endpoint.name: endpoint for endpoint in VENDOR.endpoints}
ORDER = [*ENDPOINTS]

REVENUE = {
    "limits": ("scope",),
    "export_jobs": ("jobId",),
    "audit_events": (),
    "audit_actors": ("actorId",),
    "activities": ("activityId",),
}
FORECAST = {
    "forecast_entries": ("forecastId", "fieldId", "timeFrameId", "timePeriodId", "userId"),
    "forecast_fields": ("forecastId", "fieldId"),
    "forecast_time_frames": ("forecastId", "timeFrameId"),
    "forecast_time_periods": ("forecastId", "timePeriodId"),
    "forecast_users": ("forecastId", "userId"),
}
COPILOT = {
    "calls": ("id",),
    "call_details": ("id",),
    "users": ("id",),
    "topics": ("topic",),
    "topics_v2": ("topic_id",),
    "scorecards": ("id",),
    "scorecard_templates": ("id",),
}
NAMED = {
    "export_job_results": ("jobId",),
    "opportunities": ("id",),
    "ingest_job_status": ("jobId",),
    "accounts": ("id",),
    "deals": ("id",),
    "contacts": ("id",),
}
"""Tables that are loaded only when named; the other ones by default, as far as there are credentials."""

REVENUE_KEY, COPILOT_KEYS = {"apikey"}, {"x_api_key", "x_api_password"}

NOON = datetime(2026, 3, 1, 12, 34, tzinfo=UTC)
FIRST, AFTER = date(2024, 7, 1), date(2026, 3, 2)
"""Days between which all that the sandbox has at `NOON` happened."""


def every(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(kind, VENDOR.endpoints, ids=lambda endpoint: endpoint.name)


# ── it fits together ────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_its_name() -> None:
    assert load("clari") is VENDOR


@pytest.mark.parametrize(
    ("settings", "tables"),
    [
        (REVENUE_KEY, REVENUE.keys()),
        (REVENUE_KEY | {"forecast_ids"}, REVENUE.keys() | FORECAST.keys()),
        (COPILOT_KEYS, COPILOT.keys()),
        (COPILOT_KEYS | {"forecast_ids", "ingest_job_ids", "partnerkey"}, COPILOT.keys()),
        (REVENUE_KEY | COPILOT_KEYS, REVENUE.keys() | COPILOT.keys()),
    ],
)
def test_a_plain_backfill_loads_what_there_are_credentials_for(settings: set[str], tables: Iterable[str]) -> None:
    assert select(VENDOR, settings=settings).loaded == set(tables)


@pytest.mark.parametrize("name", NAMED)
def test_the_rest_is_loaded_when_it_is_named(name: str) -> None:
    assert select(VENDOR, only=[name]).loaded == {name}
    assert not ENDPOINTS[name].default
    assert ENDPOINTS[name].note


def test_every_table_has_its_key() -> None:
    known = REVENUE | FORECAST | COPILOT | NAMED
    loaded = [endpoint for endpoint in VENDOR.endpoints if not endpoint.ids_only]
    assert {endpoint.destination_table: endpoint.key for endpoint in loaded} == known
    assert len(loaded) == len(known)


@every("endpoint")
def test_parents_stand_before_their_children(endpoint: Endpoint) -> None:
    for parent in endpoint.parents:
        if isinstance(parent, Children):
            assert ORDER.index(parent.endpoint) < ORDER.index(endpoint.name)
    if endpoint.beside:
        assert ORDER.index(endpoint.beside) < ORDER.index(endpoint.name)


@every("endpoint")
def test_each_api_has_its_budgets_and_credentials(endpoint: Endpoint) -> None:
    named = {setting.name: setting for setting in VENDOR.settings}
    assert set(endpoint.needs) <= named.keys()
    if endpoint.api == "copilot":
        assert endpoint.budgets == ("week", "copilot")
        assert set(endpoint.needs) == COPILOT_KEYS
    else:
        assert endpoint.budgets == ("revenue",)
        assert ("partnerkey" in endpoint.needs) == (endpoint.api == "ingest")
        assert "apikey" in endpoint.needs
    for parent in endpoint.parents:
        if isinstance(parent, Configured):
            assert parent.setting in endpoint.needs
            assert named[parent.setting].many


@every("endpoint")
def test_only_orders_of_exports_are_posted(endpoint: Endpoint) -> None:
    assert (
        (endpoint.method == "POST")
        == (endpoint.job is not None)
        == endpoint.path.startswith("/export/") & (endpoint.name in ("activities", "forecast_entries"))
    )


@every("endpoint")
def test_what_is_asked_for_by_id_may_be_gone(endpoint: Endpoint) -> None:
    of_parent = any(isinstance(parent, Children) and parent.together == 1 for parent in endpoint.parents)
    assert (404 in endpoint.gone) == (of_parent or endpoint.api == "ingest")


@every("endpoint")
def test_columns_can_be_read(endpoint: Endpoint) -> None:
    for path, kind in endpoint.columns.items():
        assert kind in get_args(ColumnType)
        assert re.fullmatch(r"\w+(\[\])?(\.\w+(\[\])?)*", path), path
    assert {endpoint.columns[key] for key in endpoint.key if not endpoint.ids_only} <= {"text"}


def test_limits_are_those_of_the_documents() -> None:
    assert VENDOR.budgets == {
        "revenue": StatedSecond(limit=100),
        "copilot": StatedSecond(limit=10),
        "week": WeeklyQuota(limit=100_000, keep=1_000, spent_text="Limit Exceeded"),
    }


def test_each_host_gets_its_own_credentials_and_no_others() -> None:
    values = {name: f"the-{name}" for name in ("apikey", "partnerkey", "x_api_key", "x_api_password", "organization")}
    assert VENDOR.headers(values) == {"apikey": "the-apikey"}
    assert VENDOR.apis["ingest"].headers(values) == {"apikey": "the-apikey", "partnerkey": "the-partnerkey"}
    assert VENDOR.apis["copilot"].headers(values) == {
        "X-Api-Key": "the-x_api_key",
        "X-Api-Password": "the-x_api_password",
    }
    assert all(headers({}) == {} for headers in (VENDOR.headers, *(api.headers for api in VENDOR.apis.values())))
    assert {name for name, setting in VENDOR.apis.items() if setting.setting == f"{name}_base_url"} == {*VENDOR.apis}
    secret = {setting.name for setting in VENDOR.settings if setting.secret}
    assert secret == values.keys() - {"organization"}


# ── what is odd about it ────────────────────────────────────────────────────────────────────

days = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@given(start=days, length=st.integers(1, 400))
def test_windows_leave_no_instant_out(start: date, length: int) -> None:
    """Copilot excludes both bounds, the audit includes both, activities include their last day."""
    end = start + timedelta(days=length)
    for name in ("calls", "scorecards"):
        after, before = map(datetime.fromisoformat, dict(params(ENDPOINTS[name], start, end)).values())
        midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (start, end)]
        assert [after + timedelta(milliseconds=1), before] == midnights
    audited = dict(params(ENDPOINTS["audit_events"], start, end))
    assert [*map(datetime.fromisoformat, (audited["dateFrom"], audited["dateTo"]))] == midnights
    body = ordered("activities", start, end)
    first, last = (datetime.fromisoformat(body[name]) for name in ("startDate", "endDate"))
    assert first == midnights[0]
    assert last + timedelta(days=1) == midnights[1]


def params(endpoint: Endpoint, start: date, end: date) -> tuple[tuple[str, str], ...]:
    assert endpoint.windows is not None
    assert endpoint.windows.params is not None
    return endpoint.windows.params(start, end)


def ordered(name: str, start: date, end: date) -> dict[str, Any]:
    windows = ENDPOINTS[name].windows
    assert windows is not None
    assert windows.body is not None
    return dict(windows.body(start, end, "the-id"))


@pytest.mark.parametrize(
    ("day", "name"), [("2024-01-01", "2024_Q1"), ("2024-04-01", "2024_Q2"), ("2025-11-30", "2025_Q4")]
)
def test_a_quarter_has_the_name_that_the_vendor_gives_it(day: str, name: str) -> None:
    start = date.fromisoformat(day)
    body = ordered("forecast_entries", start, start + timedelta(days=1))
    assert (body["timePeriod"], body["includeHistorical"], len(body["typesToExport"])) == (name, True, 6)


def keys_of(child: str, record: Mapping[str, object]) -> tuple[object, ...]:
    (edge,) = ENDPOINTS[child].parents
    assert isinstance(edge, Children)
    return edge.key(record) if callable(edge.key) else (field_of(record, edge.key),)


def test_files_are_asked_for_of_jobs_that_are_done() -> None:
    assert keys_of("export_job_results", {"jobId": "j", "status": "DONE"}) == ("j",)
    for status in ("SCHEDULED", "STARTED", "FAILED", "CANCELLED", "ABORTED", None):
        assert keys_of("export_job_results", {"jobId": "j", "status": status}) == ()


def test_calls_and_activities_name_what_they_are_about() -> None:
    call = {"crm_info": {"account_id": "a", "deal_id": "d", "contact_ids": ["b", "c", "", None]}}
    assert keys_of("accounts", call) == ("a",)
    assert keys_of("deals", call) == ("d",)
    assert keys_of("contacts", call) == ("b", "c")
    activity = {"opportunities": [{"opportunityId": "o"}, {"opportunityName": "nameless"}, {"opportunityId": "p"}]}
    assert keys_of("opportunities", activity) == ("o", "p")


names = st.sampled_from(
    ("opportunities", "opportunityId", "crm_info", "contact_ids", "jobId", "status", "startTime", "title")
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("DONE"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(names, json_values, max_size=5), json_values)
def test_no_record_breaks_the_functions_of_this_vendor(record: dict[str, object], other: object) -> None:
    for child in ("export_job_results", "opportunities", "contacts"):
        assert all(isinstance(key, str) and key for key in keys_of(child, record) if key != "")
    assert same_order(record, other, 0.0) in (True, False)
    for endpoint in VENDOR.endpoints:
        if endpoint.row is not None:
            made = endpoint.row(other, Listing(id=1, endpoint=endpoint.name, key="k"))
            assert made is None or isinstance(made, Mapping)


def same_order(job: Mapping[str, object], body: object, sent: float) -> bool:
    job_of = ENDPOINTS["activities"].job
    assert job_of is not None
    assert job_of.found is not None
    path, matches = job_of.found
    assert path == "/export/jobs"
    return matches(job, body, sent)


# ── a walk over the sandbox ─────────────────────────────────────────────────────────────────


@dataclass
class Clock:
    now: float = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


@dataclass
class Walk:
    """Asks the sandbox for what the vendor file describes: no limits, no retries, everything in memory.

    Attributes:
        records: as they stand in the answers, by endpoint.
        rows: as they are loaded.
        gone: ids that the file calls gone.
        failed: ids that were answered with a status of which it says nothing, or with no JSON.
        cut_off: a paginator says so of some list.
    """

    client: Client
    clock: Clock
    records: dict[str, list[Any]] = field(default_factory=dict)
    rows: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    failed: dict[str, set[str]] = field(default_factory=dict)
    cut_off: bool = False

    async def everything(self) -> None:
        for endpoint in VENDOR.endpoints:
            if not endpoint.beside:
                await self.endpoint(endpoint)

    async def endpoint(self, endpoint: Endpoint) -> None:
        self.rows.setdefault(endpoint.name, [])
        for key in [*self.keys(endpoint)]:
            await self.listing(endpoint, Listing(id=1, endpoint=endpoint.name, key=key))

    def keys(self, endpoint: Endpoint) -> Iterator[str]:
        for about in self.abouts(endpoint):
            if endpoint.windows is None:
                yield about
                continue
            for window in grid(endpoint.windows, FIRST, AFTER):
                smaller = pieces(window, endpoint.windows.pieces) if endpoint.windows.pieces else [window]
                yield from (f"{one.key} {about}".rstrip() for one in smaller)

    def abouts(self, endpoint: Endpoint) -> Iterator[str]:
        if not endpoint.parents:
            yield ""
        for parent in endpoint.parents:
            if isinstance(parent, Configured):
                yield from self.client.told[parent.setting]
                continue
            named = iter(dict.fromkeys(key for one in self.records[parent.endpoint] for key in _keys(parent, one)))
            while some := [*islice(named, parent.together)]:
                yield ",".join(some)

    async def listing(self, endpoint: Endpoint, listing: Listing) -> None:
        paginator = (endpoint.paginate or once)(None)
        call = next(paginator)
        while True:
            answer = await self.ask(endpoint, listing, call)
            if answer.status in endpoint.gone:
                self.gone.setdefault(endpoint.name, set()).add(listing.about)
                return
            if answer.status not in (200, 202) or not answer.body.startswith((b"{", b"[")):
                self.failed.setdefault(endpoint.name, set()).add(listing.about)
                return
            records = self.take(endpoint, listing, answer.json)
            for beside in VENDOR.endpoints:
                if beside.beside == endpoint.name:
                    self.take(beside, listing, answer.json)
            try:
                call = paginator.send(Told(records=records, content=answer.json))
            except StopIteration as stop:
                self.cut_off |= bool(stop.value)
                return

    async def ask(self, endpoint: Endpoint, listing: Listing, call: Call | None = None) -> Answer:
        """The answer to a listing's request; if that orders a job, its results."""
        told, path = self.client.told, endpoint.path.replace("{key}", quote(listing.about, safe=""))
        asked = endpoint.params(listing) if callable(endpoint.params) else endpoint.params
        body = None
        if endpoint.windows is not None:
            start, end = map(date.fromisoformat, listing.key.partition(" ")[0].split("/"))
            asked += endpoint.windows.params(start, end) if endpoint.windows.params else ()
            body = endpoint.windows.body(start, end, listing.about) if endpoint.windows.body else None
        asked += ((endpoint.key_param, listing.about),) if endpoint.key_param else ()
        base = self.client.base
        if endpoint.api:
            base = told[VENDOR.apis[endpoint.api].setting]
        headers = (VENDOR.apis[endpoint.api] if endpoint.api else VENDOR).headers(told)
        if call is not None and call.link:
            path, asked = call.link.removeprefix(base), ()
        elif call is not None:
            asked += call.params
        url = path + ("?" + urlencode(asked) if asked else "")
        answer = await self.client.ask(url, endpoint.method, auth=None, base=base, headers=headers, json=body)
        if endpoint.job is None:
            return answer
        assert answer.status in (200, 202), answer.text
        job = str(field_of(answer.json, endpoint.job.id))
        polled = await self.client.ask(endpoint.job.poll.format(job=job), auth=None, headers=headers)
        assert polled.json[endpoint.job.status] in endpoint.job.waiting
        self.clock.now += 1
        polled = await self.client.ask(endpoint.job.poll.format(job=job), auth=None, headers=headers)
        assert polled.json[endpoint.job.status] in endpoint.job.done
        assert [field_of(polled.json, flag) for flag in endpoint.job.cut_off] == [False, False]
        return await self.client.ask(endpoint.job.results.format(job=job), auth=None, headers=headers)

    def take(self, endpoint: Endpoint, listing: Listing, content: object) -> list[object]:
        records = _records(endpoint, content)
        rows = self.rows.setdefault(endpoint.name, [])
        for record in records:
            row = endpoint.row(record, listing) if endpoint.row else record
            assert isinstance(row, Mapping)
            rows.append(row)
        self.records.setdefault(endpoint.name, []).extend(records)
        return records


def _keys(parent: Children, record: Mapping[str, object]) -> list[str]:
    keys = parent.key(record) if callable(parent.key) else (field_of(record, parent.key),)
    return [key for key in keys if isinstance(key, str)]


def _records(endpoint: Endpoint, content: object) -> list[object]:
    at = endpoint.records.at
    found = content
    if isinstance(content, dict) and at:
        found = next(content[one] for one in ((at,) if isinstance(at, str) else at) if one in content)
    if endpoint.records.shape == "text":
        return [orjson.dumps(content).decode()]
    assert isinstance(found, dict if endpoint.records.shape == "object" else list)
    return found if isinstance(found, list) else [found]


def keys_in(endpoint: Endpoint, rows: Iterable[Mapping[str, object]]) -> set[str]:
    """Keys as the sandbox writes them, made comparable."""
    if not endpoint.key:
        return {repr(sorted(row.items())) for row in rows}
    return {repr(key[0] if len(key) == 1 else key) for key in ([row[name] for name in endpoint.key] for row in rows)}


def as_keys(told: Iterable[Any]) -> set[str]:
    return {repr(sorted(key.items()) if isinstance(key, dict) else key) for key in told}


@asynccontextmanager
async def walking(knob: dict[str, str] | None = None, **more: Any) -> AsyncIterator[Walk]:
    clock = Clock()
    async with sandboxed(vendor=clari, clock=clock, knob=knob, **more) as client:
        yield Walk(client, clock)


@pytest.mark.parametrize("size", [72, 400])
async def test_what_the_file_says_finds_everything(size: int) -> None:
    async with walking(size=size) as walk:
        # What earlier runs ordered is there before anybody looks.
        truth = await walk.client.own("/truth")
        for table in ("accounts", "deals", "contacts", "opportunities"):
            truth["tables"] |= (await walk.client.own(f"/truth?table={table}"))["tables"]
        await walk.everything()
        assert not walk.cut_off
        # The status of an answer repeats how the push ended, and one of the files is CSV.
        assert {name: len(keys) for name, keys in walk.failed.items()} == {
            "ingest_job_status": 2,
            "export_job_results": 1,
        }
        for table, keys in truth["tables"].items():
            found, failed = keys_in(ENDPOINTS[table], walk.rows[table]), as_keys(walk.failed.get(table, ()))
            assert found | failed == as_keys(keys), table
        expired = walk.gone.pop("export_job_results")
        assert len(expired) == 1
        assert {name: sorted(keys) for name, keys in walk.gone.items()} == {
            name: sorted(keys) for name, keys in truth["gone"].items() if keys
        }
        assert not keys_in(ENDPOINTS["calls"], walk.rows["calls"]) & as_keys(truth["elsewhere"]["scheduled_calls"])
        (oldest,) = walk.records["oldest_call"]
        assert oldest["time"] == min(call["time"] for call in walk.records["calls"])
        (path,) = VENDOR.beginning.values()
        assert datetime.fromisoformat(str(field_of(oldest, path))).date() >= FIRST


async def test_no_call_comes_twice() -> None:
    """Windows that show the same call twice would spend the week's requests twice on its details."""
    async with walking(size=2_000) as walk:
        await walk.endpoint(ENDPOINTS["calls"])
        counted = Counter(call["id"] for call in walk.records["calls"])
        assert set(counted.values()) == {1}
        assert any(call["time"].endswith("T00:00:00.000Z") for call in walk.records["calls"])


@pytest.mark.parametrize("knob", [{"spec-templates-key": "1"}, {"jobs-object": "1"}])
async def test_both_shapes_of_an_answer_are_read(knob: dict[str, str]) -> None:
    async with walking(knob=knob) as walk:
        for table in ("scorecard_templates", "export_jobs"):
            await walk.endpoint(ENDPOINTS[table])
            truth = (await walk.client.own(f"/truth?table={table}"))["tables"][table]
            assert keys_in(ENDPOINTS[table], walk.rows[table]) == as_keys(truth)


async def test_every_field_of_every_record_has_a_declared_type() -> None:
    async with walking(size=400) as walk:
        await walk.everything()
        for name, rows in walk.rows.items():
            endpoint = ENDPOINTS[name]
            if not endpoint.ids_only:
                assert {path for row in rows for path in _paths(row, endpoint.columns)} <= endpoint.columns.keys(), name


def _paths(value: object, declared: Mapping[str, str], path: str = "") -> Iterator[str]:
    if path in declared and (declared[path] == "json" or not isinstance(value, dict | list)):
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _paths(inner, declared, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, declared, f"{path}[]")
    elif value is not None:
        yield path


async def test_an_order_whose_answer_was_lost_is_found_by_its_days_and_its_moment() -> None:
    async with walking({"jobs-at-once": "100"}) as walk:
        activities = ENDPOINTS["activities"]
        windows = [*grid(activities.windows, FIRST, AFTER)] if activities.windows else []
        bodies = [ordered("activities", window.start, window.end) for window in windows]
        assert len(bodies) > 1
        sent = walk.clock.now
        headers = VENDOR.headers(walk.client.told)
        made = []
        for body in bodies:
            answer = await walk.client.ask(activities.path, "POST", auth=None, headers=headers, json=body)
            made.append(answer.json["jobId"])
        jobs = (await walk.client.ask("/export/jobs", auth=None, headers=headers)).json
        for body, job_id in zip(bodies, made, strict=True):
            assert [job["jobId"] for job in jobs if same_order(job, body, sent)] == [job_id]
            assert [job["jobId"] for job in jobs if same_order(job, body, sent + 86_400)] == []
            (job,) = [job for job in jobs if job["jobId"] == job_id]
            assert same_order(job | {"startTime": str(job["startTime"])}, body, sent)
            assert not same_order(job | {"status": "FAILED"}, body, sent)
            assert not same_order(job | {"title": "Activities"}, body, sent), "it may be another window's"


# ── whole backfills ─────────────────────────────────────────────────────────────────────────

QUICK = ("--rate-scale", "1000", "--latency", "1", "--knob", "job-latency=5")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    # No header would tell that this sandbox allows more, and that its jobs take no time.
    fast = StatedSecond(limit=10_000)
    budgets = {**VENDOR.budgets, "revenue": fast, "copilot": fast}
    prompt = tuple(
        replace(endpoint, job=replace(endpoint.job, every=0.01)) if endpoint.job else endpoint
        for endpoint in VENDOR.endpoints
    )
    monkeypatch.setattr(module, "VENDOR", replace(VENDOR, budgets=budgets, endpoints=prompt))
    return tmp_path


def run(played: Sandbox, without: Iterable[str] = (), **options: Any) -> Outcome:
    settings: dict[str, Any] = {"base_url": played.base_url, **played.settings}
    settings = {name: value for name, value in settings.items() if name not in {*without}}
    return extractor.backfill("clari", pipeline_name=PIPELINE, dataset=DATASET, settings=settings, **options)


def loaded(folder: Path, table: str) -> set[Any]:
    names = [NamingConvention().normalize_identifier(name) for name in ENDPOINTS[table].key]
    rows = asked(folder, f"SELECT {', '.join(names)} FROM {table}")
    return {row[0] if len(row) == 1 else row for row in rows}


def told(played: Sandbox, table: str) -> set[Any]:
    keys = played.ask(f"truth?table={table}")["tables"][table]
    return {tuple(key) if isinstance(key, list) else key for key in keys}


def test_everything_is_loaded_or_named_and_a_second_run_has_nothing_to_do(folder: Path) -> None:
    with sandbox("clari", *QUICK) as played:
        truth = played.ask("truth")
        outcome = run(played)
        assert incidents(folder) == {("gone", "call_details", 404)}
        assert outcome.code is ExitCode.COMPLETE
        tables = REVENUE.keys() | FORECAST.keys() | COPILOT.keys()
        assert {one.table for one in outcome.tables} == tables
        lacking = missing("clari", folder, (truth,))
        assert lacking.keys() >= tables - {"limits"}
        assert not any(lacking.values())
        assert truth["elsewhere"]["private_calls"]
        for table in tables - {"limits", "audit_events", "export_jobs"}:
            assert loaded(folder, table) == told(played, table)
        gone = {key for (key,) in asked(folder, "SELECT key FROM _extractor_incidents")}
        assert gone == set(truth["gone"]["call_details"])

        again = run(played)
        assert (again.code, again.nothing_to_do, again.requests) == (ExitCode.COMPLETE, True, 0)

    kinds = asked(folder, "SELECT table_name, column_name, data_type FROM information_schema.columns")
    assert not [name for _, name, _ in kinds if "__v_" in name], "every value is of its declared type"
    times = {("activities", "date"), ("export_jobs", "start_time"), ("forecast_entries", "adjusted_on")}
    found = {(table, name): kind for table, name, kind in kinds}
    assert {found[time] for time in times} == {"TIMESTAMP WITH TIME ZONE"}


def test_what_is_named_is_loaded_besides(folder: Path) -> None:
    with sandbox("clari", *QUICK, "--size", "30") as played:
        truth = played.ask("truth")
        assert truth["gone"]["deals"]
        assert truth["gone"]["contacts"]
        outcome = run(played, only=NAMED)
        assert {one.table for one in outcome.tables} == NAMED.keys()
        for table in ("opportunities", "accounts", "deals", "contacts"):
            assert loaded(folder, table) == told(played, table)
        named = {key for (key,) in asked(folder, "SELECT key FROM _extractor_incidents WHERE resolved_at IS NULL")}
        assert named >= {*truth["gone"]["deals"], *truth["gone"]["contacts"], *truth["gone"]["ingest_job_status"]}
        for table in ("export_job_results", "ingest_job_status"):
            assert loaded(folder, table) | named >= told(played, table)
            assert loaded(folder, table)


@pytest.mark.parametrize(("without", "tables"), [(REVENUE_KEY, COPILOT), (COPILOT_KEYS, REVENUE | FORECAST)])
def test_one_api_alone_needs_the_credentials_of_no_other(
    folder: Path, without: set[str], tables: Mapping[str, object]
) -> None:
    with sandbox("clari", *QUICK, "--size", "8") as played:
        outcome = run(played, without)
        assert {one.table for one in outcome.tables} == tables.keys()
        assert not any(kind != "gone" for kind, _, _ in incidents(folder))


def test_windows_with_more_calls_than_can_be_skipped_are_halved(folder: Path) -> None:
    with sandbox("clari", *QUICK, "--size", "1200", "--knob", "skip-cap=0") as played:
        outcome = run(played, only=["calls", "scorecards"])
        assert (outcome.code, incidents(folder)) == (ExitCode.COMPLETE, set())
        for table, longest in (("calls", 28), ("scorecards", 364)):
            assert loaded(folder, table) == told(played, table)
            keys = asked(folder, f"SELECT key FROM _extractor_listings WHERE endpoint = '{table}'")
            assert {longest, longest // 2} <= {Window.of(key).days for (key,) in keys}


def test_exports_that_are_cut_off_are_ordered_in_halves(folder: Path) -> None:
    with sandbox("clari", *QUICK, "--knob", "job-rows=40") as played:
        outcome = run(played, only=["activities"])
        assert (outcome.code, incidents(folder)) == (ExitCode.COMPLETE, set())
        assert loaded(folder, "activities") == told(played, "activities")


def test_exports_that_fail_are_named(folder: Path) -> None:
    with sandbox("clari", *QUICK, "--size", "8", "--knob", "job-fail=1") as played:
        outcome = run(played, only=["activities", "users"])
        assert outcome.code is ExitCode.PARTIAL
        assert {(kind, endpoint) for kind, endpoint, _ in incidents(folder)} == {("failed", "activities")}
        assert loaded(folder, "users") == told(played, "users")


def test_a_spent_quota_of_exports_leaves_the_rest_complete(folder: Path) -> None:
    with sandbox("clari", *QUICK, "--size", "8", "--knob", "monthly-quota=1") as played:
        outcome = run(played, only=["activities", "users", "export_jobs"])
        assert outcome.code is ExitCode.PARTIAL
        assert {(kind, endpoint) for kind, endpoint, _ in incidents(folder)} == {("quota", "activities")}
        assert loaded(folder, "users") == told(played, "users")
        assert loaded(folder, "export_jobs") == told(played, "export_jobs")


def test_a_spent_week_ends_what_copilot_is_asked_for_and_nothing_else(folder: Path) -> None:
    with sandbox("clari", *QUICK, "--size", "30", "--knob", "weekly=30") as played:
        outcome = run(played, only=["users", "call_details", "export_jobs"])
        assert outcome.code is ExitCode.PARTIAL
        assert {(kind, endpoint) for kind, endpoint, _ in incidents(folder)} - {("gone", "call_details")} == {
            ("quota", "call_details")
        }
        assert 0 < len(loaded(folder, "call_details")) < len(told(played, "call_details"))
        for table in ("users", "export_jobs"):
            assert loaded(folder, table) == told(played, table)
