"""One attempt over HTTP/1.1: the only module that knows aiohttp.

Whatever a server does, an attempt ends within `Request.timeout`, in bounded memory, with a whole answer or a
`TransportError` or `BadBody`. Redirects are answers. Nothing is sent again here, not even on a kept
connection that the server just closed: every attempt has to pass the budget.
"""

from __future__ import annotations

import asyncio
import io
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from yarl import URL

from extractor.address import loopback
from extractor.errors import (
    BadBody,
    RequestFailed,
    SettingsError,
    StorageError,
    TimedOut,
    TransportError,
    UnsafePath,
)
from extractor.model import Request, Response
from extractor.paths import build_url, origin
from extractor.transport import Traffic
from extractor.transport.inflate import ACCEPTED_ENCODINGS, Inflater

__all__ = ["Http", "failure_of"]

_MB = 1024 * 1024
_LARGEST_ERROR = 64 * 1024
# So much of a download is gathered on the wire before a thread inflates and writes it.
_BATCH = 256 * 1024


class Http:
    """A `Transport` that speaks to one origin and sends its credentials nowhere else.

    Args:
        base_url: `https://host/path`; `http` only for this machine.
        vendor: its name, for messages.
        headers: credentials and whatever else goes with every request.
        connections: how many are open at most; as many as `Limited` lets into flight.
        folder: where downloaded bodies get their unnamed files.
        traffic: counts for the run's last lines.
        largest_body: decoded bytes in memory.
        largest_download: decoded bytes in a file.
        connect_timeout: seconds until a connection stands, within the request's own.

    Raises:
        SettingsError: the base URL or a header can't be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        vendor: str,
        headers: Mapping[str, str],
        query: tuple[tuple[str, str], ...] = (),
        connections: int = 256,
        folder: Path | None = None,
        traffic: Traffic | None = None,
        largest_body: int = 64 * _MB,
        largest_download: int = 8 * 1024 * _MB,
        connect_timeout: float = 10.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        _check(vendor, self._base_url, headers)
        self._host = urlsplit(self._base_url).netloc
        self._vendor = vendor
        self._headers = {"User-Agent": "extractor", "Accept-Encoding": ACCEPTED_ENCODINGS, **headers}
        self._query = query
        self._connections = connections
        self._folder = folder
        self._traffic = traffic or Traffic()
        self._largest_body = largest_body
        self._largest_download = largest_download
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """Send once.

        Raises:
            TransportError: no whole answer came; `TimedOut` if that was a matter of time.
            BadBody: the body is too large, broken or encoded in a way nobody asked for.
            UnsafePath: the path does not lie below the base URL, or a header can't be sent. Nothing was sent.
            StorageError: the downloaded body can't be written.
        """
        url = URL(build_url(self._base_url, request.path, (*request.params, *self._query)), encoded=True)
        headers = dict(request.headers)
        data = request.content
        if request.json is not None:
            data = orjson.dumps(request.json)
            headers.setdefault("Content-Type", "application/json")
        if broken := next((name for name, value in headers.items() if not _sendable(name, value)), None):
            message = f"{request.endpoint}: the header {broken!r:.100} holds characters that can't be sent"
            raise UnsafePath(message, path=request.path)
        session = self._session or self._open()
        self._traffic.sent += 1
        failure: RequestFailed
        try:
            async with (
                asyncio.timeout(request.timeout),
                session.request(
                    request.method,
                    url,
                    data=data,
                    headers=headers,
                    # Whoever gives a body as it stands says what it is, or leaves it unsaid. A GET without one is given
                    # no type anyway, and costs less if it need not be told so.
                    skip_auto_headers=None if data is None and request.method == "GET" else ("Content-Type",),
                    allow_redirects=False,
                ) as answer,
            ):
                response = await self._response(request, answer)
        except BadBody as error:
            failure = BadBody(f"{self._vendor} {request.endpoint}: {error}", status=error.status, path=request.path)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            failure = failure_of(error, vendor=self._vendor, host=self._host, request=request)
        except RuntimeError as error:
            # What uvloop raises for a socket that broke between a check and its use (its issue 506, aiohttp's 12336).
            if "handler is closed" not in str(error):
                raise
            failure = failure_of(error, vendor=self._vendor, host=self._host, request=request)
        else:
            return response
        # Raised out here, where aiohttp's error is neither its cause nor its context: that one knows the query string
        # and, in its repr, the headers, and would carry both into whatever prints the traceback.
        raise failure

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        # Not ssl.create_default_context(): it lets SSLKEYLOGFILE have the keys of every connection.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_default_certs()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            request_class=_CleanRequest,
            trust_env=False,
            auto_decompress=False,
        )
        # aiohttp repeats a GET by itself when a kept connection turns out to be closed. The vendor may have counted
        # the first one, so the second would be one that no budget knows of. There is no public switch.
        self._session._retry_connection = False  # noqa: SLF001
        return self._session

    async def _response(self, request: Request, answer: aiohttp.ClientResponse) -> Response:
        headers: dict[str, str] = {}
        for name, value in answer.headers.items():
            headers.setdefault(name.lower(), value)
        status = answer.status
        try:
            if not 200 <= status < 300:
                return Response(status=status, headers=headers, body=await self._error_body(answer, headers))
            if request.download:
                return Response(status=status, headers=headers, file=await self._download(answer, headers))
            return Response(status=status, headers=headers, body=await self._body(answer, headers))
        except BadBody as error:
            error.status = status
            answer.close()
            raise
        except BaseException:
            answer.close()
            raise

    async def _next(self, answer: aiohttp.ClientResponse) -> bytes:
        """What has come of the body since the last call, at most what aiohttp buffers; empty at its end."""
        return await answer.content.readany()

    async def _body(self, answer: aiohttp.ClientResponse, headers: Mapping[str, str]) -> bytes:
        inflater = Inflater(headers.get("content-encoding", ""), limit=self._largest_body)
        # BytesIO hands its buffer over without a copy, a list of pieces would cost the body twice.
        body = io.BytesIO()
        while chunk := await self._next(answer):
            body.writelines(inflater.feed(chunk))
        inflater.finish()
        return body.getvalue()

    async def _error_body(self, answer: aiohttp.ClientResponse, headers: Mapping[str, str]) -> bytes:
        """What can be read of the first 64 KB; the status matters more than what a proxy wrote below it."""
        try:
            inflater = Inflater(headers.get("content-encoding", ""), limit=self._largest_body)
            body = bytearray()
            while chunk := await self._next(answer):
                for piece in inflater.feed(chunk):
                    body += piece[: _LARGEST_ERROR - len(body)]
                    if len(body) >= _LARGEST_ERROR:
                        answer.close()
                        return bytes(body)
            inflater.finish()
        except BadBody:
            answer.close()
            return b""
        return bytes(body)

    async def _download(self, answer: aiohttp.ClientResponse, headers: Mapping[str, str]) -> BinaryIO:
        if not headers.keys() & {"content-length", "transfer-encoding", "content-encoding"} and answer.status != 204:
            # The end of the connection would be the end of the file, and so would a cut: half a report looks whole.
            raise BadBody("the download does not say how long it is")
        inflater = Inflater(headers.get("content-encoding", ""), limit=self._largest_download)
        batch: list[bytes] = []
        size = 0
        try:
            file = _unnamed(self._folder)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            while chunk := await self._next(answer):
                batch.append(chunk)
                size += len(chunk)
                if size >= _BATCH:
                    await asyncio.to_thread(_write, file, inflater, batch)
                    batch, size = [], 0
            await asyncio.to_thread(_write, file, inflater, batch, last=True)
        except BaseException as error:
            # What the disk refused to take, closing would try to write once more.
            with suppress(OSError):
                file.close()
            if isinstance(error, _Unwritable):
                raise self._unwritable(error.cause) from error
            raise
        return file

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self._vendor}: a download can't be written: {error.strerror}; the folder is {self._folder}"
        )


class _CleanRequest(aiohttp.ClientRequest):
    """A request that is not sent on a connection on which something came that nobody asked for.

    aiohttp would take it for the answer to this request, and its records would land under a wrong parent.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is None or conn.protocol.should_close:
            raise aiohttp.ServerDisconnectedError
        return await super().send(conn)


