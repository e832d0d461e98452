from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given, settings
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
    | st.sampled_from([2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 0.5, 7.0, 1e19])
    | st.sampled_from(["", "5", "x", "true", "2024-02-29T12:00:00+01:00", "2024-02-29", "1700000000"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "A", "at", "a__b", "_dlt_id"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_KEYS = ("a", "A", "a__b", "n", "at", "day", "since", "yes", "much", "note", "raw", "_dlt_id")
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


@settings(max_examples=300)
@given(
    values=st.dictionaries(st.sampled_from(_KEYS), st.lists(_VALUES, min_size=1, max_size=3), max_size=4),
    number=st.sampled_from([1, 5, 6, 7, 30]),
    odd=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_many_are_changed_as_one_by_one(values: dict[str, list[Any]], number: int, odd: bool, seed: int) -> None:
    """Also where only some of them have a value that moves, that nobody may keep, or that asks for the bytes."""
    random = Random(seed)
    records: list[dict[str, Any]] = [
        {key: random.choice(several) for key, several in values.items()} | ({"odd": 1} if odd and position == 3 else {})
        for position in range(number)
    ]
    _assert_alike(records)


def _nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"x": 1}
    for _ in range(levels):
        found = {"a": found}
    return found


@pytest.mark.parametrize("usual", [{"x": 1}, {"x": None}, {"x": "y"}])
@pytest.mark.parametrize(
    "last",
    [
        {"x": 2**63 - 1},
        {"x": 2**63},
        {"x": -(2**63)},
        {"x": -(2**63) - 1},
        {"raw": {"_dlt_id": 1, "a": {"b": 1}}},
        {"raw": {"x": 2**63}},
        {"note": {"_dlt_id": 1}},
        {"a": {"b": 1}, "a__b": 2},
        {"a": None, "a__b": 2},
        *(_nested(levels) for levels in (46, 47, 48, 49, 50, 60)),
    ],
)
def test_one_of_many_is_looked_at_as_closely(last: dict[str, Any], usual: dict[str, Any]) -> None:
    _assert_alike([usual] * 10 + [last])
    _assert_alike([last] * 10)


def _assert_alike(records: list[dict[str, Any]]) -> None:
    """Looked at together they become what each becomes by itself."""
    apart, together = (json.loads(json.dumps(records)) for _ in range(2))
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
