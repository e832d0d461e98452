"""Clari as the sandbox plays it: what a walk finds, limits, jobs, and every refusal that is documented."""

from __future__ import annotations

import csv
import io
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sandboxed import Answer, Client, sandboxed

from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.routes import clari
from extractor.sandbox.clari.timeline import Timeline

NOON = datetime(2026, 3, 1, 12, 34, tzinfo=UTC)
DAY = 86_400_000


@dataclass
class Clock:
    now: float = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


@dataclass
class Clari:
    """Asks the three APIs with the credentials that each of them wants."""

    client: Client
    clock: Clock
    requests: int = 0

    def __post_init__(self) -> None:
        self.begin = datetime.fromtimestamp(self.clock.now, UTC)

    async def revenue(self, path: str, method: str = "GET", **more: Any) -> Answer:
        return await self.client.ask(path, method, headers=self.key("apikey"), **more)

    async def pushed(self, path: str) -> Answer:
        base = self.client.told["ingest_base_url"]
        return await self.client.ask(path, base=base, headers=self.key("apikey", "partnerkey"))

    async def copilot(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        self.requests += 1
        base = self.client.told["copilot_base_url"]
        keys = {"X-Api-Key": self.client.told["x_api_key"], "X-Api-Password": self.client.told["x_api_password"]}
        return await self.client.ask(path, base=base, headers=keys if headers is None else headers)

    def key(self, *names: str) -> dict[str, str]:
        return {name: self.client.told[name] for name in names}

    @property
    def forecast(self) -> str:
        return str(self.client.told["forecast_ids"][0])

    async def export(self, path: str, body: dict[str, Any]) -> Any:
        """The file of an export, as soon as it is there."""
        ordered = await self.revenue(path, "POST", json=body)
        assert ordered.status in (200, 202), ordered.text
        self.clock.now += 1
        job = ordered.json["jobId"]
        assert (await self.revenue(f"/export/jobs/{job}")).json["status"] == "DONE"
        return (await self.revenue(f"/export/jobs/{job}/results")).json

    async def activities(self, **more: Any) -> list[dict[str, Any]]:
        body = {"startDate": (self.begin - timedelta(days=500)).isoformat(), "endDate": self.begin.isoformat()} | more
        found = await self.export("/export/activity", body)
        assert found.keys() == {"activities"}
        return list(found["activities"])


@asynccontextmanager
async def played(knob: dict[str, str] | None = None, at: datetime = NOON, **more: Any) -> AsyncIterator[Clari]:
    clock = Clock(at.timestamp())
    async with sandboxed(vendor=clari, clock=clock, knob=knob, **more) as client:
        yield Clari(client, clock)


# ── a walk finds the truth ──────────────────────────────────────────────────────────────────


@dataclass
class Walk:
    """An extractor in few lines: no limits, everything in memory."""

    clari: Clari
    tables: dict[str, list[Any]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)

    async def everything(self) -> None:
        await self.revenue()
        await self.forecasts()
        await self.pushes()
        await self.copilot()

    async def revenue(self) -> None:
        jobs = (await self.clari.revenue("/export/jobs")).json
        self.tables["export_jobs"] = [job["jobId"] for job in jobs]
        results = [(job, await self.clari.revenue(f"/export/jobs/{job}/results")) for job in self.tables["export_jobs"]]
        self.tables["export_job_results"] = [job for job, answer in results if answer.status == 200]
        events, actors = await audit(self.clari)
        self.tables["audit_events"] = events
        self.tables["audit_actors"] = [*actors]
        activities = await self.clari.activities()
        self.tables["activities"] = [activity["activityId"] for activity in activities]
        deals = [*{one["opportunityId"] for activity in activities for one in activity["opportunities"]}]
        found = []
        for first in range(0, len(deals), 100):
            query = "&".join(f"oppId={deal}" for deal in deals[first : first + 100])
            found += (await self.clari.revenue(f"/opportunity?{query}")).json
        self.tables["opportunities"] = [one["id"] for one in found]

    async def forecasts(self) -> None:
        for key in self.clari.client.told["forecast_ids"]:
            for year in range(self.clari.begin.year - 2, self.clari.begin.year + 2):
                for n in range(1, 5):
                    body = {"timePeriod": f"{year}_Q{n}", "includeHistorical": True}
                    export = await self.clari.export(f"/export/forecast/{key}", body)
                    self.land_forecast(key, export)

    def land_forecast(self, key: str, export: dict[str, list[dict[str, Any]]]) -> None:
        for array, table, names in (
            ("entries", "forecast_entries", ("fieldId", "timeFrameId", "timePeriodId", "userId")),
            ("fields", "forecast_fields", ("fieldId",)),
            ("timeFrames", "forecast_time_frames", ("timeFrameId",)),
            ("timePeriods", "forecast_time_periods", ("timePeriodId",)),
            ("users", "forecast_users", ("userId",)),
        ):
            rows = self.tables.setdefault(table, [])
            keys = [[key, *(record[name] for name in names)] for record in export[array]]
            rows += [one for one in keys if array == "entries" or one not in rows]

    async def pushes(self) -> None:
        for key in self.clari.client.told["ingest_job_ids"]:
            answer = await self.clari.pushed(f"/ingest/job/{key}")
            if answer.status == 404:
                self.gone["ingest_job_status"] = {key}
            else:
                self.tables.setdefault("ingest_job_status", []).append(answer.json["message"]["jobId"])

    async def copilot(self) -> None:
        ask = self.clari.copilot
        until = self.clari.begin.strftime("%Y-%m-%dT%H:%M:%SZ")
        calls = await listed(self.clari, "calls", f"limit=100&includePrivate=true&sortTime=asc&filterTimeLt={until}")
        self.tables["calls"] = [call["id"] for call in calls]
        await self.one_by_one("call_details", "/call-details", self.tables["calls"], "call")
        self.tables["scorecards"] = [one["id"] for one in await listed(self.clari, "scorecards", "limit=100")]
        self.tables["users"] = [user["id"] for user in (await ask("/users")).json["users"]]
        self.tables["topics"] = (await ask("/topics")).json["topics"]
        self.tables["topics_v2"] = [topic["topic_id"] for topic in (await ask("/v2/topics")).json["topics"]]
        templates = (await ask("/scorecard-template")).json["scorecardTemplates"]
        self.tables["scorecard_templates"] = [template["id"] for template in templates]
        crm = [call["crm_info"] for call in calls if "crm_info" in call]
        await self.one_by_one("deals", "/get-deal", [info["deal_id"] for info in crm])
        await self.one_by_one("accounts", "/get-account", [info["account_id"] for info in crm])
        await self.one_by_one("contacts", "/get-contact", [one for info in crm for one in info["contact_ids"]])

    async def one_by_one(self, table: str, path: str, keys: list[str], wrapped: str | None = None) -> None:
        self.tables[table] = []
        self.gone[table] = set()
        for key in dict.fromkeys(keys):
            answer = await self.clari.copilot(f"{path}?id={key}")
            if answer.status == 404:
                self.gone[table].add(key)
            elif answer.status == 200:
                self.tables[table].append((answer.json[wrapped] if wrapped else answer.json)["id"])


async def listed(clari: Clari, table: str, query: str) -> list[dict[str, Any]]:
    """All pages of calls or scorecards."""
    path = {"calls": "/calls", "scorecards": "/scorecard"}[table]
    found: list[dict[str, Any]] = []
    skip: int | None = 0
    while skip is not None:
        answer = await clari.copilot(f"{path}?{query}&skip={skip}")
        assert answer.status == 200, answer.text
        found += answer.json[table]
        pagination = answer.json["pagination"]
        assert pagination["hasMore"] == ("nextPageSkip" in pagination)
        skip = pagination.get("nextPageSkip")
    assert len(found) == pagination["matched"]
    return found


async def audit(clari: Clari, query: str = "dateFrom=2023-01-01&limit=100") -> tuple[list[dict[str, Any]], set[str]]:
    """All events, and the ids of all actors."""
    events: list[dict[str, Any]] = []
    actors: set[str] = set()
    path: str | None = f"/audit/events?{query}"
    while path:
        page = (await clari.revenue(path)).json
        assert {event["actorId"] for event in page["items"]} == {actor["actorId"] for actor in page["actors"]}
        events += page["items"]
        actors |= {actor["actorId"] for actor in page["actors"]}
        link = page.get("nextLink", "")
        assert not link or link.startswith(clari.client.base)
        path = link.removeprefix(clari.client.base)
    return events, actors


def sort(keys: list[Any]) -> list[str]:
    return sorted(map(repr, keys))


async def compare(walk: Walk) -> dict[str, Any]:
    truth = dict(await walk.clari.client.own("/truth"))
    on_demand = "accounts&table=deals&table=contacts&table=opportunities"
    truth["tables"] |= (await walk.clari.client.own(f"/truth?table={on_demand}"))["tables"]
    assert walk.tables.keys() == truth["tables"].keys()
    for table, keys in truth["tables"].items():
        assert sort(walk.tables[table]) == sort(keys), table
        assert len(set(map(repr, keys))) == len(keys), table
    assert {table: sorted(keys) for table, keys in walk.gone.items() if keys} == {
        table: sorted(keys) for table, keys in truth["gone"].items() if keys
    }
    return truth


@pytest.mark.parametrize("size", [1, 72, 400])
async def test_a_walk_finds_the_truth(size: int) -> None:
    async with played(size=size) as clari:
        walk = Walk(clari)
        await walk.everything()
        truth = await compare(walk)
        assert len(truth["changes"]) == 1 + 2 * 16
        assert not truth["hidden"]["call_details"]


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("at", ["2024-02-29T23:59:58+00:00", "2026-01-01T00:00:01+00:00", "2026-03-31T13:30:00+00:00"])
async def test_a_walk_finds_the_truth_at_any_time(at: str, seed: int) -> None:
    async with played(at=datetime.fromisoformat(at), size=61, seed=seed) as clari:
        walk = Walk(clari)
        await walk.everything()
        await compare(walk)


async def test_with_a_fixed_end_the_data_do_not_depend_on_the_day() -> None:
    found = []
    for later in (0, 40):
        async with played(at=NOON + timedelta(days=later), until=NOON) as clari:
            walk = Walk(clari)
            await walk.copilot()
            found.append(walk.tables | {"events": (await audit(clari))[0], "activities": await clari.activities()})
    assert found[0] == found[1]
    assert max(event["eventTimestamp"] for event in found[0]["events"]) < "2026-03-01T12:34"


async def test_the_default_size_is_a_short_run_that_meets_the_traps() -> None:
    async with played() as clari:
        walk = Walk(clari)
        await walk.copilot()
        assert clari.requests <= 250
        truth = await clari.client.own("/truth")
        assert truth["gone"]["call_details"]
        assert truth["elsewhere"]["private_calls"]
        assert truth["elsewhere"]["scheduled_calls"]
        assert (await clari.client.own("/stats"))["repeated"] == 0


async def test_a_plain_sandbox_has_no_traps() -> None:
    async with played(plain=True) as clari:
        walk = Walk(clari)
        await walk.everything()
        truth = await compare(walk)
        assert not any(truth["gone"][table] for table in ("call_details", "deals", "contacts"))
        assert {type(one["date"]) for one in await clari.activities()} == {int}


async def test_two_starts_agree_on_everything_and_another_seed_on_nothing() -> None:
    tables = []
    for seed in (1, 1, 2):
        async with played(seed=seed) as clari:
            walk = Walk(clari)
            await walk.everything()
            tables.append(walk.tables)
    assert tables[0] == tables[1]
    for table in ("calls", "activities", "users", "scorecards", "forecast_entries", "export_jobs"):
        assert not set(map(repr, tables[0][table])) & set(map(repr, tables[2][table]))


async def test_a_large_workspace_starts_at_once_and_counts_without_a_look() -> None:
    async with played(size=200_000) as clari:
        answer = (await clari.copilot("/calls?limit=1&filterTimeGt=2026-01-01&filterTimeLt=2026-02-01")).json
        assert 5_000 < answer["pagination"]["matched"] < 50_000


# ── Copilot: lists ──────────────────────────────────────────────────────────────────────────


async def test_bounds_of_filters_are_excluded_and_midnight_has_calls() -> None:
    async with played(size=2_000) as clari:
        calls = await listed(clari, "calls", "limit=100&includePrivate=1")
        assert sorted((call["time"] for call in calls), reverse=True) == [call["time"] for call in calls]
        (midnight, *_) = [call["time"] for call in calls if call["time"].endswith("T00:00:00.000Z")]
        later = await listed(clari, "calls", f"limit=100&includePrivate=1&filterTimeGt={midnight}")
        earlier = await listed(clari, "calls", f"limit=100&includePrivate=1&filterTimeLt={midnight}&sortTime=asc")
        assert [call["id"] for call in later] == [call["id"] for call in calls if call["time"] > midnight]
        assert [call["id"] for call in earlier] == [call["id"] for call in reversed(calls) if call["time"] < midnight]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("filterStatus=PROCESSED&filterStatus=SCHEDULED", lambda call: call["status"] in ("PROCESSED", "SCHEDULED")),
        ("filterType=ZOOM", lambda call: call["type"] == "ZOOM"),
        ("filterSourceId=src-0000100", lambda call: call.get("source_id") == "src-0000100"),
        ("filterUser=u1@sandbox.example", lambda call: "u1@sandbox.example" in emails(call["users"])),
        (
            "filterAttendees=p4@account2.example",
            lambda call: "p4@account2.example" in emails(call["users"]) | emails(call["externalParticipants"]),
        ),
        (
            "filterTopics=Pricing",
            lambda call: "Pricing" in [one["name"] for one in call.get("metrics", {}).get("categories", [])],
        ),
        (
            "filterDurationGt=60&filterDurationLt=1000",
            lambda call: 60 < call.get("metrics", {}).get("call_duration", 0) < 1_000,
        ),
        ("filterModifiedGt=2025-12-24T05:00:00Z", lambda call: call["last_modified_time"] > "2025-12-24T05:00:00.000Z"),
        ("filterModifiedLt=2025-12-24T05:00:00Z", lambda call: call["last_modified_time"] < "2025-12-24T05:00:00.000Z"),
    ],
)
async def test_each_filter_chooses_what_it_names(query: str, wanted: Any) -> None:
    async with played(size=600) as clari:
        everything = await listed(clari, "calls", "limit=100")
        found = await listed(clari, "calls", f"limit=100&{query}")
        assert found == [call for call in everything if wanted(call)]


