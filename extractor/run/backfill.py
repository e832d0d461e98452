"""`backfill`: load everything a vendor has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path

from extractor import vendors
from extractor.account import ExitCode, Outcome, Snapshot
from extractor.errors import ExtractorError, StorageError, UsageError
from extractor.ledger import Ledger
from extractor.load import LoadProcess, describe
from extractor.run.closing import share_used, tables, verdict
from extractor.run.conduct import Conductor
from extractor.run.job import Job, Place, place
from extractor.run.loop import in_loop, signals
from extractor.run.progress import Watch, counts
from extractor.run.resume import finish, resume

__all__ = ["backfill"]


def backfill(
    vendor: str,
    *,
    pipeline: object | None = None,
    only: Sequence[str] = (),
    also: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    destination: str = "duckdb",
    pipeline_name: str | None = None,
    dataset: str | None = None,
    rate_share: float = 1.0,
    commit_every: float = 30.0,
    keep_raw: bool = False,
    ids: Path | None = None,
    allow_writes: bool = False,
    params: Mapping[str, str] | None = None,
    fresh: bool = False,
    settings: Mapping[str, str | Sequence[str]] | None = None,
    progress: Callable[[Snapshot], None] | None = None,
) -> Outcome:
    """Load everything a vendor has; called again, it goes on where it was.

    Args:
        vendor: its name, `gladly`.
        pipeline: a dlt pipeline whose name, dataset and destination are used.
        only, also: resources instead of, or beside, the default ones.
        since, until: days (UTC), the second one excluded.
        rate_share: part of the vendor's limit to use, above 0 and up to 1.
        commit_every: seconds.
        keep_raw: pages stay on disk after they are loaded.
        ids: a CSV file of records to fetch besides.
        allow_writes: resources may be named whose requests change something at the vendor.
        params: what resources that are named must be told.
        fresh: forget what was loaded and load everything again.
        settings: credentials and addresses; what is missing comes from dlt's configuration.
        progress: called twice a second.

    Raises:
        UsageError: the call, the settings, the credentials or the destination must change first.
    """
    where = place(vendor, pipeline=pipeline, pipeline_name=pipeline_name, dataset=dataset, destination=destination)
    work_out = partial(
        Job.of,
        vendor,
        place=where,
        only=only,
        also=also,
        since=since,
        until=until,
        rate_share=rate_share,
        commit_every=commit_every,
        ids=ids,
        fresh=fresh,
        settings=settings,
        allow_writes=allow_writes,
        params=params,
    )
    return in_loop(_Backfill(vendor, where, work_out, progress or _nothing, keep_raw=keep_raw).run())


def _nothing(_: Snapshot) -> None:
    pass


# ── one run ─────────────────────────────────────────────────────────────────────────────────


class _Backfill:
    """One run.

    Args:
        work_out: makes the job of the call; it asks dlt's configuration, and importing dlt takes its time.
    """

    def __init__(
        self,
        vendor: str,
        where: Place,
        work_out: Callable[[], Job],
        progress: Callable[[Snapshot], None],
        *,
        keep_raw: bool,
    ) -> None:
        self._keep_raw = keep_raw
        self._vendor = vendor
        self._place = where
        self._work_out = work_out
        self._watch = Watch(progress)
        self._conductor: Conductor | None = None
        self._signal: ExitCode | None = None
        self._told: list[str] = []

    async def run(self) -> Outcome:
        began = time.monotonic()
        main = asyncio.current_task()
        assert main is not None  # noqa: S101 - coroutines of a loop run in tasks
        showing = asyncio.create_task(self._watch.run())
        try:
            with signals(lambda code: self._stop(code, main)):
                # A mistake in the call leaves nothing behind. Later starts don't wait for it: they have a folder.
                job = None if self._place.folder.exists() else self._work_out()
                ledger = await self._open()
                try:
                    return await self._with(ledger, job, began)
                finally:
                    # It looks into the ledger.
                    await _ended(showing)
                    await ledger.close()
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            return Outcome(
                code=self._signal,
                message="Interrupted before anything was fetched.",
                vendor=self._vendor,
                pipeline=self._place.pipeline,
                dataset=self._place.dataset,
                where=self._place.destination,
                seconds=time.monotonic() - began,
            )
        finally:
            await _ended(showing)

    def _stop(self, code: ExitCode, main: asyncio.Task[object]) -> None:
        self._signal = code
        if self._conductor is not None:
            self._conductor.stop()
        else:
            main.cancel()

    async def _open(self) -> Ledger:
        try:
            return await Ledger.open(self._place.folder, keep_raw=self._keep_raw)
        except StorageError as error:
            # Before the first request it is the folder that is wrong, not the run.
            raise UsageError(str(error)) from error

    async def _with(self, ledger: Ledger, ready: Job | None, began: float) -> Outcome:
        described = vendors.load(self._vendor)
        loads = LoadProcess(
            self._place.folder,
            self._place.target(self._vendor),
            describe(described.endpoints),
            waiting=self._watch.say,
        )
        try:
            self._watch.say("opening the destination")
            # Both import dlt; two processes do it on two cores.
            starting = asyncio.create_task(loads.start())
            try:
                job = await asyncio.to_thread(self._work_out) if ready is None else ready
                await starting
            finally:
                starting.cancel()
                await asyncio.wait([starting])
            where = await loads.open()
            standing = await resume(job, ledger, loads)
            self._told = standing.told
            conductor = Conductor(job=job, ledger=ledger, loads=loads, standing=standing, phase=self._watch.say)
            self._conductor = conductor
            self._watch.follow(job, conductor, ledger)
            if not standing.nothing_to_do:
                for left in conductor.connection.quotas():
                    self._watch.say(left)
                    await self._watch.show()
                await conductor.run()
                if not conductor.stopped and not conductor.spent and conductor.failure is None:
                    await finish(job, ledger)
            await self._watch.show()
            return await self._outcome(job, ledger, loads, where, began, nothing_to_do=standing.nothing_to_do)
        finally:
            await loads.stop()

    async def _outcome(
        self, job: Job, ledger: Ledger, loads: LoadProcess, where: str, began: float, *, nothing_to_do: bool
    ) -> Outcome:
        conductor = self._conductor
        summary = await ledger.summary()
        endpoints = counts(job.fetched, job.selection.loaded, summary)
        failure = conductor.failure if conductor else None
        waiting = sum(one.waiting for one in endpoints)
        code, message = verdict(summary, waiting, failure, self._signal, conductor.spent if conductor else ())
        if isinstance(failure, UsageError):
            raise failure
        rows = None
        if self._signal is None:
            with suppress(ExtractorError):
                rows = await loads.count()
        budgets = conductor.connection.budgets.values() if conductor else ()
        done = nothing_to_do and code in (ExitCode.COMPLETE, ExitCode.PARTIAL)
        if done:
            message = f"Nothing to do: everything was committed before. {message}"
        return Outcome(
            code=code,
            message=" ".join([*self._told, message]),
            vendor=job.vendor.name,
            pipeline=job.place.pipeline,
            dataset=job.place.dataset,
            where=where,
            seconds=time.monotonic() - began,
            requests=conductor.connection.traffic.sent if conductor else 0,
            throttled=sum(one.tally.refused for one in budgets),
            pauses=sum(one.tally.pauses for one in budgets),
            share=share_used(budgets),
            tables=tables(endpoints, rows),
            incidents={str(kind): count for kind, count in summary.incidents.items()},
            next=f"dlt pipeline {job.place.pipeline} show" if code in (ExitCode.COMPLETE, ExitCode.PARTIAL) else "",
            nothing_to_do=done,
        )


async def _ended(showing: asyncio.Task[None]) -> None:
    showing.cancel()
    # What ails the ledger is told by those who need it.
    with suppress(asyncio.CancelledError, ExtractorError):
        await showing
