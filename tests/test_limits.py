from __future__ import annotations

import pytest
from paper import Paper

from extractor.limits import Limiter, QuotaLimiter, build
from extractor.model import Bucket, Budget, RollingWindow, StatedSecond, WeeklyQuota

SECOND = StatedSecond(limit=10, limit_header="l", remaining_header="r")
REPORTS = RollingWindow(limit=10, seconds=60, at_once=2)
PAIL = Bucket(size=20, per_second=5)


@pytest.mark.parametrize(("policy", "rate"), [(SECOND, 10.0), (REPORTS, 1 / 6), (PAIL, 5.0)])
def test_every_policy_has_a_limiter_with_the_rate_of_the_policy(policy: Budget, rate: float) -> None:
    limiter: Limiter = build(policy)
    assert limiter.rate == pytest.approx(rate, rel=0.001)
    assert build(policy, share=0.5).rate == pytest.approx(rate / 2, rel=0.001)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01, float("nan")])
def test_a_share_that_makes_no_sense_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        build(SECOND, share=share)


def test_a_quota_is_the_same_for_any_share_and_needs_a_book() -> None:
    week = WeeklyQuota(limit=100, keep=10)
    limiter = build(week, share=0.5, name="weekly", book=Paper())
    assert isinstance(limiter, QuotaLimiter)
    assert limiter.limit == limiter.left == 90
    with pytest.raises(ValueError, match="weekly"):
        build(week, name="weekly")
