"""A library on this machine: authors, books and reviews, handed out in every way that dlt knows to ask for them."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from restful import Asked, Server, answer

from extractor.model import Response

__all__ = ["AUTHORS", "BOOKS", "CHANGES", "REVIEWS", "at_library", "listening", "serve"]

KEY, SECRET = "k3y-of-a-reader", "s3cret-of-a-reader"

AUTHORS: list[dict[str, Any]] = [
    {
        "id": number,
        "slug": f"author {number}/é",
        "fullName": f"Author Nº {number}",
        "born": f"19{30 + number}-0{number}-1{number}",
        "joinedAt": f"2024-0{number}-01T10:00:00{'.250' if number % 2 else ''}Z",
        "rating": 4.5 if number % 3 == 1 else number,
        "active": number % 2 == 0,
        "followers": 2**40 + number,
        "fax": None,
        "address": {"city": f"City {number}", "zip": None if number == 2 else f"0{number}000", "geo": {"lat": 48.1}},
        "aliases": [f"A{number}", "Ω"][: number % 3],
        "awards": [
            {
                "name": f"Prize {place}",
                "year": 1990 + place,
                "jury": [{"name": f"J{member}"} for member in range(place)],
            }
            for place in range(number % 4)
        ],
        "mixed": number if number < 4 else f"№ {number}",
        "matrix": [[1, 2], [number]],
    }
    for number in range(1, 8)
]

BOOKS: list[dict[str, Any]] = [
    {
        "isbn": f"978-{author['id']}-{number}",
        "author_id": author["id"],
        "title": f"Book {number} of {author['id']}",
        "price": 10.5 + number,
        "pages": 100 * number,
        "published_at": f"2024-0{author['id']}-{10 + number}T08:30:00Z",
        "kind": "novel" if number % 2 else "essay",
        "tags": ["a", "b"][:number],
        "editions": [{"year": 2000 + place, "formats": [{"kind": "paper"}]} for place in range(number)],
    }
    for author in AUTHORS
    for number in range(1, 1 + author["id"] % 4)
]

REVIEWS: list[dict[str, Any]] = [
    {"id": f"{book['isbn']}#{number}", "stars": number, "text": f"Good, {number} times"}
    for book in BOOKS
    for number in range(1, 1 + len(book["editions"]))
]

CHANGES: list[dict[str, Any]] = [
    {
        "id": number % 8,
        "version": number,
        "changed_at": f"2024-03-{number:02}T00:00:00Z",
        "state": "gone" if number == 12 else "there",
        "parts": [{"part": number}],
    }
    for number in range(1, 16)
]

Route = Callable[..., Response]
_ROUTES: list[tuple[re.Pattern[str], Route]] = []


def route(pattern: str) -> Callable[[Route], Route]:
    def known(function: Route) -> Route:
        _ROUTES.append((re.compile(pattern), function))
        return function

    return known


def serve(asked: Asked) -> Response:
    """The library as a function."""
    for pattern, function in _ROUTES:
        if found := pattern.fullmatch(asked.path):
            return function(asked, *found.groups())
    return answer({"error": "there is no such shelf"}, status=404)


# ── lists, by how they go on ────────────────────────────────────────────────────────────────

SIZE = 3


def _page(records: list[Any], number: int, size: int = SIZE) -> tuple[list[Any], bool]:
    """A page, counted from 0, and whether another one follows."""
    return records[number * size : (number + 1) * size], (number + 1) * size < len(records)


def _link(asked: Asked, number: int) -> str:
    host = asked.headers.get("host")
    return f"{f'http://{host}' if host else ''}{asked.path}?page={number}"


@route("/v1/linked/authors")
def linked(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    data, more = _page(AUTHORS, number)
    return answer({"items": data, "paging": {"next": _link(asked, number + 1) if more else None}})


@route("/v1/headed/authors")
def headed(asked: Asked) -> Response:
    number = int(asked.params.get("page", 0))
    data, more = _page(AUTHORS, number)
    return answer(data, headers={"Link": f'<{_link(asked, number + 1)}>; rel="next"'} if more else {})


@route("/v1/offset/authors")
def by_offset(asked: Asked) -> Response:
    said = asked.json["window"] if asked.method == "POST" else asked.params
    offset, limit = int(said["offset"]), int(said["limit"])
    return answer({"data": AUTHORS[offset : offset + limit], "meta": {"total": len(AUTHORS)}})


@route("/v1/numbered/authors")
def numbered(asked: Asked) -> Response:
    size = int(asked.params.get("per_page", SIZE))
    data, _ = _page(AUTHORS, int(asked.params["page"]) - 1, size)
    return answer({"data": data, "pages": -(-len(AUTHORS) // size)})


@route("/v1/more/authors")
def with_more(asked: Asked) -> Response:
    data, more = _page(AUTHORS, int(asked.params["p"]))
    return answer({"data": data, "more": more})


@route("/v1/endless/authors")
def until_empty(asked: Asked) -> Response:
    return answer(_page(AUTHORS, int(asked.params["page"]))[0])


@route("/v1/cursor/authors")
def by_cursor(asked: Asked) -> Response:
    said = asked.json.get("paging", {}).get("after") if asked.method == "POST" else asked.params.get("after")
    number = int(said.removeprefix("at ")) if said else 0
    data, more = _page(AUTHORS, number)
    return answer({"data": data, "cursors": {"after": f"at {number + 1}" if more else None}})


@route("/v1/header-cursor/authors")
def by_header_cursor(asked: Asked) -> Response:
    number = int(asked.params.get("cursor") or asked.headers.get("x-page") or 0)
    data, more = _page(AUTHORS, number)
    return answer(data, headers={"X-Next": str(number + 1)} if more else {})


@route("/v1/auto/(pages|cursor|single|link)/authors")
def detected(asked: Asked, how: str) -> Response:
    if how == "single":
        return answer({"results": AUTHORS, "took": 3})
    number = int(asked.params.get("page") or asked.params.get("cursor") or 0)
    data, more = _page(AUTHORS, number)
    if how == "pages":
        return answer({"results": data, "total_pages": 3})
    if how == "link":
        return answer({"meta": {"list": []}, "records": data, "next": _link(asked, number + 1) if more else None})
    return answer({"values": data, "next_cursor": str(number + 1) if more else None})


# ── guarded ─────────────────────────────────────────────────────────────────────────────────

_TOKEN = "t0ken-by-oauth"
_PAIR = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
_ALLOWED: dict[str, Callable[[Asked], bool]] = {
    "bearer": lambda asked: asked.headers.get("authorization") == f"Bearer {SECRET}",
    "basic": lambda asked: asked.headers.get("authorization") == f"Basic {_PAIR}",
    "header": lambda asked: asked.headers.get("x-api-key") == SECRET,
    "query": lambda asked: asked.params.get("api_key") == SECRET,
    "cookie": lambda asked: asked.headers.get("cookie") == f"reader={SECRET}",
    "oauth": lambda asked: asked.headers.get("authorization") == f"Bearer {_TOKEN}",
    "signed": lambda asked: asked.headers.get("x-signature") == f"{len(asked.path)}{SECRET}",
    "named": lambda asked: asked.headers.get("x-reader") == KEY,
}


@route("/v1/guarded/([a-z]+)/books")
def guarded(asked: Asked, how: str) -> Response:
    if not _ALLOWED[how](asked):
        return answer({"error": "who are you?"}, status=401)
    return answer({"data": _page(BOOKS, int(asked.params.get("page", 0)), 5)[0], "total_pages": 3})


@route("/v1/token")
def token(asked: Asked) -> Response:
    said = dict(parse_qsl(asked.body.decode()))
    if (said.get("client_id"), said.get("client_secret")) != (KEY, SECRET) or said.get("scope") != "books":
        return answer({"error": "who are you?"}, status=401)
    return answer({"access_token": _TOKEN, "expires_in": 3600, "token_type": "Bearer"})


# ── parents and children ────────────────────────────────────────────────────────────────────


def _books(author: object) -> list[dict[str, Any]]:
    return [book for book in BOOKS if str(book["author_id"]) == str(author)]


@route("/v1/authors")
def authors(_: Asked) -> Response:
    return answer(AUTHORS)


@route(r"/v1/authors/(\d+)")
def author(_: Asked, number: str) -> Response:
    return answer(next(one for one in AUTHORS if str(one["id"]) == number))


@route(r"/v1/authors/(\d+)/books")
def books_of(asked: Asked, number: str) -> Response:
    page = int(asked.params.get("page", 1)) - 1
    data, more = _page(_books(number), page, 2)
    return answer({"books": data, "more": more})


@route("/v1/cities/([^/]+)/(.+)")
def in_city(_: Asked, city: str, slug: str) -> Response:
    return answer([{"city": city, "slug": slug}])


@route("/v1/books/([^/]+)/reviews")
def reviews_of(_: Asked, isbn: str) -> Response:
    return answer([review for review in REVIEWS if review["id"].startswith(f"{isbn}#")])


@route("/v1/books")
def books(asked: Asked) -> Response:
    if "author" in asked.params:
        return answer({"data": _books(asked.params["author"])})
    if "x-author" in asked.headers:
        return answer({"data": _books(asked.headers["x-author"])})
    return answer({"data": BOOKS, "count": len(BOOKS)})


@route("/v1/search")
def search(asked: Asked) -> Response:
    """What is asked for stands in a JSON body, where a number is a number, or in a form."""
    if asked.headers.get("content-type") == "application/json":
        wanted = asked.json["query"]["author"]
        if not isinstance(wanted, int):
            return answer({"error": "an author is a number"}, status=400)
        return answer({"data": _books(wanted)})
    return answer({"data": _books(dict(parse_qsl(asked.body.decode()))["author"])})


@route("/v1/shelves")
def shelves(_: Asked) -> Response:
    """One author stands on two of them."""
    return answer([{"shelf": number, "author": number % 2 + 1} for number in range(1, 4)])


# ── time ────────────────────────────────────────────────────────────────────────────────────


@route("/v1/changes(?:/since/([^/]+))?")
def changes(asked: Asked, path: str | None) -> Response:
    """By time of change, from and until the days that are asked for, in pages if one is."""
    said = {**asked.params, **(asked.json if asked.body else {})}
    since, until = path or said.get("since", ""), said.get("until", "9")
    found = [one for one in CHANGES if since <= one["changed_at"] <= until]
    if said.get("order") == "desc":
        found.reverse()
    if "page" in asked.params:
        found, _ = _page(found, int(asked.params["page"]), 4)
    return answer({"data": found})


@route("/v1/loose-changes")
def loose_changes(_: Asked) -> Response:
    """Some say no time of change."""
    return answer([*CHANGES[:4], {"id": 100, "version": 0}, {"id": 101, "version": 0, "changed_at": None}])


# ── answers that mean something else ────────────────────────────────────────────────────────


@route(r"/v1/strict/(\d+)/books")
def strict(_: Asked, number: str) -> Response:
    """Authors without books are not known, of some there is a word only, one is kept secret."""
    found = _books(number)
    if not found:
        return answer({"error": "not found"}, status=404)
    if number == "2":
        return answer({"books": [], "note": "Nothing to lend"})
    if number == "5":
        return answer({"error": "kept"}, status=423)
    return answer({"books": found})


@route("/v1/wrapped/books")
def wrapped(_: Asked) -> Response:
    """Records deep down, beside a list of something else."""
    return answer({"warnings": [1, 2], "response": {"hits": [{"item": book} for book in BOOKS]}})


@route("/v1/curiosities")
def curiosities(_: Asked) -> Response:
    """Names and values that are sound, and seldom."""
    return answer(
        [
            {
                "id": 1,
                "with.dot": 1,
                "Ünïcode": "é\u2028😀",
                "1st": True,
                "SELECT": "'; DROP TABLE",
                "camelCaseID": -(2**63),
                "at": "2024-02-29T23:59:59.999999+05:30",
                "day": "2024-02-29",
                "clock": "10:00:00",
                "precise": 1e-7,
                "digits": "007",
                "empty": {},
                "nothing": [],
                "lists": [1, "a", 2.5, None, [True], {"x": None, "y": [{}]}],
                "long": "x" * 3000,
            },
            {
                "id": 2,
                "with.dot": 1.5,
                "1st": "yes",
                "camelCaseID": 2**63 - 1,
                "at": "soon",
                "day": None,
                "clock": "",
                "precise": 3,
                "digits": 7,
                "empty": {"now": {"there": {"is": "something"}}},
                "nothing": "some",
                "lists": [],
            },
        ]
    )


@route("/v1/latin")
def latin(_: Asked) -> Response:
    return answer('[{"id": 1, "name": "Café"}]'.encode("latin-1"), headers={"content-type": "application/json"})


# ── on the network ──────────────────────────────────────────────────────────────────────────


@contextmanager
def listening(server: Server) -> Iterator[str]:
    """The address at which a function answers, in threads of their own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            came = server(
                Asked(
                    method=self.command,
                    path=parts.path,
                    params=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=body,
                )
            )
            self.send_response(came.status)
            for name, value in came.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(came.body)))
            self.end_headers()
            self.wfile.write(came.body)

        do_POST = do_GET  # noqa: N815 - the name of the standard library

        def log_message(self, *_: object) -> None:
            pass

    class Threads(ThreadingHTTPServer):
        daemon_threads = True

    own = Threads(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=own.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{own.server_address[1]}"
    finally:
        own.shutdown()
        thread.join()
        own.server_close()


@contextmanager
def at_library(server: Server) -> Iterator[None]:
    """The library, or what stands before it, is where the configurations of `configurations/` look for it."""
    with listening(server) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIBRARY_URL", url)
        yield
