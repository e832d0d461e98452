"""HTTP/1.1 to one origin over aiohttp's connections: the only module that knows aiohttp.

aiohttp opens connections, with TLS and names looked up, keeps them, and parses what comes. Requests are written here,
in one piece: nearly all of a request's bytes are the same for the whole of a run. `ClientSession` makes five objects
for each, for redirects, cookies, proxies, retries and uploads that a backfill must not or need not have, which takes
twice as long as everything else between two answers ("Where the time goes" in `DESIGN.md`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from extractor.errors import TimedOut, TransportError
from extractor.model import Request

__all__ = ["BROKEN", "Answer", "Connections", "failure_of"]

BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What `Connections` and `Answer` raise; `failure_of` says it in our words."""

_WITH_LENGTH = frozenset({"PATCH", "POST", "PUT"})
"""Methods of which a server may want to know that there is no body."""


class Answer:
    """An answer of which the head has come; whoever has it ends it with `done` or `close`.

    Attributes:
        headers: names in lower case; of repeated headers the first.
    """

    __slots__ = ("_body", "_connection", "headers", "status")

    def __init__(self, connection: Connection, message: RawResponseMessage, body: aiohttp.StreamReader) -> None:
        self._connection = connection
        self._body = body
        self.status = message.code
        self.headers: dict[str, str] = {}
        for name, value in message.headers.items():
            self.headers.setdefault(name.lower(), value)

    @property
    def ended(self) -> bool:
        """Nothing more of the body will come."""
        return self._body.at_eof()

    async def next(self) -> bytes:
        """What has come of the body since the last call, at most what aiohttp buffers; empty at its end."""
        return await self._body.readany()

    def done(self) -> None:
        """Keep the connection, if the body was read to its end and both sides would have it."""
        self._connection.release()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Connections:
    """Connections to one origin, opened as they are needed and kept.

    Args:
        base_url: of which the origin counts.
        headers: go with every request.
        most: how many are open at once; who asks for one more waits.
        connect_timeout: seconds until a connection stands.
    """

    def __init__(self, base_url: str, *, headers: Mapping[str, str], most: int, connect_timeout: float) -> None:
        self._origin = URL(base_url).origin()
        self._headers = _merged({"Host": self._origin.host_port_subcomponent or "", "Accept": "*/*"}, headers)
        self._most = most
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout)
        self._common = _lines(self._headers)
        self._connector: aiohttp.TCPConnector | None = None
        self._where: aiohttp.ClientRequest

    async def ask(self, method: str, target: str, *, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """Send a request once, and wait for the head of its answer.

        Args:
            target: encoded path and query.
            headers: instead of those of the same names that go with every request.

        Raises:
            One of `BROKEN`.
        """
        connection = await self._connection()
        try:
            protocol, transport = _unspoilt(connection)
            protocol.set_response_params(skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False)
            transport.write(self._request(method, target, headers, content))
            while True:
                message, body = await protocol.read()
                if not 100 <= message.code < 200 or message.code == 101:
                    return Answer(connection, message, body)
        except BaseException:
            connection.close()
            raise

    async def close(self) -> None:
        """Close them all."""
        if self._connector is not None:
            await self._connector.close()
            self._connector = None

    async def _connection(self) -> Connection:
        if self._connector is None:
            self._connector = aiohttp.TCPConnector(limit=self._most, ssl=_tls())
            # It is never sent: aiohttp asks a request where to connect, and all of these lead to the same place.
            self._where = aiohttp.ClientRequest("GET", self._origin, loop=asyncio.get_running_loop())
        try:
            return await self._connector.connect(self._where, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error

    def _request(self, method: str, target: str, headers: Mapping[str, str], content: bytes | None) -> bytes:
        if content is None and method in _WITH_LENGTH:
            content = b""
        if not headers and content is None:
            return f"{method} {target} HTTP/1.1\r\n{self._common}\r\n".encode()
        length = {} if content is None else {"Content-Length": str(len(content))}
        own = _lines(_merged(self._headers, headers, length))
        return f"{method} {target} HTTP/1.1\r\n{own}\r\n".encode() + (content or b"")


def _unspoilt(connection: Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    """What a request goes over, unless something came on it that nobody asked for.

    That would be taken for the answer to this request, and its records would land under a wrong parent.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        raise aiohttp.ServerDisconnectedError
    return protocol, transport


def _merged(*several: Mapping[str, str]) -> dict[str, str]:
    """Headers of which the later ones replace those of the same name."""
    merged = {name.lower(): (name, value) for headers in several for name, value in headers.items()}
    return dict(merged.values())


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _tls() -> ssl.SSLContext:
    # Not ssl.create_default_context(): it lets SSLKEYLOGFILE have the keys of every connection.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


# First match wins: subclasses stand before what they are made of. The words complete "VENDOR ENDPOINT: ".
_FAILURES: tuple[tuple[type[BaseException], str, str], ...] = (
    (aiohttp.ConnectionTimeoutError, "timeout", "no connection to {host} in time"),
    (TimeoutError, "timeout", "no whole answer from {host} within {seconds:g} s"),
    (aiohttp.ClientConnectorCertificateError, "certificate", "the TLS certificate of {host} is not valid"),
    (aiohttp.ClientSSLError, "TLS", "no secure connection to {host} came about"),
    (ssl.SSLError, "TLS", "the secure connection to {host} broke"),
    (aiohttp.ClientConnectorDNSError, "no address", "the name {host} has no address"),
    (aiohttp.ClientConnectorError, "no connection", "no connection to {host}"),
    (aiohttp.ClientPayloadError, "cut off", "{host} cut the answer off"),
    (aiohttp.ClientResponseError, "not HTTP", "what {host} sent is not HTTP, or its headers are too large"),
    (HttpProcessingError, "not HTTP", "what {host} sent is not HTTP, or its headers are too large"),
    (aiohttp.ServerDisconnectedError, "reset", "{host} closed the connection before it answered"),
    (aiohttp.ClientOSError, "reset", "{host} broke the connection"),
    (ConnectionError, "reset", "{host} broke the connection"),
    (RuntimeError, "reset", "{host} broke the connection"),
    (Exception, "failed", "the connection to {host} failed"),
)


def failure_of(error: Exception, *, vendor: str, host: str, request: Request) -> TransportError:
    """Say in our words what aiohttp or the socket raised: vendor, endpoint and host, never the query or a header."""
    kind, words = next((kind, words) for raised, kind, words in _FAILURES if isinstance(error, raised))
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        kind, words = "refused", "{host} refused the connection"
    message = f"{vendor} {request.endpoint}: {words.format(host=host, seconds=request.timeout)}"
    return (TimedOut if kind == "timeout" else TransportError)(message, kind=kind, path=request.path)
