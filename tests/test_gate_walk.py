from __future__ import annotations

import copy
from typing import Any

import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st

from extractor.gate.shapes import Shapes
from extractor.gate.walk import LookCloser, Walk
from extractor.model import ColumnType


def shapes() -> Shapes:
    return Shapes(table="items", columns={"note": "text"}, name=NamingConvention().normalize_path)


@pytest.mark.parametrize(
    "record",
    [
        {"x": 2**63},
        {"x": 1e19},  # what orjson makes of 10000000000000000000
        {"x": [2**64 - 1]},
        {"note": 1.1},
        {"note": [{"a": 1.1}]},
        {"a b": 1, "a_b": 2},
        {"a": {"b": 1}, "a__b": 2},
    ],
)
def test_a_doubt_asks_for_the_bytes(record: dict[str, Any]) -> None:
    with pytest.raises(LookCloser):
        Walk(shapes()).record(record)


def test_depth_asks_for_the_bytes_before_python_gives_up() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}
    with pytest.raises(LookCloser):
        Walk(shapes()).record(deep)


def test_all_keys_are_counted_also_where_nothing_is_changed() -> None:
    """Their number tells whether a key stood twice."""
    walk = Walk(Shapes(table="t", columns={"j": "json", "note": "text"}, name=NamingConvention().normalize_path))
    walk.record({"a": {"b": [{"c": 1}, [{"d": 1}]]}, "j": {"e": [{"f": 1}]}, "note": {"g": {"h": 1}}})
    assert walk.keys == 10


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([2**63 - 1, -(2**63), 2**63, 0.5, 7.0, 1e19])
    | st.sampled_from(["", "5", "x", "true", "2024-02-29T12:00:00+01:00", "2024-02-29", "1700000000"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "A", "at", "a__b", "_dlt_id"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_KEYS = ("a", "A", "n", "at", "day", "since", "yes", "much", "note", "raw", "_dlt_id")
_DECLARED: dict[str, ColumnType] = {
    "n": "bigint",
    "at": "timestamp",
    "day": "date",
    "since": "unix",
    "yes": "bool",
    "much": "double",
    "note": "text",
    "raw": "json",
    "a__at": "timestamp",
}


@given(st.data(), st.lists(st.sampled_from(_KEYS), unique=True, max_size=4), st.integers(1, 24))
def test_many_are_changed_as_one_by_one(data: st.DataObject, keys: list[str], number: int) -> None:
    """Also where only some of them have a value that moves, that nobody may keep, or that asks for the bytes."""
    few = [_VALUES] + [st.sampled_from(data.draw(st.lists(_VALUES, min_size=1, max_size=2))) for _ in range(3)]
    records: list[dict[str, Any]] = [
        {key: data.draw(few[data.draw(st.integers(0, 3))]) for key in keys} | ({"odd": 1} if position == 20 else {})
        for position in range(number)
    ]
    apart, together = copy.deepcopy(records), copy.deepcopy(records)
    one, many = Walk(_shapes_of(_DECLARED)), Walk(_shapes_of(_DECLARED))
    try:
        for record in apart:
            one.record(record)
    except LookCloser:
        with pytest.raises(LookCloser):
            many.records(together)
    else:
        many.records(together)
        assert [list(record.items()) for record in together] == [list(record.items()) for record in apart]
        assert many.keys == one.keys


def _shapes_of(columns: dict[str, ColumnType]) -> Shapes:
    return Shapes(table="items", columns=columns, name=NamingConvention().normalize_path)
