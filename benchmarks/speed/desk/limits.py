"""How the help desk limits its callers: each kind counts admitted requests by its own clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

__all__ = ["LIMITS", "Bucket", "FixedWindow", "Limit", "SlidingWindow"]


class Limit(Protocol):
    """Decides whether a request that arrives now is let in. `now` is Unix time."""

    def admits(self, now: float) -> bool:
        """Whether it is."""

    def stated(self, now: float) -> bytes:
        """Headers that tell a caller where it stands."""


class FixedWindow:
    """So many in each second of the clock."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._second = 0
        self._used = 0

    def admits(self, now: float) -> bool:
        """Whether it is."""
        self._turn(now)
        self._used += 1
        return self._used <= self._rate

    def stated(self, now: float) -> bytes:
        """Limit, and what is left of it in this second."""
        self._turn(now)
        return _limit_and_left(self._rate, max(0, self._rate - self._used))

    def _turn(self, now: float) -> None:
        if int(now) != self._second:
            self._second, self._used = int(now), 0


class SlidingWindow:
    """So many in any second; what was refused does not count."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._admitted: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Whether it is."""
        self._forget(now)
        if len(self._admitted) >= self._rate:
            return False
        self._admitted.append(now)
        return True

    def stated(self, now: float) -> bytes:
        """Limit, and what is left of it at this moment."""
        self._forget(now)
        return _limit_and_left(self._rate, self._rate - len(self._admitted))

    def _forget(self, now: float) -> None:
        while self._admitted and self._admitted[0] <= now - 1:
            self._admitted.popleft()


class Bucket:
    """A bucket that holds a second's worth and drains evenly; what was refused does not count."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._level = 0.0
        self._at = 0.0

    def admits(self, now: float) -> bool:
        """Whether it is."""
        self._drain(now)
        if self._level + 1 > self._rate:
            return False
        self._level += 1
        return True

    def stated(self, now: float) -> bytes:
        """How full it is, and its size."""
        self._drain(now)
        return b"X-Call-Limit: %d/%d\r\n" % (math.ceil(self._level), self._rate)

    def _drain(self, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._at) * self._rate)
        self._at = now


LIMITS: Mapping[str, Callable[[int], Limit]] = {"fixed": FixedWindow, "sliding": SlidingWindow, "bucket": Bucket}
"""By name; made with requests a second."""


def _limit_and_left(limit: int, left: int) -> bytes:
    return b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\n" % (limit, left)
