"""The truth as a stream of JSON: long lists in pieces, so that the vendor's own answers don't wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence

import orjson

__all__ = ["Keys", "array", "tables"]

Keys = Iterator[object] | AsyncIterator[object]

_AT_ONCE = 500


async def tables(
    lists: Mapping[str, Keys], asked: Sequence[str], on_demand: Collection[str] = ()
) -> AsyncIterator[bytes]:
    """The beginning of an object: its section `tables`, without the brace that closes the object.

    Args:
        lists: table -> its keys; generators, of which only those of wanted tables are started.
        asked: tables that were asked for; none for all but those of `on_demand`.
        on_demand: tables that take long to list, or that no list shows.
    """
    wanted = [name for name in lists if (name in asked if asked else name not in on_demand)]
    yield b'{"tables":{'
    for n, name in enumerate(wanted):
        yield b"," * (n > 0) + orjson.dumps(name) + b":"
        async for piece in array(lists[name]):
            yield piece
    yield b"}"


async def array(keys: Keys) -> AsyncIterator[bytes]:
    """A JSON array, in pieces of some kilobytes."""
    held: list[object] = []
    begun = b"["
    async for key in keys if isinstance(keys, AsyncIterator) else _one_by_one(keys):
        held.append(key)
        if len(held) == _AT_ONCE:
            yield begun + orjson.dumps(held)[1:-1]
            held, begun = [], b","
            await asyncio.sleep(0)
    yield (begun + orjson.dumps(held)[1:-1] if held or begun == b"[" else b"") + b"]"


async def _one_by_one(keys: Iterator[object]) -> AsyncIterator[object]:
    for key in keys:
        yield key
