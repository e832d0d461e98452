"""Whether a list goes on, or round in circles."""

from __future__ import annotations

from collections.abc import Sequence

from extractor.errors import Endless
from extractor.model import Rejected

__all__ = ["Progress", "expired"]

_EXPIRED = 400
"""What Gorgias most likely answers to a cursor that has expired; its documents name no status."""

_EMPTY = 100
"""Pages in a row without a record, each naming another one, that are taken for a list without end."""


def expired(rejected: Rejected) -> bool:
    """True if the place that was asked for may be known no more."""
    return rejected.status == _EXPIRED


class Progress:
    """Sees to it that a list goes on, and raises `Endless` where it does not.

    Args:
        place: where it is resumed, '' at the beginning.
    """

    def __init__(self, place: str = "") -> None:
        self.pages = 1 if place else 0  # the page that named the place was read in an earlier run
        self._places = {place}
        self._prints: set[int] = set()
        self._empty = 0

    def follow(self, place: str) -> None:
        """The list goes on there."""
        if place in self._places:
            raise Endless(f"page {self.pages} leads to one that was there already")
        self._places.add(place)

    def read(self, records: Sequence[object]) -> None:
        """A page with these records came."""
        self.pages += 1
        self._empty = 0 if records else self._empty + 1
        if self._empty > _EMPTY:
            raise Endless(f"{_EMPTY} pages in a row were empty, and each leads to another one")
        if records:
            # In any order: the vendor may send them as members of an object.
            found = hash(frozenset(hash(repr(record)) for record in records))
            if found in self._prints:
                raise Endless(f"page {self.pages} holds the same records as an earlier one")
            self._prints.add(found)
