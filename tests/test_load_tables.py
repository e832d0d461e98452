from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from loading import ITEMS, page

from extractor.load.own import LISTINGS, own_table
from extractor.load.protocol import describe
from extractor.load.tables import Table, tables_of
from extractor.model import Incident

normalize = NamingConvention().normalize_path


def test_endpoints_with_one_table_share_it() -> None:
    one = dataclasses.replace(ITEMS, name="item", table="items", columns={"only": "text"})
    other = dataclasses.replace(ITEMS, name="Other Things")
    tables = tables_of(describe([ITEMS, one, other]), normalize, None)
    assert tables["item"] is tables["items"]
    assert tables["Other Things"].name == "other_things"


def test_hints_name_nested_tables_as_dlt_does() -> None:
    table = Table("items", describe([ITEMS]), normalize, None)
    root, nested = table._declared()
    assert root["count"] == {"name": "count", "data_type": "bigint", "nullable": True}
    assert {path: (parent, sorted(columns)) for path, (parent, columns) in nested.items()} == {
        ("lines",): ("items", ["quantity", "sku"]),
        ("lines", "parts"): ("items__lines", ["name"]),
        ("owner", "phones"): ("items", ["number"]),
        ("tags",): ("items", ["value"]),
    }


def test_dlt_is_told_timestamp_of_what_counts_from_1970() -> None:
    states = dataclasses.replace(
        ITEMS, name="states", key=("at",), columns={"at": "unix", "end": "unix_ms", "lines[].at": "unix"}
    )
    table = Table("states", describe([states]), normalize, None)
    root, nested = table._declared()
    assert {column["data_type"] for column in root.values()} == {"timestamp"}
    assert nested["lines",][1]["at"]["data_type"] == "timestamp"
    resource = table.resource([page({"at": 5}, endpoint="states")], [], lambda _name, _rows: None)
    assert resource is not None
    assert resource.columns["at"]["data_type"] == "timestamp"  # type: ignore[index]


def test_pages_without_a_sound_record_make_no_resource() -> None:
    table = Table("items", describe([ITEMS]), normalize, None)
    incidents: list[Incident] = []
    seen: list[tuple[str, int]] = []
    assert table.resource([page(), page({"id": None})], incidents, lambda name, rows: seen.append((name, rows))) is None
    assert len(incidents) == 1
    assert seen == []


@pytest.mark.parametrize("rows", [0, 1, 45_000])
def test_our_rows_come_as_arrow_and_always_as_something(rows: int) -> None:
    seen: list[tuple[str, int]] = []
    one = ("items", "k", None, None, "open", None, 1, 1, 1_700_000_000)
    batches = list(own_table(LISTINGS, [one] * rows, lambda name, number: seen.append((name, number))))
    assert all(isinstance(batch, pa.Table) for batch in batches)
    assert sum(batch.num_rows for batch in batches) == sum(number for _, number in seen) == rows
    assert len(batches) == max(1, -(-rows // 20_000))


def test_a_table_that_need_not_be_made_comes_without_rows_as_nothing() -> None:
    seen: list[tuple[str, int]] = []
    assert list(own_table(LISTINGS, [], lambda name, number: seen.append((name, number)), empty=False)) == []
    assert seen == [(LISTINGS, 0)]