def emails(people: list[dict[str, Any]]) -> set[str]:
    return {one.get("userEmail", one.get("email", "")) for one in people}


async def test_order_by_processing_and_lists_without_pagination() -> None:
    async with played() as clari:
        found = await listed(clari, "calls", "limit=10&sortProcessed=asc")
        modified = [call["last_modified_time"] for call in found]
        assert modified == sorted(modified)
        bare = (await clari.copilot("/calls?limit=100&includePagination=false&sortProcessed=asc")).json
        assert bare == {"calls": found}
        assert len((await clari.copilot("/calls")).json["calls"]) == 25


async def test_private_calls_come_only_when_they_are_asked_for() -> None:
    async with played() as clari:
        private = set((await clari.client.own("/truth"))["elsewhere"]["private_calls"])
        without, everything = await listed(clari, "calls", "limit=7"), await listed(clari, "calls", "includePrivate=1")
        ids = {call["id"] for call in everything}
        assert private < ids
        assert {call["id"] for call in without} == ids - private


async def test_what_is_absent_has_no_key_and_media_only_come_on_request() -> None:
    async with played(size=300) as clari:
        calls = await listed(clari, "calls", "limit=100&includeAudio=true")
        for name in ("source_id", "crm_info", "metrics", "icaluid", "deal_value"):
            assert {name in call for call in calls} == {True, False}
            assert all(call.get(name, "") is not None for call in calls)
        assert {call["video_url"] for call in calls} == {None}
        assert any("Expires=" in (call["audio_url"] or "") for call in calls)
        assert all(isinstance(call["deal_value"], str) for call in calls if "deal_value" in call)


