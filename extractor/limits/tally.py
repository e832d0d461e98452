"""What a limiter did, for the last lines of a run."""

from __future__ import annotations

import math

__all__ = ["Tally"]


class Tally:
    """Counts of one budget.

    Attributes:
        sent: requests started.
        refused: answers with status 429.
        pauses: times that everything stood still because of a 429.
        allowed: requests that the vendor would have taken in the time in which work waited for this budget:
            the believed rate (limit times share, less what others used), summed over that time. Pauses and
            the time in which the limit was still being found out are part of it.
        used: requests started in that time.
    """

    __slots__ = ("_last", "_since", "_until", "allowed", "pauses", "refused", "sent", "used")

    def __init__(self) -> None:
        self.sent = 0
        self.refused = 0
        self.pauses = 0
        self.allowed = 0.0
        self.used = 0
        self._last = -math.inf
        self._since = math.inf
        self._until = -math.inf

    @property
    def share_used(self) -> float:
        """Part of the allowance that was used while work was waiting; 1.0 if none ever had to wait."""
        return min(1.0, self.used / self.allowed) if self.allowed else 1.0

    def waited(self, now: float, rate: float, seconds: float) -> None:
        """Somebody was told at `now` to wait for `seconds`.

        Who has to wait for an answer (infinity) does not wait for the rate: no time counts, but the request
        does, for it spends what was allowed while others waited before.
        """
        if self._since <= now:
            self._accrue(now, rate)
        else:
            # One has to wait because of the request before; the time since that one counts.
            self._since = max(self._last, now - 1 / rate)
        self._until = now if seconds == math.inf else now + seconds

    def started(self, now: float, rate: float) -> None:
        """A request started."""
        self.sent += 1
        if self._since <= now:
            self._accrue(now, rate)
            self.used += 1
        elif now <= self._until or now == self._last:
            # What came in the meantime lets several go at once, and so does a timer that rings late.
            self.used += 1
        self._since = math.inf
        self._last = now

    def unsent(self) -> None:
        """The latest request to start has not been sent after all."""
        self.sent -= 1

    def _accrue(self, now: float, rate: float) -> None:
        # Whoever waited may have gone away: no time counts beyond what was promised.
        self.allowed += rate * max(0.0, min(now, self._until) - self._since)
        self._since = now