class _Unwritable(Exception):
    """The disk's fault, which must not look like the vendor's."""

    def __init__(self, cause: OSError) -> None:
        super().__init__()
        self.cause = cause


def _unnamed(folder: Path | None) -> BinaryIO:
    """A file without a name: nobody else can open it, and it is gone when it is closed or the process dies."""
    return cast(BinaryIO, tempfile.TemporaryFile(dir=folder))


def _write(file: BinaryIO, inflater: Inflater, batch: Iterable[bytes], *, last: bool = False) -> None:
    for chunk in batch:
        for piece in inflater.feed(chunk):
            _put(file, piece)
    if last:
        inflater.finish()
        try:
            file.seek(0)
        except OSError as error:
            raise _Unwritable(error) from error


def _put(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise _Unwritable(error) from error


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


def _check(vendor: str, base_url: str, headers: Mapping[str, str]) -> None:
    parts = urlsplit(base_url)
    if origin(base_url) is None or parts.query or parts.fragment:
        raise SettingsError(
            f"{vendor}: base_url must be an address like https://HOST/PATH, without anything behind it."
        )
    if parts.scheme != "https" and not loopback(parts.hostname or ""):
        raise SettingsError(
            f"{vendor}: base_url is plain http, which would show the credentials to the network: write https."
        )
    for name, value in headers.items():
        if not _sendable(name, value):
            raise SettingsError(
                f"{vendor}: the credentials for the header {name!r} hold characters that can't be sent."
            )


def _sendable(name: str, value: str) -> bool:
    """Whether it is one header, and one whose characters every server reads alike."""
    text = name + value
    return text.isprintable() and text.isascii()
