"""A configuration played by this package brings the rows that dlt brings from the same server."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from dlt.sources.helpers.rest_client.paginators import BasePaginator, HeaderLinkPaginator, JSONLinkPaginator
from hypothesis import given
from hypothesis import strategies as st
from restful import BASE, Asked, Server, answer, by_dlt, by_us, page, readings, rows_of

from extractor.errors import BadBody, Endless, ForeignOrigin, RequestFailed, UnsafePath
from extractor.model import Response
from extractor.rest_api import translate
from extractor.rest_api.addresses import address

RECORDS = [{"id": number, "name": f"no {number}"} for number in range(7)]


def config(*resources: object, **client: object) -> dict[str, Any]:
    return {"client": {"base_url": BASE, **client}, "resources": list(resources)}


def one(paginator: object = None, **endpoint: object) -> dict[str, Any]:
    return config({"name": "items", "endpoint": {"paginator": paginator, **endpoint}})


class Pages(BasePaginator):
    """A user's own: it counts down in a header."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:  # noqa: ARG002
        self.left = response.json()["left"]
        self._has_next_page = self.left > 0

    def update_request(self, request: requests.Request) -> None:
        request.headers = {**request.headers, "X-Left": str(self.left)}


# ── paginators ──────────────────────────────────────────────────────────────────────────────


def by_number(asked: Asked) -> Response:
    return answer({"data": page(asked, RECORDS), "total": 4})


def by_number_in_the_body(asked: Asked) -> Response:
    number = asked.json["page"]["number"]
    return answer({"data": RECORDS[number * 2 : number * 2 + 2], "total": 4})


def by_offset(asked: Asked) -> Response:
    start = int(asked.params["offset"])
    return answer({"data": RECORDS[start : start + int(asked.params["limit"])], "total": len(RECORDS)})


def by_offset_in_the_body(asked: Asked) -> Response:
    start = asked.json["offset"]
    more = start + asked.json["limit"] < len(RECORDS)
    return answer({"data": RECORDS[start : start + asked.json["limit"]], "more": more})


def by_cursor(asked: Asked) -> Response:
    start = int(asked.params.get("after", 0))
    return answer({"data": RECORDS[start : start + 3], "next": str(start + 3) if start + 3 < 7 else None})


def by_cursor_in_the_body(asked: Asked) -> Response:
    start = int((asked.json if asked.body else {}).get("after", 0))
    return answer({"data": RECORDS[start : start + 3], "next": str(start + 3) if start + 3 < 7 else None})


def by_cursor_in_a_header(asked: Asked) -> Response:
    start = int(asked.params.get("cursor", 0))
    return answer(RECORDS[start : start + 3], headers={"next": str(start + 3)} if start + 3 < 7 else {})


