"""Requests a second for a whole account, stated by headers or found out."""

from __future__ import annotations

import functools
import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping

from extractor.limits.paced import LEAST_WINDOWED, Paced
from extractor.limits.pause import FIRST_OWN_S, Pause
from extractor.limits.search import Search
from extractor.limits.tally import Tally
from extractor.limits.window import Flight, Known
from extractor.limits.windowed import Windowed
from extractor.model import StatedSecond

__all__ = ["SecondLimiter"]

LOST_AFTER = 3
LOST_WITHIN_S = 10.0
HIGHEST_LIMIT = 100_000.0


class SecondLimiter:
    """Uses a vendor's requests per second whole, whether it counts by the clock or drains a bucket.

    The first request goes alone, for its answer states the limit. Then requests are `Paced` until the answers show
    when the vendor's seconds begin, and `Windowed` from there on. A limit that a header states is
    believed at once; without one 429s make `Search` find it.

    Args:
        policy: from the vendor's file.
        share: part of the limit to use at most.
        wall: seconds since 1970.
        search: for a limit that nobody has documented.
    """

    def __init__(
        self,
        policy: StatedSecond,
        *,
        share: float = 1.0,
        wall: Callable[[], float] = time.time,
        search: Search | None = None,
    ) -> None:
        self._policy = policy
        self._known = Known(limit=policy.limit, share=share)
        self._way: Paced | Windowed = Paced(self._known)
        self._pause = Pause(wall)
        self._search: Search | None = search or Search(policy.limit)
        self._answers = 0
        self._tickets = 0
        self._troubles: deque[float] = deque(maxlen=LOST_AFTER)
        self.tally = Tally()

    @property
    def rate(self) -> float:
        """Requests a second that are ours at present."""
        return self._way.rate

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds; infinity while the answer to a lone request is awaited."""
        if self._known.flying and not self._answers:
            return math.inf
        if self._search and len(self._known.flying) >= self._search.room:
            self._search.interrupted()
            return math.inf
        if isinstance(self._way, Windowed) and (self._known.limit < LEAST_WINDOWED or self._way.outdated(now)):
            self._way = Paced(self._known)
        wait = max(self._pause.wait(now), self._way.wait(now))
        if wait <= 0:
            return 0.0
        self.tally.waited(now, self._way.rate, wait)
        return wait

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""
        self.tally.started(now, self._way.rate)
        if self._search:
            self._search.started(now)
            if not self._pause.probing:
                self._search.went_well(now)
                self._known.limit = self._search.rate
        self._tickets += 1
        self._pause.started(self._tickets, now)
        self._known.flying[self._tickets] = self._way.start(now)
        return self._tickets

    def began(self, ticket: int, now: float) -> None:
        """The way to the vendor is what the answer took to begin."""
        flight = self._known.flying[ticket]
        latency = self._known.latency
        faster = latency.add(now, now - flight.sent)
        flight.excess = now - flight.sent - latency.least
        flight.begun = True
        self._way.faster(faster)

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer: the limit, the count, the latency, and when to stand still."""
        if not self._known.flying[ticket].begun:
            self.began(ticket, now)
        flight = self._known.flying.pop(ticket)
        flight.done = True
        self._answers += 1
        self._read(flight, headers)
        if isinstance(self._way, Windowed):
            self._way.answered(flight, now, status)
        elif (phase := self._way.answered(flight, now)) is not None:
            self._way = Windowed(self._known, phase, now)
        if status == 429:
            self._refused(ticket, flight, now, headers)
        elif status:
            held = self._pause.probing
            self._pause.passed(ticket)
            if held and not self._pause.probing and isinstance(self._way, Paced):
                self._way.rested(now)
            if self._search:
                self._search.let_in(flight.sent)

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        """No answer will come. What was sent stays spent; what never left is given back."""
        flight = self._known.flying.pop(ticket)
        flight.done = True
        if not sent:
            self.tally.unsent()
            self._way.unsent(flight)
        elif isinstance(self._way, Windowed):
            self._way.answered(flight, now, 0)
        else:
            if not flight.begun:
                # It may have arrived at any time until now.
                flight.excess = max(0.0, now - flight.sent - self._known.latency.least)
            self._way.answered(flight, now)

    def told(self, sent: float, *, refused: bool) -> None:
        """A request that was in flight when a limit was met, and another than the first to tell of it, was answered."""
        if self._search:
            self._search.told(sent, refused=refused)

    def _read(self, flight: Flight, headers: Mapping[str, str]) -> None:
        limit = _number(headers.get(self._policy.limit_header))
        left = _number(headers.get(self._policy.remaining_header))
        if limit:
            self._known.limit = min(limit, HIGHEST_LIMIT)
            self._search = None
        if left is not None:
            flight.used = max(0.0, self._known.limit - left)

    def _refused(self, ticket: int, flight: Flight, now: float, headers: Mapping[str, str]) -> None:
        self.tally.refused += 1
        own = self._way.until_next(flight, now) if isinstance(self._way, Windowed) else FIRST_OWN_S
        lone = self._pause.probing
        if not self._pause.refused(ticket, sent=flight.sent, now=now, own=own, headers=headers):
            self.told(flight.sent, refused=True)
            return
        self.tally.pauses += 1
        if lone:
            # It was not too fast, nor too close to another.
            if self._search:
                self._search.interrupted()
            return
        blame = False
        if self._search:
            blame = self._search.refused(flight.sent, now)
            self._known.limit = self._search.rate
        if isinstance(self._way, Paced):
            if not blame:
                self._way.crowded()
            return
        self._troubles.append(now)
        if len(self._troubles) == LOST_AFTER and now - self._troubles[0] < LOST_WITHIN_S:
            self._troubles.clear()
            self._way = Paced(self._known)


@functools.lru_cache(maxsize=1024)
def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]+)?\s*", text) else None
