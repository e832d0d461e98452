"""Reads the parameters of the Copilot API, strictly, and cuts its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from extractor.sandbox.clari.stamps import parse
from extractor.sandbox.replies import Call

__all__ = ["BadValue", "Found", "Page", "flag", "instant", "one_of", "page", "whole"]

FLAGS = {"true": True, "false": False, "1": True, "0": False}
LARGEST_LIMIT = 100


class BadValue(Exception):
    """A parameter has a value that the API does not take; the text says which and what it takes."""


def whole(call: Call, name: str, least: int, most: int, otherwise: int) -> int:
    """A whole number from least to most, both included."""
    text = call.one(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadValue(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def flag(call: Call, name: str, *, otherwise: bool) -> bool:
    """One of the literals true, false, 1, 0."""
    text = call.one(name)
    if text is None:
        return otherwise
    if text not in FLAGS:
        raise BadValue(f"{name} must be one of {', '.join(FLAGS)}")
    return FLAGS[text]


def instant(call: Call, name: str) -> float | None:
    """Milliseconds of an ISO 8601 instant."""
    text = call.one(name)
    if text is None:
        return None
    ms = parse(text)
    if ms is None:
        raise BadValue(f"{name} must be an ISO 8601 date-time")
    return ms


def one_of(call: Call, name: str, *choices: str) -> str | None:
    """One of some words."""
    text = call.one(name)
    if text is not None and text not in choices:
        raise BadValue(f"{name} must be one of {', '.join(choices)}")
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a query means: places in a list, and the number of the record that stands at each."""

    places: Sequence[int]
    number: Callable[[int], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """The stretch of a list that was asked for.

    Attributes:
        counted: say how long the list is.
    """

    skip: int
    limit: int
    counted: bool

    def cut(self, found: Found) -> list[int]:
        """The numbers of the records on the page."""
        return [found.number(place) for place in found.places[self.skip : self.skip + self.limit]]

    def pagination(self, found: Found) -> dict[str, object]:
        """What an answer says about the list besides the page; nothing if that was not wanted."""
        if not self.counted:
            return {}
        after = self.skip + self.limit
        more = after < len(found.places)
        pagination: dict[str, object] = {"matched": len(found.places), "hasMore": more}
        return {"pagination": pagination | {"nextPageSkip": after} if more else pagination}


def page(call: Call, *, cap: int, limit: int) -> Page:
    """The page that the parameters `skip`, `limit` and `includePagination` name; `limit` is the default of that one."""
    return Page(
        skip=whole(call, "skip", 0, cap, 0),
        limit=whole(call, "limit", 1, LARGEST_LIMIT, limit),
        counted=flag(call, "includePagination", otherwise=True),
    )
