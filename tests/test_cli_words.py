from __future__ import annotations

from datetime import date

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.cli.words import DURATION, NAME, NAMES, PARAM, SHARE, UTC_DAY


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("2m", 120), ("500ms", 0.5), ("1h", 3600), ("1.5 s", 1.5), (" 10s ", 10)]
)
def test_durations(text: str, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["30", "", "s", "-5s", "0s", "0.0ms", "5d", "1e3s", "٣s", "5s5", "nan s", "9" * 400 + "s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 500ms, 30s, 2m or 1h"):
        DURATION.convert(text, None, None)


@given(st.dates())
def test_every_day_is_one(day: date) -> None:
    assert UTC_DAY.convert(day.isoformat(), None, None) == day


@pytest.mark.parametrize(
    "text", ["2024-02-30", "20240101", "2024-W01-1", "yesterday", "2024-1-1", "2024-01-01T00:00:00", ""]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write YEAR-MONTH-DAY"):
        UTC_DAY.convert(text, None, None)


@pytest.mark.parametrize(("text", "share"), [("1", 1.0), ("0.5", 0.5), ("1e-3", 0.001)])
def test_shares(text: str, share: float) -> None:
    assert SHARE.convert(text, None, None) == share


@pytest.mark.parametrize("text", ["0", "1.01", "-1", "nan", "inf", "50%", ""])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write a number above 0 and up to 1"):
        SHARE.convert(text, None, None)


def test_names_may_have_blanks_and_empty_places() -> None:
    assert NAMES.convert(" a, b,,c ", None, None) == ("a", "b", "c")
    with pytest.raises(click.BadParameter, match="names no resource"):
        NAMES.convert(" , ", None, None)


@pytest.mark.parametrize("text", ["acme_pipeline", "a", "A-1"])
def test_names_of_folders(text: str) -> None:
    assert NAME.convert(text, None, None) == text


@pytest.mark.parametrize("text", ["", "..", "a/b", "-x", "a b", ".a", "a\n", "ü", "x" * 101])
def test_what_can_be_no_folder(text: str) -> None:
    with pytest.raises(click.BadParameter, match="can't be a name"):
        NAME.convert(text, None, None)


def test_a_parameter_has_a_name_and_a_value() -> None:
    assert PARAM.convert("url=https://a.test/?b=c", None, None) == ("url", "https://a.test/?b=c")
    assert PARAM.convert(" a =  ", None, None) == ("a", "  ")


@pytest.mark.parametrize("text", ["", "=", "name", "name=", "=value", " =value"])
def test_what_is_no_parameter(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write NAME=VALUE"):
        PARAM.convert(text, None, None)
