"""A vendor's APIs, each with an address and credentials of its own."""

from __future__ import annotations

from collections.abc import Mapping

from extractor.model import Request, Response
from extractor.transport import Transport

__all__ = ["Apis"]


class Apis:
    """A `Transport` that hands each request to the one of its API.

    Args:
        transports: by the names that requests use, '' being the main API; those that a run asks.
    """

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = transports

    async def send(self, request: Request) -> Response:
        """Send it there.

        Raises:
            KeyError: the request names an API that there isn't.
        """
        return await self._transports[request.api].send(request)

    async def close(self) -> None:
        """Close them all."""
        for transport in self._transports.values():
            await transport.close()
