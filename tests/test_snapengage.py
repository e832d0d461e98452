"""The vendor file as data: it fits together, says what the vendor's documents say, and its requests are understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandboxed import QUICK, Answer, Client, noon, sandboxed
from yarl import URL

from extractor.model import ColumnType, Configured, Endpoint, Listing, StatedSecond
from extractor.paths import build_url, fill
from extractor.sandbox.snapengage.cases import spelled
from extractor.sandbox.snapengage.routes import snapengage
from extractor.vendors import load
from extractor.vendors.snapengage import VENDOR

ENDPOINTS = {endpoint.name: endpoint for endpoint in VENDOR.endpoints}
KEYS = {
    "logs": ("id",),
    "chat_availability": ("widgetId",),
    "widget_status": ("widgetId",),
    "widgets": ("uuid",),
    "users": ("email",),
    "chat_poll": ("caseId", "index"),
    "visitor_typing": ("case_id",),
    "start_chat": ("caseId",),
}
NOON_MS = int(datetime(2014, 10, 3, 14, 14, 31, tzinfo=UTC).timestamp() * 1000)


def every(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(kind, VENDOR.endpoints, ids=lambda endpoint: endpoint.name)


def row(name: str, record: object, key: str) -> Any:
    make = ENDPOINTS[name].row
    assert make is not None
    return make(record, Listing(id=1, endpoint=name, key=key))


# ── it fits together ────────────────────────────────────────────────────────────────────────


def test_it_is_found_by_its_name() -> None:
    assert load("snapengage") is VENDOR


def test_tables_and_keys_are_those_of_the_contract() -> None:
    assert {name: endpoint.key for name, endpoint in ENDPOINTS.items()} == KEYS
    assert [endpoint.name for endpoint in VENDOR.endpoints if endpoint.default] == ["logs"]


@every("endpoint")
def test_every_endpoint_is_sound(endpoint: Endpoint) -> None:
    assert endpoint.default or endpoint.note
    assert endpoint.api in ("", *VENDOR.apis)
    assert endpoint.budgets == ("requests",)
    names = {setting.name for setting in VENDOR.settings}
    assert set(endpoint.needs) <= names
    for parent in endpoint.parents:
        assert isinstance(parent, Configured)
        assert parent.setting in {setting.name for setting in VENDOR.settings if setting.many}
    assert endpoint.columns
    for path, kind in endpoint.columns.items():
        assert kind in get_args(ColumnType)
        assert re.fullmatch(r"\w+(\[\])?(\.\w+(\[\])?)*", path), path
    assert set(endpoint.key) <= endpoint.columns.keys()


@every("endpoint")
def test_nothing_but_the_one_that_says_so_changes_anything(endpoint: Endpoint) -> None:
    assert endpoint.writes == (endpoint.method != "GET") == (endpoint.name == "start_chat")
    assert bool(endpoint.given) == endpoint.writes


@every("endpoint")
def test_what_is_asked_for_by_id_may_be_gone(endpoint: Endpoint) -> None:
    looked_up = bool(endpoint.key_param) and endpoint.windows is None
    assert (404 in endpoint.gone) == ("{key}" in endpoint.path or looked_up)


def test_each_api_has_its_own_credential_and_the_same_address() -> None:
    settings = {"api_key": "token", "org_id": "1", "x_api_key": "chat", "provisioning_api_key": "reseller"}
    assert VENDOR.headers(settings) == {"Authorization": "token"}, "raw, without a scheme word"
    assert VENDOR.apis["chat"].headers(settings) == {"x-api-key": "chat"}
    assert VENDOR.apis["public"].headers(settings) == {}
    assert {(api.base_url, api.setting) for api in VENDOR.apis.values()} == {(VENDOR.base_url, "base_url")}
    assert {setting.name for setting in VENDOR.settings if setting.secret} == {
        "api_key",
        "x_api_key",
        "provisioning_api_key",
    }
    assert {setting.name for setting in VENDOR.settings if setting.required} == {"api_key", "org_id", "widget_ids"}


def test_the_key_of_look_ups_stands_in_the_query_and_in_no_request() -> None:
    settings, lists = {"provisioning_api_key": "reseller"}, {"emails": ("owner@example.org", "other@example.org")}
    queries = {name: api.query(settings, lists) for name, api in VENDOR.apis.items() if api.query is not None}
    assert queries == {
        "provisioning": (("api_key", "reseller"),),
        "widgets": (("api_key", "reseller"), ("email", "owner@example.org")),
    }
    assert {ENDPOINTS[name].api for name in ("users", "widgets")} == queries.keys()
    assert all(ENDPOINTS[name].needs == ("provisioning_api_key", "emails") for name in ("users", "widgets"))


def test_headers_can_be_made_without_the_keys_that_only_support_gives_out() -> None:
    for api in VENDOR.apis.values():
        api.headers({"api_key": "token", "org_id": "1"})


def test_the_limit_is_that_of_the_tools() -> None:
    assert VENDOR.budgets == {"requests": StatedSecond(limit=10)}


# ── cases ───────────────────────────────────────────────────────────────────────────────────


def test_a_case_learns_its_widget_from_the_request() -> None:
    assert row("logs", {"id": "a"}, "2014-01-01/2015-01-01 w")["widget_id"] == "w"
    assert row("logs", {"id": "a", "widget_id": "own"}, "2014-01-01/2015-01-01 w")["widget_id"] == "own"


def test_the_older_name_of_a_transcript_is_the_newer_one() -> None:
    lines = [{"id": "", "message": "hello"}]
    found = row("logs", {"id": "a", "transcript": lines}, "2014-01-01/2015-01-01 w")
    assert found["transcripts"] == lines
    assert "transcript" not in found


@pytest.mark.parametrize(
    ("written", "means"),
    [
        (NOON_MS, NOON_MS),
        ("Oct 3, 2014 2:14:31 PM", NOON_MS),
        ("Oct 03, 2014 12:00:00 AM", NOON_MS - (14 * 3600 + 14 * 60 + 31) * 1000),
        (str(NOON_MS), str(NOON_MS)),
        ("yesterday", "yesterday"),
        ("", ""),
        (None, None),
    ],
)
def test_an_instant_is_a_number_or_spelled_in_english(written: object, means: object) -> None:
    assert row("logs", {"created_at_date": written}, "2014-01-01/2015-01-01 w")["created_at_date"] == means


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001  made aware below
def test_every_spelled_instant_is_read(when: datetime) -> None:
    ms = int(when.replace(tzinfo=UTC).timestamp()) * 1000
    found = row("logs", {"created_at_date": spelled(ms)}, "1990-01-01/2091-01-01 w")
    assert found["created_at_date"] == ms


def test_what_the_next_window_brings_is_left_out_of_this_one() -> None:
    """Where nobody knows when it was created, both bring it."""
    key, midnight = "2014-10-01/2014-10-03 w", NOON_MS - (14 * 3600 + 14 * 60 + 31) * 1000
    assert row("logs", {"id": "a", "created_at_milliseconds": midnight}, key) is None
    assert row("logs", {"id": "a", "created_at_date": spelled(midnight)}, key) is None
    assert row("logs", {"id": "a", "created_at_milliseconds": midnight - 1}, key)
    assert row("logs", {"id": "a"}, key)


@given(st.dictionaries(st.sampled_from(["id", "transcript", "transcripts", "created_at_date"]), st.none() | st.text()))
def test_no_case_breaks_the_run_or_is_changed(record: dict[str, object]) -> None:
    before = dict(record)
    assert row("logs", record, "2014-01-01/2015-01-01 w").keys() >= {"widget_id"}
    assert record == before


# ── its requests, as the vendor understands them ────────────────────────────────────────────


class Asker:
    """Sends what the vendor file says, with the credentials of the endpoint's API."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.settings: dict[str, Any] = client.told

    async def ask(self, name: str, key: str = "", params: tuple[tuple[str, str], ...] = ()) -> Answer:
        endpoint = ENDPOINTS[name]
        about = Listing(id=1, endpoint=name, key=key).about
        values = {"key": about, "org_id": self.settings["org_id"], "widget_id": self.settings["widget_ids"][0]}
        if endpoint.api and (query := VENDOR.apis[endpoint.api].query) is not None:
            params += query(self.settings, {"emails": tuple(self.settings["emails"])})
        if endpoint.key_param:
            params = ((endpoint.key_param, about), *params)
        url = build_url(self.client.root, fill(endpoint.path, values), params)
        return await self._send(name, url)

    async def follow(self, name: str, link: str) -> Answer:
        return await self._send(name, link)

    async def _send(self, name: str, url: str) -> Answer:
        endpoint = ENDPOINTS[name]
        headers = (VENDOR.apis[endpoint.api] if endpoint.api else VENDOR).headers(self.settings)
        async with self.client.session.request(
            endpoint.method, URL(url, encoded=True), headers=dict(headers), allow_redirects=False
        ) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    async def window(self, start: date, end: date, widget: str) -> list[str]:
        """Ids of the cases that a window keeps."""
        windows, make = ENDPOINTS["logs"].windows, ENDPOINTS["logs"].row
        assert windows is not None
        assert windows.params is not None
        assert make is not None
        key = f"{start}/{end} {widget}"
        listing = Listing(id=1, endpoint="logs", key=key)
        answer = await self.ask("logs", key, windows.params(start, end))
        found: list[str] = []
        while True:
            assert answer.status == 200, answer.text
            content = answer.json
            rows = [make(record, listing) for record in content["cases"]]
            found += [str(one["id"]) for one in rows if one is not None]
            link = content.get("linkToNextSetOfResults")
            if not link:
                return found
            answer = await self.follow("logs", link)


