"""How far one listing has got, and what its answers say about how much more there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from extractor.bodies import rows
from extractor.jobs import Done, Place
from extractor.model import Endpoint, Listing, Page, Response, State
from extractor.paginate import field_of, once
from extractor.paging import Paging

__all__ = ["Walk", "limited", "near"]


class Walk:
    """One listing under way.

    Args:
        place, job: of an endpoint whose answers come from a job.

    Attributes:
        page: the last one of the answer at hand, which waits for what the paginator says.
        beside: others of this answer, of endpoints beside this one.
        over: the page that ends the listing, whatever the paginator wants.
        first: no answer has come yet since the listing's beginning.
        empty: no record has come since then.
        near: the answer at hand is the first one, and as large as one that is cut off.
    """

    def __init__(
        self, endpoint: Endpoint, listing: Listing, place: Place | None = None, job: Done | None = None
    ) -> None:
        here = place.cursor if place else listing.cursor
        self.endpoint = endpoint
        self.listing = listing
        self.job = job
        self.paging = Paging(endpoint.paginate or once, here)
        self.over: Page | None = None
        self.first = self.empty = here is None
        self.near = False
        self._place = place
        self.begin()

    def begin(self) -> None:
        """Note that a call is made. Until its answer is read to the end, a later run has to make it again."""
        self.page = Page(listing=self.listing, state=State.OPEN, cursor=self.cursor)
        self.beside: list[Page] = []

    @property
    def cursor(self) -> str | None:
        """Where a later run can start with the paginator's call."""
        cursor = self.paging.call.cursor
        return replace(self._place, cursor=cursor).text if self._place else cursor


async def near(endpoint: Endpoint, response: Response) -> bool:
    """Whether the first answer for a window has so many records that it is suspected to be cut off.

    Raises:
        BadBody: a table can't be read to its end.
    """
    windows = endpoint.windows
    if windows is None or not windows.near:
        return False
    if response.file is not None and endpoint.records.shape == "csv":
        return await asyncio.to_thread(rows, endpoint, response.file) >= windows.near
    count = field_of(response.content, windows.counted)
    return isinstance(count, int) and count >= windows.near


def limited(endpoint: Endpoint, response: Response, count: int) -> bool:
    """Whether the vendor has cut off an answer with so many records."""
    if endpoint.cap is None:
        return False
    # The header is text: "false" would be true. Where it is missing, a list that is just full is suspected.
    said = response.headers.get(endpoint.cap.header)
    if said is not None:
        return said.strip().lower() == "true"
    return count >= endpoint.cap.size
