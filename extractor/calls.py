"""Requests: an endpoint, a listing and what its paginator asks for become one HTTP request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl, urljoin, urlsplit

from extractor.bodies import check
from extractor.errors import ForeignOrigin
from extractor.model import Call, Endpoint, Listing, Request
from extractor.paths import build_url, fill, origin, same_origin
from extractor.windows import Window

__all__ = ["Calls", "about", "below"]

Params = tuple[tuple[str, str], ...]

_TIMEOUTS = 6

_HOST_SHOWN = 100
"""Characters of a foreign host that a message shows."""


class Calls:
    """Makes requests.

    Args:
        base_urls: of the vendor's APIs, '' for the main one: where links may lead.
        given: what the user gives with `--param`: endpoint -> parameters.
    """

    def __init__(self, base_urls: Mapping[str, str], given: Mapping[str, Params]) -> None:
        self._base_urls = base_urls
        self._given = given

    def request(self, endpoint: Endpoint, listing: Listing, call: Call) -> Request:
        """The endpoint's request for a listing.

        Raises:
            UnsafePath: the key can't be sent as one path segment.
            ForeignOrigin: the call follows a link that leads out of the API.
        """
        path = fill(endpoint.path, {**listing.fields, "key": about(endpoint, listing)})
        body = None
        if endpoint.windows is not None and endpoint.windows.body is not None:
            window = Window.of(listing.key)
            body = endpoint.windows.body(window.start, window.end, listing.about)
        path, params = self._address(endpoint, path, self._params(endpoint, listing), call)
        return Request(
            endpoint=endpoint.name,
            path=path,
            params=params,
            api=endpoint.api,
            method=endpoint.method,
            json=body,
            budgets=endpoint.budgets,
            accept=partial(check, endpoint),
            answers=endpoint.answers,
            once=endpoint.writes,
            download=endpoint.download,
            timeout=endpoint.timeout,
            timeouts=_timeouts(endpoint, listing),
        )

    def results(self, endpoint: Endpoint, listing: Listing, path: str, call: Call) -> Request:
        """A request for the results of a job, which are at `path`.

        Raises:
            ForeignOrigin: as above.
        """
        path, params = self._address(endpoint, path, (), call)
        return Request(
            endpoint=endpoint.name,
            path=path,
            params=params,
            api=endpoint.api,
            budgets=endpoint.budgets,
            accept=partial(check, endpoint),
            download=endpoint.download,
            timeout=endpoint.timeout,
            timeouts=_timeouts(endpoint, listing),
        )

    def _params(self, endpoint: Endpoint, listing: Listing) -> Params:
        params = endpoint.params(listing) if callable(endpoint.params) else endpoint.params
        if endpoint.windows is not None and endpoint.windows.params is not None:
            window = Window.of(listing.key)
            params += endpoint.windows.params(window.start, window.end)
        if endpoint.key_param:
            params += ((endpoint.key_param, about(endpoint, listing)),)
        return params + self._given.get(endpoint.name, ())

    def _address(self, endpoint: Endpoint, path: str, params: Params, call: Call) -> tuple[str, Params]:
        """Path and parameters: the link's own, or the endpoint's with those of the call in their place."""
        if call.link:
            base_url = self._base_urls[endpoint.api]
            return below(base_url, endpoint, build_url(base_url, path), call.link)
        replaced = {name for name, _ in call.params}
        return path, tuple(param for param in params if param[0] not in replaced) + call.params


def about(endpoint: Endpoint, listing: Listing) -> str:
    """What the listing's requests are about: its key, without the window if it has one."""
    return listing.key if endpoint.windows is None else listing.about


def _timeouts(endpoint: Endpoint, listing: Listing) -> int:
    """A window that takes too long is halved, and not asked for again and again."""
    return 1 if endpoint.windows is not None and Window.of(listing.key).days > 1 else _TIMEOUTS


def below(base_url: str, endpoint: Endpoint, address: str, link: str) -> tuple[str, Params]:
    """Path below the base URL and parameters of the address that a link means, seen from the one it came from.

    Raises:
        ForeignOrigin: it leads elsewhere. The message names the host, never the query, which may hold a token.
    """
    base = base_url.rstrip("/")
    if same_origin(base, link):
        parts = urlsplit(urljoin(address, link))
        root = urlsplit(base).path
        if origin(f"{parts.scheme}://{parts.netloc}") == origin(base) and parts.path.startswith(f"{root}/"):
            # Bytes that are no UTF-8 become lone surrogates, which can't be sent: better no request than another one.
            query = parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
            return parts.path.removeprefix(root), tuple(query)
    raise ForeignOrigin(f"{endpoint.name}: the next link leads elsewhere: {_host(link)}", path=endpoint.path)


def _host(link: str) -> str:
    """The host that a link names, fit for a message."""
    try:
        host = urlsplit(link).hostname or "no path below the base URL"
    except ValueError:
        host = "no address"
    return host.encode("ascii", "backslashreplace").decode()[:_HOST_SHOWN]
