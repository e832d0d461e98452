"""How many may be in flight."""

from __future__ import annotations

from collections import deque
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.transport.concurrency import Level


@given(
    rate=st.one_of(st.none(), st.floats(0.001, 1e6)),
    most=st.integers(1, 256),
    answers=st.lists(st.tuples(st.floats(0, 100), st.integers(1, 300), st.booleans()), max_size=50),
)
def test_always_between_one_and_the_most(rate: float | None, most: int, answers: list[tuple[float, int, bool]]) -> None:
    level, now = Level(most=most), 0.0
    for seconds, in_flight, good in answers:
        now += seconds / 2
        if good:
            level.answered(now=now, seconds=seconds, in_flight=in_flight)
        else:
            level.overloaded(now=now)
        assert 1 <= level.allowed(rate) <= most


@pytest.mark.parametrize(("rate", "seconds"), [(10.0, 0.05), (10.0, 3.0), (5.0, 0.2), (1 / 6, 40.0), (100.0, 1.0)])
def test_with_a_rate_it_follows_from_the_latency(rate: float, seconds: float) -> None:
    level = Level()
    for _ in range(100):
        level.answered(now=0.0, seconds=seconds, in_flight=1)
    assert level.allowed(rate) == min(256, ceil(rate * seconds * 1.5 - 1e-9) + 2)


def test_a_slower_vendor_gets_more_within_a_few_answers() -> None:
    level = Level()
    for _ in range(50):
        level.answered(now=0.0, seconds=0.1, in_flight=1)
    for _ in range(20):
        level.answered(now=0.0, seconds=2.0, in_flight=1)
    assert 24 <= level.allowed(10.0) <= 32


def test_failures_dont_change_what_the_rate_asks_for() -> None:
    """How much may be asked for is the limiter's to say."""
    level = Level()
    before = level.allowed(10.0)
    for now in range(100):
        level.overloaded(now=now)
    assert level.allowed(10.0) == before


def simulate(capacity: int, *, service: float, answers: int, errors_over: int | None = None) -> list[int]:
    """Levels over the life of a vendor that works on `capacity` requests at a time and lets the others wait."""
    level, now = Level(), 0.0
    flying: deque[tuple[float, float]] = deque()
    free = [0.0] * capacity
    levels = []
    for _ in range(answers):
        while len(flying) < level.allowed(None):
            begin = max(now, min(free))
            free[free.index(min(free))] = begin + service
            flying.append((begin + service, now))
        done, sent = flying.popleft()
        now = max(now, done)
        if errors_over is not None and len(flying) + 1 > errors_over:
            level.overloaded(now=now)
        else:
            level.answered(now=now, seconds=now - sent, in_flight=len(flying) + 1)
        levels.append(level.allowed(None))
    return levels


@pytest.mark.parametrize("capacity", [1, 4, 20, 100])
def test_without_a_rate_it_finds_what_the_vendor_can_work_on(capacity: int) -> None:
    """Enough to keep it busy, and no queue much longer than its work."""
    levels = simulate(capacity, service=0.2, answers=20_000)[-5_000:]
    assert min(levels) >= 0.9 * capacity
    assert max(levels) <= 3 * capacity + 8


def test_without_a_rate_it_grows_fast_where_nothing_hinders() -> None:
    level = Level()
    now = 0.0
    rounds = 0
    while level.allowed(None) < 256:
        rounds += 1
        now += 0.1
        for _ in range(level.allowed(None)):
            level.answered(now=now, seconds=0.1, in_flight=level.allowed(None))
    assert rounds <= 8


def test_without_a_rate_it_gives_way_to_errors() -> None:
    levels = simulate(256, service=0.2, answers=20_000, errors_over=30)[-5_000:]
    assert min(levels) >= 10
    assert max(levels) <= 32


def test_many_failures_at_once_count_once() -> None:
    level = Level()
    for now in range(100):
        level.answered(now=float(now), seconds=0.1, in_flight=300)
    before = level.allowed(None)
    for _ in range(50):
        level.overloaded(now=1_000.0)
    assert level.allowed(None) == before // 2


def test_an_unused_level_does_not_grow() -> None:
    level = Level()
    for now in range(1_000):
        level.answered(now=float(now), seconds=0.1, in_flight=1)
    assert level.allowed(None) == 4


def test_a_vendor_that_became_slower_for_good_is_believed() -> None:
    """For a minute it looks crowded; after that it gets its requests again."""
    level, now = Level(), 0.0

    def answers(count: int, seconds: float) -> None:
        nonlocal now
        for _ in range(count):
            now += seconds / level.allowed(None)
            level.answered(now=now, seconds=seconds, in_flight=level.allowed(None))

    answers(2_000, 0.1)
    assert level.allowed(None) == 256
    answers(5_000, 1.0)
    crowded = level.allowed(None)
    assert crowded < 256
    answers(40_000, 1.0)
    assert level.allowed(None) == 256


@pytest.mark.parametrize("slower", [False, True])
def test_after_half_of_the_level_was_given_up_it_grows_by_one_a_round(slower: bool) -> None:
    """To grow as fast as at the start would bring the next overload at once."""
    level = Level()
    level.answered(now=0.0, seconds=0.1, in_flight=1)
    if slower:
        level.answered(now=100.0, seconds=0.14, in_flight=1)
    else:
        level.overloaded(now=50.0)
    assert level.allowed(None) == 2
    for _ in range(6):
        level.answered(now=55.0 + 50 * slower, seconds=0.14, in_flight=256)
    assert level.allowed(None) == 4
