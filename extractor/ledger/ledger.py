"""The ledger as the event loop sees it: everything that changes it waits until the change is on disk."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar, cast

import orjson

from extractor.ledger.again import TakenUp
from extractor.ledger.chunks import Chunk, incident_row
from extractor.ledger.recovery import ListingRow
from extractor.ledger.rows import Summary, summarize
from extractor.ledger.schema import CODES, STATES
from extractor.ledger.store import News, Step, Store
from extractor.ledger.tally import FoundRow
from extractor.ledger.writer import Writer
from extractor.lock import Lock
from extractor.model import Found, Incident, IncidentKind, Listing, Page, State
from extractor.spool import frame_meta, storage_error

__all__ = ["Ledger"]

_T = TypeVar("_T")
_payload_bytes = (1 << 32) - 1
_claimed = len(STATES) + 3
"""Where the claims stand in a tally, behind states, records, pages and truncated."""


def _nothing() -> None:
    pass


class Ledger:
    """Which listings there are and what is done, for the one process that fetches.

    Open it with `Ledger.open`. Whoever is cancelled while waiting for a method has it done all the same.

    Attributes:
        repaired: how many listings are pending again since opening, because their pages were missing or
            damaged on disk.
        on_work: called in the event loop when there is more to claim than before.
        on_sealed: called in the event loop when a chunk was sealed.
    """

    def __init__(self, lock: Lock, clock: Callable[[], float]) -> None:
        self._lock = lock
        self._clock = clock
        self._tallies: Mapping[str, tuple[int, ...]] = {}
        self._size = 0
        self._filling = 0
        self._writer: Writer
        self.repaired = 0
        self.on_work: Callable[[], None] = _nothing
        self.on_sealed: Callable[[], None] = _nothing

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        chunk_records: int = 25_000,
        chunk_bytes: int = 32 << 20,
        keep_raw: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Lock the pipeline's folder, open its ledger and spool, and repair what a crash left.

        Args:
            folder: `.extractor/<pipeline>`; made if it is missing, 0700.
            chunk_records: a chunk is sealed as soon as it holds so many records, or four times as many while another
                one is not loaded yet, or a fifth if it is the first,
            chunk_bytes: or so many bytes.
            keep_raw: loaded segments are moved to `raw/` instead of being deleted.
            clock: tells unix seconds.

        Raises:
            PipelineBusy: another run is alive.
            UsageError: a newer version of this package wrote the ledger.
            StorageError: the files can't be opened or repaired.
        """
        try:
            for each in (folder.parent, folder):
                # `parents=True` would make the outer one readable by all.
                each.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise storage_error(folder, error) from error
        ledger = cls(Lock(folder / "lock"), clock)
        ledger._writer = Writer(
            folder,
            lambda: Store(
                folder,
                chunk_records=chunk_records,
                chunk_bytes=chunk_bytes,
                keep=folder / "raw" if keep_raw else None,
            ),
            ledger._told,
        )
        try:
            ledger.repaired = await ledger._writer.open()
        except BaseException:
            await ledger.close()
            raise
        return ledger

    async def close(self) -> None:
        """Commit what waits, close the files, let go of the folder."""
        try:
            await self._writer.close()
        finally:
            self._lock.release()

    # ── counts, at once ─────────────────────────────────────────────────────────────────────

    @property
    def empty(self) -> bool:
        """Nothing was ever found: the ledger is new, was deleted, or `restart` emptied it."""
        return not self._tallies

    @property
    def backlog_bytes(self) -> int:
        """Bytes in the spool that are not loaded."""
        return self._size

    def counts(self, endpoint: str) -> dict[State, int]:
        """The endpoint's listings by state."""
        return dict(zip(STATES, self._tallies.get(endpoint, (0,) * len(STATES)), strict=False))

    def claimable(self, endpoint: str) -> int:
        """How many listings of the endpoint `claim` would find."""
        tally = self._tallies.get(endpoint)
        return tally[CODES[State.PENDING]] + tally[CODES[State.OPEN]] - tally[_claimed] if tally else 0

    def _told(self, news: News) -> None:
        before = {name: self.claimable(name) for name in news.tallies}
        sealed = self._filling and news.filling > self._filling
        self._tallies, self._size, self._filling = news.tallies, news.size, news.filling
        if any(self.claimable(name) > count for name, count in before.items()):
            self.on_work()
        if sealed:
            self.on_sealed()

    # ── what is remembered besides ──────────────────────────────────────────────────────────

    async def get_meta(self, name: str) -> object:
        """The JSON value remembered under the name, None if there is none."""
        row = await self._ask(
            lambda store: store.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        )
        return row and orjson.loads(row[0])

    async def set_meta(self, **values: object) -> None:
        """Remember JSON values, all at once."""
        rows = [(name, orjson.dumps(value).decode()) for name, value in values.items()]
        await self._ask(
            lambda store: store.connection.executemany(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", rows
            )
        )

    # ── work ────────────────────────────────────────────────────────────────────────────────

    async def record(self, page: Page) -> None:
        """Put the page on disk: payload, the listing's new state, what it found, its incidents, as one.

        A page of a listing that is final already is ignored. Found listings that are known are not added
        again, except that PENDING and COMMITTED end the waiting of a HELD one. Records of another endpoint
        (`page.beside`) count as that one's, in the load too; a rebuilt ledger knows only those since.

        Raises:
            ValueError: the state isn't OPEN or final, or a text is no Unicode; nothing was recorded.
            LookupError: nobody in this process has claimed the listing.
            StorageError: it may or may not be on disk; nothing is acknowledged from now on.
        """
        listing, now = page.listing, int(self._clock())
        if page.state in (State.HELD, State.PENDING):
            raise ValueError(f"A page of {listing.endpoint} leaves its listing {page.state}.")
        if len(page.payload) > _payload_bytes:
            raise ValueError(
                f"A page of {listing.endpoint} has {len(page.payload)} bytes; at most {_payload_bytes} fit."
            )
        meta = b""
        if page.payload:
            meta = frame_meta(
                endpoint=page.beside or listing.endpoint,
                key=listing.key,
                fields=dict(listing.fields),
                fetched_at=now,
                records=page.records,
            )
        step = Step(
            listing=listing.id,
            state=CODES[page.state],
            cursor=_text(page.cursor) if page.state in (State.OPEN, State.FAILED) else None,
            records=page.records,
            beside=page.beside,
            truncated=page.truncated,
            meta=meta,
            payload=page.payload,
            found=[_found_row(found, now) for found in page.found],
            incidents=[incident_row(incident, now) for incident in page.incidents],
            seen_at=now,
        )
        await self._writer.do(step)

    async def add(self, found: Sequence[Found]) -> None:
        """Add listings that no page names: roots, windows, ids from a file. Raises as `record` does."""
        now = int(self._clock())
        await self._writer.do(Step(found=[_found_row(each, now) for each in found], seen_at=now))

    async def note(self, incidents: Sequence[Incident]) -> None:
        """Put incidents on disk that belong to no page."""
        now = int(self._clock())
        await self._writer.do(Step(incidents=[incident_row(incident, now) for incident in incidents], seen_at=now))

    async def resolve(self, kind: IncidentKind, endpoints: Collection[str], keys: Collection[str] | None = None) -> int:
        """Incidents of this kind at these endpoints hold no more, unless they are noted again; returns how many.

        Args:
            kind, endpoints: whose incidents.
            keys: of their listings, None for all.
        """
        now = int(self._clock())
        return await self._ask(lambda store: store.chunks.resolve([kind], endpoints, keys, now))

    async def made_good(self) -> int:
        """Incidents of listings that failed or were refused and have been read since hold no more; how many."""
        now = int(self._clock())
        return await self._ask(lambda store: store.chunks.made_good(now))

    async def claim(self, endpoint: str, limit: int) -> list[Listing]:
        """The next listings of the endpoint that nobody in this process works on, in the order of discovery.

        One whose cursor is None starts at its beginning, whatever was fetched of it before.
        """
        return await self._ask(lambda store: store.listings.claim(endpoint, limit))

    async def release(self, endpoint: str, fields: Mapping[str, str] | None = None) -> int:
        """All HELD listings of the endpoint become PENDING; returns how many.

        Args:
            endpoint: its name.
            fields: added to the fields of every listing of it that is claimed from now on, in later runs
                too. They are kept once and don't show in `listing_rows`.
        """
        given = dict(fields or {})
        orjson.dumps(given)
        return await self._ask(lambda store: store.listings.release(endpoint, given))

    async def truncated(self, endpoint: str) -> list[tuple[str, dict[str, str]]]:
        """Key and fields of the endpoint's committed listings that were cut off."""
        return await self._ask(lambda store: store.listings.truncated(endpoint))

    async def count_by_field(self, endpoint: str, field: str, keys: Collection[str]) -> dict[str, int]:
        """For each of the keys, how many committed listings of the endpoint have it in `fields[field]`."""
        return await self._ask(lambda store: store.listings.count_by_field(endpoint, field, keys))

    async def summary(self) -> Summary:
        """Listings, pages and records per endpoint, chunks, incidents."""
        return await self._ask(lambda store: summarize(store.connection))

    # ── chunks ──────────────────────────────────────────────────────────────────────────────

    async def seal(self) -> int | None:
        """Close the filling chunk if there is anything in it; returns its number."""
        return await self._ask(lambda store: store.chunks.seal())

    async def next_sealed(self) -> Chunk | None:
        """The chunk that must be loaded next; None if none is sealed or one is being loaded."""
        return await self._ask(lambda store: store.chunks.next_sealed())

    async def loading(self, chunk: int, load_id: str, incidents: Sequence[Incident] = ()) -> None:
        """From now on the destination may hold the chunk under this load id; with what the gate found in it.

        Raises:
            ValueError: an earlier chunk isn't loaded, or this one isn't sealed.
        """
        now = int(self._clock())
        rows = [incident_row(incident, now) for incident in incidents]
        await self._ask(lambda store: store.chunks.loading(chunk, load_id, rows))

    async def loaded(self, chunk: int) -> None:
        """The destination has the chunk. Its pages are forgotten, then its segment is deleted."""
        await self._ask(lambda store: store.chunks.loaded(chunk))

    async def failed(self, chunk: int) -> int:
        """An attempt ended and the destination has nothing of it; returns how many have failed so far."""
        return await self._ask(lambda store: store.chunks.failed(chunk))

    async def chunks_in_loading(self) -> list[Chunk]:
        """Chunks whose fate only the destination knows."""
        return await self._ask(lambda store: store.chunks.in_loading())

    async def last_loaded_load_id(self) -> str | None:
        """The load id of the newest loaded chunk, None before the first."""
        return await self._ask(lambda store: store.chunks.last_loaded_load_id())

    # ── beginning again ─────────────────────────────────────────────────────────────────────

    async def rebuild(
        self, rows: Iterable[ListingRow], *, held: Collection[str] = (), incidents: Iterable[Incident] = ()
    ) -> int:
        """Fill the empty ledger with rows of `_extractor_listings`, all or none; returns how many.

        Args:
            rows: read in the writer's thread; pending and open ones are pending again.
            held: endpoints whose waiting listings are HELD.
            incidents: that the destination has and nobody resolved; they are not loaded again. They tell which
                listings were cut off.

        Raises:
            ValueError: the ledger isn't empty.
        """
        now = int(self._clock())
        return await self._ask(lambda store: store.fill(rows, held, incidents, now))

    async def forget_loaded(self, *, held: Collection[str] = ()) -> None:
        """The destination was deleted: all known listings are pending again (of endpoints in `held`, HELD).

        Chunks that wait are dropped with their incidents, since their pages are fetched again too. Nobody
        may be working on a listing.
        """
        await self._ask(lambda store: store.unlearn(held))

    async def ask_again(self, endpoints: Collection[str], *, held: Collection[str] = ()) -> None:
        """All listings of these endpoints are pending again (of those in `held`, HELD), from their beginning.

        What was loaded of them stays and is loaded over; their incidents are resolved until they are noted again.
        Nobody may be working on a listing.
        """
        now = int(self._clock())
        await self._ask(lambda store: store.ask_again(endpoints, held, now))

    async def take_up(
        self, endpoints: Collection[str], *, in_order: Collection[str] = (), after: int | None = None
    ) -> TakenUp:
        """What failed of these endpoints is pending again, from its beginning; `claim` finds that and what it names.

        So is what an earlier such attempt left, and all listings of an endpoint that was refused. All else that waits
        is left to the next process. What was loaded stays and is loaded over; incidents hold until `made_good`. Nobody
        may be working on a listing.

        Args:
            endpoints: that may be asked.
            in_order: those whose later records overwrite earlier ones: what was read after a failed listing is read
                again after it.
            after: `TakenUp.after` of the attempt that this one goes on with, None if there is none.
        """
        return await self._ask(lambda store: store.take_up(endpoints, in_order, after))

    async def restart(self) -> None:
        """Forget everything, meta too. Nobody may be working on a listing."""
        await self._ask(lambda store: store.restart())

    def _ask(self, call: Callable[[Store], _T]) -> Awaitable[_T]:
        return cast("Awaitable[_T]", self._writer.do(call))


def _text(text: str | None) -> str | None:
    """The text, which SQLite must be able to keep; raises `UnicodeEncodeError`, a `ValueError`."""
    if text is not None and not text.isascii():
        text.encode()
    return text


def _found_row(found: Found, seen_at: int) -> FoundRow:
    if found.state not in (State.HELD, State.PENDING, State.COMMITTED):
        raise ValueError(f"A listing of {found.endpoint} can't be found {found.state}.")
    _text(found.key)
    fields = orjson.dumps(dict(found.fields)).decode() if found.fields else None
    return FoundRow(found.endpoint, found.key, _text(found.parent), fields, CODES[found.state], seen_at)
