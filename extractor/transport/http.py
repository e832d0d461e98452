"""One attempt over HTTP/1.1.

Whatever a server does, an attempt ends within `Request.timeout`, in bounded memory, with a whole answer or a
`TransportError` or `BadBody`. Redirects are answers. Nothing is sent again here, not even on a kept
connection that the server just closed: every attempt has to pass the budget.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import orjson

from extractor.address import loopback
from extractor.errors import BadBody, RequestFailed, SettingsError, StorageError, UnsafePath
from extractor.model import Request, Response
from extractor.paths import build_url, origin
from extractor.transport import Traffic
from extractor.transport.connections import BROKEN, Answer, Connections, failure_of
from extractor.transport.inflate import ACCEPTED_ENCODINGS, Inflater

__all__ = ["Http"]

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
        _check(vendor, base_url, headers)
        parts = urlsplit(base_url)
        self._path = parts.path.rstrip("/")
        self._host = parts.netloc
        self._vendor = vendor
        self._query = query
        self._folder = folder
        self._traffic = traffic or Traffic()
        self._largest_body = largest_body
        self._largest_download = largest_download
        self._connections = Connections(
            base_url,
            headers={"User-Agent": "extractor", "Accept-Encoding": ACCEPTED_ENCODINGS, **headers},
            most=connections,
            connect_timeout=connect_timeout,
        )

    async def send(self, request: Request) -> Response:
        """Send once.

        Raises:
            TransportError: no whole answer came; `TimedOut` if that was a matter of time.
            BadBody: the body is too large, broken or encoded in a way nobody asked for.
            UnsafePath: the path does not lie below the base URL, or the method or a header can't be sent. Nothing was.
            StorageError: the downloaded body can't be written.
        """
        target = build_url(self._path, request.path, (*request.params, *self._query))
        headers = request.headers
        content = request.content
        if request.json is not None:
            content = orjson.dumps(request.json)
            headers = {"Content-Type": "application/json", **headers}
        if not (request.method.isascii() and request.method.isalpha()):
            raise UnsafePath(f"{request.endpoint}: {request.method!r:.100} is no method", path=request.path)
        for name, value in headers.items():
            if not _sendable(name, value):
                message = f"{request.endpoint}: the header {name!r:.100} holds characters that can't be sent"
                raise UnsafePath(message, path=request.path)
        self._traffic.sent += 1
        failure: RequestFailed
        try:
            async with asyncio.timeout(request.timeout):
                answer = await self._connections.ask(request.method, target, headers=headers, content=content)
                request.begun()
                response = await self._response(request, answer)
        except BadBody as error:
            failure = BadBody(f"{self._vendor} {request.endpoint}: {error}", status=error.status, path=request.path)
        except BROKEN as error:
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
        await self._connections.close()

    async def _response(self, request: Request, answer: Answer) -> Response:
        status, headers = answer.status, answer.headers
        try:
            if not 200 <= status < 300:
                response = Response(status=status, headers=headers, body=await self._error_body(answer))
            elif request.download:
                response = Response(status=status, headers=headers, file=await self._download(answer))
            else:
                response = Response(status=status, headers=headers, body=await self._body(answer))
        except BaseException as error:
            answer.close()
            if isinstance(error, BadBody):
                error.status = status
            raise
        answer.done()
        return response

    async def _body(self, answer: Answer) -> bytes:
        encoding = answer.headers.get("content-encoding", "")
        chunk = await answer.next()
        if answer.ended and not encoding and len(chunk) <= self._largest_body:
            return chunk
        inflater = Inflater(encoding, limit=self._largest_body)
        # BytesIO hands its buffer over without a copy, a list of pieces would cost the body twice.
        body = io.BytesIO()
        while chunk:
            body.writelines(inflater.feed(chunk))
            chunk = await answer.next()
        inflater.finish()
        return body.getvalue()

    async def _error_body(self, answer: Answer) -> bytes:
        """What can be read of the first 64 KB; the status matters more than what a proxy wrote below it."""
        try:
            inflater = Inflater(answer.headers.get("content-encoding", ""), limit=self._largest_body)
            body = bytearray()
            while chunk := await answer.next():
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

    async def _download(self, answer: Answer) -> BinaryIO:
        headers = answer.headers
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
            while chunk := await answer.next():
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
