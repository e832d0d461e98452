"""How many requests should be in flight at once: decided here, waited for in `limited`.

With a rate, Little's law: as many as the rate times the time an answer takes, half as many again and two more, so
that a slow answer doesn't leave budget unused. Without one, additive increase and multiplicative decrease as in TCP
(Chiu and Jain, 1989), with a slow start, and with TCP Vegas's sign of congestion besides: answers that take much
longer than they did at best.
"""

from __future__ import annotations

from math import ceil, inf

__all__ = ["Level"]

_SMOOTHING = 0.1
# Before the first answer; wrong by any factor it is corrected by the first answers.
_FIRST_GUESS = 0.2
_SLACK = 1.5
_SPARE = 2
_START = 4.0
_CROWDED = 2.0
_NEARLY = 1.25
_BEST_LASTS = 60.0
# Differences below this are the machine's noise.
_NOISE = 0.02


class Level:
    """The number of requests allowed in flight for one set of budgets.

    Args:
        most: never more than this.
    """

    def __init__(self, *, most: int = 256) -> None:
        self._most = most
        self._latency: float | None = None
        self._best = inf
        self._level = _START
        self._slow_start = True
        self._cut_at = -inf
        self._best_seen_at = -inf

    @property
    def latency(self) -> float:
        """Seconds that an answer takes, smoothed."""
        return _FIRST_GUESS if self._latency is None else self._latency

    def allowed(self, rate: float | None) -> int:
        """How many may be in flight, at least 1.

        Args:
            rate: requests a second that the limiter believes in, None if nothing is known.
        """
        if rate is None:
            return max(1, min(self._most, int(self._level)))
        return max(1, min(self._most, ceil(rate * self.latency * _SLACK) + _SPARE))

    def answered(self, *, now: float, seconds: float, in_flight: int) -> None:
        """An answer came that says nothing of overload.

        Args:
            now: a monotonic clock, in seconds.
            seconds: from sending to the whole answer.
            in_flight: requests in flight, this one included.
        """
        self._latency = seconds if self._latency is None else self._latency + _SMOOTHING * (seconds - self._latency)
        if seconds <= _NEARLY * self._best:
            self._best = min(self._best, seconds)
            self._best_seen_at = now
        elif now - self._best_seen_at > _BEST_LASTS:
            # Either the vendor became slower for good, or it has been crowded all the time: with half as many it shows.
            self._best, self._best_seen_at = seconds, now
            self._slow_start = False
            self._cut(now, self._level / 2)
            return
        if self._latency > _CROWDED * self._best + _NOISE:
            self._slow_start = False
            if now - self._cut_at > self._latency:
                self._cut(now, self._level - 1)
        elif in_flight >= int(self._level):
            # Only who uses the level has learned that it is too low.
            self._level = min(float(self._most), self._level + (1.0 if self._slow_start else 1.0 / self._level))

    def overloaded(self, *, now: float) -> None:
        """A 429, a 5xx, or no answer. All that fail together count once."""
        self._slow_start = False
        if now - self._cut_at > self.latency:
            self._cut(now, self._level / 2)

    def _cut(self, now: float, level: float) -> None:
        self._cut_at = now
        self._level = max(1.0, level)
