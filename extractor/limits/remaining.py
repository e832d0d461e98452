"""A limit of which answers say how much is left, and when there is more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from extractor.limits.headers import Stated
from extractor.limits.pause import FIRST_OWN_S, Pause
from extractor.limits.tally import Tally

__all__ = ["RemainingLimiter"]

ROUNDED_S = 1.0
"""Resets are stated in whole seconds, rounded in either direction."""

LOOK_S = 1.0
"""Where no answer says when there is more, one request after that time asks."""


class RemainingLimiter:
    """Spends what is left, and stands still until there is more.

    Of the counts in a window the lowest was stated last, so it includes all requests that have an answer, in whatever
    order they arrived. Those without one may be part of it or not, and count besides. What others take is in it, too.
    """

    def __init__(self, *, share: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        self._share = share
        self._pause = Pause(wall)
        self._flying: dict[int, float] = {}
        self._tickets = 0
        self._limit = 0.0
        self._left = math.inf
        self._more_at = math.inf
        self._counts_from = -math.inf
        self.tally = Tally()

    @property
    def rate(self) -> float:
        """Infinity: while something is left nothing limits the speed."""
        return math.inf

    def stated(self, sent: float, now: float, words: Stated) -> None:
        """The answer to a request of that moment has these words."""
        if words.left is None or sent < self._counts_from:
            return
        self._limit = words.limit
        if words.left < self._left:
            self._left = words.left
            self._more_at = now + (LOOK_S if words.resets is None else words.resets + ROUNDED_S)

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds; infinity while an answer is awaited that may tell more."""
        if self._flying and self._left == math.inf:
            return math.inf
        if now >= self._more_at:
            # One request goes alone, for its answer says how much is left from here on.
            self._left = self._more_at = math.inf
            self._counts_from = now
            return math.inf if self._flying else self._pause.wait(now)
        spare = (1 - self._share) * self._limit
        empty = self._left - spare - len(self._flying) < 1
        return max(self._pause.wait(now), self._more_at - now if empty else 0.0)

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""
        self.tally.started(now, 0.0)
        self._tickets += 1
        self._pause.started(self._tickets, now)
        self._flying[self._tickets] = now
        return self._tickets

    def began(self, ticket: int, now: float) -> None:
        """Nothing: there is no row to keep."""
        del ticket, now

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """A 429 makes a pause."""
        sent = self._flying.pop(ticket)
        if status == 429:
            self.tally.refused += 1
            self.tally.pauses += self._pause.refused(ticket, sent=sent, now=now, own=FIRST_OWN_S, headers=headers)
        elif status:
            self._pause.passed(ticket)

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:  # noqa: ARG002
        """No answer will come. What was sent and counted shows in the next answer."""
        del self._flying[ticket]
        if not sent:
            self.tally.unsent()
