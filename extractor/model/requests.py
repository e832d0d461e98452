"""One HTTP request and its answer, as every layer of the transport sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["Request", "Response"]


@dataclass(kw_only=True, slots=True)
class Request:
    """One HTTP request below the base URL of one of a vendor's APIs; only `wanted` and `begun` are set afterwards.

    Attributes:
        endpoint: name of the endpoint, for messages and counts.
        path: begins with "/", percent-encoded, without query.
        params: query parameters in order, not yet encoded; a name may repeat.
        api: which of the vendor's APIs; '' for the main one.
        json: body to send as JSON, or None.
        content: body to send as it stands, instead; its type is among the headers.
        budgets: names of the vendor's budgets that this request counts against, each of them.
        accept: turns a 2xx answer into what the endpoint promises or raises `BadBody`,
            which is retried as a server's failure is.
        answers: statuses besides 2xx that are as good.
        once: it changes something at the vendor, and is never sent again after it may have arrived.
        download: the body goes to an unnamed file instead of memory.
        timeout: seconds for the whole answer, from the first byte sent to the last received.
        timeouts: how many tries may end in a timeout; 1 for requests whose listing can be halved.
        wanted: asked when its turn among those that wait for the budgets comes; if it says no, nothing is sent. Set by
            the layer that tries again.
        begun: called when the head of an answer has come. Set by the layer that keeps the budgets.
    """

    endpoint: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    api: str = ""
    method: str = "GET"
    json: object = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    budgets: tuple[str, ...]
    accept: Callable[[Response], object]
    answers: tuple[int, ...] = ()
    once: bool = False
    download: bool = False
    timeout: float = 60.0
    timeouts: int = 6
    wanted: Callable[[], bool] = field(default=lambda: True, compare=False)
    begun: Callable[[], object] = field(default=lambda: None, compare=False)


@dataclass(kw_only=True, slots=True)
class Response:
    """One whole answer; only `content` and `found` are filled in afterwards.

    Attributes:
        headers: names in lower case; of repeated headers the first.
        body: the bytes, empty if `file` holds them.
        file: the downloaded body at position 0; whoever gets the response closes it.
        content: what `Request.accept` made of it; None unless the status is 2xx or one of `Request.answers`.
        found: what else it came upon, for whoever reads the records.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    file: BinaryIO | None = None
    content: object = None
    found: object = None

    def good(self, request: Request) -> bool:
        """True for an answer that holds what was asked for."""
        return 200 <= self.status < 300 or self.status in request.answers
