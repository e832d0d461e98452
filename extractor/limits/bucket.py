"""A bucket of requests that drains evenly; how full it is stands in every answer or is reckoned."""

from __future__ import annotations

import functools
import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping

from extractor.limits.drain import Drain
from extractor.limits.level import Level
from extractor.limits.older import Older
from extractor.limits.pause import FIRST_OWN_S, Pause
from extractor.limits.rolling import CLOCKS_DIFFER, LONGEST_ROAD_S
from extractor.limits.tally import Tally
from extractor.model import Bucket

__all__ = ["BucketLimiter"]

RESERVE = 0.25
"""Part of the bucket that is left to bursts of others; it drains no slower for that."""

OVERTAKES_S = 0.5
"""A request arrives before those that are sent so much later."""

CATCH_UP = 4.0
"""So many times as fast as the bucket drains it may fill: of a burst, no count could tell what it includes."""

TOUCH = 1e-6


class BucketLimiter:
    """Keeps the vendor's bucket from running empty and from running over, so that all that drains is used.

    The vendor counts a request when it arrives, which is after it was sent and before it was answered. So each
    counts whole until its answer, or for `LONGEST_ROAD_S` if that takes longer, and drains only from there on:
    however different the ways of requests are, the vendor's bucket is never fuller than ours. At first it is taken
    to be as full as it may be, for another run may have just ended.

    A count that an answer states is believed, with what of ours may have arrived after it, as far as it is more than
    was reckoned when the request was sent: others put that in. Of what was reckoned it tells nothing, for what has
    drained on the way back is not in it. It tells the size as well, and how fast the bucket drains.

    Without counts, the older and smaller bucket is believed after two pauses in a minute, until the end of the
    run; but not if it would have run over long before, for then others were the reason.
    """

    def __init__(self, policy: Bucket, *, share: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._share = share
        self._size = float(policy.size)
        self._drain = Drain(policy.per_second)
        self._whole = Level(policy.per_second, self._room)
        self._ours = Level(policy.per_second)
        self._older = Older(policy.older) if policy.older else None
        self._pause = Pause(wall)
        self._answers = 0
        self._newest_count = -math.inf
        self._tickets = 0
        self._void = 0
        self._flying: dict[int, tuple[float, float]] = {}
        self._underway: dict[int, float] = {}
        self._arrived: deque[tuple[float, float]] = deque()
        self._latest = -math.inf
        self._set_speed()
        self.tally = Tally()

    @property
    def rate(self) -> float:
        """Requests a second that are ours."""
        drain = self._drain
        return min(drain.per_second * self._share, max(drain.per_second - drain.others, 0.05 * drain.per_second))

    @property
    def _room(self) -> float:
        return max(1.0, self._size * (1 - RESERVE))

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds; infinity while the answer to a lone request is awaited."""
        if self._flying and self._policy.used_header and not self._answers:
            return math.inf
        self._settle(now)
        spaced = self._latest + 1 / (CATCH_UP * self._drain.per_second) - now
        wait = max(self._pause.wait(now), spaced, self._over(self._whole, self._room, now))
        if self._share < 1:
            wait = max(wait, self._over(self._ours, max(1.0, self._room * self._share), now))
        if wait <= TOUCH:
            return 0.0
        self.tally.waited(now, self.rate, wait)
        return wait

    def _over(self, level: Level, room: float, now: float) -> float:
        """Seconds until one more fits."""
        surplus = level.at(now) + len(self._underway) + 1 - room
        if surplus <= TOUCH:
            return 0.0
        if len(self._underway) + 1 > room:
            return next(iter(self._underway.values())) + LONGEST_ROAD_S - now
        return surplus / level.per_second

    def start(self, now: float) -> int:
        """Count a request that starts now. Returns its ticket."""
        self.tally.started(now, self.rate)
        self._tickets += 1
        self._latest = now
        self._pause.started(self._tickets, now)
        self._underway[self._tickets] = now
        self._flying[self._tickets] = (now, self._whole.at(now) + len(self._underway))
        return self._tickets

    def began(self, ticket: int, now: float) -> None:
        """Nothing: what drains evenly loses nothing by it."""
        del ticket, now

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer: the count, the size, and when to stand still."""
        sent, reckoned = self._flying.pop(ticket)
        self._answers += 1
        self._arrive(ticket, now)
        self._read(ticket, sent, reckoned, now, headers)
        if status == 429:
            self._refused(ticket, sent, now, headers)
        elif status:
            self._pause.passed(ticket)
            if self._older:
                self._older.taken(now)

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        """No answer will come. What was sent stays spent; what never left is given back."""
        del self._flying[ticket]
        if sent:
            self._arrive(ticket, now)
            return
        self._underway.pop(ticket, None)
        self._void += 1
        self.tally.unsent()

    def _arrive(self, ticket: int, now: float) -> None:
        self._settle(now)
        sent = self._underway.pop(ticket, None)
        if sent is not None:
            self._count(sent, now)

    def _settle(self, now: float) -> None:
        """Whatever has been underway for long has arrived."""
        while self._underway:
            ticket, sent = next(iter(self._underway.items()))
            if sent + LONGEST_ROAD_S > now:
                return
            del self._underway[ticket]
            self._count(sent, sent + LONGEST_ROAD_S)

    def _count(self, sent: float, moment: float) -> None:
        self._ours.add(moment)
        if sent < self._newest_count - OVERTAKES_S:
            return
        self._whole.add(moment)
        self._arrived.append((moment, sent))
        while self._arrived[0][0] < moment - LONGEST_ROAD_S:
            self._arrived.popleft()

    def _read(self, ticket: int, sent: float, reckoned: float, now: float, headers: Mapping[str, str]) -> None:
        used, size = _used_of_size(headers.get(self._policy.used_header, ""))
        # A slow answer tells of a time long ago, and one that was overtaken of a time before the other's.
        if not size or now - sent >= LONGEST_ROAD_S or sent < self._newest_count:
            return
        self._newest_count = sent
        if size != self._size:
            self._believe(size, self._policy.per_second * size / self._policy.size)
        included = sent - OVERTAKES_S
        for other in [other for other, since in self._underway.items() if since < included]:
            self._count(self._underway.pop(other), now)
        later = sum(moment > sent and since >= included for moment, since in self._arrived) - 1
        ours = self._whole.at(now) + max(0.0, used - reckoned)
        self._whole.put(now, min(used + later, size, ours))
        self._drain.counted(sent=sent, ours=ticket - self._void, used=used)
        self._set_speed()

    def _refused(self, ticket: int, sent: float, now: float, headers: Mapping[str, str]) -> None:
        self.tally.refused += 1
        self._void += 1
        # There was no room, whatever had been reckoned.
        self._whole.put(now, self._size)
        lone = self._pause.probing
        if not self._pause.refused(ticket, sent=sent, now=now, own=FIRST_OWN_S, headers=headers):
            return
        self.tally.pauses += 1
        # One alone fits into any bucket that has drained for a while, so its refusal tells nothing of the size.
        if self._older and not lone and self._older.paused(now):
            self._believe(self._older.size, self._older.per_second)
            self._whole.put(now, self._size)

    def _believe(self, size: float, per_second: float) -> None:
        self._size = size
        self._drain = Drain(per_second)
        self._set_speed()

    def _set_speed(self) -> None:
        self._whole.per_second = self._drain.per_second / CLOCKS_DIFFER
        self._ours.per_second = self._whole.per_second * self._share


@functools.lru_cache(maxsize=1024)
def _used_of_size(text: str) -> tuple[float, float]:
    """`10/40` as (10, 40); (0, 0) for what makes no sense."""
    found = re.fullmatch(r"\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*", text)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)
