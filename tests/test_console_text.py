from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.console.text import clock, columns, counted, kinds, roughly, size, visible


@given(st.text())
def test_visible_text_has_no_character_that_does_something(text: str) -> None:
    assert visible(text).isprintable()
    visible(text).encode()  # raises for a lone surrogate


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Ålund 😀", "Zoë Ålund 😀"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\r\nb\x00", "a\\r\\nb\\x00"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_what_would_move_the_cursor_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_can_be_kept() -> None:
    assert visible("a\nb\tc", keep="\n") == "a\nb\\tc"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "under a minute"),
        (29, "under a minute"),
        (60, "1 min"),
        (59 * 60, "59 min"),
        (3600, "1 h"),
        (3600 + 5 * 60, "1 h"),
        (3 * 3600 + 27 * 60, "3 h 20 min"),
        (48 * 3600, "2 d"),
        (53 * 3600, "2 d 5 h"),
        (1e8, "1,157 d 10 h"),
    ],
)
def test_an_estimate_is_no_finer_than_it_can_be(seconds: float, shown: str) -> None:
    assert roughly(seconds) == shown


def test_figures() -> None:
    assert clock(3725.9) == "1:02:05"
    assert clock(-1) == "0:00:00"
    assert counted(1234567) == "1,234,567"
    assert counted(1, "answer") == "1 answer"
    assert counted(0, "answer 429", "answers 429") == "0 answers 429"
    assert [size(n) for n in (0, 999, 1500, 12_345_678, 2_000_000_000)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "12.3 MB",
        "2.0 GB",
    ]
    assert kinds({"truncated": 1, "gone": 3000, "moved": 0}) == "gone 3,000, truncated 1"
    assert kinds({}) == ""


def test_columns_stand_under_each_other() -> None:
    assert columns([("a", "1"), ("bcd", "1,234")], right=frozenset({1})) == ["a        1", "bcd  1,234"]
    assert columns([("a\x1b", "")]) == ["a\\x1b"]
    assert columns([]) == []
