"""A quota's book without a file."""

from __future__ import annotations

from datetime import datetime

__all__ = ["Paper"]


class Paper:
    """A `limits.Book` in memory.

    Attributes:
        taken: requests, by week.
        busy: so many times it can't be had.
        asked: how often it was asked for some.
    """

    def __init__(self) -> None:
        self.taken: dict[datetime, int] = {}
        self.busy = 0
        self.asked = 0

    def reserve(self, week: datetime, wanted: int, most: int) -> tuple[int, int] | None:
        self.asked += 1
        if self.busy:
            self.busy -= 1
            return None
        before = self.taken.get(week, 0)
        count = max(0, min(wanted, most - before))
        self.taken[week] = before + count
        return count, before + count

    def give_back(self, week: datetime, count: int) -> None:
        self.taken[week] -= count
