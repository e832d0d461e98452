from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.model import Listing, Windows
from extractor.windows import Window, before, grid, is_slice, newest, pieces

EPOCH = date(1970, 1, 1)
DAY = timedelta(days=1)

moments = st.dates(date(1965, 1, 1), date(2100, 1, 1))
later = st.dates(date(1970, 1, 2), date(2100, 1, 1))
QUARTERS = 0
sizes = st.just(QUARTERS) | st.integers(1, 800)
"""Of slices: days, or calendar quarters."""


def windows(days: int) -> Windows:
    return Windows(days=days, near=10) if days else Windows(grid="quarters", near=10)


@given(size=sizes, since=moments, until=moments)
def test_slices_cover_what_was_asked_for_without_gap_or_overlap(size: int, since: date, until: date) -> None:
    slices = list(grid(windows(size), since, until))
    edge = until
    for window in slices:
        assert window.start < window.end == edge, "each ends where the one after it begins"
        assert window.days <= (size or 92)
        edge = window.start
    assert edge == (max(since, EPOCH) if slices else until)
    assert slices or until <= max(since, EPOCH)


@given(size=sizes, since=later, until=later, extra=st.integers(0, 900))
def test_slices_lie_on_one_grid_whatever_day_it_is(size: int, since: date, until: date, extra: int) -> None:
    """A later `until` cuts the newest slice elsewhere; all older ones have the same keys."""
    earlier = {window.key for window in grid(windows(size), since, until) if window.end < until}
    assert earlier <= {window.key for window in grid(windows(size), since, until + timedelta(days=extra))}


@pytest.mark.parametrize("until", [date.min, EPOCH - DAY, EPOCH])
def test_there_is_nothing_before_1970(until: date) -> None:
    assert list(grid(windows(365), date.min, until)) == []


@given(size=sizes, until=later)
def test_the_walk_back_meets_the_slices_of_the_grid(size: int, until: date) -> None:
    walked = []
    window: Window | None = newest(windows(size), until)
    while window is not None and window.end > EPOCH:
        assert is_slice(windows(size), window, until)
        walked.append(window)
        window = before(windows(size), window)
    assert walked[-1].start == EPOCH
    assert walked == list(grid(windows(size), EPOCH, until))


@given(start=moments, days=st.integers(2, 400))
def test_halves_make_up_the_window_down_to_single_days(start: date, days: int) -> None:
    waiting = [Window(start, start + timedelta(days=days))]
    single: list[date] = []
    while waiting:
        window = waiting.pop()
        if window.days == 1:
            single.append(window.start)
            continue
        first, second = window.halves()
        assert (first.start, first.end, second.end) == (window.start, second.start, window.end)
        assert abs(first.days - second.days) <= 1
        waiting += (second, first)
    assert single == [start + timedelta(days=number) for number in range(days)]


@given(size=st.just(QUARTERS) | st.integers(2, 800), until=later)
def test_a_part_of_a_slice_is_no_slice(size: int, until: date) -> None:
    """Otherwise each half would send the walk back in time once more."""
    whole = newest(windows(size), until)
    for window in (whole, before(windows(size), whole)):
        if window is not None and window.days > 1:
            first, second = window.halves()
            assert not is_slice(windows(size), first, until)
            assert not is_slice(windows(size), second, until)


@given(until=later)
def test_quarters_begin_with_january_april_july_and_october(until: date) -> None:
    starts = [window.start for window in grid(windows(QUARTERS), EPOCH, until)]
    assert {start.day for start in starts} == {1}
    assert {start.month for start in starts} <= {1, 4, 7, 10}
    assert len(starts) == (until - DAY).year * 4 + ((until - DAY).month - 1) // 3 - 1970 * 4 + 1


@given(start=moments, days=st.integers(1, 400), size=st.integers(1, 50))
def test_pieces_make_up_the_window(start: date, days: int, size: int) -> None:
    """Only the newest is shorter, so that a later end leaves all others as they are."""
    whole = Window(start, start + timedelta(days=days))
    found = list(pieces(whole, size))
    assert (found[0].end, found[-1].start) == (whole.end, whole.start)
    assert all(one.start == other.end for one, other in pairwise(found))
    assert {one.days for one in found[1:]} <= {size}
    assert 0 < found[0].days <= size


@given(start=moments, days=st.integers(1, 1000), about=st.text())
def test_a_key_may_name_an_id_after_the_window(start: date, days: int, about: str) -> None:
    window = Window(start, start + timedelta(days=days))
    key = window.key_of(about)
    assert Window.of(key) == window
    assert Listing(id=1, endpoint="e", key=key).about == about


@given(start=moments, days=st.integers(1, 1000))
def test_a_key_says_the_window(start: date, days: int) -> None:
    window = Window(start, start + timedelta(days=days))
    assert Window.of(window.key) == window


def test_the_key_excludes_its_end() -> None:
    assert Window(date(2024, 2, 28), date(2024, 3, 1)).key == "2024-02-28/2024-03-01"
    assert Window(date(2024, 2, 28), date(2024, 3, 1)).days == 2
