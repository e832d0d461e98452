"""What `requests` would send, taken apart for a request of ours."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import requests

from extractor.errors import UnsafePath
from extractor.paths import origin, same_origin
from extractor.rest_api.addresses import elsewhere

__all__ = ["body", "headers", "path_and_query", "prepared"]

# Whoever sends says these.
_OF_THE_BODY = "content-length"


def prepared(base_url: str, request: requests.Request) -> requests.PreparedRequest:
    """The request as `requests` would send it: parameters in the query, the body encoded, its type named.

    Raises:
        ForeignOrigin: it leads elsewhere than the base URL.
        UnsafePath: it can't be sent.
    """
    link = request.url
    if isinstance(link, str):
        # Many write blanks into a query as they are; anywhere else no two parsers read them alike.
        path, mark, query = link.partition("?")
        link = request.url = path + mark + query.replace(" ", "%20")
    if not isinstance(link, str) or not same_origin(base_url, link):
        raise elsewhere("the next link", str(link))
    if request.auth or request.files:
        raise UnsafePath("a paginator gave the request credentials or files, which can't be carried")
    try:
        ready = request.prepare()
    except (requests.RequestException, ValueError, TypeError, AttributeError) as error:
        raise UnsafePath(f"the request can't be made ({type(error).__name__})") from error
    # `requests` may read the address in another way.
    if origin(ready.url or "") != origin(base_url):
        raise elsewhere("the next link", str(ready.url))
    return ready


def path_and_query(url: str | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Path and decoded parameters of an address."""
    parts = urlsplit(url or "")
    # Bytes that are no UTF-8 become lone surrogates, which can't be sent: better no request than another one.
    return parts.path or "/", tuple(parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape"))


def headers(ready: requests.PreparedRequest) -> dict[str, str]:
    """Headers as text, without those that say how long the body is."""
    return {
        name: value if isinstance(value, str) else value.decode("latin-1")
        for name, value in ready.headers.items()
        if name.lower() != _OF_THE_BODY
    }


def body(ready: requests.PreparedRequest) -> bytes | None:
    """The body.

    Raises:
        UnsafePath: it can be sent once only.
    """
    if ready.body is None or isinstance(ready.body, bytes):
        return ready.body
    if isinstance(ready.body, str):
        return ready.body.encode()
    raise UnsafePath(f"a body of the kind {type(ready.body).__name__} can't be sent again")
