"""What an endpoint's `row` makes of what stands in an answer: functions from a record and its listing to a record.

A vendor file puts them together with `through`. None changes what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from extractor.model import Listing

__all__ = ["Row", "as_value", "lifted", "through", "with_key"]

Row = Callable[[object, Listing], Mapping[str, object] | None]


def with_key(column: str) -> Row:
    """The record with what its listing is about in this column, unless it has a value there itself."""

    def row(record: object, listing: Listing) -> Mapping[str, object]:
        fields = _fields(record)
        return fields if fields.get(column) not in (None, "") else {**fields, column: listing.about}

    return row


def as_value(column: str) -> Row:
    """A record with this one column of what is no object."""

    def row(record: object, _: Listing) -> Mapping[str, object]:
        return _fields(record, column)

    return row


def lifted(name: str) -> Row:
    """The record with the fields of the object under this name as its own.

    A field that the record has already stays under the name: nothing is lost.
    """

    def row(record: object, _: Listing) -> Mapping[str, object]:
        fields = _fields(record)
        inner = fields.get(name)
        if not isinstance(inner, dict):
            return fields
        outer = {key: value for key, value in fields.items() if key != name}
        twice = {key: value for key, value in inner.items() if key in fields}
        return {**inner, **outer, **({name: twice} if twice else {})}

    return row


def through(*rows: Row) -> Row:
    """One after the other; what one leaves out, no other one sees."""

    def row(record: object, listing: Listing) -> Mapping[str, object] | None:
        found = record
        for one in rows:
            found = one(found, listing)
            if found is None:
                return None
        return cast("Mapping[str, object]", found)

    return row


def _fields(record: object, column: str = "value") -> Mapping[str, object]:
    """The fields of an object; anything else is one under this name, as the gate calls it."""
    return cast("Mapping[str, object]", record) if isinstance(record, dict) else {column: record}
