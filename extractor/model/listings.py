"""The unit of work, what it brings, and what a user must know about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Found", "Incident", "IncidentKind", "Listing", "Page", "State"]

_WINDOW = re.compile(r"\d{4}-\d\d-\d\d/\d{4}-\d\d-\d\d(?: |$)")


class State(StrEnum):
    """Where a listing stands. `HELD` never leaves the ledger: outside it reads `pending`."""

    HELD = "held"
    PENDING = "pending"
    OPEN = "open"
    COMMITTED = "committed"
    GONE = "gone"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """No request will be made for it any more."""
        return self in (State.COMMITTED, State.GONE, State.FAILED)


class IncidentKind(StrEnum):
    """What a user must know. `GONE` and `MOVED` alone leave a run complete."""

    TRUNCATED = "truncated"
    GONE = "gone"
    MOVED = "moved"
    REFUSED = "refused"
    MALFORMED = "malformed"
    FAILED = "failed"
    QUOTA = "quota"


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One thing that the vendor hid, cut off, moved or refused.

    Attributes:
        key: the listing's key, or the record's where one record is meant.
        path: of the request, without query.
        detail: redacted, at most 1,000 characters.
        record: the bytes kept out of the table, as text or base64, at most 1 MB.
        gap: something is missing from a table because of it (exit code 3).
    """

    kind: IncidentKind
    endpoint: str
    key: str
    status: int | None = None
    path: str = ""
    detail: str = ""
    record: str | None = None
    attempts: int = 1
    gap: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The unit of work: all pages of one endpoint under one key or one window.

    Attributes:
        id: number in the ledger.
        key: what its requests are about: the id of a parent's record, a setting's value, a window `START/END`, a
            window and an id `START/END ID`, or '' for an endpoint that has but one.
        parent: key of the listing whose page named it first, None for a root.
        fields: what its requests need besides the key.
        cursor: where its next page starts, None at the beginning.
    """

    id: int
    endpoint: str
    key: str
    parent: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None

    @property
    def about(self) -> str:
        """The key without the window before it: an id, a setting's value, or '' if there is only a window."""
        window = _WINDOW.match(self.key)
        return self.key[window.end() :] if window else self.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A listing that a page names; known ones are not added again.

    Attributes:
        state: `PENDING` to have it fetched, `HELD` to have it wait, `COMMITTED` for a held one whose
            record has been delivered by another route (it need not exist yet).
    """

    endpoint: str
    key: str
    parent: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    state: State = State.PENDING


@dataclass(kw_only=True, slots=True)
class Page:
    """What one step of a listing brought; recorded in one transaction.

    It changes only until it is known whether more follow.

    Attributes:
        state: of the listing after this page: `OPEN` if more follow, else final.
        payload: JSON array, object or lines to load; empty if the endpoint's table isn't loaded.
        records: how many records the payload holds, or would.
        cursor: where the next page starts, if a later run can start there; also of a list that failed on the way.
        truncated: the list was cut off here and no further request of this listing made up for it.
        beside: endpoint whose records the payload holds, where they stand in another one's answers.
    """

    listing: Listing
    state: State
    payload: bytes = b""
    records: int = 0
    found: tuple[Found, ...] = ()
    cursor: str | None = None
    truncated: bool = False
    beside: str = ""
    incidents: tuple[Incident, ...] = ()
