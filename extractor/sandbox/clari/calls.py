"""Which calls exist, when they were, and what is special about each: all worked out from (seed, number).

Calls are numbered in the order of time; the last ones are yet to come.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from extractor.sandbox.clari.ids import Kind
from extractor.sandbox.clari.stamps import DAY, HOUR, MINUTE, SECOND
from extractor.sandbox.clari.timeline import Timeline
from extractor.sandbox.dice import Dice
from extractor.sandbox.options import Options

__all__ = ["FINISHED", "HISTORY_DAYS", "LONGEST_PROCESSING", "LONGEST_WAIT", "Calls", "Talk"]

HISTORY_DAYS = 425  # fourteen months
GRID = 5 * MINUTE  # calls begin when clocks show round figures
NO_TIME_OF_DAY = HOUR  # what would begin in a day's first hour came from a source that knows days only
LONGEST_PROCESSING = 2 * DAY
AHEAD = 7 * DAY  # calls are scheduled
LONGEST_WAIT = AHEAD + 2 * DAY
"""From the day on which a call is scheduled to its beginning."""
PRIVATE_EVERY, PRIVATE = 9, 4
GONE_EVERY, GONE = 29, 13
LONG_EVERY, LONG = 50, 7
SCHEDULED_PER = 24  # one call is yet to come for so many
FINISHED = ("PROCESSED", "POST_PROCESSING_DONE")
STATUSES = (
    *("PROCESSED", "PROCESSED", "PROCESSED", "POST_PROCESSING_DONE", "POST_PROCESSING_DONE", "POST_PROCESSING_DONE"),
    *("POST_PROCESSING_DONE", "POST_PROCESSING_DONE", "NO_DATA_INCALL", "NOBODY_JOINED_CALL", "BOTJOIN_DENIED"),
    *("UNABLE_TO_JOIN", "CALL_DID_NOT_HAPPEN", "IGNORED_BY_USER", "ERROR_IN_TRANSCRIBE"),
)
TYPES = ("ZOOM", "ZOOM", "GOOGLE_MEET", "MS_TEAMS", "MS_TEAMS", "AIRCALL_RECORDING", "DIALPAD", "RECORDING", "WEBEX_2")


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One call; times in milliseconds since 1970.

    Attributes:
        modified: when the status changed last.
        duration: seconds; 0 unless the call is finished.
        rep: number of the user who holds it.
        deal: number of the deal that it is about, or None.
    """

    i: int
    start: int
    modified: int
    status: str
    type: str
    duration: int
    rep: int
    deal: int | None

    @property
    def finished(self) -> bool:
        """Was there a conversation that could be processed?"""
        return self.status in FINISHED


class Calls:
    """All calls.

    Attributes:
        count: those in the past, `total` with those to come.
        deals, accounts, contacts: how many of these exist.
    """

    def __init__(self, options: Options, key: bytes, started: float) -> None:
        self.plain = options.plain
        self.key = key
        self.until = int(options.data_ends(started).timestamp() * SECOND)
        self.total = options.size
        self.count = options.size - options.size // SCHEDULED_PER
        self.deals = max(1, options.size // 3)
        self.accounts = self.deals // 2 + 1
        self.contacts = 2 * self.accounts
        past = Timeline(key, Kind.CALL, count=self.count, end=self.until, days=HISTORY_DAYS, within=_begin)
        self._past = past
        # In real time, so that they are in the future of any client.
        self._soon = max(self.until, (int(started * SECOND) // DAY + 1) * DAY)

    def at(self, i: int) -> int:
        """When call i begins."""
        return self._past.at(i) if i < self.count else self._soon + (i - self.count) * AHEAD // self.total

    def below(self, ms: float) -> int:
        """How many begin before an instant."""
        return bisect_left(range(self.total), ms, key=self.at)

    def private(self, i: int) -> bool:
        """Is it left out unless private calls are asked for?"""
        return i % PRIVATE_EVERY == PRIVATE

    def public_below(self, i: int) -> int:
        """How many calls before call i are not private."""
        return i - (i + PRIVATE_EVERY - 1 - PRIVATE) // PRIVATE_EVERY

    def public(self, place: int) -> int:
        """The number of the call before which there are `place` that are not private; it is not private itself."""
        rounds, rest = divmod(place, PRIVATE_EVERY - 1)
        return rounds * PRIVATE_EVERY + rest + (rest >= PRIVATE)

    def gone(self, i: int) -> bool:
        """Are its details 404 though it is listed?"""
        return i % GONE_EVERY == GONE and not self.plain

    def call(self, i: int) -> Talk:
        """Call i, 0 <= i < total."""
        dice = Dice(self.key, Kind.CALL, i, 1)
        start = self.at(i)
        status = dice.pick(STATUSES) if i < self.count else "SCHEDULED"
        duration = 0
        if status in FINISHED:
            duration = dice.between(120, 2_700) if i % LONG_EVERY != LONG else 3 * 3_600
        processed = start + duration * SECOND + dice.between(5, 180) * MINUTE
        if dice.one_in(20):
            processed += DAY
        modified = max(start, min(processed, self.until - SECOND)) if i < self.count else self._soon - DAY - MINUTE
        return Talk(
            i=i,
            start=start,
            modified=modified,
            status=status,
            type=dice.pick(TYPES),
            duration=duration,
            rep=dice.below(1 << 16),
            deal=None if dice.one_in(6) else dice.below(self.deals),
        )


def _begin(time_of_day: int) -> int:
    return 0 if time_of_day < NO_TIME_OF_DAY else time_of_day // GRID * GRID
