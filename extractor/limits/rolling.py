"""At most so many requests in any so many seconds, and so many in flight."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Mapping

from extractor.limits.pause import FIRST_OWN_S, Pause
from extractor.limits.tally import Tally
from extractor.model import RollingWindow

__all__ = ["RollingLimiter"]

LONGEST_ROAD_S = 2.0
"""A request has reached the vendor this long after it was sent, even if its connection had to be made anew."""

CLOCKS_DIFFER = 1.0005
"""The vendor's clock may be that much slower than ours (500 ppm, the most that NTP corrects)."""


class RollingLimiter:
    """A log of the requests of the last `seconds`.

    The vendor counts a request when it arrives, which is after it was sent and before it was answered.
    So each stands in the log until `seconds` after its answer, or after `LONGEST_ROAD_S` if
    the answer takes longer: the vendor can't see one too many in any window of its own clock, however
    long the way was for the first and short for the last.
    """

    def __init__(self, policy: RollingWindow, *, share: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        wanted = policy.limit * share
        self._limit = max(1, math.floor(wanted + 1e-9))
        # A share of less than one request a window means a longer window.
        self._seconds = policy.seconds * max(1.0, 1 / wanted) * CLOCKS_DIFFER
        self._at_once = max(1, math.floor(policy.at_once * share + 1e-9))
        self._flying: dict[int, float] = {}
        self._leaving: list[float] = []
        self._tickets = 0
        self._pause = Pause(wall)
        self.tally = Tally()

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self._limit / self._seconds

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds; infinity while as many are in flight as may be."""
        if len(self._flying) >= self._at_once:
            self.tally.waited(now, self.rate, math.inf)
            return math.inf
        wait = max(self._pause.wait(now), self._full_for(now))
        if wait <= 0:
            return 0.0
        self.tally.waited(now, self.rate, wait)
        return wait

    def _full_for(self, now: float) -> float:
        while self._leaving and self._leaving[0] <= now:
            heapq.heappop(self._leaving)
        spent = len(self._leaving) + len(self._flying)
        if spent < self._limit:
            return 0.0
        # Those in flight leave the log too, answered or not; they are few.
        leaving = sorted([*self._leaving, *(sent + LONGEST_ROAD_S + self._seconds for sent in self._flying.values())])
        return leaving[spent - self._limit] - now

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""
        self.tally.started(now, self.rate)
        self._tickets += 1
        self._pause.started(self._tickets, now)
        self._flying[self._tickets] = now
        return self._tickets

    def began(self, ticket: int, now: float) -> None:
        """Nothing: some count by when the answer has ended, and many at once are those whose body has not."""
        del ticket, now

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """The log keeps the request for `seconds` from now; a 429 makes a pause."""
        sent = self._flying.pop(ticket)
        self._log(sent, now)
        if status == 429:
            self.tally.refused += 1
            self.tally.pauses += self._pause.refused(ticket, sent=sent, now=now, own=FIRST_OWN_S, headers=headers)
        elif status:
            self._pause.passed(ticket)

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        """No answer will come; a request that was sent stays in the log."""
        started = self._flying.pop(ticket)
        if sent:
            self._log(started, now)
        else:
            self.tally.unsent()

    def _log(self, sent: float, now: float) -> None:
        heapq.heappush(self._leaving, min(now, sent + LONGEST_ROAD_S) + self._seconds)
