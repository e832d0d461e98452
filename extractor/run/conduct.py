"""Fetching and loading side by side, until all is done or somebody stops it.

The two halves meet on disk only: the engine puts pages into the ledger, the loader takes sealed chunks out of it in
their order. Either may stand still without the other.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from aiolimiter import AsyncLimiter

from extractor.errors import (
    DestinationError,
    ExtractorError,
    LoadFailed,
    QuotaSpent,
    StorageError,
    UsageError,
)
from extractor.ledger import Ledger
from extractor.load import LoadProcess
from extractor.load.own import INCIDENTS, LISTINGS
from extractor.model import Incident
from extractor.run.fetching import Fetching
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
        loaded: rows of the vendor's that went into the destination in this run.
    """

    def __init__(self, *, ledger: Ledger, loads: LoadProcess, standing: Standing, phase: Callable[[str], None]) -> None:
        self._job = standing.job
        self._ledger = ledger
        self._loads = loads
        self._phase = phase
        self._fetching = Fetching(
            standing=standing, ledger=ledger, phase=phase, keep=ledger.record, full=lambda: self._full
        )
        self.connection = self._fetching.connection
        self._sealed = asyncio.Event()
        self._full = False
        self._fetched = False
        self._leave_by = 0.0
        self.stopped = False
        self.failure: ExtractorError | None = None
        self.loaded = 0
        ledger.on_sealed = self._sealed.set

    @property
    def in_flight(self) -> int:
        """Requests that are out."""
        return self.connection.limited.in_flight

    @property
    def spent(self) -> Sequence[QuotaSpent]:
        """Quotas that were used up, with what they left to a later run."""
        return self._fetching.spent

    def stop(self) -> None:
        """End within ten seconds: what is open is finished, what is fetched is kept."""
        if not self.stopped:
            self.stopped = True
            self._leave_by = time.monotonic() + _DRAIN
            self._phase("stopping: finishing what is open")
            self._fetching.stop()
            asyncio.get_running_loop().call_later(_DRAIN_FETCH, self._fetching.abandon)

    async def run(self) -> None:
        """Fetch and load all there is; `stopped` and `failure` say whether it came to that."""
        watch = asyncio.create_task(self._watch())
        loading = asyncio.create_task(self._load())
        loading.add_done_callback(lambda _: self._fetching.stop())
        try:
            try:
                await self._fetching.run()
            except ExtractorError as error:
                self.failure = self.failure or error
            # A call that must change first leaves nothing behind: no dataset, no account that the pipeline belongs to.
            hopeless = isinstance(self.failure, StorageError | UsageError)
            if not hopeless:
                await self._ledger.made_good()
                await self._ledger.seal()
            self._fetched = True
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
            await self._fetching.close()

    # ── loading ─────────────────────────────────────────────────────────────────────────────

    async def _load(self) -> None:
        away_since: float | None = None
        looks = AsyncLimiter(1, _AWAY_PAUSE)
        await self._loads.warm()
        while True:
            self._sealed.clear()
            chunk = await self._ledger.next_sealed()
            if chunk is None:
                if self._fetched:
                    return
                await self._sealed.wait()
                continue
            all_fetched = self._fetched
            try:
                announced = partial(self._loading, chunk.id)
                loaded = await self._loads.load(chunk.id, chunk.bytes, announced, attempts=chunk.attempts)
            except (LoadFailed, DestinationError) as error:
                await self._ledger.failed(chunk.id)
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > _AWAY_PATIENCE or all_fetched:
                    raise
                self._phase(f"fetching; the load waits: {error}")
                await looks.acquire()
                continue
            away_since = None
            await self._ledger.loaded(chunk.id)
            self.loaded += sum(rows for table, rows in loaded.rows.items() if table not in (LISTINGS, INCIDENTS))
            self._fetching.look_again()

    async def _loading(self, chunk: int, load_id: str, incidents: Sequence[Incident]) -> None:
        await self._ledger.loading(chunk, load_id, incidents)

    # ── the clock ───────────────────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        """Seal by time, and hold the engine while too much waits to be loaded or the disk is nearly full."""
        sealed = time.monotonic()
        while True:
            await asyncio.sleep(min(_LOOK_EVERY, self._job.commit_every))
            due = time.monotonic() - sealed >= self._job.commit_every
            if self._fetching.let_in and due and not self._sealed.is_set():
                sealed = time.monotonic()
                await self._ledger.seal()
                self._sealed.set()
            free = shutil.disk_usage(self._job.place.folder).free
            full = self._ledger.backlog_bytes >= _SPOOL_CAP or free < _FREE_AT_LEAST
            if full != self._full:
                self._full = full
                self._phase("waiting for the load: the spool is full" if full else "fetching")
                self._fetching.look_again()
