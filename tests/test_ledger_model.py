"""The ledger against a model that fits on a page, with crashes, for any order of calls."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from extractor.ledger import Ledger, incident_rows, listing_rows, status
from extractor.ledger.schema import STATES
from extractor.model import Found, Incident, IncidentKind, Listing, Page, State
from extractor.spool import read

Key = tuple[str, str]
endpoints = st.sampled_from(["roots", "items", "missing"])
founds = st.builds(
    Found,
    endpoint=endpoints,
    key=st.sampled_from("abcdefgh"),
    parent=st.sampled_from([None, "p"]),
    fields=st.sampled_from([{}, {"q": "1"}]),
    state=st.sampled_from([State.HELD, State.PENDING, State.COMMITTED]),
)
found_lists = st.lists(founds, max_size=4).map(tuple)
finals = st.sampled_from([State.COMMITTED, State.GONE, State.FAILED])
chunk_records = 6


@dataclass
class Row:
    """A listing of the model."""

    number: int
    parent: str | None
    fields: dict[str, str]
    state: State
    seen_at: int
    cursor: str | None = None
    records: int = 0
    pages: int = 0
    truncated: bool = False
    beside: Counter[str] = field(default_factory=Counter)
    written: State | None = None
    """What the last page of this chunk made of it; a crash makes it pending again, but not in that chunk's rows."""


@dataclass
class Chunk:
    touched: set[Key] = field(default_factory=set)
    frames: list[tuple[str, str, bytes]] = field(default_factory=list)
    records: int = 0
    incidents: bool = False


