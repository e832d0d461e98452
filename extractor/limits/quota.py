"""So many requests a week, whoever sends them: counted over runs and processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from extractor.errors import QuotaSpent
from extractor.limits.tally import Tally
from extractor.model import WeeklyQuota

__all__ = ["Book", "QuotaLimiter", "week_of"]

RESERVED = 20
"""Requests that are booked at a time; a process that is killed takes at most so many with it."""

LOOK_AGAIN_S = 1.0
"""Others may give back what they booked and did not need."""

BUSY_S = 0.02

CLOCKS_DIFFER_S = 300.0
"""A refusal so soon after the week began may still be about the week before, by the vendor's clock."""

WEEK = timedelta(days=7)
A_SUNDAY = datetime(1970, 1, 4, tzinfo=UTC)


class Book(Protocol):
    """Where all processes of one account write down what they use of a quota."""

    def reserve(self, week: datetime, wanted: int, most: int) -> tuple[int, int] | None:
        """Take up to `wanted` of the `most` requests of that week.

        Returns:
            How many were taken, and how many are taken now by all; None if the book is in use this very moment.

        Raises:
            StorageError: it can't be read or written.
        """

    def give_back(self, week: datetime, count: int) -> None:
        """So many were taken and not needed. It is no error if another week has begun."""


def week_of(moment: datetime) -> datetime:
    """The Sunday, 00:00 UTC, with which the week of `moment` began."""
    return moment - (moment - A_SUNDAY) % WEEK


class QuotaLimiter:
    """Lets requests pass while the week has some left, at any speed, and raises `QuotaSpent` when it hasn't.

    Whatever was sent counts, failed or not. The vendor may know of more requests than the book does:
    it is believed when it says that the quota is `spent`, until the next week or the end of the run.

    No share applies: what others need of a week is the policy's `keep`.

    Args:
        policy: from the vendor's file.
        name: of the budget, for the error.
        book: shared with other processes.
        wall: seconds since 1970; the week ends by it.
    """

    def __init__(self, policy: WeeklyQuota, *, name: str, book: Book, wall: Callable[[], float] = time.time) -> None:
        self.limit = policy.limit - policy.keep
        self.tally = Tally()
        self._policy = policy
        self._name = name
        self._book = book
        self._wall = wall
        self._week = A_SUNDAY
        self._reserved = 0
        self._used = 0
        self._spent_by_word = False
        self._looks_again = -math.inf
        self._tickets = 0
        self._flying: dict[int, datetime] = {}

    @property
    def rate(self) -> float:
        """Any number of requests a second."""
        return math.inf

    @property
    def left(self) -> int:
        """Requests of this week that nobody has used yet, as far as is known here."""
        self._turn()
        if not self._reserved and (looked := self._book.reserve(self._week, 0, self.limit)):
            self._used = looked[1]
        return 0 if self._spent_by_word else max(0, self.limit - self._used) + self._reserved

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, or a moment while other processes have the book.

        Raises:
            QuotaSpent: none may before the next week.
            StorageError: the book can't be read or written.
        """
        self._turn()
        if self._spent_by_word:
            raise self._error()
        if self._reserved:
            return 0.0
        if now < self._looks_again:
            raise self._error()
        taken = self._book.reserve(self._week, RESERVED, self.limit)
        if taken is None:
            return BUSY_S
        self._reserved, self._used = taken
        if not self._reserved:
            self._looks_again = now + LOOK_AGAIN_S
            raise self._error()
        return 0.0

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""
        self.tally.started(now, self.rate)
        self._reserved -= 1
        self._tickets += 1
        self._flying[self._tickets] = self._week
        return self._tickets

    def began(self, ticket: int, now: float) -> None:
        """Nothing: it has been counted."""
        del ticket, now

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """It stays counted, whatever the answer is."""
        del now, status, headers
        del self._flying[ticket]

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        """What never left is given back."""
        del now
        week = self._flying.pop(ticket)
        if not sent:
            self.tally.unsent()
            self._reserved += week == self._week

    def told(self, body: bytes) -> bool:
        """The body of a 429 may say that the quota is spent; if so it is."""
        text = self._policy.spent_text.encode()
        if not text or text not in body:
            return False
        self._turn()
        if self._now() - self._week >= timedelta(seconds=CLOCKS_DIFFER_S):
            self._spent_by_word = True
        return True

    def close(self) -> None:
        """Give back what is booked and was not needed."""
        self._turn()
        count, self._reserved = self._reserved, 0
        if count:
            self._book.give_back(self._week, count)

    def _turn(self) -> None:
        """A new week begins with nothing booked and nothing used."""
        week = week_of(self._now())
        if week != self._week:
            self._week = week
            self._reserved = self._used = 0
            self._spent_by_word = False
            self._looks_again = -math.inf

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    def _error(self) -> QuotaSpent:
        until = self._week + WEEK
        if self._spent_by_word:
            what = f"The vendor says that the week's requests are used up (budget {self._name})"
        else:
            what = (
                f"The {self.limit:,} requests a week that are ours are used up (budget {self._name}; "
                f"{self._policy.keep:,} more are left to others)"
            )
        return QuotaSpent(f"{what}; run again from {until:%A, %Y-%m-%d %H:%M} UTC on.", until=until, budget=self._name)
