"""Sending evenly: while the vendor's seconds are not known, or if it has none."""

from __future__ import annotations

import math
from collections import deque

from extractor.limits.arrivals import MOST_DIFFERENCE_S, WARY, Arrivals
from extractor.limits.phase import DOUBT_S, Phase
from extractor.limits.window import Flight, Known

__all__ = ["LEAST_WINDOWED", "Paced"]

LEAST_WINDOWED = 5
"""Limits below are too small for their counts to tell anything."""

LEARN_S = 3.0
SILENT = 3
LEAST_DIFFERENCE_S = 0.004
"""More than the second itself needs, or what was late once would stay close to the next for ever."""
CREDIT_S = 0.05
SMALL_CREDIT_S = 0.03
"""How much a stall is made up for; a small bucket allows little of it."""
STALL_S = 0.25
"""A pause this long empties a bucket enough to mistake a rolling window for it."""
SLACK_S = 0.01
MOST_SLACK_S = 0.1
JUMP = 0.3
CLEAR_S = 0.05
LOOKS = 4
"""Some endpoints think for a second before they answer, which hides when they were counted: so many are looked at."""
TOUCH_S = 1e-6


class Paced:
    """Evenly spaced requests, and an eye on the stated count for what kind of vendor this is.

    * It counts by the clock if the count falls by `JUMP` of the limit from one request to the next: a second
      began between the two. `answered` then returns its `Phase`. Until then the rate is low enough for a whole
      second with all that is in flight, so that no second overflows.
    * It is a leaky bucket if in `LEARN_S` of steady requests that did not happen, and yet the count was clearly less
      than what had been sent in a second. Then the limit itself is the rate, less as the bucket fills.
    * Else (no counts, or a rolling window) L requests are spread over a second and the jitter, and
      further apart with each 429 that came all the same. Their `Arrivals` keep any second from holding more.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._due = 0.0
        self._leaky = False
        self._learning = True
        self._recent: deque[Flight] = deque()
        self._arrivals = Arrivals(known)
        self._before: Flight | None = None
        self._newest: Flight | None = None
        self._run_began = 0.0
        self._steady = 0
        self._lowest = math.inf
        self._slack = 0.0
        self._silent = 0
        self._lone = True
        self._gaps = 0.0
        self._gaps_s = 0.0
        self._looks = 0
        self._begun_by = 0.0

    @property
    def rate(self) -> float:
        """Requests a second that are ours."""
        known = self._known
        return min(known.limit * known.share, max(known.limit - known.others, 0.05 * known.limit))

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds."""
        due = self._due
        newest = self._newest
        if newest is not None and newest.used is not None and (self._learning or self._leaky):
            left = self._known.limit - newest.used - len(self._known.flying)
            if left < 1:
                # One second after the first of this run at the latest the next one has begun.
                due = max(due, self._run_began + 1 + 2 * DOUBT_S)
        if not self._learning and not self._leaky:
            due = max(due, self._arrivals.room_at(now, self._slack))
        return due - now if due > now + TOUCH_S else 0.0

    def start(self, now: float) -> Flight:
        """A request starts."""
        spacing = 1 / self._pace()
        late = now - self._due
        if late < spacing + CREDIT_S:
            self._steady += 1
        else:
            # On a busy machine the loop stands still now and then; that must not put the learning off for ever.
            self._steady = max(0, self._steady - math.ceil(late / spacing)) if late < STALL_S else 0
        credit = CREDIT_S if self._learning or self._leaky else min(CREDIT_S, max(SMALL_CREDIT_S, spacing / 2))
        # Idle time is not made up for: a second may begin now, and has no room for more than is due in it.
        self._due = (max(self._due, now - credit) if late < STALL_S else now) + spacing
        flight = Flight(now, None)
        flight.steady = self._steady
        self._recent.append(flight)
        self._arrivals.started(flight, now)
        if self._learning and self._steady > max(8.0, LEARN_S * self._pace()):
            self._leaky = self._lowest < 0.7 * self._pace() and self._known.limit >= LEAST_WINDOWED
            self._learning = False
        return flight

    def _pace(self) -> float:
        known = self._known
        ours = known.limit * known.share
        latency = known.latency
        if self._learning:
            way = min(latency.least + latency.excess, 1.0)
            return min(ours, 0.97 * known.limit / (1 + way))
        if not self._leaky:
            difference = min(max(WARY * latency.excess, LEAST_DIFFERENCE_S), MOST_DIFFERENCE_S)
            return min(ours, known.limit / (1 + difference + self._slack))
        used = self._newest.used if self._newest is not None and self._newest.used is not None else 0.0
        return min(ours, known.limit * min(1.0, max(0.05, 1.2 - max(0.0, used - 2) / known.limit)))

    def faster(self, seconds: float) -> None:
        """The shortest round trip is by so much shorter than had been thought."""
        self._arrivals.faster(seconds)

    def answered(self, flight: Flight, now: float) -> Phase | None:
        """Learn from an answer. Returns the phase of the vendor's seconds when it shows."""
        self._arrivals.answered(flight, now)
        if flight.used is not None:
            if flight.steady > self._pace() + 1:
                # The second before it was as full as it gets.
                self._lowest = min(self._lowest, flight.used)
            if self._newest is None or flight.sent >= self._newest.sent:
                self._newest = flight
        elif self._newest is None:
            # Without counts there is nothing to be learnt by going slowly.
            self._silent += 1
            self._learning = self._learning and self._silent < SILENT
        phase = None
        while self._recent and (self._recent[0].done or now - self._recent[0].sent > 1):
            phase = self._follows(self._recent.popleft(), now) or phase
        return phase

    def rested(self, now: float) -> None:
        """Requests were held back until now, on purpose: none of that time is made up for."""
        self._due = max(self._due, now)

    def crowded(self) -> None:
        """A pause began, and the limit is not to blame: requests must have come too close together."""
        if not self._learning and not self._leaky:
            self._slack = min(self._slack + SLACK_S, MOST_SLACK_S)

    def _follows(self, flight: Flight, now: float) -> Phase | None:
        if flight.used is None or flight.window is not None:
            return None
        before, self._before = self._before, flight
        if self._looks:
            # What was sent later in the same second may have been answered faster, and tells more of its beginning.
            self._begun_by = min(self._begun_by, flight.sent + flight.excess)
            return self._look(flight, now)
        if before is None or before.used is None:
            self._run_began = flight.sent
            return None
        if before.used - flight.used < max(2.0, JUMP * self._known.limit):
            # The first went alone; who counts late, when it answers, had counted none of those that followed.
            if not self._lone:
                self._gaps += flight.used - before.used - 1
                self._gaps_s += flight.sent - before.sent
            self._lone = False
            return None
        self._run_began = flight.sent
        if flight.sent - before.sent > 0.5 or self._known.limit < LEAST_WINDOWED:
            return None
        self._known.others = self._others()
        self._begun_by, self._looks = flight.sent + flight.excess, LOOKS
        return self._look(flight, now)

    def _look(self, flight: Flight, now: float) -> Phase | None:
        self._looks = 0 if flight.excess <= CLEAR_S else self._looks - 1
        return None if self._looks else Phase(now, self._begun_by + DOUBT_S)

    def _others(self) -> float:
        """Requests a second that were counted between ours and were not ours."""
        # A request that was overtaken on its way leaves a gap of one or two for the moment.
        rate = max(0.0, self._gaps - 2) / self._gaps_s if self._gaps_s > 0.2 else 0.0
        return rate if rate > 0.02 * self._known.limit else 0.0

    def unsent(self, flight: Flight) -> None:
        """A request did not leave after all: a gap in the even row, nothing to give back."""
