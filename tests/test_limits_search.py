from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.limits.search import Search


def search_for(true: float, documented: float, seconds: int) -> tuple[list[float], int]:
    """Rates tried each second by a vendor that takes exactly `true` a second, and how often it refused."""
    search, rates, refusals = Search(documented), [], 0
    for now in range(100, 100 + seconds):
        search.went_well(float(now))
        rates.append(search.rate)
        if search.rate > true:
            search.refused(float(now), int(true))
            refusals += 1
    return rates, refusals


@settings(deadline=None)
@given(true=st.integers(min_value=1, max_value=200), above=st.floats(min_value=1, max_value=20))
def test_any_limit_is_found_and_held_with_few_refusals(true: int, above: float) -> None:
    rates, refusals = search_for(true, true * above, 600)
    late = [min(rate, true) for rate in rates[120:]]
    assert sum(late) / len(late) >= min(0.95, 1 - 1 / true) * true or true == 1
    assert refusals <= 16
    assert all(rate <= true * above for rate in rates)


def test_half_of_the_documented_limit_takes_one_refusal_to_find() -> None:
    rates, _ = search_for(5, 10, 10)
    assert rates[:4] == [10, 5, 5, 5]


def test_upward_tries_become_rare() -> None:
    rates, _ = search_for(5, 10, 4000)
    tries = [second for second, rate in enumerate(rates) if rate > 5]
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[-3:] == sorted(gaps[-3:])
    assert gaps[-1] > 900


def test_a_limit_that_rises_again_is_found() -> None:
    search = Search(10)
    search.refused(100.0, 3)
    for now in range(100, 400):
        search.went_well(float(now))
    assert search.rate == 10


def test_bad_luck_at_a_rate_that_went_well_for_long_is_forgiven_once() -> None:
    search = Search(10)
    search.went_well(100.0)
    search.went_well(110.0)
    assert not search.refused(120.0, 10)
    assert search.rate == 10
    assert search.refused(121.0, 10)
    assert search.rate == 9


def test_a_time_in_which_all_is_refused_is_no_sign_for_a_rate() -> None:
    search = Search(10)
    search.refused(100.0, 5)
    search.interrupted()
    search.went_well(130.0)
    assert search.rate == 5
    search.went_well(135.0)
    assert search.rate > 5


def test_a_rate_never_falls_to_nothing() -> None:
    search = Search(1)
    for now in range(100):
        search.refused(float(now), 0)
    assert search.rate == pytest.approx(0.01)
