from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import WEDNESDAY, Paper

from extractor.errors import QuotaSpent
from extractor.limits.quota import BUSY_S, CLOCKS_DIFFER_S, RESERVED, QuotaLimiter, week_of
from extractor.model import WeeklyQuota

SUNDAY = datetime(2026, 11, 15, tzinfo=UTC)
REFUSAL = b'{"message":"Limit Exceeded"}'
POLICY = WeeklyQuota(limit=120, keep=20, spent_text="Limit Exceeded")


class Wall:
    """Seconds since 1970, set by hand."""

    def __init__(self, moment: datetime = WEDNESDAY) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment.timestamp()


def limiter_for(paper: Paper, wall: Wall, policy: WeeklyQuota = POLICY) -> QuotaLimiter:
    return QuotaLimiter(policy, name="weekly", book=paper, wall=wall)


def use(limiter: QuotaLimiter, count: int, status: int = 200) -> None:
    for _ in range(count):
        assert limiter.wait(100.0) == 0
        limiter.answered(limiter.start(100.0), 100.1, status, {})


@given(moment=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_week_begins_on_sunday_at_midnight(moment: datetime) -> None:
    week = week_of(moment)
    assert week.strftime("%A %H:%M:%S.%f") == "Sunday 00:00:00.000000"
    assert week <= moment < week + timedelta(days=7)


@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_the_limit_less_what_is_kept_is_used_whole_whatever_comes_of_it(status: int) -> None:
    paper = Paper()
    limiter = limiter_for(paper, Wall())
    use(limiter, 100, status)
    with pytest.raises(QuotaSpent) as caught:
        limiter.wait(100.2)
    assert caught.value.until == SUNDAY + timedelta(days=7)
    assert caught.value.budget == "weekly"
    assert "2026-11-22 00:00 UTC" in str(caught.value)
    assert limiter.left == 0
    assert limiter.tally.sent == 100
    assert paper.taken == {SUNDAY: 100}


def test_those_in_flight_count_too() -> None:
    limiter = limiter_for(Paper(), Wall())
    for _ in range(100):
        assert limiter.wait(100.0) == 0
        limiter.start(100.0)
    with pytest.raises(QuotaSpent):
        limiter.wait(100.0)


def test_how_many_are_left_can_be_told_at_any_time() -> None:
    paper = Paper()
    paper.taken[SUNDAY] = 30
    limiter = limiter_for(paper, Wall())
    use(limiter, 3)
    assert (limiter.limit, limiter.left) == (100, 67)


def test_it_limits_no_speed() -> None:
    assert limiter_for(Paper(), Wall()).rate == math.inf


def test_all_who_share_a_book_share_the_week() -> None:
    paper, wall = Paper(), Wall()
    one, other = limiter_for(paper, wall), limiter_for(paper, wall)
    use(one, 1)
    use(other, 100 - RESERVED)
    with pytest.raises(QuotaSpent):
        other.wait(200.0)
    one.close()
    one.close()
    assert paper.taken[SUNDAY] == 100 - RESERVED + 1
    with pytest.raises(QuotaSpent):
        other.wait(200.5)
    assert other.wait(201.1) == 0


def test_a_new_week_begins_in_mid_run() -> None:
    paper, wall = Paper(), Wall()
    limiter = limiter_for(paper, wall)
    use(limiter, 100)
    with pytest.raises(QuotaSpent):
        limiter.wait(100.2)
    wall.moment = SUNDAY + timedelta(days=7)
    assert limiter.left == 100
    use(limiter, 1)
    assert paper.taken == {SUNDAY: 100, SUNDAY + timedelta(days=7): RESERVED}


def test_what_never_left_is_given_back_to_the_week_it_was_taken_from() -> None:
    paper, wall = Paper(), Wall()
    limiter = limiter_for(paper, wall)
    assert limiter.wait(100.0) == 0
    first, second, third = (limiter.start(100.0) for _ in range(3))
    limiter.abandoned(first, 100.0, sent=False)
    limiter.abandoned(second, 100.0)
    assert (limiter.left, limiter.tally.sent) == (98, 2)
    wall.moment += timedelta(days=7)
    assert limiter.wait(101.0) == 0
    limiter.abandoned(third, 101.0, sent=False)
    assert limiter.left == 100


def test_a_book_in_use_is_asked_again_in_a_moment() -> None:
    paper = Paper()
    paper.busy = 2
    limiter = limiter_for(paper, Wall())
    assert limiter.wait(100.0) == limiter.wait(100.1) == BUSY_S
    assert limiter.wait(100.2) == 0


def test_a_spent_book_is_not_asked_all_the_time() -> None:
    paper = Paper()
    paper.taken[SUNDAY] = 100
    limiter = limiter_for(paper, Wall())
    for step in range(100):
        with pytest.raises(QuotaSpent):
            limiter.wait(100.0 + step / 200)
    assert paper.asked == 1


def test_the_vendors_word_is_believed_until_the_next_week() -> None:
    paper, wall = Paper(), Wall()
    limiter = limiter_for(paper, wall)
    use(limiter, 5)
    assert not limiter.told(b'{"message":"Too Many Requests"}')
    assert limiter.wait(100.0) == 0
    assert limiter.told(REFUSAL)
    assert limiter.left == 0
    with pytest.raises(QuotaSpent, match="vendor says"):
        limiter.wait(100.0)
    wall.moment += timedelta(days=7)
    assert limiter.wait(100.0) == 0


def test_right_after_midnight_the_word_may_be_about_the_week_before() -> None:
    wall = Wall(SUNDAY + timedelta(seconds=CLOCKS_DIFFER_S - 1))
    limiter = limiter_for(Paper(), wall)
    assert limiter.told(REFUSAL)
    assert limiter.wait(100.0) == 0
    wall.moment += timedelta(seconds=2)
    assert limiter.told(REFUSAL)
    with pytest.raises(QuotaSpent):
        limiter.wait(102.0)


def test_without_a_known_text_no_refusal_is_about_the_quota() -> None:
    limiter = limiter_for(Paper(), Wall(), WeeklyQuota(limit=120, keep=20))
    assert not limiter.told(REFUSAL)
    assert not limiter.told(b"")
