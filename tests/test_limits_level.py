from __future__ import annotations

import pytest

from extractor.limits.level import Level


def test_what_is_in_it_drains_evenly_and_not_below_nothing() -> None:
    level = Level(2.0)
    for _ in range(5):
        level.add(100.0)
    assert [level.at(now) for now in (100.0, 101.0, 102.0, 103.0)] == [5, 3, 1, 0]


def test_it_begins_to_drain_when_it_is_first_asked_for() -> None:
    level = Level(2.0, 10.0)
    assert level.at(1e6) == 10
    assert level.at(1e6 + 1) == 8


def test_it_can_be_told_and_drain_at_another_speed() -> None:
    level = Level(2.0)
    level.put(100.0, 40.0)
    level.per_second = 4.0
    assert level.at(105.0) == pytest.approx(20)
