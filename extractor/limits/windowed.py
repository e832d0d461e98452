"""Spending whole seconds of a vendor that counts by the clock."""

from __future__ import annotations

import math
from collections.abc import Iterator

from extractor.limits.phase import Phase
from extractor.limits.window import Flight, Known, Window

__all__ = ["Windowed"]

MARGIN_S = 0.012
SPARE_S = 0.2
"""The last of a second is due so much before it must be gone, so that a stall costs none of them; not beside others,
whose requests show in the counts meanwhile."""
FIRST_LESS = 0.15
"""Part of the first second that is left free: what was sent evenly before may come as late as that."""
CAUTION = 1.5
LEAST_SHARE = 0.2
SMOOTHING = 0.2
FORGET_S = 60.0
TOUCH_S = 1e-6


class Windowed:
    """Sends the allowance of each second evenly between a moment after its beginning and one before its end.

    Early and late are not alike. A request that lands early, in a second that is used up, is a 429; one that
    lands late takes a place in the next second, which the counts show a round trip later. So a second begins
    with a margin and ends before the slowest requests would miss it; what is left is spread over
    the time that is left at each request, which catches up after a stall.

    Of the limit, others are left what they have used already and what they will use by their smoothed rate, but for a
    `LEAST_SHARE` of ours. What they may have used since the last answer is reckoned with `CAUTION` standard deviations.
    """

    def __init__(self, known: Known, phase: Phase, now: float) -> None:
        self._known = known
        self._phase = phase
        self._windows: dict[int, Window] = {}
        # The second that has just begun, or is only believed to begin in a moment, has requests in it already.
        self._first = max(phase.second(now), 0) + 1
        self._fraction = 0.0
        self._quota = 0
        self._quota_of = self._first - 1

    @property
    def rate(self) -> float:
        """Requests a second that are ours."""
        known = self._known
        return min(known.limit * known.share, max(known.limit - known.others, 0.05 * known.limit))

    def outdated(self, now: float) -> bool:
        """So long without evidence that the clocks may have drifted apart."""
        return now - self._phase.proven > FORGET_S

    def faster(self, seconds: float) -> None:
        """The shortest round trip is by so much shorter than had been thought."""
        self._phase.faster(seconds)

    def until_next(self, flight: Flight, now: float) -> float:
        """Seconds until the second after the one in which the refused `flight` was sent."""
        number = flight.window.number if flight.window else self._phase.second(now)
        return max(0.0, self._phase.bound + number + 1 - now)

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds."""
        excess = self._known.latency.excess
        margin = min(MARGIN_S + excess / 4, 0.15)
        tail = min(MARGIN_S + 2 * excess, 0.25)
        number = max(self._phase.second(now), self._first)
        begins = self._phase.bound + number
        opens = begins + margin
        if now < opens - TOUCH_S:
            return opens - now
        window = self._at(number)
        left = self._left(window, now, begins + 1)
        closes = begins + 1 - tail
        if left < 1 or now > closes + tail / 2:
            return opens + 1 - now
        if not window.own:
            return 0.0
        aim = closes if self._known.others else closes - SPARE_S
        due = window.last + max((aim - window.last) / left, 0.25 / self._known.limit)
        return due - now if due > now + TOUCH_S else 0.0

    def _left(self, window: Window, now: float, ends: float) -> int:
        known = self._known
        if window.troubled:
            return 0
        if window.number != self._quota_of:
            whole = known.limit * known.share + self._fraction
            self._quota = math.floor(whole + 1e-9)
            self._fraction = whole - self._quota if known.share < 1 else 0.0
            self._quota_of = window.number
        quota = min(self._quota, math.ceil(known.limit * known.share))
        safe = fair = known.limit - window.others(alone=not known.others)
        if known.others:
            unseen = known.others * max(0.0, now - window.seen)
            safe -= unseen + CAUTION * math.sqrt(unseen)
            fair -= known.others * max(0.0, ends - window.seen)
        # Even beside a greedy neighbour a few are needed to see when it leaves.
        fair = max(fair, LEAST_SHARE * known.limit, 2.0)
        if window.number == self._first:
            quota -= math.ceil(FIRST_LESS * quota)
        return min(quota, math.floor(min(safe, fair) + 1e-9)) - window.own

    def start(self, now: float) -> Flight:
        """A request starts."""
        return self._at(max(self._phase.second(now), self._first)).started(now)

    def answered(self, flight: Flight, now: float, status: int) -> None:
        """Learn from an answer."""
        window = flight.window
        if window is None:
            return
        young = flight.sent - (self._phase.bound + window.number) < 0.15 and flight.place <= 0.3 * self._known.limit + 1
        if status == 429:
            window.removed(flight)
            window.troubled = True
            # A refusal that states that there was room has another reason than a second that was used up.
            if young and (flight.used is None or flight.used >= self._known.limit):
                self._phase.landed(now, flight.sent, window.number - 1, flight.excess)
            return
        number = self._landed(flight, window, young=young)
        if number is not None:
            self._phase.landed(now, flight.sent, number, flight.excess)
        if number == window.number + 1:
            window.removed(flight)
            window = flight.window = self._at(number)
            window.own += 1
        window.answered(flight, sum(other.window is window for other in self._before(flight)))
        if not self._known.others and (surplus := window.others(alone=True)) >= 2:
            # Somebody has come. How busy they are is learnt better when the second is over.
            self._known.others = surplus / max(0.3, self._seen_s(window))

    def unsent(self, flight: Flight) -> None:
        """A request did not leave after all."""
        if flight.window:
            flight.window.removed(flight)

    def _landed(self, flight: Flight, window: Window, *, young: bool) -> int | None:
        """Number of the second in which it was counted, None if the count does not say."""
        limit = self._known.limit
        if flight.used is None:
            return None
        if young:
            full = flight.used > 0.6 * limit and flight.used > flight.place + 0.3 * limit
            return window.number - 1 if full else window.number
        if flight.sent - (self._phase.bound + window.number) < 0.5:
            return window.number
        if flight.place < max(3.0, 0.3 * limit):
            return None
        return window.number + 1 if flight.used < flight.place / 2 else window.number

    def _before(self, flight: Flight) -> Iterator[Flight]:
        for other in self._known.flying.values():
            if other.sent >= flight.sent:
                return
            yield other

    def _at(self, number: int) -> Window:
        window = self._windows.get(number)
        if window is None:
            window = self._windows[number] = Window(number, self._phase.bound + number)
            for old in [other for other in self._windows if other < number - 1]:
                self._close(self._windows.pop(old))
        return window

    def _close(self, window: Window) -> None:
        """All is known of a second that will ever be: learn the rate of others."""
        known = self._known
        seen_s = self._seen_s(window)
        if seen_s < 0.3:
            # Nothing was learnt, perhaps because others are thought to be busier than they are.
            known.others *= 1 - SMOOTHING / 2
            return
        rate = window.others(alone=False) / seen_s
        known.others += SMOOTHING * (rate - known.others)
        if not rate and known.others < 0.005 * known.limit:
            known.others = 0.0

    def _seen_s(self, window: Window) -> float:
        """Seconds of it that answers tell of."""
        return window.seen - (self._phase.bound + window.number)
