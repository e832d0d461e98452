"""SnapEngage as the sandbox plays it: three credentials, windows of days, links, uneven cases, and its truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandboxed import NOON, QUICK, Answer, Client, noon, sandboxed
from yarl import URL

from extractor.sandbox.options import Options
from extractor.sandbox.snapengage.cases import spelled
from extractor.sandbox.snapengage.ids import Ids, Kind
from extractor.sandbox.snapengage.population import DAY, LONG_EVERY, WIDGETS, Population
from extractor.sandbox.snapengage.routes import snapengage

KEY = b"k" * 32
EVER = {"start": "2015-01-01", "end": "2026-12-31"}
LINK = "linkToNextSetOfResults"


class Caller:
    """Asks each API with its credentials."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.settings = client.told
        self.token = str(client.told["api_key"])
        self.widgets: list[str] = client.told["widget_ids"]
        self.logs_path = f"/api/v2/{client.told['org_id']}/logs"

    async def get(self, path: str, *, method: str = "GET", headers: Any = (), **query: str) -> Answer:
        """Any path of the host, without credentials unless they are in the headers."""
        address = f"{self.client.root}{path}" + (f"?{urlencode(query)}" if query else "")
        return await self.follow(address, method=method, headers=headers)

    async def follow(self, address: str, *, method: str = "GET", headers: Any = ()) -> Answer:
        async with self.client.session.request(method, URL(address, encoded=True), headers=dict(headers)) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    async def logs(self, **query: str) -> Answer:
        return await self.get(self.logs_path, headers={"Authorization": self.token}, **query)

    async def next(self, link: str) -> Answer:
        return await self.follow(link, headers={"Authorization": self.token})

    async def chain(self, **query: str) -> list[dict[str, Any]]:
        """All pages of a window, decoded."""
        answer = await self.logs(**query)
        pages = [decoded(answer)]
        while link := pages[-1].get(LINK):
            pages.append(decoded(await self.next(link)))
        return pages

    async def ids(self, **query: str) -> list[str]:
        return [case["id"] for page in await self.chain(**query) for case in page["cases"]]

    async def chat(self, path: str, *, method: str = "GET", **query: str) -> Answer:
        headers = {"x-api-key": self.settings["x_api_key"]}
        return await self.get(f"/api/v1/chat{path}", method=method, headers=headers, **query)

    async def lookup(self, path: str, **query: str) -> Answer:
        return await self.get(f"/api/v1/{path}", api_key=self.settings["provisioning_api_key"], **query)

    async def truth(self) -> Any:
        return await self.client.own("/truth")


@asynccontextmanager
async def played(**more: Any) -> AsyncIterator[Caller]:
    """SnapEngage at noon of 2026-03-01; its data end when that day begins."""
    async with sandboxed(QUICK, vendor=snapengage, clock=noon, **more) as client:
        yield Caller(client)


def decoded(answer: Answer) -> Any:
    """JSON as Python reads it; orjson refuses the escapes of lone surrogates."""
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def population(**more: Any) -> Population:
    return Population(Options(**more), KEY, NOON)