class Play(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folders = Path(tempfile.mkdtemp())
        self.starts = 0
        self.now = 0
        self.known: dict[Key, Row] = {}
        self.claimed: dict[int, Listing] = {}
        self.given: dict[str, dict[str, str]] = {"roots": {}, "items": {}, "missing": {}}
        self.chunk = Chunk()
        self.sealed: list[tuple[Chunk, set[tuple[object, ...]]]] = []
        self.loads: list[str] = []
        self.incidents: dict[str, int] = {}
        self.filling = 1

    @property
    def folder(self) -> Path:
        return self.folders / str(self.starts)

    async def _open(self) -> Ledger:
        return await Ledger.open(self.folder, chunk_records=chunk_records, clock=lambda: self.now)

    @initialize()
    def begin(self) -> None:
        self.ledger = self.runner.run(self._open())

    def teardown(self) -> None:
        self.runner.run(self.ledger.close())
        self.runner.close()
        shutil.rmtree(self.folders)

    # ── the model ───────────────────────────────────────────────────────────────────────────

    def _find(self, found: tuple[Found, ...]) -> None:
        new: dict[Key, Row] = {}
        for each in found:
            key = (each.endpoint, each.key)
            row = self.known.get(key)
            if row is None:
                row = self.known[key] = new[key] = Row(0, each.parent, dict(each.fields), each.state, self.now)
                self.chunk.touched.add(key)
            elif row.state is State.HELD and each.state is not State.HELD:
                row.state = each.state
                if each.state is State.COMMITTED:
                    row.seen_at = self.now
                    self.chunk.touched.add(key)
        # Listings of one step are in order only among those of the same endpoint and state.
        mentioned = list(dict.fromkeys(each.endpoint for each in found))
        last = len(self.known) - len(new)
        for n, (_, row) in enumerate(
            sorted(new.items(), key=lambda item: (mentioned.index(item[0][0]), STATES.index(item[1].state)))
        ):
            row.number = last + n + 1

    def _rows(self, keys: set[Key]) -> set[tuple[object, ...]]:
        return {
            (
                *key,
                row.parent,
                orjson.dumps(row.fields).decode() if row.fields else None,
                "pending" if row.state is State.HELD else str(row.written or row.state),
                row.cursor,
                row.records,
                row.pages,
                row.seen_at,
            )
            for key in keys
            for row in [self.known[key]]
        }

    def _seal(self) -> None:
        self.sealed.append((self.chunk, self._rows(self.chunk.touched)))
        for key in self.chunk.touched:
            self.known[key].written = None
        self.chunk = Chunk()

    # ── what is done to both ────────────────────────────────────────────────────────────────

    @rule(found=found_lists)
    def add(self, found: tuple[Found, ...]) -> None:
        self.now += 1
        self.runner.run(self.ledger.add(found))
        self._find(found)

    @rule(endpoint=endpoints, limit=st.integers(1, 5))
    def claim(self, endpoint: str, limit: int) -> None:
        got = self.runner.run(self.ledger.claim(endpoint, limit))
        waiting = sorted(
            row.number
            for (name, _), row in self.known.items()
            if name == endpoint and row.state in (State.PENDING, State.OPEN) and row.number not in self.claimed
        )
        assert [listing.id for listing in got] == waiting[:limit]
        by_number = {row.number: (key, row) for key, row in self.known.items()}
        for listing in got:
            (name, key), row = by_number[listing.id]
            fields = row.fields | self.given[endpoint]
            assert listing == Listing(
                id=row.number, endpoint=name, key=key, parent=row.parent, fields=fields, cursor=row.cursor
            )
            self.claimed[listing.id] = listing
            if row.cursor is None:
                row.records, row.pages, row.truncated, row.beside = 0, 0, False, Counter()

    @precondition(lambda self: self.claimed)
    @rule(
        data=st.data(),
        final=st.none() | finals,
        cursor=st.none() | st.text("xyz", max_size=3),
        payload=st.binary(max_size=9),
        records=st.integers(0, 4),
        found=found_lists,
        truncated=st.booleans(),
        beside=st.sampled_from(["", "", "notes", "missing"]),
        incident=st.booleans(),
    )
    def record(
        self,
        *,
        data: st.DataObject,
        final: State | None,
        cursor: str | None,
        payload: bytes,
        records: int,
        found: tuple[Found, ...],
        truncated: bool,
        beside: str,
        incident: bool,
    ) -> None:
        self.now += 1
        listing = data.draw(st.sampled_from(sorted(self.claimed.values(), key=lambda each: each.id)))
        key = (listing.endpoint, listing.key)
        page = Page(
            listing=listing,
            state=final or State.OPEN,
            payload=payload,
            records=records,
            cursor=cursor,
            found=found,
            truncated=truncated,
            beside=beside,
            incidents=(Incident(kind=IncidentKind.FAILED, endpoint=key[0], key=key[1]),) if incident else (),
        )
        self.runner.run(self.ledger.record(page))
        row = self.known[key]
        goes_on = page.state in (State.OPEN, State.FAILED)
        row.state, row.cursor, row.seen_at = page.state, cursor if goes_on else None, self.now
        row.written = page.state
        if beside:
            row.beside[beside] += records
        else:
            row.records += records
        row.pages += 1
        row.truncated |= truncated
        self.chunk.touched.add(key)
        self._find(found)
        if incident:
            self.incidents["/".join(key)] = self.filling
        if payload:
            self.chunk.frames.append((beside or key[0], key[1], payload))
            self.chunk.records += records
        if final:
            del self.claimed[listing.id]
            # A duplicate that comes late, as after a lost answer.
            self.runner.run(self.ledger.record(replace(page, state=State.COMMITTED)))
        if self.chunk.records >= chunk_records * (0.2 if self.filling == 1 else 4 if self.sealed else 1):
            self._seal()
            self.filling += 1

    @rule(endpoint=endpoints, fields=st.sampled_from([{}, {"given": "1"}, {"q": "2"}]))
    def release(self, endpoint: str, fields: dict[str, str]) -> None:
        held = [row for (name, _), row in self.known.items() if name == endpoint and row.state is State.HELD]
        assert self.runner.run(self.ledger.release(endpoint, fields)) == len(held)
        for row in held:
            row.state = State.PENDING
        self.given[endpoint] |= fields

    @rule()
    def seal(self) -> None:
        sealed = self.runner.run(self.ledger.seal())
        assert (sealed is None) == (not self.chunk.touched)
        if sealed is not None:
            assert sealed == self.filling
            self.filling += 1
            self._seal()

    @rule(fails=st.booleans())
    def load(self, fails: bool) -> None:
        chunk = self.runner.run(self.ledger.next_sealed())
        assert (chunk is None) == (not self.sealed)
        if chunk is None:
            return
        model, rows = self.sealed[0]
        assert {row for batch in listing_rows(self.folder, chunk.id) for row in batch} == rows
        frames = read(self.folder / "spool", chunk.id, size=chunk.bytes)
        assert [(frame.endpoint, frame.key, frame.payload) for frame in frames] == model.frames
        assert chunk.records == model.records
        incidents = {f"{row[2]}/{row[3]}" for batch in incident_rows(self.folder, chunk.id) for row in batch}
        assert incidents == {key for key, number in self.incidents.items() if number == chunk.id}
        self.runner.run(self.ledger.loading(chunk.id, f"L{self.now}"))
        if fails:
            assert self.runner.run(self.ledger.failed(chunk.id)) == chunk.attempts + 1
        else:
            self.runner.run(self.ledger.loaded(chunk.id))
            self.loads.append(f"L{self.now}")
            self.sealed.pop(0)

    @rule(torn=st.binary(max_size=40))
    def crash(self, torn: bytes) -> None:
        """A copy of the files at this moment is what a kill would have left; a frame was being written."""
        before = self.folder
        self.runner.run(self.ledger.summary())
        self.starts += 1
        shutil.copytree(before, self.folder)
        self.runner.run(self.ledger.close())
        with (self.folder / "spool" / f"{self.filling:08d}.pages").open("ab") as segment:
            segment.write(torn)
        self.ledger = self.runner.run(self._open())
        assert self.ledger.repaired == 0
        for row in self.known.values():
            if row.state is State.OPEN:
                row.state = State.PENDING
        self.claimed.clear()

    # ── what holds at all times ─────────────────────────────────────────────────────────────

    @invariant()
    def counts_agree(self) -> None:
        summary = status(self.folder)
        beside = sum((row.beside for row in self.known.values()), Counter[str]())
        if beside["notes"]:
            assert summary.endpoints["notes"].records == beside["notes"]
            assert sum(summary.endpoints["notes"].listings.values()) == summary.endpoints["notes"].pages == 0
        for endpoint in ("roots", "items", "missing"):
            rows = [row for (name, _), row in self.known.items() if name == endpoint]
            counts = {state: sum(row.state is state for row in rows) for state in STATES}
            assert self.ledger.counts(endpoint) == counts
            if rows:
                stored = summary.endpoints[endpoint]
                assert stored.listings == counts
                assert (stored.records, stored.pages, stored.truncated) == (
                    sum(row.records for row in rows) + beside[endpoint],
                    sum(row.pages for row in rows),
                    sum(row.truncated for row in rows),
                )
        assert summary.chunks == len(self.sealed)
        assert summary.unloaded == self.chunk.records + sum(chunk.records for chunk, _ in self.sealed)
        assert summary.backlog == self.ledger.backlog_bytes
        assert sum(summary.incidents.values()) == len(self.incidents)

    @invariant()
    def last_load_is_known(self) -> None:
        last = self.runner.run(self.ledger.last_loaded_load_id())
        assert last == (self.loads[-1] if self.loads else None)

    @invariant()
    def claimable_is_what_nobody_works_on(self) -> None:
        for endpoint in ("roots", "items", "missing"):
            assert self.ledger.claimable(endpoint) == sum(
                name == endpoint and row.state in (State.PENDING, State.OPEN) and row.number not in self.claimed
                for (name, _), row in self.known.items()
            )


Play.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
test_ledger_does_what_the_model_does = Play.TestCase
