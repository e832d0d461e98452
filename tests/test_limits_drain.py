from __future__ import annotations

import pytest

from extractor.limits.drain import Drain


def steady(drain: Drain, *, true: float, ours: float, others: float = 0.0, level: float = 30.0) -> None:
    """A minute in which both send evenly into a bucket that holds `level` at first."""
    for second in range(61):
        used = max(0.0, level + second * (ours + others - true))
        drain.counted(sent=100.0 + second, ours=int(second * ours), used=round(used))


@pytest.mark.parametrize("ours", [1.0, 2.0, 3.5, 4.0])
def test_a_bucket_that_drains_faster_is_noticed(ours: float) -> None:
    drain = Drain(2.0)
    steady(drain, true=4.0, ours=ours, level=200)
    assert 3.6 <= drain.per_second <= 4.1
    assert drain.others == 0


@pytest.mark.parametrize("others", [0.6, 1.0, 1.5])
def test_others_make_it_drain_slower_and_it_is_they_who_are_noticed(others: float) -> None:
    drain = Drain(2.0)
    steady(drain, true=2.0, ours=2.0 - others, others=others)
    assert drain.per_second == 2.0
    assert drain.others == pytest.approx(others, abs=0.2)


@pytest.mark.parametrize("ours", [0.2, 1.0])
def test_a_bucket_that_runs_empty_says_nothing(ours: float) -> None:
    drain = Drain(2.0)
    steady(drain, true=2.0, ours=ours, level=3)
    assert (drain.per_second, drain.others) == (2.0, 0.0)


def test_others_that_have_gone_are_forgotten() -> None:
    drain = Drain(2.0)
    steady(drain, true=2.0, ours=1.0, others=1.0)
    for second in range(61, 90):
        drain.counted(sent=100.0 + second, ours=60 + 2 * (second - 61), used=30)
    assert drain.others == 0
