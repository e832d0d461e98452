"""Decompression with the output counted while it grows, so that a bomb costs no more than the limit it hits.

aiohttp 3.14 bounds each step of its own decompression, but neither the sum nor the ratio, and for
`br` and `zstd` it depends on what else is installed. Here a body is inflated 64 KB at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from extractor.errors import BadBody

__all__ = ["ACCEPTED_ENCODINGS", "Inflater"]

ACCEPTED_ENCODINGS = "gzip, deflate"

_STEP = 64 * 1024
# Text of an API seldom shrinks below a fiftieth; deflate's own limit is about a thousandth. Small bodies may do as
# they like: they are bounded anyway.
_RATIO = 200
_RATIO_FROM = 16 * 1024 * 1024
# A member of 20 bytes may hold nothing at all; honest bodies have one, or one per part of a joined file.
_MOST_MEMBERS = 1024


class Inflater:
    """Decodes one body.

    Args:
        encoding: the answer's `Content-Encoding`.
        limit: bytes of decoded body.

    Raises:
        BadBody: from every method, for an unknown encoding, broken or unfinished data, more than
            `limit` bytes, or 16 MB and more that inflate by more than 200.
    """

    def __init__(self, encoding: str, *, limit: int) -> None:
        self.encoding = encoding.strip().lower()
        if self.encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BadBody("the body has a content encoding that was not asked for")
        self._plain = self.encoding in ("", "identity")
        self._limit = limit
        self._stream = None if self._plain or self.encoding == "deflate" else zlib.decompressobj(wbits=31)
        self._wire = 0
        self._decoded = 0
        self._members = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decodes to, in pieces of at most 64 KB if it is compressed."""
        self._wire += len(data)
        if self._plain:
            self._count(data)
            yield data
            return
        while data:
            stream = self._stream or self._sniffed(data)
            if stream.eof:
                stream = self._next_member()
            try:
                piece = stream.decompress(data, _STEP)
            except zlib.error:
                raise BadBody("the compressed body is broken") from None
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            if piece:
                self._count(piece)
                yield piece
        # Input may be used up while output is still inside: a full step says that there may be more.
        while self._stream is not None and not self._stream.eof and (piece := self._stream.decompress(b"", _STEP)):
            self._count(piece)
            yield piece

    def finish(self) -> None:
        """Raise if the body isn't complete."""
        if not self._plain and self._wire and (self._stream is None or not self._stream.eof):
            raise BadBody("the compressed body is cut off")

    def _count(self, piece: bytes) -> None:
        self._decoded += len(piece)
        if self._decoded > self._limit:
            raise BadBody(f"the body is larger than {self._limit:,} bytes")
        if self._decoded > _RATIO_FROM and self._decoded > _RATIO * self._wire:
            raise BadBody(f"the body inflates by more than {_RATIO}")

    def _sniffed(self, data: bytes) -> zlib._Decompress:
        # "deflate" means a zlib stream, yet some servers send it without the header; its low four bits are 8.
        self._stream = zlib.decompressobj(wbits=15 if data[0] & 0x0F == 8 else -15)
        return self._stream

    def _next_member(self) -> zlib._Decompress:
        self._members += 1
        if self.encoding == "deflate" or self._members > _MOST_MEMBERS:
            raise BadBody("the compressed body does not end where it says")
        self._stream = zlib.decompressobj(wbits=31)
        return self._stream
