"""The lists behind views, which page in a dialect of their own: by relative addresses."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from re import compile as pattern
from urllib.parse import urlencode

from extractor.sandbox.gorgias.catalog import Record
from extractor.sandbox.gorgias.errors import invalid
from extractor.sandbox.gorgias.ids import Kind
from extractor.sandbox.gorgias.pages import Position
from extractor.sandbox.gorgias.parameters import Asked
from extractor.sandbox.gorgias.shelves import Shelf, Value
from extractor.sandbox.gorgias.stamps import parse
from extractor.sandbox.gorgias.tables import Tables

__all__ = ["ITEM_ORDERS", "Views"]

NEWEST = 240  # tickets that views look at
PRIORITIES = ("low", "normal", "high", "critical")
ITEM_ORDERS = (
    "created_datetime",
    "updated_datetime",
    "last_message_datetime",
    "last_received_message_datetime",
    "closed_datetime",
    "snooze_datetime",
    "priority",
)
CURSOR = pattern(r"(\d{1,18})-(true|false)")


class Views:
    """What the views show: some of the newest tickets, never so many that they need another order than Python's."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def there(self, view: int) -> bool:
        """Is there such a view?"""
        return 0 <= view < len(self._tables.lists["views"])

    def tickets(self, view: int) -> list[int]:
        """The tickets that a view shows."""
        tickets, talk = self._tables.tickets, self._tables.conversation
        fits = (
            lambda n: not talk.trashed(n),
            talk.open,
            lambda n: not talk.open(n) and not talk.trashed(n),
            lambda n: talk.channel(n) == "phone",
            talk.trashed,
        )[view]
        newest = range(max(0, tickets.count() - NEWEST), tickets.count())
        return [n for n in newest if tickets.listed(n) and fits(n)]

    def shelf(self, view: int, field: str) -> Shelf:
        """The tickets of a view in one of the orders that they can have."""
        tickets = self._tables.shelf("tickets")
        entries = {n: (_value(tickets.row(n), field), n) for n in self.tickets(view)}
        return Shelf(
            entries=sorted(entries.values()),
            entry=entries.__getitem__,
            there=entries.__contains__,
            row=tickets.row,
            identity=tickets.identity,
        )

    def position(self, asked: Asked) -> Position | None:
        """Where the page that is asked for begins.

        Raises:
            Answered: 400, what says so is incomplete or wrong.
        """
        text, ignored = asked.one("cursor"), asked.one("ignored_item")
        direction = asked.choice("direction", frozenset({"prev", "next"}))
        if text is None:
            return None
        try:
            found = CURSOR.fullmatch(urlsafe_b64decode(text.encode()).decode())
        except (Error, ValueError):
            found = None
        if found is None:
            raise invalid("cursor", "Not a valid cursor.")
        if ignored is None or self._tables.ids.read(Kind.TICKET, ignored) is None:
            raise invalid("ignored_item", "Not the id of the item before.")
        return Position(forward=direction != "prev", value=(found[2] == "true", int(found[1])), identity=int(ignored))

    @staticmethod
    def address(path: str, position: Position | None, query: dict[str, str]) -> str | None:
        """The relative address of the page at a position, or None if there is none."""
        if position is None or not isinstance(position.value, tuple):
            return None
        empty, value = position.value
        cursor = urlsafe_b64encode(f"{value}-{str(empty).lower()}".encode()).decode()
        direction = "next" if position.forward else "prev"
        more = {"cursor": cursor, "direction": direction, "ignored_item": str(position.identity)}
        return f"{path}?{urlencode(query | more)}"


def _value(row: Record, field: str) -> Value:
    """Whether the field is empty, and what it holds: microseconds, or the rank of a priority."""
    value = row[field]
    if field == "priority":
        return False, PRIORITIES.index(str(value))
    return value is None, parse(str(value)) or 0
