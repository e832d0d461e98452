"""Which cases there are, and when each was created: everything is worked out from (seed, widget, number).

The cases of a widget are numbered by creation, so that a window of time is a range of numbers that a
binary search finds, whatever the size.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime

from extractor.sandbox.dice import Dice
from extractor.sandbox.options import Options
from extractor.sandbox.snapengage.ids import Kind

__all__ = ["DAY", "LONG_LINES", "SECOND", "WIDGETS", "Case", "Population"]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Instants and durations are integers of milliseconds (since 1970)."""

WIDGETS = 3
BUSY_WIDGET, BUSY_FACTOR = 0, 6
HISTORY = 600 * DAY  # 20 months, and up to 20 days more
CAMPAIGN_AGO = 240 * DAY
CAMPAIGN_DAYS = (5, 17)  # of its month, the second one excluded
OPEN_CASES = 3  # per widget, its newest ones
LONG_EVERY, LONG_LINES = 10_007, 6_000
LINES = (1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 10, 14)
GAPS = (3 * SECOND, 9 * SECOND, 20 * SECOND, 41 * SECOND)
SURVEY_DELAY = 7 * DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case; times in milliseconds since 1970.

    Attributes:
        w: its widget.
        n: its number in the widget.
        offline: a message that was left behind, without a transcript.
        open: a chat that goes on.
        lines: of the transcript, 0 for an offline case.
        gap: between two lines.
        surveyed: the visitor answered the survey before the end of the data.
    """

    w: int
    n: int
    created: int
    offline: bool
    open: bool
    lines: int
    gap: int
    surveyed: bool

    def line_time(self, k: int) -> int:
        """When line k was written; every fourth has the time of the one before it."""
        return self.created + (k - (k % 4 == 3)) * self.gap


class Population:
    """All cases of an organisation.

    Attributes:
        until: end of the data; nothing was created at or after it.
        begin: nothing was created before it.
    """

    def __init__(self, options: Options, key: bytes, started: float) -> None:
        self.key = key
        self.size = options.size
        self.plain = options.plain
        self.until = int(options.data_ends(started).timestamp() * 1000)
        self.begin = self.until - HISTORY - Dice(key, Kind.WIDGET).below(20 * DAY)
        month = datetime.fromtimestamp((self.until - CAMPAIGN_AGO) // SECOND, UTC)
        month = month.replace(hour=0, minute=0, second=0)
        self._campaign = [int(month.replace(day=day).timestamp()) * SECOND for day in CAMPAIGN_DAYS]

    def count(self, w: int) -> int:
        """How many cases widget w has."""
        return self.size * (BUSY_FACTOR if w == BUSY_WIDGET else 1)

    def created(self, w: int, n: int) -> int:
        """When case n of widget w was created; never before case n - 1.

        Who wrote in the first hour of a day (UTC) is taken to have written in its first millisecond, who wrote in
        the last one in its last millisecond: both borders of a window are populated.
        """
        share = (n + Dice(self.key, Kind.CASE, w, n, 0).unit()) / self.count(w)
        when = self._at(share) if w == BUSY_WIDGET else self.begin + int(share * (self.until - self.begin))
        hour = when % DAY // HOUR
        if hour == 0:
            return max(self.begin, when - when % DAY)
        return min(self.until, when - when % DAY + DAY) - 1 if hour == 23 else when

    def case(self, w: int, n: int) -> Case:
        """Case n of widget w, 0 <= n < count(w)."""
        dice = Dice(self.key, Kind.CASE, w, n, 1)
        created = self.created(w, n)
        is_open = n >= self.count(w) - OPEN_CASES
        is_long = w == BUSY_WIDGET and n % LONG_EVERY == LONG_EVERY // 2 and not self.plain
        offline = dice.one_in(6) and not (is_open or is_long)
        lines = LONG_LINES if is_long else dice.pick(LINES)
        surveyed = dice.one_in(4) and not (is_open or offline) and created < self.until - SURVEY_DELAY
        return Case(
            w=w,
            n=n,
            created=created,
            offline=offline,
            open=is_open,
            lines=0 if offline else lines,
            gap=dice.pick(GAPS),
            surveyed=surveyed,
        )

    def open_cases(self, w: int) -> range:
        """The numbers of the chats of widget w that go on."""
        return range(max(0, self.count(w) - OPEN_CASES), self.count(w))

    def between(self, w: int, start: int, end: int) -> range:
        """The numbers of the cases of widget w created from start (included) to end (excluded)."""
        numbers = range(self.count(w))
        first = bisect_left(numbers, start, key=lambda n: self.created(w, n))
        return range(first, bisect_left(numbers, end, lo=first, key=lambda n: self.created(w, n)))

    def _at(self, share: float) -> int:
        """When this share of the busy widget's cases was there: one half of them came in a campaign of some days."""
        first, last = self._campaign
        quiet = self.until - self.begin - (last - first)
        before = (first - self.begin) / quiet / 2
        if share < before:
            return self.begin + int(share * 2 * quiet)
        if share < before + 0.5:
            return first + int((share - before) * 2 * (last - first))
        return last + int((share - before - 0.5) * 2 * quiet)
