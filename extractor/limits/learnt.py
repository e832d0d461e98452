"""A limit that nobody knows beforehand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from extractor.limits.headers import Stated, stated
from extractor.limits.lately import Lately
from extractor.limits.remaining import RemainingLimiter
from extractor.limits.search import Search
from extractor.limits.second import SecondLimiter
from extractor.limits.tally import Tally
from extractor.model import Learnt, StatedSecond

__all__ = ["LearntLimiter"]

GROWTH = 0.125
"""For each answer so much more may be in flight: an eighth as many again in each round trip.

What is in flight when the first 429 comes is refused with it, so it must not grow much beyond a limit meanwhile;
without a limit and at 50 ms, 64 are reached in a second and a half."""

LIMIT, LEFT = "limit", "left"
"""Headers of our own, for what was read from the vendor's."""


class LearntLimiter:
    """Nothing limits the speed until answers say what does.

    The first request goes alone, since its answer may state the limit. If it states one, that is kept exactly: of a
    second's window by `SecondLimiter`, of a longer one by what is left of it. If none does, more and more requests are
    in flight, which ends at `Learnt.at_once`, where the transport finds that answers take longer, or with a 429. What
    was sent in the second before shows roughly how many are taken, and `Search` goes on from there.
    """

    def __init__(self, policy: Learnt, *, share: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._share = share
        self._wall = wall
        self._way: _Way | None = None
        self._flying: dict[int, tuple[_Way | None, int, float]] = {}
        self._tickets = 0
        self._room = 1.0
        self._lately = Lately()
        self._longer = self._stated = False
        self.tally = Tally()

    @property
    def rate(self) -> float:
        """Requests a second that it believes in; infinity while none is known."""
        return math.inf if self._way is None else self._way.rate

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds; infinity while answers are awaited."""
        if self.rate == math.inf and len(self._flying) >= int(self._room):
            return math.inf
        return self._way.wait(now) if self._way is not None else 0.0

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""
        self._tickets += 1
        if self._way is not None:
            self._flying[self._tickets] = self._way, self._way.start(now), now
            return self._tickets
        self.tally.started(now, 0.0)
        self._lately.add(now)
        self._flying[self._tickets] = None, 0, now
        return self._tickets

    def began(self, ticket: int, now: float) -> None:
        """A way that is known may learn from it."""
        way, inner, _ = self._flying[ticket]
        if way is not None:
            way.began(inner, now)

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer: whether it states a limit, or shows one."""
        way, inner, sent = self._flying.pop(ticket)
        unknown = self._way is None
        words = stated(headers, self._wall)
        if words is not None:
            headers = self._told(sent, now, words, headers)
        if way is not None:
            way.answered(inner, now, status, headers)
        elif status == 429:
            self.tally.refused += 1
            if unknown:
                self._refused(sent, now, headers)
            elif isinstance(self._way, SecondLimiter):
                self._way.told(sent, refused=True)
        elif status and isinstance(self._way, SecondLimiter):
            self._way.told(sent, refused=False)
        if 0 < status < 400:
            self._room = min(float(self._policy.at_once), max(self._room + GROWTH, 2.0))

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        """No answer will come. What was sent stays spent; what never left is given back."""
        way, inner, _ = self._flying.pop(ticket)
        if way is not None:
            way.abandoned(inner, now, sent=sent)
        elif not sent:
            self.tally.unsent()

    def _told(self, sent: float, now: float, words: Stated, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Believe what an answer states; returns its headers, as the limiter for it reads them."""
        short = words.resets is not None and words.resets <= 1
        self._longer = self._longer or (words.resets is not None and not short)
        if words.window == 1 or (words.window is None and short and not self._longer):
            if not isinstance(self._way, SecondLimiter) or not self._stated:
                policy = StatedSecond(limit=words.limit, limit_header=LIMIT, remaining_header=LEFT)
                self._follow(SecondLimiter(policy, share=self._share, wall=self._wall), stated=True)
            left = {} if words.left is None else {LEFT: f"{words.left:f}"}
            return {**headers, LIMIT: f"{words.limit:f}", **left}
        if words.left is not None:
            way = self._way
            if not isinstance(way, RemainingLimiter):
                way = RemainingLimiter(share=self._share, wall=self._wall)
                self._follow(way, stated=True)
            way.stated(sent, now, words)
        return headers

    def _refused(self, sent: float, now: float, headers: Mapping[str, str]) -> None:
        """A 429 to a request that was sent when no limit was known, and that is the first to tell of one."""
        way = self._way or SecondLimiter(
            StatedSecond(limit=math.inf), share=self._share, wall=self._wall, search=Search(math.inf, self._lately)
        )
        way.tally = Tally()  # ours counts the request already
        way.answered(way.start(sent), now, 429, headers)
        self._follow(way)
        self.tally.pauses += 1

    def _follow(self, way: _Way, *, stated: bool = False) -> None:
        way.tally = self.tally
        self._way = way
        self._stated = self._stated or stated


_Way = SecondLimiter | RemainingLimiter