# ── the truth is what a walk finds ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 72, 300])
async def test_a_naive_walk_finds_the_truth_and_nothing_else(size: int) -> None:
    """Months of each widget, and look-ups of what the settings name."""
    async with played(size=size) as caller:
        found: dict[str, list[str]] = {}
        for widget in caller.widgets:
            found[widget] = []
            for year, month in ((2024 + n // 12, n % 12 + 1) for n in range(26)):
                last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
                window = {"start": f"{year}-{month:02}-01", "end": last.isoformat()}
                found[widget] += await caller.ids(widgetId=widget, **window)
        owner = caller.settings["emails"][0]
        widgets = [decoded(await caller.lookup("widget.json", uuid=each, email=owner)) for each in caller.widgets]
        users = {each: await caller.lookup("user.json", email=each) for each in caller.settings["emails"]}
        states = [decoded(await caller.chat(f"/{widget}")) for widget in caller.widgets]
        public = [decoded(await caller.get(f"/public/api/v2/chat/{widget}")) for widget in caller.widgets]
        counts = await caller.client.own("/stats")
        truth = await caller.truth()
    assert {widget: sorted(keys) for widget, keys in found.items()} == {
        widget: sorted(keys) for widget, keys in truth["logs_by_widget"].items()
    }
    everything = [key for keys in found.values() for key in keys]
    assert sorted(everything) == sorted(truth["tables"]["logs"])
    assert len(set(everything)) == len(everything) == 8 * size
    assert [widget["uuid"] for widget in widgets] == truth["tables"]["widgets"]
    assert [email for email, answer in users.items() if answer.status == 200] == truth["tables"]["users"]
    assert [state["widgetId"] for state in states] == truth["tables"]["chat_availability"]
    assert [state["data"] for state in public] == states
    assert truth["tables"]["widget_status"] == caller.widgets
    assert truth["writes"] == {"start_chat": 0, "send_chat": 0}
    assert truth["changes"] == []
    assert counts["requests"] == sum(counts["by_endpoint"].values()) < 200
    if size >= 72:
        assert counts["by_endpoint"]["logs"] > 26 * WIDGETS, "there are chains of several pages"


async def test_the_truth_of_one_table_is_that_table_alone() -> None:
    async with played(size=2) as caller:
        truth = await caller.client.own("/truth?table=users&table=logs")
        assert list(truth) == ["tables"]
        assert list(truth["tables"]) == ["logs", "users"]
        assert len(truth["tables"]["logs"]) == 16


async def test_two_starts_agree_and_another_seed_does_not() -> None:
    bodies = []
    for seed in (1, 1, 2):
        async with played(seed=seed) as caller:
            page = await caller.logs(widgetId=caller.widgets[0], **EVER)
            link = decoded(page)[LINK]
            second = await caller.next(link)
            bodies.append((caller.settings["api_key"], page.text.replace(caller.client.root, ""), second.status))
    assert bodies[0] == bodies[1]
    assert bodies[0][0] != bodies[2][0]
    assert bodies[0][1] != bodies[2][1]


# ── credentials ───────────────────────────────────────────────────────────────────────────────


async def test_the_told_settings_have_the_forms_of_the_real_ones() -> None:
    async with played() as caller:
        settings = caller.settings
        assert caller.client.base == caller.client.root
        keys = [settings[name] for name in ("api_key", "x_api_key", "provisioning_api_key")]
        assert all(len(key) == 32 and int(key, 16) for key in keys)
        assert len(set(keys)) == 3
        assert len(settings["org_id"]) == 16
        assert settings["org_id"].isdigit()
        assert len(set(settings["widget_ids"])) == 3


async def test_logs_take_the_raw_token_and_nothing_else() -> None:
    async with played() as caller, played(knob={"bearer": "1"}) as lenient:
        right = caller.token
        for wrong in ({}, {"Authorization": f"Bearer {right}"}, {"Authorization": right.upper()}, {"x-api-key": right}):
            answer = await caller.get(caller.logs_path, headers=wrong, **EVER)
            assert (answer.status, answer.body) == (401, b"")
        for header in (right, f"Bearer {right}"):
            answer = await lenient.get(lenient.logs_path, headers={"Authorization": header}, **EVER)
            assert answer.status == 200


async def test_each_api_knows_its_own_key_only() -> None:
    async with played() as caller:
        token, widget, email = caller.token, caller.widgets[0], caller.settings["emails"][0]
        for headers in ({}, {"x-api-key": token}, {"Authorization": caller.settings["x_api_key"]}):
            answer = await caller.get(f"/api/v1/chat/{widget}", headers=headers)
            assert (answer.status, answer.body) == (401, b"")
        assert (await caller.get("/api/v1/user.json", email=email)).status == 401
        assert (await caller.get("/api/v1/user.json", email=email, api_key=token)).status == 403
        headers = {"x-api-key": caller.settings["provisioning_api_key"]}
        assert (await caller.get("/api/v1/user.json", headers=headers, email=email)).status == 401


# ── limits ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("window", ["fixed", "bucket"])
async def test_ten_requests_a_second_over_all_three_apis_and_a_bare_429(window: str) -> None:
    async with played(rate_scale=1, window=window) as caller:
        answers = []
        for n in range(12):
            match n % 3:
                case 0:
                    answers.append(await caller.logs(**EVER))
                case 1:
                    answers.append(await caller.chat(f"/{caller.widgets[0]}"))
                case _:
                    answers.append(await caller.get(f"/public/api/v2/chat/{caller.widgets[0]}"))
    assert [answer.status for answer in answers] == [200] * 10 + [429] * 2
    assert answers[-1].body == b""
    names = {name.lower() for answer in answers for name in answer.headers}
    assert not {name for name in names if "limit" in name or "retry" in name}


# ── windows ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start": "2025-06-01"},
        {"end": "2025-06-01"},
        {"start": "", "end": "2025-06-01"},
        {"start": "2025-06-01T00:00:00Z", "end": "2025-06-02"},
        {"start": "2025-02-30", "end": "2025-06-02"},
        {"start": "20250601", "end": "2025-06-02"},
        {"start": "2025-06-02", "end": "2025-06-01"},
        {"start": "2025-06-01", "end": "9999-12-31"},
        {**EVER, "timezone": "Mars/Olympus"},
        {**EVER, "timezone": "../UTC"},
        {**EVER, "timezone": "America"},
        {**EVER, "next": "x"},
        {**EVER, "next": "0" * 32},
        {**EVER, "page": "2"},
        {**EVER, "limit": "10"},
    ],
)
async def test_a_request_that_makes_no_sense_is_400_in_plain_text(query: dict[str, str]) -> None:
    async with played() as caller:
        answer = await caller.logs(widgetId=caller.widgets[0], **query)
        assert answer.status == 400
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.body


