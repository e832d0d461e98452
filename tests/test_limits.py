from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from limits_sim import LIMIT, REMAINING, FixedWindow, LeakyBucket, Road, RollingLog, Vendor, simulate
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


# ── a storm ─────────────────────────────────────────────────────────────────────────────────


@dataclass
class Storm:
    """A vendor that refuses everything for a while."""

    vendor: Vendor
    begins: float
    ends: float

    def limit(self, at: float) -> float:
        return self.vendor.limit(at)

    def arrive(self, at: float) -> tuple[bool, float]:
        return (False, 3.0) if self.begins <= at < self.ends else self.vendor.arrive(at)


class Watched:
    """A limiter of which it is noted how many requests were out when the first was refused."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._out: set[int] = set()
        self.tally = limiter.tally
        self.out_at_first = 0

    @property
    def rate(self) -> float:
        return self._limiter.rate

    def wait(self, now: float) -> float:
        return self._limiter.wait(now)

    def start(self, now: float) -> int:
        ticket = self._limiter.start(now)
        self._out.add(ticket)
        return ticket

    def began(self, ticket: int, now: float) -> None:
        self._limiter.began(ticket, now)

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        if status == 429 and not self.out_at_first:
            self.out_at_first = len(self._out)
        self._out.discard(ticket)
        self._limiter.answered(ticket, now, status, headers)

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        self._out.discard(ticket)
        self._limiter.abandoned(ticket, now, sent=sent)


STATED = StatedSecond(limit=20, limit_header=LIMIT, remaining_header=REMAINING)


@settings(deadline=None, max_examples=60)
@given(
    served=st.sampled_from(
        [
            (STATED, lambda: FixedWindow(limits=lambda _at: 20)),
            (STATED, lambda: LeakyBucket(limits=lambda _at: 20)),
            (StatedSecond(limit=20), lambda: FixedWindow(limits=lambda _at: 20)),
            (PAIL, lambda: LeakyBucket(limits=lambda _at: 5, size=20)),
            (RollingWindow(limit=20, seconds=1, at_once=20), lambda: RollingLog(limits=lambda _at: 20)),
        ]
    ),
    begins=st.floats(5, 30),
    lasts=st.floats(0.5, 60),
    shortest=st.floats(0.001, 0.4),
    jitter=st.floats(0, 0.3),
    wish=st.sampled_from([{}, {"retry-after": "0"}, {"retry-after": "7"}]),
    seed=st.integers(0, 1000),
)
def test_a_storm_costs_what_is_in_flight_and_one_request_for_each_further_pause(
    *,
    served: tuple[Budget, Callable[[], Vendor]],
    begins: float,
    lasts: float,
    shortest: float,
    jitter: float,
    wish: dict[str, str],
    seed: int,
) -> None:
    policy, vendor = served
    limiter = Watched(build(policy))
    storm = Storm(vendor(), begins, begins + lasts)
    road = Road(shortest=shortest, jitter=jitter)
    outcome = simulate(limiter, storm, seconds=begins + lasts, road=road, seed=seed, extra=lambda _at: wish)
    assume(all(at >= begins for at in outcome.refused_at))
    assert outcome.refused <= limiter.out_at_first + max(0, limiter.tally.pauses - 1)
    # Growing pauses: 0, 2, 4, 8 s and so on at the least, with the way and the wait for the next window beside them.
    assert limiter.tally.pauses <= 7


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
def test_after_a_storm_all_is_as_before(kind: type[FixedWindow | LeakyBucket], *, said: bool) -> None:
    """Whoever goes ahead after a pause and is refused says nothing of how many requests a second are allowed."""
    limiter = build(STATED)
    storm = Storm(kind(limits=lambda _at: 20), 30, 60)
    outcome = simulate(limiter, storm, seconds=200, road=Road(), headers=said, since=70)
    assert outcome.share >= 0.95
    assert limiter.rate == 20
