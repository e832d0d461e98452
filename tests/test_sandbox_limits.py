"""The vendor's side of limits, on a clock made of numbers."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox.limits import FixedSecond, LeakyBucket, Organisation, Rolling, Tempo

START = 1_700_000_000.0
steps = st.lists(st.floats(0, 0.7, allow_nan=False), min_size=1, max_size=200)


def instants(pauses: list[float]) -> list[float]:
    now, found = START, []
    for pause in pauses:
        now += pause
        found.append(now)
    return found


@given(steps, st.integers(1, 20))
def test_no_second_of_the_wall_clock_lets_more_through_than_the_limit(pauses: list[float], limit: int) -> None:
    organisation = Organisation(base=limit, tempo=Tempo(), window=FixedSecond())
    passed: Counter[int] = Counter()
    for now in instants(pauses):
        verdict = organisation.arrive(now)
        assert verdict.allowed == (passed[int(now)] < limit)
        passed[int(now)] += verdict.allowed
        assert verdict.remaining == limit - passed[int(now)]


@given(steps, st.integers(1, 20))
def test_no_stretch_of_time_lets_more_through_a_bucket_than_it_holds_and_leaks(pauses: list[float], limit: int) -> None:
    organisation = Organisation(base=limit, tempo=Tempo(), window=LeakyBucket())
    passed = [now for now in instants(pauses) if organisation.arrive(now).allowed]
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], start=1):
            assert count <= limit + (end - start) * limit + 1e-5


def test_a_bucket_lets_a_burst_through_and_then_what_leaks() -> None:
    organisation = Organisation(base=10, tempo=Tempo(), window=LeakyBucket())
    assert [organisation.arrive(START).allowed for _ in range(11)] == [True] * 10 + [False]
    assert organisation.arrive(START + 0.25).remaining == 1
    assert [organisation.arrive(START + 0.25).allowed for _ in range(2)] == [True, False]


def test_a_refused_request_does_not_use_the_budget_up() -> None:
    organisation = Organisation(base=2, tempo=Tempo(), window=FixedSecond())
    assert [organisation.arrive(START).allowed for _ in range(50)].count(True) == 2
    assert organisation.arrive(START + 1).allowed
    assert organisation.seconds[int(START)].refused == 48


def test_the_limit_changes_at_set_times_after_the_first_request_and_on_demand() -> None:
    tempo = Tempo(1, [(5, 0.5), (10, 4)])
    organisation = Organisation(base=10, tempo=tempo, window=FixedSecond())
    assert [organisation.arrive(START + after).limit for after in (0, 4.9, 5, 9.9, 10)] == [10, 10, 5, 5, 20]
    tempo.scale = 0.001
    assert organisation.arrive(START + 20).limit == 1


def test_the_neighbour_asks_for_its_share() -> None:
    organisation = Organisation(base=10, tempo=Tempo(), window=FixedSecond(), neighbour=0.4, seed=7)
    for second in range(2_000):
        organisation.arrive(START + second)
    taken = [second.neighbour for second in organisation.seconds.values()][:-1]
    assert sum(taken) / len(taken) == pytest.approx(4, rel=0.05)
    assert len(set(taken)) > 5


def test_the_neighbour_is_judged_like_anybody() -> None:
    """A client that asks for the whole budget finds a part of it used, and takes some of the neighbour's."""
    organisation = Organisation(base=10, tempo=Tempo(), window=FixedSecond(), neighbour=0.4, seed=7)
    for tenth in range(2_000):
        organisation.arrive(START + tenth / 10)
    seconds = list(organisation.seconds.values())[1:-1]
    assert all(second.used + second.neighbour <= 10 for second in seconds)
    assert 1 < sum(second.neighbour for second in seconds) / len(seconds) < 4
    assert sum(second.refused for second in seconds) > 0


def test_the_neighbour_is_the_same_for_the_same_seed() -> None:
    def takes(seed: int) -> list[int]:
        organisation = Organisation(base=10, tempo=Tempo(), window=FixedSecond(), neighbour=0.5, seed=seed)
        organisation.arrive(START)
        organisation.arrive(START + 30)
        return [second.neighbour for second in organisation.seconds.values()]

    assert takes(1) == takes(1) != takes(2)


@given(st.lists(st.tuples(st.floats(0, 20, allow_nan=False), st.booleans()), max_size=100))
def test_a_rolling_limit_holds_for_every_minute_and_for_requests_in_flight(moves: list[tuple[float, bool]]) -> None:
    rolling = Rolling(base=10, seconds=60, at_once=2, tempo=Tempo())
    now, in_flight = START, 0
    entered: list[float] = []
    for pause, leave in moves:
        now += pause
        if leave and in_flight:
            rolling.leave()
            in_flight -= 1
        recent = [at for at in entered if at > now - 60]
        assert rolling.enter(now) == (len(recent) < 10 and in_flight < 2)
        if len(recent) < 10 and in_flight < 2:
            entered.append(now)
            in_flight += 1


def test_limits_scale_but_never_below_one() -> None:
    rolling = Rolling(base=10, seconds=60, at_once=2, tempo=Tempo(0.01))
    assert rolling.enter(START)
    assert not rolling.enter(START)