async def test_other_organisations_paths_and_widgets_are_refused() -> None:
    async with played() as caller:
        headers = {"Authorization": caller.token}
        unknown = "11111111-2222-3333-4444-555555555555"
        case = (await caller.truth())["tables"]["logs"][0]
        statuses = {
            "/api/v2/1234567890123456/logs": 403,
            "/api/v2/acme/logs": 404,
            f"/api/v2/{caller.settings['org_id']}": 404,
            "/api/v3/logs": 404,
        }
        for path, status in statuses.items():
            answer = await caller.get(path, headers=headers, **EVER)
            assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert (await caller.get(caller.logs_path, method="POST", headers=headers)).status == 405
        for widget in (unknown, case, "", caller.widgets[0].upper(), f"{caller.widgets[0]},{unknown}"):
            assert (await caller.logs(widgetId=widget, **EVER)).status == 404


def instants(pages: list[dict[str, Any]]) -> list[int]:
    return [case["created_at_milliseconds"] for page in pages for case in page["cases"]]


async def test_the_last_day_belongs_to_the_window_unless_the_knob_says_otherwise() -> None:
    async with played(plain=True) as caller, played(plain=True, knob={"end-exclusive": "true"}) as other:
        widget = caller.widgets[0]
        whole = instants(await caller.chain(widgetId=widget, **EVER))
        days = Counter(datetime.fromtimestamp(ms // 1000, UTC).date() for ms in whole)
        assert any(ms % DAY == 0 for ms in whole)
        assert any(ms % DAY == DAY - 1 for ms in whole)
        for day, count in [*days.items()][:20]:
            window = {"widgetId": widget, "start": day.isoformat(), "end": day.isoformat()}
            assert len(instants(await caller.chain(**window))) == count
            assert instants(await other.chain(**window)) == []
            window["end"] = (day + timedelta(days=1)).isoformat()
            assert len(instants(await other.chain(**window))) == count


async def test_windows_are_days_of_the_time_zone() -> None:
    async with played(plain=True) as caller:
        asked = {"widgetId": caller.widgets[0], "start": "2025-07-10", "end": "2025-07-12"}
        here = instants(await caller.chain(**asked))
        assert here == instants(await caller.chain(**asked, timezone="Etc/UTC"))
        there = instants(await caller.chain(**asked, timezone="Asia/Tokyo"))
        start = int(datetime(2025, 7, 9, 15, tzinfo=UTC).timestamp() * 1000)
        whole = instants(await caller.chain(widgetId=caller.widgets[0], **EVER))
        assert there == [ms for ms in whole if start <= ms < start + 3 * DAY]
        assert there != here


# ── pages and links ───────────────────────────────────────────────────────────────────────────


async def test_pages_hold_a_hundred_and_the_link_holds_everything() -> None:
    async with played(size=72) as caller:
        widget = caller.widgets[0]
        pages = await caller.chain(widgetId=widget, timezone="Etc/UTC", **EVER)
        assert [len(page["cases"]) for page in pages] == [100, 100, 100, 100, 32]
        assert [LINK in page for page in pages] == [True] * 4 + [False]
        for page in pages[:-1]:
            parts = urlsplit(page[LINK])
            assert f"{parts.scheme}://{parts.netloc}" == caller.client.root
            assert parts.path == caller.logs_path
            query = parse_qs(parts.query)
            assert query.pop("next")
            asked = {"widgetId": widget, **EVER, "timezone": "Etc/UTC"}
            assert query == {name: [value] for name, value in asked.items()}
        repeated = await caller.next(pages[0][LINK] + "&" + urlencode(EVER))
        assert decoded(repeated) == pages[1], "parameters that are sent once more do no harm"
        next_one = parse_qs(urlsplit(pages[0][LINK]).query)["next"][0]
        elsewhere = await caller.logs(widgetId=widget, start="2025-01-01", end="2025-12-31", next=next_one)
        assert elsewhere.status == 400, "a link belongs to its window"


async def test_pages_follow_each_other_in_time_but_rows_in_a_page_do_not() -> None:
    async with played(size=72) as caller:
        widget = caller.widgets[0]
        numbers = {key: n for n, key in enumerate((await caller.truth())["logs_by_widget"][widget])}
        pages = await caller.chain(widgetId=widget, **EVER)
        places = [[numbers[case["id"]] for case in page["cases"]] for page in pages]
    assert [sorted(page) for page in places] == [[*range(n * 100, min(432, n * 100 + 100))] for n in range(5)]
    assert all(page != sorted(page) for page in places)


@pytest.mark.parametrize(("size", "links"), [(99, 0), (100, 0), (101, 1), (200, 1), (201, 2)])
async def test_no_link_when_exactly_a_hundred_are_left(size: int, links: int) -> None:
    async with played(size=size) as caller, played(size=size, knob={"link-empty": "1"}) as other:
        pages = await caller.chain(widgetId=caller.widgets[1], **EVER)
        assert sum(LINK in page for page in pages) == links
        assert sum(len(page["cases"]) for page in pages) == size
        pages = await other.chain(widgetId=other.widgets[1], **EVER)
        assert [page[LINK] == "" for page in pages] == [False] * links + [True]


async def test_several_widgets_or_none_are_cut_at_a_hundred_in_silence() -> None:
    async with played(size=60) as caller:
        for query in ({}, {"widgetId": ",".join(caller.widgets)}, {"widgetId": ",".join(caller.widgets[1:])}):
            page = decoded(await caller.logs(**query, **EVER))
            assert page.keys() == {"cases"}
            assert len(page["cases"]) == 100
        twice = f"{caller.widgets[0]},{caller.widgets[0]}"
        assert len(await caller.ids(widgetId=twice, **EVER)) == 360, "it is one widget"


async def test_a_knob_pages_several_widgets_too() -> None:
    async with played(size=60, knob={"link-many": "1"}) as caller:
        truth = await caller.truth()
        assert sorted(await caller.ids(**EVER)) == sorted(truth["tables"]["logs"])
        some = await caller.ids(widgetId=",".join(caller.widgets[1:]), **EVER)
        expected = [key for widget in caller.widgets[1:] for key in truth["logs_by_widget"][widget]]
        assert sorted(some) == sorted(expected)


async def test_a_knob_leads_links_to_another_origin_which_notices_the_token() -> None:
    async with played(knob={"link-foreign": "1"}) as caller:
        link = decoded(await caller.logs(widgetId=caller.widgets[0], **EVER))[LINK]
        assert not link.startswith(caller.client.root)
        await caller.next(link)
        counts = await caller.client.own("/stats")
        assert (counts["foreign"], counts["leaked"]) == (1, 1)


async def test_a_knob_makes_the_link_repeat_itself() -> None:
    async with played(knob={"link-repeat": "2"}) as caller:
        first = decoded(await caller.logs(widgetId=caller.widgets[0], **EVER))
        second = decoded(await caller.next(first[LINK]))
        assert second["cases"] != first["cases"]
        assert second[LINK] == first[LINK]
        assert decoded(await caller.next(second[LINK])) == second


async def test_a_knob_lets_links_grow_old() -> None:
    now = [NOON]
    async with sandboxed(QUICK, vendor=snapengage, clock=lambda: now[0], knob={"link-ttl": "30"}) as client:
        caller = Caller(client)
        link = decoded(await caller.logs(widgetId=caller.widgets[0], **EVER))[LINK]
        now[0] += 30
        newer = decoded(await caller.next(link))[LINK]
        now[0] += 1
        assert (await caller.next(link)).status == 400
        assert (await caller.next(newer)).status == 200


@pytest.mark.parametrize("words", [{"colour": "red"}, {"bearer": "maybe"}, {"link-ttl": "-1"}, {"link-repeat": "two"}])
async def test_knobs_that_make_no_sense_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(words))):
        async with played(knob=words):
            pass


