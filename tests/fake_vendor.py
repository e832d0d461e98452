"""A vendor that is a function from a request to an answer, behind the transport's one method."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import orjson
from clock import run

from extractor.children import Family
from extractor.client import Client
from extractor.errors import BadBody, RequestFailed
from extractor.mask import Masking
from extractor.model import Endpoint, Listing, Page, Request, Response, Vendor

__all__ = ["BASE", "Behaviour", "FakeTransport", "Reply", "client_of", "fetch", "ok", "status", "vendor_of"]

BASE = "https://shop.test/api/v1"

Reply = Response | RequestFailed
Behaviour = Callable[[Request], Reply]


@dataclass
class FakeTransport:
    """Answers at once, and accepts 2xx answers as the layer that retries does.

    Attributes:
        opened: the downloaded bodies, to see that they are closed.
        answered: set with the first answer.
    """

    vendor: Behaviour
    sent: list[Request] = field(default_factory=list)
    opened: list[io.BytesIO] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        self.sent.append(request)
        self.answered.set()
        reply = self.vendor(request)
        if isinstance(reply, RequestFailed):
            raise reply
        if not 200 <= reply.status < 300:
            return reply
        if request.download:
            file = io.BytesIO(reply.body)
            self.opened.append(file)
            reply = replace(reply, body=b"", file=file)
        try:
            return replace(reply, content=request.accept(reply))
        except BadBody as error:
            if reply.file is not None:
                reply.file.close()
            error.status, error.attempts, error.path = reply.status, 6, request.path
            raise

    async def close(self) -> None:
        """There are no connections."""


def ok(content: object, **headers: str) -> Response:
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(status=200, headers=headers, body=body)


def status(number: int, content: object = None) -> Response:
    return Response(status=number, headers={}, body=orjson.dumps(content) if content is not None else b"")


def vendor_of(*endpoints: Endpoint) -> Vendor:
    return Vendor(
        name="shop",
        title="Shop",
        base_url=BASE,
        settings=(),
        account="",
        headers=lambda _: {},
        budgets={},
        endpoints=endpoints,
    )


def client_of(
    vendor: Vendor,
    transport: FakeTransport,
    *,
    loaded: frozenset[str] | None = None,
    since: date | None = None,
    until: date = date(2024, 3, 5),
    given: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
    masking: Masking | None = None,
) -> Client:
    """A client that fetches all endpoints and loads them, too."""
    names = frozenset(endpoint.name for endpoint in vendor.endpoints)
    return Client(
        vendor=vendor,
        family=Family(vendor, names, frozenset()),
        transport=transport,
        base_urls={"": BASE} | {name: api.base_url for name, api in vendor.apis.items()},
        loaded=names if loaded is None else loaded,
        since=since,
        until=until,
        given=given,
        masking=masking,
    )


def fetch(
    vendor: Vendor,
    behaviour: Behaviour,
    listing: Listing,
    *,
    loaded: frozenset[str] | None = None,
    since: date | None = None,
    until: date = date(2024, 3, 5),
    given: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
    masking: Masking | None = None,
) -> tuple[list[Page], FakeTransport]:
    """All pages of one listing, and the transport with what went through it."""
    transport = FakeTransport(behaviour)
    client = client_of(vendor, transport, loaded=loaded, since=since, until=until, given=given, masking=masking)

    async def main() -> list[Page]:
        return [page async for page in client.pages(listing)]

    pages = run(main())
    assert [page.state.final for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages, transport
