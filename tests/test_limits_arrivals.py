"""When a second has room for one more, of what the answers told."""

from __future__ import annotations

import pytest

from extractor.limits.arrivals import LEAST_ERROR_S, Arrivals
from extractor.limits.window import Flight, Known

TRIP = 0.1


def well_known(limit: float) -> Known:
    """All round trips are alike, and many were seen."""
    known = Known(limit=limit, share=1.0)
    for number in range(1_000):
        known.latency.add(number / 10, TRIP)
    return known


def sent(arrivals: Arrivals, at: float, *, late: float | None = 0.0) -> Flight:
    """A request whose answer took `late` more than the shortest; None: it is not there yet."""
    flight = Flight(at, None)
    arrivals.started(flight, at)
    if late is not None:
        flight.done, flight.excess = True, late
        arrivals.answered(flight, at + TRIP + late)
    return flight


def test_there_is_room_until_a_second_is_full() -> None:
    arrivals = Arrivals(well_known(3))
    for at in (100.0, 100.1):
        sent(arrivals, at)
        assert arrivals.room_at(at, 0.0) <= at


def test_a_full_second_begins_with_the_latest_that_its_first_can_have_arrived() -> None:
    arrivals = Arrivals(well_known(2))
    sent(arrivals, 100.0, late=0.02)
    sent(arrivals, 100.5)
    assert arrivals.room_at(100.6, 0.0) == pytest.approx(101.02 + LEAST_ERROR_S)
    assert arrivals.room_at(100.6, 0.03) == pytest.approx(101.05 + LEAST_ERROR_S)


def test_limits_that_are_no_whole_numbers_are_kept_over_the_second_and_a_bit() -> None:
    arrivals = Arrivals(well_known(2.5))
    for at in (100.0, 100.4, 100.8):
        sent(arrivals, at)
    assert arrivals.room_at(100.9, 0.0) == pytest.approx(100.0 + 3 / 2.5 + LEAST_ERROR_S)


def test_limits_below_one_a_second_are_kept_over_longer() -> None:
    arrivals = Arrivals(well_known(0.2))
    sent(arrivals, 100.0)
    assert arrivals.room_at(104.0, 0.0) == pytest.approx(105.0 + LEAST_ERROR_S)
    sent(arrivals, 105.1)
    assert arrivals.room_at(105.2, 0.0) == pytest.approx(110.1 + LEAST_ERROR_S)


def test_a_straggler_takes_its_place_among_those_after_it_and_holds_up_nobody() -> None:
    arrivals = Arrivals(well_known(3))
    sent(arrivals, 100.0, late=0.75)
    for at in (100.3, 100.6):
        sent(arrivals, at)
    # It arrived third: the second that begins with the one after it has room first.
    assert arrivals.room_at(101.2, 0.0) == pytest.approx(101.3 + LEAST_ERROR_S)
    sent(arrivals, 101.31)
    assert arrivals.room_at(101.5, 0.0) == pytest.approx(101.6 + LEAST_ERROR_S)
    sent(arrivals, 101.61)
    assert arrivals.room_at(101.7, 0.0) == pytest.approx(101.75 + LEAST_ERROR_S)


@pytest.mark.parametrize("seconds", [0.2, 0.7])
def test_one_without_an_answer_may_still_be_on_its_way(seconds: float) -> None:
    arrivals = Arrivals(known := well_known(2))
    known.flying[1] = sent(arrivals, 100.0, late=None)
    sent(arrivals, 100.1)
    now = 100.0 + TRIP + seconds
    assert arrivals.room_at(now, 0.0) >= 101.0 + min(seconds, 0.045)


def test_the_shortest_way_was_shorter_than_thought() -> None:
    arrivals = Arrivals(well_known(1))
    sent(arrivals, 100.0)
    before = arrivals.room_at(100.5, 0.0)
    arrivals.faster(0.03)
    assert arrivals.room_at(100.5, 0.0) == pytest.approx(before + 0.03)


def test_where_most_answers_take_longer_the_vendor_thinks() -> None:
    known = well_known(1)
    for number in range(1_000):
        known.latency.add(100 + number / 100, TRIP + (number % 2))
    arrivals = Arrivals(known)
    sent(arrivals, 200.0, late=1.0)
    assert arrivals.room_at(201.0, 0.0) < 201.1


def test_little_is_sure_after_a_few_answers() -> None:
    known = Known(limit=1, share=1.0)
    for number in range(10):
        known.latency.add(number / 10, TRIP)
    arrivals = Arrivals(known)
    sent(arrivals, 100.0)
    assert arrivals.room_at(100.5, 0.0) == pytest.approx(101.0225)


@pytest.mark.parametrize("limit", [10, 100_000])
def test_what_is_long_ago_is_forgotten(limit: float) -> None:
    arrivals = Arrivals(well_known(limit))
    for number in range(10_000):
        sent(arrivals, 100.0 + number / 20)
    assert len(arrivals._latest) < 100
