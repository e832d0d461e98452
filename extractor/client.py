"""The client turns a listing into pages: requests from the endpoint's description, records from the answers.

How the answers were come by (budgets, retries, connections) is the transport's; what is in them is `pages`, what a
status means `answers`, how windows are cut `slices`, how far a listing has got `walk`. A listing that asks in its own
words goes through `exchanges`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from extractor.answers import Answers, failed
from extractor.bodies import blocks
from extractor.calls import Calls
from extractor.children import Family
from extractor.errors import BadBody, RequestFailed, TimedOut
from extractor.exchanges import Exchanges
from extractor.jobs import Jobs, Place, Unwanted
from extractor.mask import Masking
from extractor.model import Answer, Call, Endpoint, Job, Listing, Page, Response, State, Vendor
from extractor.pages import Pages
from extractor.slices import Slices
from extractor.transport import Transport
from extractor.walk import Walk, limited, near
from extractor.windows import Window

__all__ = ["Client"]

T = TypeVar("T")

_PROBED = 7
"""Longer windows (days) are not halved for an error before it is known that a single day has none."""

_REJECTIONS = (400, 413, 414, 422)
"""Statuses besides 5xx after which a paginator may ask in another way."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A request that came to nothing.

    Attributes:
        passing: another request for the same may do better.
    """

    error: RequestFailed | Unwanted
    passing: bool

    @property
    def status(self) -> int | None:
        """Of the answer, None if there was none."""
        return self.error.response.status if isinstance(self.error, Unwanted) else self.error.status


class Client:
    """Fetches listings of one vendor.

    Args:
        vendor: whose endpoints they are.
        family: says which listings the records name.
        transport: sends requests within the budgets and tries them again.
        base_urls: of the vendor's APIs, '' for the main one: links that lead elsewhere are not followed.
        loaded: endpoints whose records go to a table; of the others only the ids are kept.
        since: the first day that was asked for, None for all there is.
        until: the day after the last one.
        known: the vendor has let these credentials in before, in an earlier run.
        given: what the user gives with `--param`: endpoint -> parameters.
        masking: fields that no page may show.
        say: told what is left of a quota of the vendor's.
    """

    def __init__(
        self,
        *,
        vendor: Vendor,
        family: Family,
        transport: Transport,
        base_urls: Mapping[str, str],
        loaded: frozenset[str],
        since: date | None,
        until: date,
        known: bool = False,
        given: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
        masking: Masking | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in vendor.endpoints}
        self._transport = transport
        self._answers = Answers(vendor, family, known=known)
        self._calls = Calls(base_urls, given or {})
        self._jobs = Jobs(transport, say=say)
        self._pages = Pages(vendor, family, loaded, masking)
        self._exchanges = Exchanges(transport, base_urls, self._answers, self._pages)
        self._slices = Slices(vendor, since=since, until=until)

    def pages(self, listing: Listing) -> AsyncGenerator[Page]:
        """All pages of a listing, the last one in a final state.

        Raises:
            CredentialsError: the vendor lets nobody in with them, right at the first request.
            Refused: the credentials may not read this endpoint.
            Unauthorized: the vendor does not know the credentials any more.
            QuotaSpent: the vendor's quota is needed by others.
        """
        endpoint = self._endpoints[listing.endpoint]
        if endpoint.exchange is not None:
            return self._exchanges.pages(endpoint, endpoint.exchange, listing)
        if endpoint.job is not None:
            return self._work(endpoint, endpoint.job, listing)
        return self._walk(Walk(endpoint, listing))

    # ── jobs ────────────────────────────────────────────────────────────────────────────────

    async def _work(self, endpoint: Endpoint, job: Job, listing: Listing) -> AsyncGenerator[Page]:
        """The results of a job, which is created if the listing has none."""
        place = Place.of(listing.cursor)
        # One that is gone is created anew once.
        for _ in range(2):
            if not place.job:
                created = await self._ended_by(endpoint, listing, self._created(endpoint, job, listing))
                if isinstance(created, Page):
                    yield created
                    return
                place = Place(created)
                yield Page(listing=listing, state=State.OPEN, cursor=place.text)
            done = await self._ended_by(endpoint, listing, self._jobs.wait(endpoint, job, place.job))
            if isinstance(done, Page):
                yield done
                return
            if done is not None:
                break
            place = Place()
        else:
            gone = RequestFailed(f"{endpoint.name}: the vendor does not know the job that it has just created")
            yield self._slices.last(failed(listing, gone))
            return
        if done.cut_off and (halved := self._slices.halved(listing)):
            yield self._slices.last(halved)
            return
        async with aclosing(self._walk(Walk(endpoint, listing, place, done))) as pages:
            async for page in pages:
                yield page

    async def _created(self, endpoint: Endpoint, job: Job, listing: Listing) -> str:
        return await self._jobs.create(endpoint, job, self._calls.request(endpoint, listing, Call()))

    async def _ended_by(self, endpoint: Endpoint, listing: Listing, step: Awaitable[T]) -> T | Page:
        """What the step brings, or the page that ends the listing because of it."""
        try:
            result = await step
        except Unwanted as error:
            return self._slices.last(self._answers.ended(endpoint, listing, error.request, error.response))
        except RequestFailed as error:
            return self._slices.last(failed(listing, error))
        self._answers.arrived(endpoint)
        return result

    # ── pages ───────────────────────────────────────────────────────────────────────────────

    async def _walk(self, walk: Walk) -> AsyncGenerator[Page]:
        """What the paginator asks for, page by page."""
        while True:
            response = await self._answer(walk)
            if isinstance(response, _Trouble):
                if not response.passing or not walk.paging.rejected(response.status):
                    walk.over = await self._given_up(walk.endpoint, walk.listing, response)
            else:
                try:
                    walk.over = await self._left(walk, response)
                    if walk.over is None:
                        for page in self._read(walk, response):
                            yield page
                finally:
                    if response.file is not None:
                        response.file.close()
            # Decoded records take seven times the room of their bytes: none may wait with a page for the disk.
            del response
            for page in self._rest(walk):
                walk.page = page
                yield page
            if walk.page.state.final:
                return
            walk.begin()

    def _read(self, walk: Walk, response: Response) -> Iterator[Page]:
        """The pages of one answer, but for the last: the paginator has yet to say whether more follow."""
        endpoint, listing = walk.endpoint, walk.listing
        records: list[object] = []
        count = 0
        try:
            for number, block in enumerate(blocks(endpoint, response)):
                before_it = walk.page
                walk.page = self._pages.page(endpoint, listing, block, before_it.cursor)
                count += len(block.records) + len(block.malformed)
                if endpoint.paginate is not None:
                    records += block.records
                del block
                if number:
                    yield before_it
                del before_it
            walk.beside += self._pages.beside(endpoint, listing, response)
        except BadBody as error:
            walk.over = failed(listing, error)
            return
        walk.empty = walk.empty and not count
        cut_off = walk.near or limited(endpoint, response, count)
        walk.paging.answered(Answer(records=records, content=response.content, limited=cut_off))
        if walk.first and not walk.paging.ended and (pieces := self._slices.in_pieces(listing)):
            walk.page, walk.beside, walk.over = Page(listing=listing, state=State.OPEN), [], pieces
        walk.first = False

    async def _left(self, walk: Walk, response: Response) -> Page | None:
        """The end of a window whose first answer shows that it is too large."""
        try:
            walk.near = walk.first and await near(walk.endpoint, response)
        except BadBody as error:
            return await self._smaller(walk.endpoint, walk.listing) or failed(walk.listing, error)
        return self._slices.halved(walk.listing) if walk.near else None

    def _rest(self, walk: Walk) -> Iterator[Page]:
        """The last page of an answer and what stands beside it, now that the paginator has been told."""
        paging, page = walk.paging, walk.page
        if paging.error is not None:
            walk.over = failed(walk.listing, paging.error, because="the vendor's list does not end: ")
        for beside in walk.beside:
            yield replace(beside, cursor=page.cursor)
        if walk.over is not None:
            if page.records or page.incidents:
                yield page
            yield self._slices.last(walk.over)
        elif not paging.ended:
            yield replace(page, cursor=walk.cursor)
        else:
            yield self._whole(
                page, cut_off=paging.cut_off or (walk.job is not None and walk.job.cut_off), empty=walk.empty
            )

    def _whole(self, page: Page, *, cut_off: bool, empty: bool) -> Page:
        """The last page of a list that was read to its end, or to where the vendor cut it off."""
        halved = self._slices.halved(page.listing) if cut_off else None
        found = halved.found if halved else ()
        page.state, page.cursor = State.COMMITTED, None
        page.found += found
        page.truncated = cut_off and not found
        return self._slices.last(page, empty=empty and not cut_off)

    # ── one request ─────────────────────────────────────────────────────────────────────────

    async def _answer(self, walk: Walk) -> Response | _Trouble:
        endpoint, listing, call = walk.endpoint, walk.listing, walk.paging.call
        try:
            if walk.job:
                request = self._calls.results(endpoint, listing, walk.job.results, call)
            else:
                request = self._calls.request(endpoint, listing, call)
        except RequestFailed as error:
            return _Trouble(error, passing=False)
        try:
            response = await self._transport.send(request)
        except RequestFailed as error:
            return _Trouble(error, passing=True)
        status = response.status
        if not response.good(request):
            return _Trouble(Unwanted(request, response), passing=status in _REJECTIONS or status >= 500)
        self._answers.arrived(endpoint)
        return response

    async def _given_up(self, endpoint: Endpoint, listing: Listing, trouble: _Trouble) -> Page:
        """What becomes of a listing whose request came to nothing."""
        error = trouble.error
        halved = None
        if isinstance(error, TimedOut):
            halved = self._slices.halved(listing)
        elif trouble.passing:
            halved = await self._smaller(endpoint, listing)
        if halved is not None:
            return halved
        if isinstance(error, Unwanted):
            return self._answers.ended(endpoint, listing, error.request, error.response)
        return failed(listing, error)

    async def _smaller(self, endpoint: Endpoint, listing: Listing) -> Page | None:
        """The end of a window that the vendor answers with an error, with its halves, if shorter ones may do better.

        A report that an account does not have is refused at any length. Without a look at single days that would
        be found out by asking for every day there is, at a few requests a minute.
        """
        halved = self._slices.halved(listing)
        if halved is None or endpoint.job is not None or Window.of(listing.key).days <= _PROBED:
            return halved
        for day in self._slices.single_days(listing):
            if await self._can_be_had(endpoint, day):
                return halved
        return None

    async def _can_be_had(self, endpoint: Endpoint, listing: Listing) -> bool:
        response = await self._answer(Walk(endpoint, listing))
        if isinstance(response, _Trouble):
            return False
        if response.file is not None:
            response.file.close()
        return True
