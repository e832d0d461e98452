"""What the help desk holds: customers have conversations, conversations have items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs

__all__ = ["Desk"]

_CUSTOMER = b'{"id":"c%d","name":"Customer %d","email":"c%d@example.com","created_at":"%b","active":true,"score":%d.5}'
_CONVERSATION = (
    b'{"id":"v%d","customer_id":"c%d","channel":"email","status":"CLOSED","created_at":"%b","priority":%d,'
    b'"rating":%d.25}'
)
_ITEM = (
    b'{"id":"i%d","conversation_id":"v%d","customer_id":"c%d","timestamp":"%b","initiator":{"id":"a%d","type":"AGENT"},'
    b'"content":{"type":"EMAIL","subject":"Order %d","body":"The parcel with number %d has not arrived yet, although '
    b'it was promised for last week. Could somebody look where it is?"}}'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """How much there is.

    Attributes:
        customers: in all, a hundred a page at most.
        conversations: of each customer, in one answer.
        items: of each conversation, in one answer.
        lines: of the export, an item each.
    """

    customers: int
    conversations: int
    items: int
    lines: int

    def answer(self, path: bytes, query: bytes) -> tuple[bytes, int] | None:
        """The body, and how many records it holds; None if there is no such thing."""
        match path.split(b"/"):
            case [b"", b"customers"]:
                return self._page(query)
            case [b"", b"customers", who, b"conversations"] if (number := _number(who, self.customers)) is not None:
                first = number * self.conversations
                return _list([self._conversation(first + each) for each in range(self.conversations)])
            case [b"", b"conversations", which, b"items"] if (
                number := _number(which, self.customers * self.conversations)
            ) is not None:
                first = number * self.items
                return _list([self._item(first + each) for each in range(self.items)])
            case _:
                return None

    def export(self) -> Iterator[bytes]:
        """Its lines."""
        return (self._item(number) + b"\n" for number in range(self.lines))

    def _page(self, query: bytes) -> tuple[bytes, int]:
        asked = parse_qs(query.decode())
        start = int(asked.get("after", ["0"])[0])
        end = min(start + min(int(asked.get("limit", ["100"])[0]), 100), self.customers)
        rows = b",".join(_CUSTOMER % (each, each, each, _moment(each), each % 100) for each in range(start, end))
        following = b'"%d"' % end if end < self.customers else b"null"
        return b'{"data":[%b],"next":%b}' % (rows, following), end - start

    def _conversation(self, number: int) -> bytes:
        return _CONVERSATION % (number, number // self.conversations, _moment(number), number % 5, number % 5)

    def _item(self, number: int) -> bytes:
        conversation = number // self.items
        customer = conversation // self.conversations
        return _ITEM % (number, conversation, customer, _moment(number), number % 50, number, number)


def _list(rows: list[bytes]) -> tuple[bytes, int]:
    return b'{"data":[%b]}' % b",".join(rows), len(rows)


def _number(name: bytes, end: int) -> int | None:
    """`c12` as 12; None for what does not exist."""
    digits = name[1:]
    return int(digits) if digits.isdigit() and int(digits) < end else None


def _moment(number: int) -> bytes:
    # Strftime would cost more than the rest of the record, and so would the minute if it were written for each.
    return _minute(number // 60) + _SECONDS[number % 60]


_SECONDS = [b"%02dZ" % second for second in range(60)]


@cache
def _minute(number: int) -> bytes:
    return b"2024-%02d-%02dT%02d:%02d:" % (
        number // 40_320 % 12 + 1,
        number // 1_440 % 28 + 1,
        number // 60 % 24,
        number % 60,
    )
