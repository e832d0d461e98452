"""When the latest requests can have arrived: what a vendor counts is not what was sent, but what has come."""

from __future__ import annotations

import math
from collections import deque

from extractor.limits.window import Flight, Known

__all__ = ["MOST_DIFFERENCE_S", "WARY", "Arrivals"]

WARY = 1.15
"""What is smoothed is too low now and then."""
MOST_DIFFERENCE_S = 0.045
"""More than that most ways do not differ; where most answers do, the vendor thinks, and had counted the request."""
STRAGGLED_S2 = 1.5 * MOST_DIFFERENCE_S**2
"""Divided by what round trips usually differ by: how late one is believed to have arrived at most. The more they
differ, the likelier it was late on its way back."""
LEAST_ERROR_S = 0.001
SURE = 10
"""So many answers halve what the shortest way there is may differ from the shortest seen."""
REMEMBERED_S = 3.0
"""Whoever was sent so long ago takes no place in this second any more, however late it came."""


class Arrivals:
    """Keeps any second from holding more requests than the limit, wherever it begins.

    The answer to a request tells when it arrived at the latest: it took no longer there than its round trip exceeded
    the shortest one, counted from when the fastest would have arrived.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._latest: deque[Flight] = deque()
        self._straggled = -math.inf

    def started(self, flight: Flight, now: float) -> None:
        """A request is sent."""
        self._latest.append(flight)
        while self._latest[0].sent < now - REMEMBERED_S:
            self._latest.popleft()

    def answered(self, flight: Flight, now: float) -> None:
        """An answer came, or none will."""
        if flight.excess > MOST_DIFFERENCE_S:
            self._straggled = now

    def faster(self, seconds: float) -> None:
        """The shortest round trip became this much shorter: all before arrived that much later than thought."""
        if seconds:
            for flight in self._latest:
                flight.excess += seconds

    def room_at(self, now: float, slack: float) -> float:
        """When the second that begins with the L-th request before the next is over; some time ago if it is."""
        limit = self._known.limit
        many = math.ceil(limit)
        if len(self._latest) < many:
            return -math.inf
        ways = self._known.latency
        error = max(LEAST_ERROR_S, max(MOST_DIFFERENCE_S, ways.excess) * SURE / (SURE + ways.answers))
        second = many / limit + error + slack
        first = self._latest[-many]
        at = first.sent + min(self._late(first, now), MOST_DIFFERENCE_S) + second
        if at > now or not self._straggling(now):
            return at
        latest = STRAGGLED_S2 / max(ways.excess, LEAST_ERROR_S)
        arrived = sorted(flight.sent + min(self._late(flight, now), latest) for flight in self._latest)
        return max(at, arrived[-many] + second)

    def _straggling(self, now: float) -> bool:
        """Whether one came so late, or may come, that those sent after it were before it."""
        if self._known.latency.excess >= MOST_DIFFERENCE_S:
            return False
        oldest = next(iter(self._known.flying.values()), None)
        late = self._late(oldest, now) if oldest is not None else 0.0
        return late > MOST_DIFFERENCE_S or now - self._straggled < REMEMBERED_S

    def _late(self, flight: Flight, now: float) -> float:
        """By how much its way there can have exceeded the shortest."""
        if flight.begun or flight.done:
            return flight.excess
        ways = self._known.latency
        return max(WARY * ways.excess, now - flight.sent - ways.least)
