"""The crux: vendors with clocks of their own judge how exactly, and how wholly, their limit is used."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from limits_sim import LIMIT, REMAINING, FixedWindow, Gcra, LeakyBucket, Outcome, Road, RollingLog, Vendor, simulate

from extractor.limits.second import SecondLimiter
from extractor.model import StatedSecond

CALM = Road(shortest=0.04, jitter=0.02)
BUSY = Road(shortest=0.04, jitter=0.02, stalls=1.0)
NEAR = Road(shortest=0.0003, jitter=0.001, stalls=0.5)
FAR = Road(shortest=0.12, jitter=0.05)
TAIL = Road(shortest=0.03, jitter=0.0, tail=0.02)
WORK = Road(shortest=0.02, jitter=0.01, working=0.2)
FAR_AWAY = Road(shortest=0.0005, jitter=0.001, thinking=0.298, stalls=0.3, stall=0.02)


def limiter_for(limit: float, share: float = 1.0) -> SecondLimiter:
    return SecondLimiter(StatedSecond(limit=limit, limit_header=LIMIT, remaining_header=REMAINING), share=share)


def always(limit: float) -> Callable[[float], float]:
    return lambda _at: limit


# ── the limit is known ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "road", [CALM, BUSY, NEAR, FAR, TAIL, WORK], ids=["calm", "busy", "near", "far", "tail", "work"]
)
@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
def test_the_whole_limit_is_used_and_never_exceeded(kind: Callable[..., Vendor], limit: int, road: Road) -> None:
    vendor: Vendor = kind(limits=always(limit))
    limiter = limiter_for(limit)
    outcome = simulate(limiter, vendor, seconds=60, road=road)
    assert outcome.refused == 0
    assert outcome.share >= 0.98
    assert limiter.tally.share_used == pytest.approx(outcome.share, abs=0.05)


@settings(deadline=None, max_examples=40)
@given(
    limit=st.sampled_from([5, 7, 10, 16, 30, 60]),
    phase=st.floats(0, 0.999),
    ppm=st.floats(-150, 150),
    shortest=st.floats(0.0003, 0.14),
    jitter=st.floats(0, 0.03),
    stalls=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 1_000_000),
)
@example(limit=60, phase=0.1543, ppm=0, shortest=0.0003, jitter=0.01689, stalls=0, seed=1024)  # the first second
def test_wherever_the_vendors_seconds_begin_and_drift(
    *, limit: int, phase: float, ppm: float, shortest: float, jitter: float, stalls: float, seed: int
) -> None:
    outcome = simulate(
        limiter_for(limit),
        FixedWindow(limits=always(limit), phase=phase, drift=ppm / 1e6),
        seconds=90,
        road=Road(shortest=shortest, jitter=jitter, stalls=stalls),
        since=20,
        seed=seed,
    )
    assert outcome.refused == 0
    assert outcome.share >= 0.96


def test_an_hour_of_drift_is_followed() -> None:
    """100 ppm move the vendor's seconds by a third of a second in an hour."""
    outcome = simulate(limiter_for(10), FixedWindow(limits=always(10), drift=1e-4), seconds=3600, road=CALM)
    assert outcome.refused == 0
    assert outcome.share >= 0.98


@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("step", [0.03, 0.25, 0.5, 0.75, 0.97])
def test_a_vendor_whose_clock_is_set_is_learnt_anew(limit: int, step: float) -> None:
    """Its seconds begin elsewhere from one moment to the next, as after a move to another machine."""

    class Stepped(FixedWindow):
        def arrive(self, at: float) -> tuple[bool, float]:
            return super().arrive(at + step if at > 30 else at)

    limiter = limiter_for(limit)
    outcome = simulate(limiter, Stepped(limits=always(limit)), seconds=120, road=CALM, since=50)
    assert limiter.tally.pauses <= 5
    assert outcome.refused <= 5 * (1 + limit * 0.2)
    assert outcome.share >= 0.97


