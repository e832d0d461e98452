"""What the writer's thread keeps in memory of endpoints and listings."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from extractor.ledger.schema import SqlValue

__all__ = ["FoundRow", "Progress", "Tally"]


@dataclass(slots=True)
class FoundRow:
    """A listing that was named, as it goes into the table."""

    endpoint: str
    key: str
    parent: str | None
    fields: str | None
    state: int
    seen_at: int = 0


@dataclass(slots=True)
class Tally:
    """What is known of one endpoint without asking the tables.

    Attributes:
        counts: listings by state, in the order of `STATES`.
        given: fields that `release` gave to all its listings.
        claimed: unfinished listings that somebody in this process works on.
        mark: listings up to this id need not be looked at by the next claim.
        aside: listings up to this id are left to a later process, and `claimed` counts those of them that wait.
        excepted: ids up to `aside` that can be claimed all the same.
    """

    id: int
    name: str
    counts: list[int]
    records: int = 0
    pages: int = 0
    truncated: int = 0
    given: dict[str, str] = field(default_factory=dict)
    claimed: int = 0
    mark: int = 0
    aside: int = 0
    excepted: list[int] = field(default_factory=list)

    def row(self) -> tuple[SqlValue, ...]:
        """What the table holds of it, the id last."""
        given = orjson.dumps(self.given).decode() if self.given else None
        return (*self.counts, self.records, self.pages, self.truncated, given, self.id)

    def numbers(self) -> tuple[int, ...]:
        """Listings by state, records, pages, truncated, claimed."""
        return (*self.counts, self.records, self.pages, self.truncated, self.claimed)


@dataclass(slots=True)
class Progress:
    """How far a claimed listing is."""

    tally: Tally
    state: int
    records: int
    pages: int
    truncated: bool
