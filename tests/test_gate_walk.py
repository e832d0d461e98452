from __future__ import annotations

from typing import Any

import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention

from extractor.gate.shapes import Shapes
from extractor.gate.walk import LookCloser, Walk


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
