"""Where a vendor's seconds begin, as seen from the clock that stamps our sends."""

from __future__ import annotations

import math

__all__ = ["Phase"]

CREEP = 0.0003
"""How much of a second the clocks may drift apart each second (0.0001 is usual)."""

DOUBT_S = 0.01
"""How much later to look for a boundary that was expected too early."""


class Phase:
    """A bound for the moment from which on requests land in a given second of the vendor's.

    A request is counted on arrival, `d` after it was sent; `d` varies and is not known. But if it was counted in
    second k, that had begun by `sent + d`, and `d` exceeds the shortest possible way by no more than its
    round trip exceeds the shortest round trip:

        counted in k      ->  requests sent after `sent + excess` land in k or later, the fastest too
        counted in k - 1  ->  there are requests sent as late as `sent` that land in k - 1

    The first kind of evidence moves the bound earlier, the second later. As the clocks drift, the
    bound creeps later with time, until the last requests of a second arrive in the next (which costs nothing but
    their place there) and so move it back. It is never early, which would cost a 429.

    Attributes:
        bound: moment at which second 0 begins for requests; second k begins k later.
        proven: when evidence was seen last.
    """

    def __init__(self, now: float, bound: float) -> None:
        self.bound = bound
        self.proven = now
        self._crept = now

    def second(self, moment: float) -> int:
        """Number of the second in which a request sent at `moment` lands, if not in the one before."""
        return math.floor(moment - self.bound)

    def landed(self, now: float, sent: float, second: int, excess: float) -> None:
        """A request was counted in `second`; its round trip exceeded the shortest one by `excess`."""
        self.bound += CREEP * (now - self._crept)
        self._crept = self.proven = now
        if sent - (second + 1) >= self.bound:
            self.bound = sent - (second + 1) + DOUBT_S
        elif sent + excess - second < self.bound:
            self.bound = sent + excess - second

    def faster(self, seconds: float) -> None:
        """The shortest round trip turned out to be shorter: so may be the way, and all evidence is worth less."""
        self.bound += seconds
