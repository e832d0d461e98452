from __future__ import annotations

from extractor.limits.window import Flight, Window


def flights(window: Window, count: int) -> list[Flight]:
    return [window.started(window.number + index / 100) for index in range(1, count + 1)]


def test_alone_the_count_betrays_nobody() -> None:
    window = Window(100, 100.0)
    for index, flight in enumerate(flights(window, 5), 1):
        flight.used = index
        window.answered(flight, 0)
    assert window.own == 5
    assert window.others(alone=True) == window.others(alone=False) == 0


def test_gaps_in_the_counts_are_others() -> None:
    window = Window(100, 100.0)
    first, second = flights(window, 2)
    first.used, second.used = 2, 5
    window.answered(first, 0)
    assert window.others(alone=False) == 1
    window.answered(second, 0)
    assert window.others(alone=False) == 3


def test_ours_that_are_still_to_be_answered_are_not_others() -> None:
    """The second overtook the first on the way back: the count of 2 includes both."""
    window = Window(100, 100.0)
    first, second = flights(window, 2)
    first.used, second.used = 1, 2
    window.answered(second, 1)
    assert window.others(alone=False) == 0
    window.answered(first, 0)
    assert window.others(alone=False) == 0


def test_one_that_overtook_on_the_way_there_looks_like_another_only_if_others_are_about() -> None:
    window = Window(100, 100.0)
    first, second = flights(window, 2)
    first.used, second.used = 2, 1
    window.answered(first, 0)
    assert window.others(alone=True) == 0
    assert window.others(alone=False) == 1
    window.answered(second, 0)
    assert window.others(alone=False) == 0


def test_refused_requests_take_no_place() -> None:
    window = Window(100, 100.0)
    first, second = flights(window, 2)
    second.used = 2
    window.answered(second, 1)
    window.removed(first)
    assert window.own == 1
    assert window.others(alone=False) == 1
