"""A limit that nobody told: stated by whatever headers there are, shown by 429s, or not there at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from limits_sim import FixedWindow, Gcra, LeakyBucket, Outcome, Road, RollingLog, Vendor, simulate

from extractor import limits
from extractor.limits.learnt import LearntLimiter
from extractor.model import Learnt

FAR = Road(shortest=0.14, jitter=0.02)
EVEN = Road(shortest=0.15, jitter=0.001)
NEAR = Road(shortest=0.02, jitter=0.01)
RATE = 20

SPELLINGS: dict[str, Callable[[float], dict[str, str]]] = {
    "older": lambda left: {"ratelimit-limit": "20", "ratelimit-remaining": f"{left:g}", "ratelimit-reset": "1"},
    "older, many": lambda left: {"ratelimit-limit": "20, 20;w=1, 900;w=60", "ratelimit-remaining": f"{left:g}"},
    "version 7": lambda left: {"ratelimit": f"limit=20, remaining={left:g}, reset=1"},
    "version 8": lambda left: {"ratelimit-policy": '"a";q=20;w=1', "ratelimit": f'"a";r={left:g};t=1'},
    "x": lambda left: {"x-ratelimit-limit": "20", "x-ratelimit-remaining": f"{left:g}", "x-ratelimit-reset": "1"},
    "kong": lambda left: {"x-ratelimit-limit-second": "20", "x-ratelimit-remaining-second": f"{left:g}"},
}


def twenty(_at: float) -> float:
    return RATE


def learnt(vendor: Vendor, road: Road, *, seconds: float = 120, since: float = 10, **says: object) -> Outcome:
    return simulate(LearntLimiter(Learnt()), vendor, seconds=seconds, road=road, headers=False, since=since, **says)  # type: ignore[arg-type]


@pytest.mark.parametrize("road", [FAR, EVEN, NEAR], ids=["far", "even", "near"])
@pytest.mark.parametrize("kind", [FixedWindow, LeakyBucket])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_stated_second_is_used_whole_and_never_exceeded(
    spelling: str, kind: Callable[..., Vendor], road: Road
) -> None:
    outcome = learnt(kind(limits=twenty), road, more=SPELLINGS[spelling])
    assert outcome.refused == 0
    assert outcome.share >= 0.99


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_stated_sliding_second_too_where_the_way_is_even(spelling: str) -> None:
    """Where it is not, requests that are sent a second apart land closer, and no count foretells it."""
    outcome = learnt(RollingLog(limits=twenty), EVEN, more=SPELLINGS[spelling])
    assert outcome.refused == 0
    assert outcome.share >= 0.989


def test_long_bodies_say_nothing_of_the_way_here_either() -> None:
    """It tells the way that it has learnt when an answer begins."""
    outcome = learnt(RollingLog(limits=twenty), replace(EVEN, body=0.3), more=SPELLINGS["older"])
    assert outcome.refused == 0
    assert outcome.share >= 0.98


@pytest.mark.parametrize("road", [FAR, EVEN, NEAR], ids=["far", "even", "near"])
@pytest.mark.parametrize(("kind", "most"), [(FixedWindow, 12), (RollingLog, 12), (LeakyBucket, 36)])
def test_a_limit_that_nothing_states_is_found_in_half_a_minute(
    kind: Callable[..., Vendor], most: int, road: Road
) -> None:
    """A leaky bucket hides for a while that it is filled too fast, and refuses more when it is full."""
    outcome = learnt(kind(limits=twenty), road, since=30)
    assert outcome.refused <= most
    assert outcome.share >= 0.95


def test_a_limit_on_the_distance_of_requests_is_found() -> None:
    outcome = learnt(Gcra(limits=twenty, burst=5), NEAR, since=30)
    assert outcome.refused <= 12
    assert outcome.share >= 0.95


class Unlimited:
    """A vendor that refuses nothing, and how many were with it at once."""

    def arrive(self, _at: float) -> tuple[bool, float]:
        return True, 0.0

    def limit(self, _at: float) -> float:
        return 64 / 0.05


def test_without_a_limit_as_many_as_may_be_are_in_flight_soon() -> None:
    outcome = learnt(Unlimited(), Road(shortest=0.025, jitter=0.0001), seconds=10, since=2)
    assert outcome.share >= 0.97


class Quarter:
    """So many requests in fixed windows of a quarter of an hour; says it as others do, with resets in whole seconds."""

    def __init__(self, many: int, seconds: float) -> None:
        self._many = many
        self._seconds = seconds
        self._window = FixedWindow(limits=lambda _at: many, phase=0.0)
        self.now = 0.0

    def arrive(self, at: float) -> tuple[bool, float]:
        self.now = at
        return self._window.arrive(at / self._seconds)

    def limit(self, _at: float) -> float:
        return self._many / self._seconds

    def says(self, left: float, rounded: Callable[[float], int]) -> dict[str, str]:
        resets = self._seconds - self.now % self._seconds
        return {
            "x-rate-limit-limit": str(self._many),
            "x-rate-limit-remaining": f"{left:g}",
            "x-rate-limit-reset": str(rounded(resets)),
        }


@pytest.mark.parametrize("rounded", [math.floor, math.ceil])
@pytest.mark.parametrize(("many", "seconds"), [(100, 60), (50, 10), (6, 60), (900, 900)])
def test_what_is_left_of_a_longer_window_is_used_whole(
    many: int, seconds: float, rounded: Callable[[float], int]
) -> None:
    vendor = Quarter(many, seconds)
    outcome = learnt(vendor, FAR, seconds=10 * seconds, since=seconds, more=lambda left: vendor.says(left, rounded))
    assert outcome.refused == 0
    assert outcome.share >= 0.99


def test_a_reset_may_be_a_unix_time() -> None:
    vendor = Quarter(100, 60)

    def says(left: float) -> dict[str, str]:
        told = vendor.says(left, math.ceil)
        return told | {
            "x-rate-limit-reset": str(1_700_000_000 + int(told["x-rate-limit-reset"])),
            "date": "Tue, 14 Nov 2023 22:13:20 GMT",
        }

    outcome = learnt(vendor, FAR, seconds=600, since=60, more=says)
    assert outcome.refused == 0
    assert outcome.share >= 0.99


def test_part_of_what_is_left_can_be_left_to_others() -> None:
    vendor = Quarter(100, 60)
    half = LearntLimiter(Learnt(), share=0.5)
    outcome = simulate(
        half, vendor, seconds=600, road=FAR, headers=False, since=60, more=lambda left: vendor.says(left, math.ceil)
    )
    assert outcome.refused == 0
    assert outcome.share == pytest.approx(0.5, abs=0.01)


def test_a_header_that_comes_late_is_believed_from_then_on() -> None:
    """Some state a limit only with a 429."""
    outcome = simulate(
        LearntLimiter(Learnt()),
        FixedWindow(limits=twenty),
        seconds=60,
        road=FAR,
        headers=False,
        since=15,
        extra=lambda _at: {"ratelimit": "limit=20, remaining=0, reset=1", "ratelimit-policy": "20;w=1"},
    )
    assert outcome.share >= 0.95


def test_first_one_request_goes_alone_then_ever_more() -> None:
    limiter = LearntLimiter(Learnt(at_once=8))
    assert limiter.rate == math.inf
    ticket = limiter.start(0.0)
    assert limiter.wait(0.0) == math.inf
    limiter.answered(ticket, 0.1, 200, {})
    for step in range(200):
        now = 0.2 + step
        tickets = []
        while limiter.wait(now) == 0.0:
            tickets.append(limiter.start(now))
        for one in tickets:
            limiter.answered(one, now + 0.1, 200, {})
    assert len(tickets) == 8


def test_what_never_left_is_given_back_and_words_without_sense_are_none() -> None:
    limiter = LearntLimiter(Learnt())
    limiter.abandoned(limiter.start(0.0), 0.1, sent=False)
    assert limiter.tally.sent == 0
    assert limiter.wait(0.1) == 0.0
    nonsense = {"ratelimit-limit": "many", "x-ratelimit-limit": "0", "ratelimit": "soon", "x-ratelimit-reset": "-"}
    limiter.answered(limiter.start(0.1), 0.2, 200, nonsense)
    assert limiter.rate == math.inf
    assert limiter.wait(0.2) == 0.0


def test_a_budget_that_is_learnt_is_built_like_any_other() -> None:
    assert isinstance(limits.build(Learnt()), LearntLimiter)
