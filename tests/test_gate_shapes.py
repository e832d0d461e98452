from __future__ import annotations

from dlt.common.normalizers.naming.snake_case import NamingConvention

from extractor.gate.shapes import Shapes, path_steps

SHAPES = Shapes(
    table="items",
    columns={"Conversation ID": "text", "emails[].isPrimary": "bool", "tags[]": "text", "a.b[].c.d": "json"},
    name=NamingConvention().normalize_path,
)


def test_paths_fall_into_steps() -> None:
    assert path_steps("a.b[].c") == ["a", "b", "[]", "c"]
    assert path_steps("tags[]") == ["tags", "[]"]


def test_declared_types_are_found_by_the_columns_names() -> None:
    root = SHAPES.root
    assert root.member("Conversation ID", "conversation_id").kind == "text"
    assert root.member("emails", "emails").element().member("isPrimary", "is_primary").kind == "bool"
    assert root.member("tags", "tags").element().kind == "text"
    assert root.member("other", "other").kind == ""


def test_nested_tables_are_called_as_dlt_calls_them() -> None:
    inner = SHAPES.root.member("a", "a").member("b", "b").element()
    assert inner.table == "items__a__b"
    assert inner.element().table == "items__a__b__list"
    assert inner.member("c", "c").member("d", "d").kind == "json"


def test_objects_that_are_used_as_maps_cost_no_memory_for_ever() -> None:
    node = SHAPES.root.member("map", "map")
    for number in range(12_000):
        node.plan((f"key{number}",))
    assert len(node.plans) <= 5_000
    assert len(node.children) <= 5_001
