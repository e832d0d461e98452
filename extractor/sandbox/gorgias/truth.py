"""What exists, what a perfect extractor can obtain of it, and why the rest can't be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import orjson

from extractor.sandbox import telling
from extractor.sandbox.gorgias.ids import Kind
from extractor.sandbox.gorgias.list_routes import LISTS
from extractor.sandbox.gorgias.population import Fate, Part
from extractor.sandbox.gorgias.stamps import stamp
from extractor.sandbox.gorgias.tables import Tables
from extractor.sandbox.gorgias.views import Views

__all__ = ["Truth"]

Key = int | str | list[int]
Keys = AsyncIterator[Key]
PAUSE_EVERY = 200  # records
ON_DEMAND = (
    *("ticket", "customer", "user", "macro", "event"),
    *("ticket_tags", "ticket_custom_fields", "customer_custom_fields", "view_items"),
)


class Truth:
    """Lists primary keys, table by table, as a stream.

    Sections of the JSON object:
        tables: table -> keys that can be obtained; those of several parts are lists.
        gone: table -> ids that lists, tickets, calls or events name, but that answer 404.
        moved: id of a merged ticket -> the id that its 301 leads to.
        changes: what happened since the start, with option `live`.
    """

    def __init__(self, tables: Tables, views: Views) -> None:
        self._tables = tables
        self._views = views

    async def stream(self, tables: Sequence[str], now: float) -> AsyncIterator[bytes]:
        """The JSON object; `tables` other than none asks for section `tables` alone and for these in it.

        Tables of `ON_DEMAND`, which no list shows, are left out unless they are asked for.
        """
        del now
        lists = self._lists()
        async for piece in telling.tables({name: make() for name, make in lists.items()}, tables, ON_DEMAND):
            yield piece
        if not tables:
            for section, content in (("gone", self._gone()), ("moved", self._moved()), ("changes", self._changes())):
                yield f',"{section}":'.encode() + orjson.dumps(content)
        yield b"}\n"

    def _lists(self) -> dict[str, Callable[[], Keys]]:
        listed = {listing.table: self._list(listing.table) for listing in LISTS}
        account = str(self._tables.catalog.account["domain"])
        settings = [int(str(setting["id"])) for setting in self._tables.lists["account_settings"]]
        return {
            **listed,
            "account": lambda: _each([account]),
            "account_settings": lambda: _each(settings),
            "ticket": self._single_tickets,
            "customer": self._single_customers,
            "user": listed["users"],
            "macro": listed["macros"],
            "event": listed["events"],
            "ticket_tags": self._ticket_tags,
            "ticket_custom_fields": self._ticket_fields,
            "customer_custom_fields": self._customer_fields,
            "view_items": lambda: _each(self._view_items()),
        }

    def _list(self, table: str) -> Callable[[], Keys]:
        async def keys() -> Keys:
            shelf = self._tables.shelf(table)
            for n in range(len(shelf.entries)):
                if n % PAUSE_EVERY == 0:
                    await asyncio.sleep(0)
                if shelf.there(n):
                    yield shelf.identity(n)

        return keys

    # ── singles and children ────────────────────────────────────────────────────────────────

    async def _tickets(self) -> AsyncIterator[int]:
        tickets = self._tables.tickets
        for n in range(tickets.count()):
            if n % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
            if tickets.exists(n) and tickets.fate(n) is Fate.THERE:
                yield n

    async def _customers(self) -> AsyncIterator[int]:
        for n in range(self._tables.population.size):
            if n % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
            if self._tables.people.there(n):
                yield n

    async def _single_tickets(self) -> Keys:
        async for n in self._tickets():
            yield self._tables.ids.write(Kind.TICKET, n)

    async def _single_customers(self) -> Keys:
        async for n in self._customers():
            yield self._tables.ids.write(Kind.CUSTOMER, n)

    async def _ticket_tags(self) -> Keys:
        write = self._tables.ids.write
        async for n in self._tickets():
            for tag in self._tables.conversation.tags(n):
                yield [write(Kind.TICKET, n), write(Kind.TAG, tag)]

    async def _ticket_fields(self) -> Keys:
        async for n in self._tickets():
            for field, _ in self._tables.people.ticket_values(n):
                yield [self._tables.ids.write(Kind.TICKET, n), int(str(field["id"]))]

    async def _customer_fields(self) -> Keys:
        async for n in self._customers():
            for field, _ in self._tables.people.customer_values(n):
                yield [self._tables.ids.write(Kind.CUSTOMER, n), int(str(field["id"]))]

    def _view_items(self) -> list[Key]:
        write = self._tables.ids.write
        views = range(len(self._tables.lists["views"]))
        return [[write(Kind.VIEW, v), write(Kind.TICKET, n)] for v in views for n in self._views.tickets(v)]

    # ── what can't be had, what happened ────────────────────────────────────────────────────

    def _gone(self) -> dict[str, list[int]]:
        population, write = self._tables.population, self._tables.ids.write
        customers = [write(Kind.CUSTOMER, i) for i in population.playing(Part.GONE, Part.LEAVING)]
        tickets = [write(Kind.TICKET, population.tickets_of(i)[-1]) for i in population.playing(Part.GONE_TICKET)]
        return {"customer": customers, "customer_custom_fields": customers, "ticket": tickets}

    def _moved(self) -> dict[str, int]:
        population, write = self._tables.population, self._tables.ids.write
        families = map(population.tickets_of, population.playing(Part.MERGED_TICKET, Part.MERGING_TICKET))
        return {str(write(Kind.TICKET, family[-1])): write(Kind.TICKET, family[0]) for family in families}

    def _changes(self) -> list[dict[str, object]]:
        changes, write = self._tables.changes, self._tables.ids.write
        return [
            {
                "at": stamp(message.at),
                "change": "ticket" if message.k == 0 else "message",
                "ticket_id": write(Kind.TICKET, message.ticket),
                "message_id": write(Kind.MESSAGE, self._tables.population.messages + n),
            }
            for n, message in enumerate(changes.messages)
        ]


async def _each(keys: Iterable[Key]) -> Keys:
    for key in keys:
        yield key
