"""The vendor's bucket, with or without a header, judges whether all that drains is used and nothing runs over."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from limits_sim import LeakyBucket, Outcome, Road, simulate

from extractor.limits.bucket import RESERVE, BucketLimiter
from extractor.model import Bucket

USED = "account-call-limit"
STATED = Bucket(size=40, per_second=2, used_header=USED)
SILENT = Bucket(size=20, per_second=5, older=(10, 2))

NEAR = Road(shortest=0.0, jitter=0.001)
CALM = Road(shortest=0.05, jitter=0.02)
UNEVEN = Road(shortest=0.05, jitter=0.2, stalls=0.5)
FAR = Road(shortest=0.15, jitter=0.1, tail=0.02)
SLOW = Road(shortest=0.05, jitter=0.05, thinking=0.5, working=0.3, lost=0.02)
BACK = Road(shortest=0.001, jitter=0.001, thinking=0.3)
ROADS = {"near": NEAR, "calm": CALM, "uneven": UNEVEN, "far": FAR, "slow": SLOW}
every_road = pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())


def bucket(size: float, per_second: float, level: float = 0.0) -> LeakyBucket:
    return LeakyBucket(limits=lambda _at: per_second, size=size, level=level)


def play(limiter: BucketLimiter, vendor: LeakyBucket, road: Road, *, neighbour: float = 0.0, seed: int = 1) -> Outcome:
    """200 s, of which those after the first bucketful count; the vendor states its count as `used/size`."""

    def stated(left: float) -> dict[str, str]:
        return {USED: f"{vendor.size - left:g}/{vendor.size:g}"}

    return simulate(
        limiter, vendor, seconds=200, since=30, road=road, headers=False, more=stated, neighbour=neighbour, seed=seed
    )


# ── with a header ───────────────────────────────────────────────────────────────────────────


@every_road
@pytest.mark.parametrize("full", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("size", "per_second"), [(40, 2), (80, 4), (40, 4), (80, 8)])
def test_what_drains_is_used_and_nothing_runs_over(size: float, per_second: float, full: float, road: Road) -> None:
    """Twice the size, and twice as fast as documented, are found out; a full bucket at the start is no trap."""
    limiter = BucketLimiter(STATED)
    outcome = play(limiter, bucket(size, per_second, level=full * size), road)
    assert outcome.refused == 0
    assert outcome.share >= 0.98
    assert limiter.rate == pytest.approx(per_second, rel=0.25)
    assert limiter.tally.share_used >= 0.9


@pytest.mark.parametrize("first", [10, 20])
def test_what_drains_while_an_answer_comes_back_is_used_too(first: int) -> None:
    """Answers take a third of the time in which the bucket drains, and tell what was in it when they were asked for."""
    vendor = bucket(20, 20)
    outcome = play(BucketLimiter(Bucket(size=first, per_second=first, used_header=USED)), vendor, BACK)
    assert outcome.refused == 0
    assert outcome.share >= 0.98


@settings(deadline=None, max_examples=40)
@given(
    size=st.integers(8, 200),
    seconds=st.sampled_from([4.0, 10.0, 20.0]),
    full=st.floats(0, 1),
    shortest=st.floats(0, 0.15),
    jitter=st.floats(0, 0.2),
    thinking=st.floats(0, 1),
    seed=st.integers(0, 10_000),
)
def test_any_bucket_that_is_stated_is_kept(
    *, size: int, seconds: float, full: float, shortest: float, jitter: float, thinking: float, seed: int
) -> None:
    limiter = BucketLimiter(Bucket(size=size, per_second=size / seconds, used_header=USED))
    road = Road(shortest=shortest, jitter=jitter, thinking=thinking)
    outcome = play(limiter, bucket(size, size / seconds, level=full * size), road, seed=seed)
    assert outcome.refused == 0
    assert outcome.share >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("road", [CALM, FAR], ids=["calm", "far"])
def test_what_a_neighbour_leaves_is_used(road: Road, seed: int) -> None:
    limiter = BucketLimiter(STATED)
    outcome = play(limiter, bucket(40, 2), road, neighbour=0.8, seed=seed)
    assert outcome.refused == 0
    assert outcome.others_refused == 0
    assert outcome.share >= 0.97


def test_a_neighbour_that_takes_more_than_there_is_is_met_with_calm() -> None:
    limiter = BucketLimiter(STATED)
    outcome = play(limiter, bucket(40, 2), CALM, neighbour=6)
    assert outcome.taken > 0
    assert outcome.refused <= 40
    assert limiter.rate <= 1


def test_a_jump_of_the_count_is_believed() -> None:
    limiter = BucketLimiter(STATED)
    now = 100.0 + limiter.wait(100.0)
    limiter.answered(limiter.start(now), now + 0.1, 200, {USED: "1/40"})
    now += 1.0
    assert limiter.wait(now) == 0
    limiter.answered(limiter.start(now), now + 0.1, 200, {USED: "38/40"})
    assert limiter.wait(now + 0.1) == pytest.approx((38 + 1 - 40 * (1 - RESERVE)) / 2, abs=0.1)


def test_the_first_request_goes_alone_and_tells_the_size() -> None:
    limiter = BucketLimiter(STATED)
    now = 100.0
    assert 0 < limiter.wait(now) <= 0.51
    now += 0.6
    ticket = limiter.start(now)
    assert limiter.wait(now + 1) == math.inf
    limiter.answered(ticket, now + 1, 200, {USED: "1/80"})
    assert limiter.rate == 4


@pytest.mark.parametrize("said", ["", "many/40", "4/", "/40", "-1/40", "4/0", "4/40/40", "1e3/40", "9" * 20 + "/40"])
def test_counts_that_make_no_sense_are_ignored(said: str) -> None:
    limiter = BucketLimiter(STATED)
    now = 100.0 + limiter.wait(100.0)
    limiter.answered(limiter.start(now), now + 0.1, 200, {USED: said})
    assert limiter.rate == 2
    assert limiter.wait(now + 0.1) < 1


def test_an_old_count_does_not_replace_a_newer_one() -> None:
    limiter = BucketLimiter(STATED)
    now = 100.0 + limiter.wait(100.0)
    limiter.answered(limiter.start(now), now + 0.1, 200, {USED: "1/40"})
    now += 1
    early = limiter.start(now)
    late = limiter.start(now + 0.5)
    limiter.answered(late, now + 0.6, 200, {USED: "39/40"})
    limiter.answered(early, now + 0.7, 200, {USED: "2/40"})
    assert limiter.wait(now + 0.7) > 4


# ── without a header ────────────────────────────────────────────────────────────────────────


@every_road
@pytest.mark.parametrize("full", [0.0, 0.5, 1.0])
def test_a_silent_bucket_is_used_whole_and_never_runs_over(full: float, road: Road) -> None:
    limiter = BucketLimiter(SILENT)
    outcome = play(limiter, bucket(20, 5, level=full * 20), road)
    assert outcome.refused == 0
    assert outcome.share >= 0.98
    assert limiter.rate == 5


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(1, 50),
    seconds=st.sampled_from([1.0, 4.0, 20.0]),
    full=st.floats(0, 1),
    shortest=st.floats(0, 0.25),
    jitter=st.floats(0, 0.5),
    thinking=st.floats(0, 5),
    seed=st.integers(0, 10_000),
)
def test_any_silent_bucket_is_kept(
    *, size: int, seconds: float, full: float, shortest: float, jitter: float, thinking: float, seed: int
) -> None:
    limiter = BucketLimiter(Bucket(size=size, per_second=size / seconds))
    road = Road(shortest=shortest, jitter=jitter, thinking=thinking, stalls=0.2, lost=0.02)
    outcome = play(limiter, bucket(size, size / seconds, level=full * size), road, seed=seed)
    assert outcome.refused == 0
    assert outcome.sent == limiter.tally.sent


@every_road
@pytest.mark.parametrize("full", [0.0, 1.0])
def test_the_older_bucket_is_found_out_with_two_pauses(full: float, road: Road) -> None:
    limiter = BucketLimiter(SILENT)
    outcome = play(limiter, bucket(10, 2, level=full * 10), road)
    assert limiter.tally.pauses == 2
    assert outcome.share >= 0.97
    assert limiter.rate == 2


def test_what_only_others_can_explain_is_not_put_down_to_the_size() -> None:
    """So much has gone well that the older bucket would have run over: the pauses must come from a neighbour."""
    limiter = BucketLimiter(SILENT)
    outcome = play(limiter, bucket(20, 5), CALM, neighbour=2)
    assert limiter.tally.pauses > 2
    assert limiter.rate == 5
    assert outcome.share >= 0.9


def test_a_burst_is_possible_after_a_rest_and_fills_step_by_step() -> None:
    limiter = BucketLimiter(SILENT)
    limiter.wait(100.0)
    now, times = 200.0, list[float]()
    for _ in range(15):
        now += limiter.wait(now)
        times.append(now)
        limiter.answered(limiter.start(now), now, 200, {})
    assert 14 / 20 - 0.01 <= times[-1] - times[0] < 14 / 10


# ── with and without ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize(("policy", "size", "per_second"), [(STATED, 40, 2), (SILENT, 20, 5)])
def test_a_share_is_kept_and_used(policy: Bucket, size: float, per_second: float, share: float) -> None:
    limiter = BucketLimiter(policy, share=share)
    outcome = play(limiter, bucket(size, per_second, level=size / 2), SLOW)
    assert outcome.refused == 0
    assert outcome.share == pytest.approx(share, rel=0.04)
    assert limiter.rate == pytest.approx(per_second * share)


@pytest.mark.parametrize("policy", [STATED, SILENT])
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "Sun, 01 Nov 2026 00:00:30 GMT", "date": "Sun, 01 Nov 2026 00:00:00 GMT"}, 30),
    ],
)
def test_a_429_is_one_pause_and_honours_the_vendors_wish(policy: Bucket, said: dict[str, str], seconds: float) -> None:
    limiter = BucketLimiter(policy)
    now = 100.0 + limiter.wait(100.0)
    limiter.answered(limiter.start(now), now + 0.1, 200, {USED: "1/40"})
    now += 60
    tickets = [limiter.start(now), limiter.start(now + 0.1)]
    for ticket in tickets:
        limiter.answered(ticket, now + 0.2, 429, said)
    assert limiter.wait(now + 0.2) == pytest.approx(seconds)
    assert (limiter.tally.pauses, limiter.tally.refused) == (1, 2)


def test_a_storm_says_nothing_of_the_older_bucket() -> None:
    """Whoever goes ahead after a pause would have found room in the smaller one as well."""
    limiter = BucketLimiter(Bucket(size=20, per_second=5, older=(10, 2)))
    now = 100.0
    for _ in range(5):
        now += limiter.wait(now)
        limiter.answered(limiter.start(now), now + 0.1, 429, {})
        now += 0.1
    assert limiter.tally.pauses == 5
    assert limiter.rate == 5


def test_what_never_left_is_given_back_and_what_was_sent_stays_spent() -> None:
    limiter = BucketLimiter(Bucket(size=1, per_second=0.1))
    now = 100.0 + limiter.wait(100.0)
    limiter.abandoned(limiter.start(now), now, sent=False)
    now += 2.6
    assert limiter.wait(now) == 0
    assert limiter.tally.sent == 0
    limiter.abandoned(limiter.start(now), now + 0.1)
    assert limiter.wait(now + 0.1) == pytest.approx(10, abs=0.1)


class BucketMachine(RuleBasedStateMachine):
    """Any order of starts, answers and losses, true or lying counts: it stays sane and gets on."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter = BucketLimiter(Bucket(size=8, per_second=2, used_header=USED, older=(4, 1)))
        self.now = 100.0
        self.flying: list[int] = []
        self.started = 0

    @rule(seconds=st.floats(0, 4))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def start_when_allowed(self) -> None:
        wait = self.limiter.wait(self.now)
        if wait < 5:
            self.now += wait
            if self.limiter.wait(self.now) == 0:
                self.flying.append(self.limiter.start(self.now))
                self.started += 1

    @precondition(lambda self: self.flying)
    @rule(
        which=st.integers(0, 20),
        status=st.sampled_from([0, 200, 200, 200, 404, 429, 500]),
        said=st.sampled_from(["", "1/8", "3/8", "8/8", "9/8", "0/16", "20/1", "x"]),
    )
    def answer(self, which: int, status: int, said: str) -> None:
        ticket = self.flying.pop(which % len(self.flying))
        self.limiter.answered(ticket, self.now, status, {USED: said})

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 20), sent=st.booleans())
    def lose(self, which: int, sent: bool) -> None:
        self.limiter.abandoned(self.flying.pop(which % len(self.flying)), self.now, sent=sent)
        self.started -= not sent

    @invariant()
    def sane(self) -> None:
        wait = self.limiter.wait(self.now)
        assert wait >= 0
        assert wait < math.inf or self.flying
        assert wait == math.inf or wait <= 100
        assert self.limiter.rate > 0
        assert self.limiter.tally.sent == self.started
        assert 0 <= self.limiter.tally.share_used <= 1


TestBucketMachine = BucketMachine.TestCase
TestBucketMachine.settings = settings(deadline=None, max_examples=60, stateful_step_count=50)
