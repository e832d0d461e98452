"""Parameters of a request, or why they are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from extractor.sandbox.assembled.errors import Refused
from extractor.sandbox.assembled.history import Window
from extractor.sandbox.replies import Call

__all__ = ["Page", "flag", "number", "page", "required", "window"]

LARGEST_PAGE = 500  # the most that clients are known to ask for; more is clamped
LATEST = 1 << 40  # seconds; what lies beyond is no instant

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    limit: int
    offset: int

    def of(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows of this page."""
        return rows[self.offset : self.offset + self.limit]

    def stated(self, total: int) -> dict[str, int]:
        """What an answer says about itself."""
        return {"total": total, "limit": self.limit, "offset": self.offset}


def required(call: Call, name: str) -> str:
    """The text of a parameter.

    Raises:
        Refused: it is missing or empty.
    """
    value = call.one(name)
    if not value:
        raise Refused(f"Missing required field {name}")
    return value


def number(call: Call, name: str, default: int) -> int:
    """A whole number, 0 or more.

    Raises:
        Refused: it is anything else.
    """
    value = call.one(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and int(value) < LATEST):
        raise Refused(f"{name} must be a whole number")
    return int(value)


def window(call: Call) -> Window:
    """From `start_time` to `end_time`.

    Raises:
        Refused: one is missing, is not in Unix seconds, or they are the wrong way round.
    """
    required(call, "start_time")
    required(call, "end_time")
    found = Window(number(call, "start_time", 0), number(call, "end_time", 0))
    if found.end < found.start:
        raise Refused("end_time must not be before start_time")
    return found


def page(call: Call, default: int = 100) -> Page:
    """The page that `limit` and `offset` choose.

    Raises:
        Refused: one of them is not a number.
    """
    limit = number(call, "limit", default)
    if limit == 0:
        raise Refused("limit must be at least 1")
    return Page(min(limit, LARGEST_PAGE), number(call, "offset", 0))


def flag(call: Call, name: str) -> bool:
    """Was something switched on?"""
    return call.one(name) == "true"
