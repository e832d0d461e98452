"""Configurations played without a network, by this package's exchanges and by dlt itself, against one function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from dlt.common.json import json as typed
from dlt.sources.rest_api import rest_api_source
from requests.adapters import BaseAdapter

from extractor.model import Exchange, Listing, Reading, Request, Response
from extractor.rest_api import Translation

__all__ = [
    "BASE",
    "Asked",
    "Sent",
    "Server",
    "answer",
    "by_dlt",
    "by_us",
    "exchange",
    "page",
    "readings",
    "rows_of",
    "signed",
]

BASE = "https://shop.test/api/v1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request as a server sees it."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Server = Callable[[Asked], Response]


def answer(content: object = None, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status=status, headers={"content-type": "application/json", **(headers or {})}, body=body)


def page(asked: Asked, records: list[Any], *, size: int = 2, name: str = "page", first: int = 0) -> list[Any]:
    """The records of the page that is asked for by number."""
    number = int(asked.params.get(name, first)) - first
    return records[number * size : (number + 1) * size]


def exchange(translation: Translation, name: str, **listing: Any) -> Exchange:
    """A listing under way, by default the only one of a root."""
    endpoint = next(one for one in translation.vendor.endpoints if one.name == name)
    assert endpoint.exchange is not None
    return endpoint.exchange(Listing(**{"id": 1, "endpoint": name, "key": "", **listing}))


def readings(translation: Translation, name: str, server: Server, **listing: Any) -> Iterator[tuple[Asked, Reading]]:
    """Each request of a listing, with what its answer brought."""
    under_way = exchange(translation, name, **listing)
    while (request := under_way.ask()) is not None:
        sent = signed(translation, request)
        response = server(sent)
        if response.good(request):
            response = replace(response, content=request.accept(response))
        yield sent, under_way.answered(response)


def signed(translation: Translation, request: Request) -> Asked:
    """The request with credentials that need no network."""
    vendor = translation.vendor
    signer = vendor.apis[request.api].signer if request.api else vendor.signer
    assert signer is not None

    async def never(_: Request) -> Response:
        raise AssertionError("these credentials need no request")

    request = asyncio.run(signer.sign(request, never))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(
        method=request.method,
        path=request.path,
        params=dict(request.params),
        headers=headers,
        body=request.content or b"",
    )


def rows_of(reading: Reading) -> list[Any]:
    """The records of a page with their types."""
    rows = typed.typed_loadb(reading.payload) if reading.payload else []
    assert len(rows) == reading.records
    return rows


def by_us(translation: Translation, server: Server) -> dict[str, list[Any]]:
    """The rows of every resource, with all children."""
    rows: dict[str, list[Any]] = {one.name: [] for one in translation.vendor.endpoints}
    waiting: list[tuple[str, dict[str, Any]]] = [
        (one.name, {}) for one in translation.vendor.endpoints if not one.parents
    ]
    seen = set()
    while waiting:
        name, listing = waiting.pop(0)
        for _, reading in readings(translation, name, server, **listing):
            rows[name] += rows_of(reading)
            for found in reading.found:
                if (found.endpoint, found.key) not in seen:
                    seen.add((found.endpoint, found.key))
                    waiting.append((found.endpoint, {"key": found.key, "parent": found.parent, "fields": found.fields}))
    return rows


class Sent(BaseAdapter):
    """What carries the requests of dlt's session to a function."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        body: Any = request.body or b""
        came = self._server(
            Asked(
                method=request.method or "",
                path=parts.path,
                params=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): str(value) for name, value in request.headers.items()},
                body=body.encode() if isinstance(body, str) else bytes(body),
            )
        )
        response = requests.Response()
        response.status_code = came.status
        response.headers.update(came.headers)
        response._content = came.body
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        pass


def by_dlt(config: Mapping[str, Any], server: Server) -> dict[str, list[Any]]:
    """The rows that dlt itself yields."""
    session = requests.Session()
    session.mount("https://", Sent(server))
    config = {**config, "client": {**config["client"], "session": session}}
    source = rest_api_source(config, name="shop")  # type: ignore[arg-type]
    return {name: list(resource) for name, resource in source.resources.items()}
