from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.limits.pause import Pause, retry_after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOON.timestamp() + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("99999999999999999999", 3600.0),
        ("-1", None),
        ("1e9", None),
        ("NaN", None),
        ("inf", None),
        ("", None),
        ("٧", None),
        ("5, 5", None),
        ("soon", None),
        (at(90), 90.0),
        (at(-90), 0.0),
        (at(86_400), 3600.0),
    ],
)
def test_seconds_and_dates_are_clamped_and_nonsense_is_ignored(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text, "date": at(0)}) == seconds


def test_without_the_header_nothing_is_asked() -> None:
    assert retry_after({}) is None


def test_a_date_is_measured_on_the_vendors_own_clock() -> None:
    """Our clock may be an hour off; only without `Date` do we have to trust it."""
    assert retry_after({"retry-after": at(30), "date": at(0)}, wall=lambda: NOON.timestamp() - 3600) == 30
    assert retry_after({"retry-after": at(30)}, wall=lambda: NOON.timestamp() + 10) == 20
    assert retry_after({"retry-after": at(30), "date": "yesterday"}, wall=lambda: NOON.timestamp() + 10) == 20


@settings(deadline=None)
@given(text=st.text(), date=st.text())
def test_no_header_can_break_it(text: str, date: str) -> None:
    seconds = retry_after({"retry-after": text, "date": date})
    assert seconds is None or 0 <= seconds <= 3600


@settings(deadline=None)
@given(st.floats(allow_nan=False) | st.integers(), st.sampled_from(["{:g}", "{}", "{:+}"]))
def test_any_number_is_clamped_or_ignored(number: float, form: str) -> None:
    seconds = retry_after({"retry-after": form.format(number)})
    assert seconds is None or 0 <= seconds <= 3600


def test_requests_in_flight_when_it_began_add_nothing() -> None:
    pause = Pause()
    assert pause.refused(100.0, 100.1, 1.0, {})
    assert not pause.refused(100.05, 100.15, 1.0, {})
    assert pause.until == 101.1


def test_a_longer_wish_of_one_in_flight_is_heard_all_the_same() -> None:
    pause = Pause()
    pause.refused(100.0, 100.1, 1.0, {})
    assert not pause.refused(100.05, 100.15, 1.0, {"retry-after": "5"})
    assert pause.until == 105.15


def test_pauses_that_repeat_at_once_grow_to_a_minute() -> None:
    pause, now, lengths = Pause(), 100.0, []
    for _ in range(9):
        assert pause.refused(now, now, 1.0, {})
        lengths.append(pause.until - now)
        now = pause.until + 0.01
    assert lengths == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60])
    assert pause.probing


def test_a_wish_for_no_wait_does_not_undo_the_growth() -> None:
    """`Retry-After: 0` on every answer would otherwise make a storm of the retries."""
    pause, now = Pause(), 100.0
    for _ in range(4):
        pause.refused(now, now, 1.0, {"retry-after": "0"})
        now = pause.until + 0.01
    assert pause.until == pytest.approx(100 + 0.01 * 3 + 0 + 2 + 4 + 8)


def test_a_quiet_time_forgets_the_growth() -> None:
    pause = Pause()
    for _ in range(3):
        pause.refused(pause.until if pause.until > 0 else 100.0, max(pause.until, 100.0), 1.0, {})
    assert pause.until == 107.0
    pause.refused(110.0, 110.0, 1.0, {})
    assert pause.until == 111.0
    assert not pause.probing


def test_one_good_answer_ends_the_probing() -> None:
    pause = Pause()
    pause.refused(100.0, 100.0, 1.0, {})
    pause.refused(101.0, 101.0, 1.0, {})
    pause.passed(100.5)
    assert pause.probing, "that one was sent before the pause"
    pause.passed(103.0)
    assert not pause.probing
