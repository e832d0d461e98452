from __future__ import annotations

from benchmarks.calm import tries


def test_requests_that_come_together_are_one_try() -> None:
    met = [(10.0, 0), (10.02, 2), (10.1, 3), (10.2, 3), (11.0, 4), (11.5, 4), (13.0, 5)]
    assert tries(met) == [3, 1, 1]


def test_a_run_that_met_no_trouble_tried_nothing() -> None:
    assert tries([]) == []
    assert tries([(10.0, 0), (20.0, 0)]) == []


def test_what_was_met_before_the_first_look_counts() -> None:
    assert tries([(0.1, 4), (5.0, 5)]) == [4, 1]