async def test_details_are_the_call_and_a_transcript_of_those_who_took_part() -> None:
    async with played() as clari:
        calls = [call for call in await listed(clari, "calls", "limit=100") if "metrics" in call]
        sizes = []
        for call in calls:
            answer = await clari.copilot(f"/call-details?id={call['id']}")
            if answer.status == 200:
                details = answer.json["call"]
                assert details.items() >= call.items()
                people = {one["personId"] for one in (*call["users"], *call["externalParticipants"])}
                assert {turn["personId"] for turn in details["transcript"]} <= people
                sizes.append(len(answer.body))
        assert max(sizes) > 150_000


async def test_scorecards_by_time_and_people_and_topics_by_change() -> None:
    async with played(size=400) as clari:
        everything = await listed(clari, "scorecards", "limit=100")
        assert len((await clari.copilot("/scorecard")).json["scorecards"]) == 50
        split = "2025-08-01T00:00:00Z"
        parts = [await listed(clari, "scorecards", f"filterTime{side}={split}") for side in ("Lt", "Gt")]
        assert parts[0] + parts[1] == everything
        assert all(parts)
        rep = everything[0]["rep"]
        mine = await listed(clari, "scorecards", f"filterRepId={rep}")
        assert mine == [card for card in everything if card["rep"] == rep]
        topics = (await clari.copilot("/v2/topics")).json["topics"]
        fresh = (await clari.copilot("/v2/topics?filterModifiedGt=2025-12-01T00:00:00Z")).json["topics"]
        assert fresh == topics[: len(fresh)] != topics