# ── cases ─────────────────────────────────────────────────────────────────────────────────────


async def test_cases_are_as_uneven_as_the_vendor_makes_them() -> None:
    async with played(size=300) as caller:
        answers = [await caller.logs(widgetId=caller.widgets[0], **EVER)]
        while link := decoded(answers[-1]).get(LINK):
            answers.append(await caller.next(link))
    cases = [case for answer in answers for case in decoded(answer)["cases"]]
    texts = b"".join(answer.body for answer in answers)
    assert {case.get("type") for case in cases} == {"chat", "offline", None}
    assert {type(case.get("created_at_date")) for case in cases} == {int, str, type(None)}
    for name in ("latitude", "source_id", "chat_duration", "survey_score"):
        assert {type(case[name]) for case in cases if name in case} >= {int, str}
    optional = {name for case in cases for name in case} - {"id"}
    assert all(any(name not in case for case in cases) for name in optional)
    assert not any("transcripts" in case or "transcript" in case for case in cases if case.get("type") == "offline")
    assert any("transcript" in case for case in cases)
    assert any("survey_score" not in case for case in cases if case.get("type") == "chat")
    for part in ("\u2028".encode(), b"\\ud83d", "🙂".encode(), b"<br/>"):
        assert part in texts
    assert 0 < texts.count(b"\\ud83d") < len(cases) / 20, "lone surrogates are rare"
    dated = [case for case in cases if isinstance(case.get("created_at_date"), str) and "created_at_seconds" in case]
    for case in dated:
        read = datetime.strptime(case["created_at_date"], "%b %d, %Y %I:%M:%S %p").replace(tzinfo=UTC)
        assert read.timestamp() == case["created_at_seconds"]
    lines = [line for case in cases for line in case.get("transcripts", ())]
    assert {"translations" in line for line in lines} == {True, False}
    assert {line["id"] for line in lines} == {"", "wc:sam@sandbox.example"}


