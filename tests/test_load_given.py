"""Tables of a user's own configuration are loaded as dlt itself would load them, hints and all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import dlt
import pytest
from dlt.common.data_types import type_helpers
from dlt.extract import DltSource
from giving import Shop, page, resources
from pydantic import BaseModel

from extractor.model import IncidentKind

RECORDS: list[dict[str, Any]] = [
    {"id": 2, "userName": "b", "made": "2024-01-02T03:04:05Z", "price": 10, "tags": ["x", "y"], "owner": {"city": "A"}},
    {"id": 1, "userName": None, "made": "2024-01-02T03:04:05.5Z", "price": 9.5, "tags": [], "lines": [{"sku": "1"}]},
    {"id": 3, "userName": "007", "price": "9", "big": 2**62, "owner": {"city": 5}, "lines": [{"parts": [[1], [2]]}]},
]


@pytest.fixture(autouse=True)
def conversions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    before = dict(type_helpers._COERCE_DISPATCH)
    yield
    type_helpers._COERCE_DISPATCH.clear()
    type_helpers._COERCE_DISPATCH.update(before)


class Item(BaseModel):
    """A user's model: a default, a field that is not there, and what is extra falls away."""

    id: int
    name: str = "nobody"
    note: str | None = None


def parted(record: Any) -> str:
    return f"items_{record['kind']}"


def theirs(folder: Path, hints: dict[str, Any], records: list[Any]) -> dlt.Pipeline:
    """What dlt alone makes of the same records under the same hints."""
    made = dlt.resource([records], name="items", **hints)
    pipeline = dlt.pipeline(
        "theirs", destination="duckdb", dataset_name="shop_data", pipelines_dir=str(folder / "theirs")
    )
    source = DltSource(dlt.Schema("shop"), "shop", [made])
    pipeline.run(source, loader_file_format="parquet")
    return pipeline


def described(tables: dict[str, Any]) -> dict[str, Any]:
    """The part of a schema that tells of the data."""
    return {
        name: {**table, "columns": dict(sorted(table["columns"].items()))}
        for name, table in sorted(tables.items())
        if not name.startswith(("_dlt", "_extractor"))
    }


def content(connection: Any, tables: dict[str, Any]) -> dict[str, list[Any]]:
    """Rows without what dlt numbers anew with each load."""
    found = {}
    for name, table in tables.items():
        columns = [column for column in table["columns"] if not column.startswith("_dlt")]
        rows = connection.execute_sql(f"SELECT {', '.join(columns) or 1} FROM {name}")
        found[name] = sorted(map(repr, rows))
    return found


