"""Credentials that change: what is signed, what a refusal leads to, and that none of it passes a budget by."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from clock import run
from faultserver import Exchange, FaultServer

from extractor import limits
from extractor.errors import TransportError, UnsafePath
from extractor.model import Request, Response, RollingWindow, Send
from extractor.transport.http import Http
from extractor.transport.limited import Limited
from extractor.transport.retrying import Retrying
from extractor.transport.signed import Signed

ITEMS = Request(endpoint="items", path="/items", budgets=("requests",), accept=lambda response: response.body)


@dataclass
class Wire:
    """Takes the tokens that are good."""

    good: set[str]
    sent: list[Request] = field(default_factory=list)
    closed: bool = False

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        self.sent.append(request)
        if request.path == "/token":
            return Response(status=200, headers={}, body=b"new")
        known = request.headers.get("Authorization") in self.good
        return Response(status=200 if known else 401, headers={}, body=b"[]")

    async def close(self) -> None:
        self.closed = True


@dataclass
class Tokens:
    """A signer whose token is renewed when it is refused.

    Attributes:
        renews: whether there is a new one at all.
    """

    token: str = "old"
    renews: bool = True
    refusals: list[Request] = field(default_factory=list)

    async def sign(self, request: Request, send: Send) -> Request:  # noqa: ARG002 - as signers have it
        return replace(request, headers={**request.headers, "Authorization": self.token})

    async def refused(self, request: Request, send: Send) -> bool:
        self.refusals.append(request)
        if self.renews:
            answer = await send(replace(ITEMS, endpoint="token", path="/token"))
            self.token = answer.body.decode()
        return self.renews


def test_every_request_is_signed_and_the_one_above_is_left_alone() -> None:
    wire = Wire({"old"})
    assert run(Signed(wire, Tokens()).send(ITEMS)).status == 200
    assert [one.headers for one in wire.sent] == [{"Authorization": "old"}]
    assert "Authorization" not in ITEMS.headers


def test_a_refusal_leads_to_one_more_request_with_new_credentials() -> None:
    wire, tokens = Wire({"new"}), Tokens()
    assert run(Signed(wire, tokens).send(ITEMS)).status == 200
    assert [(one.path, one.headers.get("Authorization")) for one in wire.sent] == [
        ("/items", "old"),
        ("/token", None),
        ("/items", "new"),
    ]
    # The signer is told what it was that was refused: others may have renewed the token meanwhile.
    assert [one.headers["Authorization"] for one in tokens.refusals] == ["old"]


@pytest.mark.parametrize(("renews", "requests"), [(False, 1), (True, 3)])
def test_who_is_refused_for_good_gets_the_401(renews: bool, requests: int) -> None:
    wire, tokens = Wire(set()), Tokens(renews=renews)
    assert run(Signed(wire, tokens).send(ITEMS)).status == 401
    assert len(wire.sent) == requests
    assert len(tokens.refusals) == 1


def test_a_401_that_is_an_answer_is_no_refusal() -> None:
    wire, tokens = Wire(set()), Tokens()
    assert run(Signed(wire, tokens).send(replace(ITEMS, answers=(401,)))).status == 401
    assert not tokens.refusals


def test_closing_closes_what_is_below() -> None:
    wire = Wire(set())
    run(Signed(wire, Tokens()).close())
    assert wire.closed


@dataclass
class Lost:
    """A signer whose first token request comes to nothing."""

    tries: int = 0

    async def sign(self, request: Request, send: Send) -> Request:  # noqa: ARG002 - as signers have it
        self.tries += 1
        if self.tries == 1:
            raise TransportError("no answer from the token server", kind="reset")
        return replace(request, headers={"Authorization": "old"})

    async def refused(self, request: Request, send: Send) -> bool:  # noqa: ARG002 - as signers have it
        return False


def test_what_fails_while_signing_is_tried_again_like_the_request() -> None:
    wire, signer = Wire({"old"}), Lost()
    transport = Retrying(Signed(wire, signer), vendor="shop", base_url="https://shop.test")
    assert run(transport.send(ITEMS)).content == b"[]"
    assert (signer.tries, len(wire.sent)) == (2, 1)


def test_requests_of_the_signer_pass_the_budget() -> None:
    """With three a minute the fourth request of any kind waits for the next minute."""
    wire, tokens = Wire({"new"}), Tokens()
    budget = limits.build(RollingWindow(limit=3, seconds=60, at_once=3), share=1.0, name="requests", book=None)
    transport = Signed(Limited(wire, {"requests": budget}), tokens)
    at: list[float] = []

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        for _ in range(2):
            await transport.send(ITEMS)
            at.append(clock())

    run(main())
    assert len(wire.sent) == 4
    assert at[1] - at[0] > 30


async def test_a_body_goes_out_as_it_stands_with_the_type_that_it_was_given() -> None:
    async def welcome(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    async with FaultServer(welcome) as server:
        http = Http(base_url=server.base_url, vendor="shop", headers={})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for headers in (form, {}):
            await http.send(replace(ITEMS, method="POST", content=b"a=1&b=%20", headers=headers))
        await http.close()
    assert [one.body for one in server.seen] == [b"a=1&b=%20"] * 2
    assert [one.headers.get("content-type") for one in server.seen] == [form["Content-Type"], None]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "\0", "ключ", "\ud800"])
async def test_a_header_that_cannot_be_sent_is_refused_before_anything_leaves(value: str) -> None:
    """Values of headers may come from records."""

    async def welcome(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    async with FaultServer(welcome) as server:
        http = Http(base_url=server.base_url, vendor="shop", headers={})
        with pytest.raises(UnsafePath, match="header 'X-Of-A-Record'"):
            await http.send(replace(ITEMS, headers={"X-Of-A-Record": value}))
        await http.close()
    assert not server.seen
