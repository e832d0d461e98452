"""A quota's book without a file, and its week in the middle.

In the first minutes of a week a refusal may be about the last one: whoever asks the real clock sees other things then.
"""

from __future__ import annotations

from datetime import UTC, datetime

from extractor.limits.quota import QuotaLimiter
from extractor.model import WeeklyQuota

__all__ = ["WEDNESDAY", "Paper", "in_midweek"]

WEDNESDAY = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


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


def in_midweek(policy: WeeklyQuota, book: Paper, *, name: str = "weekly") -> QuotaLimiter:
    """As `limits.build` makes it, on a Wednesday."""
    return QuotaLimiter(policy, name=name, book=book, wall=WEDNESDAY.timestamp)
