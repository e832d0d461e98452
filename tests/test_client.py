"""The client against vendors that are functions from a request to an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from clock import run
from fake_vendor import Behaviour, FakeTransport, Reply, ok, status
from hypothesis import given
from hypothesis import strategies as st

from extractor.children import Family
from extractor.client import Client
from extractor.errors import BadBody, CredentialsError, Refused, RequestFailed, TimedOut, TransportError, Unauthorized
from extractor.model import (
    Afterwards,
    Cap,
    Children,
    Endpoint,
    Found,
    Incident,
    IncidentKind,
    Listing,
    Missing,
    Page,
    Records,
    Request,
    State,
    Vendor,
    Windows,
)
from extractor.paginate import split_by, split_by_field
from extractor.vendors.gladly import VENDOR as GLADLY
from extractor.windows import Window, grid, newest

DAY = timedelta(days=1)
UNTIL = date(2024, 3, 5)
SIZE = 8
NEAR = 6


def ask(start: date, end: date, _about: str) -> Mapping[str, object]:
    return {"from": start.isoformat(), "to": end.isoformat()}


PARENTS = (Children(endpoint="report", key="Customer ID"),)
CAP = Cap(size=3, header="limited")
VENDOR = Vendor(
    name="shop",
    title="Shop",
    base_url="https://shop.test",
    settings=(),
    account="",
    headers=lambda _: {},
    budgets={},
    endpoints=(
        Endpoint(name="shops", path="/shops", params=(("all", "1"),), timeout=7),
        Endpoint(name="about", path="/about", records=Records(shape="object")),
        Endpoint(
            name="report",
            path="/reports",
            method="POST",
            key=("ID",),
            windows=Windows(days=SIZE, near=NEAR, body=ask),
            records=Records(shape="csv", needs=("ID",)),
            download=True,
        ),
        Endpoint(name="table", path="/table", key=("ID",), records=Records(shape="csv"), download=True),
        Endpoint(name="stream", path="/stream", records=Records(shape="lines"), download=True),
        Endpoint(name="search", path="/customers", params=lambda listing: (("email", listing.key),)),
        Endpoint(
            name="customers",
            path="/customers/{key}",
            records=Records(shape="object"),
            parents=PARENTS,
            gone=(404, 410),
            moved=(301,),
            moved_to=GLADLY.endpoints[[e.name for e in GLADLY.endpoints].index("customer_profiles")].moved_to,
        ),
        Endpoint(name="orders", path="/customers/{key}/orders", parents=PARENTS, cap=CAP),
        Endpoint(
            name="tasks",
            path="/customers/{key}/tasks",
            parents=PARENTS,
            cap=CAP,
            params=(("x", "y"),),
            paginate=split_by("status", ("OPEN", "CLOSED")),
        ),
        Endpoint(
            name="order",
            path="/orders/{key}",
            records=Records(shape="object"),
            parents=(Children(endpoint="report", key="ID"),),
            held=Missing(delivered_by="orders"),
        ),
        Endpoint(
            name="items",
            path="/orders/{key}/items",
            parents=(Children(endpoint="orders", key="id"),),
            cap=CAP,
            paginate=split_by_field("sessionId", ("sessionId",)),
        ),
        Endpoint(
            name="exported",
            path="/files/{key}",
            records=Records(shape="lines"),
            parents=(Children(endpoint="shops", key="file"),),
            keep=lambda record, fields: str(record.get("order")) in fields.get("truncated", ""),
            held=Afterwards(truncated="items"),
            download=True,
        ),
    ),
)
ALL = frozenset(endpoint.name for endpoint in VENDOR.endpoints)


def things(count: int, prefix: str = "r") -> list[dict[str, object]]:
    return [{"id": f"{prefix}{number}"} for number in range(count)]


def over(transport: FakeTransport, **changes: Any) -> Client:
    """A client of the shop."""
    plain: dict[str, Any] = {"loaded": ALL, "since": None, "until": UNTIL}
    return Client(
        vendor=VENDOR,
        family=Family(VENDOR, ALL, frozenset()),
        transport=transport,
        base_urls={"": VENDOR.base_url},
        **(plain | changes),
    )


def fetch(
    behaviour: Behaviour,
    endpoint: str,
    key: str = "",
    *,
    loaded: frozenset[str] = ALL,
    since: date | None = None,
    until: date = UNTIL,
    fields: Mapping[str, str] | None = None,
    let_in: bool = True,
    known: bool = False,
) -> tuple[list[Page], FakeTransport]:
    """All pages of one listing, and the transport with what went through it.

    Args:
        let_in: the vendor has answered another request before.
        known: it answered in an earlier run.
    """
    transport = FakeTransport(behaviour)
    client = over(transport, loaded=loaded, since=since, until=until, known=known)

    async def main() -> list[Page]:
        if let_in:
            transport.vendor = lambda _: ok({"id": "x"})
            assert [page async for page in client.pages(Listing(id=9, endpoint="about", key=""))]
            transport.vendor = behaviour
            transport.sent.clear()
        listing = Listing(id=1, endpoint=endpoint, key=key, fields=fields or {})
        return [page async for page in client.pages(listing)]

    try:
        pages = run(main())
    finally:
        assert all(file.closed for file in transport.opened), "a body was left open"
    assert [page.state.final for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages, transport


def incident(pages: list[Page]) -> Incident:
    (one,) = [found for page in pages for found in page.incidents]
    return one


def keys(pages: list[Page], endpoint: str) -> list[str]:
    return [found.key for page in pages for found in page.found if found.endpoint == endpoint]


def payloads(pages: list[Page]) -> list[object]:
    return [orjson.loads(page.payload) for page in pages if page.payload]


# ── requests and records ────────────────────────────────────────────────────────────────────


def test_a_list_is_one_request_and_one_page() -> None:
    body = b'[{"id": "a"}, {"id": 1.50}]'
    (page,), transport = fetch(lambda _: ok(body), "shops")
    assert (page.state, page.payload, page.records, page.truncated) == (State.COMMITTED, body, 2, False)
    (request,) = transport.sent
    assert (request.method, request.path, request.params) == ("GET", "/shops", (("all", "1"),))
    assert (request.json, request.timeout, request.timeouts, request.endpoint) == (None, 7, 6, "shops")


def test_an_empty_list_loads_nothing() -> None:
    (page,), _ = fetch(lambda _: ok([]), "shops")
    assert (page.payload, page.records, page.state) == (b"", 0, State.COMMITTED)


def test_no_content_is_an_empty_list() -> None:
    (page,), _ = fetch(lambda _: status(204), "shops")
    assert (page.payload, page.records, page.state) == (b"", 0, State.COMMITTED)


def test_an_object_is_a_record() -> None:
    (page,), _ = fetch(lambda _: ok({"id": "x"}), "about")
    assert (page.payload, page.records) == (b'{"id":"x"}', 1)


def test_of_what_is_not_loaded_only_the_ids_are_kept() -> None:
    (page,), _ = fetch(lambda _: ok(things(2)), "orders", "c", loaded=frozenset())
    assert (page.payload, page.records) == (b"", 2)
    assert keys([page], "items") == ["r0", "r1"]


def test_records_name_their_children_and_what_the_list_delivers() -> None:
    (page,), _ = fetch(lambda _: ok(things(1)), "orders", "c")
    assert page.found == (
        Found(endpoint="order", key="r0", parent="c", state=State.COMMITTED),
        Found(endpoint="items", key="r0", parent="c"),
    )


def test_records_that_are_no_objects_are_named_and_the_rest_is_loaded() -> None:
    body = b'[{"id":"a","n":12345678901234567890123},5,null,{"id":"b","n":NaN}]'
    (page,), _ = fetch(lambda _: ok(body), "shops")
    assert page.payload == b'[{"id":"a","n":12345678901234567890123},{"id":"b","n":NaN}]'
    assert page.records == 2
    assert [(found.kind, found.record, found.gap) for found in page.incidents] == [
        (IncidentKind.MALFORMED, "5", True),
        (IncidentKind.MALFORMED, "null", True),
    ]
    assert len({found.key for found in page.incidents}) == 2


def test_a_spoilt_line_of_what_is_read_for_its_ids_leaves_no_gap() -> None:
    body = b'{"id":1}\n{"id"\n'
    (page,), _ = fetch(lambda _: ok(body), "stream", loaded=frozenset())
    assert incident([page]).gap is False
    assert incident(fetch(lambda _: ok(body), "stream")[0]).gap is True


def test_a_file_that_breaks_half_way_has_failed_but_keeps_what_was_read() -> None:
    rows = b"".join(b"%d,x\n" % number for number in range(1100)) + b"too,many,cells\n" * 400
    pages, _ = fetch(lambda _: ok(b"ID,Name\n" + rows + b'1,"' + (b"x" * 1023 + b"\n") * 17 * 1024), "table")
    assert [(page.state, page.records) for page in pages] == [
        (State.OPEN, 500),
        (State.OPEN, 500),
        (State.OPEN, 100),
        (State.FAILED, 0),
    ]
    assert len(pages[2].incidents) == 400
    assert {found.kind for found in pages[3].incidents} == {IncidentKind.FAILED}


def test_bytes_that_are_no_text_are_kept_too() -> None:
    found = incident(fetch(lambda _: ok(b'{"id":1}\n\xff\xfe half'), "stream")[0])
    assert found.record is not None
    assert found.record.startswith("base64:")


def test_a_spoilt_line_keeps_no_more_than_a_megabyte() -> None:
    for line in (b"x" * 3_000_000, "\u20ac".encode() * 1_000_000, b"\xff" * 3_000_000):
        found = incident(fetch(lambda _, line=line: ok(b'{"id":1}\n' + line), "stream")[0])  # type: ignore[misc]
        assert found.record is not None
        assert len(found.record.encode()) <= 1_000_000


def test_a_large_file_comes_in_many_pages_and_ends_with_the_last() -> None:
    body = b"\n".join(json.dumps({"id": number, "text": "x" * 1000}).encode() for number in range(700))
    pages, _ = fetch(lambda _: ok(body), "stream")
    assert len(pages) > 1
    assert [json.loads(line)["id"] for page in pages for line in page.payload.split(b"\n")] == list(range(700))
    assert sum(page.records for page in pages) == 700
    assert all(page.cursor is None for page in pages), "a later run must begin it again"


@given(orders=st.lists(st.sampled_from(["kept", "other"]), max_size=6), loaded=st.booleans())
def test_of_some_endpoints_only_chosen_records_are_loaded_as_they_came(orders: list[str], loaded: bool) -> None:
    """Written again, NaN would become null and a long integer a rounded one."""
    lines = [
        f'{{"id": {number}, "order": "{order}", "a": NaN, "b": 12345678901234567890123}}'.encode()
        for number, order in enumerate(orders)
    ]
    (page,), _ = fetch(
        lambda _: ok(b"\r\n".join(lines)),
        "exported",
        "f",
        fields={"truncated": '["kept"]'},
        loaded=ALL if loaded else frozenset(),
    )
    kept = [line for line, order in zip(lines, orders, strict=True) if order == "kept"]
    assert page.records == len(kept)
    assert page.payload == (b"\n".join(kept) if loaded else b"")


# ── caps ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("count", "headers", "truncated"),
    [
        (3, {"limited": "true"}, True),
        (3, {"limited": "True"}, True),
        (3, {"limited": " TRUE "}, True),
        (1, {"limited": "true"}, True),
        (3, {"limited": "false"}, False),
        (3, {"limited": "False"}, False),
        (3, {"limited": ""}, False),
        (2, {}, False),
        (0, {}, False),
        (3, {}, True),
        (4, {}, True),
    ],
)
def test_the_header_says_whether_a_list_was_cut_off(count: int, headers: dict[str, str], truncated: bool) -> None:
    """It is text, so that "false" must not count as true. Without it a list that is just full is suspected."""
    (page,), _ = fetch(lambda _: ok(things(count), **headers), "orders", "c")
    assert (page.truncated, page.state, page.records) == (truncated, State.COMMITTED, count)


def test_a_list_without_a_cap_is_never_cut_off() -> None:
    (page,), _ = fetch(lambda _: ok(things(5), limited="true"), "shops")
    assert not page.truncated


@given(first=st.booleans(), parts=st.sets(st.sampled_from(["OPEN", "CLOSED"])))
def test_by_status_the_cap_applies_to_each_part(first: bool, parts: set[str]) -> None:
    def vendor(request: Request) -> Reply:
        asked = dict(request.params).get("status")
        limited = first if asked is None else asked in parts
        return ok(things(2, prefix=asked or "all"), limited=str(limited).lower())

    pages, transport = fetch(vendor, "tasks", "c")
    asked = [request.params for request in transport.sent]
    by_status = [(("x", "y"), ("status", "OPEN")), (("x", "y"), ("status", "CLOSED"))]
    assert asked == [(("x", "y"),), *(by_status if first else [])]
    assert [page.truncated for page in pages] == [False] * (len(pages) - 1) + [first and bool(parts)]
    assert sum(page.records for page in pages) == 2 * len(pages)


def test_by_session_more_is_brought_but_the_list_stays_cut_off() -> None:
    def vendor(request: Request) -> Reply:
        session = dict(request.params).get("sessionId")
        sessions: dict[str | None, list[str | None]] = {None: ["s1", "s1", None], "s1": ["s2", "s1"], "s2": []}
        named = sessions[session]
        records = [{"id": f"{session}-{place}", "sessionId": name} for place, name in enumerate(named)]
        return ok(records, limited="true" if session is None else "false")

    pages, transport = fetch(vendor, "items", "o")
    assert [dict(request.params).get("sessionId") for request in transport.sent] == [None, "s1", "s2"]
    assert [page.truncated for page in pages] == [False, False, True]
    assert [page.records for page in pages] == [3, 2, 0]


def test_a_list_that_disappears_half_way_keeps_what_came() -> None:
    replies = iter([ok(things(3), limited="true"), status(404)])
    pages, _ = fetch(lambda _: next(replies), "tasks", "c")
    assert [(page.state, page.records) for page in pages] == [(State.OPEN, 3), (State.FAILED, 0)]
    assert incident(pages).status == 404


# ── statuses ────────────────────────────────────────────────────────────────────────────────

MOVED = {"code": "moved", "meta": {"old": "c", "new": "n"}}


@pytest.mark.parametrize("body", [{"errors": [MOVED]}, {"errors": MOVED}, [MOVED]])
def test_a_merged_customer_is_asked_for_under_the_new_id(body: object) -> None:
    pages, _ = fetch(lambda _: status(301, body), "customers", "c")
    assert pages[0].state is State.GONE
    found = incident(pages)
    assert (found.kind, found.gap, found.key, found.status) == (IncidentKind.MOVED, False, "c", 301)
    assert "n now" in found.detail
    assert [(child.endpoint, child.key) for child in pages[0].found] == [
        ("customers", "n"),
        ("orders", "n"),
        ("tasks", "n"),
    ], "everything that hangs on the customer"


@pytest.mark.parametrize(
    "body", [None, {}, {"errors": []}, {"errors": "moved"}, [], 5, {"errors": {"meta": {"new": 5}}}]
)
def test_a_merge_that_does_not_say_where_to_is_a_gap(body: object) -> None:
    pages, _ = fetch(lambda _: status(301, body), "customers", "c")
    assert (incident(pages).kind, incident(pages).gap) == (IncidentKind.MOVED, True)
    assert pages[0].found == ()


@pytest.mark.parametrize("number", [404, 410])
def test_a_record_that_is_gone_is_no_gap(number: int) -> None:
    pages, _ = fetch(lambda _: status(number), "customers", "c")
    assert pages[0].state is State.GONE
    found = incident(pages)
    assert (found.kind, found.gap, found.status, found.path) == (IncidentKind.GONE, False, number, "/customers/c")


@pytest.mark.parametrize("number", [304, 301, 400, 404, 409, 418, 422])
def test_a_status_that_means_nothing_here_is_a_failed_listing(number: int) -> None:
    pages, _ = fetch(lambda _: status(number, {"errors": [MOVED]}), "shops")
    assert pages[0].state is State.FAILED
    found = incident(pages)
    assert (found.kind, found.gap, found.status, found.path) == (IncidentKind.FAILED, True, number, "/shops")


def test_credentials_that_may_not_read_an_endpoint_are_the_callers_matter() -> None:
    with pytest.raises(Refused, match="shop does not let these credentials read customers") as caught:
        fetch(lambda _: status(403), "customers", "c")
    assert (caught.value.status, caught.value.path) == (403, "/customers/c")


def test_credentials_that_are_not_accepted_any_more_end_the_run() -> None:
    with pytest.raises(Unauthorized, match="401 at shops"):
        fetch(lambda _: status(401), "shops")


@pytest.mark.parametrize(("number", "says"), [(401, "does not know these credentials"), (403, "no access")])
@pytest.mark.parametrize(("endpoint", "key"), [("shops", ""), ("customers", "c"), ("report", "2024-03-02/2024-03-03")])
def test_credentials_that_open_no_door_at_the_first_request_must_be_corrected(
    number: int, says: str, endpoint: str, key: str
) -> None:
    with pytest.raises(CredentialsError, match=says) as caught:
        fetch(lambda _: status(number), endpoint, key, let_in=False)
    assert f"({number})" in str(caught.value)
    assert "[sources.shop_source] in .dlt/secrets.toml" in str(caught.value)


def test_an_address_with_nothing_behind_it_is_told_from_a_record_that_is_gone() -> None:
    with pytest.raises(CredentialsError, match=r"nothing at /shops \(404\).*base_url"):
        fetch(lambda _: status(404), "shops", let_in=False)
    pages, _ = fetch(lambda _: status(404), "customers", "c", let_in=False)
    assert pages[0].state is State.GONE, "a record may be gone, at the first request too"


@pytest.mark.parametrize("number", [400, 404, 301, 500])
def test_any_other_answer_to_a_child_shows_that_the_door_is_open(number: int) -> None:
    """Then a 403 is about that endpoint alone, and a 401 is new."""
    answers = iter([status(number), status(403), status(401)])
    transport = FakeTransport(lambda _: next(answers))
    client = over(transport)

    async def main() -> None:
        assert [page async for page in client.pages(Listing(id=1, endpoint="customers", key="c"))]
        with pytest.raises(Refused):
            assert [page async for page in client.pages(Listing(id=2, endpoint="shops", key=""))]
        with pytest.raises(Unauthorized):
            assert [page async for page in client.pages(Listing(id=2, endpoint="shops", key=""))]

    run(main())


def test_what_an_earlier_run_was_refused_may_be_the_first_request_of_the_next_one() -> None:
    """Credentials that were good before need no change for one endpoint; a token that has ended does."""
    with pytest.raises(Refused):
        fetch(lambda _: status(403), "customers", "c", let_in=False, known=True)
    pages, _ = fetch(lambda _: status(404), "shops", let_in=False, known=True)
    assert pages[0].state is State.FAILED
    with pytest.raises(CredentialsError):
        fetch(lambda _: status(401), "customers", "c", let_in=False, known=True)


@pytest.mark.parametrize(
    "error",
    [
        TransportError("reset", attempts=6, path="/shops"),
        TimedOut("late", attempts=6, path="/shops"),
        RequestFailed("the vendor answered 503", status=503, attempts=6, path="/shops"),
        BadBody("no JSON", status=200, attempts=6, path="/shops"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_request_that_failed_for_good_is_an_incident(error: RequestFailed) -> None:
    pages, _ = fetch(lambda _: error, "shops")
    assert pages[0].state is State.FAILED
    found = incident(pages)
    assert (found.kind, found.status, found.attempts) == (IncidentKind.FAILED, error.status, 6)
    assert (found.path, found.detail) == ("/shops", str(error))


def test_another_kind_of_error_is_not_taken_for_a_failed_request() -> None:
    def broken(_: Request) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetch(broken, "shops")


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"errors":[]}'])
def test_a_body_that_is_something_else_is_a_failed_listing(body: bytes) -> None:
    pages, _ = fetch(lambda _: ok(body), "shops")
    assert (pages[0].state, incident(pages).attempts) == (State.FAILED, 6)


# ── hostile ids ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["..", ".", "a\nb", "\0", "x" * 20_000, "\x7f\x1b[2J"])
def test_an_id_that_cannot_be_a_path_segment_is_never_sent(key: str) -> None:
    pages, transport = fetch(lambda _: ok({"id": 1}), "customers", key)
    assert transport.sent == []
    assert (pages[0].state, incident(pages).kind, incident(pages).gap) == (State.FAILED, IncidentKind.FAILED, True)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "/customers/a%2Fb"),
        ("../admin?x=1#f", "/customers/..%2Fadmin%3Fx%3D1%23f"),
        ("%2e%2e", "/customers/%252e%252e"),
        ("{key}", "/customers/%7Bkey%7D"),
        ("ü -_", "/customers/%C3%BC%20-_"),
    ],
)
def test_an_id_stays_one_path_segment(key: str, path: str) -> None:
    _, transport = fetch(lambda _: ok({"id": 1}), "customers", key)
    assert [request.path for request in transport.sent] == [path]


def test_a_search_sends_its_key_as_it_is() -> None:
    """The transport encodes it."""
    _, transport = fetch(lambda _: ok([]), "search", "+1&x=..")
    assert transport.sent[0].params == (("email", "+1&x=.."),)


@pytest.mark.parametrize("key", ["a\\ud800b", "x" * 17_000], ids=["lone surrogate", "too long"])
def test_an_id_that_no_ledger_can_keep_is_named_and_the_others_are_followed(key: str) -> None:
    body = f'[{{"id": "{key}"}}, {{"id": "good"}}]'.encode()
    pages, _ = fetch(lambda _: ok(body), "orders", "c")
    assert keys(pages, "items") == ["good"]
    assert [found.endpoint for found in pages[0].incidents] == ["order", "items"]
    for found in pages[0].incidents:
        assert (found.kind, found.gap) == (IncidentKind.FAILED, True)
        assert len(found.key.encode()) < 300
    assert pages[0].records == 2, "the record itself is the gate's"


def test_an_id_of_a_report_that_is_no_utf8_is_named() -> None:
    pages, _ = fetch(lambda _: ok(b"ID,Customer ID\n1,a\xffb\n2,c\n"), "report", "2024-03-04/2024-03-05")
    assert keys(pages, "orders") == ["c"]
    assert {found.endpoint for found in pages[0].incidents} == {"customers", "orders", "tasks"}


# ── windows ─────────────────────────────────────────────────────────────────────────────────

SLICE = Window(date(2024, 2, 23), date(2024, 3, 2))
"""One slice of the grid, eight days."""


def asked_window(request: Request) -> Window:
    assert isinstance(request.json, Mapping)
    return Window(date.fromisoformat(str(request.json["from"])), date.fromisoformat(str(request.json["to"])))


def report(rows: Callable[[date], int]) -> Behaviour:
    """A vendor with so many rows a day."""

    def vendor(request: Request) -> Reply:
        window = asked_window(request)
        days = [window.start + timedelta(days=number) for number in range(window.days)]
        lines = [f"{day}-{number},c-{day}" for day in days for number in range(rows(day))]
        return ok("\r\n".join(["ID,Customer ID", *lines]).encode() if lines else b"")

    return vendor


@dataclass
class Walk:
    """All windows from the newest back in time, as the engine would have them fetched."""

    pages: list[Page]
    sent: list[Request]

    @property
    def read(self) -> list[Window]:
        """Windows whose rows were taken."""
        return [
            Window.of(page.listing.key) for page in self.pages if page.state is State.COMMITTED and not self._left(page)
        ]

    @property
    def incidents(self) -> list[Incident]:
        return [found for page in self.pages for found in page.incidents]

    @staticmethod
    def _left(page: Page) -> bool:
        """True for a window that was halved instead."""
        own = Window.of(page.listing.key)
        return any(found.endpoint == "report" and Window.of(found.key).end > own.start for found in page.found)


def walk(behaviour: Behaviour, since: date | None = None) -> Walk:
    windows = VENDOR.endpoints[2].windows
    assert windows is not None
    first = [newest(windows, UNTIL)] if since is None else list(grid(windows, since, UNTIL))
    waiting = [window.key for window in first]
    known = set(waiting)
    pages: list[Page] = []
    sent: list[Request] = []
    while waiting:
        found, transport = fetch(behaviour, "report", waiting.pop(0), since=since)
        sent += transport.sent
        pages += found
        for key in keys(found, "report"):
            assert key not in known, "no window is named twice"
            known.add(key)
            waiting.append(key)
    return Walk(pages, sent)


def covered(windows: list[Window]) -> list[date]:
    return sorted(window.start + timedelta(days=number) for window in windows for number in range(window.days))


def test_a_window_asks_for_its_days() -> None:
    _, transport = fetch(report(lambda _: 0), "report", SLICE.key)
    (request,) = transport.sent
    assert (request.method, request.path, request.download) == ("POST", "/reports", True)
    assert request.json == {"from": "2024-02-23", "to": "2024-03-02"}
    assert request.timeouts == 1, "one that takes too long is halved instead of being asked for again"
    _, transport = fetch(report(lambda _: 0), "report", "2024-02-22/2024-02-23")
    assert transport.sent[0].timeouts > 1


@given(st.dictionaries(st.integers(1, 60), st.integers(0, 9), max_size=30))
def test_going_back_ends_with_a_whole_empty_slice_and_never_before(rows: dict[int, int]) -> None:
    def on(day: date) -> int:
        return rows.get((UNTIL - day).days, 0)

    found = walk(report(on))
    days = covered(found.read)
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))], "no day twice, none left out"
    assert days[-1] == UNTIL - DAY
    # The first whole slice of the grid without rows, seen from today, is the last that was asked for.
    windows = VENDOR.endpoints[2].windows
    assert windows is not None
    slices = grid(windows, date(1970, 1, 1), UNTIL)
    end = next(one for one in slices if one.days == SIZE and not any(map(on, covered([one]))))
    assert days[0] == end.start
    # Every row of these days was brought, once.
    brought = [record["ID"] for page in found.pages for record in orjson.loads(page.payload or b"[]")]
    assert sorted(brought) == sorted(f"{day}-{number}" for day in days for number in range(on(day)))
    # A day that is near the limit is said to be cut off, and nothing else is.
    cut = {page.listing.key for page in found.pages if page.truncated}
    assert cut == {Window(day, day + DAY).key for day in days if on(day) >= NEAR}


def test_without_any_rows_two_requests_are_enough() -> None:
    found = walk(report(lambda _: 0))
    assert len(found.sent) == 2, "the newest slice, which is not a whole one, and the one before"


def test_with_a_first_day_only_what_was_asked_for_is_walked() -> None:
    found = walk(report(lambda _: 1), since=date(2024, 2, 10))
    assert covered(found.read)[0] == date(2024, 2, 10)
    assert covered(found.read)[-1] == UNTIL - DAY
    assert not any(page.truncated for page in found.pages)


def test_a_window_near_the_limit_loads_nothing_and_is_halved() -> None:
    (page,), _ = fetch(report(lambda _: 1), "report", SLICE.key, since=date(2024, 1, 1))
    assert (page.state, page.payload, page.records, page.truncated) == (State.COMMITTED, b"", 0, False)
    assert keys([page], "report") == ["2024-02-23/2024-02-27", "2024-02-27/2024-03-02"]


def test_a_day_near_the_limit_is_loaded_and_said_to_be_cut_off() -> None:
    (page,), _ = fetch(report(lambda _: NEAR), "report", "2024-02-22/2024-02-23")
    assert (page.state, page.records, page.truncated) == (State.COMMITTED, NEAR, True)
    assert keys([page], "report") == []


def test_a_window_that_takes_too_long_is_halved_at_once() -> None:
    (page,), transport = fetch(lambda _: TimedOut("late", attempts=1), "report", SLICE.key)
    assert len(transport.sent) == 1
    assert page.state is State.COMMITTED
    assert keys([page], "report") == ["2024-02-23/2024-02-27", "2024-02-27/2024-03-02", "2024-02-15/2024-02-23"]


def test_a_day_that_takes_too_long_has_failed() -> None:
    pages, _ = fetch(lambda _: TimedOut("late", attempts=6, path="/reports"), "report", "2024-02-22/2024-02-23")
    assert (pages[0].state, incident(pages).attempts) == (State.FAILED, 6)


@pytest.mark.parametrize("bad", [status(400), status(413), status(422), BadBody("x"), TransportError("x"), ok(b"Oops")])
def test_an_error_of_one_day_costs_that_day_only(bad: Reply) -> None:
    day = date(2024, 2, 25)

    def vendor(request: Request) -> Reply:
        window = asked_window(request)
        return bad if window.start <= day < window.end else report(lambda at: int(at > date(2024, 2, 1)))(request)

    found = walk(vendor)
    (failed,) = found.incidents
    assert (failed.kind, failed.key, failed.gap) == (IncidentKind.FAILED, "2024-02-25/2024-02-26", True)
    assert set(covered(found.read)) >= set(covered([Window(date(2024, 1, 28), UNTIL)])) - {day}


@pytest.mark.parametrize("bad", [status(400), status(422), BadBody("x"), TransportError("x"), ok(b"Oops")])
def test_a_report_that_is_never_to_be_had_is_not_asked_for_day_by_day(bad: Reply) -> None:
    """An account that lacks a report gets the same error for any window: 40,000 days at 10 requests a minute."""
    pages, transport = fetch(lambda _: bad, "report", SLICE.key)
    assert len(transport.sent) <= 4
    assert (pages[0].state, incident(pages).key) == (State.FAILED, SLICE.key)
    assert keys(pages, "report") == ["2024-02-15/2024-02-23"]


def test_a_vendors_own_limits_at_both_ends_do_not_cost_what_lies_between() -> None:
    """Refused: before the account began, and today."""
    begin, end = date(2024, 2, 22), date(2024, 3, 2)

    def vendor(request: Request) -> Reply:
        window = asked_window(request)
        return status(400) if window.start < begin or window.end > end else report(lambda _: 1)(request)

    found = walk(vendor, since=date(2024, 2, 13))
    assert covered(found.read) == covered([Window(begin, end)])
    assert covered([Window.of(one.key) for one in found.incidents]) == covered(
        [
            Window(date(2024, 2, 13), begin),
            Window(end, UNTIL),
        ]
    )


@pytest.mark.parametrize("bad", [status(404), status(400), status(500), TimedOut("late"), BadBody("x"), ok(b"Oops")])
def test_a_newest_slice_that_fails_does_not_hide_all_before_it(bad: Reply) -> None:
    """It may be a single day, which nothing can halve; years lie behind it."""
    key, until = "2024-03-02/2024-03-03", date(2024, 3, 3)
    pages, _ = fetch(lambda _: bad, "report", key, until=until)
    assert pages[0].state is State.FAILED
    assert keys(pages, "report") == [SLICE.key]
    pages, _ = fetch(lambda _: bad, "report", key, until=until, since=date(2024, 1, 1))
    assert keys(pages, "report") == [], "with a first day all slices are known from the start"


def test_a_report_that_cannot_be_read_to_its_end_is_halved_too() -> None:
    huge = b'ID,Customer ID\n1,"' + (b"x" * 1023 + b"\n") * 17 * 1024

    def vendor(request: Request) -> Reply:
        window = asked_window(request)
        return ok(huge) if SLICE.start in covered([window]) else report(lambda _: 0)(request)

    (page,), _ = fetch(vendor, "report", SLICE.key, since=date(2024, 1, 1))
    assert keys([page], "report") == ["2024-02-23/2024-02-27", "2024-02-27/2024-03-02"]
    pages, _ = fetch(vendor, "report", Window(SLICE.start, SLICE.start + DAY).key)
    assert (pages[0].state, incident(pages).key) == (State.FAILED, "2024-02-23/2024-02-24")


def test_rows_name_customers_and_orders() -> None:
    (page,), _ = fetch(report(lambda _: 1), "report", "2024-02-22/2024-02-24")
    assert keys([page], "customers") == ["c-2024-02-22", "c-2024-02-23"]
    orders = [found for found in page.found if found.endpoint == "order"]
    assert {found.state for found in orders} == {State.HELD}
    assert payloads([page]) == [
        [
            {"ID": "2024-02-22-0", "Customer ID": "c-2024-02-22"},
            {"ID": "2024-02-23-0", "Customer ID": "c-2024-02-23"},
        ]
    ]


def test_a_credential_problem_of_a_window_is_no_reason_to_halve_it() -> None:
    with pytest.raises(Refused):
        fetch(lambda _: status(403), "report", SLICE.key)
    with pytest.raises(Unauthorized):
        fetch(lambda _: status(401), "report", SLICE.key)


# ── ending early ────────────────────────────────────────────────────────────────────────────


def test_a_listing_that_is_left_half_way_closes_its_file() -> None:
    body = b"\n".join(json.dumps({"id": number, "text": "x" * 1000}).encode() for number in range(700))
    transport = FakeTransport(lambda _: ok(body))
    client = over(transport)

    async def main() -> None:
        pages = client.pages(Listing(id=1, endpoint="stream", key=""))
        assert (await anext(pages)).state is State.OPEN
        await pages.aclose()

    run(main())
    assert [file.closed for file in transport.opened] == [True]


def test_a_window_that_is_cancelled_while_it_is_counted_closes_its_file() -> None:
    transport = FakeTransport(report(lambda _: 2))
    client = over(transport)

    async def main() -> None:
        async def consume() -> None:
            async for _ in client.pages(Listing(id=1, endpoint="report", key=SLICE.key)):
                pass

        task = asyncio.create_task(consume())
        await transport.answered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert [file.closed for file in transport.opened] == [True]
