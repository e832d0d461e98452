"""How long answers take at least, and how much longer than that they usually take."""

from __future__ import annotations

import math

__all__ = ["Latency"]

BUCKET_S = 30.0
SMOOTHING = 0.05


class Latency:
    """Round-trip times of the last half to whole minute.

    Attributes:
        least: the shortest of them; infinite before the first.
        excess: by how much one exceeds the shortest, smoothed. As requests and answers travel alike, about
            the whole range of what the way *to* the vendor takes is below it.
        answers: how many it was learnt of.
    """

    def __init__(self) -> None:
        self.least = math.inf
        self.excess = 0.0
        self.answers = 0
        self._older = math.inf
        self._newer = math.inf
        self._bucket_ends = -math.inf

    def add(self, now: float, seconds: float) -> float:
        """Learn of a round trip. Returns by how much it went below all before it."""
        if now >= self._bucket_ends:
            self._older, self._newer = self._newer, math.inf
            self._bucket_ends = now + BUCKET_S
        self._newer = min(self._newer, seconds)
        before = self.least
        self.least = min(self._older, self._newer)
        # One slow answer (a report, a stall, a machine that slept) says nothing about the way.
        excess = min(seconds - self.least, 3 * self.excess + 0.01)
        # All of the first few weigh alike.
        self.answers += 1
        self.excess += max(SMOOTHING, 1 / self.answers) * (excess - self.excess)
        return before - seconds if seconds < before < math.inf else 0.0
