"""The vendor's side of rate limits: every request is judged when it arrives.

Arithmetic on a clock that is passed in; nothing here waits. A refused request does not use the
budget up, as with Kong, the gateway whose header names Gladly's resemble.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf
from random import Random

from extractor.sandbox.windows import FixedSecond, LeakyBucket, Week, Window, whole

__all__ = ["Allowance", "Organisation", "Rolling", "Second", "Tempo", "Verdict"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """The requests that a vendor allows to one account over some of its paths.

    Attributes:
        per_second: at a factor of 1.
        burst: seconds' worth of requests that a leaky bucket holds; None leaves the rule of counting to the options.
        weekly: requests a week besides, from Sunday, 00:00 UTC; no factor applies to them.
    """

    per_second: float
    burst: float | None = None
    weekly: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the limit says to one request.

    Attributes:
        allowed: it may pass.
        limit: requests per second in force; of a bucket, the requests that it holds.
        remaining: how many more may pass now.
        wait: seconds until one more may.
        quota_spent: it may not pass before the next week.
    """

    allowed: bool
    limit: int
    remaining: int
    wait: float = 0
    quota_spent: bool = False

    @property
    def retry_after(self) -> int:
        """The wait in whole seconds, at least one, as a header has it."""
        return max(1, ceil(self.wait))


@dataclass(kw_only=True, slots=True)
class Second:
    """One wall-clock second: the requests per second in force, and who used how much of it."""

    limit: float
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
        return whole(base * self.factor(now))


class Organisation:
    """The budget that all clients of one organisation share, with a neighbour among them.

    The neighbour's requests arrive as a Poisson process and are judged like any other, in the
    order of time; they are worked out when the client's next request arrives.

    Args:
        allowance: what the vendor allows.
        tempo: the factor.
        bucket: count with a leaky bucket where the allowance leaves the rule open, instead of by the second.
        neighbour: share of the limit that the neighbour asks for on average.
        seed: of the neighbour's arrivals.
    """

    def __init__(
        self,
        allowance: Allowance,
        *,
        tempo: Tempo,
        bucket: bool = False,
        neighbour: float = 0,
        seed: int | str = 0,
    ) -> None:
        self.seconds: dict[int, Second] = {}
        self.allowance = allowance
        self._tempo = tempo
        self._window = _window(allowance, bucket=bucket)
        self._week = Week(inf if allowance.weekly is None else allowance.weekly)
        self._share = neighbour
        self._random = Random(f"neighbour {seed}")  # noqa: S311  a neighbour needs no secrecy
        self._neighbour_at: float | None = None

    def arrive(self, now: float) -> Verdict:
        """Judge and count a request of the client that arrives at `now` (Unix seconds)."""
        if self._share:
            self._let_neighbour_in(now)
        rate = self.rate(now)
        second = self._second(now, rate)
        quota_spent = self._week.left(now) <= 0
        allowed = self._take(now, rate)
        if allowed:
            second.used += 1
        else:
            second.refused += 1
        left = self._week.left(now)
        return Verdict(
            allowed=allowed,
            limit=self._window.limit(rate),
            remaining=int(min(self._window.remaining(rate), left)),
            wait=self._window.wait(rate) if left > 0 else self._week.wait(now),
            quota_spent=quota_spent,
        )

    def rate(self, now: float) -> float:
        """Requests per second in force at an instant; whole ones unless the allowance is a bucket of its own."""
        per_second = self.allowance.per_second
        if self.allowance.burst is None:
            return self._tempo.limit(per_second, now)
        return per_second * self._tempo.factor(now)

    def _take(self, now: float, rate: float) -> bool:
        if self._week.left(now) <= 0 or not self._window.take(now, rate):
            return False
        self._week.count()
        return True

    def _let_neighbour_in(self, now: float) -> None:
        if self._neighbour_at is None:
            self._neighbour_at = now + self._pause(now)
        while self._neighbour_at <= now:
            at = self._neighbour_at
            rate = self.rate(at)
            if self._take(at, rate):
                self._second(at, rate).neighbour += 1
            self._neighbour_at = at + self._pause(at)

    def _pause(self, now: float) -> float:
        return self._random.expovariate(self._share * self.rate(now))

    def _second(self, now: float, rate: float) -> Second:
        second = self.seconds.get(int(now))
        if second is None:
            second = self.seconds[int(now)] = Second(limit=rate)
        second.limit = rate
        return second


def _window(allowance: Allowance, *, bucket: bool) -> Window:
    if allowance.burst is not None:
        return LeakyBucket(allowance.burst)
    return LeakyBucket() if bucket else FixedSecond()


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
