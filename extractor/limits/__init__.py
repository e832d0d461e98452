"""Keeping each vendor's own rate limit exactly, and using it whole.

    limiter   what every limiter can be asked
    second    requests a second, stated by headers: fixed windows, leaky buckets, or found out from 429s
    rolling   so many in any so many seconds, and so many at once
    bucket    a bucket that drains evenly, with or without a header that tells how full it is
    quota     so many a week, counted over runs and processes
    learnt    nothing is known: found out from the usual headers and from 429s
    waiting   the queue before them; the only part that sleeps

Limiters are arithmetic on a monotonic clock that is passed in. A limiter is built from the policy in
the vendor's file; `Budgets` lets requests pass that count against several of them.
"""

from __future__ import annotations

from extractor.limits.bucket import BucketLimiter
from extractor.limits.learnt import LearntLimiter
from extractor.limits.limiter import Limiter
from extractor.limits.quota import Book, QuotaLimiter
from extractor.limits.rolling import RollingLimiter
from extractor.limits.second import SecondLimiter
from extractor.limits.tally import Tally
from extractor.limits.waiting import Budgets, Permit, Withdrawn
from extractor.model import Bucket, Budget, Learnt, RollingWindow, StatedSecond

__all__ = ["Book", "Budgets", "Limiter", "Permit", "QuotaLimiter", "Tally", "Withdrawn", "build"]


def build(policy: Budget, *, share: float = 1.0, name: str = "", book: Book | None = None) -> Limiter:
    """The limiter for a vendor's policy.

    Args:
        policy: from the vendor's file.
        share: part of the requests a second to use at most, above 0 and up to 1; the rest is left to others.
        name: the budget's, for errors.
        book: where a quota is counted; other policies need none.

    Raises:
        ValueError: the share makes no sense, or a quota has no book.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, not {share}")
    match policy:
        case StatedSecond():
            return SecondLimiter(policy, share=share)
        case Bucket():
            return BucketLimiter(policy, share=share)
        case RollingWindow():
            return RollingLimiter(policy, share=share)
        case Learnt():
            return LearntLimiter(policy, share=share)
    if book is None:
        raise ValueError(f"the quota {name} has no book")
    return QuotaLimiter(policy, name=name, book=book)
