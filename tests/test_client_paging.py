"""The client and paginators: links, rejected calls, lists without end, and what may stay in memory meanwhile."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Generator
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from clock import run
from fake_vendor import BASE, FakeTransport, Reply, client_of, fetch, ok, status, vendor_of
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import BadBody, Endless, RequestFailed, TimedOut, TransportError
from extractor.model import (
    Answer,
    Call,
    Endpoint,
    IncidentKind,
    Listing,
    Page,
    Paginator,
    Records,
    Rejected,
    Request,
    State,
)
from extractor.paginate import field_of

LISTING = Listing(id=1, endpoint="things", key="")


def follow(_: str | None) -> Generator[Call, Answer, bool]:
    """Follows `next`, and ends with an error at one that it has followed before."""
    answer = yield Call()
    seen: set[str] = set()
    while isinstance(link := field_of(answer.content, "next"), str):
        del answer
        if link in seen:
            raise Endless("the link comes again")
        seen.add(link)
        answer = yield Call(link=link, cursor=link)
    return False


def endpoint(paginate: Paginator) -> Endpoint:
    return Endpoint(
        name="things", path="/things", params=(("size", "2"),), records=Records(at="data"), paginate=paginate
    )


def ids(pages: list[Page]) -> list[str]:
    return [page.payload.decode() for page in pages if page.payload]


# ── links ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("link", "path", "params"),
    [
        (f"{BASE}/things?a=1&a=2&b=", "/things", (("a", "1"), ("a", "2"), ("b", ""))),
        ("https://SHOP.test:443/api/v1/things?c=a%2Fb%20c%2B+d", "/things", (("c", "a/b c+ d"),)),
        ("/api/v1/views/5/items?cursor=x", "/views/5/items", (("cursor", "x"),)),
        ("?next=n%3D%3D", "/things", (("next", "n=="),)),
        ("other?x=1#part", "/other", (("x", "1"),)),
        (f"{BASE}/things", "/things", ()),
    ],
)
def test_a_link_is_asked_for_with_the_query_that_it_holds(
    link: str, path: str, params: tuple[tuple[str, str], ...]
) -> None:
    """And with nothing of the endpoint's own."""
    answers = iter([ok({"data": [{"id": 1}], "next": link}), ok({"data": [{"id": 2}]})])
    pages, transport = fetch(vendor_of(endpoint(follow)), lambda _: next(answers), LISTING)
    first, second = transport.sent
    assert (first.path, first.params) == ("/things", (("size", "2"),))
    assert (second.path, second.params, second.method) == (path, params, "GET")
    assert [(page.state, page.cursor) for page in pages] == [(State.OPEN, link), (State.COMMITTED, None)]


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://evil.test/api/v1/things?token=secret", "evil.test"),
        ("https://user:secret@evil.test/api/v1/things", "evil.test"),
        ("https://user:secret@shop.test/api/v1/things", "shop.test"),
        ("http://shop.test/api/v1/things?token=secret", "shop.test"),
        ("https://shop.test:8443/api/v1/things", "shop.test"),
        ("//evil.test/api/v1/things?secret", "evil.test"),
        (f"{BASE}0/things?secret", "shop.test"),
        ("https://shop.test/admin?secret", "shop.test"),
        ("/admin?secret", "no path below the base URL"),
        ("../../admin?secret", "no path below the base URL"),
        ("javascript:secret", "no path below the base URL"),
        ("https://[secret", "no address"),
        (f"https://{'e' * 3000}.test/", "e" * 100),
    ],
)
def test_a_link_that_leads_elsewhere_gets_no_request(link: str, shown: str) -> None:
    answer = ok({"data": [{"id": 1}], "next": link})
    pages, transport = fetch(vendor_of(endpoint(follow)), lambda _: answer, LISTING)
    assert len(transport.sent) == 1
    assert [(page.state, page.records) for page in pages] == [(State.OPEN, 1), (State.FAILED, 0)]
    (incident,) = pages[1].incidents
    assert (incident.kind, incident.gap, incident.path) == (IncidentKind.FAILED, True, "/things")
    assert incident.detail == f"things: the next link leads elsewhere: {shown}"


def test_the_path_of_a_link_is_no_way_out() -> None:
    """The transport refuses dot segments and bytes that are no UTF-8 before anything is sent; see `paths`."""
    answers = iter([ok({"data": [], "next": f"{BASE}/../../admin"}), ok({"data": []})])
    _, transport = fetch(vendor_of(endpoint(follow)), lambda _: next(answers), LISTING)
    assert transport.sent[1].path == "/../../admin"


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))), max_size=5
    )
)
def test_any_query_reaches_the_transport_as_it_was_meant(params: list[tuple[str, str]]) -> None:
    answers = iter([ok({"data": [], "next": f"{BASE}/things?{urlencode(params)}"}), ok({"data": []})])
    _, transport = fetch(vendor_of(endpoint(follow)), lambda _: next(answers), LISTING)
    assert list(transport.sent[1].params) == params


def test_parameters_of_a_call_replace_the_endpoints_own() -> None:
    def bigger(_: str | None) -> Generator[Call, Answer, bool]:
        yield Call(params=(("size", "9"), ("offset", "4")))
        return False

    _, transport = fetch(vendor_of(endpoint(bigger)), lambda _: ok({"data": []}), LISTING)
    assert transport.sent[0].params == (("size", "9"), ("offset", "4"))


# ── lists without end ───────────────────────────────────────────────────────────────────────


