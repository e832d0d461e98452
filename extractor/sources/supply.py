"""The engine in a thread of its own, with its own loop; whoever reads its pages keeps it waiting if they are slow.

What waits to be asked for waits in a ledger like that of any run, in a folder that goes with the thread. Payloads never
lie there.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from extractor import ids
from extractor.ledger import IncidentRow, Ledger, incident_rows
from extractor.model import Page
from extractor.roots import needs_beginning, roots
from extractor.run.fetching import Fetching
from extractor.run.job import Job
from extractor.run.loop import in_loop
from extractor.run.resume import Standing
from extractor.windows import Span

__all__ = ["Supply"]

_AHEAD = 64
"""Pages that may wait to be read; then fetching waits, too."""

_Handed = tuple[str, str, bytes]
"""Endpoint, listing key, payload."""


class Supply:
    """The pages of one job, as they come.

    To be entered, read to its end, and left; who leaves early stops it. Neither thread, connection nor folder outlives
    that.

    Args:
        job: what is fetched.

    Attributes:
        incidents: all that happened, once the pages have been read to their end.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._handed: SimpleQueue[_Handed | None] = SimpleQueue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._failure: BaseException | None = None
        self._changing = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[object]] | None = None
        self._left = False
        # Nobody can leave what a forgotten iterator holds, and the interpreter waits for all other threads.
        self._thread = threading.Thread(target=self._run, name=f"extractor-{job.vendor.name}", daemon=True)
        self.incidents: Sequence[IncidentRow] = ()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._left = True
            if self._running is not None:
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)
        self._thread.join()

    def __iter__(self) -> Iterator[list[_Handed]]:
        """All pages that are there, then those that have come meanwhile, and so on; blocks while there are none.

        Raises:
            ExtractorError: what ended the engine, once the pages that came before it have been read.
        """
        while (page := self._handed.get()) is not None:
            pages = [page]
            while not self._handed.empty() and (page := self._handed.get()) is not None:
                pages.append(page)
            self._make_room(len(pages))
            yield pages
            if page is None:
                break
        if self._failure is not None:
            raise self._failure

    def _make_room(self, pages: int) -> None:
        with self._changing:
            if self._running is not None:
                loop, _ = self._running
                loop.call_soon_threadsafe(self._release, pages)

    def _release(self, pages: int) -> None:
        for _ in range(pages):
            self._room.release()

    # ── in the other thread ─────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            in_loop(self._supply())
        except BaseException as error:  # noqa: BLE001 - it is raised where the pages are read
            self._failure = error
        finally:
            self._handed.put(None)

    async def _supply(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines of a loop run in tasks
        with self._changing:
            if self._left:
                return
            self._running = (asyncio.get_running_loop(), task)
        try:
            # Only its user may look into it.
            with tempfile.TemporaryDirectory(prefix="extractor-") as folder:
                await self._fetch(Path(folder))
        finally:
            with self._changing:
                self._running = None

    async def _fetch(self, folder: Path) -> None:
        job = replace(self._job, place=replace(self._job.place, folder=folder))
        standing = _standing(job)
        ledger = await Ledger.open(folder)
        try:
            await ledger.add(list(standing.roots(standing.span)))
            fetching = Fetching(standing=standing, ledger=ledger, phase=_untold, keep=partial(self._keep, ledger))
            try:
                await fetching.run()
            finally:
                await fetching.close()
            await ledger.made_good()
            chunk = await ledger.seal()
            if chunk is not None:
                self.incidents = list(chain.from_iterable(incident_rows(folder, chunk)))
        finally:
            await ledger.close()

    async def _keep(self, ledger: Ledger, page: Page) -> None:
        if page.payload:
            await self._room.acquire()
            self._handed.put((page.beside or page.listing.endpoint, page.listing.key, page.payload))
        await ledger.record(replace(page, payload=b""))


def _standing(job: Job) -> Standing:
    """Where a run stands of which nobody knows anything yet."""
    vendor, fetched = job.vendor, job.selection.fetched
    until = job.until or datetime.now(UTC).date() + timedelta(days=1)
    span = Span(since=job.since, until=until)
    named = list(ids.listings(vendor, job.ids, fetched)) if job.ids is not None else []
    some_days = job.since is not None or job.until is not None
    return Standing(
        job=job,
        span=span,
        roots=partial(roots, vendor, fetched, lists=job.settings.lists, given=job.given, named=named),
        ask_beginning=needs_beginning(vendor, fetched, span),
        all_history=not (some_days and any(one.windows is not None for one in job.fetched)),
        known=False,
        nothing_to_do=False,
    )


def _untold(_: str) -> None:
    pass
