"""What passes between the server and a vendor's routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import orjson

__all__ = ["JSON", "Call", "Reply", "awkward_chunks", "json_reply"]

JSON = "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that has been counted, let in, and found to be for a route.

    Attributes:
        args: the variable segments of the path, percent-decoded.
        query: parameters in order; all of names that the route knows.
        now: Unix seconds of its arrival.
        path: as sent, without query.
    """

    args: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    now: float
    path: str

    def one(self, name: str) -> str | None:
        """The value of a parameter that may be given once; the last one wins."""
        return dict(self.query).get(name)

    def all(self, name: str) -> list[str]:
        """Every value of a parameter that may repeat."""
        return [value for key, value in self.query if key == name]


@dataclass(kw_only=True, slots=True)
class Reply:
    """An answer as the vendor means it, before the server spoils it.

    Attributes:
        chunks: the body in pieces, sent with chunked encoding, instead of `body`.
        settled: the client has no reason to ask again; false for an answer that is an error in disguise.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    settled: bool = True


def json_reply(content: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """An answer whose body is JSON."""
    return Reply(status=status, body=orjson.dumps(content), headers=headers or {})


async def awkward_chunks(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Cut a body into chunks of about `size` bytes that end in the middle of lines and of characters.

    Each cut is moved behind the next byte that begins a multi-byte UTF-8 sequence, if one is near.
    """
    held = b""
    async for piece in pieces:
        held += piece
        start = 0
        while len(held) - start > size + 64:
            cut = start + size
            for position in range(cut, cut + 64):
                if held[position] >= 0xC0:
                    cut = position + 1
                    break
            else:
                cut += held[cut - 1] == 0x0A
            yield held[start:cut]
            start = cut
        held = held[start:]
    if held:
        yield held