def test_a_list_that_does_not_end_keeps_what_came_and_says_so() -> None:
    turn = iter(range(100))
    pages, transport = fetch(
        vendor_of(endpoint(follow)),
        lambda _: ok({"data": [{"id": next(turn)}], "next": f"{BASE}/things?page=2"}),
        LISTING,
    )
    assert len(transport.sent) == 2
    assert ids(pages) == ['[{"id":0}]', '[{"id":1}]']
    (incident,) = pages[-1].incidents
    assert pages[-1].state is State.FAILED
    assert incident.detail == "the vendor's list does not end: the link comes again"


# ── rejected calls ──────────────────────────────────────────────────────────────────────────


def shrinking(heard: list[int | None]) -> Paginator:
    """Asks for fewer at a time when a call is rejected, down to one."""

    def pages(_: str | None) -> Generator[Call, Answer, bool]:
        offset, limit = 0, 8
        while True:
            try:
                answer = yield Call(params=(("offset", str(offset)), ("limit", str(limit))), cursor=f"{offset}/{limit}")
            except Rejected as error:
                heard.append(error.status)
                if limit == 1:
                    raise
                limit //= 2
                continue
            got = len(answer.records)
            del answer
            if got < limit:
                return False
            offset += got

    return pages


def slice_of(request: Request) -> list[dict[str, int]]:
    asked = {name: int(value) for name, value in request.params if name != "size"}
    return [{"id": number} for number in range(20)][asked["offset"] :][: asked["limit"]]


@given(too_many=st.integers(1, 8), bad=st.sampled_from([400, 413, 414, 422, 502, "timeout", "reset", "body"]))
def test_a_paginator_may_ask_in_another_way(too_many: int, bad: int | str) -> None:
    heard: list[int | None] = []

    def vendor(request: Request) -> Reply:
        found = slice_of(request)
        if len(found) <= too_many:
            return ok({"data": found})
        errors: dict[int | str, Reply] = {
            502: RequestFailed("502", status=502),
            "timeout": TimedOut("late"),
            "reset": TransportError("reset"),
            "body": BadBody("not JSON", status=200),
        }
        return errors.get(bad) or status(int(bad))

    pages, _ = fetch(vendor_of(endpoint(shrinking(heard))), vendor, LISTING)
    assert sum(page.records for page in pages) == 20
    assert not any(page.incidents for page in pages)
    assert set(heard) <= {bad if isinstance(bad, int) else {"body": 200}.get(bad)}
    assert bool(heard) is (too_many < 8)


def test_a_call_that_is_rejected_in_every_way_has_failed() -> None:
    heard: list[int | None] = []
    pages, transport = fetch(vendor_of(endpoint(shrinking(heard))), lambda _: status(413), LISTING)
    assert len(transport.sent) == 4
    assert heard == [413] * 4
    (incident,) = pages[-1].incidents
    assert (pages[-1].state, incident.status) == (State.FAILED, 413)


@pytest.mark.parametrize("number", [301, 409, 410])
def test_other_statuses_are_no_matter_of_how_one_asks(number: int) -> None:
    heard: list[int | None] = []
    pages, transport = fetch(vendor_of(endpoint(shrinking(heard))), lambda _: status(number), LISTING)
    assert (len(transport.sent), heard, pages[-1].state) == (1, [], State.FAILED)


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_paginator_may_end_the_list_at_a_rejection(cut_off: bool) -> None:
    def pages_(_: str | None) -> Generator[Call, Answer, bool]:
        yield Call()
        try:
            yield Call(params=(("skip", "10100"),), cursor="10100")
        except Rejected:
            return cut_off
        return False

    answers = iter([ok({"data": [{"id": 1}]}), status(400)])
    pages, _ = fetch(vendor_of(endpoint(pages_)), lambda _: next(answers), LISTING)
    assert [(page.state, page.truncated) for page in pages] == [(State.OPEN, False), (State.COMMITTED, cut_off)]


def test_what_a_paginator_raises_after_a_rejection_ends_the_listing() -> None:
    def pages_(_: str | None) -> Generator[Call, Answer, bool]:
        try:
            yield Call()
        except Rejected:
            raise Endless("again") from None
        return False

    pages, _ = fetch(vendor_of(endpoint(pages_)), lambda _: status(400), LISTING)
    assert [page.state for page in pages] == [State.FAILED]
    assert "does not end: again" in pages[0].incidents[0].detail


# ── memory ──────────────────────────────────────────────────────────────────────────────────


class Mark(dict[str, object]):
    """A record that can be watched."""


def test_nothing_decoded_waits_with_a_page_for_the_disk() -> None:
    """Decoded records take seven times the room of their bytes, and hundreds of pages wait at a time."""
    watched: list[weakref.ref[Mark]] = []
    link = f"{BASE}/things?page="

    class Watching(FakeTransport):
        async def send(self, request: Request) -> object:  # type: ignore[override]
            response = await super().send(request)
            assert isinstance(response.content, dict)
            records = [Mark(record) for record in response.content["data"]]
            watched.extend(map(weakref.ref, records))
            return replace(response, content=response.content | {"data": records})

    def vendor(request: Request) -> Reply:
        number = int(dict(request.params).get("page", "0"))
        following = {"next": f"{link}{number % 4 + 1}"}  # the last one leads back
        return ok({"data": [{"id": number}], "others": [{"id": "o"}], **following})

    beside = Endpoint(name="others", path="", beside="things", records=Records(at="others"))
    client = client_of(vendor_of(endpoint(follow), beside), Watching(vendor))

    async def main() -> int:
        seen = 0
        gc.disable()
        try:
            async for _ in client.pages(LISTING):
                await asyncio.sleep(0)
                assert [ref for ref in watched if ref() is not None] == []
                seen += 1
        finally:
            gc.enable()
        return seen

    assert run(main()) == 11, "five answers with something beside, and the end of a list without end"
    assert len(watched) == 5