@pytest.mark.parametrize("knob", [{}, {"end-exclusive": "true"}, {"string-dates": "true", "link-empty": "true"}])
async def test_windows_side_by_side_hold_every_case_under_either_reading(knob: Mapping[str, str]) -> None:
    async with sandboxed(QUICK, vendor=snapengage, clock=noon, size=40, plain=True, knob=knob) as client:
        asker = Asker(client)
        truth = await client.own("/truth")
        for widget in asker.settings["widget_ids"]:
            found: list[str] = []
            start = date(2023, 1, 1)
            while start < date(2026, 3, 2):
                end = start + timedelta(days=28)
                found += await asker.window(start, end, widget)
                start = end
            assert sorted(found) == sorted(truth["logs_by_widget"][widget]), "each once"


async def test_every_look_up_is_answered_and_opens_no_chat() -> None:
    async with sandboxed(QUICK, vendor=snapengage, clock=noon, size=4) as client:
        asker = Asker(client)
        widget = asker.settings["widget_ids"][0]
        case = (await client.own("/truth"))["logs_by_widget"][widget][0]
        assert (await asker.ask("chat_availability", widget)).json["widgetId"] == widget
        assert (await asker.ask("widget_status", widget)).json["data"]["widgetId"] == widget
        assert "messageList" in (await asker.ask("chat_poll", case)).json
        assert "typing" in (await asker.ask("visitor_typing", case)).json["data"]
        assert (await asker.ask("widgets", widget)).json["uuid"] == widget
        for email in asker.settings["emails"]:
            assert (await asker.ask("users", email)).json.get("email", email) == email
        assert (await asker.ask("users", "nobody@example.org")).status == 404
        assert (await asker.ask("chat_availability", "00000000-0000-0000-0000-000000000000")).status == 404
        assert (await client.own("/truth"))["writes"] == {"start_chat": 0, "send_chat": 0}
        told = tuple((name, widget if name == "widgetId" else "x") for name in ENDPOINTS["start_chat"].given)
        assert (await asker.ask("start_chat", params=told)).json["widgetId"] == widget
        assert (await client.own("/truth"))["writes"]["start_chat"] == 1
