from __future__ import annotations

from extractor.limits.older import DOUBT_S, IMPOSSIBLE, Older


def test_two_pauses_in_a_minute_settle_it_once() -> None:
    older = Older((10, 2.0))
    assert (older.size, older.per_second) == (10, 2)
    assert not older.paused(100.0)
    assert older.paused(100.0 + DOUBT_S - 1)
    assert not older.paused(100.0 + DOUBT_S)


def test_pauses_far_apart_do_not() -> None:
    older = Older((10, 2.0))
    assert not any(older.paused(100.0 + number * DOUBT_S) for number in range(10))


def test_more_successes_than_it_could_hold_rule_it_out() -> None:
    older = Older((10, 2.0))
    for _ in range(int(10 * IMPOSSIBLE) + 1):
        older.taken(100.0)
    assert not any(older.paused(100.0 + number) for number in range(10))


def test_what_it_allows_does_not_rule_it_out() -> None:
    older = Older((10, 2.0))
    for number in range(1000):
        older.taken(100.0 + number / 2)
    older.paused(700.0)
    assert older.paused(710.0)
