"""Fetching and loading side by side, until all is done or somebody stops it.

The two halves meet on disk only: the engine puts pages into the ledger, the loader takes sealed chunks out of it in
their order. Either may stand still without the other.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial

from aiolimiter import AsyncLimiter

from extractor.children import Family
from extractor.client import Client
from extractor.completeness import judge, let_go, truncated
from extractor.engine import Engine
from extractor.errors import (
    DestinationError,
    ExtractorError,
    LoadFailed,
    QuotaSpent,
    Refused,
    StorageError,
    UsageError,
)
from extractor.failures import Failures
from extractor.ledger import Ledger
from extractor.load import LoadProcess
from extractor.model import Incident, IncidentKind, Listing, Page
from extractor.redact import Redactor
from extractor.run.beginning import beginning, witnesses
from extractor.run.connection import connect
from extractor.run.resume import Standing

__all__ = ["Conductor"]

_SPOOL_CAP = 2 << 30
"""Bytes that may wait to be loaded; then fetching stops until some are."""
_FREE_AT_LEAST = 512 << 20
"""Bytes of disk left free, several chunks' worth: what is sealed must still be loadable."""
_LOOK_EVERY = 1.0
_DRAIN = 10.0
_DRAIN_FETCH = 4.0
"""Of the ten seconds after an interrupt, those that open requests have; the rest is for loading."""
_AWAY_PATIENCE = 1800.0
_AWAY_PAUSE = 15.0


