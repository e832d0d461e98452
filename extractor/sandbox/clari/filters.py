"""Which calls a query of `/calls` means, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, inf

from extractor.sandbox.clari.call_records import CallRecords
from extractor.sandbox.clari.calls import LONGEST_PROCESSING, LONGEST_WAIT, Calls, Talk
from extractor.sandbox.clari.paging import BadValue, Found, flag, instant, one_of, whole
from extractor.sandbox.replies import Call

__all__ = ["FILTERS", "CallFilters"]

LONGEST_FILTER = 7_200  # seconds
LISTS = ("filterUser", "filterAttendees", "filterTopics", "filterStatus", "filterType", "filterSourceId")
FILTERS = frozenset(
    {
        *("filterTimeGt", "filterTimeLt", "filterModifiedGt", "filterModifiedLt", "filterDurationGt"),
        *("filterDurationLt", "sortTime", "sortProcessed", "includePrivate", *LISTS),
    }
)
PAUSE_EVERY = 500  # calls


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A query; bounds are excluded themselves, times in milliseconds, durations in seconds."""

    time: tuple[float, float]
    modified: tuple[float, float]
    duration: tuple[int, int]
    lists: tuple[frozenset[str], ...]
    private: bool
    by_time: str | None
    by_processed: str | None

    @property
    def needs_a_look(self) -> bool:
        """Does it ask for more than a stretch of time?"""
        spans = (self.modified, self.duration)
        return any(map(any, self.lists)) or self.by_processed is not None or spans != (EVER, ANY_DURATION)


EVER = (-inf, inf)
ANY_DURATION = (-1, 1 << 30)


class CallFilters:
    """Finds calls; a stretch of time costs nothing, any other filter a look at all calls in question."""

    def __init__(self, calls: Calls, records: CallRecords) -> None:
        self._calls = calls
        self._records = records
        self._latest: tuple[_Asked, Found] | None = None

    async def found(self, call: Call) -> Found:
        """The calls that a query means; without an order in it the newest comes first.

        Raises:
            BadValue: the query makes no sense.
        """
        asked = _read(call)
        newest = asked.by_time != "asc"
        first, after = self._stretch(asked)
        if not asked.needs_a_look:
            return self._calls_between(first, after, private=asked.private, newest=newest)
        if self._latest is None or self._latest[0] != asked:
            self._latest = asked, await self._look(asked, range(first, after))
        return self._latest[1]

    def _stretch(self, asked: _Asked) -> tuple[int, int]:
        after_gt, before_lt = asked.time
        if asked.modified != EVER:  # which is never far from the beginning of a call
            after_gt = max(after_gt, asked.modified[0] - LONGEST_PROCESSING)
            before_lt = min(before_lt, asked.modified[1] + LONGEST_WAIT)
        first = 0 if after_gt == -inf else self._calls.below(floor(after_gt) + 1)
        after = self._calls.total if before_lt == inf else self._calls.below(ceil(before_lt))
        return first, max(first, after)

    def _calls_between(self, first: int, after: int, *, private: bool, newest: bool) -> Found:
        below = _itself if private else self._calls.public_below
        places = range(below(first), below(after))
        return Found(places=places[::-1] if newest else places, number=_itself if private else self._calls.public)

    async def _look(self, asked: _Asked, stretch: range) -> Found:
        kept: list[tuple[int, int]] = []
        for n, i in enumerate(stretch):
            if n % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
            if asked.private or not self._calls.private(i):
                talk = self._calls.call(i)
                if self._wanted(asked, talk):
                    kept.append((talk.modified if asked.by_processed else 0, i))
        kept.sort(reverse="asc" not in (asked.by_processed, asked.by_time))
        return Found(places=[i for _, i in kept], number=_itself)

    def _wanted(self, asked: _Asked, talk: Talk) -> bool:
        spans = ((asked.modified, talk.modified), (asked.duration, talk.duration))
        if not all(low < value < high for (low, high), value in spans):
            return False
        reps: set[str | None] = {person.email for person in self._records.reps(talk)}
        values: tuple[Callable[[], set[str | None]], ...] = (
            lambda: reps,
            lambda: reps | {self._records.guest_email(n) for n in self._records.guests(talk)},
            lambda: set(self._records.topics(talk)),
            lambda: {talk.status},
            lambda: {talk.type},
            lambda: {self._records.source_id(talk)},
        )
        return all(not wanted or wanted & value() for wanted, value in zip(asked.lists, values, strict=True))


def _read(call: Call) -> _Asked:
    low, high = ANY_DURATION
    by_time, by_processed = (one_of(call, name, "asc", "desc") for name in ("sortTime", "sortProcessed"))
    if by_time and by_processed:
        raise BadValue("sortTime and sortProcessed exclude each other")
    return _Asked(
        time=_span(call, "filterTime"),
        modified=_span(call, "filterModified"),
        duration=(
            whole(call, "filterDurationGt", 0, LONGEST_FILTER, low),
            whole(call, "filterDurationLt", 0, LONGEST_FILTER, high),
        ),
        lists=tuple(frozenset(call.all(name)) for name in LISTS),
        private=flag(call, "includePrivate", otherwise=False),
        by_time=by_time,
        by_processed=by_processed,
    )


def _span(call: Call, name: str) -> tuple[float, float]:
    low, high = instant(call, name + "Gt"), instant(call, name + "Lt")
    return -inf if low is None else low, inf if high is None else high


def _itself(number: int) -> int:
    return number