async def test_templates_come_under_the_key_of_the_live_api_or_of_the_specification() -> None:
    async with played({"spec-templates-key": "1"}) as clari:
        assert (await clari.copilot("/scorecard-template")).json.keys() == {"scoreCardTemplates"}


# ── Copilot: limits and refusals ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "/calls?skip=10001",
        "/calls?skip=-1",
        "/calls?limit=101",
        "/calls?limit=0",
        "/calls?limit=ten",
        "/calls?filterTimeGt=yesterday",
        "/calls?filterTimeGt=2026-01-01T00:00:00",
        "/calls?filterDurationGt=7201",
        "/calls?sortTime=up",
        "/calls?sortTime=asc&sortProcessed=asc",
        "/calls?includePrivate=yes",
        "/calls?page=2",
        "/scorecard?limit=101",
        "/scorecard?skip=10001",
        "/users?limit=5",
        "/call-details",
    ],
)
async def test_bad_filters_and_paging_are_400(path: str) -> None:
    async with played() as clari:
        answer = await clari.copilot(path)
        assert answer.status == 400
        assert answer.json.keys() == {"errorMessage"}


async def test_skip_ends_at_its_cap() -> None:
    async with played({"skip-cap": "50"}) as clari:
        assert (await clari.copilot("/calls?limit=1&skip=50")).json["pagination"]["nextPageSkip"] == 51
        assert (await clari.copilot("/calls?limit=1&skip=51")).status == 400


async def test_unknown_ids_are_404() -> None:
    async with played() as clari:
        known = (await clari.client.own("/truth?table=users"))["tables"]["users"][0]
        for key in (known, "nonsense", "00000000-0000-4000-8000-000000000000"):
            for path in ("/call-details", "/get-deal", "/get-account", "/get-contact"):
                answer = await clari.copilot(f"{path}?id={key}")
                assert (answer.status, [*answer.json]) == (404, ["errorMessage"])


async def test_half_of_the_credentials_is_401_on_every_path() -> None:
    async with played() as clari:
        right = {"X-Api-Key": clari.client.told["x_api_key"], "X-Api-Password": clari.client.told["x_api_password"]}
        for headers in ({}, {"X-Api-Key": right["X-Api-Key"]}, right | {"X-Api-Password": "wrong"}):
            for path in ("/users", "/nowhere"):
                answer = await clari.copilot(path, headers)
                assert answer.status == 401
                assert "Credentials not provided" in answer.json["errorMessage"]
        assert (await clari.copilot("/users", {name.lower(): value for name, value in right.items()})).status == 200
        assert (await clari.copilot("/nowhere")).status == 404


async def test_an_answer_over_the_size_cap_is_502_and_a_smaller_page_is_not() -> None:
    async with played({"max-bytes": "60000"}) as clari:
        assert (await clari.copilot("/calls?limit=100")).status == 502
        assert (await clari.copilot("/calls?limit=10")).status == 200
        walk = Walk(clari)
        await walk.one_by_one("call_details", "/call-details", await ids_of(clari, "calls"), "call")
        truth = await clari.client.own("/truth")
        assert truth["hidden"]["call_details"]
        assert walk.tables["call_details"] == truth["tables"]["call_details"]
        assert walk.gone["call_details"] == set(truth["gone"]["call_details"])


async def ids_of(clari: Clari, table: str) -> list[str]:
    return list((await clari.client.own(f"/truth?table={table}"))["tables"][table])


