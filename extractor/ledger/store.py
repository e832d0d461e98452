"""Ledger and spool together: one batch of steps is one transaction.

For the writer's thread. Order in each batch: frames are appended, the spool is synced, the transaction is
committed. What the ledger calls fetched is on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from extractor.errors import StorageError
from extractor.ledger import recovery
from extractor.ledger.again import TakenUp, take_up
from extractor.ledger.chunks import Chunks, Event, incident_row
from extractor.ledger.listings import Listings
from extractor.ledger.schema import CODES, SPOOL, SqlValue, connect
from extractor.ledger.tally import FoundRow
from extractor.model import Incident, IncidentKind, State
from extractor.spool import Spool, frame_length

__all__ = ["Call", "News", "Step", "Store"]

_held, _pending, _open, _committed = (
    CODES[state] for state in (State.HELD, State.PENDING, State.OPEN, State.COMMITTED)
)


class Step(NamedTuple):
    """A page, or (listing 0) only found listings; checked and encoded by the caller.

    Attributes:
        beside: endpoint whose records these are; '' for the listing's own.
        meta: of the frame; unused if the payload is empty.
        seen_at: unix seconds.
    """

    seen_at: int
    listing: int = 0
    state: int = _open
    cursor: str | None = None
    records: int = 0
    beside: str = ""
    truncated: bool = False
    meta: bytes = b""
    payload: bytes = b""
    found: Sequence[FoundRow] = ()
    incidents: Sequence[tuple[SqlValue, ...]] = ()


_BEHIND = 4
"""A chunk may hold so many times as much while another one waits: a package costs much whatever is in it."""
_FIRST = 0.2
"""The very first holds this part: while the destination has no tables, a record takes three times as long."""

Call = Callable[["Store"], object]
"""Something else to do inside the transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What the event loop's side learns with each batch.

    Attributes:
        tallies: endpoint -> its numbers: listings by state (in the order of
            `STATES`), then records, pages, truncated, and how many of its listings somebody works on.
        size: bytes in the spool.
        filling: number of the chunk that pages go to.
    """

    tallies: dict[str, tuple[int, ...]]
    size: int
    filling: int


@dataclass(slots=True)
class _Portion:
    """The part of a batch that goes to one chunk."""

    chunk: int
    size: int
    records: int
    full: bool = False
    frames: list[tuple[bytes, bytes]] = field(default_factory=list)
    pages: list[tuple[bool, int, int, str | None, int, int, bool, int]] = field(default_factory=list)
    besides: list[tuple[int, int, str, int]] = field(default_factory=list)
    advanced: dict[int, tuple[SqlValue, ...]] = field(default_factory=dict)
    found: dict[str, dict[str, FoundRow]] = field(default_factory=dict)
    incidents: list[tuple[SqlValue, ...]] = field(default_factory=list)
    at: int = 0


class Store:
    """The open ledger of `folder`.

    Args:
        folder: the pipeline's folder.
        chunk_records: a chunk is sealed as soon as it holds so many records, or four times as many while another one
            is not loaded yet, or a fifth if it is the first,
        chunk_bytes: or so many bytes.
        keep: where segments go after the load; None to delete them.

    Attributes:
        repaired: listings that are pending again because their pages were damaged or missing.
    """

    def __init__(self, folder: Path, *, chunk_records: int, chunk_bytes: int, keep: Path | None) -> None:
        self.folder = folder
        self._chunk_records = chunk_records
        self._chunk_bytes = chunk_bytes
        self.spool = Spool(folder / SPOOL, keep=keep)
        self.connection = connect(folder)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            recovery.reopen(self.connection)
            self.repaired = recovery.repair(self.connection, self.spool)
            self.listings = Listings(self.connection)
            self.chunks = Chunks(self.connection, self.spool)
            self.connection.execute("COMMIT")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the files. Nothing waits: every batch was whole."""
        self.spool.close()
        self.connection.close()

    def abandon(self) -> None:
        """Give up the batch that failed."""
        with suppress(sqlite3.Error):
            self.connection.rollback()

    def commit(self, steps: Sequence[Step], calls: Sequence[Call]) -> tuple[list[object], list[object]]:
        """Bring a batch to disk; returns what came of each step and call, for some an exception.

        Raises:
            OSError, sqlite3.Error, StorageError: nothing of the batch counts, and no other may follow.
        """
        self.connection.execute("BEGIN")
        results, portions = self._plan(steps)
        for portion in portions:
            self._apply(portion, self.spool.append(portion.chunk, portion.frames))
        outcomes = [self._call(call) for call in calls]
        self.listings.save()
        self.chunks.save()
        self.spool.sync()
        self.connection.execute("COMMIT")
        self.listings.forget_finished([number for portion in portions for number in portion.advanced])
        actions, self.chunks.after_commit = self.chunks.after_commit, []
        for action in actions:
            action()
        return results, outcomes

    def news(self) -> News:
        """How things stand."""
        return News(
            tallies={name: tally.numbers() for name, tally in self.listings.endpoints.items()},
            size=self.spool.size,
            filling=self.chunks.filling.id,
        )

    def _plan(self, steps: Sequence[Step]) -> tuple[list[object], list[_Portion]]:
        """Sort the batch by the chunks it goes to, a new one whenever one is full."""
        chunk = self.chunks.filling
        portion = _Portion(chunk.id, chunk.bytes, chunk.records)
        portions = [portion]
        results: list[object] = []
        for step in steps:
            if portion.full:
                portion = _Portion(portion.chunk + 1, 0, 0)
                portions.append(portion)
            try:
                if not step.listing or self._page(portion, step):
                    _fold(portion, step)
                results.append(None)
            except LookupError as error:
                results.append(error)
            most = self._most(portion, behind=self.chunks.waiting + len(portions) > 1)
            portion.full = portion.records >= most or portion.size >= self._chunk_bytes
        return results, portions

    def _most(self, portion: _Portion, *, behind: bool) -> float:
        """Records that the chunk may hold."""
        if portion.chunk == 1:
            return self._chunk_records * _FIRST
        return self._chunk_records * (_BEHIND if behind else 1)

    def _page(self, portion: _Portion, step: Step) -> bool:
        """Note the page; false if its listing was final before."""
        progress = self.listings.progress(step.listing)
        if progress is None:
            return False
        own = 0 if step.beside else step.records
        self.listings.count(progress, state=step.state, records=own, truncated=step.truncated)
        if step.beside:
            portion.besides.append((len(portion.pages), step.listing, step.beside, step.records))
        if step.payload:
            portion.frames.append((step.meta, step.payload))
            portion.size += frame_length(step.meta, step.payload)
            portion.records += step.records
        now = (step.state, step.cursor, progress.records, progress.pages, progress.truncated)
        portion.pages.append((bool(step.payload), step.listing, *now, step.seen_at))
        portion.advanced[step.listing] = (step.listing, *now, portion.chunk if step.state > _open else None)
        return True

    def _apply(self, portion: _Portion, positions: Sequence[tuple[int, int]]) -> None:
        chunk = self.chunks.filling
        places = iter(positions)
        events: list[Event] = [(page[1], *(next(places) if page[0] else (0, 0)), *page[2:]) for page in portion.pages]
        for name, found in portion.found.items():
            added, settled = self.listings.add(name, found, chunk.id)
            chunk.changes += added
            events += (_noted(number, _committed, portion.at) for number in settled)
        self.listings.advance(portion.advanced.values())
        first = self.chunks.next_page
        self.listings.beside(
            [(first + place, number, name, records) for place, number, name, records in portion.besides]
        )
        self.chunks.add(events, portion.incidents)
        chunk.bytes, chunk.records = portion.size, portion.records
        if portion.found:
            chunk.last_listing = self.listings.last_id()
        if portion.full:
            self.chunks.seal()

    def fill(
        self,
        rows: Iterable[recovery.ListingRow],
        held: Collection[str],
        incidents: Iterable[Incident],
        seen_at: int,
    ) -> int:
        """Fill the ledger with what the destination knows, whole or not at all; returns how many listings.

        Raises:
            ValueError: it knows listings or chunks already.
        """
        if not self.empty:
            raise ValueError(f"The ledger in {self.folder} isn't empty.")
        self.connection.execute("SAVEPOINT fill")
        try:
            noted = list(incidents)
            cut = [(one.endpoint, one.key) for one in noted if one.kind is IncidentKind.TRUNCATED]
            known = recovery.fill(self.connection, rows, held, cut)
        except BaseException:
            self.connection.execute("ROLLBACK TO fill")
            raise
        finally:
            self.connection.execute("RELEASE fill")
        chunk = self.chunks.filling
        chunk.first_listing = chunk.last_listing = self.listings.last_id()
        self.chunks.write_incidents([incident_row(incident, seen_at) for incident in noted], 0)
        self.listings.load()
        return known

    def unlearn(self, held: Collection[str]) -> None:
        """Everything known is pending (or held) again and goes to the destination with the next chunk."""
        recovery.unlearn(self.connection, held)
        self.listings.load()
        self.chunks.clear(first_listing=0)
        self.chunks.filling.last_listing = self.listings.last_id()
        self.chunks.filling.changes = self.chunks.filling.last_listing

    def ask_again(self, endpoints: Collection[str], held: Collection[str], seen_at: int) -> None:
        """Listings of these endpoints are pending (or held) again, which the next chunk tells the destination."""
        recovery.ask_again(self.connection, endpoints, held)
        self.listings.load()
        for name in endpoints:
            state = _held if name in held else _pending
            events = [_noted(number, state, seen_at) for number in self.listings.ids(name)]
            self.chunks.add(events, ())
        self.chunks.resolve(list(IncidentKind), endpoints, None, seen_at)

    def take_up(self, endpoints: Collection[str], in_order: Collection[str], after: int | None) -> TakenUp:
        """What failed of these endpoints can be claimed, and nothing else that waits."""
        return take_up(self.connection, self.listings, endpoints, in_order, after)

    def restart(self) -> None:
        """Forget everything, as if there had never been a run."""
        for table in ("listings", "besides", "endpoints", "meta"):
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module
        self.listings.load()
        self.chunks.clear(first_listing=0)

    @property
    def empty(self) -> bool:
        """Nothing was ever found."""
        return not self.listings.endpoints

    def _call(self, call: Call) -> object:
        try:
            return call(self)
        except (OSError, sqlite3.Error, StorageError):
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets it; it wrote nothing
            return error


def _noted(listing: int, state: int, seen_at: int) -> Event:
    return (listing, 0, 0, state, None, 0, 0, False, seen_at)


def _fold(portion: _Portion, step: Step) -> None:
    """Add what the step found, each key once.

    The first word other than HELD is the last one too, whatever the ledger holds of the key; parent and
    fields are those of the first mention.
    """
    for row in step.found:
        known = portion.found.setdefault(row.endpoint, {}).setdefault(row.key, row)
        if known.state == _held:
            known.state = row.state
    portion.incidents += step.incidents
    portion.at = step.seen_at
