"""Listings that ask in their own words: an exchange makes the requests and reads the answers, here they become pages.

What a status means, what is masked and which listings are asked for is as with every other listing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace

from extractor.answers import Answers, failed
from extractor.calls import below
from extractor.errors import Refused, RequestFailed
from extractor.model import Endpoint, Exchange, Listing, Page, Request, Response, State
from extractor.pages import Pages
from extractor.paths import build_url
from extractor.transport import Transport

__all__ = ["Exchanges"]

_REDIRECTS = (301, 302, 303, 307, 308)
_KEEP_THE_METHOD = (307, 308)
_FOLLOWED = 10
"""Redirects of one request in a row; more are a circle."""


class Exchanges:
    """Carries exchanges on.

    Args:
        transport: sends requests within the budgets and tries them again.
        base_urls: of the vendor's APIs, '' for the main one: redirects that lead elsewhere are not followed.
        answers: judge what is no success.
        pages: made of what was read.
    """

    def __init__(self, transport: Transport, base_urls: Mapping[str, str], answers: Answers, pages: Pages) -> None:
        self._transport = transport
        self._base_urls = base_urls
        self._answers = answers
        self._pages = pages

    async def pages(
        self, endpoint: Endpoint, begin: Callable[[Listing], Exchange], listing: Listing
    ) -> AsyncGenerator[Page]:
        """All pages of a listing, the last one in a final state.

        One that fails keeps its cursor: what was read before it need not be read again.

        Raises:
            CredentialsError, Refused, Unauthorized, QuotaSpent: as `Client.pages` does.
        """
        exchange = begin(listing)
        cursor = listing.cursor
        # What was read waits until it is known whether more follows.
        page: Page | None = None
        path = endpoint.path
        try:
            while (request := exchange.ask()) is not None:
                if page is not None:
                    yield page
                    page = None
                path = request.path
                response = await self._send(endpoint, request)
                if not response.good(request):
                    yield replace(self._answers.ended(endpoint, listing, request, response), cursor=cursor)
                    return
                self._answers.arrived(endpoint)
                page = self._pages.reading(endpoint, listing, exchange.answered(response))
                cursor = page.cursor
                # What was decoded must not wait with the page for the disk.
                del response
        except Refused:
            raise
        except RequestFailed as error:
            if page is not None:
                yield page
            error.path = error.path or path
            yield replace(failed(listing, error), cursor=cursor)
            return
        yield replace(page or Page(listing=listing, state=State.OPEN), state=State.COMMITTED, cursor=None)

    async def _send(self, endpoint: Endpoint, request: Request) -> Response:
        """The answer to a request, or to what it redirects to within the API.

        Raises:
            RequestFailed: there is none, or the redirect leads elsewhere.
        """
        response = await self._transport.send(request)
        for _ in range(_FOLLOWED):
            if response.good(request) or response.status not in _REDIRECTS or "location" not in response.headers:
                break
            request = self._redirected(endpoint, request, response)
            response = await self._transport.send(request)
        return response

    def _redirected(self, endpoint: Endpoint, request: Request, response: Response) -> Request:
        """The request that a redirect asks for; as browsers do, most of them ask for a GET."""
        base_url = self._base_urls[request.api]
        came_from = build_url(base_url, request.path, request.params)
        path, params = below(base_url, endpoint, came_from, response.headers["location"])
        request = replace(request, path=path, params=params)
        if response.status in _KEEP_THE_METHOD or request.method in ("GET", "HEAD"):
            return request
        return replace(request, method="GET", json=None, content=None)
