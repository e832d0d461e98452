from __future__ import annotations

import pytest

from extractor.limits import Limiter, build
from extractor.model import Budget, RollingWindow, StatedSecond

SECOND = StatedSecond(limit=10, limit_header="l", remaining_header="r")
REPORTS = RollingWindow(limit=10, seconds=60, at_once=2)


@pytest.mark.parametrize(("policy", "rate"), [(SECOND, 10.0), (REPORTS, 1 / 6)])
def test_every_policy_has_a_limiter_with_the_rate_of_the_policy(policy: Budget, rate: float) -> None:
    limiter: Limiter = build(policy)
    assert limiter.rate == pytest.approx(rate, rel=0.001)
    assert build(policy, share=0.5).rate == pytest.approx(rate / 2, rel=0.001)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01, float("nan")])
def test_a_share_that_makes_no_sense_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        build(SECOND, share=share)
