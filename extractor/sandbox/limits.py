"""The vendor's side of rate limits: every request is judged when it arrives.

Arithmetic on a clock that is passed in; nothing here waits. A refused request does not use the
budget up, as with Kong, the gateway whose header names Gladly's resemble.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

__all__ = ["FixedSecond", "LeakyBucket", "Organisation", "Rolling", "Second", "Tempo", "Verdict"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the limit says to one request: whether it may pass, the limit, and how many more may."""

    allowed: bool
    limit: int
    remaining: int


@dataclass(kw_only=True, slots=True)
class Second:
    """One wall-clock second: the limit in force, and who used how much of it."""

    limit: int
    used: int = 0
    neighbour: int = 0
    refused: int = 0


class Tempo:
    """The factor on all limits; it may change at set times after the first request, or on demand."""

    def __init__(self, scale: float = 1, changes: Sequence[tuple[float, float]] = ()) -> None:
        self.scale = scale
        self._changes = tuple(changes)
        self._first: float | None = None

    def factor(self, now: float) -> float:
        """The factor at an instant; the first call starts the clock of the changes."""
        if self._first is None:
            self._first = now
        factor = self.scale
        for after, by in self._changes:
            if now >= self._first + after:
                factor *= by
        return factor

    def limit(self, base: float, now: float) -> int:
        """A base limit as it is now; never below one, so that nobody waits for ever."""
        return max(1, int(base * self.factor(now) + 1e-9))


class Window(Protocol):
    """Lets so many requests through in a second, by one rule or another."""

    def take(self, now: float, limit: int) -> bool:
        """Count a request if it may pass; False if it may not."""

    def remaining(self, limit: int) -> int:
        """How many more may pass at the instant of the latest `take`."""


class FixedSecond:
    """At most `limit` requests in each second of the wall clock."""

    def __init__(self) -> None:
        self._second = -1
        self._used = 0

    def take(self, now: float, limit: int) -> bool:
        """Count a request if the second has room."""
        if int(now) != self._second:
            self._second, self._used = int(now), 0
        if self._used >= limit:
            return False
        self._used += 1
        return True

    def remaining(self, limit: int) -> int:
        """Room left in the second."""
        return max(0, limit - self._used)


class LeakyBucket:
    """A bucket that holds `limit` requests and leaks `limit` a second."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at: float | None = None

    def take(self, now: float, limit: int) -> bool:
        """Count a request if the bucket has room."""
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._level = max(0.0, self._level - passed * limit)
        if self._level + 1 > limit + 1e-9:
            return False
        self._level += 1
        return True

    def remaining(self, limit: int) -> int:
        """Whole requests that fit now."""
        return max(0, int(limit - self._level + 1e-9))


class Organisation:
    """The budget per second that all clients of one organisation share, with a neighbour among them.

    The neighbour's requests arrive as a Poisson process and are judged like any other, in the
    order of time; they are worked out when the client's next request arrives.

    Args:
        base: requests per second at a factor of 1.
        tempo: the factor.
        window: the rule of counting.
        neighbour: share of the limit that the neighbour asks for on average.
        seed: of the neighbour's arrivals.
    """

    def __init__(self, *, base: float, tempo: Tempo, window: Window, neighbour: float = 0, seed: int = 0) -> None:
        self.seconds: dict[int, Second] = {}
        self.tempo = tempo
        self._base = base
        self._window = window
        self._share = neighbour
        self._random = Random(f"neighbour {seed}")  # noqa: S311  a neighbour needs no secrecy
        self._neighbour_at: float | None = None

    def arrive(self, now: float) -> Verdict:
        """Judge and count a request of the client that arrives at `now` (Unix seconds)."""
        if self._share:
            self._let_neighbour_in(now)
        limit = self.limit(now)
        second = self._second(now, limit)
        allowed = self._window.take(now, limit)
        if allowed:
            second.used += 1
        else:
            second.refused += 1
        return Verdict(allowed=allowed, limit=limit, remaining=self._window.remaining(limit))

    def limit(self, now: float) -> int:
        """Requests per second in force at an instant."""
        return self.tempo.limit(self._base, now)

    def _let_neighbour_in(self, now: float) -> None:
        if self._neighbour_at is None:
            self._neighbour_at = now + self._pause(now)
        while self._neighbour_at <= now:
            at = self._neighbour_at
            limit = self.limit(at)
            if self._window.take(at, limit):
                self._second(at, limit).neighbour += 1
            self._neighbour_at = at + self._pause(at)

    def _pause(self, now: float) -> float:
        return self._random.expovariate(self._share * self.limit(now))

    def _second(self, now: float, limit: int) -> Second:
        second = self.seconds.get(int(now))
        if second is None:
            second = self.seconds[int(now)] = Second(limit=limit)
        second.limit = limit
        return second


class Rolling:
    """At most so many requests in any stretch of time, and so many in flight.

    Args:
        base: requests in `seconds` at a factor of 1.
        seconds: length of the stretch.
        at_once: requests in flight at a factor of 1.
        tempo: the factor.
    """

    def __init__(self, *, base: float, seconds: float, at_once: float, tempo: Tempo) -> None:
        self._base = base
        self._seconds = seconds
        self._at_once = at_once
        self._tempo = tempo
        self._arrivals: deque[float] = deque()
        self._in_flight = 0

    def enter(self, now: float) -> bool:
        """Count a request that begins now; False if it may not. Who enters must `leave`."""
        while self._arrivals and self._arrivals[0] <= now - self._seconds:
            self._arrivals.popleft()
        if len(self._arrivals) >= self._tempo.limit(self._base, now):
            return False
        if self._in_flight >= self._tempo.limit(self._at_once, now):
            return False
        self._arrivals.append(now)
        self._in_flight += 1
        return True

    def leave(self) -> None:
        """A request that entered has been answered."""
        self._in_flight -= 1
