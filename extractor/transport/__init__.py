"""How requests reach a vendor and answers come back: layers round one small interface.

`Retrying(Limited(Http(...)))`, innermost last: `Http` is one attempt over a connection, `Limited` has every
attempt pass the vendor's budgets, `Retrying` tries again. A vendor with several APIs has an `Http` and a `Retrying`
for each and one `Limited` between them; `Apis` chooses. Each takes and is a `Transport`. Only `transport.http`
knows aiohttp; importing this package costs nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from extractor.model import Request, Response

__all__ = ["Traffic", "Transport"]


class Transport(Protocol):
    """Sends requests."""

    async def send(self, request: Request) -> Response:
        """Return the whole answer to `request`, whatever its status.

        Raises:
            RequestFailed: there is no whole answer; `.status`, `.attempts` and `.path` say more.
        """
        ...

    async def close(self) -> None:
        """Give connections back; nothing is sent afterwards."""
        ...


@dataclass(kw_only=True, slots=True)
class Traffic:
    """What went over the wire in this run, for its last lines; the layers count, anybody may read.

    Attributes:
        sent: attempts, each of which cost budget.
        answers: whole answers by class of status: `{"2xx": 10, "4xx": 1}`.
        broken: attempts without a whole answer.
        retries: attempts that repeated an earlier one after a failure; pauses that the vendor asked for (429) and
            what the breaker sends to find out whether the vendor is back are not among them.
        received: bytes of bodies as they came, before decompression.
    """

    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    retries: int = 0
    received: int = 0

    def answered(self, status: int) -> None:
        """Count one whole answer."""
        self.answers[f"{status // 100}xx"] += 1
