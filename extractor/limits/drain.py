"""How fast a bucket drains, told from counts that answers state."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Drain"]

STRETCH_S = 10.0
"""Counts are compared over at least so long; requests that overtake each other matter little then."""

DOUBT = 4.0
"""Requests by which a comparison may be wrong: counts are rounded, and the order of arrival is not known."""

NEARLY_EMPTY = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    sent: float
    ours: int
    used: float


class Drain:
    """Compares what came in with what the count says is still there.

    What left the bucket is the old count and all that came in, less the new count. Others can only put in more than is
    known here, so if more left than was expected, it drains faster; if less did, others are there. A bucket
    that is empty drains nothing, so counts near zero say nothing.

    Attributes:
        per_second: requests a second that drain; never believed to be less than at first.
        others: requests a second that others put in, over the latest stretch.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.others = 0.0
        self._mark: _Mark | None = None

    def counted(self, *, sent: float, ours: int, used: float) -> None:
        """A count was stated.

        Args:
            sent: when the request was that it came back with; none was sent later of those that told theirs.
            ours: how many of our own had been sent by then and were not refused, with that one.
            used: the count.
        """
        mark = self._mark
        if mark is None or used <= NEARLY_EMPTY:
            self._mark = _Mark(sent=sent, ours=ours, used=used) if used > NEARLY_EMPTY else None
            return
        seconds = sent - mark.sent
        if seconds < STRETCH_S:
            return
        surplus = mark.used + (ours - mark.ours) - used - seconds * self.per_second
        if surplus > DOUBT:
            self.per_second += (surplus - DOUBT / 2) / seconds
        self.others = -surplus / seconds if surplus < -DOUBT else 0.0
        self._mark = _Mark(sent=sent, ours=ours, used=used)
