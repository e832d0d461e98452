"""What stands before the routes of Revenue and ingestion: credentials first, then the names of parameters.

The gateway of the real host looks for a route before it looks at credentials, so that an unknown path is 404 for
everybody; and it tells a missing key from a wrong one. That is why routes are wrapped one by one here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from extractor.sandbox.clari.errors import ingestion_refusal
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["guarded", "partner_door", "revenue_door"]

Door = Callable[[Mapping[str, str]], Reply | None]
"""Says which refusal a request with these headers gets, if any."""


def revenue_door(apikey: str) -> Door:
    """Lets those in who have the key."""

    def refuse(headers: Mapping[str, str]) -> Reply | None:
        given = headers.get("apikey")
        if given == apikey:
            return None
        text = "Invalid authentication credentials" if given else "No API key found in request"
        return json_reply({"message": text}, status=401)

    return refuse


def partner_door(apikey: str, partnerkey: str) -> Door:
    """Lets those in who have both keys."""

    def refuse(headers: Mapping[str, str]) -> Reply | None:
        if headers.get("apikey") != apikey:
            return json_reply({"error": "Invalid authentication credentials"}, status=401)
        if headers.get("partnerkey") != partnerkey:
            return ingestion_refusal(401, "INVALID_PARTNER_KEY", "The partner key is missing or wrong")
        return None

    return refuse


def guarded(route: Route, door: Door, stray: Callable[[str], Reply]) -> Route:
    """The route behind a door; `stray` makes the answer to a parameter that the route does not know."""
    known = route.query or frozenset()
    inner = route.answer

    def answer(call: Call) -> Reply | Awaitable[Reply]:
        if (refusal := door(call.headers)) is not None:
            return refusal
        unknown = {name for name, _ in call.query} - known
        return stray(min(unknown)) if unknown else inner(call)

    return replace(route, answer=answer, query=None)
