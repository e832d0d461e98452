from __future__ import annotations

import pytest

from extractor.limits.tally import Tally


def test_who_never_waits_used_all_that_mattered() -> None:
    tally = Tally()
    for now in range(10):
        tally.started(100.0 + now, 10)
    assert (tally.sent, tally.allowed, tally.share_used) == (10, 0.0, 1.0)


def test_with_work_waiting_all_the_time_it_is_sent_over_allowed() -> None:
    tally, now = Tally(), 100.0
    for _ in range(100):
        tally.waited(now, 10, 0.125)
        now += 0.125
        tally.started(now, 10)
    assert tally.share_used == pytest.approx(0.8, abs=0.01)


def test_a_pause_is_part_of_what_was_allowed() -> None:
    tally, now = Tally(), 100.0
    for number in range(100):
        wait = 10.0 if number == 50 else 0.1
        tally.waited(now, 10, wait)
        now += wait
        tally.started(now, 10)
    assert tally.share_used == pytest.approx(100 / 199, abs=0.01)


def test_several_that_go_at_once_spend_what_was_allowed_while_they_waited() -> None:
    """Of a bucket: an answer shows that it drained faster than had been reckoned."""
    tally, now = Tally(), 100.0
    for _ in range(50):
        tally.waited(now, 10, 1.0)
        now += 0.4
        for _ in range(4):
            tally.started(now, 10)
    assert tally.used == 200
    assert tally.share_used == pytest.approx(1.0, abs=0.01)


def test_several_that_go_when_a_timer_rings_late_are_all_used() -> None:
    tally, now = Tally(), 100.0
    for _ in range(50):
        tally.waited(now, 10, 0.2)
        now += 0.201
        tally.started(now, 10)
        tally.started(now, 10)
    assert tally.share_used == pytest.approx(1.0, abs=0.01)


def test_idle_time_is_not() -> None:
    tally, now = Tally(), 100.0
    for _ in range(10):
        tally.started(now, 10)
        tally.waited(now, 10, 0.1)
        tally.started(now + 0.1, 10)
        now += 60.0
    assert tally.share_used == pytest.approx(1.0)


def test_one_who_went_away_while_waiting_does_not_count_on() -> None:
    tally = Tally()
    tally.started(100.0, 10)
    tally.waited(100.0, 10, 0.1)
    tally.waited(5000.0, 10, 0.1)
    tally.started(5000.1, 10)
    assert tally.allowed == pytest.approx(2.0, abs=0.01)
