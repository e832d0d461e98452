from __future__ import annotations

import math
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from limits_sim import Road, RollingLog, simulate

from extractor.limits.rolling import LONGEST_ROAD_S, RollingLimiter
from extractor.model import RollingWindow

REPORTS = RollingWindow(limit=10, seconds=60, at_once=2)


@settings(deadline=None, max_examples=60)
@given(
    limit=st.integers(1, 50),
    seconds=st.sampled_from([1.0, 10.0, 60.0]),
    at_once=st.integers(1, 20),
    shortest=st.floats(0, 0.15),
    jitter=st.floats(0, 0.5),
    thinking=st.floats(0, 20),
    seed=st.integers(0, 1000),
)
def test_the_vendor_never_sees_one_too_many(
    *, limit: int, seconds: float, at_once: int, shortest: float, jitter: float, thinking: float, seed: int
) -> None:
    limiter = RollingLimiter(RollingWindow(limit=limit, seconds=seconds, at_once=at_once))
    road = Road(shortest=shortest, jitter=jitter, thinking=thinking, stalls=0.5, lost=0.02)
    outcome = simulate(
        limiter, RollingLog(limits=lambda _at: limit, seconds=seconds), seconds=5 * seconds, road=road, seed=seed
    )
    assert outcome.refused == 0
    assert outcome.sent == limiter.tally.sent


def test_ten_reports_a_minute_are_used_whole() -> None:
    limiter = RollingLimiter(REPORTS)
    outcome = simulate(
        limiter, RollingLog(limits=lambda _at: 10, seconds=60), seconds=3600, road=Road(thinking=1.0), since=60
    )
    assert outcome.refused == 0
    assert outcome.share >= 0.97
    assert limiter.tally.share_used >= 0.97


def test_slow_reports_do_not_make_the_window_longer() -> None:
    """One that takes half a minute was counted long before it was answered."""
    limiter = RollingLimiter(RollingWindow(limit=2, seconds=60, at_once=2))
    tickets = [limiter.start(100.0), limiter.start(100.0)]
    for ticket in tickets:
        limiter.answered(ticket, 130.0, 200, {})
    assert limiter.wait(130.0) == pytest.approx(100 + LONGEST_ROAD_S + 60 - 130, abs=0.1)


def test_as_many_at_once_as_allowed_and_no_more() -> None:
    limiter = RollingLimiter(REPORTS)
    first = limiter.start(100.0)
    assert limiter.wait(100.0) == 0
    limiter.start(100.0)
    assert limiter.wait(100.0) == math.inf
    limiter.answered(first, 101.0, 200, {})
    assert limiter.wait(101.0) == 0


def test_a_share_halves_both_and_a_tiny_one_makes_the_window_longer() -> None:
    half = RollingLimiter(REPORTS, share=0.5)
    half.start(100.0)
    assert half.wait(100.0) == math.inf
    tiny = RollingLimiter(REPORTS, share=0.05)
    tiny.answered(tiny.start(100.0), 100.1, 200, {})
    assert tiny.wait(100.1) == pytest.approx(120, rel=0.001)


def test_a_429_is_one_pause_and_honours_the_vendors_wish() -> None:
    limiter = RollingLimiter(REPORTS)
    tickets = [limiter.start(100.0), limiter.start(100.0)]
    limiter.answered(tickets[0], 100.1, 429, {"retry-after": "30"})
    limiter.answered(tickets[1], 100.2, 429, {"retry-after": "30"})
    assert limiter.wait(100.2) == pytest.approx(30)
    assert (limiter.tally.pauses, limiter.tally.refused) == (1, 2)


def test_what_never_left_is_given_back_and_what_was_sent_stays_spent() -> None:
    limiter = RollingLimiter(RollingWindow(limit=1, seconds=60, at_once=1))
    limiter.abandoned(limiter.start(100.0), 100.1, sent=False)
    assert limiter.wait(100.1) == 0
    assert limiter.tally.sent == 0
    limiter.abandoned(limiter.start(100.2), 100.3)
    assert limiter.wait(100.3) > 59


class RollingMachine(RuleBasedStateMachine):
    """Any order of starts, answers and losses: the promise holds for arrivals anywhere between start and end."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter = RollingLimiter(RollingWindow(limit=4, seconds=10, at_once=3))
        self.now = 100.0
        self.flying: dict[int, float] = {}
        self.arrived: deque[float] = deque()

    @rule(seconds=st.floats(0, 8))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.limiter.wait(self.now) == 0)
    @rule()
    def start(self) -> None:
        self.flying[self.limiter.start(self.now)] = self.now

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 2), road=st.floats(0, 1), kind=st.sampled_from([200, 500, None]))
    def end(self, which: int, road: float, kind: int | None) -> None:
        ticket = list(self.flying)[which % len(self.flying)]
        sent = self.flying.pop(ticket)
        self.arrived.append(sent + road * min(LONGEST_ROAD_S, self.now - sent))
        if kind is None:
            self.limiter.abandoned(ticket, self.now)
        else:
            self.limiter.answered(ticket, self.now, kind, {})

    @invariant()
    def promise(self) -> None:
        assert len(self.flying) <= 3
        arrived = sorted(self.arrived)
        assert all(later - earlier > 10 for earlier, later in zip(arrived, arrived[4:], strict=False))

    @invariant()
    def waiting_ends(self) -> None:
        wait = self.limiter.wait(self.now)
        assert wait >= 0
        assert wait < math.inf or self.flying


TestRollingMachine = RollingMachine.TestCase
TestRollingMachine.settings = settings(deadline=None, max_examples=50, stateful_step_count=40)
