"""The help desk's HTTP: requests without bodies, connections that stay open, answers after a latency.

    GET /customers?limit=100&after=CURSOR     {"data": [...], "next": CURSOR or null}
    GET /customers/ID/conversations           {"data": [...]}
    GET /conversations/ID/items               {"data": [...]}
    GET /export.jsonl                         an item a line

`GET /_counts` answers what was asked so far, and counts as no request.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import cast

from benchmarks.speed.desk.counts import Counts
from benchmarks.speed.desk.limits import Limit
from benchmarks.speed.desk.records import Desk

__all__ = ["Connection", "Open"]

_BLOCK = 1_000
"""Lines that are sent at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A desk that takes requests; all connections share it.

    Attributes:
        latency: seconds until an answer is sent.
        limit: None where there is none.
        stated: whether answers state the limit.
    """

    desk: Desk
    latency: float
    limit: Limit | None
    stated: bool
    counts: Counts = field(default_factory=Counts)


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, at: Open) -> None:
        self._at = at
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._exporting: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody calls."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _: Exception | None) -> None:
        """Has hung up."""
        self._transport = None
        self._writable.set()

    def pause_writing(self) -> None:
        """Reads more slowly than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """A request, or several, or a part of one."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            target = self._buffer[: self._buffer.index(b"\r\n")].split(b" ")[1]
            self._buffer = self._buffer[end + 4 :]
            self._asked(target)

    def _asked(self, target: bytes) -> None:
        at, counts = self._at, self._at.counts
        if target == b"/_counts":
            self._write(200, counts.told())
            return
        now = time.time()
        counts.arrived(now)
        admitted = at.limit is None or at.limit.admits(now)
        # As a gateway does: what an answer states of the limit was so when the request came.
        headers = at.limit.stated(now) if at.limit is not None and at.stated else b""
        if not admitted:
            counts.refused[int(now)] += 1
            self._later(429, b'{"error":"too many requests"}', headers + b"Retry-After: 1\r\n" if at.stated else b"")
            return
        counts.let_in(target, now)
        path, _, query = target.partition(b"?")
        if path == b"/export.jsonl":
            self._exporting = self._loop.create_task(self._export())
            return
        body, records = at.desk.answer(path, query) or (b"", 0)
        counts.records += records
        self._later(200 if body else 404, body, headers)

    def _later(self, status: int, body: bytes, headers: bytes) -> None:
        if self._at.latency:
            self._loop.call_later(self._at.latency, self._answer, status, body, headers)
        else:
            self._answer(status, body, headers)

    def _answer(self, status: int, body: bytes, headers: bytes) -> None:
        self._at.counts.in_flight -= 1
        self._write(status, body, headers)

    def _write(self, status: int, body: bytes, headers: bytes = b"") -> None:
        if self._transport is not None:
            self._transport.write(b"%b%bContent-Length: %d\r\n\r\n%b" % (_head(status), headers, len(body), body))

    async def _export(self) -> None:
        """In chunks, so that nobody holds it whole."""
        await self._send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        block: list[bytes] = []
        for line in self._at.desk.export():
            block.append(line)
            if len(block) == _BLOCK:
                await self._send_block(block)
                block = []
        if block:
            await self._send_block(block)
        await self._send(b"0\r\n\r\n")
        self._at.counts.in_flight -= 1

    async def _send_block(self, block: list[bytes]) -> None:
        data = b"".join(block)
        await self._send(b"%x\r\n%b\r\n" % (len(data), data))
        self._at.counts.records += len(block)

    async def _send(self, data: bytes) -> None:
        await self._writable.wait()
        if self._transport is not None:
            self._transport.write(data)
        # Who asks for the counts has a turn, too.
        await asyncio.sleep(0)


@cache
def _head(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n" % (status, HTTPStatus(status).phrase.encode())
