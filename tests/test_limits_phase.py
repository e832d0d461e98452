from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.limits.phase import DOUBT_S, Phase


def test_what_landed_in_a_second_moves_the_bound_to_when_it_was_sent() -> None:
    phase = Phase(100.0, 0.5)
    phase.landed(100.0, 100.45, 100, 0.0)
    assert phase.bound == pytest.approx(0.45)


def test_slow_requests_prove_little() -> None:
    """One that took 30 ms longer than others may have been sent 30 ms before any other could have made it."""
    phase = Phase(100.0, 0.5)
    phase.landed(100.0, 100.45, 100, 0.03)
    assert phase.bound == pytest.approx(0.48)
    phase.landed(100.0, 100.45, 100, 0.2)
    assert phase.bound == pytest.approx(0.48)


def test_one_that_landed_early_moves_the_bound_behind_it() -> None:
    phase = Phase(100.0, 0.5)
    phase.landed(100.0, 100.52, 99, 0.0)
    assert phase.bound == pytest.approx(0.52 + DOUBT_S)


@settings(deadline=None)
@given(
    true=st.floats(min_value=0, max_value=0.999),
    first=st.floats(min_value=0, max_value=0.3),
    ways=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.05), st.floats(0, 0.05)), min_size=1, max_size=50),
)
def test_the_bound_is_never_early_whatever_arrives_when(
    true: float, first: float, ways: list[tuple[float, float, float]]
) -> None:
    """The vendor's second k begins at k + true + shortest way; both ways vary, the shortest round trip is known."""
    shortest = 0.02
    phase = Phase(1000.0, true - shortest + first)
    for number, (position, there, back) in enumerate(ways):
        sent = 1000.0 + number + position
        landed = int(sent + shortest + there - true)
        phase.landed(sent, sent, landed, there + back)
        assert phase.bound >= true - shortest - 1e-9
        assert phase.bound <= true - shortest + first + DOUBT_S + 0.001 * len(ways)


def test_a_shorter_round_trip_weakens_all_that_was_known() -> None:
    phase = Phase(100.0, 0.5)
    phase.faster(0.02)
    assert phase.bound == pytest.approx(0.52)


def test_without_evidence_it_is_outdated_in_the_end_and_creeps_later_until_then() -> None:
    phase = Phase(100.0, 0.5)
    phase.landed(150.0, 150.9, 150, 0.5)
    assert 0.5 < phase.bound < 0.52
    assert phase.proven == 150.0
