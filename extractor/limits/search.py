"""Finding out a limit that no header states."""

from __future__ import annotations

import math

from extractor.limits.lately import Lately
from extractor.limits.overflow import Overflow

__all__ = ["Search"]

ROOM_S = 0.1
LEAST_ROOM = 4.0
GROWTH = 1 / 16
"""In flight at first is what is documented for `ROOM_S`, and so much more after each answer."""

HOLD_S = 3.0
FIRST_PROBE_S = 120.0
LONGEST_PROBE_S = 3600.0
CLOSE = 0.04

SAFE = 0.8
"""Part of what was sent in the second before a refusal that surely goes well with who counts by the second."""
UNSURE = 0.75
"""That second shows nothing of a bucket, nor at a rate that was high from the beginning."""
HALF, FULL = 0.5, 1.25
"""Buckets that a step would have filled: of who may be one after a second refusal, and of who is known to be one."""
RISE = 2.0
"""What was sent in less than a second may be that far below the limit."""


class Search:
    """Brackets a rate between what went well and what was refused.

    What is in flight when the limit is met is refused with the first request, so it grows slowly until then. The
    first 429 shows roughly where the limit is: the rate falls somewhat below what was sent in the second before, and
    rises in steps, the smaller the closer it is to what was refused, each of which has to go well for `HOLD_S`. When
    the bracket is closed the next rate above is tried after two minutes, then at twice the distance each time,
    for limits do change.

    Who counts by the second refuses soon what is too much. A bucket of a second's worth hides it until it is full, so
    that a rate which went well proves little; but what it let in between two refusals has drained. Who counts by
    the second lets in less than it could meanwhile, because of the pause. Nothing tells the two apart, so from the
    second refusal on the rate falls between what either would allow, and each step is held until it would have
    filled half a bucket.

    Args:
        documented: requests a second that are never exceeded.
        lately: what was sent before.

    Attributes:
        rate: requests a second to believe in, never more than the documented ones.
        room: requests that may be in flight.
    """

    def __init__(self, documented: float, lately: Lately | None = None) -> None:
        self._ceiling = documented
        self._lately = lately or Lately()
        self.rate = documented
        self.room = max(LEAST_ROOM, ROOM_S * documented)
        self._good = 0.0
        self._bad = math.inf
        self._since = math.inf
        self._hold_s = HOLD_S
        self._refused_at = -math.inf
        self._let_in = 0
        self._fill = 0.0
        self._probe_s = FIRST_PROBE_S
        self._forgiven = -math.inf
        self._overflow: Overflow | None = None

    def started(self, now: float) -> None:
        """A request is sent."""
        self._lately.add(now)

    def let_in(self, sent: float) -> None:
        """The request that was sent at `sent` was not refused."""
        self._let_in += sent > self._refused_at
        self.room += GROWTH
        self.told(sent, refused=False)

    def refused(self, sent: float, now: float) -> bool:
        """A 429 to the request that was sent at `sent` began a pause.

        Returns whether the rate is to blame. It is not if more than it allows were sent in the second before, for those
        came too close together; nor the first time if it went well for long.
        """
        held, self._since = now - self._since, now
        between = self._let_in / (sent - self._refused_at)
        last = self._lately.before(sent)
        used = last >= 0.9 * self.rate - 1
        first = self._refused_at == -math.inf
        tried = last + 1.0 if first and not used else self.rate
        self._refused_at, self._let_in, self._hold_s = sent, 0, HOLD_S
        self._overflow = None
        self.room = math.inf
        if last >= self.rate:
            return False
        if used and self._good == tried and held > HOLD_S and not self._fill and now - self._forgiven > FIRST_PROBE_S:
            self._forgiven = now
            return False
        if first:
            rate = min(UNSURE * self.rate, SAFE * last)
        elif 0 < self._good < tried:
            rate = (self._good + max(between, SAFE * self._good)) / 2
        else:
            rate = min(max(between, SAFE * tried), tried - 1)
        if not first:
            self._fill = max(self._fill, HALF)
        self._good = 0.0
        self._bad = tried if self._lately.longer(sent) else min(RISE * tried, self.rate)
        self.rate = _whole(max(rate, tried / 2))
        if first:
            self._overflow = Overflow(sent, self._lately.since(sent - 1))
        return True

    def told(self, sent: float, *, refused: bool) -> None:
        """The request that was sent at `sent` was refused without beginning a pause, or let in.

        If that completes what those in flight tell, and it is a bucket, the rate falls to what drains.
        """
        if self._overflow is None:
            return
        self._overflow.answered(sent, refused=refused)
        drained = self._overflow.drained()
        if drained is not None:
            rate, most = drained
            self.rate, self._bad = min(self.rate, _whole(rate)), min(self._bad, most)
            self._fill, self._overflow = FULL, None

    def interrupted(self) -> None:
        """Requests go on more slowly, or all are refused: no sign for this rate, nor is the time until that ends."""
        self._since = math.inf

    def went_well(self, now: float) -> None:
        """Requests go on at this rate, and none was refused since the last call."""
        self._since = min(self._since, now)
        quiet = now - self._since
        if quiet < self._hold_s:
            return
        self._good = self.rate
        self._overflow = None
        if self.rate >= self._ceiling:
            return
        step = max(1.0, CLOSE * self._good)
        gap = self._bad - self._good
        if step < gap < math.inf:
            step = max(step, min(gap / 3, self._good / 4))
        elif gap <= step:
            if quiet <= self._probe_s:
                return
            self._probe_s = min(2 * self._probe_s, LONGEST_PROBE_S)
            self._bad = math.inf
        self.rate = min(self._ceiling, max(_whole(self._good + step), self._good + min(1.0, self._good)))
        self._hold_s = max(HOLD_S, self._fill * self._good / (self.rate - self._good))
        self._since = now


def _whole(rate: float) -> float:
    """Limits are whole numbers, unless they are below one."""
    return float(math.floor(rate)) if rate >= 1 else max(rate, 0.01)