async def test_ten_a_second_and_a_week_that_ends_on_sunday() -> None:
    async with played({"weekly": "100", "weekly-used": "88"}, rate_scale=1) as clari:
        answers = [await clari.copilot("/users") for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        assert answers[-1].json == {"message": "Too Many Requests"}
        assert not [name for name in answers[-1].headers if "rate" in name.lower() or name.lower() == "retry-after"]
        clari.clock.now += 1
        answers = [await clari.copilot("/users") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].json == {"message": "Limit Exceeded"}
        clari.clock.now = datetime(2026, 3, 8, tzinfo=UTC).timestamp() - 1  # NOON is a Sunday
        assert (await clari.copilot("/users")).json == {"message": "Limit Exceeded"}
        clari.clock.now += 1
        assert (await clari.copilot("/users")).status == 200


async def test_revenue_and_ingestion_share_a_hundred_a_second() -> None:
    async with played(rate_scale=1) as clari:
        job = clari.client.told["ingest_job_ids"][0]
        statuses = [(await clari.pushed(f"/ingest/job/{job}")).status for _ in range(50)]
        statuses += [(await clari.revenue("/admin/limits")).status for _ in range(50)]
        assert set(statuses) == {200}
        refused = await clari.revenue("/admin/limits")
        assert (refused.status, refused.json) == (429, {"error": "API rate limit exceeded"})
        assert (await clari.copilot("/users")).status == 200


FORGED = urlsafe_b64encode(b'{"filter":{"start":0,"end":9,"equal":{}},"limit":"5","offset":0}').decode()

# ── audit ───────────────────────────────────────────────────────────────────────────────────


async def test_audit_events_are_of_thirty_days_unless_asked_and_bounds_are_included() -> None:
    async with played(size=300) as clari:
        everything, _ = await audit(clari)
        stamps = [event["eventTimestamp"] for event in everything]
        assert stamps == sorted(stamps, reverse=True)
        month = (NOON - timedelta(days=30)).isoformat()
        recent, _ = await audit(clari, "limit=1000")
        assert recent == [event for event in everything if event["eventTimestamp"] > month]
        first, last = stamps[-100], stamps[100]
        some, _ = await audit(clari, f"dateFrom={first}&dateTo={last}&limit=7")
        assert some == [event for event in everything if first <= event["eventTimestamp"] <= last]
        session = everything[0]["sessionId"]
        one, _ = await audit(clari, f"dateFrom=2025-01-01&sessionId={session}&limit=5")
        assert one == [event for event in everything if event["sessionId"] == session]
        assert len((await clari.revenue("/audit/events?dateFrom=2025-01-01")).json["items"]) == 100


async def test_no_field_of_an_event_is_a_key() -> None:
    async with played() as clari:
        events, _ = await audit(clari)
        keys = {(e["eventTimestamp"], e["actorId"], e["sessionId"], e["event"]) for e in events}
        assert len(keys) < len(events) == len(set(map(repr, events)))
        assert {"correlationID" in event for event in events} == {True, False}


async def test_a_next_link_may_lead_elsewhere_or_nowhere_further() -> None:
    async with played({"foreign-next": "1"}) as clari:
        link = (await clari.revenue("/audit/events?limit=5")).json["nextLink"]
        assert not link.startswith(clari.client.root + "/")
    async with played({"next-repeat": "1"}) as clari:
        link = (await clari.revenue("/audit/events?limit=5")).json["nextLink"]
        again = (await clari.revenue(link.removeprefix(clari.client.base))).json["nextLink"]
        assert again == link


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "dateFrom=yesterday",
        "dateFrom=2026-02-01&dateTo=2026-01-01",
        "sessionType=TV",
        "actorId=me",
        "cursor=nonsense",
        "cursor=e30&limit=5",
        "cursor=e30",
        f"cursor={FORGED}",
        "page=2",
    ],
)
async def test_audit_refusals_are_a_list_of_errors(query: str) -> None:
    async with played() as clari:
        answer = await clari.revenue(f"/audit/events?{query}")
        assert answer.status == 400
        (error,) = answer.json["errors"]
        assert error.keys() == {"code", "message", "target", "status", "details"}


# ── exports ─────────────────────────────────────────────────────────────────────────────────

BODY = {"startDate": "2025-06-01T00:00:00Z", "endDate": "2025-06-30T00:00:00Z"}


async def test_a_job_waits_runs_and_ends() -> None:
    async with played({"job-latency": "8000"}) as clari:
        answer = await clari.revenue("/export/activity", "POST", json=BODY)
        assert (answer.status, [*answer.json]) == (202, ["jobId"])
        job = answer.json["jobId"]
        states = []
        for _ in range(9):
            record = (await clari.revenue(f"/export/jobs/{job}")).json
            states.append(record["status"])
            results = await clari.revenue(f"/export/jobs/{job}/results")
            if record["status"] == "DONE":
                assert results.json.keys() == {"activities"}
                assert record["expiredTime"] - record["endTime"] == 30 * DAY
            else:
                assert (results.status, results.json["code"]) == (400, "invalid_jobId")
                assert not record.keys() & {"endTime", "expiredTime"}
            clari.clock.now += 1
        assert states == ["SCHEDULED"] * 2 + ["STARTED"] * 6 + ["DONE"]
        (listed, *_) = (await clari.revenue("/export/jobs")).json
        assert (listed["jobId"], listed["downloads"], listed["viewed"]) == (job, 1, True)
        clari.clock.now += 31 * 86_400
        assert (await clari.revenue(f"/export/jobs/{job}/results")).json["code"] == "invalid_jobId"


async def test_jobs_can_fail_and_be_listed_in_an_object() -> None:
    async with played({"job-fail": "1", "jobs-object": "1"}) as clari:
        job = (await clari.revenue("/export/activity", "POST", json=BODY)).json["jobId"]
        clari.clock.now += 1
        assert (await clari.revenue(f"/export/jobs/{job}")).json["status"] == "FAILED"
        assert (await clari.revenue(f"/export/jobs/{job}/results")).json["code"] == "invalid_jobId"
        assert (await clari.revenue("/export/jobs")).json["jobs"][0]["jobId"] == job


async def test_both_limits_are_the_same_400() -> None:
    async with played({"jobs-at-once": "2"}) as clari:
        for status in (202, 202, 400):
            answer = await clari.revenue("/export/activity", "POST", json=BODY)
            assert answer.status == status
        assert answer.json["code"] == "export_monthly_quota_reached"
        assert answer.json.keys() == {"code", "namespace", "errorId", "message", "orgId", "source"}
        jobs = (await clari.revenue("/admin/limits")).json["jobs"]
        assert (jobs["availableConcurrentLimit"], "runningJobIds" in jobs) == (0, False), "both are queued"
        clari.clock.now += 0.3
        jobs = (await clari.revenue("/admin/limits")).json["jobs"]
        assert len(jobs["runningJobIds"]) == 2
        clari.clock.now += 1
        assert (await clari.revenue("/export/activity", "POST", json=BODY)).status == 202
    async with played() as clari:
        used = len((await clari.revenue("/admin/limits")).json["jobs"]["submittedJobIds"])
    async with played({"monthly-quota": str(used + 1)}) as clari:
        for status in (202, 400):
            answer = await clari.revenue("/export/activity", "POST", json=BODY)
            assert answer.status == status
            clari.clock.now += 1
        jobs = (await clari.revenue("/admin/limits")).json["jobs"]
        assert (jobs["availableConcurrentLimit"], jobs["availableMonthlyQuota"]) == (3, 0)
        assert answer.json["code"] == "export_monthly_quota_reached"
        clari.clock.now += 30 * 86_400
        assert (await clari.revenue("/export/activity", "POST", json=BODY)).status == 202, "the window rolls on"


