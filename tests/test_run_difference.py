"""Two databases are alike, or the comparison names what is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractor.run.difference import Difference, Loaded, differences

KEY: dict[str, Any] = {"data_type": "text", "row_key": True}
ORDERS: dict[str, Any] = {
    "write_disposition": "merge",
    "columns": {"id": {"data_type": "bigint", "primary_key": True}, "_dlt_id": KEY, "_dlt_load_id": {}},
}
LINES: dict[str, Any] = {
    "parent": "orders",
    "columns": {"sku": {"data_type": "text"}, "_dlt_parent_id": {"parent_key": True}, "_dlt_id": KEY},
}
ROWS: dict[str, list[str]] = {
    "orders": ["1 AS id, 'o1' AS _dlt_id, '7' AS _dlt_load_id", "2 AS id, 'o2' AS _dlt_id, '7' AS _dlt_load_id"],
    "lines": [
        "'a' AS sku, 'o1' AS _dlt_parent_id, 'l1' AS _dlt_id",
        "'b' AS sku, 'o2' AS _dlt_parent_id, 'l2' AS _dlt_id",
    ],
}


def loaded(file: Path, rows: Mapping[str, list[str]], **tables: Any) -> Loaded:
    """A database with these rows, as the tail of a SELECT each, and a schema that describes its tables so."""
    described = {"tables": {"orders": ORDERS, "lines": LINES, **tables.pop("tables", {})}, **tables}
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA shop_data; USE shop_data")
        for name, selects in rows.items():
            connection.execute(f"CREATE TABLE {name} AS {' UNION ALL '.join(f'SELECT {each}' for each in selects)}")
        connection.execute(
            "CREATE TABLE _dlt_version AS "
            "SELECT 'shop' AS schema_name, now() AS inserted_at, 1 AS version, ? AS schema",
            [json.dumps(described)],
        )
    return Loaded.read(file, dataset="shop_data", schema="shop")


@pytest.fixture
def dlt(tmp_path: Path) -> Loaded:
    return loaded(tmp_path / "dlt.duckdb", ROWS)


def test_what_dlt_makes_up_and_the_order_are_no_difference(dlt: Loaded, tmp_path: Path) -> None:
    rows = {
        "orders": ["'x' AS _dlt_id, '9' AS _dlt_load_id, 2 AS id", "'y' AS _dlt_id, '9' AS _dlt_load_id, 1 AS id"],
        "lines": [
            "'b' AS sku, 'x' AS _dlt_parent_id, 'm1' AS _dlt_id",
            "'a' AS sku, 'y' AS _dlt_parent_id, 'm2' AS _dlt_id",
        ],
        "_extractor_listings": ["1 AS pages"],
    }
    own = loaded(tmp_path / "own.duckdb", rows, tables={"_extractor_listings": {"columns": {}}})
    assert differences(dlt, own) == []
    assert own.rows == 2


def test_a_row_belongs_with_those_that_hang_on_it(dlt: Loaded, tmp_path: Path) -> None:
    """All tables hold the same rows, but they hang on the other parent."""
    lines = [each.replace("'o1'", "'o0'").replace("'o2'", "'o1'").replace("'o0'", "'o2'") for each in ROWS["lines"]]
    found = differences(dlt, loaded(tmp_path / "own.duckdb", {**ROWS, "lines": lines}))
    assert {one.what for one in found} == {"row"}
    assert sorted(one.dlt for one in found if one.dlt) == [
        '{"id": "1", "lines": [{"sku": "a"}]}',
        '{"id": "2", "lines": [{"sku": "b"}]}',
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"lines": []}, ("lines", "table", "0 rows", "")),
        ({"orders": ROWS["orders"] * 2}, ("orders", "rows", "2", "4")),
        ({"orders": ROWS["orders"] + ROWS["orders"][:1]}, ("orders", "rows", "2", "3")),
        ({"orders": [f"{each}, 1 AS extra" for each in ROWS["orders"]]}, ("orders", "column extra", "", "INTEGER")),
        (
            {"orders": [each.replace(" AS id", "::DOUBLE AS id") for each in ROWS["orders"]]},
            ("orders", "column id", "INTEGER", "DOUBLE"),
        ),
        (
            {"lines": [each.replace("'o2'", "'o9'") for each in ROWS["lines"]]},
            ("lines", "rows without a parent", "0", "1"),
        ),
        ({"orders": [ROWS["orders"][0], ROWS["orders"][1].replace("2 AS", "NULL AS")]}, ("orders", "row", "", "null")),
    ],
)
def test_a_difference_is_named(
    dlt: Loaded, tmp_path: Path, rows: dict[str, list[str]], expected: tuple[str, str, str, str]
) -> None:
    own = loaded(tmp_path / "own.duckdb", {name: found for name, found in (ROWS | rows).items() if found})
    table, what, one, other = expected
    assert any(
        (each.table, each.what) == (table, what) and each.dlt == one and other in each.extractor
        for each in differences(dlt, own)
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"tables": {"orders": {**ORDERS, "write_disposition": "append"}}},
            Difference(table="orders", what="hint write_disposition", dlt='"merge"', extractor='"append"'),
        ),
        (
            {"tables": {"lines": {**LINES, "columns": {**LINES["columns"], "sku": {"nullable": False}}}}},
            Difference(table="lines", what="hint nullable of sku", dlt="", extractor="false"),
        ),
        (
            {"settings": {"detections": ["iso_timestamp"]}},
            Difference(table="", what="settings", dlt="null", extractor='{"detections": ["iso_timestamp"]}'),
        ),
    ],
)
def test_a_hint_counts(dlt: Loaded, tmp_path: Path, changed: dict[str, Any], expected: Difference) -> None:
    assert expected in differences(dlt, loaded(tmp_path / "own.duckdb", ROWS, **changed))


def test_how_rows_were_carried_is_no_difference_unless_somebody_asked_for_it(dlt: Loaded, tmp_path: Path) -> None:
    carried = {"tables": {"orders": {**ORDERS, "file_format": "parquet"}}}
    own = loaded(tmp_path / "own.duckdb", ROWS, **carried)
    assert differences(dlt, own) == []
    assert [one.what for one in differences(own, dlt)] == ["hint file_format"]


def test_the_times_of_a_history_are_no_difference_but_whether_it_goes_on_is(tmp_path: Path) -> None:
    columns = {**ORDERS["columns"], "since": {"x-valid-from": True}, "until": {"x-valid-to": True}}
    tables = {"orders": {**ORDERS, "columns": columns}}
    found = [
        loaded(
            tmp_path / f"{number}.duckdb",
            {"orders": [f"1 AS id, 'o' AS _dlt_id, '1' AS _dlt_load_id, {times}"]},
            tables=tables,
        )
        for number, times in enumerate(
            (
                "DATE '2024-01-01' AS since, NULL::DATE AS until",
                "DATE '2024-01-02' AS since, NULL::DATE AS until",
                "DATE '2024-01-02' AS since, DATE '2024-01-03' AS until",
            )
        )
    ]
    assert differences(found[0], found[1]) == []
    assert {one.what for one in differences(found[0], found[2])} == {"row"}
