"""The client turns a listing into pages: requests from the endpoint's description, records from the answers.

What the answers mean is decided here: gone, moved, refused, cut off, too large to be believed. How they were
come by (budgets, retries, connections) is the transport's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from extractor.bodies import Block, blocks, check, fingerprint, rows
from extractor.children import Family
from extractor.errors import BadBody, CredentialsError, Refused, RequestFailed, TimedOut, Unauthorized
from extractor.gate import kept_bytes
from extractor.model import (
    Afterwards,
    Answer,
    Call,
    Endpoint,
    Found,
    Incident,
    IncidentKind,
    Listing,
    Page,
    Request,
    Response,
    State,
    Vendor,
)
from extractor.paginate import once
from extractor.paths import LONGEST_VALUE, fill
from extractor.rawjson import elements
from extractor.transport import Transport
from extractor.windows import Window, before, is_slice

__all__ = ["Client"]

_ID_SHOWN = 200
"""Characters of an impossible id that an incident shows."""

_PROBED = 7
"""Longer windows (days) are not halved for an error before it is known that a single day has none."""


class Client:
    """Fetches listings of one vendor.

    Args:
        vendor: whose endpoints they are.
        family: says which listings the records name.
        transport: sends requests within the budgets and tries them again.
        loaded: endpoints whose records go to a table; of the others only the ids are kept.
        since: the first day that was asked for, None for all there is.
        until: the day after the last one.
        known: the vendor has let these credentials in before, in an earlier run.
    """

    def __init__(
        self,
        *,
        vendor: Vendor,
        family: Family,
        transport: Transport,
        loaded: frozenset[str],
        since: date | None,
        until: date,
        known: bool = False,
    ) -> None:
        self._vendor = vendor
        self._endpoints = {endpoint.name: endpoint for endpoint in vendor.endpoints}
        self._family = family
        self._transport = transport
        self._loaded = loaded
        self._since = since
        self._until = until
        self._let_in = False
        self._known = known

    async def pages(self, listing: Listing) -> AsyncGenerator[Page]:
        """All pages of a listing, the last one in a final state.

        Raises:
            CredentialsError: the vendor lets nobody in with them, right at the first request.
            Refused: the credentials may not read this endpoint.
            Unauthorized: the vendor does not know the credentials any more.
        """
        endpoint = self._endpoints[listing.endpoint]
        paginator = (endpoint.paginate or once)(listing.cursor)
        call = next(paginator)
        while True:
            answer = await self._ask(endpoint, listing, call)
            if isinstance(answer, Page):
                yield self._last(answer)
                return
            response, limited = answer
            records: list[dict[str, object]] = []
            page = Page(listing=listing, state=State.OPEN)
            try:
                for number, block in enumerate(blocks(endpoint, response)):
                    if number:  # the last one is kept back: it may be the listing's last, too
                        yield page
                    page = self._page(endpoint, listing, block)
                    if endpoint.paginate is not None:
                        records += block.records
            except BadBody as error:
                if page.records or page.incidents:
                    yield page
                yield self._last(self._failed(listing, error))
                return
            finally:
                if response.file is not None:
                    response.file.close()
            try:
                call = paginator.send(Answer(records=records, limited=limited))
            except StopIteration as stop:
                empty = not page.records and not page.incidents
                yield self._last(replace(page, state=State.COMMITTED, truncated=bool(stop.value)), empty=empty)
                return
            yield replace(page, cursor=call.cursor)

    # ── one request ─────────────────────────────────────────────────────────────────────────

    async def _ask(self, endpoint: Endpoint, listing: Listing, call: Call) -> tuple[Response, bool] | Page:
        """The answer and whether it was cut off, or the page that ends the listing without one."""
        try:
            request = self._request(endpoint, listing, call)
            response = await self._transport.send(request)
        except TimedOut as error:
            return self._halved(listing) or self._failed(listing, error)
        except RequestFailed as error:
            return await self._smaller(endpoint, listing) or self._failed(listing, error)
        if not 200 <= response.status < 300:
            if response.status in (400, 413, 422) and (halved := await self._smaller(endpoint, listing)):
                return halved
            return self._ended(endpoint, listing, request, response)
        self._let_in = True
        if endpoint.windows is None or response.file is None:
            return response, _limited(endpoint, response)
        try:
            near = await asyncio.to_thread(rows, endpoint, response.file) >= endpoint.windows.near
        except BadBody as error:
            response.file.close()
            return await self._smaller(endpoint, listing) or self._failed(listing, error)
        except BaseException:
            response.file.close()
            raise
        if near and (halved := self._halved(listing)):
            response.file.close()
            return halved
        return response, near

    def _request(self, endpoint: Endpoint, listing: Listing, call: Call) -> Request:
        params = endpoint.params(listing) if callable(endpoint.params) else endpoint.params
        body = None
        timeouts = 6
        if endpoint.windows is not None:
            window = Window.of(listing.key)
            body = endpoint.windows.ask(window.start, window.end)
            # A window that takes too long is halved, and not asked for again and again.
            timeouts = 1 if window.days > 1 else timeouts
        return Request(
            endpoint=endpoint.name,
            path=fill(endpoint.path, {"key": listing.key}),
            params=params + call.params,
            method=endpoint.method,
            json=body,
            budgets=endpoint.budgets,
            accept=partial(check, endpoint),
            download=endpoint.download,
            timeout=endpoint.timeout,
            timeouts=timeouts,
        )

    def _ended(self, endpoint: Endpoint, listing: Listing, request: Request, response: Response) -> Page:
        """What a status other than success means here."""
        status = response.status
        incident = partial(Incident, endpoint=endpoint.name, key=listing.key, status=status, path=request.path)
        # In a later run the first request may be the one that was refused in an earlier one.
        nobody = status == 403 or (status == 404 and not endpoint.parents)
        if not self._let_in and (status == 401 or (nobody and not self._known)):
            raise CredentialsError(self._not_let_in(endpoint, status))
        self._let_in = True
        if status == 401:
            raise Unauthorized(f"{self._vendor.name} does not accept the credentials any more (401 at {endpoint.name})")
        if status == 403:
            raise Refused(
                f"{self._vendor.name} does not let these credentials read {endpoint.name} (403)",
                status=status,
                path=request.path,
            )
        if status in endpoint.moved:
            key = endpoint.moved_to(response) if endpoint.moved_to else None
            detail = f"has the id {key} now" if key else "has another id now, which the answer does not name"
            return Page(
                listing=listing,
                state=State.GONE,
                found=self._family.renamed(listing, key) if key else (),
                incidents=(incident(kind=IncidentKind.MOVED, detail=detail, gap=not key),),
            )
        if status in endpoint.gone:
            gone = incident(kind=IncidentKind.GONE, detail="the vendor has no such record any more", gap=False)
            return Page(listing=listing, state=State.GONE, incidents=(gone,))
        failed = incident(kind=IncidentKind.FAILED, detail=f"the vendor answered with status {status}")
        return Page(listing=listing, state=State.FAILED, incidents=(failed,))

    def _not_let_in(self, endpoint: Endpoint, status: int) -> str:
        """What to tell who came with credentials that don't work at the very first request."""
        name = self._vendor.name
        section = f"[sources.{name}_source] in .dlt/secrets.toml"
        if status == 404:
            address = f"{self._vendor.account} or base_url"
            return f"{name} has nothing at {endpoint.path} (404): check {address} in {section}."
        names = " and ".join(one.name for one in self._vendor.settings if one.name != self._vendor.account)
        what = "does not know these credentials" if status == 401 else "gives these credentials no access"
        return f"{name} {what} ({status}): check {names} in {section}, and the permissions of that user."

    def _failed(self, listing: Listing, error: RequestFailed) -> Page:
        failed = Incident(
            kind=IncidentKind.FAILED,
            endpoint=listing.endpoint,
            key=listing.key,
            status=error.status,
            path=error.path,
            detail=str(error),
            attempts=error.attempts,
        )
        return Page(listing=listing, state=State.FAILED, incidents=(failed,))

    # ── windows ─────────────────────────────────────────────────────────────────────────────

    def _halved(self, listing: Listing) -> Page | None:
        """The end of a window that is too large, with its halves; None if it is a day long, or no window."""
        if self._endpoints[listing.endpoint].windows is None:
            return None
        window = Window.of(listing.key)
        if window.days < 2:
            return None
        halves = tuple(Found(endpoint=listing.endpoint, key=half.key, parent=listing.key) for half in window.halves())
        return Page(listing=listing, state=State.COMMITTED, found=halves)

    async def _smaller(self, endpoint: Endpoint, listing: Listing) -> Page | None:
        """The end of a window that the vendor answers with an error, with its halves, if shorter ones may do better.

        A report that an account does not have is refused at any length. Without a look at single days that would
        be found out by asking for every day there is, at a few requests a minute.
        """
        halved = self._halved(listing)
        if halved is None:
            return None
        window = Window.of(listing.key)
        if window.days <= _PROBED:
            return halved
        # The middle first: a vendor's own limits are at the ends, today and long ago.
        middle, last = window.start + timedelta(days=window.days // 2), window.end - timedelta(days=1)
        for day in (middle, last, window.start):
            single = Window(day, day + timedelta(days=1))
            if await self._can_be_had(endpoint, replace(listing, key=single.key)):
                return halved
        return None

    async def _can_be_had(self, endpoint: Endpoint, listing: Listing) -> bool:
        try:
            response = await self._transport.send(self._request(endpoint, listing, Call()))
        except RequestFailed:
            return False
        if response.file is not None:
            response.file.close()
        return 200 <= response.status < 300

    def _last(self, page: Page, *, empty: bool = False) -> Page:
        """The page that ends its listing, with the window before it."""
        return replace(page, found=page.found + self._earlier(page, empty=empty))

    def _earlier(self, page: Page, *, empty: bool) -> tuple[Found, ...]:
        """The window before this one, unless this is a whole empty one, which ends the walk back through time."""
        windows = self._endpoints[page.listing.endpoint].windows
        if windows is None or self._since is not None:
            return ()
        window = Window.of(page.listing.key)
        if not is_slice(windows, window, self._until):
            return ()
        if empty and window.days == windows.days:
            return ()
        earlier = before(windows, window)
        return (Found(endpoint=page.listing.endpoint, key=earlier.key, parent=page.listing.key),) if earlier else ()

    # ── records ─────────────────────────────────────────────────────────────────────────────

    def _page(self, endpoint: Endpoint, listing: Listing, block: Block) -> Page:
        """A page of the block; it is the caller who knows whether more follow."""
        loaded = endpoint.name in self._loaded
        payload, records = block.payload, len(block.records)
        if endpoint.keep is not None:
            lines = endpoint.records.shape == "lines"
            # The records keep their bytes: written again, NaN would become null and a long integer a rounded one.
            written = payload.split(b"\n") if lines else elements(payload)
            both = zip(block.records, written, strict=True)
            kept = [raw for record, raw in both if endpoint.keep(record, listing.fields)]
            payload, records = b"\n".join(kept), len(kept)
        found = self._family.found(listing, block.records)
        impossible = [child for child in found if not _storable(child.key)]
        if impossible:
            found = tuple(child for child in found if _storable(child.key))
        incidents = tuple(
            Incident(
                kind=IncidentKind.MALFORMED,
                endpoint=endpoint.name,
                key=f"{listing.key}#{fingerprint(line)}",
                detail="a line that is no record",
                record=kept_bytes(line),
                # A route that repeats what lists hold loses nothing with a line that can't be read.
                gap=loaded and not isinstance(endpoint.held, Afterwards),
            )
            for line in block.malformed
        )
        return Page(
            listing=listing,
            state=State.OPEN,
            payload=payload if records and loaded else b"",
            records=records,
            found=found,
            incidents=incidents + tuple(map(_impossible, impossible)),
        )


def _limited(endpoint: Endpoint, response: Response) -> bool:
    if endpoint.cap is None:
        return False
    # The header is text: "false" would be true. Where it is missing, a list that is just full is suspected.
    said = response.headers.get(endpoint.cap.header)
    if said is not None:
        return said.strip().lower() == "true"
    return isinstance(response.content, list) and len(response.content) >= endpoint.cap.size


def _storable(key: str) -> bool:
    """Whether a listing can have this key: the ledger holds UTF-8, and no URL is that long."""
    try:
        return len(key.encode()) <= LONGEST_VALUE
    except UnicodeEncodeError:
        return False


def _impossible(child: Found) -> Incident:
    raw = child.key.encode("utf-8", "backslashreplace")
    return Incident(
        kind=IncidentKind.FAILED,
        endpoint=child.endpoint,
        key=f"{raw.decode()[:_ID_SHOWN]}#{fingerprint(raw)}",
        detail="an id that can't be asked for: it is too long or holds lone surrogates",
        attempts=0,
    )