async def test_cancelling_gives_quota_back_and_is_refused_after_the_end() -> None:
    async with played() as clari:
        jobs = []
        before = (await clari.revenue("/admin/limits")).json["jobs"]["availableMonthlyQuota"]
        for passes, state in ((0.01, "CANCELLED"), (0.3, "ABORTED")):
            job = (await clari.revenue("/export/activity", "POST", json=BODY)).json["jobId"]
            clari.clock.now += passes
            answer = await clari.revenue(f"/export/jobs/{job}", "PATCH", json={"type": "CANCEL"})
            assert answer.json == {"status": state, "successful": True}
            assert (await clari.revenue(f"/export/jobs/{job}")).json["status"] == state
            jobs.append(job)
        limits = (await clari.revenue("/admin/limits")).json["jobs"]
        assert (limits["availableMonthlyQuota"], limits["availableConcurrentLimit"]) == (before, 3)
        answer = await clari.revenue(f"/export/jobs/{jobs[0]}", "PATCH", json={"type": "CANCEL"})
        assert (answer.status, answer.json["code"]) == (400, "export_failed_to_cancel")
        answer = await clari.revenue(f"/export/jobs/{jobs[0]}", "PATCH", json={"type": "STOP"})
        assert (answer.status, answer.json["code"]) == (400, "bad_request")


async def test_earlier_jobs_have_every_end_and_a_colleague_has_one_too() -> None:
    async with played() as clari:
        jobs = (await clari.revenue("/export/jobs")).json
        assert {job["status"] for job in jobs} == {"DONE", "FAILED", "CANCELLED", "ABORTED"}
        assert {job["fileType"] for job in jobs} == {"JSON", "CSV"}
        (foreign,) = (await clari.client.own("/truth"))["elsewhere"]["foreign_jobs"]
        assert foreign in (await clari.revenue("/admin/limits")).json["jobs"]["submittedJobIds"]
        for path in (f"/export/jobs/{foreign}", f"/export/jobs/{foreign}/results"):
            answer = await clari.revenue(path)
            assert (answer.status, answer.json["code"]) == (403, "SWW")
        answer = await clari.revenue("/export/jobs/64e0c1f2a9b3d4e5f6a7b8c9/results")
        assert (answer.status, answer.json["code"]) == (400, "invalid_jobId")


async def test_a_file_is_cut_off_and_its_job_says_so() -> None:
    async with played({"job-rows": "20"}) as clari:
        assert len(await clari.activities()) == 20
        assert (await clari.revenue("/export/jobs")).json[0]["rowsTruncated"] is True
        week = {"startDate": "2025-06-01T00:00:00Z", "endDate": "2025-06-07T00:00:00Z"}
        await clari.activities(**week)
        assert (await clari.revenue("/export/jobs")).json[0]["rowsTruncated"] is False


async def test_activities_are_of_whole_days_in_the_zone_that_is_named() -> None:
    async with played(size=2_000) as clari:
        everything = {one["activityId"]: int(one["date"]) for one in await clari.activities()}
        assert {type(one["date"]) for one in await clari.activities()} == {int, str}
        for zone, hours in (("Z", 0), ("-08:00", 8), ("+05:30", -5.5)):
            found = await clari.activities(startDate=f"2025-06-03T23:59:00{zone}", endDate=f"2025-06-05T00:00:00{zone}")
            start = datetime(2025, 6, 3, tzinfo=UTC).timestamp() * 1000 + hours * 3_600_000
            wanted = {key for key, date in everything.items() if start <= date < start + 3 * DAY}
            assert {one["activityId"] for one in found} == wanted
            assert wanted
        sent = await clari.activities(activityTypes=["EMAIL_SENT", "MEETING"])
        assert {one["activityType"] for one in sent} == {"EMAIL_SENT", "MEETING"}
        assert await clari.activities(startDate="2020-01-01T00:00:00Z", endDate="2020-01-31T00:00:00Z") == []


async def test_the_audit_export_holds_what_the_list_does() -> None:
    async with played() as clari:
        events, actors = await audit(clari)
        found = await clari.export("/export/audit/events", {"dateFrom": "2025-01-01"})
        assert found["items"] == events
        assert {actor["actorId"] for actor in found["actors"]} == actors
        refused = await clari.revenue("/export/audit/events", "POST", json={"sessionType": "TV"})
        assert (refused.status, [*refused.json]) == (400, ["errors"])


# ── forecasts ───────────────────────────────────────────────────────────────────────────────


async def test_a_forecast_is_the_latest_week_unless_history_is_wanted() -> None:
    async with played() as clari:
        path = f"/forecast/{clari.forecast}"
        latest = (await clari.revenue(f"{path}?timePeriod=2025_Q3")).json
        whole = (await clari.revenue(f"{path}?timePeriod=2025_Q3&includeHistorical=true")).json
        assert len({entry["timeFrameId"] for entry in latest["entries"]}) == 1
        weeks = [entry["timeFrameId"] for entry in whole["entries"]]
        assert weeks != sorted(weeks)
        assert set(weeks) == {frame["timeFrameId"] for frame in whole["timeFrames"]}
        exported = await clari.export(
            f"/export/forecast/{clari.forecast}", {"timePeriod": "2025_Q3", "includeHistorical": True}
        )
        assert exported == whole
        current = (await clari.revenue(path)).json
        assert current["timePeriods"][0]["timePeriodId"] == "2026_Q1"
        for quarter in ("2020_Q1", "2026_Q2"):
            nothing = (await clari.revenue(f"{path}?timePeriod={quarter}")).json
            assert nothing.keys() == whole.keys()
            assert not any(nothing.values())


