"""The half of a run that asks the vendor: from its roots until nothing is left that anybody named, and judged.

Whoever has it done says what becomes of a page; that is how it differs from one command, or source, to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import date

from extractor.children import Family
from extractor.client import Client
from extractor.completeness import judge, let_go, truncated
from extractor.engine import Engine
from extractor.errors import QuotaSpent, Refused
from extractor.failures import Failures
from extractor.ledger import Ledger
from extractor.model import Incident, IncidentKind, Listing, Page
from extractor.redact import Redactor
from extractor.run.beginning import beginning, witnesses
from extractor.run.connection import connect
from extractor.run.resume import Standing

__all__ = ["Fetching"]


class Fetching:
    """All that one run asks for.

    Args:
        standing: where the run stands at its start.
        ledger: where listings wait.
        phase: told, in a few words, what the run does or waits for.
        keep: takes each page; when it returns, the ledger has it and what it names.
        full: true while nothing more may be fetched.

    Attributes:
        connection: to the vendor.
        let_in: the vendor has answered in this run.
        spent: quotas that were used up, with what they left to a later run.
    """

    def __init__(
        self,
        *,
        standing: Standing,
        ledger: Ledger,
        phase: Callable[[str], None],
        keep: Callable[[Page], Awaitable[None]],
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._job = job = standing.job
        self._standing = standing
        self._ledger = ledger
        self._phase = phase
        self._keep = keep
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
            full=full,
        )
        self._looking_back: asyncio.Task[date | None] | None = None
        self._stopped = False
        self.let_in = False
        self.spent: list[QuotaSpent] = []
        ledger.on_work = self._engine.look_again

    @property
    def open(self) -> int:
        """Listings that are being read."""
        return self._engine.open

    def look_again(self) -> None:
        """Say that there may be room again."""
        self._engine.look_again()

    def stop(self) -> None:
        """Begin nothing more: `run` returns when what is open is done."""
        self._stopped = True
        self._engine.stop()

    def abandon(self) -> None:
        """Let go of what is open, too."""
        if self._looking_back is not None:
            self._looking_back.cancel()
        self._engine.abandon()

    async def close(self) -> None:
        """Close what is open to the vendor."""
        await self.connection.transport.close()

    async def run(self) -> None:
        """Fetch all there is and judge what the vendor cut off; after `stop`, less.

        Raises:
            ExtractorError: it is no use to go on.
        """
        self._phase("knocking at the vendor's door")
        if self._standing.ask_beginning:
            await self._look_back()
        selection = self._job.selection
        while True:
            await self._walk()
            # What waits for all else waits for what a quota or another run left over, too; so does the judgement.
            if self._stopped or self.spent or self._standing.left:
                return
            if not await let_go(self._job.vendor, self._ledger, selection.fetched, selection.unheld):
                break
            self._phase("fetching what no list delivered")
        all_history = self._standing.all_history
        judgement = await judge(self._job.vendor, self._ledger, selection.fetched, all_history=all_history)
        for endpoint, keys in judgement.completed.items():
            await self._ledger.resolve(IncidentKind.TRUNCATED, [endpoint], keys)
        await self._ledger.note(judgement.missing)

    async def _walk(self) -> None:
        failure: BaseException | None = None
        try:
            await self._engine.run(None if self.let_in else self._enter)
        except BaseExceptionGroup as group:
            failure = _first(group)
        if failure is not None:
            raise failure

    def _enter(self) -> None:
        self.let_in = True
        self._phase("fetching")

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
        await self._keep(page)
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


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error behind a group, which others may have followed."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
