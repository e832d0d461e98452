from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limits_sim import FixedWindow, LeakyBucket, Road, RollingLog, Vendor, simulate

from extractor.limits.learnt import LearntLimiter
from extractor.limits.limiter import Limiter
from extractor.limits.overflow import EVIDENCE, Overflow
from extractor.limits.search import HOLD_S, Search
from extractor.limits.second import SecondLimiter
from extractor.model import Learnt, StatedSecond


def overflow(vendor: Vendor, *, growth: float, trip_s: float) -> tuple[float, float] | None:
    """What those in flight tell of a vendor, asked `growth` times as fast each second until a refusal comes back."""
    now, rate, first = 100.0, 5.0, math.inf
    sent: dict[float, bool] = {}
    while now < first + trip_s:
        sent[now] = vendor.arrive(now)[0]
        if not sent[now]:
            first = min(first, now)
        rate *= growth ** (1 / rate)
        now += 1 / rate
    told = Overflow(first, [moment for moment in sent if moment > first - 1])
    flying = [moment for moment in sent if moment > first]
    random.Random(0).shuffle(flying)
    for moment in flying:
        assert told.drained() is None
        told.answered(moment, refused=not sent[moment])
    told.answered(now, refused=True)  # of a later time
    return told.drained()


LIMIT = st.integers(min_value=10, max_value=200)
GROWTH = st.floats(min_value=1.1, max_value=2)
TRIP_S = st.floats(min_value=0.05, max_value=1.5)


@settings(deadline=None)
@given(limit=LIMIT, growth=GROWTH, trip_s=TRIP_S)
@example(limit=10, growth=1.125, trip_s=1.5)  # what came behind the refusal is a second old when answers come
def test_what_a_bucket_drains_is_told_to_within_a_request(limit: int, growth: float, trip_s: float) -> None:
    drained = overflow(LeakyBucket(limits=lambda _: limit), growth=growth, trip_s=trip_s)
    if drained is None:
        assert limit * trip_s < 2 * EVIDENCE
        return
    rate, most = drained
    assert rate - (most - rate) - 1e-6 <= limit <= most + 1e-6


@settings(deadline=None)
@given(limit=LIMIT, growth=GROWTH, trip_s=TRIP_S)
def test_who_looks_a_second_back_is_no_bucket(limit: int, growth: float, trip_s: float) -> None:
    assert overflow(RollingLog(limits=lambda _: limit), growth=growth, trip_s=trip_s) is None


@settings(deadline=None)
@given(limit=LIMIT, growth=st.floats(min_value=1.1, max_value=1.4), trip_s=st.floats(min_value=0.05, max_value=0.6))
def test_who_counts_by_the_clock_is_no_bucket(limit: int, growth: float, trip_s: float) -> None:
    assert overflow(FixedWindow(limits=lambda _: limit), growth=growth, trip_s=trip_s) is None


def met(rate: float) -> tuple[Search, list[float]]:
    """A search of up to 40 a second that was refused at 102.0, having sent `rate` a second, and what was in flight."""
    search = Search(40)
    for number in range(math.ceil(2.3 * rate)):
        search.started(100 + number / rate)
    assert search.refused(102.0, 102.3)
    return search, [102 + number / rate for number in range(1, math.ceil(0.3 * rate))]


def answer(search: Search, flying: list[float], *, every: int) -> None:
    for number, sent in enumerate(flying):
        search.told(sent, refused=number % every == every - 1)


def test_the_rate_falls_to_what_drains() -> None:
    search, flying = met(30.0)
    assert search.rate == 23
    answer(search, flying, every=2)
    assert search.rate == 15


def test_what_drains_faster_than_is_believed_changes_nothing() -> None:
    search, flying = met(30.0)
    answer(search, flying[:-1], every=7)
    assert search.rate == 23
    search.told(flying[-1], refused=False)
    assert search.rate == 23


def test_what_is_told_late_is_not_believed() -> None:
    search, flying = met(30.0)
    search.went_well(103.5)
    search.went_well(103.5 + HOLD_S)
    rate = search.rate
    assert rate > 23
    answer(search, flying, every=2)
    assert search.rate == rate

    search, flying = met(30.0)
    for number in range(10):
        search.started(103.5 + number / 22)
    search.refused(104.0, 104.3)
    rate = search.rate
    answer(search, flying, every=2)
    assert search.rate == rate


def far(limiter: Limiter, limit: int, seed: int, *, least: float = 0.98) -> int:
    """429s in three minutes from a bucket that nothing states, 0.3 s away."""
    road = Road(shortest=0.001, jitter=0.004, thinking=0.3)
    vendor = LeakyBucket(limits=lambda _: limit)
    found = simulate(limiter, vendor, seconds=180, road=road, headers=False, seed=seed, since=5)
    assert found.share > least
    return found.refused


@pytest.mark.parametrize("seed", range(3))
def test_a_bucket_of_half_of_what_is_documented_costs_few_refusals(seed: int) -> None:
    assert far(SecondLimiter(StatedSecond(limit=40), wall=lambda: 0.0), 20, seed) <= 6
    assert far(SecondLimiter(StatedSecond(limit=100), wall=lambda: 0.0), 50, seed, least=0.975) <= 13


@pytest.mark.parametrize("seed", range(3))
def test_a_bucket_of_which_nothing_is_known_costs_few_refusals(seed: int) -> None:
    assert far(LearntLimiter(Learnt(at_once=64), wall=lambda: 0.0), 50, seed) <= 20
