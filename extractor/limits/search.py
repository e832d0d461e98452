"""Finding out a limit that no header states."""

from __future__ import annotations

import math

__all__ = ["Search"]

HOLD_S = 5.0
FIRST_PROBE_S = 60.0
LONGEST_PROBE_S = 3600.0
CLOSE = 0.04
KNOWN_RISE = 4.0
"""A rate that went well by chance may be that far below the limit; what lies beyond is left to the probes."""


class Search:
    """Brackets a rate between what went well and what was refused.

    After a 429 the rate falls to what was accepted in the second before, if that was clearly less than what
    was asked for, else to three quarters; then the bracket is halved, `HOLD_S` at each step. When it is closed the
    next rate above is tried after a minute, then at twice the distance each time, for limits do change.

    Args:
        documented: requests a second that are never exceeded.
        known: a rate that has gone well already, 0 for none.

    Attributes:
        rate: requests a second to believe in, never more than the documented ones.
    """

    def __init__(self, documented: float, known: float = 0.0) -> None:
        self._ceiling = documented
        self.rate = known or documented
        self._good = known
        self._bad = KNOWN_RISE * known if known else math.inf
        self._since = math.inf
        self._probe_s = FIRST_PROBE_S
        self._forgiven = -math.inf

    def refused(self, now: float, accepted: int) -> bool:
        """A 429 began a pause; of the requests sent in the second before it `accepted` went well.

        Returns whether the rate is to blame. If it went well for long, the first time it is not.
        """
        self._since = now
        tried = self.rate
        if tried > self._good > 0:
            self._bad, self.rate = tried, self._good
            return True
        if tried == self._good and accepted >= 0.9 * tried - 1:
            if now - self._forgiven > FIRST_PROBE_S:
                self._forgiven = now
                return False
            step = min(max(1.0, CLOSE * tried), tried / 2)
            self._good, self._bad, self.rate = 0.0, tried, _whole(tried - step)
            return True
        self._bad = tried if tried > self._good else tried + 1
        self._good = 0.0
        self.rate = max(_whole(min(float(accepted), 0.75 * tried)), _whole(tried / 2))
        return True

    def interrupted(self) -> None:
        """Everything is refused at any rate: that is no sign for this one, nor is the time till it ends."""
        self._since = math.inf

    def went_well(self, now: float) -> None:
        """Requests go on at this rate, and none was refused since the last call."""
        self._since = min(self._since, now)
        quiet = now - self._since
        if quiet < HOLD_S:
            return
        self._good = self.rate
        if self.rate >= self._ceiling:
            return
        if self._bad - self._good > max(1.0, CLOSE * self._bad):
            step = min((self._bad - self._good) / 2, max(1.0, self._good / 4))
        elif quiet > self._probe_s:
            self._probe_s = min(2 * self._probe_s, LONGEST_PROBE_S)
            self._bad = math.inf
            step = max(1.0, CLOSE * self._good)
        else:
            return
        self.rate = min(self._ceiling, max(_whole(self._good + step), self._good + min(1.0, self._good)))
        self._since = now


def _whole(rate: float) -> float:
    """Limits are whole numbers, unless they are below one."""
    return float(math.floor(rate)) if rate >= 1 else max(rate, 0.01)
