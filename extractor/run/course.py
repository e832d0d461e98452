"""The course of a run: ledger, destination and vendor are opened, the two halves conducted, the account closed."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from extractor.account import ExitCode, Outcome, Snapshot
from extractor.errors import ExtractorError, StorageError, UsageError
from extractor.ledger import Ledger
from extractor.load import LoadProcess, describe
from extractor.mask import Mask, declared
from extractor.model import Vendor
from extractor.run.closing import share_used, tables, verdict
from extractor.run.job import Job, Place, unknown
from extractor.run.loop import in_loop, signals
from extractor.run.progress import Watch, counts
from extractor.run.resume import Standing, finish

if TYPE_CHECKING:
    from extractor.run.conduct import Conductor

__all__ = ["Begin", "Course"]

Begin = Callable[[Job, Ledger, LoadProcess], Awaitable[Standing]]
"""Brings ledger and destination together, and says where the run stands."""


class Course:
    """One run.

    Args:
        work_out: makes the job of the call; it asks dlt's configuration, and importing dlt takes its time.
        begin: from where on it goes.
        nothing: what to say where there is nothing to do.
        masks: those of the job, for the types of its columns.
        known: an earlier run has begun the pipeline, or there is nothing to do it with.
    """

    def __init__(
        self,
        vendor: Vendor,
        where: Place,
        work_out: Callable[[], Job],
        begin: Begin,
        *,
        nothing: str,
        progress: Callable[[Snapshot], None] | None,
        keep_raw: bool = False,
        masks: tuple[Mask, ...] = (),
        known: bool = False,
    ) -> None:
        self._masks = masks
        self._begin = begin
        self._nothing = nothing
        self._keep_raw = keep_raw
        self._known = known
        self._vendor = vendor
        self._place = where
        self._work_out = work_out
        self._watch = Watch(progress or _unseen)
        self._conductor: Conductor | None = None
        self._signal: ExitCode | None = None
        self._told: list[str] = []
        self._showing: asyncio.Task[None] | None = None

    def run(self) -> Outcome:
        """To its end.

        Raises:
            UsageError: the call, the settings, the credentials or the destination must change first.
            RunFailed: the ledger failed, or the load process can't be started: there is nothing to give an account of.
        """
        return in_loop(self._run())

    async def _run(self) -> Outcome:
        began = time.monotonic()
        main = asyncio.current_task()
        assert main is not None  # noqa: S101 - coroutines of a loop run in tasks
        try:
            with signals(lambda code: self._stop(code, main)):
                new = not self._place.folder.exists()
                ledger = await self._open()
                try:
                    return await self._with(ledger, began)
                finally:
                    # What is shown is looked up in the ledger.
                    await self._shown()
                    await ledger.close()
                    if new and self._conductor is None:
                        _remove(self._place.folder)
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            return Outcome(
                code=self._signal,
                message="Interrupted before anything was fetched.",
                vendor=self._vendor.name,
                pipeline=self._place.pipeline,
                dataset=self._place.dataset,
                where=self._place.destination,
                seconds=time.monotonic() - began,
            )

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

    async def _with(self, ledger: Ledger, began: float) -> Outcome:
        described = declared(self._vendor, self._masks)
        loads = LoadProcess(
            self._place.folder,
            self._place.target(self._vendor),
            describe(described.endpoints),
            waiting=self._watch.say,
        )
        try:
            # Both import dlt, and this one what it fetches with; two processes do it on two cores.
            starting = asyncio.create_task(loads.start())
            try:
                job, conducted_by = await asyncio.to_thread(self._worked_out)
                # Of a mistake in the call the one message tells, and nothing else.
                self._showing = asyncio.create_task(self._watch.run())
                await starting
            finally:
                starting.cancel()
                await asyncio.wait([starting])
            await loads.hide(job.settings.secrets)
            if self._known and ledger.empty and not await loads.exists():
                raise unknown(self._place, self._vendor)
            where = await loads.open()
            standing = await self._begin(job, ledger, loads)
            job = standing.job
            self._told = standing.told
            conductor = conducted_by(ledger=ledger, loads=loads, standing=standing, phase=self._watch.say)
            self._conductor = conductor
            self._watch.follow(job, conductor, ledger)
            if not standing.nothing_to_do:
                for left in conductor.connection.quotas():
                    self._watch.say(left)
                    await self._watch.show()
                await conductor.run()
                if not conductor.stopped and not conductor.spent and conductor.failure is None:
                    await finish(job, ledger, whole=not standing.left)
            await self._watch.show()
            return await self._outcome(job, ledger, loads, where, began, nothing_to_do=standing.nothing_to_do)
        finally:
            await loads.stop()

    def _worked_out(self) -> tuple[Job, type[Conductor]]:
        from extractor.run.conduct import Conductor  # noqa: PLC0415 - brings aiohttp, while the load process starts

        return self._work_out(), Conductor

    async def _shown(self) -> None:
        if self._showing is not None:
            self._showing.cancel()
            # What ails the ledger is told by those who need it.
            with suppress(asyncio.CancelledError, ExtractorError):
                await self._showing

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
            message = f"{self._nothing} {message}"
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


def _remove(folder: Path) -> None:
    """What a call with a mistake in it has made, if it was the first one."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


def _unseen(_: Snapshot) -> None:
    pass
