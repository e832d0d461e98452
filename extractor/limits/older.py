"""Whether the smaller bucket of older accounts is in force, which no answer states."""

from __future__ import annotations

import math

from extractor.limits.level import Level

__all__ = ["Older"]

DOUBT_S = 60.0
"""Two pauses within this time say that the bucket is smaller than thought."""

IMPOSSIBLE = 1.5
"""It is not in force if so many times its size would have been in it; answers may come in bunches."""


class Older:
    """Counts what goes well and what does not, until one of the two settles the matter for the rest of the run.

    Args:
        bucket: its size, and the requests a second that drain.
    """

    def __init__(self, bucket: tuple[int, float]) -> None:
        self.size = float(bucket[0])
        self.per_second = bucket[1]
        self._level = Level(self.per_second)
        self._paused_at = -math.inf
        self._settled = False

    def taken(self, now: float) -> None:
        """A request went well."""
        self._level.add(now)
        if self._level.at(now) > IMPOSSIBLE * self.size:
            self._settled = True

    def paused(self, now: float) -> bool:
        """There was a pause. True if the older bucket is to be believed from now on."""
        if self._settled:
            return False
        self._settled = now - self._paused_at < DOUBT_S
        self._paused_at = now
        return self._settled