@pytest.mark.parametrize(
    "hints",
    [
        {},
        {"primary_key": "id", "write_disposition": "merge"},
        {"primary_key": ["id", "userName"], "write_disposition": "append", "columns": {"userName": {"nullable": True}}},
        {"write_disposition": "replace", "columns": {"price": {"data_type": "decimal"}, "id": {"data_type": "text"}}},
        {"write_disposition": {"disposition": "merge", "strategy": "upsert"}, "primary_key": "id"},
        {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
        {"write_disposition": "merge", "merge_key": "id"},
        {"max_table_nesting": 1},
        {"schema_contract": {"columns": "discard_value"}, "columns": {"id": {"data_type": "bigint"}}},
        {
            "table_name": "things",
            "nested_hints": {"lines": {"columns": {"sku": {"name": "sku", "data_type": "bigint"}}}},
        },
        {"columns": {"made": {"dedup_sort": "desc"}}, "primary_key": "id", "write_disposition": "merge"},
    ],
    ids=lambda hints: "-".join(hints) or "none",
)
def test_tables_and_schema_are_those_that_dlt_makes(tmp_path: Path, hints: dict[str, Any]) -> None:
    records = [*RECORDS, {"id": 4}]
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items", **hints}))
    shop.chunk(page(*records))
    pipeline = theirs(tmp_path, hints, records)
    ours = shop.destination.pipeline()
    assert described(ours.schemas["shop"].tables) == described(pipeline.default_schema.tables)
    tables = described(pipeline.default_schema.tables)
    with shop.destination.connections.open() as own, pipeline.sql_client() as other:
        assert content(own, tables) == content(other, tables)
    assert shop.incidents == []


def test_typed_values_keep_their_types(tmp_path: Path) -> None:
    """Steps of a configuration may have made times and decimals of what the vendor sent."""
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items"}))
    made = datetime(2024, 1, 2, tzinfo=UTC)
    shop.chunk(
        page({"made": made, "day": date(2024, 1, 2), "price": Decimal("1.10"), "raw": b"\0\1", "in": {"at": made}})
    )
    assert shop.types("items") == {
        "made": "TIMESTAMP WITH TIME ZONE",
        "day": "DATE",
        "price": "DECIMAL(38,9)",
        "raw": "BLOB",
        "in__at": "TIMESTAMP WITH TIME ZONE",
    }
    assert shop.rows("SELECT price, raw FROM items") == [(Decimal("1.1"), b"\0\1")]


def test_a_table_name_may_depend_on_the_record(tmp_path: Path) -> None:
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items", "table_name": parted}))
    loaded = shop.chunk(page({"id": 1, "kind": "a"}, {"id": 2, "kind": "b"}, {"id": 3, "kind": "a"}))
    assert shop.column("SELECT id FROM items_a ORDER BY id") == [1, 3]
    assert shop.column("SELECT id FROM items_b") == [2]
    assert {"items_a": 2, "items_b": 1}.items() <= loaded.rows.items()


def test_a_model_makes_the_columns_and_refuses_single_records(tmp_path: Path) -> None:
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items", "columns": Item, "primary_key": "id"}))
    shop.chunk(page({"id": 1, "extra": 5}, {"id": "no number"}, {"id": 2, "name": "b"}))
    assert shop.rows("SELECT id, name, note FROM items ORDER BY id") == [(1, "nobody", None), (2, "b", None)]
    assert set(shop.types("items")) == {"id", "name", "note"}
    (incident,) = shop.incidents
    assert incident.kind is IncidentKind.MALFORMED
    assert incident.record == '{"id":"no number"}'


class Owner(BaseModel):
    """A model with parts of its own, none of which may be missing."""

    id: int
    address: dict[str, str]
    tags: list[str]


def test_objects_and_lists_that_a_model_wants_are_values(tmp_path: Path) -> None:
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items", "columns": Owner}))
    shop.chunk(page({"id": 1, "address": {"city": "A"}, "tags": []}))
    assert shop.rows("SELECT id, address->>'city', tags FROM items") == [(1, "A", "[]")]
    assert shop.incidents == []


def test_the_last_of_a_key_wins_in_a_merge_and_all_stay_in_an_append(tmp_path: Path) -> None:
    keyed = {"endpoint": "items", "primary_key": "id"}
    shop = Shop(
        tmp_path,
        resources({"name": "merged", "write_disposition": "merge", **keyed}, {"name": "appended", **keyed}),
    )
    for name in ("merged", "appended"):
        records = [{"id": 1, "n": 1, "tags": ["old"]}, {"id": 2, "n": 1}, {"id": 1, "n": 2, "tags": ["new"]}]
        shop.chunk(page(*records, endpoint=name), page({"id": 2, "n": 3}, endpoint=name))
    assert shop.rows("SELECT id, n FROM merged ORDER BY id") == [(1, 2), (2, 3)]
    assert shop.column("SELECT value FROM merged__tags") == ["new"]
    assert len(shop.rows("FROM appended")) == 4


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_record_without_its_key_is_kept_out_by_name(tmp_path: Path, disposition: str) -> None:
    """Dlt would stop at it, and so would every later attempt."""
    shop = Shop(
        tmp_path,
        resources(
            {
                "name": "items",
                "endpoint": "items",
                "primary_key": ["userId", "owner__id"],
                "write_disposition": disposition,
            }
        ),
    )
    records = [{"userId": 1, "owner": {"id": 5}}, {"userId": 2}, {"userId": None, "owner": {"id": 6}}, {"userId": {}}]
    shop.chunk(page(*records, key="list"))
    assert shop.rows("SELECT user_id, owner__id FROM items") == [(1, 5)]
    assert [incident.record for incident in shop.incidents] == [
        '{"userId":2}',
        '{"userId":null,"owner":{"id":6}}',
        '{"userId":{}}',
    ]
    assert all(incident.gap and incident.key.startswith("list#") for incident in shop.incidents)


def test_values_that_dlt_cannot_take_become_text_and_are_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items", "primary_key": "id"}))
    deep: Any = "bottom"
    for _ in range(60):
        deep = [deep]
    sound = page({"id": 1, "name": "a", "n": 1})
    raw = b'[{"id": 2, "name": "\\ud800", "n": 18446744073709551616, "deep": %s, "nul": "\\u0000"}]' % json_of(deep)
    shop.chunk(sound, ("items", "", raw))
    assert shop.column("SELECT id FROM items ORDER BY id") == [1, 2]
    assert shop.rows("SELECT name, n__v_text, nul FROM items WHERE id = 2") == [
        ('"\\ud800"', "18446744073709551616", '"\\u0000"')
    ]
    (incident,) = shop.incidents
    assert not incident.gap
    for reason in ("name: lone surrogate", "n: integer beyond 64 bits", "nul: NUL character", "nested too deep"):
        assert reason in incident.detail


def test_text_of_too_large_an_integer_goes_beside_its_column(tmp_path: Path) -> None:
    """Dlt would make an integer of it that no column holds, and stop."""
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items"}))
    shop.chunk(page({"n": 1}, {"n": "99999999999999999999"}, {"n": " 7"}))
    assert shop.rows("SELECT n, n__v_text FROM items ORDER BY n") == [
        (1, None),
        (7, None),
        (None, "99999999999999999999"),
    ]


def test_a_contract_that_drops_rows_is_no_loss(tmp_path: Path) -> None:
    contract = {"schema_contract": {"columns": "discard_row"}, "columns": {"id": {"data_type": "bigint"}}}
    shop = Shop(tmp_path, resources({"name": "items", "endpoint": "items", **contract}))
    shop.chunk(page({"id": 1}))
    loaded = shop.chunk(page({"id": 2}, {"id": 3, "unknown": True}))
    assert shop.column("SELECT id FROM items ORDER BY id") == [1, 2]
    assert loaded.rows["items"] == 1


def test_an_incremental_cursor_marks_its_column_and_drops_nothing(tmp_path: Path) -> None:
    """Records below the cursor were left out when they were fetched; a later chunk may bring older ones."""
    found = resources(
        {
            "name": "items",
            "endpoint": {
                "path": "items",
                "incremental": {"cursor_path": "at", "initial_value": "2024-01-01"},
                "params": {"since": "{incremental.start_value}"},
            },
            "primary_key": "id",
        }
    )
    shop = Shop(tmp_path, found)
    shop.chunk(page({"id": 1, "at": "2024-05-01"}, {"id": 2, "at": "2024-02-01"}))
    shop.chunk(page({"id": 3, "at": "2024-03-01"}))
    assert shop.column("SELECT id FROM items ORDER BY id") == [1, 2, 3]
    columns = shop.destination.pipeline().schemas["shop"].tables["items"]["columns"]
    assert cast("dict[str, Any]", columns["at"])["incremental"] is True


def json_of(value: Any) -> bytes:
    return repr(value).replace("'", '"').encode()
