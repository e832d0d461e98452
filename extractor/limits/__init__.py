"""Keeping each vendor's own rate limit exactly, and using it whole.

    limiter   what every limiter can be asked
    second    requests a second, stated by headers: fixed windows, leaky buckets, or found out from 429s
    rolling   so many in any so many seconds, and so many at once
    waiting   the queue before them; the only part that sleeps

Limiters are arithmetic on a monotonic clock that is passed in. A limiter is built from the policy in
the vendor's file; `Budgets` lets requests pass that count against several of them.
"""

from __future__ import annotations

from extractor.limits.limiter import Limiter
from extractor.limits.rolling import RollingLimiter
from extractor.limits.second import SecondLimiter
from extractor.limits.tally import Tally
from extractor.limits.waiting import Budgets, Permit
from extractor.model import Budget, RollingWindow

__all__ = ["Budgets", "Limiter", "Permit", "Tally", "build"]


def build(policy: Budget, *, share: float = 1.0) -> Limiter:
    """The limiter for a vendor's policy.

    Args:
        policy: from the vendor's file.
        share: part of the limit to use at most, above 0 and up to 1; the rest is left to others.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, not {share}")
    if isinstance(policy, RollingWindow):
        return RollingLimiter(policy, share=share)
    return SecondLimiter(policy, share=share)
