"""Things that happened one after another: the time of each is worked out, and found again by bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import accumulate

from extractor.sandbox.clari.stamps import DAY
from extractor.sandbox.dice import Dice

__all__ = ["Timeline"]

RUSH_EVERY, RUSH = 91, 12  # once in about a quarter comes a day with twelve times as much
WEEKEND = 0.3
MONDAY = 4  # 1970-01-05


class Timeline:
    """Instants of `count` things, in their order; several may share one.

    Args:
        key: of the draws.
        salt: tells one kind of things from another.
        count: how many there are.
        end: milliseconds; nothing happens at or after it. Whole days.
        days: how many days before that the first may happen.
        within: moves a time of day (milliseconds) to another one; must not change the order.
    """

    def __init__(
        self,
        key: bytes,
        salt: int,
        *,
        count: int,
        end: int,
        days: int,
        within: Callable[[int], int] = lambda ms: ms,
    ) -> None:
        self.count = count
        self._key = key
        self._salt = salt
        self._within = within
        self._first = end // DAY - days
        weights = [self._weight(self._first + n, n / days) for n in range(days)]
        self._until = [*accumulate(weights, initial=0.0)]

    def at(self, i: int) -> int:
        """When thing i happened, in milliseconds; never earlier than thing i - 1."""
        place = (i + Dice(self._key, self._salt, i).unit()) / self.count * self._until[-1]
        day = min(bisect_right(self._until, place), len(self._until) - 1) - 1
        into = (place - self._until[day]) / (self._until[day + 1] - self._until[day])
        return (self._first + day) * DAY + self._within(min(int(into * DAY), DAY - 1))

    def below(self, ms: float) -> int:
        """How many happened before an instant; the number of the first that did not."""
        return bisect_left(range(self.count), ms, key=self.at)

    @staticmethod
    def _weight(day: int, progress: float) -> float:
        weight = WEEKEND if (day - MONDAY) % 7 > 4 else 1.0
        return weight * (0.5 + progress) * (RUSH if day % RUSH_EVERY == 0 else 1)
