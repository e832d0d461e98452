"""The client and what endpoints say of records and requests: rows, records beside, keys, APIs, given parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest
from clock import run
from fake_vendor import FakeTransport, client_of, fetch, ok, status, vendor_of

from extractor.errors import CredentialsError, Refused
from extractor.model import (
    Api,
    Children,
    Endpoint,
    IncidentKind,
    Listing,
    Page,
    Records,
    Setting,
    State,
    Vendor,
    Windows,
)


def loaded(page: Page) -> object:
    return orjson.loads(page.payload) if page.payload else []


def named(record: object, listing: Listing) -> Mapping[str, object] | None:
    """What stands in the answer with the listing's key; nothing for what has no name."""
    if isinstance(record, dict):
        return {**record, "about": listing.about} if record.get("name") else None
    return {"name": record} if isinstance(record, str) else None


# ── rows ────────────────────────────────────────────────────────────────────────────────────


def test_the_loaded_record_is_made_of_what_stands_in_the_answer() -> None:
    endpoint = Endpoint(name="things", path="/things/{key}", records=Records(at="data"), row=named)
    child = Endpoint(name="parts", path="/parts/{key}", parents=(Children(endpoint="things", key="id"),))
    body = b'{"data": [{"id": 1, "name": "a", "n": NaN, "i": 12345678901234567890123}, {"id": 2}, "b", "\\ud800", 5]}'
    (page,), _ = fetch(vendor_of(endpoint, child), lambda _: ok(body), Listing(id=1, endpoint="things", key="k"))
    assert page.payload == (
        b'[{"id":1,"name":"a","n":NaN,"i":12345678901234567890123,"about":"k"},{"name":"b"},{"name":"\\ud800"}]'
    )
    assert page.records == 3
    assert [found.key for found in page.found] == ["1", "2"], "what is not loaded has children all the same"
    (incident,) = page.incidents
    assert (incident.kind, incident.record) == (IncidentKind.MALFORMED, "5")


