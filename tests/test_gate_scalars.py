from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from dlt.common.data_types.type_helpers import coerce_value
from hypothesis import given
from hypothesis import strategies as st

from extractor.gate.scalars import (
    OutOfRange,
    instant,
    integer,
    is_integer,
    moment,
    moments,
    number,
    truth,
    written_out,
)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_of_64_bits_are_read(value: int) -> None:
    assert integer(str(value)) == value
    assert is_integer(value)


@pytest.mark.parametrize(
    "text", ["007", "+1", " 5", "5 ", "0x10", "1_000", "1.0", "1e3", "", "-", "٣", "9223372036854775808", "9" * 30]
)
def test_what_would_come_out_otherwise_is_no_integer(text: str) -> None:
    assert integer(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_python_writes_them(value: float) -> None:
    assert number(repr(value)) == value


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "1e999", "007", "1.", ".5", "1_0", "", "0x1", "1,5"])
def test_what_json_would_not_write_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("value", "whole"), [(5.0, True), (5.5, False), (1e300, False), (-0.0, True), (2.0**63, False)]
)
def test_a_float_may_be_an_integer(value: float, whole: bool) -> None:
    assert is_integer(value) is whole


@pytest.mark.parametrize(("text", "value"), [("true", True), ("FALSE", False), ("yes", None), ("1", None), ("", None)])
def test_only_true_and_false_are_truth_values(text: str, value: bool | None) -> None:
    assert truth(text) is value


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00Z", "2024-01-31T10:00Z"),
        ("2024-01-31 10:00:00", "2024-01-31 10:00:00"),
        ("2024-01-31T10:00:00.1+05:30", "2024-01-31T10:00:00.1+05:30"),
        ("2024-01-31T10:00:00.123456789Z", "2024-01-31T10:00:00.123456Z"),
        ("2024-01-31T10:00:00.07272933", "2024-01-31T10:00:00.072729"),
    ],
)
def test_times_keep_microseconds(text: str, kept: str) -> None:
    found = moment(text)
    assert found is not None
    assert found[1] == kept


@pytest.mark.parametrize(
    "text", ["", "soon", "5", "2024", "20240131", "10:30", "2024-W05-3", "2024-01-31T10", "2024-01-31Z", "2024-01-3112"]
)
def test_other_text_is_no_time(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "2024-02-30",
        "2024-01-01T24:00:00Z",
        "2024-06-30T23:59:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_times_that_no_column_has_are_named(text: str) -> None:
    with pytest.raises(OutOfRange):
        moment(text)


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001 - the zone is drawn apart
    st.one_of(st.none(), st.integers(-14 * 60, 14 * 60)),
    st.sampled_from(["T", " "]),
)
def test_dlt_reads_every_time_that_passes(naive: datetime, minutes: int | None, separator: str) -> None:
    """What the gate lets through must not fail, or be another moment, behind it."""
    zone = None if minutes is None else timezone(timedelta(minutes=minutes))
    text = naive.replace(tzinfo=zone).isoformat(separator)
    found = moment(text)
    assert found is not None
    read = coerce_value("timestamp", "text", found[1])
    assert math.isclose(
        (read.replace(tzinfo=read.tzinfo or UTC) - found[0].replace(tzinfo=found[0].tzinfo or UTC)).total_seconds(), 0
    )


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - the zone is put on it below
def test_instants_keep_their_microseconds(naive: datetime) -> None:
    time = naive.replace(tzinfo=UTC)
    micros = (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    whole = time.replace(microsecond=0)
    assert instant(micros // 1_000_000, "unix") == whole.isoformat()
    if abs(micros) < 2**51:  # seconds of fewer digits have room for microseconds in a double
        assert instant(micros / 1_000_000, "unix") == time.isoformat()
        assert instant(micros / 1_000, "unix_ms") == time.isoformat()


@pytest.mark.parametrize("value", [2**63, -(2**63), 1e300, -1e300, 253402300800, -62135596801])
def test_instants_that_no_calendar_has_are_none(value: float) -> None:
    assert instant(value, "unix") is None


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - see the zones
    st.sampled_from([" ", "\u202f"]),
    st.sampled_from(["", ","]),
)
def test_times_are_read_as_java_writes_them_out(time: datetime, blank: str, comma: str) -> None:
    day = f"{time:%b} {time.day}, {time.year:04}{comma}"
    half = "AM" if time.hour < 12 else "PM"
    whole = time.replace(microsecond=0)
    assert written_out(f"{day} {time.hour % 12 or 12}:{time:%M:%S}{blank}{half}") == whole.isoformat()


@pytest.mark.parametrize(
    "text", ["", "soon", "Oct 3, 2014", "Okt 3, 2014 2:14:31 PM", "Oct 3, 2014 2:14 PM", "Oct 3, 2014 14:14:31", "5"]
)
def test_other_text_is_not_written_out(text: str) -> None:
    assert written_out(text) is None


@pytest.mark.parametrize(
    "text", ["Feb 29, 2023 2:14:31 PM", "Oct 3, 0000 2:14:31 PM", "Oct 3, 2014 0:14:31 AM", "Oct 3, 2014 13:14:31 PM"]
)
def test_written_out_times_that_no_calendar_has_are_named(text: str) -> None:
    with pytest.raises(OutOfRange):
        written_out(text)


SPELLED = st.builds(
    lambda time, spelling, offset: time.isoformat(timespec=spelling) + offset,
    st.datetimes(),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["Z", "+00:00", "+14:00", "+23:59", "", "-05:00"]),
)
TEXTS = st.one_of(
    SPELLED,
    st.dates().map(str),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?", fullmatch=True),
    st.sampled_from(
        ["", "2024-01-01T00:00:0", "0Z2024-01-01T00:00:00Z", "2024-01-01T00:00:0\u0660Z", "2024-W01-1T00:00:00Z"]
    ),
)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_many_times_are_left_only_if_each_would_be(texts: list[str]) -> None:
    if moments(texts):
        for text in texts:
            found = moment(text)
            assert found is not None
            assert found[1] == text


@pytest.mark.parametrize(
    "text", ["2024-02-29", "2024-02-29T23:59:59Z", "2024-02-29T23:59:59.123Z", "2024-02-29T23:59:59.123456+02:00"]
)
def test_many_usual_times_are_left(text: str) -> None:
    assert moments([text, text.replace("29", "01")])
    assert not moments([text, "2023" + text[4:]])
    assert not moments([text, text + "Z"])


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z"])
def test_a_time_that_no_column_has_is_not_left(text: str) -> None:
    assert not moments(["2024-01-01T00:00:00" + text[19:], text])