async def test_time_frames_cover_a_quarter_without_gaps() -> None:
    async with played() as clari:
        export = (await clari.revenue(f"/forecast/{clari.forecast}?timePeriod=2024_Q4")).json
        frames = [(frame["startDate"], frame["endDate"]) for frame in export["timeFrames"]]
        assert (frames[0][0], frames[-1][1]) == ("2024-10-01", "2024-12-31")
        for (_, end), (start, _) in pairwise(frames):
            assert datetime.fromisoformat(start) - datetime.fromisoformat(end) == timedelta(days=1)


async def test_types_scope_and_currency_of_a_forecast() -> None:
    async with played() as clari:
        path = f"/forecast/{clari.forecast}"
        quota = (await clari.revenue(f"{path}?typesToExport=quota&typesToExport=adjustment&currency=EUR")).json
        assert {frozenset(entry) for entry in quota["entries"]} == {
            frozenset(
                {
                    *("fieldId", "userId", "timePeriodId", "timeFrameId", "quotaValue"),
                    *("adjustmentValue", "adjustedBy", "adjustedOn", "currency"),
                }
            )
        }
        assert quota["entries"][0]["currency"]["code"] == "EUR"
        team = (await clari.revenue(f"{path}?scopeId=1906::MGR")).json
        scopes = {user["scopeId"] for user in team["users"]}
        assert "1906::MGR" in scopes
        assert scopes < {user["scopeId"] for user in quota["users"]}
        assert {entry["userId"] for entry in team["entries"]} == {user["userId"] for user in team["users"]}


@pytest.mark.parametrize(("knob", "body"), [({}, {"exportFormat": "CSV"}), ({"forecast-csv": "1"}, {})])
async def test_a_forecast_as_csv_has_a_line_for_each_value(knob: dict[str, str], body: dict[str, Any]) -> None:
    async with played(knob) as clari:
        path = f"/export/forecast/{clari.forecast}"
        order = await clari.revenue(path, "POST", json={"timePeriod": "2025_Q3"} | body)
        assert order.status == 200
        clari.clock.now += 1
        answer = await clari.revenue(f"/export/jobs/{order.json['jobId']}/results")
        assert answer.headers["Content-Type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        export = (await clari.revenue(f"/forecast/{clari.forecast}?timePeriod=2025_Q3")).json
        assert len(rows) == 2 * len(export["entries"])
        money = {
            float(row["Data Value"].strip("$").replace(",", ""))
            for row in rows
            if row["Data Type"] == "Forecast Value" and row["Data Value"]
        }
        assert money == {round(e["forecastValue"], 2) for e in export["entries"] if e["forecastValue"] is not None}
        assert {row["Data Value"] for row in rows if row["Data Type"] == "Forecast Updated"} == {"Yes", "No"}
        assert {row["End Day"] for row in rows} == {"09/30/2025"}


# ── refusals of the Revenue API and of the ingestion ────────────────────────────────────────


async def test_a_missing_key_is_not_a_wrong_one_and_an_unknown_path_is_404_for_everybody() -> None:
    async with played() as clari:
        ask = clari.client.ask
        assert (await ask("/admin/limits")).json == {"message": "No API key found in request"}
        wrong = await ask("/admin/limits", headers={"apikey": "wrong"})
        assert (wrong.status, wrong.json) == (401, {"message": "Invalid authentication credentials"})
        assert (await ask("/admin/limits", headers={"APIKEY": clari.client.told["apikey"]})).status == 200
        for path in ("/nowhere", "/export/forecast/list"):
            answer = await ask(path)
            assert answer.status == 404
            assert answer.json["message"] == "no Route matched with those values"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/export/activity", {}, "bad_request"),
        ("/export/activity", BODY | {"startDate": "2025-06-01"}, "bad_request"),
        ("/export/activity", BODY | {"endDate": "2025-05-01T00:00:00Z"}, "bad_request"),
        ("/export/activity", BODY | {"types": []}, "bad_request"),
        ("/export/activity", BODY | {"activityTypes": "MEETING"}, "bad_request"),
        ("/export/activity", BODY | {"activityTypes": ["CALL"]}, "type_not_supported"),
        ("/export/activity", BODY | {"exportFormat": "CSV"}, "type_not_supported"),
        ("/export/forecast", {}, "missing_forecast_id"),
        ("/export/forecast/64e0c1f2a9b3d4e5f6a7b8c9", {}, "no_such_forecast_config"),
        ("/export/forecast/{}", {"timePeriod": "2025_Q5"}, "bad_request"),
        ("/export/forecast/{}", {"scopeId": "1::MGR"}, "bad_request"),
        # ISO 4217's code for a transaction without a currency: well formed, and nothing to convert to.
        ("/export/forecast/{}", {"currency": "XXX"}, "bad_request"),
        ("/export/forecast/{}", {"includeHistorical": "yes"}, "bad_request"),
        ("/export/forecast/{}", {"schedule": "TWICE"}, "bad_request"),
        ("/export/forecast/{}", {"quarter": "2025_Q1"}, "bad_request"),
        ("/export/forecast/{}", {"typesToExport": ["pipeline"]}, "type_not_supported"),
        ("/export/forecast/{}", {"exportFormat": "XLSX"}, "type_not_supported"),
    ],
)
async def test_orders_that_make_no_sense_are_400(path: str, body: dict[str, Any], code: str) -> None:
    async with played() as clari:
        answer = await clari.revenue(path.format(clari.forecast), "POST", json=body)
        assert (answer.status, answer.json["code"]) == (400, code)
        assert answer.json.keys() == {"code", "namespace", "errorId", "message", "orgId"}