def test_what_never_left_is_given_back() -> None:
    """Both before and after the vendor's seconds are known."""
    limiter, vendor = limiter_for(10), FixedWindow(limits=always(10))
    limiter.abandoned(limiter.start(990.0), 990.0, sent=False)
    assert limiter.tally.sent == 0
    simulate(limiter, vendor, seconds=10, road=CALM)
    sent, now, left = limiter.tally.sent, 1_011.0, 0
    now += limiter.wait(now)
    for _ in range(15):
        limiter.abandoned(limiter.start(now), now, sent=False)
        left += limiter.wait(now) < 0.2
    assert left == 15
    assert limiter.tally.sent == sent


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_tiny_limits_are_paced(limit: int) -> None:
    outcome = simulate(limiter_for(limit), FixedWindow(limits=always(limit)), seconds=200, road=CALM)
    assert outcome.refused <= 1
    assert outcome.share >= 0.95


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("limit", [10, 100])
def test_a_share_is_kept_and_used(limit: int, share: float) -> None:
    outcome = simulate(limiter_for(limit, share), FixedWindow(limits=always(limit)), seconds=120, road=BUSY)
    assert outcome.refused == 0
    assert 0.93 * share <= outcome.share <= 1.01 * share + 1 / (115 * limit)


@pytest.mark.parametrize("limit", [10, 100])
def test_a_vendor_that_counts_the_last_second_is_spared_too(limit: int) -> None:
    """Not what Gladly does, but what "per second" may mean too; the spacing has to be found out from a few 429s."""
    outcome = simulate(limiter_for(limit), RollingLog(limits=always(limit)), seconds=120, road=CALM)
    assert outcome.refused <= 10
    assert outcome.share >= 0.9


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "silent"])
@pytest.mark.parametrize(
    ("road", "least"),
    [(FAR_AWAY, 0.98), (BUSY, 0.955), (NEAR, 0.985), (CALM, 0.96), (WORK, 0.93)],
    ids=["far away", "busy", "near", "calm", "work"],
)
@pytest.mark.parametrize("limit", [3, 10, 40])
def test_any_second_of_a_vendor_holds_the_limit(limit: int, road: Road, least: float, *, stated: bool) -> None:
    """The same strictest of all meanings, on more roads, without counts, and with fewer 429s."""
    refused = 0
    for seed in range(3):
        limiter = limiter_for(limit)
        vendor = RollingLog(limits=always(limit))
        outcome = simulate(limiter, vendor, seconds=120, road=road, headers=stated, since=1, seed=seed)
        refused += outcome.refused
        assert outcome.share >= least
        assert limiter.tally.share_used == pytest.approx(outcome.share, abs=0.04)
    # The shortest way is what was the shortest lately; one that differs by 20 ms may be shorter after half a minute.
    assert refused <= (road == CALM)


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "silent"])
@pytest.mark.parametrize(("limit", "least"), [(10, 0.84), (40, 0.88), (100, 0.91)])
def test_long_tails_cost_any_second_some(limit: int, least: float, *, stated: bool) -> None:
    """Which of the two ways was long can't be told from their sum."""
    for seed in range(3):
        vendor = RollingLog(limits=always(limit))
        outcome = simulate(limiter_for(limit), vendor, seconds=120, road=TAIL, headers=stated, since=1, seed=seed)
        assert outcome.refused <= 4
        assert outcome.share >= least


