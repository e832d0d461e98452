"""What dlt takes passes as it is, whatever it is; the rest becomes text, and nothing is lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from dlt.common.json import json as typed
from hypothesis import given
from hypothesis import strategies as st

from extractor.gate import take

SOUND = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-1e18, 1e18)
    | st.text("abcü \n", max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcB_", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)
ANY = st.recursive(
    SOUND | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.lists(SOUND, max_size=4))
def test_what_is_sound_passes_unchanged(records: list[Any]) -> None:
    taken = take(orjson.dumps(records), "items")
    assert taken.records == records
    assert not taken.notes


@given(st.lists(ANY, max_size=4))
def test_whatever_comes_dlt_can_write_it(records: list[Any]) -> None:
    taken = take(json.dumps(records).encode(), "items")
    assert len(taken.records) == len(records)
    typed.typed_dumpb(taken.records)
    for position, (before, after) in enumerate(zip(records, taken.records, strict=True)):
        same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
        assert same or position in taken.notes or "\\u" in json.dumps(before)


def test_typed_values_pass_beside_one_that_does_not() -> None:
    made = datetime(2024, 1, 2, tzinfo=UTC)
    payload = typed.typed_dumpb([{"at": made, "price": Decimal("1.10"), "name": "N"}]).replace(b'"N"', b'"\\u0000"')
    taken = take(payload, "items")
    assert typed.typed_loadb(orjson.dumps(taken.records)) == [
        {"at": made, "price": Decimal("1.10"), "name": '"\\u0000"'}
    ]
    assert taken.notes == {0: "name: NUL character"}


@pytest.mark.parametrize(
    ("value", "form", "reason"),
    [
        (b"9223372036854775808", "9223372036854775808", "integer beyond 64 bits"),
        (b"-9223372036854775809", "-9223372036854775809", "integer beyond 64 bits"),
        (b'"\\udfff"', '"\\udfff"', "lone surrogate"),
        (b'"0001-01-01T00:00:00+05:00"', '"0001-01-01T00:00:00+05:00"', "time out of range"),
        (b"NaN", None, "not a number"),
        (b"-Infinity", None, "not a number"),
    ],
)
def test_a_value_that_dlt_cannot_take_is_named(value: bytes, form: object, reason: str) -> None:
    taken = take(b'[{"id": 1}, {"in": [%s], "float": 1e300}]' % value, "items")
    assert taken.records == [{"id": 1}, {"in": [form], "float": 1e300}]
    assert taken.notes == {1: f"in[]: {reason}"}


def test_lists_whose_table_would_have_too_long_a_name_become_text() -> None:
    """Files are named after tables; 180 characters are what file systems leave for that."""
    deep: Any = [1]
    for _ in range(6):
        deep = {"someFieldWithAVeryLongNameIndeed": [deep]}
    taken = take(orjson.dumps([deep]), "items")
    assert taken.notes[0].endswith("nested too deep")
    assert json.dumps([1]) in json.dumps(taken.records).replace("\\", "")


def test_what_is_no_json_is_refused() -> None:
    for payload in (b"", b"[1,", b"[" * 100_000):
        with pytest.raises(ValueError, match=r"."):
            take(payload, "items")
