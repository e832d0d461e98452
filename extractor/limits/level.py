"""How full a bucket is."""

from __future__ import annotations

import math

__all__ = ["Level"]


class Level:
    """A leaky bucket used as a meter (Turner, "New directions in communications", 1986).

    It does not drain before it has been asked for the first time.

    Attributes:
        per_second: requests a second that drain.
    """

    def __init__(self, per_second: float, level: float = 0.0) -> None:
        self.per_second = per_second
        self._level = level
        self._at = math.inf

    def at(self, now: float) -> float:
        """Requests in it."""
        self.put(now, max(0.0, self._level - max(0.0, now - self._at) * self.per_second))
        return self._level

    def put(self, now: float, level: float) -> None:
        """It holds so many now."""
        self._level, self._at = level, now

    def add(self, now: float) -> None:
        """One more came in."""
        self.put(now, self.at(now) + 1)
