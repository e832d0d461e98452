"""How requests reach a vendor and answers come back: layers round one small interface.

`Retrying(Signed(Limited(Http(...))))`, innermost last: `Http` is one attempt over a connection, `Limited` has every
attempt pass the vendor's budgets, `Signed` adds credentials where they are not the same for every request, `Retrying`
tries again. A vendor with several APIs has an `Http` and a `Retrying` for each and one `Limited` between them; `Apis`
chooses. Each takes and is a `Transport`. Only `transport.connections` knows aiohttp; importing this package costs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from extractor.model import Request, Response

__all__ = ["Traffic", "Transport"]


class Transport(Protocol):
    """Sends requests."""

    async def send(self, request: Request) -> Response:
        """Return the whole answer to `request`, whatever its status.

        Raises:
            RequestFailed: there is no whole answer; `.status`, `.attempts` and `.path` say more.
            Withdrawn: it was not `wanted` any more when its turn came.
        """
        ...

    async def close(self) -> None:
        """Give connections back; nothing is sent afterwards."""
        ...


@dataclass(kw_only=True, slots=True)
class Traffic:
    """What went over the wire in this run, for its progress and its last lines.

    Attributes:
        sent: attempts, each of which cost budget.
    """

    sent: int = 0
