"""Credentials that are not the same for every request: added to each attempt, renewed when they are refused."""

from __future__ import annotations

from extractor.model import Request, Response, Signer
from extractor.transport import Transport

__all__ = ["Signed"]


class Signed:
    """A `Transport` that sends requests with a signer's credentials.

    It stands below what tries again, so that credentials may have changed between two attempts, and what is above has
    never seen any; and above the budgets, which what the signer sends for itself passes like any request. A 401 is an
    answer, unless the signer has new credentials for it: then the request goes once more.

    Args:
        transport: makes one attempt, within the budgets.
        signer: of one API.
    """

    def __init__(self, transport: Transport, signer: Signer) -> None:
        self._transport = transport
        self._signer = signer

    async def send(self, request: Request) -> Response:
        """Sign and send.

        Raises:
            RequestFailed: there is no whole answer, or no credentials could be had.
        """
        send = self._transport.send
        signed = await self._signer.sign(request, send)
        response = await send(signed)
        if response.status == 401 and 401 not in request.answers and await self._signer.refused(signed, send):
            response = await send(await self._signer.sign(request, send))
        return response

    async def close(self) -> None:
        """Close the transport below."""
        await self._transport.close()
