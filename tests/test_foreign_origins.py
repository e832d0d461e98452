"""Credentials stay with their origin: another server, beside the vendor's, is named in every way and never hears of it.

A vendor names addresses in two ways: as the link to the next page, with which a paginator goes on, and as the
`Location` of a redirect. The results of jobs lie below the API's own address, whatever the id of a job looks like.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

import pytest
from faultserver import Exchange, FaultServer
from oneattempt import TOKEN, http, request

from extractor import paginate
from extractor.calls import Calls
from extractor.errors import ForeignOrigin, RequestFailed, UnsafePath
from extractor.model import Answer, Endpoint, Listing, Paginator, Request, Response
from extractor.paths import fill
from extractor.transport.http import Http
from extractor.transport.retrying import Retrying

HOSTS = ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "127.0.1", "2130706433", "0177.0.0.1", "0x7f000001"]
HOSTS += ["127.0.0.1.", "127。0。0。1", "１２７.0.0.1", "%31%32%37.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0"]
FORMS = [
    "http://{sink}",
    "https://{sink}",
    "HTTP://{sink}",
    "//{sink}",
    "///{sink}",
    "\\\\{sink}",
    "/\\{sink}",
    "\\/{sink}",
]
FORMS += [
    "http:{sink}",
    "http:/{sink}",
    "http:///{sink}",
    "http:\\\\{sink}",
    "ht\ttp://{sink}",
    " http://{sink}",
    "\n//{sink}",
]
FORMS += [
    "\x00//{sink}",
    "http://{home}@{sink}",
    "http://{home}:x@{sink}",
    "http://u:p@{sink}",
    "http://{home}%40{sink}",
]
FORMS += [
    "http://{home}\\@{sink}",
    "http://{sink}#@{home}",
    "http://{sink}?@{home}",
    "http://{sink}/@{home}",
    "/\t/{sink}",
]
FORMS += [
    "http://{sink}\\{home}",
    "http://{sink},{home}",
    "http://{sink} {home}",
    "ws://{sink}",
    "ftp://{sink}",
    "/%09/{sink}",
]
ENDS = ["", "/api/v1/things?page=2"]
NEAR = ["../../admin", "/admin", "/api/v1/../../admin", "/api/v10/things", "..;/admin", "%2e%2e/%2e%2e/admin"]
"""Within the origin, and out of the API."""

PAGINATORS: dict[str, Paginator] = {
    "by link": paginate.by_link("next"),
    "by link or cursor": paginate.by_link_or_cursor("next", "cursor", "after"),
}
ENDPOINT = Endpoint(name="things", path="/things")
LISTING = Listing(id=0, endpoint="things", key="")


class Prompt(Random):
    """No jitter to wait for."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


@dataclass
class Pair:
    """The vendor, the other server, and the client that may speak to the first one only.

    Attributes:
        location: what the vendor's redirects name; '' as long as it answers well.
    """

    home: FaultServer
    sink: FaultServer
    wire: Http
    location: str = field(default="")

    async def send(self, asked: Request) -> Response:
        """As a run does, which a vendor has just answered well: nothing is taken for an outage."""
        named, self.location = self.location, ""
        transport = Retrying(self.wire, vendor="acme", base_url=self.home.base_url, random=Prompt(), attempts=2)
        await transport.send(request())
        self.location = named
        return await transport.send(asked)

    @property
    def variants(self) -> Iterator[str]:
        """Spellings of the other server's address."""
        home = urlsplit(self.home.base_url).netloc
        for form, host, end in itertools.product(FORMS, HOSTS, ENDS):
            yield form.format(sink=f"{host}:{self.sink.port}", home=home) + end


@asynccontextmanager
async def pair() -> AsyncIterator[Pair]:
    async def answer(exchange: Exchange) -> None:
        if not one.location:
            await exchange.answer(b"[]")
            return
        # As it is, but for what would end the header.
        named = one.location.translate({0: None, 10: None, 13: None}).encode()
        await exchange.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n" % named)

    async def hear(exchange: Exchange) -> None:
        await exchange.answer(b"[]")

    async with FaultServer(answer) as home, FaultServer(hear) as sink, http(home.base_url) as wire:
        one = Pair(home, sink, wire)
        yield one
        assert home.seen
        assert all(seen.headers["authorization"] == TOKEN for seen in home.seen)
        assert sink.connections == 0


@pytest.mark.parametrize("name", PAGINATORS)
async def test_no_link_leads_to_another_server(name: str) -> None:
    """Nor out of the API: each is refused before anything is sent."""
    async with pair() as one:
        calls = Calls({"": one.home.base_url}, {})
        variants = [*one.variants, *NEAR]
        assert len(variants) > 500
        for link in variants:
            pages = PAGINATORS[name](None)
            next(pages)
            call = pages.send(Answer(records=[], content={"next": link}))
            with pytest.raises((ForeignOrigin, UnsafePath)):
                await one.send(calls.request(ENDPOINT, LISTING, call))
        assert {seen.target.partition("?")[0].startswith("/api/v1/") for seen in one.home.seen} == {True}


async def test_no_redirect_is_followed_to_another_server() -> None:
    async with pair() as one:
        for location in itertools.islice(one.variants, 0, None, 3):
            one.location = location
            before = len(one.home.seen)
            with suppress(RequestFailed):
                answer = await one.send(request())
                assert answer.status == 302
            assert len(one.home.seen) > before


async def test_no_id_of_a_job_leads_to_another_server() -> None:
    """It is one segment of the path to the job's results."""
    async with pair() as one:
        for job in one.variants:
            with suppress(UnsafePath):
                await one.send(request(fill("/jobs/{job}/results", {"job": job})))
        assert {seen.target.count("/") for seen in one.home.seen if seen.target.startswith("/api/v1/jobs/")} == {5}