@settings(deadline=None, max_examples=40)
@given(
    limit=st.sampled_from([1, 2, 5, 10, 30]),
    shortest=st.floats(0.0003, 0.15),
    jitter=st.floats(0, 0.01),
    thinking=st.sampled_from([0.0, 0.1, 0.3]),
    stalls=st.floats(0, 2),
    stall=st.floats(0.01, 0.05),
    lost=st.sampled_from([0.0, 0.01]),
    stated=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_whoever_stands_still_no_second_overflows(
    *,
    limit: int,
    shortest: float,
    jitter: float,
    thinking: float,
    stalls: float,
    stall: float,
    lost: float,
    stated: bool,
    seed: int,
) -> None:
    """What a stall of ours or of the vendor's held up is not followed too soon, and is not made up for too fast."""
    outcome = simulate(
        limiter_for(limit),
        RollingLog(limits=always(limit)),
        seconds=90,
        road=Road(shortest=shortest, jitter=jitter, thinking=thinking, stalls=stalls, stall=stall, lost=lost),
        headers=stated,
        since=1,
        seed=seed,
    )
    # A shortest way that nobody went for half a minute is not known any more.
    assert outcome.refused <= 1
    assert outcome.share >= 0.88


@pytest.mark.parametrize("limit", [5, 10, 20, 100])
def test_slow_answers_do_not_make_a_bucket_of_a_second(limit: int) -> None:
    """While it is found out what kind of vendor it is, slow answers slow the requests down, and counts stay low."""
    road = Road(shortest=0.04, jitter=0.01, thinking=1.5)
    outcome = simulate(limiter_for(limit), RollingLog(limits=always(limit)), seconds=120, road=road)
    assert outcome.refused == 0
    assert outcome.share >= 0.96


def test_one_that_was_never_answered_may_have_come_late() -> None:
    limiter, now = SecondLimiter(StatedSecond(limit=1)), 1_000.0
    for _ in range(200):
        now += limiter.wait(now)
        ticket = limiter.start(now)
        limiter.answered(ticket, now + 0.1, 200, {})
        now += 0.1
    now += limiter.wait(now)
    limiter.abandoned(limiter.start(now), now + 0.5)
    assert limiter.wait(now + 0.5) == pytest.approx(0.545, abs=0.004)


# ── the limit is not what was thought ───────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
def test_a_limit_halved_in_mid_run_costs_one_pause(kind: Callable[..., Vendor], limit: int) -> None:
    limiter = limiter_for(limit)
    vendor: Vendor = kind(limits=lambda at: limit if at < 30.5 else limit / 2)
    outcome = simulate(limiter, vendor, seconds=90, road=CALM, since=33)
    in_flight = 1.15 * limit * (2 * CALM.shortest + 2 * CALM.jitter)
    assert outcome.refused <= in_flight + 1
    assert limiter.tally.pauses <= 1
    assert outcome.share >= 0.95
    assert limiter.rate == limit / 2


def test_a_higher_limit_is_believed_at_once() -> None:
    outcome = simulate(limiter_for(10), FixedWindow(limits=always(50)), seconds=30, road=BUSY)
    assert outcome.refused == 0
    assert outcome.share >= 0.98


@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_half_of_the_documented_limit_is_found_out_without_headers(kind: Callable[..., Vendor], seed: int) -> None:
    limiter = limiter_for(10)
    vendor: Vendor = kind(limits=always(5))
    outcome = simulate(limiter, vendor, seconds=300, road=CALM, headers=False, since=15, seed=seed)
    assert outcome.share >= 0.95
    assert outcome.refused <= 8
    assert limiter.rate in (5, 6)


def test_the_documented_limit_is_used_when_nothing_is_stated() -> None:
    outcome = simulate(limiter_for(10), FixedWindow(limits=always(10)), seconds=200, road=CALM, headers=False)
    assert outcome.refused <= 2
    assert outcome.share >= 0.95


def test_a_small_bucket_without_headers_is_served_evenly() -> None:
    outcome = simulate(limiter_for(10), Gcra(limits=always(10), burst=1), seconds=200, road=CALM, headers=False)
    assert outcome.refused <= 2
    assert outcome.share >= 0.95


@pytest.mark.parametrize(
    ("road", "kind", "most"),
    [
        (CALM, FixedWindow, 10),
        (CALM, RollingLog, 9),
        (CALM, LeakyBucket, 10),
        (FAR_AWAY, FixedWindow, 8),
        (FAR_AWAY, RollingLog, 5),
        (FAR_AWAY, LeakyBucket, 10),
    ],
)
def test_half_of_a_high_documented_limit_costs_few_refusals(
    road: Road, kind: type[FixedWindow | RollingLog | LeakyBucket], most: int
) -> None:
    """At 300 ms a dozen would be in flight when it is met, were they not held back; the rest is the search."""
    outcomes = []
    for seed in range(5):
        vendor = FixedWindow(limits=always(20), phase=seed / 5) if kind is FixedWindow else kind(limits=always(20))
        limiter = SecondLimiter(StatedSecond(limit=40))
        outcomes.append(simulate(limiter, vendor, seconds=180, road=road, headers=False, since=1, seed=seed))
        refused_at = outcomes[-1].refused_at
        assert sum(at < refused_at[0] + 1 for at in refused_at) <= 7
    assert sum(outcome.share for outcome in outcomes) >= 5 * 0.935
    assert sum(outcome.refused for outcome in outcomes) <= 5 * most


@settings(deadline=None, max_examples=30)
@given(
    kind=st.sampled_from([FixedWindow, RollingLog, LeakyBucket]),
    limit=st.integers(10, 39),
    shortest=st.floats(0.0005, 0.15),
    phase=st.floats(0, 0.999),
    seed=st.integers(0, 10_000),
)
def test_any_limit_below_the_documented_one_is_found_with_few_refusals(
    kind: type[FixedWindow | RollingLog | LeakyBucket], limit: int, shortest: float, phase: float, seed: int
) -> None:
    vendor = FixedWindow(limits=always(limit), phase=phase) if kind is FixedWindow else kind(limits=always(limit))
    outcome = simulate(
        SecondLimiter(StatedSecond(limit=40)),
        vendor,
        seconds=180,
        road=Road(shortest=shortest, jitter=0.002, stalls=0.3, stall=0.02),
        headers=False,
        since=1,
        seed=seed,
    )
    assert outcome.refused <= 18
    assert outcome.share >= 0.85


# ── nothing is ever stated ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("phase", [0.0, 0.37, 0.71])
@pytest.mark.parametrize(
    "road",
    [
        Road(shortest=0.01, jitter=0.0),
        Road(shortest=0.01, jitter=0.015),
        Road(shortest=0.05, jitter=0.01, thinking=0.1),
        Road(shortest=0.15, jitter=0.01),
    ],
    ids=["20 ms", "20 to 50 ms", "200 to 220 ms", "300 to 320 ms"],
)
@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
def test_a_silent_vendors_second_is_used_and_never_exceeded(
    kind: Callable[..., Vendor], limit: int, road: Road, phase: float
) -> None:
    """Its seconds may begin anywhere; it may count by the second or by a bucket of one second's worth.

    Round trips differ by up to 30 ms here; how much that costs, the next test says.
    """
    vendor: Vendor = FixedWindow(limits=always(limit), phase=phase)
    if kind is LeakyBucket:
        vendor = LeakyBucket(limits=always(limit), level=phase * limit)
    limiter = SecondLimiter(StatedSecond(limit=limit))
    outcome = simulate(limiter, vendor, seconds=200, road=road, headers=False)
    assert outcome.refused == 0
    assert outcome.share >= 0.98
    assert limiter.tally.share_used == pytest.approx(outcome.share, abs=0.02)


@pytest.mark.parametrize("road", [FAR, TAIL, WORK], ids=["far", "tail", "work"])
@pytest.mark.parametrize("limit", [10, 100])
def test_uneven_roads_to_a_silent_bucket_cost_little(limit: int, road: Road) -> None:
    """How uneven the way there is can't be told from the way there and back, so a few percent stay unused."""
    outcome = simulate(
        SecondLimiter(StatedSecond(limit=limit)),
        LeakyBucket(limits=always(limit)),
        seconds=200,
        road=road,
        headers=False,
    )
    assert outcome.refused == 0
    assert outcome.share >= 0.95


@settings(deadline=None, max_examples=30)
@given(limit=st.sampled_from([10, 100]), phase=st.floats(0, 1), seed=st.integers(0, 10_000))
def test_after_a_rest_a_silent_second_has_room_for_no_more_than_its_limit(limit: int, phase: float, seed: int) -> None:
    dice = random.Random(seed)
    rests = [dice.random() < 0.4 for _ in range(100)]
    outcome = simulate(
        SecondLimiter(StatedSecond(limit=limit)),
        FixedWindow(limits=always(limit), phase=phase),
        seconds=100,
        road=Road(shortest=0.02, jitter=0.005),
        headers=False,
        demand=lambda at: not rests[int(at) % 100],
        seed=seed,
    )
    assert outcome.refused == 0


@pytest.mark.parametrize(
    "said",
    [
        {LIMIT: "0", REMAINING: "0"},
        {LIMIT: "-5", REMAINING: "-1"},
        {LIMIT: "many", REMAINING: "NaN"},
        {LIMIT: "", REMAINING: ""},
        {LIMIT: "1e400", REMAINING: "9" * 400},
    ],
)
def test_headers_that_make_no_sense_are_ignored(said: dict[str, str]) -> None:
    limiter = limiter_for(10)
    limiter.answered(limiter.start(100.0), 100.1, 200, said)
    assert limiter.rate == 10
    assert limiter.wait(101.1) == 0


# ── others are there ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
def test_what_a_neighbour_leaves_is_used(kind: Callable[..., Vendor], seed: int) -> None:
    vendor: Vendor = kind(limits=always(100))
    outcome = simulate(limiter_for(100), vendor, seconds=90, road=BUSY, neighbour=30, seed=seed)
    assert outcome.share >= 0.9
    assert outcome.refused <= 0.005 * outcome.sent
    assert outcome.others_refused <= 0.05 * outcome.others_taken


def test_a_neighbour_that_leaves_is_noticed() -> None:
    limiter, vendor = limiter_for(100), FixedWindow(limits=always(100))
    simulate(limiter, vendor, seconds=30, road=CALM, neighbour=60)
    assert limiter.rate < 60
    outcome = simulate(limiter, vendor, seconds=60, road=CALM, begin=1_040.0, since=30)
    assert outcome.share >= 0.97
    assert limiter.rate > 97


# ── 429s ────────────────────────────────────────────────────────────────────────────────────


def test_a_429_stops_everything_once() -> None:
    limiter = limiter_for(10)
    limiter.answered(limiter.start(100.0), 100.1, 200, {LIMIT: "10", REMAINING: "9"})
    now = 100.1
    tickets: list[int] = []
    while len(tickets) < 5:
        now += limiter.wait(now)
        tickets.append(limiter.start(now))
    for ticket in tickets:
        now += 0.01
        limiter.answered(ticket, now, 429, {LIMIT: "10", REMAINING: "0"})
    assert limiter.tally.pauses == 1
    assert limiter.tally.refused == 5
    assert limiter.wait(now) > 0.9


@pytest.mark.parametrize("wish", ["3", "30"])
def test_no_request_leaves_within_retry_after(wish: str) -> None:
    """The vendor lowers its limit for a moment and asks for a wait; its clock judges when the next one comes."""
    limits: Callable[[float], float] = lambda at: 4 if 20 <= at < 21.5 else 20  # noqa: E731
    vendor = FixedWindow(limits=limits)
    arrivals: list[float] = []
    arrive = vendor.arrive

    def noted(at: float) -> tuple[bool, float]:
        arrivals.append(at)
        return arrive(at)

    vendor.arrive = noted  # type: ignore[method-assign]
    outcome = simulate(
        limiter_for(20), vendor, seconds=80, road=CALM, headers=True, extra=lambda _at: {"retry-after": wish}
    )
    refused = outcome.refused_at[0]
    round_trip = 2 * (CALM.shortest + CALM.jitter)
    assert [at for at in arrivals if refused + round_trip < at < refused + float(wish)] == []
    assert [at for at in arrivals if refused + float(wish) < at < refused + float(wish) + 1.5]


def test_a_storm_of_429s_is_met_with_calm() -> None:
    """Nine of ten requests are refused for ten minutes, whatever the rate: the retries stay few."""
    dice = random.Random(5)

    class Storm(FixedWindow):
        def arrive(self, at: float) -> tuple[bool, float]:
            if at < 600 and dice.random() < 0.9:
                return False, 0.0
            return super().arrive(at)

    limiter = limiter_for(10)
    outcome = simulate(limiter, Storm(limits=always(10)), seconds=1200, road=CALM)
    ideal = 600 * 10
    assert outcome.refused <= 0.05 * ideal
    assert outcome.taken >= 0.8 * ideal


@pytest.mark.parametrize("begins", [0, 20])
def test_after_a_vendor_has_been_unreasonable_all_is_as_before(begins: float) -> None:
    """Requests are refused for a while though there was room: what was learnt is in doubt and learnt anew."""
    dice = random.Random(5)

    class Moody(FixedWindow):
        def arrive(self, at: float) -> tuple[bool, float]:
            if begins <= at < begins + 10 and dice.random() < 0.3:
                return False, 5.0
            return super().arrive(at)

    outcome = simulate(limiter_for(10), Moody(limits=always(10)), seconds=200, road=CALM, since=100)
    assert outcome.refused <= 20
    assert outcome.share >= 0.98


def test_the_first_request_goes_alone() -> None:
    limiter = limiter_for(100)
    ticket = limiter.start(100.0)
    assert limiter.wait(105.0) == math.inf
    limiter.abandoned(ticket, 110.0)
    assert limiter.wait(110.0) == 0
    ticket = limiter.start(110.0)
    assert limiter.wait(110.5) == math.inf
    limiter.answered(ticket, 111.0, 200, {LIMIT: "100", REMAINING: "99"})
    assert limiter.wait(111.0) < 0.1


def test_a_restart_into_a_used_second_takes_only_what_is_left() -> None:
    vendor = FixedWindow(limits=always(50), phase=0.0)
    for number in range(48):
        vendor.arrive(0.1 + number / 1000)
    outcome = simulate(limiter_for(50), vendor, seconds=20, road=CALM)
    assert outcome.refused == 0


# ── anything else that happens ──────────────────────────────────────────────────────────────


@settings(deadline=None, max_examples=20)
@given(
    kind=st.sampled_from(["fixed", "leaky"]),
    limit=st.sampled_from([8, 20, 40]),
    lost=st.floats(0, 0.1),
    seed=st.integers(0, 10_000),
)
def test_lost_answers_and_work_in_fits_break_nothing(kind: str, limit: int, lost: float, seed: int) -> None:
    dice = random.Random(seed)
    fits = [dice.random() < 0.6 for _ in range(100)]
    vendor: Vendor = FixedWindow(limits=always(limit)) if kind == "fixed" else LeakyBucket(limits=always(limit))
    outcome: Outcome = simulate(
        limiter_for(limit),
        vendor,
        seconds=80,
        road=Road(shortest=0.04, jitter=0.02, lost=lost),
        demand=lambda at: fits[int(at) % 100],
        seed=seed,
    )
    assert outcome.refused <= 1 + outcome.sent // 500


class SecondMachine(RuleBasedStateMachine):
    """Any order of starts, answers and losses, true or lying headers: it stays sane and gets on."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter = limiter_for(10)
        self.now = 100.0
        self.flying: deque[int] = deque()
        self.started = 0

    @rule(seconds=st.floats(0, 2))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: len(self.flying) < 20)
    @rule()
    def start_when_allowed(self) -> None:
        wait = self.limiter.wait(self.now)
        if wait < 2:
            self.now += wait
            if self.limiter.wait(self.now) == 0:
                self.flying.append(self.limiter.start(self.now))
                self.started += 1

    @precondition(lambda self: self.flying)
    @rule(
        which=st.integers(0, 20),
        status=st.sampled_from([200, 200, 200, 404, 429, 500]),
        limit=st.sampled_from([None, "10", "10", "1", "50", "x"]),
        left=st.sampled_from([None, "0", "3", "9", "49", "-1"]),
    )
    def answer(self, which: int, status: int, limit: str | None, left: str | None) -> None:
        self.flying.rotate(which)
        headers = {name: text for name, text in ((LIMIT, limit), (REMAINING, left)) if text is not None}
        self.limiter.answered(self.flying.popleft(), self.now, status, headers)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 20), sent=st.booleans())
    def lose(self, which: int, sent: bool) -> None:
        self.flying.rotate(which)
        self.limiter.abandoned(self.flying.popleft(), self.now, sent=sent)
        self.started -= not sent

    @invariant()
    def sane(self) -> None:
        wait = self.limiter.wait(self.now)
        assert wait >= 0
        assert wait < math.inf or self.flying
        assert wait == math.inf or wait <= 70
        assert self.limiter.rate > 0
        assert self.limiter.tally.sent == self.started
        assert 0 <= self.limiter.tally.share_used <= 1


TestSecondMachine = SecondMachine.TestCase
TestSecondMachine.settings = settings(deadline=None, max_examples=60, stateful_step_count=60)


@pytest.mark.parametrize("phase", [n / 20 for n in range(20)])
def test_endpoints_that_think_long_do_not_mislead_it(phase: float) -> None:
    """A quarter of the requests are reports: counted at once, answered within a second."""
    limiter = limiter_for(10)
    vendor = FixedWindow(limits=lambda _: 10.0, phase=phase)
    dice = random.Random(int(phase * 20))
    answers: list[tuple[float, int, int, dict[str, str]]] = []
    now, sent, refused, taken = 0.0, 0, 0, 0
    while now < 60:
        while answers and answers[0][0] <= now:
            at, ticket, status, headers = heapq.heappop(answers)
            limiter.answered(ticket, at, status, headers)
        wait = limiter.wait(now)
        if wait <= 0:
            ticket = limiter.start(now)
            good, left = vendor.arrive(now + 0.01)
            refused += not good
            taken += good and now >= 5
            slow = dice.uniform(0.3, 1.0) if sent % 4 == 3 else 0.0
            said = {LIMIT: "10", REMAINING: f"{left:.0f}"}
            heapq.heappush(answers, (now + 0.02 + slow + dice.uniform(0, 0.005), ticket, 200 if good else 429, said))
            sent += 1
        else:
            now = min([now + wait, *(one[0] for one in answers[:1])])
    assert refused == 0
    assert taken >= 0.97 * 550


@pytest.mark.parametrize("phase", [n / 10 for n in range(10)])
def test_a_vendor_that_counts_when_requests_come_and_states_when_it_answers_has_nobody_else(phase: float) -> None:
    """Its second answer counts all that came during the first one's way; they are ours."""
    limiter = limiter_for(20)
    vendor = FixedWindow(limits=always(20), phase=phase)
    answers: deque[tuple[float, int]] = deque()
    now, taken = 0.0, 0
    while now < 13:
        while answers and answers[0][0] <= now:
            at, ticket = answers.popleft()
            left = 20.0 - vendor.used if int(at + phase) == vendor.number else 20.0
            limiter.answered(ticket, at, 200, {LIMIT: "20", REMAINING: f"{left:g}"})
        wait = limiter.wait(now)
        if wait > 0:
            now = min([now + wait, *(at for at, _ in list(answers)[:1])])
            continue
        good, _ = vendor.arrive(now)
        assert good
        taken += now >= 3
        answers.append((now + 0.3, limiter.start(now)))
    assert taken >= 0.955 * 20 * 10


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "silent"])
@pytest.mark.parametrize("limit", [10, 40])
def test_long_bodies_say_nothing_of_the_way(limit: int, *, stated: bool) -> None:
    """What comes after the head was counted long before; else large pages would look like a way that differs."""
    road = replace(FAR_AWAY, body=0.3)
    for seed in range(3):
        vendor = RollingLog(limits=always(limit))
        outcome = simulate(limiter_for(limit), vendor, seconds=120, road=road, headers=stated, since=30, seed=seed)
        assert not outcome.refused
        assert outcome.share >= 0.98


