"""Puts an answer on the wire, whole or broken."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from extractor.sandbox.replies import JSON, Reply

__all__ = ["hang_up", "send"]

SLOW_PIECES = 8
SLOW_PAUSE = 0.25  # seconds; a slow answer takes two
STRAY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
"""An answer that nobody asked for."""


class _Overlong(web.StreamResponse):
    """May write more than it says."""

    _length_check = False


async def send(
    request: web.BaseRequest, reply: Reply, headers: Mapping[str, str], fault: str | None
) -> web.StreamResponse:
    """Send a reply with these headers besides its own; whole, or with one of `faults.BROKEN_TRANSFERS`."""
    together = {**headers, **reply.headers}
    if reply.body or reply.chunks is not None or reply.content_type != JSON:
        together["Content-Type"] = reply.content_type
    if fault is None and reply.chunks is None:
        return web.Response(status=reply.status, body=reply.body, headers=together)
    if fault == "drop":
        return hang_up(request)
    response = (_Overlong if fault == "long" else web.StreamResponse)(status=reply.status, headers=together)
    pieces = _whole(reply) if reply.chunks is None else reply.chunks
    if reply.chunks is None:
        response.content_length = len(reply.body) + (100 if fault == "short" else 0)
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    match fault:
        case "reset" | "short":
            await _break_off(request, response, pieces, reset=fault == "reset")
        case "slow":
            await _trickle(response, pieces)
        case "long" if reply.chunks is None:
            # In one piece: what comes later than the next request could not be told from the answer to that.
            await response.write(reply.body + STRAY)
        case _:
            async for piece in pieces:
                await response.write(piece)
    return response


def hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """Break the connection: the client's kernel gets an RST, for nothing lingers. What is returned goes nowhere."""
    if request.transport is not None:
        wire = request.transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def _whole(reply: Reply) -> AsyncIterator[bytes]:
    yield reply.body


async def _break_off(
    request: web.BaseRequest, response: web.StreamResponse, pieces: AsyncIterator[bytes], *, reset: bool
) -> None:
    """Send a part: half of the first piece before a reset, a whole piece before an early end."""
    async for piece in pieces:
        await response.write(piece[: max(1, len(piece) // 2)] if reset else piece)
        break
    if reset:
        hang_up(request)
    elif request.transport is not None:
        request.transport.close()


async def _trickle(response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    """Send the first piece in parts with pauses, the rest as it comes."""
    first = True
    async for piece in pieces:
        if not first:
            await response.write(piece)
            continue
        first = False
        size = len(piece) // SLOW_PIECES + 1
        for start in range(0, len(piece), size):
            await asyncio.sleep(SLOW_PAUSE)
            await response.write(piece[start : start + size])