async def test_a_plain_sandbox_sends_even_cases_in_order() -> None:
    async with played(size=40, plain=True) as caller:
        cases = [case for page in await caller.chain(widgetId=caller.widgets[0], **EVER) for case in page["cases"]]
    created = [case["created_at_date"] for case in cases]
    assert created == sorted(created)
    assert {type(case["latitude"]) for case in cases} <= {int, float}
    chats = [case for case in cases if case["type"] == "chat"]
    always = set.intersection(*(set(case) for case in chats))
    assert set.union(*(set(case) for case in chats)) - always <= {
        *("widget_id", "chat_duration", "chat_ended_by", "survey_score", "survey_comments")
    }
    assert all(case["transcripts"] for case in chats)


async def test_a_knob_writes_every_date_as_text() -> None:
    async with played(knob={"string-dates": "1"}) as caller:
        (page, *_) = await caller.chain(widgetId=caller.widgets[0], **EVER)
    assert {type(case["created_at_date"]) for case in page["cases"] if "created_at_date" in case} == {str}


def test_dates_as_the_vendor_spells_them() -> None:
    assert spelled(1_412_345_671_999) == "Oct 3, 2014 2:14:31 PM"
    assert spelled(1_735_689_600_000) == "Jan 1, 2025 12:00:00 AM"