async def test_an_order_is_json_and_says_so() -> None:
    async with played() as clari:
        good = b'{"startDate":"2025-06-01T00:00:00Z","endDate":"2025-06-02T00:00:00Z"}'
        for content, body in (("application/json", b"[]"), ("application/json", good[:-1]), ("text/plain", good)):
            headers = clari.key("apikey") | {"Content-Type": content}
            answer = await clari.client.ask("/export/activity", "POST", headers=headers, data=body)
            assert (answer.status, answer.json["code"]) == (400, "bad_request")
        assert (await clari.revenue(f"/export/forecast/{clari.forecast}", "POST")).status == 200, "needs no body"
        stray = await clari.revenue("/export/jobs?limit=5")
        assert (stray.status, stray.json["code"]) == (400, "bad_request")
        order = f"/export/forecast/{clari.forecast}"
        for query in ("includeHistorical=true", "typesToExport=quota&typesToExport=forecast", "schedule=ONCE"):
            assert (await clari.revenue(f"{order}?{query}", "POST")).status == 200
            clari.clock.now += 1
        flag = await clari.revenue(f"/forecast/{clari.forecast}?includeHistorical=maybe")
        assert (flag.status, flag.json["code"]) == (400, "bad_request")


async def test_a_forecast_that_is_not_open_to_the_user_is_401() -> None:
    async with played({"no-optin": "1"}) as clari:
        first, second = clari.client.told["forecast_ids"]
        assert (await clari.revenue(f"/forecast/{first}")).status == 200
        for answer in (
            await clari.revenue(f"/forecast/{second}"),
            await clari.revenue(f"/export/forecast/{second}", "POST", json={}),
        ):
            assert answer.status == 401
            assert (answer.json["code"], answer.json["namespace"]) == ("no_optin", "fcw")
        truth = await clari.client.own("/truth")
        assert truth["elsewhere"]["unopened_forecasts"] == [second]
        assert {key[0] for key in truth["tables"]["forecast_entries"]} == {first}


async def test_opportunities_come_by_the_hundred() -> None:
    async with played(size=400) as clari:
        keys = await ids_of(clari, "opportunities")
        query = "&".join(f"oppId={key}" for key in keys[:100])
        assert [one["id"] for one in (await clari.revenue(f"/opportunity?{query}")).json] == keys[:100]
        for bad in ("", f"{query}&oppId={keys[100]}", f"{query}&mode=OTHER", f"{query}&limit=5"):
            answer = await clari.revenue(f"/opportunity?{bad}")
            assert answer.status == 400
            (error,) = answer.json
            assert error.keys() == {"statusCode", "reaspnPhrase", "description", "details"}
        assert (await clari.revenue("/opportunity?oppId=0065000000000000000")).json == []


async def test_pushes_answer_with_their_end_in_the_status() -> None:
    async with played() as clari:
        keys = clari.client.told["ingest_job_ids"]
        answers = [await clari.pushed(f"/ingest/job/{key}") for key in keys]
        assert [answer.status for answer in answers] == [200, 202, 400, 500, 404]
        assert [answer.json["message"]["status"] for answer in answers[:4]] == [
            *("SUCCESS", "QUEUED", "VALIDATION_FAILED", "FAILED"),
        ]
        assert isinstance(answers[2].json["message"]["message"], list)
        assert answers[4].json[0].keys() == {"errorCode", "errorSummary"}
        clari.clock.now += 2
        assert (await clari.pushed(f"/ingest/job/{keys[1]}")).json["message"]["status"] == "SUCCESS"
        path, base = f"/ingest/job/{keys[0]}", clari.client.told["ingest_base_url"]
        half = await clari.client.ask(path, base=base, headers=clari.key("apikey"))
        assert (half.status, half.json[0]["errorCode"]) == (401, "INVALID_PARTNER_KEY")
        none = await clari.client.ask(path, base=base, headers=clari.key("partnerkey"))
        assert (none.status, none.json) == (401, {"error": "Invalid authentication credentials"})


# ── parts ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 10, 5_000])
def test_a_timeline_is_in_order_and_found_again(count: int) -> None:
    end = int(NOON.timestamp()) // 86_400 * DAY
    times = Timeline(b"key", 1, count=count, end=end, days=425)
    instants = [times.at(i) for i in range(count)]
    assert instants == sorted(instants)
    assert end - 425 * DAY <= instants[0]
    assert instants[-1] < end
    for i in range(0, count, 97):
        assert times.below(instants[i]) <= i < times.below(instants[i] + 1)


def test_ids_can_be_read_and_invented_ones_can_not() -> None:
    ids = Ids(b"key")
    for number in (0, 77, 2**32 - 1):
        for write in (ids.uuid, ids.hex32, ids.hex24):
            text = write(Kind.CALL, number, 5)
            assert ids.read(text) == (Kind.CALL, number, 5)
            assert ids.read(text.upper()) is None or text.isdigit()
            assert ids.read(text[:-1] + ("0" if text[-1] != "0" else "1")) is None
        crm = ids.crm(Kind.DEAL, number)
        assert (len(crm), ids.read_crm(Kind.DEAL, crm), ids.read_crm(Kind.ACCOUNT, crm)) == (18, number, None)
    assert Ids(b"other").read(ids.uuid(Kind.CALL, 7)) is None


@pytest.mark.parametrize(
    "given", [{"skipcap": "5"}, {"skip-cap": "x"}, {"skip-cap": "-1"}, {"job-fail": "2"}, {"jobs-object": "yes"}]
)
def test_knobs_that_make_no_sense_are_refused_by_name(given: dict[str, str]) -> None:
    (name,) = given
    with pytest.raises(ValueError, match=name):
        Knobs.read(given)


def test_knobs_are_read_by_their_kind() -> None:
    knobs = Knobs.read({"skip-cap": "50", "job-fail": "0.5", "jobs-object": "1"})
    assert (knobs.skip_cap, knobs.job_fail, knobs.jobs_object, knobs.weekly) == (50, 0.5, True, 100_000)
