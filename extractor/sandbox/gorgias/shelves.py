"""What a list pages through: entries in an order of their own, most of them worked out when they are looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import overload

from extractor.sandbox.gorgias.catalog import Record

__all__ = ["Computed", "Entry", "Shelf", "Value"]

Value = int | str | tuple[object, ...]
Entry = tuple[Value, int]
"""What the order goes by, and the number of a record."""


class Computed(Sequence[Entry]):
    """Entries that are worked out from their position."""

    def __init__(self, length: int, at: Callable[[int], Entry]) -> None:
        self._length = length
        self._at = at

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, position: int) -> Entry: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Entry]: ...
    def __getitem__(self, position: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(position, slice):
            start, stop, _ = position.indices(self._length)
            return Computed(max(0, stop - start), lambda k: self._at(start + k))
        return self._at(range(self._length)[position])


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """The records of one table in one order.

    Attributes:
        entries: ascending by value and number; some may stand for nothing, or for a record that has moved.
        entry: the entry of a record as it is now.
        there: is there a record of this number, of any number?
        row: the record as the list shows it.
        identity: its id; ids grow with numbers.
    """

    entries: Sequence[Entry]
    entry: Callable[[int], Entry]
    there: Callable[[int], bool]
    row: Callable[[int], Record]
    identity: Callable[[int], int]

    def shown(self, entry: Entry) -> bool:
        """Does an entry stand for a record, at its place?"""
        return self.there(entry[1]) and self.entry(entry[1]) == entry

    def only(self, numbers: Iterable[int]) -> Shelf:
        """The shelf with no other records than these."""
        return replace(self, entries=sorted(self.entry(n) for n in set(numbers) if self.there(n)))

    def among(self, numbers: Iterable[int]) -> Shelf:
        """The shelf without the records that are not among these; the order must be that of the numbers."""
        chosen = sorted(set(numbers))
        first = bisect_left(chosen, self.entries[0][1]) if self.entries else 0
        beyond = bisect_right(chosen, self.entries[-1][1]) if self.entries else 0
        found = chosen[first:beyond]
        return replace(self, entries=Computed(len(found), lambda k: self.entry(found[k])))

    def where(self, fits: Callable[[int], bool]) -> Shelf:
        """The shelf with no other records than those that fit."""
        there = self.there
        return replace(self, there=lambda n: there(n) and fits(n))

    def above(self, value: int, *, included: bool) -> Shelf:
        """The shelf from a value on."""
        return replace(self, entries=self.entries[self._place(value, before=included) :])

    def below(self, value: int, *, included: bool) -> Shelf:
        """The shelf up to a value."""
        return replace(self, entries=self.entries[: self._place(value, before=not included)])

    def _place(self, value: int, *, before: bool) -> int:
        find = bisect_left if before else bisect_right
        return find(self.entries, value, key=itemgetter(0))