async def test_a_large_sandbox_has_a_page_of_several_megabytes() -> None:
    async with played(size=1_000) as caller:
        case = population(size=1_000).case(0, LONG_EVERY // 2)
        day = datetime.fromtimestamp(case.created // 1000, UTC)
        window = {
            "start": (day - timedelta(days=1)).date().isoformat(),
            "end": (day + timedelta(days=1)).date().isoformat(),
        }
        sizes = [len(json.dumps(page)) for page in await caller.chain(widgetId=caller.widgets[0], **window)]
        assert sum(size > 2_000_000 for size in sizes) == 1


# ── what changes ──────────────────────────────────────────────────────────────────────────────


async def test_live_surveys_come_late_and_open_chats_go_on() -> None:
    async with played(size=30, live=True) as caller:
        before = {
            case["id"]: case
            for w in caller.widgets
            for page in await caller.chain(widgetId=w, **EVER)
            for case in page["cases"]
        }
        for _ in range(300):
            await caller.get(f"/public/api/v2/chat/{caller.widgets[0]}")
        changes = (await caller.truth())["changes"]
        after = {
            case["id"]: case
            for w in caller.widgets
            for page in await caller.chain(widgetId=w, **EVER)
            for case in page["cases"]
        }
    surveyed = {change["id"] for change in changes if change["change"] == "surveyed"}
    longer = {change["id"] for change in changes if change["change"] == "line"}
    assert surveyed
    assert longer
    assert before.keys() == after.keys()
    for key in surveyed:
        assert "survey_score" in after[key]
    for key, case in after.items():
        if key not in surveyed | longer and case != before[key]:
            pytest.fail(f"{key} changed without a word")
    grown = [key for key in longer if len(case_lines(after[key])) > len(case_lines(before[key]))]
    assert grown
    for key in grown:
        assert case_lines(after[key])[: len(case_lines(before[key]))] == case_lines(before[key])


def case_lines(case: dict[str, Any]) -> list[Any]:
    return [*case.get("transcripts", case.get("transcript", ()))]


async def test_without_the_option_nothing_changes() -> None:
    async with played(size=10) as caller:
        first = await caller.logs(widgetId=caller.widgets[0], **EVER)
        for _ in range(50):
            await caller.get(f"/public/api/v2/chat/{caller.widgets[0]}")
        assert (await caller.logs(widgetId=caller.widgets[0], **EVER)).body == first.body


# ── visitor chat ──────────────────────────────────────────────────────────────────────────────


async def test_availability_is_told_in_strings() -> None:
    async with played() as caller:
        state = decoded(await caller.chat(f"/{caller.widgets[0]}"))
        names = {"widgetId", "online", "emailRequired", "messageRequired", "screenshotRequired"}
        assert state.keys() == names
        assert {state[name] for name in names - {"widgetId"}} <= {"true", "false"}


async def test_unknown_widgets_and_cases_are_404_without_a_body() -> None:
    async with played() as caller:
        case = (await caller.truth())["tables"]["logs"][0]
        for unknown in ("x", case, "11111111-2222-3333-4444-555555555555"):
            for answer in (await caller.chat(f"/{unknown}"), await caller.get(f"/public/api/v2/chat/{unknown}")):
                assert (answer.status, answer.body) == (404, b"")
        for unknown in ("x", caller.widgets[0], "11111111-2222-3333-4444-555555555555"):
            answer = await caller.chat(f"/poll/{unknown}")
            assert (answer.status, answer.body) == (404, b"")
        assert (await caller.chat("", method="DELETE")).status == 405
        assert (await caller.chat(f"/{caller.widgets[0]}", verbose="1")).status == 400


async def test_polls_show_the_chats_that_go_on_with_gaps_between_indexes() -> None:
    async with played() as caller:
        truth = await caller.truth()
        expected = [tuple(key) for key in truth["tables"]["chat_poll"]]
        found = []
        for key in truth["tables"]["logs"]:
            answer = decoded(await caller.chat(f"/poll/{key}"))
            assert answer["caseId"] == key
            found += [(key, message["index"]) for message in answer["messageList"]]
        assert found == expected
        case, last = found[-1]
        indexes = [index for key, index in found if key == case]
        assert indexes == sorted(indexes)
        rest = decoded(await caller.chat(f"/poll/{case}", index=str(indexes[1]), isTyping="false"))["messageList"]
        assert [message["index"] for message in rest] == indexes[1:]
        assert decoded(await caller.chat(f"/poll/{case}", index=str(last + 1)))["messageList"] == []
        assert {index for _, index in found} - {*range(3)}
        assert 3 not in {index for _, index in found}
        for wrong in ({"index": "-1"}, {"index": "x"}, {"isTyping": "maybe"}):
            assert (await caller.chat(f"/poll/{case}", **wrong)).status == 400


async def test_a_failure_of_the_public_api_is_a_200_with_another_code() -> None:
    async with played() as caller:
        truth = await caller.truth()
        typing = set()
        for widget, keys in truth["logs_by_widget"].items():
            for key in keys[-5:]:
                answer = decoded(await caller.get(f"/public/api/v2/chat/{widget}/{key}/visitorTyping"))
                assert answer["statusCode"] == 1
                typing.add(answer["data"]["typing"])
        assert typing == {True, False}
        other = caller.widgets[1] if key not in truth["logs_by_widget"][caller.widgets[1]] else caller.widgets[0]
        for path in (f"{other}/{key}", f"{caller.widgets[0]}/x"):
            answer = decoded(await caller.get(f"/public/api/v2/chat/{path}/visitorTyping"))
            assert answer["statusCode"] != 1


async def test_whoever_opens_a_chat_is_found_out() -> None:
    async with played() as caller:
        widget = caller.widgets[0]
        opened = decoded(await caller.chat("", method="POST", widgetId=widget, visitorMessage="hi"))
        assert opened["widgetId"] == widget
        for wrong, status in (({}, 400), ({"widgetId": "x"}, 404), ({"widgetId": widget, "x": "1"}, 400)):
            assert (await caller.chat("", method="POST", **wrong)).status == status
        address = f"{caller.client.root}/api/v1/chat"
        headers = {"x-api-key": caller.settings["x_api_key"]}
        async with caller.client.session.post(address, data={"widgetId": widget}, headers=headers) as answer:
            assert (await answer.json())["caseId"] != opened["caseId"]
        assert (await caller.truth())["writes"] == {"start_chat": 2, "send_chat": 0}
        poll = decoded(await caller.chat(f"/poll/{opened['caseId']}"))
        assert poll["agentTyping"] is True
        assert {message["type"] for message in poll["messageList"]} == {"system"}
        message = {"caseId": opened["caseId"], "messageType": "1", "messageBody": "hello?"}
        assert decoded(await caller.chat("", method="PUT", **message)) == message
        message = {"caseId": opened["caseId"], "messageType": "2", "messageBody": "bye"}
        assert decoded(await caller.chat("", method="PUT", **message)) == message
        assert (await caller.chat("", method="PUT", **message)).status == 404, "it is closed"
        assert (await caller.chat("", method="PUT", **{**message, "messageType": "3"})).status == 400
        assert (await caller.truth())["writes"] == {"start_chat": 2, "send_chat": 2}


async def test_a_visitor_types_where_a_poll_says_so() -> None:
    async with played() as caller:
        widget, other, _ = caller.widgets
        case = decoded(await caller.chat("", method="POST", widgetId=widget))["caseId"]
        for typing in ("true", "false"):
            await caller.chat(f"/poll/{case}", isTyping=typing)
            answer = decoded(await caller.get(f"/public/api/v2/chat/{widget}/{case}/visitorTyping"))
            assert answer == {"statusCode": 1, "data": {"typing": typing == "true"}}
        answer = decoded(await caller.get(f"/public/api/v2/chat/{other}/{case}/visitorTyping"))
        assert answer["statusCode"] != 1


# ── provisioning ──────────────────────────────────────────────────────────────────────────────


async def test_users_are_looked_up_one_by_one_and_a_foreign_one_merely_exists() -> None:
    async with played() as caller:
        *own, foreign = caller.settings["emails"]
        for email in own:
            user = decoded(await caller.lookup("user.json", email=email.upper()))
            assert user["email"] == email
            assert "password" not in user
        assert decoded(await caller.lookup("user.json", email=foreign)) == {"exists": True}
        assert (await caller.lookup("user.json", email="nobody@sandbox.example")).status == 404
        assert (await caller.lookup("user.json")).status == 400
        assert (await caller.lookup("user.json", email=own[0], uuid="x")).status == 400


async def test_widgets_are_looked_up_for_a_user_of_their_account() -> None:
    async with played() as caller:
        *own, foreign = caller.settings["emails"]
        widget = decoded(await caller.lookup("widget.json", uuid=caller.widgets[2], email=own[1]))
        assert widget["email"] == own[0]
        assert [agent["agentId"] for agent in widget["agents"]] == [f"wc:{email}" for email in own[1:]]
        assert (await caller.lookup("widget.json", uuid=caller.widgets[2])).status == 400
        assert (await caller.lookup("widget.json", uuid=caller.widgets[2], email=foreign)).status == 404
        assert (await caller.lookup("widget.json", uuid="x", email=own[0])).status == 404


# ── what is drawn instead of being stored ─────────────────────────────────────────────────────


@given(st.integers(0, WIDGETS - 1), st.integers(0, 2**26 - 1))
def test_ids_are_read_back_by_their_own_sandbox(w: int, n: int) -> None:
    ids = Ids(KEY)
    assert ids.read(ids.case(w, n)) == (Kind.CASE, n, w)
    assert ids.read(ids.case(w, n).replace("-", "")) is None
    assert Ids(b"l" * 32).read(ids.case(w, n)) is None


@pytest.mark.parametrize("size", [1, 72, 1_500])
def test_cases_are_numbered_by_creation_and_lie_in_the_history(size: int) -> None:
    people = population(size=size)
    for w in range(WIDGETS):
        created = [people.created(w, n) for n in range(people.count(w))]
        assert created == sorted(created)
        assert people.begin <= created[0]
        assert created[-1] < people.until
    assert datetime.fromtimestamp(people.begin / 1000, UTC).year == 2024
    assert 600 * DAY <= people.until - people.begin < 620 * DAY


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_window_is_found_without_looking_at_every_case(first: int, second: int) -> None:
    people = population(size=40)
    start, end = sorted(people.begin - DAY + number * 60 for number in (first, second))
    for w in range(WIDGETS):
        expected = [n for n in range(people.count(w)) if start <= people.created(w, n) < end]
        assert [*people.between(w, start, end)] == expected


def test_size_costs_nothing_until_it_is_asked_for() -> None:
    people = population(size=10_000_000)
    numbers = people.between(0, people.until - DAY, people.until)
    assert numbers.stop == 60_000_000
    assert 0 < len(numbers) < 100_000
