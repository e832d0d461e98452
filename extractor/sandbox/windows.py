"""The rules by which requests are counted: by the second, by a leaky bucket, by the week.

Arithmetic on a clock that is passed in; what is refused is not counted.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["FixedSecond", "LeakyBucket", "Week", "Window", "whole"]

WEEK = 7 * 86_400  # seconds
SUNDAY = 3 * 86_400  # the first one of Unix time, which begins on a Thursday


def whole(number: float) -> int:
    """Requests that a limit allows: never below one, so that nobody waits for ever."""
    return max(1, int(number + 1e-9))


class Window(Protocol):
    """Lets so many requests through in a second, by one rule or another.

    `rate` is the requests per second in force; what is asked without an instant holds for that of the latest `take`.
    """

    def take(self, now: float, rate: float) -> bool:
        """Count a request if it may pass; False if it may not."""

    def limit(self, rate: float) -> int:
        """How many may pass at once."""

    def remaining(self, rate: float) -> int:
        """How many more may pass."""

    def wait(self, rate: float) -> float:
        """Seconds until one more may pass."""


class FixedSecond:
    """At most `rate` requests in each second of the wall clock."""

    def __init__(self) -> None:
        self._now = -1.0
        self._used = 0

    def take(self, now: float, rate: float) -> bool:
        """Count a request if the second has room."""
        if int(now) != int(self._now):
            self._used = 0
        self._now = now
        if self._used >= self.limit(rate):
            return False
        self._used += 1
        return True

    def limit(self, rate: float) -> int:
        """Whole requests; never below one, so that nobody waits for ever."""
        return whole(rate)

    def remaining(self, rate: float) -> int:
        """Room left in the second."""
        return max(0, self.limit(rate) - self._used)

    def wait(self, rate: float) -> float:
        """Until the second is over, if it has no room."""
        return 0.0 if self.remaining(rate) else int(self._now) + 1 - self._now


class LeakyBucket:
    """A bucket that holds `burst` seconds' worth of requests and leaks `rate` a second."""

    def __init__(self, burst: float = 1) -> None:
        self._burst = burst
        self._level = 0.0
        self._at: float | None = None

    def take(self, now: float, rate: float) -> bool:
        """Count a request if the bucket has room."""
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._level = max(0.0, self._level - passed * rate)
        if not self.remaining(rate):
            return False
        self._level += 1
        return True

    def limit(self, rate: float) -> int:
        """What it holds; never below one, so that nobody waits for ever."""
        return whole(rate * self._burst)

    def remaining(self, rate: float) -> int:
        """Whole requests that fit."""
        return max(0, int(self.limit(rate) - self._level + 1e-9))

    def wait(self, rate: float) -> float:
        """Until so much has leaked that one fits."""
        return max(0.0, self._level + 1 - self.limit(rate)) / rate


class Week:
    """A quota of requests for each week that begins on Sunday, 00:00 UTC."""

    def __init__(self, quota: float) -> None:
        self._quota = quota
        self._number = 0
        self._used = 0

    def left(self, now: float) -> float:
        """Requests that the week of `now` still has."""
        number = int((now - SUNDAY) // WEEK)
        if number != self._number:
            self._number, self._used = number, 0
        return self._quota - self._used

    def count(self) -> None:
        """A request passed in the week that was asked about last."""
        self._used += 1

    def wait(self, now: float) -> float:
        """Seconds until the next week."""
        return WEEK - (now - SUNDAY) % WEEK
