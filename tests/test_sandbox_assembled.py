"""Assembled as the sandbox plays it: a walk finds the truth, and what the vendor is odd about can be met."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from sandboxed import Answer, Client, sandboxed

from extractor.sandbox.assembled.routes import assembled
from extractor.sandbox.assembled.states import State, condensed

HOUR = 3_600
DAY = 24 * HOUR
NOW = datetime(2026, 3, 1, 12, 34, tzinfo=UTC)
MIDNIGHT = int(NOW.timestamp()) // DAY * DAY
YESTERDAY = f"start_time={MIDNIGHT - DAY}&end_time={MIDNIGHT}"
MAPS = ("roles", "teams", "sites", "queues", "skills", "activity_types", "requirement_types")
REPORTS = ("adherence", "agent_ticket_stats", "agent_state_handle_times")
SERIES = ("channel", "queue", "start_time")
KEYS: Mapping[str, tuple[str, ...]] = {
    "agent_states": ("agent_id", "platform", "start_time"),
    "agent_states_single": ("agent_id", "platform", "start_time"),
    "condensed_timeline": ("agent_id", "start_time"),
    "requirements": ("requirement_type_id", "start_time"),
    "forecasts": SERIES,
    "forecasted_vs_actuals": SERIES,
    "activities": ("id_with_timestamps",),
    **{f"report_{kind}": ("name", "agent_id", "start_time") for kind in REPORTS},
}

Row = dict[str, Any]


def now() -> float:
    return NOW.timestamp()


@asynccontextmanager
async def played(
    *, clock: Callable[[], float] = now, knob: Mapping[str, str] | None = None, **more: Any
) -> AsyncIterator[Client]:
    async with sandboxed(vendor=assembled, clock=clock, knob=knob, **more) as client:
        client.authorization = aiohttp.encode_basic_auth(client.told["api_key"], "")
        yield client


@dataclass
class Walk:
    """An extractor in few lines: windows of a day, no limits, everything in memory."""

    client: Client
    tables: dict[str, dict[tuple[object, ...], Row]] = field(default_factory=dict)
    requests: int = 0
    repeated: int = 0

    async def get(self, path: str) -> Any:
        self.requests += 1
        answer = await self.client.ask(path)
        assert answer.status == 200, (path, answer.body)
        return answer.json

    def land(self, table: str, rows: Sequence[Row]) -> None:
        landed = self.tables.setdefault(table, {})
        for row in rows:
            key = tuple(row[name] for name in KEYS.get(table, ("id",)))
            self.repeated += key in landed
            landed[key] = row

    async def pages(self, table: str, path: str, member: str, total: str = "total", limit: int = 500) -> None:
        sign, offset = "&" if "?" in path else "?", 0
        while True:
            answer = await self.get(f"{path}{sign}limit={limit}&offset={offset}")
            self.land(table, shown(answer[member]))
            offset += limit
            if offset >= answer[total]:
                return

    async def everything(self) -> None:
        """What loads by default."""
        await self.pages("people", "/people?include_deleted=true", "people")
        for table in MAPS:
            self.land(table, shown((await self.get(f"/{table}"))[table]))
        channels = self.channels()
        for span in self.windows():
            self.land("activities", shown((await self.get(f"/activities?{span}"))["activities"]))
            await self.pages("agent_states", f"/agents/state?{span}", "agent_states")
            await self.pages("event_changes", f"/event_changes?{span}", "event_changes")
            for table in ("requirements", "forecasts"):
                self.land(table, (await self.get(f"/{table}?{span}"))[table])
            for channel in channels:
                path = f"/forecasted_vs_actuals?{span}&channel={channel}&interval=1800"
                await self.pages("forecasted_vs_actuals", path, "forecasts_vs_actuals", limit=50)
                for kind in REPORTS:
                    await self.report(kind, span, channel)
        for table in ("time_off_requests", "time_off_updates"):
            self.land(table, shown((await self.get(f"/{table.replace('_off_', '_off/')}"))[table]))
        await self.assist()

    async def on_demand(self) -> None:
        """What loads when it is named; after `everything`."""
        agents = [row["agent_id"] for row in self.tables["people"].values() if row.get("agent_id")]
        for span in self.windows():
            path = f"/agents/state/condensed_timeline?{span}&priority_order=aircall,zendesk"
            self.land("condensed_timeline", (await self.get(path))["agent_states"])
            self.land("forecast_totals", (await self.get(f"/forecasts/totals?{span}"))["forecasts"])
            for agent in agents:
                rows = (await self.get(f"/agents/states/{agent}?{span}"))["agent_states"]
                self.land("agent_states_single", rows)
        for (conversation,) in self.tables["assist_conversations"]:
            answer = await self.get(f"/assist/conversations/{conversation}/handoff?language=en-US")
            self.land("assist_handoff", [answer | {"id": conversation}])

    async def assist(self, limit: int = 10) -> None:
        self.tables["assist_conversations"] = {}
        while True:
            offset = len(self.tables["assist_conversations"])
            answer = await self.get(f"/assist/conversations?limit={limit}&offset={offset}")
            rows = answer if isinstance(answer, list) else answer["conversations"]
            self.land("assist_conversations", rows)
            if len(rows) < limit:
                return

    async def report(self, kind: str, span: str, channel: str) -> None:
        self.requests += 1
        answer = await order(self.client, kind, span, channel)
        path = f"/reports/{answer.json['report_id']}?limit=500"
        while (first := await self.get(f"{path}&offset=0"))["status"] == "in_progress":
            pass
        self.land(f"report_{kind}", [lifted(row) for row in first["metrics"]])
        for offset in range(500, first["total_metric_count"], 500):
            page = await self.get(f"{path}&offset={offset}")
            self.land(f"report_{kind}", [lifted(row) for row in page["metrics"]])

    def channels(self) -> list[str]:
        return sorted({c for row in self.tables["people"].values() for c in row.get("channels", ())})

    def windows(self) -> list[str]:
        """From the oldest record to the end of today, as nothing says that there is no more."""
        oldest = min(
            row["created_at"] for table in ("people", "teams", "queues") for row in self.tables[table].values()
        )
        days = range(oldest // DAY * DAY, MIDNIGHT + DAY, DAY)
        return [f"start_time={day}&end_time={day + DAY}" for day in days]


def shown(records: list[Row] | dict[str, Row]) -> list[Row]:
    """The records of a map or an array; the key in a map is the one in the record."""
    if isinstance(records, list):
        return records
    assert all(key in (row["id"], row.get("id_with_timestamps")) for key, row in records.items())
    return list(records.values())


def lifted(row: Row) -> Row:
    attributes: Row = row["attributes"]
    return row | attributes


async def order(client: Client, kind: str, span: str = YESTERDAY, channel: str = "phone", **more: Any) -> Answer:
    times = {name: int(value) for name, value in (pair.split("=") for pair in span.split("&"))}
    return await client.ask(f"/reports/{kind}", "POST", json={**times, "interval": "1d", "channel": channel, **more})


def compare(walk: Walk, truth: Mapping[str, Any]) -> None:
    """Key by key, and no key twice in the truth."""
    assert walk.tables.keys() == truth["tables"].keys()
    for table, keys in truth["tables"].items():
        listed = [tuple(key) if isinstance(key, list) else (key,) for key in keys]
        assert len(set(listed)) == len(listed), table
        assert set(listed) == walk.tables[table].keys(), table


# ── the truth ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"plain": True},
        {"seed": 7, "size": 1},
        {"seed": 3, "size": 190, "knob": {"history-days": "4"}},
        {"until": datetime(2026, 2, 20, 15, 7, 3, tzinfo=UTC)},
        {"knob": {"assist": "array", "report-polls": "0"}},
    ],
    ids=["default", "plain", "one person", "many people", "in the middle of a day", "knobs"],
)
async def test_a_walk_finds_exactly_the_truth(more: dict[str, Any]) -> None:
    async with played(**more) as client:
        walk = Walk(client)
        await walk.everything()
        compare(walk, await client.own("/truth"))
        assert (await client.own("/stats"))["by_status"].keys() == {"200"}


async def test_the_truth_of_what_loads_when_it_is_named() -> None:
    async with played(size=30, knob={"history-days": "3"}) as client:
        walk = Walk(client)
        await walk.everything()
        await walk.on_demand()
        tables = "&".join(f"table={table}" for table in walk.tables)
        truth = await client.own(f"/truth?{tables}")
        assert truth.keys() == {"tables"}
        compare(walk, truth)
        assert walk.tables["agent_states_single"] == walk.tables["agent_states"]


async def test_the_default_run_is_short_and_meets_the_traps() -> None:
    async with played() as client:
        walk = Walk(client)
        await walk.everything()
        gone = (await client.own("/truth"))["gone"]
    assert walk.requests <= 350
    people = [row for (_,), row in sorted(walk.tables["people"].items())]
    assert {row.get("agent_id", "missing") for row in people} >= {None, "missing"}
    assert any(row["deleted"] for row in people)
    assert any(row.get("end_date") == 0 for row in people)
    assert any("site" not in row for row in people)
    named = {team for row in people for team in row.get("teams", ())}
    assert set(gone["teams"]) == named - {key for (key,) in walk.tables["teams"]}
    forecast = {row["queue"] for row in walk.tables["forecasts"].values()}
    assert set(gone["queues"]) == forecast - {key for (key,) in walk.tables["queues"]}
    activities = walk.tables["activities"].values()
    assert len({row["id"] for row in activities}) < len(activities)
    assert any("description" not in row for row in activities)
    states = walk.tables["agent_states"].values()
    assert any(row["end_time"] is None for row in states)
    assert not all(row["state"].isascii() for row in states)
    assert any(row["value"] is None for row in walk.tables["report_adherence"].values())
    compared = walk.tables["forecasted_vs_actuals"].values()
    assert any(row["staffing_required"]["actual"] is None for row in compared if "staffing_required" in row)
    assert any("occupancy" not in row for row in compared)


async def test_a_plain_sandbox_has_no_traps() -> None:
    async with played(plain=True) as client:
        walk = Walk(client)
        await walk.everything()
        truth = await client.own("/truth")
    assert not truth["gone"]
    people, activities, states = (walk.tables[name].values() for name in ("people", "activities", "agent_states"))
    assert all(row["agent_id"] and not row["deleted"] for row in people)
    assert len({row["id"] for row in activities}) == len(activities)
    assert all(row["end_time"] for row in states)
    doubled = {
        key for key in walk.tables["report_adherence"] if key[1] in {r["agent_id"] for r in two_channels(people)}
    }
    assert doubled, "an agent of two channels is in the reports of both"


def two_channels(people: Any) -> list[Row]:
    return [row for row in people if len(row["channels"]) > 1]


async def test_two_starts_agree_on_everything_and_another_seed_on_nothing() -> None:
    walks = []
    for seed in (1, 1, 2):
        async with played(seed=seed, size=30, knob={"history-days": "2"}) as client:
            walk = Walk(client)
            await walk.everything()
            walks.append(walk)
    assert walks[0].tables == walks[1].tables
    for table in ("people", "activities", "agent_states", "event_changes", "time_off_requests", "report_adherence"):
        assert not walks[2].tables[table].keys() & walks[0].tables[table].keys()


async def test_the_days_that_two_runs_share_are_the_same() -> None:
    found = []
    for clock in (now, lambda: now() + DAY):
        async with played(clock=clock) as client:
            answer = await client.ask(f"/activities?start_time={MIDNIGHT - 3 * DAY}&end_time={MIDNIGHT - DAY}")
            found.append(answer.json["activities"])
    alike = [key for key in found[0] if found[0][key] == found[1].get(key)]
    assert len(alike) > 0.8 * len(found[0]), "all but those of people who came or went at another time"


# ── conventions ───────────────────────────────────────────────────────────────────────────────


async def test_the_key_is_the_user_name_and_the_password_is_empty() -> None:
    async with played() as client:
        key = client.told["api_key"]
        assert key.startswith("sk_live_")
        assert len(key) == len("sk_live_") + 32
        assert key.removeprefix("sk_live_").isalnum()
        for auth in (None, f"Bearer {key}", aiohttp.encode_basic_auth(key, "x"), aiohttp.encode_basic_auth("x", "")):
            assert (await client.ask("/teams", auth=auth)).status == 401
        assert (await client.ask("/teams")).status == 200


async def test_answers_carry_the_version_and_a_number_of_their_own() -> None:
    async with played() as client:
        answers = [
            await client.ask("/teams"),
            await client.ask("/teams", headers={"API-Version": "2024-01-01"}),
            await client.ask("/activities"),
            await client.ask("/nowhere"),
        ]
    assert [answer.headers.get("api-version") for answer in answers[:3]] == ["2019-06-20", "2024-01-01", "2019-06-20"]
    assert len({answer.headers["Request-Id"] for answer in answers}) == 4
    assert not any("ratelimit" in name.lower() for answer in answers for name in answer.headers)


@pytest.mark.parametrize(
    ("more", "passed"),
    [({}, 20), ({"knob": {"old-limit": "on"}}, 10), ({"rate_scale": 2}, 40)],
    ids=["now", "old", "x2"],
)
async def test_a_burst_passes_and_the_rest_is_refused(more: dict[str, Any], passed: int) -> None:
    async with played(**{"rate_scale": 1, **more}) as client:
        answers = [await client.ask("/teams") for _ in range(passed + 2)]
    assert [answer.status for answer in answers] == [200] * passed + [429] * 2
    assert answers[-1].json == {"message": "Too many requests"}
    assert "Retry-After" not in answers[-1].headers


async def test_a_refusal_may_say_how_long_and_may_say_nothing() -> None:
    async with played(rate_scale=1, retry_after=True, knob={"empty-429": "on"}) as client:
        answers = [await client.ask("/teams") for _ in range(21)]
    assert (answers[-1].status, answers[-1].body, answers[-1].headers["Retry-After"]) == (429, b"", "1")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/activities", 400, "start_time"),
        (f"/agents/state?start_time={MIDNIGHT}", 400, "end_time"),
        ("/event_changes?start_time=2026-01-01&end_time=2026-01-02", 400, "start_time"),
        (f"/requirements?start_time={MIDNIGHT}&end_time={MIDNIGHT - 1}", 400, "end_time"),
        (f"/forecasts?{YESTERDAY}&queue=old", 400, "invalid queue"),
        (f"/requirements?{YESTERDAY}&requirement_types=old", 400, "invalid requirement type"),
        (f"/agents/state/condensed_timeline?{YESTERDAY}", 400, "Missing required field priority_order"),
        (f"/forecasted_vs_actuals?{YESTERDAY}", 400, "Missing required field channel"),
        (f"/forecasted_vs_actuals?{YESTERDAY}&channel=phone&interval=7", 400, "interval"),
        (
            f"/forecasted_vs_actuals?channel=phone&start_time={MIDNIGHT - DAY}&end_time={MIDNIGHT - 900}",
            400,
            "expect end in an increment of 1800",
        ),
        ("/people?team=00000000-0000-0000-0000-000000000000", 400, "invalid team"),
        ("/people?limit=0", 400, "limit"),
        ("/people?offset=-1", 400, "offset"),
        ("/people/00000000-0000-0000-0000-000000000000", 404, "not found"),
        ("/people/nobody", 404, "not found"),
        (f"/agents/states/nobody?{YESTERDAY}", 404, "not found"),
        ("/reports/nothing", 404, "not found"),
        ("/agents", 404, "not found"),
        ("/assist/conversations/nothing/handoff", 404, "not found"),
    ],
)
async def test_what_is_refused(path: str, status: int, text: str) -> None:
    async with played() as client:
        answer = await client.ask(path)
    assert answer.status == status
    assert text in answer.text


@pytest.mark.parametrize("path", ["/people", "/activities", "/activities/bulk", "/time_off/1/cancel", "/requirements"])
async def test_nothing_can_be_written(path: str) -> None:
    async with played() as client:
        assert (await client.ask(path, "POST", json={})).status == 405


@pytest.mark.parametrize("name", ["history-days", "assist", "old-limit", "volume"])
async def test_knobs_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        async with played(knob={name: "0" if name == "history-days" else "maybe"}):
            pass


# ── people ────────────────────────────────────────────────────────────────────────────────────


async def test_people_come_in_pages_beside_the_maps_that_they_name() -> None:
    async with played(size=60) as client:
        first = (await client.ask("/people?limit=25")).json
        rest = (await client.ask("/people?limit=900&offset=25")).json
        whole = (await client.ask("/people?include_deleted=true&limit=500")).json
        assert first["teams"] == (await client.ask("/teams")).json["teams"]
        one = next(iter(first["people"]))
        assert (await client.ask(f"/people/{one}")).json == first["people"][one]
    assert (len(first["people"]), first["limit"], first["offset"]) == (25, 25, 0)
    assert rest["limit"] == 500, "clamped"
    together = first["people"] | rest["people"]
    assert len(together) == first["total"] == len(first["people"]) + len(rest["people"])
    assert whole["total"] == 60
    assert {key for key, row in whole["people"].items() if row["deleted"]} == whole["people"].keys() - together.keys()


@pytest.mark.parametrize(
    ("name", "member"), [("team", "teams"), ("site", "site"), ("queue", "queues"), ("skill", "skills")]
)
async def test_people_are_chosen_by_filters(name: str, member: str) -> None:
    async with played() as client:
        people = (await client.ask("/people?limit=500")).json["people"]
        wanted = next(iter((await client.ask(f"/{name}s")).json[f"{name}s"]))
        chosen = (await client.ask(f"/people?limit=500&{name}={wanted}")).json["people"]
    fitting = {key for key, row in people.items() if wanted in (row.get(member) or ())}
    assert chosen.keys() == fitting
    assert 0 < len(chosen) < len(people)


# ── what happened ─────────────────────────────────────────────────────────────────────────────


async def test_activities_have_no_pages_and_no_filters() -> None:
    async with played() as client:
        whole = await client.ask(f"/activities?{YESTERDAY}")
        cut = await client.ask(f"/activities?{YESTERDAY}&limit=1&offset=5&agents[]=nobody")
        beside = (await client.ask(f"/activities?{YESTERDAY}&include_agents=true&include_activity_types=true")).json
    assert cut.body == whole.body
    rows = whole.json["activities"].values()
    assert any(row["start_time"] < MIDNIGHT - DAY for row in rows), "begun before, and still going on"
    assert all(row["end_time"] > MIDNIGHT - DAY and row["start_time"] < MIDNIGHT for row in rows)
    assert {row["agent_id"] for row in rows} <= beside["agents"].keys()
    assert {row["type_id"] for row in rows} <= beside["activity_types"].keys()


async def test_one_answer_may_hold_tens_of_thousands_of_activities() -> None:
    async with played(size=4_400) as client:
        answer = await client.ask(f"/activities?start_time={MIDNIGHT - 7 * DAY}&end_time={MIDNIGHT}")
    assert len(answer.json["activities"]) >= 50_000
    assert len(answer.chunks) > 1


async def test_states_come_in_pages_and_those_of_two_platforms_overlap() -> None:
    async with played() as client:
        walk = Walk(client)
        await walk.pages("agent_states", f"/agents/state?{YESTERDAY}", "agent_states", limit=70)
        rows = list(walk.tables["agent_states"].values())
        one = rows[0]["agent_id"]
        chosen = (await client.ask(f"/agents/state?{YESTERDAY}&agent_id={one}&platforms=zendesk")).json["agent_states"]
    assert not walk.repeated
    assert chosen == [row for row in rows if row["agent_id"] == one and row["platform"] == "zendesk"]
    by_agent: dict[str, list[Row]] = {}
    for row in rows:
        by_agent.setdefault(row["agent_id"], []).append(row)
    assert any(
        a["platform"] != b["platform"] and a["start_time"] < b["start_time"] < (a["end_time"] or MIDNIGHT)
        for states in by_agent.values()
        for a in states
        for b in states
    )


async def test_states_are_chosen_by_channel() -> None:
    async with played(size=40, plain=True) as client:
        people = (await client.ask("/people")).json["people"].values()
        rows = (await client.ask(f"/agents/state?{YESTERDAY}&limit=500")).json["agent_states"]
        chats = (await client.ask(f"/agents/state?{YESTERDAY}&limit=500&channel=chat")).json["agent_states"]
    named = {row["agent_id"] for row in people if "chat" in row["channels"]}
    assert chats == [row for row in rows if row["agent_id"] in named]
    assert 0 < len(chats) < len(rows)


async def test_the_id_of_a_person_is_not_that_of_an_agent() -> None:
    async with played() as client:
        people = (await client.ask("/people")).json["people"]
        agents = {row["agent_id"] for row in people.values() if row.get("agent_id")}
        assert not agents & people.keys()
        for key, status in ((next(iter(people)), 404), (min(agents), 200)):
            assert (await client.ask(f"/agents/states/{key}?{YESTERDAY}")).status == status


async def test_a_condensed_timeline_has_no_overlaps() -> None:
    async with played() as client:
        path = f"/agents/state/condensed_timeline?{YESTERDAY}&priority_order="
        calls_first = (await client.ask(path + "aircall,zendesk")).json["agent_states"]
        mails_first = (await client.ask(path + "zendesk,aircall")).json["agent_states"]
    for rows in (calls_first, mails_first):
        latest: dict[str, int | None] = {}
        for row in rows:
            assert (latest.get(row["agent_id"]) or 0) <= row["start_time"]
            latest[row["agent_id"]] = row["end_time"]
    assert calls_first != mails_first


def test_the_platform_that_comes_first_covers_the_others() -> None:
    def state(platform: str, start: int, end: int | None) -> State:
        return State(i=0, platform=platform, start=start, end=end)

    calls, mails = state("calls", 10, 20), state("mails", 0, None)
    assert condensed([mails, calls], ["calls", "mails"]) == [
        state("mails", 0, 10),
        state("calls", 10, 20),
        state("mails", 20, None),
    ]
    assert condensed([mails, calls], ["mails"]) == [mails]
    assert condensed([state("calls", 0, 5), calls], []) == [state("calls", 0, 5), calls]


# ── staffing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 50, 96, 500])
async def test_the_last_row_of_a_page_comes_again_on_the_next(limit: int) -> None:
    async with played() as client:
        path = f"/forecasted_vs_actuals?{YESTERDAY}&channel=phone&interval=1800"
        whole = (await client.ask(f"{path}&limit=500")).json
        walk = Walk(client)
        await walk.pages("forecasted_vs_actuals", path, "forecasts_vs_actuals", limit=limit)
    assert list(walk.tables["forecasted_vs_actuals"].values()) == whole["forecasts_vs_actuals"]
    assert walk.repeated == (walk.requests - 1 if limit > 1 else 0), "a page of one row has no room for it"


async def test_series_are_on_the_grid_and_chosen_by_line() -> None:
    async with played() as client:
        rows = (await client.ask(f"/forecasts?{YESTERDAY}")).json["forecasts"]
        phone = (await client.ask(f"/forecasts?{YESTERDAY}&channel=phone")).json["forecasts"]
        hours = (await client.ask(f"/forecasted_vs_actuals?{YESTERDAY}&channel=phone&interval=3600&limit=500")).json
        kind = rows_of(await client.ask("/requirement_types"), "requirement_types")[0]["id"]
        required = (await client.ask(f"/requirements?{YESTERDAY}&requirement_types={kind}")).json["requirements"]
    assert phone == [row for row in rows if row["channel"] == "phone"]
    assert {row["end_time"] - row["start_time"] for row in rows + required} == {1_800}
    assert {row["end_time"] - row["start_time"] for row in hours["forecasts_vs_actuals"]} == {HOUR}
    assert {row["requirement_type_id"] for row in required} == {kind}


def rows_of(answer: Answer, member: str) -> list[Row]:
    return shown(answer.json[member])


async def test_time_off_can_be_asked_for_what_is_new() -> None:
    async with played(size=200) as client:
        whole = rows_of(await client.ask("/time_off/updates"), "time_off_updates")
        since = sorted(row["created_at"] for row in whole)[len(whole) // 2]
        answer = await client.ask(f"/time_off/updates?updated_since={since}&type=approve")
        paged = [await client.ask(f"/time_off/requests?limit=20&offset={offset}") for offset in range(0, 200, 20)]
        requests = (await client.ask("/time_off/requests")).json["time_off_requests"]
    newer = [row for row in whole if row["created_at"] >= since and row["type"] == "approve"]
    assert rows_of(answer, "time_off_updates") == newer
    assert answer.json["time_off_requests"].keys() == {row["time_off_request_id"] for row in newer}
    assert {key for page in paged for key in page.json["time_off_requests"]} == requests.keys()


# ── reports ───────────────────────────────────────────────────────────────────────────────────


async def test_a_report_is_ordered_waited_for_and_paged() -> None:
    async with played(knob={"report-polls": "3"}) as client:
        answer = await order(client, "agent_ticket_stats", interval="1h")
        path = f"/reports/{answer.json['report_id']}"
        polls = [(await client.ask(path)).json for _ in range(4)]
        assert [poll["status"] for poll in polls] == ["in_progress"] * 3 + ["complete"]
        assert datetime.fromisoformat(polls[0]["created_at"]).tzinfo
        total = polls[3]["total_metric_count"]
        rows = []
        for offset in range(0, total, 100):
            rows += (await client.ask(f"{path}?limit=100&offset={offset}")).json["metrics"]
        assert (await client.own("/stats"))["by_status"] == {"200": 5 + len(range(0, total, 100))}
    assert len(rows) == total
    assert all(row["attributes"]["end_time"] - row["attributes"]["start_time"] == HOUR for row in rows)


async def test_every_so_many_th_report_fails_and_says_so_with_200() -> None:
    async with played(knob={"failing-report": "2", "report-polls": "0"}) as client:
        statuses = []
        for _ in range(4):
            report = (await order(client, "adherence")).json["report_id"]
            statuses.append((await client.ask(f"/reports/{report}")).json["status"])
    assert statuses == ["complete", "failed"] * 2


@pytest.mark.parametrize(
    "more",
    [
        {"interval": 1_800},
        {"interval": "2w"},
        {"channel": None},
        {"start_time": "2026-01-01"},
        {"start_time": True},
        {"end_time": MIDNIGHT - DAY},
    ],
)
async def test_a_report_that_makes_no_sense_is_refused_without_a_word(more: dict[str, Any]) -> None:
    async with played() as client:
        refused = await order(client, "adherence", **more)
        assert (refused.status, refused.body) == (400, b"")
        for body in (b"[", b"[]"):
            assert (await client.ask("/reports/adherence", "POST", data=body)).status == 400
        assert (await order(client, "weather")).status == 404


# ── assist ────────────────────────────────────────────────────────────────────────────────────


async def test_conversations_have_messages_only_when_asked_for() -> None:
    async with played() as client:
        bare = rows_of(await client.ask("/assist/conversations"), "conversations")
        full = rows_of(
            await client.ask(
                "/assist/conversations?limit=500&include_messages=true&include_sources=true&include_evaluation_metrics=true"
            ),
            "conversations",
        )
    assert len(bare) == 20 < len(full)
    assert not any("messages" in row for row in bare)
    assert all(row["messages"] and row["evaluation"] for row in full)
    assert any("sources_used" in message for row in full for message in row["messages"])


@pytest.mark.parametrize("status", [403, 404])
async def test_who_has_not_bought_the_product_is_refused(status: int) -> None:
    async with played(knob={"assist": str(status)}) as client:
        for path in ("/assist/conversations", "/assist/conversations/1/handoff"):
            assert (await client.ask(path)).status == status
        assert (await client.own("/truth?table=assist_conversations"))["tables"] == {"assist_conversations": []}


# ── live ──────────────────────────────────────────────────────────────────────────────────────


async def test_live_data_edit_past_days_and_the_truth_says_how() -> None:
    async with played(live=True) as client:
        before = Walk(client)
        await before.everything()
        for _ in range(300):
            await client.ask("/teams")
        after = await client.own("/truth")
        found = Walk(client)
        await found.everything()
        closed = [row for row in found.tables["agent_states"].values() if row["modified_at"] > MIDNIGHT + DAY // 4]
    edits = after["changes"]["activities"]
    assert {edit["change"] for edit in edits} == {"described", "moved", "deleted", "added"}
    assert {edit["day"] * DAY for edit in edits} < set(range(MIDNIGHT - 7 * DAY, MIDNIGHT, DAY))
    old, new = before.tables["activities"], found.tables["activities"]
    assert new.keys() - old.keys()
    assert old.keys() - new.keys()
    assert any(new[key].get("updated_at", 0) > row.get("updated_at", 0) for key, row in old.items() if key in new)
    changes = found.tables["event_changes"].keys() - before.tables["event_changes"].keys()
    assert len(changes) >= 10
    assert closed
    assert all(row["end_time"] == after["changes"]["states_closed"] for row in closed)
