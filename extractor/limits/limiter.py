"""What every limiter can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from extractor.limits.tally import Tally

__all__ = ["Limiter"]


class Limiter(Protocol):
    """Decides when a request may start; never waits.

    `now` is always in seconds of one monotonic clock and never goes back. A request is `start`ed when
    `wait` says 0, and ends with one call of either `answered` or `abandoned`; `began` may come before.
    """

    tally: Tally

    @property
    def rate(self) -> float:
        """Requests a second that it believes it may use at present; infinity if it limits no speed."""

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else the seconds after which it is worth asking again.

        Infinity means that only an answer can change it. Nothing is counted.

        Raises:
            QuotaSpent: there is nothing to wait for within days.
            StorageError: it keeps a book, which can't be read or written.
        """

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""

    def began(self, ticket: int, now: float) -> None:
        """The head of its answer has come, so that the vendor has counted it; the body may take a while."""

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer; header names are in lower case, status 0 is one that another budget refused."""

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        """No answer will come. What was sent stays spent, what never left is given back."""