@pytest.mark.parametrize("limit", [5, 10, 40])
def test_stalls_cost_no_part_of_a_second(limit: int) -> None:
    """Ours and the vendor's, of up to 100 ms, three times a second: beside other work on few cores."""
    road = Road(shortest=0.01, jitter=0.01, stalls=3, stall=0.1)
    for seed in range(3):
        outcome = simulate(limiter_for(limit), FixedWindow(limits=always(limit)), seconds=120, road=road, seed=seed)
        assert not outcome.refused
        assert outcome.share >= 0.99


@pytest.mark.parametrize("limit", [5, 10, 20])
def test_what_was_sent_evenly_does_not_spoil_the_first_whole_second(limit: int) -> None:
    """Far away, where ways and thinking differ, some of it comes when that second has begun."""
    road = Road(shortest=0.15, jitter=0.05, stalls=1, stall=0.05, thinking=0.2, working=0.1)
    played = (
        simulate(limiter_for(limit), FixedWindow(limits=always(limit)), seconds=12, road=road, seed=seed)
        for seed in range(60)
    )
    assert sum(outcome.refused for outcome in played) <= 2


def test_the_whole_second_is_used_beside_others_and_theirs_are_not_refused() -> None:
    """Who is done early has taken what others come for later in the second."""
    refused = 0
    for seed in range(6):
        vendor = FixedWindow(limits=always(40))
        outcome = simulate(limiter_for(40), vendor, seconds=60, road=Road(), neighbour=12, seed=seed)
        refused += outcome.others_refused
        assert outcome.share >= 0.9
    assert refused <= 100
