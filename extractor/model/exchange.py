"""A listing that asks in its own words: its requests and records are made elsewhere than by an endpoint's fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from extractor.model.listings import Found
from extractor.model.requests import Request, Response

__all__ = ["Exchange", "Reading", "Send", "Signer"]

Send = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one answer of an exchange brought.

    Attributes:
        payload: JSON array of the records to load; empty if the answer holds none.
        records: how many they are.
        found: listings that the records name, of all children that there are.
        cursor: with which a later run can go on behind this answer; None if the listing must then begin again.
    """

    payload: bytes = b""
    records: int = 0
    found: tuple[Found, ...] = ()
    cursor: str | None = None


class Exchange(Protocol):
    """One listing under way. It is asked for a request, told of the answer, asked again."""

    def ask(self) -> Request | None:
        """The next request; None when the list is at its end.

        Raises:
            RequestFailed: it can't be made, because of an id or a link that is not to be followed.
        """
        ...

    def answered(self, response: Response) -> Reading:
        """What the answer to the last request brought.

        Raises:
            BadBody: it is not what was asked for.
        """
        ...


class Signer(Protocol):
    """Adds credentials to requests; everything that it sends for them passes the budget like any other request."""

    async def sign(self, request: Request, send: Send) -> Request:
        """The request with credentials in its headers, parameters or body."""
        ...

    async def refused(self, request: Request, send: Send) -> bool:
        """Told that a signed request met a 401; True if another one may do better, with new credentials."""
        ...
