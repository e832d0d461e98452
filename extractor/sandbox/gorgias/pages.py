"""One page of a shelf, before or after a position that need not be on it any more (keyset paging)."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from extractor.sandbox.gorgias.shelves import Entry, Shelf, Value

__all__ = ["Page", "Position", "turn"]

PAUSE_EVERY = 500  # entries, so that other requests are answered while much is filtered out


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A row from which on a page is asked for.

    Attributes:
        forward: the rows after it are asked for, else those before it, in the order of the list.
        value, identity: sort value and id of the row, which is not part of the page.
    """

    forward: bool
    value: Value
    identity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows in the order of the list.

    Attributes:
        previous, following: where the pages before and after this one begin, if there are any.
    """

    entries: list[Entry]
    previous: Position | None
    following: Position | None


async def turn(shelf: Shelf, *, descending: bool, position: Position | None, limit: int) -> Page:
    """The first page, or the one before or after a position.

    Raises:
        TypeError: the position belongs to another order.
    """
    forward = position is None or position.forward
    rising = forward is not descending
    entries, found = shelf.entries, list[Entry]()
    at = _start(shelf, position, rising=rising)
    looked = 0
    while 0 <= at < len(entries) and len(found) <= limit:
        if shelf.shown(entry := entries[at]):
            found.append(entry)
        at += 1 if rising else -1
        looked += 1
        if looked % PAUSE_EVERY == 0:
            await asyncio.sleep(0)
    more = len(found) > limit
    found = found[:limit] if forward else found[:limit][::-1]
    before = position is not None if forward else more
    after = more if forward else True

    def edge(entry: Entry, *, ahead: bool) -> Position:
        return Position(forward=ahead, value=entry[0], identity=shelf.identity(entry[1]))

    return Page(
        entries=found,
        previous=edge(found[0], ahead=False) if found and before else None,
        following=edge(found[-1], ahead=True) if found and after else None,
    )


def _start(shelf: Shelf, position: Position | None, *, rising: bool) -> int:
    if position is None:
        return 0 if rising else len(shelf.entries) - 1
    place = (position.value, position.identity)

    def key(entry: Entry) -> tuple[Value, int]:
        return entry[0], shelf.identity(entry[1])

    if rising:
        return bisect_right(shelf.entries, place, key=key)
    return bisect_left(shelf.entries, place, key=key) - 1
