r"""A server on loopback that answers byte by byte what a test says, however wrong.

    async def short(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        exchange.close()

    async with FaultServer(short) as server:
        ... server.base_url, server.seen, server.connections

The answer function is called once per request; a connection stays open until the function closes or
resets it, or the client does.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

__all__ = ["Answer", "Exchange", "FaultServer", "Seen", "bomb", "free_port"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A request as it arrived; header names in lower case, `head` with all its bytes before the body."""

    head: bytes
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Exchange:
    """One request and the wire on which it is answered."""

    def __init__(self, *, number: int, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.seen = seen
        self._writer = writer

    async def write(self, data: bytes) -> None:
        """Send raw bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(
        self, body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] | None = None, framed: bool = True
    ) -> None:
        """Send a whole answer; without `framed` it doesn't say how long it is."""
        lines = {**({"Content-Length": str(len(body))} if framed else {}), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.write(f"HTTP/1.1 {status} Some Words\r\n{head}\r\n".encode() + body)

    def close(self) -> None:
        """End the connection in good order, after what was written."""
        self._writer.close()

    def reset(self) -> None:
        """Break the connection: the client's kernel gets an RST."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Answer = Callable[[Exchange], Awaitable[None]]


class FaultServer:
    """Listens on a free port of 127.0.0.1 while its block lasts.

    Attributes:
        seen: all requests, in order of arrival.
        connections: how many were opened.
        reached: set by the first request.
    """

    def __init__(self, answer: Answer, *, tls: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: list[Seen] = []
        self.connections = 0
        self.reached = asyncio.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        """With a base path, as vendors have."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/api/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=1024)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            while not writer.is_closing():
                seen = await _read(reader, connection)
                self.seen.append(seen)
                self.reached.set()
                await self._answer(Exchange(number=len(self.seen), seen=seen, writer=writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away, as it should after many of these answers
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader, connection: int) -> Seen:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(head=head, method=method, target=target, headers=headers, body=body, connection=connection)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bomb(megabytes: int) -> bytes:
    """A gzip stream of zeros: one compressed megabyte, over and over (a full flush makes it repeatable)."""
    stream = zlib.compressobj(9, wbits=-15)
    once = stream.compress(bytes(1024 * 1024)) + stream.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + once * megabytes
