from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.limits.lately import Lately
from extractor.limits.search import HOLD_S, Search


def ask(search: Search, second: float, *, true: float = math.inf) -> bool:
    """A second of requests at the rate, of which the vendor takes `true`. Returns whether it refused one."""
    asked = math.ceil(search.rate)
    for number in range(asked):
        sent = second + number / asked
        search.started(sent)
        search.went_well(sent)
        if number >= true:
            search.refused(sent, sent)
            return True
        search.let_in(sent)
    return False


def search_for(true: int, documented: float, seconds: int) -> tuple[list[float], int]:
    """Rates tried each second at a vendor that takes exactly `true` a second, and how often it refused."""
    search, rates, refusals = Search(documented), [], 0
    for second in range(100, 100 + seconds):
        rates.append(search.rate)
        refusals += ask(search, second, true=true)
    return rates, refusals


@settings(deadline=None, max_examples=50)
@given(true=st.integers(min_value=1, max_value=100), above=st.floats(min_value=1, max_value=20))
def test_any_limit_is_found_and_held_with_few_refusals(true: int, above: float) -> None:
    rates, refusals = search_for(true, true * above, 600)
    late = [min(rate, true) for rate in rates[120:]]
    assert sum(late) / len(late) >= min(0.95, 1 - 1 / true) * true or true == 1
    assert refusals <= 12
    assert all(rate <= true * above for rate in rates)


def test_half_of_the_documented_limit_takes_one_refusal_to_find() -> None:
    rates, _ = search_for(10, 20, 6)
    assert rates[1:4] == [8, 8, 8]
    assert rates[5] == 10


def test_upward_tries_become_rare() -> None:
    rates, _ = search_for(5, 10, 4000)
    tries = [second for second, rate in enumerate(rates) if rate > 5]
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[-3:] == sorted(gaps[-3:])
    assert gaps[-1] > 900


def test_a_limit_that_rises_again_is_found() -> None:
    search = Search(10)
    assert ask(search, 100, true=3)
    assert not any(ask(search, second) for second in range(101, 400))
    assert search.rate == 10


def test_bad_luck_at_a_rate_that_went_well_for_long_is_forgiven_once() -> None:
    search = Search(10)
    for second in range(100, 120):
        ask(search, second)
    assert not search.refused(119.95, 120.1)
    assert search.rate == 10
    assert search.refused(120.05, 120.2)
    assert search.rate < 10


def test_requests_that_came_too_close_together_say_nothing_of_the_rate() -> None:
    search = Search(10)
    for number in range(10):
        search.started(100 + number / 20)
    assert not search.refused(100.5, 100.6)
    assert search.rate == 10
    assert search.refused(101.2, 101.3)
    assert search.rate < 10


def test_steps_after_a_second_refusal_take_as_long_as_half_a_bucket() -> None:
    search = Search(20)
    assert ask(search, 100, true=10)
    second = 101
    while search.rate <= 10:
        ask(search, second)
        second += 1
    assert ask(search, second, true=10)
    rates = []
    while search.rate < 11:
        second += 1
        ask(search, second)
        rates.append(search.rate)
    assert rates == [9, 9, 10, 10, 10, 10, 10, 11]


def test_few_are_in_flight_until_the_limit_is_met() -> None:
    search = Search(40)
    assert search.room == 4
    ask(search, 100)
    assert 6 < search.room < 7
    search.refused(101.0, 101.3)
    assert search.room == math.inf


def test_a_rate_that_was_not_reached_is_not_known_to_go_well() -> None:
    search = Search(40)
    for second in range(100, 110):
        search.started(second)
        search.went_well(second)
        search.interrupted()
    assert search.refused(110.0, 110.3)


def test_a_time_in_which_all_is_refused_is_no_sign_for_a_rate() -> None:
    search = Search(10)
    ask(search, 100, true=5)
    rate = search.rate
    search.interrupted()
    search.went_well(130.0)
    assert search.rate == rate
    search.went_well(130.0 + HOLD_S)
    assert search.rate > rate


def test_a_rate_never_falls_to_nothing() -> None:
    search = Search(1)
    for now in range(100):
        search.refused(float(now), float(now))
    assert search.rate == pytest.approx(0.01)


def test_lately_is_the_second_before() -> None:
    lately = Lately()
    for tenth in range(30):
        lately.add(100 + tenth / 10)
    assert lately.before(102.95) == 10
    assert lately.before(100.0) == 0
    assert lately.longer(101.0)
    assert not lately.longer(100.9)
    lately.add(200.0)
    assert lately.before(103.0) == 0
    assert not lately.longer(200.0)
