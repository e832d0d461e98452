"""The layers together before a real server; and what importing them costs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from faultserver import Answer, Exchange, FaultServer, free_port
from oneattempt import http, request

import extractor
from extractor.errors import BadBody, Unreachable
from extractor.limits import build
from extractor.model import Request, Response, RollingWindow
from extractor.transport import Traffic
from extractor.transport.limited import Limited
from extractor.transport.retrying import Retrying

PACKAGE = Path(extractor.__file__).parent


def test_the_interface_is_imported_without_aiohttp() -> None:
    """Whoever only asks for help should not wait for it."""
    program = (
        "import sys, extractor.transport.retrying, extractor.transport.limited; sys.exit('aiohttp' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PACKAGE.parent)


class Quick(Random):
    """No jitter to wait for."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


async def _reset(exchange: Exchange) -> None:
    exchange.reset()


async def _close(exchange: Exchange) -> None:
    exchange.close()


async def _short(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1")
    exchange.close()


BROKEN: list[Answer] = [
    _reset,
    _close,
    _short,
    lambda exchange: exchange.answer(b"busy", status=503),
    lambda exchange: exchange.answer(b"<html>"),
    lambda exchange: exchange.answer(b"7", headers={"Content-Encoding": "gzip"}),
    lambda exchange: exchange.answer(b"", status=302, headers={"Location": "https://evil.example/"}),
]


async def test_all_layers_survive_a_server_that_fails_in_every_way() -> None:
    """500 listings, each answered well only after it was broken in one of seven ways; the budget is never exceeded."""
    tries: dict[str, int] = {}

    async def answer(exchange: Exchange) -> None:
        path = exchange.seen.target
        tries[path] = tries.get(path, 0) + 1
        number = int(path.rsplit("/", 1)[1])
        broken = number > 0 and tries[path] == 1
        await (BROKEN[number % len(BROKEN)](exchange) if broken else exchange.answer(str(number).encode()))

    def accept(response: Response) -> object:
        if response.body == b"<html>":
            raise BadBody("HTML")
        return int(response.body)

    def listing(number: int) -> Request:
        return Request(endpoint="things", path=f"/{number}", budgets=("a",), accept=accept)

    traffic = Traffic()
    limiter = build(RollingWindow(limit=100_000, seconds=1.0, at_once=64))
    async with FaultServer(answer) as server, http(server.base_url, traffic=traffic, connections=64) as wire:
        transport = Retrying(Limited(wire, {"a": limiter}), vendor="acme", base_url=server.base_url, random=Quick())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(transport.send(listing(number))) for number in range(500)]
        assert [task.result().content for task in tasks] == list(range(500))
        assert len(server.seen) == traffic.sent == limiter.tally.sent
        # The rest are probes: so many failures in a row look like an outage.
        assert 499 + 500 <= traffic.sent <= 1_050


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    base_url = f"http://127.0.0.1:{free_port()}/api"
    async with http(base_url) as wire:
        transport = Retrying(wire, vendor="acme", base_url=base_url, random=Quick())
        with pytest.raises(Unreachable, match=r"acme things: 127.0.0.1:\d+ refused the connection \(5 attempts\)"):
            await transport.send(request())
