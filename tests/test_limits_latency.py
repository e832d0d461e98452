from __future__ import annotations

import random

import pytest

from extractor.limits.latency import Latency


def test_the_shortest_counts_for_half_a_minute_to_a_minute() -> None:
    latency = Latency()
    latency.add(100.0, 0.1)
    assert latency.least == 0.1
    latency.add(131.0, 0.2)
    assert latency.least == 0.1
    latency.add(162.0, 0.2)
    assert latency.least == 0.2


def test_it_tells_by_how_much_the_shortest_fell() -> None:
    latency = Latency()
    assert latency.add(100.0, 0.1) == 0.0
    assert latency.add(100.1, 0.12) == 0.0
    assert latency.add(100.2, 0.07) == pytest.approx(0.03)


def test_the_excess_is_about_the_range_of_one_way() -> None:
    dice, latency = random.Random(1), Latency()
    for number in range(1000):
        latency.add(100 + number / 100, 0.08 + dice.random() * 0.02 + dice.random() * 0.02)
    assert latency.excess == pytest.approx(0.02, abs=0.006)


def test_a_few_very_slow_answers_change_little() -> None:
    dice, latency = random.Random(1), Latency()
    for number in range(1000):
        slow = 600.0 if number % 100 == 99 else 0.0
        latency.add(100 + number / 100, 0.08 + dice.random() * 0.04 + slow)
    assert latency.excess < 0.05


def test_the_first_few_weigh_alike() -> None:
    """A smoothed value that began at nothing would take what differs for alike, when it is least known."""
    latency = Latency()
    for number in range(20):
        latency.add(100 + number / 10, 0.08 + 0.02 * (number % 2))
    assert latency.excess == pytest.approx(0.01, abs=0.002)
    assert latency.answers == 20
