"""Listings that ask in their own words, against a vendor that is a function from a request to an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import orjson
import pytest
from clock import run
from fake_vendor import BASE, Behaviour, FakeTransport, fetch, ok, status, vendor_of
from hypothesis import given
from hypothesis import strategies as st

from extractor.children import Family
from extractor.client import Client
from extractor.errors import BadBody, CredentialsError, ForeignOrigin, Refused, Unauthorized
from extractor.mask import Mask, Masking
from extractor.model import (
    Children,
    Endpoint,
    Found,
    IncidentKind,
    Listing,
    Page,
    Reading,
    Request,
    Response,
    State,
    Vendor,
)

PAGES = [[{"id": "a"}, {"id": "b"}], [], [{"id": "c"}]]


def request_of(page: int, **more: object) -> Request:
    plain = Request(endpoint="items", path="/items", params=(("page", str(page)),), budgets=(), accept=lambda _: None)
    return replace(plain, **more)  # type: ignore[arg-type]


@dataclass
class Numbered:
    """Pages by number, as many as the vendor says there are; the cursor is the number of the next one.

    Attributes:
        ask_for: makes the request for a page.
    """

    listing: Listing
    ask_for: Callable[[int], Request] = request_of
    page: int = field(init=False)
    more: bool = True

    def __post_init__(self) -> None:
        self.page = int(self.listing.cursor or 0)

    def ask(self) -> Request | None:
        return self.ask_for(self.page) if self.more else None

    def answered(self, response: Response) -> Reading:
        try:
            content = orjson.loads(response.body)
        except ValueError as error:
            raise BadBody("items: no JSON") from error
        self.more = bool(content["more"])
        self.page += 1
        records = content["records"]
        found = tuple(
            Found(endpoint=child, key=one["id"], parent=self.listing.key)
            for one in records
            for child in ("parts", "prices")
        )
        return Reading(payload=orjson.dumps(records), records=len(records), found=found, cursor=str(self.page))


def vendor_with(exchange: Callable[[Listing], Numbered] = Numbered) -> Vendor:
    children = (Children(endpoint="items", key="id"),)
    return vendor_of(
        Endpoint(name="items", path="/items", key=(), exchange=exchange),
        Endpoint(name="parts", path="/parts", parents=children),
        Endpoint(name="prices", path="/prices", parents=children),
    )


VENDOR = vendor_with()
ITEMS = Listing(id=1, endpoint="items", key="")


def holding(pages: Sequence[object]) -> Behaviour:
    def answer(request: Request) -> Response:
        number = int(dict(request.params)["page"])
        return ok({"records": pages[number], "more": number + 1 < len(pages)})

    return answer


def records(pages: Sequence[Page]) -> list[object]:
    return [record for page in pages if page.payload for record in orjson.loads(page.payload)]


def test_an_exchange_is_asked_until_it_is_at_its_end() -> None:
    pages, transport = fetch(VENDOR, holding(PAGES), ITEMS)
    assert [page.state for page in pages] == [State.OPEN, State.OPEN, State.COMMITTED]
    assert [page.cursor for page in pages] == ["1", "2", None]
    assert [page.records for page in pages] == [2, 0, 1]
    assert [bool(page.payload) for page in pages] == [True, False, True]
    assert records(pages) == [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    assert [request.params for request in transport.sent] == [(("page", str(n)),) for n in range(3)]


def test_an_exchange_without_any_request_is_an_empty_list() -> None:
    pages, transport = fetch(vendor_with(lambda listing: Numbered(listing, more=False)), holding(PAGES), ITEMS)
    assert pages == [Page(listing=ITEMS, state=State.COMMITTED)]
    assert not transport.sent


@given(st.lists(st.lists(st.builds(lambda n: {"id": str(n)}, st.integers()), max_size=3), min_size=1, max_size=6))
def test_from_any_cursor_the_remaining_pages_come(everything: list[list[object]]) -> None:
    whole, _ = fetch(VENDOR, holding(everything), ITEMS)
    for read, page in enumerate(whole[:-1], 1):
        rest, transport = fetch(VENDOR, holding(everything), replace(ITEMS, cursor=page.cursor))
        assert records(whole[:read]) + records(rest) == records(whole)
        assert len(transport.sent) == len(everything) - read


def test_only_listings_that_the_run_asks_for_are_named() -> None:
    transport = FakeTransport(holding(PAGES))
    client = Client(
        vendor=VENDOR,
        family=Family(VENDOR, frozenset({"items", "parts"}), frozenset()),
        transport=transport,
        base_urls={"": BASE},
        loaded=frozenset({"parts"}),
        since=None,
        until=date(2024, 3, 5),
    )

    async def main() -> list[Page]:
        return [page async for page in client.pages(ITEMS)]

    pages = run(main())
    assert [(found.endpoint, found.key) for page in pages for found in page.found] == [
        ("parts", "a"),
        ("parts", "b"),
        ("parts", "c"),
    ]
    # Their records were wanted for their ids alone.
    assert [(page.payload, page.records) for page in pages] == [(b"", 2), (b"", 0), (b"", 1)]


def test_an_id_that_no_ledger_takes_is_an_incident_and_no_listing() -> None:
    pages, _ = fetch(VENDOR, holding([[{"id": "x" * 20_000}, {"id": "b"}]]), ITEMS)
    assert {found.key for found in pages[0].found} == {"b"}
    assert {(one.kind, one.endpoint) for one in pages[0].incidents} == {
        (IncidentKind.FAILED, "parts"),
        (IncidentKind.FAILED, "prices"),
    }


def test_masked_fields_reach_no_page_and_the_ids_are_read_before() -> None:
    masking = Masking(masks=(Mask(path="id", how="drop"),))
    pages, _ = fetch(VENDOR, holding([[{"id": "secret", "n": 1.50}]]), ITEMS, masking=masking)
    assert pages[0].payload == b'[{"n":1.5}]'
    assert {found.key for found in pages[0].found} == {"secret"}


# ── what fails ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "detail"),
    [(status(500), "status 500"), (status(418), "status 418"), (ok(b"<html>"), "no JSON")],
)
def test_a_list_that_fails_on_the_way_keeps_what_it_brought_and_where_it_was(reply: Response, detail: str) -> None:
    whole = holding(PAGES)
    pages, _ = fetch(VENDOR, lambda request: reply if ("page", "2") in request.params else whole(request), ITEMS)
    assert records(pages) == [{"id": "a"}, {"id": "b"}]
    last = pages[-1]
    assert (last.state, last.cursor) == (State.FAILED, "2")
    (incident,) = last.incidents
    assert (incident.kind, incident.endpoint, incident.path) == (IncidentKind.FAILED, "items", "/items")
    assert detail in incident.detail
    # Asked again, it goes on there.
    rest, transport = fetch(VENDOR, whole, replace(ITEMS, cursor=last.cursor))
    assert (records(rest), len(transport.sent)) == ([{"id": "c"}], 1)


def test_a_request_that_cannot_be_made_costs_none() -> None:
    def away(page: int) -> Request:
        if page:
            raise ForeignOrigin("items: the next link leads elsewhere: evil.test")
        return request_of(page)

    pages, transport = fetch(vendor_with(lambda listing: Numbered(listing, away)), holding(PAGES), ITEMS)
    assert len(transport.sent) == 1
    assert records(pages) == PAGES[0]
    assert [page.state for page in pages] == [State.OPEN, State.FAILED]
    assert "evil.test" in pages[-1].incidents[0].detail


def test_statuses_mean_what_they_mean_elsewhere() -> None:
    with pytest.raises(CredentialsError):
        fetch(VENDOR, lambda _: status(401), ITEMS)
    whole = holding(PAGES)

    def later(number: int) -> Behaviour:
        return lambda request: status(number) if ("page", "1") in request.params else whole(request)

    with pytest.raises(Unauthorized):
        fetch(VENDOR, later(401), ITEMS)
    with pytest.raises(Refused, match="items"):
        fetch(VENDOR, later(403), ITEMS)
    gone = replace(VENDOR, endpoints=(replace(VENDOR.endpoints[0], gone=(410,)), *VENDOR.endpoints[1:]))
    pages, _ = fetch(gone, later(410), ITEMS)
    assert (pages[-1].state, pages[-1].incidents[0].kind) == (State.GONE, IncidentKind.GONE)


def test_a_status_that_the_request_takes_for_an_answer_is_read() -> None:
    def empty(_: Request) -> Response:
        return replace(ok({"records": [{"id": "a"}], "more": False}), status=404)

    vendor = vendor_with(lambda listing: Numbered(listing, lambda page: request_of(page, answers=(404,))))
    pages, _ = fetch(vendor, empty, ITEMS)
    assert [page.state for page in pages] == [State.COMMITTED]
    assert records(pages) == [{"id": "a"}]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (401, "does not know these credentials (401 at items): check client.auth and client.headers in shop.py:config"),
        (403, "gives these credentials no access (403 at items)"),
        (404, "has nothing at /items (404): check client.base_url and items in shop.py:config"),
    ],
)
def test_who_wrote_a_configuration_is_told_where_to_look(number: int, words: str) -> None:
    vendor = replace(VENDOR, configuration="shop.py:config")
    with pytest.raises(CredentialsError) as raised:
        fetch(vendor, lambda _: status(number), ITEMS)
    assert words in str(raised.value)
    assert "secrets.toml" not in str(raised.value)


# ── redirects ───────────────────────────────────────────────────────────────────────────────


def moved(location: str, number: int = 301) -> Response:
    return Response(status=number, headers={"location": location})


@pytest.mark.parametrize("location", ["/api/v1/items/?page=0", f"{BASE}/items/?page=0", "items/?page=0"])
def test_a_redirect_within_the_api_is_followed(location: str) -> None:
    def answer(request: Request) -> Response:
        return moved(location) if request.path == "/items" else ok({"records": [{"id": "a"}], "more": False})

    pages, transport = fetch(VENDOR, answer, ITEMS)
    assert records(pages) == [{"id": "a"}]
    assert [(request.path, request.params) for request in transport.sent] == [
        ("/items", (("page", "0"),)),
        ("/items/", (("page", "0"),)),
    ]


@pytest.mark.parametrize(("number", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_what_was_posted_is_posted_on_only_if_the_vendor_wants_it(number: int, method: str) -> None:
    def post(page: int) -> Request:
        return request_of(page, method="POST", content=b"x=1", headers={"Content-Type": "text/plain"})

    def answer(request: Request) -> Response:
        return moved("/api/v1/new", number) if request.path == "/items" else ok({"records": [], "more": False})

    _, transport = fetch(vendor_with(lambda listing: Numbered(listing, post)), answer, ITEMS)
    second = transport.sent[1]
    assert (second.path, second.method, second.content) == ("/new", method, b"x=1" if method == "POST" else None)


@pytest.mark.parametrize("location", ["https://evil.test/api/v1/items", "//evil.test/items", "/admin", "../../admin"])
def test_a_redirect_that_leads_out_of_the_api_is_an_incident_and_no_request(location: str) -> None:
    pages, transport = fetch(VENDOR, lambda _: moved(location), ITEMS)
    assert len(transport.sent) == 1
    assert pages[-1].state is State.FAILED
    assert "leads elsewhere" in pages[-1].incidents[0].detail


def test_redirects_in_a_circle_end() -> None:
    pages, transport = fetch(VENDOR, lambda _: moved("/api/v1/items?page=0"), ITEMS)
    assert pages[-1].state is State.FAILED
    assert "status 301" in pages[-1].incidents[0].detail
    assert 2 < len(transport.sent) < 20
