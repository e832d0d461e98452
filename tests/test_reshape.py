"""What `row` functions make of records, and that they leave alone what they are given."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.model import Listing
from extractor.reshape import Row, as_value, lifted, through, with_key

LISTING = Listing(id=1, endpoint="widgets", key="2024-01-01/2024-02-01 w-7")
ROWS = (with_key("a"), as_value("a"), lifted("a"), through(lifted("a"), with_key("b"), as_value("c")))

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=10,
)


@given(JSON, st.sampled_from(ROWS))
def test_the_record_itself_stays_as_it_is(record: object, row: Row) -> None:
    before = copy.deepcopy(record)
    assert isinstance(row(record, LISTING), dict)
    assert record == before


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"id": 1}, {"id": 1, "widget_id": "w-7"}),
        ({"widget_id": None}, {"widget_id": "w-7"}),
        ({"widget_id": ""}, {"widget_id": "w-7"}),
        ({"widget_id": "other"}, {"widget_id": "other"}),
        ({"widget_id": 0}, {"widget_id": 0}),
        ("text", {"value": "text", "widget_id": "w-7"}),
    ],
)
def test_the_key_is_added_where_the_record_has_none(record: object, found: Mapping[str, object]) -> None:
    assert with_key("widget_id")(record, LISTING) == found


@pytest.mark.parametrize("value", ["pricing", 5, None, ["a"], False])
def test_a_value_becomes_a_record(value: object) -> None:
    assert as_value("topic")(value, LISTING) == {"topic": value}


def test_an_object_is_a_record_already() -> None:
    assert as_value("topic")({"id": 1}, LISTING) == {"id": 1}


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"n": 1, "in": {"x": 2, "y": {"z": 3}}}, {"n": 1, "x": 2, "y": {"z": 3}}),
        ({"n": 1, "in": {"n": 2, "x": 3}}, {"n": 1, "x": 3, "in": {"n": 2}}),
        ({"n": 1, "in": {"in": 2, "x": 3}}, {"n": 1, "x": 3, "in": {"in": 2}}),
        ({"n": 1, "in": {}}, {"n": 1}),
        ({"n": 1, "in": None}, {"n": 1, "in": None}),
        ({"n": 1, "in": [{"x": 2}]}, {"n": 1, "in": [{"x": 2}]}),
        ({"n": 1}, {"n": 1}),
    ],
)
def test_an_inner_objects_fields_become_the_records(record: object, found: Mapping[str, object]) -> None:
    assert lifted("in")(record, LISTING) == found


@given(st.dictionaries(st.sampled_from("abcd"), JSON), st.sampled_from("abcd"))
def test_lifting_loses_no_value(record: dict[str, object], name: str) -> None:
    def leaves(value: object) -> list[str]:
        if isinstance(value, dict) and value:
            return sorted(leaf for inner in value.values() for leaf in leaves(inner))
        return [] if value == {} else [repr(value)]

    found = lifted(name)(record, LISTING)
    assert found is not None
    assert leaves(dict(found)) == leaves(record)


def test_one_after_the_other_until_one_leaves_the_record_out() -> None:
    seen: list[object] = []

    def look(record: object, _: Listing) -> Mapping[str, object]:
        seen.append(record)
        return {"seen": len(seen)}

    def leave_out(record: object, _: Listing) -> None:
        seen.append(record)

    assert through(as_value("a"), look, with_key("b"))(5, LISTING) == {"seen": 1, "b": "w-7"}
    assert through(as_value("a"), leave_out, look)(5, LISTING) is None
    assert seen == [{"a": 5}, {"a": 5}]