def test_what_is_not_kept_is_not_made() -> None:
    endpoint = Endpoint(name="things", path="/things", row=named, keep=lambda record, _: record.get("id") != 1)
    answer = ok([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    (page,), _ = fetch(vendor_of(endpoint), lambda _: answer, Listing(id=1, endpoint="things", key=""))
    assert loaded(page) == [{"id": 2, "name": "b", "about": ""}]


def test_one_lone_surrogate_costs_no_other_record() -> None:
    body = b'{"cases": [{"id": "a"}, {"id": "b", "text": "half \\ud83d emoji"}, {"id": "c"}], "next": ""}'
    endpoint = Endpoint(name="things", path="/things", records=Records(at="cases"))
    (page,), _ = fetch(vendor_of(endpoint), lambda _: ok(body), Listing(id=1, endpoint="things", key=""))
    assert (page.records, page.incidents) == (3, ())
    assert page.payload in body


# ── records beside ──────────────────────────────────────────────────────────────────────────

MAIN = Endpoint(name="events", path="/events", records=Records(at="items"))
ACTORS = Endpoint(name="actors", path="", records=Records(at="actors"), beside="events", row=named)
QUEUES = Endpoint(name="queues", path="", records=Records(shape="map", at="queues"), beside="events")
CHILD = Endpoint(name="profiles", path="/profiles/{key}", parents=(Children(endpoint="actors", key="id"),))
BESIDE = vendor_of(MAIN, ACTORS, QUEUES, CHILD)
ANSWER = {"items": [{"id": 1}], "actors": [{"id": 2, "name": "x"}, {"id": 3}], "queues": {"q": {"id": 4}}}


def test_records_of_other_endpoints_stand_in_the_same_answer() -> None:
    pages, transport = fetch(BESIDE, lambda _: ok(ANSWER), Listing(id=1, endpoint="events", key=""))
    assert len(transport.sent) == 1
    assert [(page.beside, page.state, page.records, loaded(page)) for page in pages] == [
        ("actors", State.OPEN, 1, [{"id": 2, "name": "x", "about": ""}]),
        ("queues", State.OPEN, 1, [{"id": 4}]),
        ("", State.COMMITTED, 1, [{"id": 1}]),
    ]
    assert {page.listing.endpoint for page in pages} == {"events"}, "they are this listing's pages"
    assert [(found.endpoint, found.key) for found in pages[0].found] == [("profiles", "2"), ("profiles", "3")]


def test_what_is_not_loaded_or_not_there_has_no_page() -> None:
    listing = Listing(id=1, endpoint="events", key="")
    pages, _ = fetch(BESIDE, lambda _: ok(ANSWER), listing, loaded=frozenset({"events", "queues"}))
    assert [page.beside for page in pages] == ["queues", ""]
    pages, _ = fetch(BESIDE, lambda _: ok({"items": [], "actors": []}), listing)
    assert [page.beside for page in pages] == [""]


def test_what_stands_beside_in_another_form_fails_after_the_records() -> None:
    pages, _ = fetch(
        BESIDE, lambda _: ok({"items": [{"id": 1}], "actors": 5}), Listing(id=1, endpoint="events", key="")
    )
    assert [(page.state, page.records) for page in pages] == [(State.OPEN, 1), (State.FAILED, 0)]
    assert "actors: expected a JSON array" in pages[1].incidents[0].detail


# ── requests ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "windows", [None, Windows(days=8, params=lambda start, end: (("from", f"{start}"), ("to", f"{end}")))]
)
def test_the_key_goes_into_path_and_parameter_without_its_window(windows: Windows | None) -> None:
    endpoint = Endpoint(
        name="things",
        path="/widgets/{key}/logs",
        params=(("limit", "5"),),
        key_param="widget",
        windows=windows,
        parents=(Children(endpoint="things", key="x"),),
    )
    key = "2024-02-23/2024-03-02 a b" if windows else "a b"
    _, transport = fetch(
        vendor_of(endpoint),
        lambda _: ok([]),
        Listing(id=1, endpoint="things", key=key),
        given={"things": (("email", "e"),), "others": (("no", "no"),)},
    )
    (request,) = transport.sent
    window = (("from", "2024-02-23"), ("to", "2024-03-02")) if windows else ()
    assert request.path == "/widgets/a%20b/logs"
    assert request.params == (("limit", "5"), *window, ("widget", "a b"), ("email", "e"))


def test_an_id_that_looks_like_a_window_stays_one() -> None:
    endpoint = Endpoint(name="things", path="/things", key_param="id")
    key = "2024-02-23/2024-03-02 x"
    _, transport = fetch(vendor_of(endpoint), lambda _: ok([]), Listing(id=1, endpoint="things", key=key))
    assert transport.sent[0].params == (("id", key),)


@pytest.mark.parametrize("writes", [False, True])
def test_what_changes_something_is_sent_once(writes: bool) -> None:
    endpoint = Endpoint(name="things", path="/things", writes=writes, api="other")
    vendor = replace(
        vendor_of(endpoint), apis={"other": Api(base_url="https://o.test", setting="o", headers=lambda _: {})}
    )
    _, transport = fetch(vendor, lambda _: ok([]), Listing(id=1, endpoint="things", key=""))
    assert (transport.sent[0].once, transport.sent[0].api) == (writes, "other")


# ── credentials ─────────────────────────────────────────────────────────────────────────────

TWO = Vendor(
    name="shop",
    title="Shop",
    base_url="https://{account}.test",
    settings=tuple(
        Setting(name=name, help="")
        for name in ("account", "user", "password", "token", "second_url", "second_key", "second_secret")
    ),
    account="account",
    headers=lambda settings: {"A": settings.get("token") or f"{settings['user']}:{settings['password']}"},
    budgets={},
    endpoints=(
        Endpoint(name="first", path="/first"),
        Endpoint(name="second", path="/second", api="two"),
    ),
    apis={
        "two": Api(
            base_url="https://two.test",
            setting="second_url",
            headers=lambda settings: {"K": settings["second_key"], "S": settings["second_secret"]},
        )
    },
)


@pytest.mark.parametrize(
    ("endpoint", "number", "says"),
    [
        ("first", 401, "check user and password and token in"),
        ("second", 401, "check second_key and second_secret in"),
        ("second", 403, "check second_key and second_secret in"),
        ("first", 404, "check account or base_url in"),
        ("second", 404, "check second_url in"),
    ],
)
def test_each_api_has_a_first_request_and_settings_of_its_own(endpoint: str, number: int, says: str) -> None:
    other = "second" if endpoint == "first" else "first"
    client = client_of(TWO, FakeTransport(lambda request: ok([]) if request.endpoint == other else status(number)))

    async def main() -> None:
        assert [page async for page in client.pages(Listing(id=1, endpoint=other, key=""))]
        with pytest.raises(CredentialsError, match=says):
            assert [page async for page in client.pages(Listing(id=2, endpoint=endpoint, key=""))]

    run(main())


def test_headers_that_are_made_of_all_settings_name_them_all() -> None:
    vendor = replace(TWO, headers=lambda settings: {f"X-{len(settings)}": "".join(settings.values())})
    client = client_of(vendor, FakeTransport(lambda _: status(401)))

    async def main() -> None:
        with pytest.raises(CredentialsError, match="check account and user and password and token and second_url and"):
            assert [page async for page in client.pages(Listing(id=1, endpoint="first", key=""))]

    run(main())


def test_an_api_that_has_let_us_in_once_refuses_an_endpoint_only() -> None:
    answers = iter([ok([]), status(403)])
    client = client_of(TWO, FakeTransport(lambda _: next(answers)))

    async def main() -> None:
        assert [page async for page in client.pages(Listing(id=1, endpoint="second", key=""))]
        with pytest.raises(Refused):
            assert [page async for page in client.pages(Listing(id=2, endpoint="second", key=""))]

    run(main())