class Conductor:
    """One run of one job.

    Args:
        standing: where the run stands at its start.
        phase: told, in a few words, what the run does or waits for.

    Attributes:
        connection: to the vendor.
        stopped: somebody asked it to end early.
        failure: why it ended early by itself.
        spent: quotas that were used up, with what they left to a later run.
        loaded: rows that went into the destination in this run.
    """

    def __init__(self, *, ledger: Ledger, loads: LoadProcess, standing: Standing, phase: Callable[[str], None]) -> None:
        self._job = job = standing.job
        self._standing = standing
        self._ledger = ledger
        self._loads = loads
        self._phase = phase
        of_the_beginning = [
            one for one in job.vendor.endpoints if standing.ask_beginning and one.name in job.vendor.beginning
        ]
        self.connection = connect(job, [*job.fetched, *of_the_beginning])
        self._redactor = Redactor(job.settings.secrets)
        self._failures = Failures(job.max_failures, vendor=job.vendor.name)
        self._family = Family(job.vendor, job.selection.fetched, job.selection.unheld, standing.span)
        self._client = self._client_of(self._family, job.selection.loaded, known=standing.known)
        self._endpoints = {one.name: one for one in job.fetched}
        self._engine = Engine(
            endpoints=[one.name for one in job.fetched],
            lanes={one.name: one.budgets for one in job.fetched},
            apis={one.name: one.api for one in job.fetched},
            width=self.connection.limited.width,
            work=ledger,
            fetch=self._pages,
            emit=self._record,
            refused=self._refused,
            full=lambda: self._full,
        )
        self._looking_back: asyncio.Task[date | None] | None = None
        self._sealed = asyncio.Event()
        self._full = False
        self._fetching = True
        self._let_in = False
        self._leave_by = 0.0
        self.stopped = False
        self.failure: ExtractorError | None = None
        self.spent: list[QuotaSpent] = []
        self.loaded = 0
        ledger.on_work = self._engine.look_again
        ledger.on_sealed = self._sealed.set

    @property
    def in_flight(self) -> int:
        """Requests that are out."""
        return self.connection.limited.in_flight

    def stop(self) -> None:
        """End within ten seconds: what is open is finished, what is fetched is kept."""
        if not self.stopped:
            self.stopped = True
            self._leave_by = time.monotonic() + _DRAIN
            self._phase("stopping: finishing what is open")
            self._engine.stop()
            asyncio.get_running_loop().call_later(_DRAIN_FETCH, self._abandon)

    def _abandon(self) -> None:
        if self._looking_back is not None:
            self._looking_back.cancel()
        self._engine.abandon()

    async def run(self) -> None:
        """Fetch and load all there is; `stopped` and `failure` say whether it came to that."""
        watch = asyncio.create_task(self._watch())
        loading = asyncio.create_task(self._load())
        try:
            try:
                await self._fetch(loading)
            except* ExtractorError as group:
                self.failure = self.failure or _first(group)
            # A call that must change first leaves nothing behind: no dataset, no account that the pipeline belongs to.
            hopeless = isinstance(self.failure, StorageError | UsageError)
            if not hopeless:
                await self._ledger.made_good()
                await self._ledger.seal()
            self._fetching = False
            self._sealed.set()
            if hopeless:
                loading.cancel()
            elif self.stopped:
                await asyncio.wait([loading], timeout=max(0.0, self._leave_by - time.monotonic()))
                loading.cancel()
            else:
                self._phase("loading what was fetched")
            with suppress(asyncio.CancelledError):
                await loading
        except ExtractorError as error:
            self.failure = self.failure or error
        finally:
            for task in (watch, loading):
                task.cancel()
            await asyncio.gather(watch, loading, return_exceptions=True)
            await self.connection.transport.close()

    # ── fetching ────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, loading: asyncio.Task[None]) -> None:
        loading.add_done_callback(lambda _: self._engine.stop())
        self._phase("knocking at the vendor's door")
        if self._standing.ask_beginning:
            await self._look_back()
        await self._engine.knock()
        self._let_in = True
        self._phase("fetching")
        while True:
            await self._engine.run()
            # What waits for all else waits for what a quota or another run left over, too; so does the judgement.
            if self.stopped or loading.done() or self.spent or self._standing.left:
                return
            selection = self._job.selection
            if not await let_go(self._job.vendor, self._ledger, selection.fetched, selection.unheld):
                break
            self._phase("fetching what no list delivered")
        fetched, all_history = self._job.selection.fetched, self._standing.all_history
        judgement = await judge(self._job.vendor, self._ledger, fetched, all_history=all_history)
        for endpoint, keys in judgement.completed.items():
            await self._ledger.resolve(IncidentKind.TRUNCATED, [endpoint], keys)
        await self._ledger.note(judgement.missing)

    async def _look_back(self) -> None:
        """Find out where history begins, and add the windows from there on.

        It comes before all else: the records of a first page may already name children that have such windows.
        """
        job = self._job
        client = self._client_of(witnesses(job.vendor), frozenset(), known=self._standing.known)
        self._looking_back = asyncio.create_task(beginning(job.vendor, client.pages))
        try:
            await asyncio.wait([self._looking_back])
        finally:
            self._looking_back.cancel()
        if self._looking_back.cancelled():
            return
        try:
            begins = self._looking_back.result()
        except QuotaSpent as error:
            needy = next(one for one in job.fetched if one.windows and one.windows.begin == "beginning")
            await self._refused(Listing(id=0, endpoint=needy.name, key=""), error)
            return
        await self._ledger.set_meta(beginning=begins.isoformat() if begins else "")
        self._family.span = replace(self._standing.span, beginning=begins)
        await self._ledger.add(list(self._standing.roots(self._family.span)))
        self._client = self._client_of(self._family, job.selection.loaded, known=True)

    def _client_of(self, family: Family, loaded: frozenset[str], *, known: bool) -> Client:
        job = self._job
        return Client(
            vendor=job.vendor,
            family=family,
            transport=self.connection.transport,
            loaded=loaded,
            since=job.since,
            until=self._standing.span.until,
            known=known,
            base_urls=job.settings.base_urls,
            given=job.params,
            masking=job.masking,
            say=self._phase,
        )

    def _pages(self, listing: Listing) -> AsyncGenerator[Page]:
        return self._client.pages(listing)

    async def _record(self, page: Page) -> None:
        if page.truncated:
            cut_off = truncated(self._endpoints[page.listing.endpoint], page.listing.key)
            page = replace(page, incidents=(*page.incidents, cut_off))
        if page.incidents:
            clean = tuple(replace(one, detail=self._redactor.clean(one.detail)) for one in page.incidents)
            page = replace(page, incidents=clean)
        await self._ledger.record(page)
        self._failures.count(page)

    async def _refused(self, listing: Listing, error: Refused | QuotaSpent) -> None:
        if isinstance(error, QuotaSpent):
            self.spent.append(error)
        incident = Incident(
            kind=IncidentKind.QUOTA if isinstance(error, QuotaSpent) else IncidentKind.REFUSED,
            endpoint=listing.endpoint,
            key=listing.key,
            status=None if isinstance(error, QuotaSpent) else 403,
            detail=self._redactor.clean(str(error)),
        )
        await self._ledger.note([incident])

    # ── loading ─────────────────────────────────────────────────────────────────────────────

    async def _load(self) -> None:
        away_since: float | None = None
        looks = AsyncLimiter(1, _AWAY_PAUSE)
        while True:
            self._sealed.clear()
            chunk = await self._ledger.next_sealed()
            if chunk is None:
                if not self._fetching:
                    return
                await self._sealed.wait()
                continue
            try:
                announced = partial(self._loading, chunk.id)
                loaded = await self._loads.load(chunk.id, chunk.bytes, announced, attempts=chunk.attempts)
            except (LoadFailed, DestinationError) as error:
                await self._ledger.failed(chunk.id)
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > _AWAY_PATIENCE or not self._fetching:
                    raise
                self._phase(f"fetching; the load waits: {error}")
                await looks.acquire()
                continue
            away_since = None
            await self._ledger.loaded(chunk.id)
            self.loaded += sum(loaded.rows.values())
            self._engine.look_again()

    async def _loading(self, chunk: int, load_id: str, incidents: Sequence[Incident]) -> None:
        await self._ledger.loading(chunk, load_id, incidents)

    # ── the clock ───────────────────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        """Seal by time, and hold the engine while too much waits to be loaded or the disk is nearly full."""
        sealed = time.monotonic()
        while True:
            await asyncio.sleep(min(_LOOK_EVERY, self._job.commit_every))
            due = time.monotonic() - sealed >= self._job.commit_every
            if self._let_in and due and not self._sealed.is_set():
                sealed = time.monotonic()
                await self._ledger.seal()
                self._sealed.set()
            free = shutil.disk_usage(self._job.place.folder).free
            full = self._ledger.backlog_bytes >= _SPOOL_CAP or free < _FREE_AT_LEAST
            if full != self._full:
                self._full = full
                self._phase("waiting for the load: the spool is full" if full else "fetching")
                self._engine.look_again()


def _first(group: BaseExceptionGroup[ExtractorError]) -> ExtractorError:
    """The error behind a group, which others may have followed."""
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("a group has at least one")