def by_link(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    link = f"{BASE}/items?page={number + 1}&x=a%2Fb" if number < 3 else None
    return answer({"results": page(asked, RECORDS), "next": link})


def by_relative_link(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    return answer({"results": page(asked, RECORDS), "next": f"?page={number + 1}" if number < 3 else None})


def by_link_with_blanks(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    link = f"{BASE}/items?q=a b&page={number + 1}" if number < 3 else None
    return answer({"results": page(asked, RECORDS), "next": link})


def by_link_elsewhere_on_the_origin(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    link = f"https://shop.test/repositories/5?page={number + 1}" if number < 3 else None
    return answer({"results": page(asked, RECORDS), "next": link})


def by_link_header(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    link = {"link": f'<{BASE}/items?page={number + 1}>; rel="next"'} if number < 3 else {}
    return answer(page(asked, RECORDS), headers=link)


def by_count_down(asked: Asked) -> Response:
    left = int(asked.headers.get("x-left", 7))
    return answer({"data": RECORDS[7 - left : 9 - left], "left": max(left - 2, 0)})


def at_once(_: Asked) -> Response:
    return answer(RECORDS)


def nothing(_: Asked) -> Response:
    return answer([])


PAGINATORS: dict[str, tuple[dict[str, Any], Server]] = {
    "page_number": (one("page_number"), by_number),
    "page_number, maximum": (one({"type": "page_number", "total_path": None, "maximum_page": 3}), by_number),
    "page_number in the body": (
        one({"type": "page_number", "page_body_path": "page.number"}, method="POST", json={"page": {"size": 2}}),
        by_number_in_the_body,
    ),
    "offset": (one({"type": "offset", "limit": 3}), by_offset),
    "offset until an empty page": (one({"type": "offset", "limit": 3, "total_path": None}), by_offset),
    "offset in the body": (
        one(
            {
                "type": "offset",
                "limit": 2,
                "total_path": None,
                "has_more_path": "more",
                "offset_body_path": "offset",
                "limit_body_path": "limit",
            },
            method="POST",
        ),
        by_offset_in_the_body,
    ),
    "cursor": (one({"type": "cursor", "cursor_path": "next", "cursor_param": "after"}), by_cursor),
    "cursor in the body": (
        one({"type": "cursor", "cursor_path": "next", "cursor_body_path": "after"}, method="POST"),
        by_cursor_in_the_body,
    ),
    "header_cursor": (one("header_cursor"), by_cursor_in_a_header),
    "json_link": (one("json_link", params={"a": "b"}), by_link),
    "json_link, an object": (one(JSONLinkPaginator(next_url_path="next")), by_link),
    "json_link, relative": (one({"type": "json_link", "next_url_path": "next"}), by_relative_link),
    "json_link with blanks": (one("json_link"), by_link_with_blanks),
    "json_link beside the base path": (one("json_link"), by_link_elsewhere_on_the_origin),
    "header_link": (one("header_link"), by_link_header),
    "header_link, an object": (one(HeaderLinkPaginator()), by_link_header),
    "custom": (one(Pages()), by_count_down),
    "of the client": (config("items", paginator={"type": "page_number", "page_param": "page"}), by_number),
    "single_page": (one("single_page"), by_link),
    "auto: a link": (one("auto"), by_link),
    "nothing said: a link in a header": (config("items"), by_link_header),
    "nothing said: numbers": (config("items"), lambda asked: answer({"data": page(asked, RECORDS), "pages": 4})),
    "nothing said: a cursor": (
        config("items"),
        lambda asked: answer({"items": RECORDS[int(asked.params.get("cursor", 0)) :][:3], "cursors": {"next": None}}),
    ),
    "nothing said: one page": (config("items"), at_once),
    "empty": (config("items"), nothing),
}


@pytest.mark.parametrize("name", PAGINATORS)
def test_every_paginator_brings_what_it_brings_in_dlt(name: str) -> None:
    """Children's listings apart, also in the same order."""
    said, server = PAGINATORS[name]
    assert by_us(translate(said, name="shop"), server) == by_dlt(said, server)


@pytest.mark.parametrize("name", PAGINATORS)
def test_a_listing_goes_on_behind_every_page(name: str) -> None:
    """Resumed with any cursor it brings the pages that are left, each once, and asks for no others."""
    said, server = PAGINATORS[name]
    translation = translate(said, name="shop")
    pages = list(readings(translation, "items", server))
    for number, (_, reading) in enumerate(pages[:-1], start=1):
        assert reading.cursor is not None
        again = list(readings(translation, "items", server, cursor=reading.cursor))
        assert [rows_of(each) for _, each in again] == [rows_of(each) for _, each in pages[number:]]
        assert [asked for asked, _ in again] == [asked for asked, _ in pages[number:]]
    assert pages[-1][1].cursor is None


class Opaque(Pages):
    """Its state can't be written down."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Any = set()

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        self.seen.add(self.left)


def test_a_paginator_that_cannot_be_written_down_is_led_back_to_where_it_was() -> None:
    """The pages before are asked for again, and bring nothing."""
    translation = translate(one(Opaque()), name="shop")
    pages = list(readings(translation, "items", by_count_down))
    cursor = pages[1][1].cursor
    again = list(readings(translation, "items", by_count_down, cursor=cursor))
    assert [rows_of(reading) for _, reading in again] == [[], []] + [rows_of(reading) for _, reading in pages[2:]]
    assert [reading.cursor for _, reading in again[:2]] == [cursor, cursor]
    assert [asked for asked, _ in again] == [asked for asked, _ in pages]


class Later(Opaque):
    """Its state can be written down at first."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = None

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        Pages.update_state(self, response, data)
        self.seen = {self.left} if self.left < 5 else None


def test_a_cursor_counts_from_the_beginning_even_behind_another_one() -> None:
    """Here it can't say more than a number from the second page on, and the listing was resumed behind the first."""
    translation = translate(one(Later()), name="shop")
    pages = list(readings(translation, "items", by_count_down))
    resumed = list(readings(translation, "items", by_count_down, cursor=pages[0][1].cursor))
    assert resumed[0][1].cursor == '{"skip":2}'
    again = list(readings(translation, "items", by_count_down, cursor=resumed[0][1].cursor))
    assert [rows_of(reading) for _, reading in again] == [[], [], RECORDS[4:6], RECORDS[6:]]


def test_no_cursor_holds_a_secret() -> None:
    """Some vendors write the key into their links."""

    def server(asked: Asked) -> Response:
        number = int(asked.params.get("page", 0))
        link = f"{BASE}/items?page={number + 1}&key=s%33cr%3At-k3y" if number < 3 else None
        return answer({"results": page(asked, RECORDS), "next": link})

    said = one("json_link", auth={"type": "api_key", "name": "key", "api_key": "s3cr:t-k3y", "location": "query"})
    translation = translate(said, name="shop")
    pages = list(readings(translation, "items", server))
    assert [asked.params["key"] for asked, _ in pages] == ["s3cr:t-k3y"] * 4
    assert [reading.cursor for _, reading in pages] == ['{"skip":1}', '{"skip":2}', '{"skip":3}', None]


def test_listings_of_one_resource_do_not_share_a_paginator() -> None:
    """Not even one that is a user's object."""
    translation = translate(one(Pages()), name="shop")
    first = readings(translation, "items", by_count_down)
    begun = [rows_of(next(first)[1])]
    assert len(list(readings(translation, "items", by_count_down))) == 4
    assert begun + [rows_of(reading) for _, reading in first] == [
        RECORDS[:2],
        RECORDS[2:4],
        RECORDS[4:6],
        RECORDS[6:],
    ]


# ── what a request says ─────────────────────────────────────────────────────────────────────


def echo(asked: Asked) -> Response:
    return answer(
        [
            {
                "method": asked.method,
                "path": asked.path,
                "params": dict(asked.params),
                "body": asked.body.decode(),
                "type": asked.headers.get("content-type"),
                "x": asked.headers.get("x-x"),
            }
        ]
    )


REQUESTS: dict[str, dict[str, Any]] = {
    "shorthand": config("items"),
    "path": config({"name": "items", "endpoint": "all/items"}),
    "slashes": config({"name": "items", "endpoint": {"path": "/all/items"}}),
    "whole link": config({"name": "items", "endpoint": {"path": f"{BASE}/all/items"}}),
    "query in the path": config({"name": "items", "endpoint": {"path": "items?a=1&b=%20", "params": {"c": "d e"}}}),
    "braces": config({"name": "items", "endpoint": {"path": "items", "params": {"q": "{{x}}"}}}),
    "bound in the path": config({"name": "items", "endpoint": {"path": "of/{who}/items", "params": {"who": "me"}}}),
    "kinds of values": one(params={"none": None, "yes": True, "number": 1.5, "text": "ä/&?=+ "}),
    "json": one(method="POST", json={"a": [1, {"b": None}], "ä": "ö"}),
    "form": one(method="POST", data={"a": "b c", "d": ["e"]}),
    "raw": one(method="POST", data="<xml/>"),
    "headers": config({"name": "items", "endpoint": {"headers": {"x-X": "own"}}}, headers={"X-x": "all", "Y": "z"}),
    "headers of the client": config("items", headers={"X-X": "all"}),
    "defaults": {
        **config({"name": "items", "endpoint": {"params": {"b": 3}}}, "others"),
        "resource_defaults": {"endpoint": {"params": {"a": 1, "b": 2}, "data_selector": "$", "paginator": "auto"}},
    },
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_says_what_dlts_says(name: str) -> None:
    said = REQUESTS[name]
    assert by_us(translate(said, name="shop"), echo) == by_dlt(said, echo)


def test_a_configuration_is_left_as_it_is() -> None:
    """It takes what a path binds out of the defaults that it is given."""
    said = {
        **config({"name": "items", "endpoint": {"path": "{who}/items"}}),
        "resource_defaults": {"endpoint": {"params": {"who": "me"}}, "processing_steps": []},
    }
    before = deepcopy(said)
    translate(said, name="shop")
    assert said == before


# ── where records are ───────────────────────────────────────────────────────────────────────

SELECTED: dict[str, tuple[dict[str, Any], object]] = {
    "a list": (one(), [{"id": 1}, {"id": 2}]),
    "the likely name": (one(), {"meta": [1], "results": [{"id": 1}]}),
    "no list": (one(), {"id": 1, "name": "x"}),
    "selected": (one(data_selector="a.b"), {"a": {"b": [{"id": 1}]}, "data": [2]}),
    "selected from each": (one(data_selector="a[*].b"), {"a": [{"b": {"id": 1}}, {"b": {"id": 2}}]}),
    "selected, not there": (one(data_selector="a.b"), {"a": {}}),
    "selected, null": (one(data_selector="a"), {"a": None}),
    "selected, the whole": (one(data_selector="$"), {"a": [1], "b": 2}),
    "no objects": (one(), [1, "two", None, [3]]),
    "long numbers": (one(), [{"id": 12345678901234567890123, "x": 0.1}]),
    "half a character": (one(), [{"id": 1, "x": "\ud800"}]),
}


@pytest.mark.parametrize("name", SELECTED)
def test_records_are_found_where_dlt_finds_them(name: str) -> None:
    said, content = SELECTED[name]
    (_, reading), *_ = readings(translate(said, name="shop"), "items", lambda _: answer(content))
    found = json.loads(reading.payload) if reading.payload else []
    assert found == by_dlt(said, lambda _: answer(content))["items"]


# ── children ────────────────────────────────────────────────────────────────────────────────

POSTS = [
    {"id": 1, "slug": "one", "user": {"id": 7}, "at": "2024-01-01"},
    {"id": 2, "slug": "a b/c?d#e%2F", "user": {"id": 8}, "at": "2024-01-02"},
]


def family(asked: Asked) -> Response:
    return answer(deepcopy(POSTS)) if asked.path.endswith("/posts") else echo(asked)


CHILDREN: dict[str, dict[str, Any]] = {
    "path": {"path": "posts/{resources.posts.id}/comments"},
    "path, resolved": {
        "path": "posts/{post}/comments",
        "params": {"post": {"type": "resolve", "resource": "posts", "field": "id"}},
    },
    "nested field": {"path": "users/{resources.posts.user.id}"},
    "format": {"path": "posts/{resources.posts.id:05d}/x-{resources.posts.id}"},
    "query": {"path": "comments", "params": {"post": "{resources.posts.id}", "slug": "{resources.posts.slug}"}},
    "query in the path": {"path": "comments?slug={resources.posts.slug}&fixed=1"},
    "json": {
        "path": "search",
        "method": "POST",
        "json": {"ids": ["{resources.posts.id}", "no {resources.posts.id}"], "{resources.posts.slug}": 1},
    },
    "form": {"path": "search", "method": "POST", "data": {"id": "{resources.posts.id}"}},
    "headers": {"path": "comments", "headers": {"X-X": "no {resources.posts.id}"}},
}


@pytest.mark.parametrize("include", [(), ("at",), ("id", "user")])
@pytest.mark.parametrize("name", CHILDREN)
def test_a_parents_record_fills_what_dlt_fills(name: str, include: tuple[str, ...]) -> None:
    """In paths, queries, bodies and headers; its fields reach the rows."""
    child = {"name": "children", "endpoint": CHILDREN[name], "include_from_parent": list(include)}
    said = config("posts", child)
    if name == "query in the path":  # where dlt writes "#" as it stands, which cuts the query off
        said["resources"][0] = {"name": "posts", "endpoint": {}, "processing_steps": [{"map": without_mark}]}
    assert by_us(translate(said, name="shop"), family) == by_dlt(said, family)


def without_mark(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "slug": record["slug"].replace("#", "").replace("%", "")}


def test_grandchildren_are_filled_from_children() -> None:
    said = config(
        "posts",
        {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments", "include_from_parent": ["id"]},
        {"name": "likes", "endpoint": "{resources.comments._posts_id}/likes"},
    )
    assert by_us(translate(said, name="shop"), family) == by_dlt(said, family)


@pytest.mark.parametrize(
    "said",
    [
        {"name": "children", "endpoint": "posts/{resources.posts.id}"},
        {"name": "children", "endpoint": "posts/{resources.posts.id}", "include_from_parent": ["id"]},
    ],
)
def test_a_listing_is_called_after_the_one_value_it_asks_for(said: dict[str, Any]) -> None:
    translation = translate(config("posts", said), name="shop")
    (_, reading), *_ = readings(translation, "posts", family)
    assert [(one.endpoint, one.key, one.parent) for one in reading.found] == [
        ("children", "1", ""),
        ("children", "2", ""),
    ]


def test_a_listing_that_asks_for_several_values_is_called_after_all() -> None:
    """Whatever order dlt found them in."""
    child = {
        "name": "children",
        "endpoint": "{resources.posts.id}/{resources.posts.slug}",
        "include_from_parent": ["at"],
    }
    (_, reading), *_ = readings(translate(config("posts", child), name="shop"), "posts", family)
    assert reading.found[0].key == '{"at":"2024-01-01","id":1,"slug":"one"}'


@pytest.mark.parametrize("record", [{"name": "x"}, {"ID": 1}, 5, None])
def test_a_record_without_the_field_is_a_listing_that_fails(record: object) -> None:
    """In dlt it ends the whole run."""
    translation = translate(config("posts", {"name": "likes", "endpoint": "{resources.posts.id}/likes"}), name="shop")
    (_, reading), *_ = readings(translation, "posts", lambda _: answer([record, {"id": 3}]))
    wrong, right = reading.found
    assert (right.key, reading.records) == ("3", 2)
    with pytest.raises(RequestFailed, match="likes: "):
        list(readings(translation, "likes", family, key=wrong.key, fields=wrong.fields))


# ── hostile vendors ─────────────────────────────────────────────────────────────────────────


def child_of(template: str, value: object) -> str:
    """The path of the request for a child whose parent has this id."""
    translation = translate(config("posts", {"name": "likes", "endpoint": template}), name="shop")
    (_, reading), *_ = readings(translation, "posts", lambda _: answer([{"id": value}]))
    (found,) = reading.found
    ((asked, _),) = readings(translation, "likes", echo, key=found.key, fields=found.fields)
    return asked.path


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("..x", "..x"),
        ("%2e%2e", "%252e%252e"),
        ("ä", "%C3%A4"),
    ],
)
def test_an_id_stays_one_segment(value: str, segment: str) -> None:
    assert child_of("posts/{resources.posts.id}/likes", value) == f"/api/v1/posts/{segment}/likes"


@given(
    st.text(max_size=30),
    st.sampled_from(["a/{resources.posts.id}/b", "x-{resources.posts.id}", "{resources.posts.id}"]),
)
def test_whatever_an_id_holds_the_path_keeps_its_shape(value: str, template: str) -> None:
    try:
        found = address(BASE, template, {"resources.posts.id": value})
    except UnsafePath:
        return
    wanted = f"{BASE}/{template}".split("{resources.posts.id}")
    assert found.count("/") == f"{BASE}/{template}".count("/")
    assert unquote(found) == value.join(wanted)
    assert found.startswith(f"{BASE}/")
    assert urlsplit(found).query == urlsplit(found).fragment == ""


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb", "\x00", "x" * 20_000])
@pytest.mark.parametrize("template", ["posts/{resources.posts.id}/likes", "{resources.posts.id}"])
def test_an_id_that_is_no_segment_is_refused(template: str, value: str) -> None:
    with pytest.raises(UnsafePath):
        child_of(template, value)


@pytest.mark.parametrize(
    ("template", "link", "path"),
    [
        ("{resources.posts.id}", f"{BASE}/users/5?full=1", "/api/v1/users/5"),
        ("{resources.posts.id}/likes", f"{BASE}/users/5", "/api/v1/users/5/likes"),
        ("{resources.posts.id}", "HTTPS://shop.test:443/other/5", "/other/5"),
        ("{resources.posts.id}", "/users/5", "/api/v1/%2Fusers%2F5"),
    ],
)
def test_a_path_that_begins_with_a_placeholder_may_hold_a_link(template: str, link: str, path: str) -> None:
    assert child_of(template, link) == path


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/users/5",
        "http://shop.test/users/5",
        "https://shop.test:8443/users/5",
        "https://shop.test@evil.test/",
        "https://shop.test\\@evil.test/",
        "https://me:pw@shop.test/",
    ],
)
def test_no_link_leads_elsewhere(link: str) -> None:
    """Neither one of a record nor one to a next page; the message names no more than the host."""
    with pytest.raises(ForeignOrigin) as of_record:
        child_of("{resources.posts.id}", link)
    translation = translate(one("json_link"), name="shop")
    pages = readings(translation, "items", lambda _: answer({"data": [{"id": 1}], "next": link + "?token=t0k3n"}))
    assert rows_of(next(pages)[1]) == [{"id": 1}]
    with pytest.raises(ForeignOrigin) as of_page:
        next(pages)
    assert "t0k3n" not in str(of_page.value) + str(of_record.value)


@pytest.mark.parametrize(
    "link", ["//evil.test/x", 5, ["x"], {"href": "x"}, "https://", "http://[::1", "ftp://shop.test/x"]
)
def test_a_link_that_is_none_ends_the_listing_as_a_failure(link: object) -> None:
    translation = translate(one("json_link"), name="shop")
    pages = readings(translation, "items", lambda _: answer({"data": [{"id": 1}], "next": link}))
    with pytest.raises(RequestFailed):
        list(pages)


def test_a_header_cannot_be_split() -> None:
    child = {"name": "likes", "endpoint": {"path": "likes", "headers": {"X-Post": "{resources.posts.id}"}}}
    translation = translate(config("posts", child), name="shop")
    (_, reading), *_ = readings(translation, "posts", lambda _: answer([{"id": "a\r\nX-Admin: 1"}]))
    with pytest.raises(UnsafePath):
        list(readings(translation, "likes", echo, key="x", fields=reading.found[0].fields))


@pytest.mark.parametrize("records", [[{"id": 1}], []], ids=["the same page", "no records"])
def test_a_list_that_does_not_end_is_left(records: list[Any]) -> None:
    translation = translate(
        one({"type": "page_number", "total_path": None, "stop_after_empty_page": False, "maximum_page": 10**9}),
        name="shop",
    )
    with pytest.raises(Endless):
        list(readings(translation, "items", lambda _: answer(records)))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": [', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_is_one_to_be_sent_again(body: bytes) -> None:
    """`accept` says so, which the transport heeds."""
    with pytest.raises(BadBody, match="items: expected JSON"):
        list(readings(translate(one(), name="shop"), "items", lambda _: answer(body)))


@pytest.mark.parametrize(
    "content", [{"data": [1]}, {"data": [1], "total": "many"}, {"data": [1], "total": {"secret": 5}}, [1]]
)
def test_what_a_paginator_misses_is_a_failure_that_quotes_nothing(content: object) -> None:
    with pytest.raises(BadBody) as caught:
        list(readings(translate(one("page_number"), name="shop"), "items", lambda _: answer(content)))
    assert "secret" not in str(caught.value)


# ── response actions ────────────────────────────────────────────────────────────────────────


def without_mail(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    rows = response.json()
    for row in rows:
        row.pop("mail", None)
    response._content = json.dumps(rows).encode()
    return response


ACTIONS: dict[str, tuple[list[Any], Response]] = {
    "ignored by status": ([{"status_code": 404, "action": "ignore"}], answer({"error": "x"}, status=404)),
    "ignored by text": ([{"content": "no such", "action": "ignore"}], answer({"error": "no such"}, status=404)),
    "ignored by text of a success": ([{"content": "no such", "action": "ignore"}], answer({"error": "no such"})),
    "ignored by both": (
        [{"status_code": 500, "content": "no such", "action": "ignore"}],
        answer({"error": "no such"}, status=500),
    ),
    "changed": ([without_mail], answer([{"id": 1, "mail": "x"}])),
    "changed by status": ([{"status_code": 200, "action": [without_mail]}], answer([{"id": 1, "mail": "x"}])),
    "not met": ([{"status_code": 404, "action": "ignore"}], answer([{"id": 1}])),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_a_response_action_acts_as_in_dlt(name: str) -> None:
    actions, response = ACTIONS[name]
    said = one(response_actions=actions)
    translation = translate(said, name="shop")
    assert by_us(translation, lambda _: response) == by_dlt(said, lambda _: response)


@pytest.mark.parametrize(
    ("action", "answers"),
    [
        ({"status_code": 404, "action": "ignore"}, {404}),
        ({"status_code": 200, "action": "ignore"}, set()),
        ({"status_code": 503, "content": "x", "action": "ignore"}, {503}),
        ({"content": "x", "action": "ignore"}, {400, 403, 404, 422}),
        (without_mail, {400, 403, 404, 422}),
    ],
)
def test_a_status_that_an_action_is_about_is_an_answer(action: object, answers: set[int]) -> None:
    """One that names none is about errors, too, but never about those that are tried again or about credentials."""
    (endpoint,) = translate(one(response_actions=[action]), name="shop").vendor.endpoints
    assert answers <= set(endpoint.answers)
    assert not {200, 204, 401, 408, 425, 429, 500, 502} & set(endpoint.answers)


@pytest.mark.parametrize(("status", "error"), [(403, "Refused"), (404, "RequestFailed"), (500, "RequestFailed")])
def test_an_error_that_no_action_ignores_is_one(status: int, error: str) -> None:
    said = one(response_actions=[{"status_code": status, "content": "only this", "action": "ignore"}])
    with pytest.raises(RequestFailed) as caught:
        list(readings(translate(said, name="shop"), "items", lambda _: answer({"error": "that"}, status=status)))
    assert (type(caught.value).__name__, caught.value.status) == (error, status)


# ── processing steps and incremental ────────────────────────────────────────────────────────


def types(record: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(f"{record['at']}T01:02:03+00:00")
    return {**record, "at": at, "day": at.date(), "price": Decimal("1.10"), "raw": b"\x00\xff"}


def halves(record: dict[str, Any]) -> Any:
    yield {"id": record["id"], "half": 1}
    yield [{"id": record["id"], "half": 2}]


STEPS: dict[str, list[dict[str, Any]]] = {
    "filter": [{"filter": lambda record: record["id"] > 1}],
    "filter, none left": [{"filter": lambda _: False}, {"map": lambda record: record["nowhere"]}],
    "map": [{"map": lambda record: {"id": record["id"] * 10}}],
    "map, then filter": [{"map": lambda record: {"id": record["id"] * 10}}, {"filter": lambda one: one["id"] > 10}],
    "filter, then map": [{"filter": lambda one: one["id"] > 1}, {"map": lambda record: {"id": record["id"] * 10}}],
    "types": [{"map": types}],
    "yield_map": [{"yield_map": halves}],
    "yield_map, then filter": [{"yield_map": halves}, {"filter": lambda record: record["half"] == 2}],
}


@pytest.mark.parametrize("name", STEPS)
def test_a_processing_step_does_what_it_does_in_dlt(name: str) -> None:
    """Types of values survive the way to the load."""
    said = config({"name": "posts", "processing_steps": STEPS[name]})
    assert by_us(translate(said, name="shop"), family) == by_dlt(said, family)


def test_children_see_processed_parents() -> None:
    steps = [{"filter": lambda record: record["id"] > 1}, {"map": lambda record: {"key": f"k{record['id']}"}}]
    said = config({"name": "posts", "processing_steps": steps}, {"name": "likes", "endpoint": "{resources.posts.key}"})
    rows = by_us(translate(said, name="shop"), family)
    assert rows == by_dlt(said, family)
    assert [row["path"] for row in rows["likes"]] == ["/api/v1/k2"]


def test_a_childs_placeholder_keeps_the_type_of_its_value() -> None:
    """Also of one that JSON has no form for."""
    child = {
        "name": "likes",
        "endpoint": {"path": "likes/{resources.posts.price}", "params": {"at": "{resources.posts.at}"}},
        "include_from_parent": ["day"],
    }
    said = config({"name": "posts", "processing_steps": [{"map": types}]}, child)
    rows = by_us(translate(said, name="shop"), family)
    assert rows == by_dlt(said, family)
    assert rows["likes"][0]["_posts_day"] == date(2024, 1, 1)


@pytest.mark.parametrize("step", [lambda record: record["nowhere"], lambda _: print, lambda _: object()])
def test_a_step_that_fails_fails_its_listing(step: Any) -> None:
    said = config({"name": "posts", "processing_steps": [{"map": step}]})
    with pytest.raises(BadBody, match="posts"):
        by_us(translate(said, name="shop"), family)


INCREMENTALS: dict[str, dict[str, Any]] = {
    "initial": {"incremental": {"cursor_path": "at", "initial_value": "2024-01-02"}},
    "initial and end": {"incremental": {"cursor_path": "at", "initial_value": "2024-01-01", "end_value": "2024-01-02"}},
    "open": {"incremental": {"cursor_path": "at", "initial_value": "2024-01-01", "range_start": "open"}},
    "parameters": {
        "incremental": {
            "cursor_path": "at",
            "initial_value": "2023-01-01",
            "end_value": "2025-01-01",
            "start_param": "since",
            "end_param": "until",
            "convert": lambda value: value.replace("-", ""),
        },
    },
    "placeholder": {
        "params": {"since": "{incremental.start_value}", "initial": "{incremental.initial_value}"},
        "incremental": {"cursor_path": "at", "initial_value": "2024-01-01"},
    },
    "in the path": {
        "path": "since/{incremental.start_value}/posts",
        "incremental": {"cursor_path": "at", "initial_value": "2024-01-01"},
    },
    "old style": {"params": {"since": {"type": "incremental", "cursor_path": "at", "initial_value": "2024-01-02"}}},
    "without a value": {"incremental": {"cursor_path": "at", "start_param": "since"}},
    "missing, excluded": {
        "incremental": {"cursor_path": "moved", "initial_value": "2024", "on_cursor_value_missing": "exclude"},
    },
    "missing, included": {
        "incremental": {"cursor_path": "moved", "initial_value": "2024", "on_cursor_value_missing": "include"},
    },
}


@pytest.mark.parametrize("name", INCREMENTALS)
def test_an_incremental_asks_for_and_keeps_what_it_does_in_dlt(name: str) -> None:
    said = config({"name": "posts", "primary_key": "id", "endpoint": {"path": "posts", **INCREMENTALS[name]}})
    asked_by_us: list[Asked] = []
    asked_by_dlt: list[Asked] = []

    def noting(asked: list[Asked]) -> Server:
        def server(request: Asked) -> Response:
            asked.append(request)
            return family(request)

        return server

    assert by_us(translate(said, name="shop"), noting(asked_by_us)) == by_dlt(said, noting(asked_by_dlt))
    assert [(one.path, one.params) for one in asked_by_us] == [(one.path, one.params) for one in asked_by_dlt]


@pytest.mark.parametrize(("order", "pages"), [("asc", 2), ("desc", 4), (None, 4)])
def test_a_list_in_order_is_left_where_its_range_ends(order: str | None, pages: int) -> None:
    """The page that leaves the range is read whole, as in dlt."""
    said = one(
        "page_number",
        incremental={"cursor_path": "id", "initial_value": 0, "end_value": 3, "row_order": order},
    )
    said["client"]["paginator"] = None
    translation = translate(said, name="shop")
    assert len(list(readings(translation, "items", by_number))) == pages
    assert by_us(translation, by_number) == by_dlt(said, by_number) == {"items": RECORDS[:3]}


def test_an_incremental_of_children_begins_anew_for_each_parent() -> None:
    """In dlt it goes on from the newest row of the parents before, and leaves out what is older."""
    child = {
        "name": "likes",
        "endpoint": {
            "path": "posts/{resources.posts.id}/likes",
            "incremental": {"cursor_path": "at", "initial_value": 5, "start_param": "since"},
        },
    }

    def server(asked: Asked) -> Response:
        if asked.path.endswith("/posts"):
            return answer(POSTS[int(asked.params.get("page", 0)) :][:1] and {"data": POSTS, "total": 1})
        assert asked.params["since"] == "5"
        return answer([{"at": 9}, {"at": 4}] if "/1/" in asked.path else [{"at": 6}, {"at": 5}])

    rows = by_us(translate(config("posts", child), name="shop"), server)
    assert rows["likes"] == [{"at": 9}, {"at": 6}, {"at": 5}]
