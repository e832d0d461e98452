"""Arrow tables make of records what dlt makes of dictionaries, which is what every record here is loaded as, too."""

from __future__ import annotations

import dataclasses
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from dlt.destinations import duckdb
from loading import ITEMS, Warehouse, page, settle_in

from extractor.gate import Record
from extractor.load import tables
from extractor.load.columnar import Columnar
from extractor.load.direct import Direct
from extractor.load.tables import Table
from extractor.model import ColumnType, Endpoint

_MOMENTS = (
    "2024-01-01T00:00:00Z",
    "2024-02-29T23:59:59.123456+02:00",
    "1899-12-31 10:11:12.5-11:30",
    "2024-03-04T10:11:12",
    "2024-03-04 10:11",
    "2024-03-04",
    "2024-03-04T10:11:12.123456789Z",
    "2024-03-04T10:11:12+0530",
    "2024-03-04T10Z",
    "2024-W09-1T10:11:12Z",
    "2024-02-30T10:11:12Z",
    "2024-03-04T24:00:00Z",
    "2024-03-04T23:59:60Z",
    "2024-03-04T10:11:12+25:00",
    "0001-01-01T00:00:00+14:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
)
_USUAL_MOMENTS = _MOMENTS[:3]
_TEXTS = ("", "x", "été \U0001f600", "nan", "007", "true", "a\nb", "null")
_OBJECTS: tuple[object, ...] = ({}, {"in": 1}, {"in": 2, "Deep Er": {"x": "y"}}, {"in": None}, {"Deep Er": {}})
_LISTS: tuple[object, ...] = ([], [1], [{"sku": "x"}], [{"sku": "y", "parts": [{"name": "p"}]}, {}], [[1]])
_VALUES: dict[str, tuple[object, ...]] = {
    "text": _TEXTS,
    "bigint": (0, -1, 2**53 + 1, 2**63 - 1, -(2**63)),
    "double": (0.5, -1e-300, 1e300, 3.0),
    "bool": (True, False),
    "timestamp": _USUAL_MOMENTS,
    "date": ("2024-02-29", "1024-01-31"),
    "json": (*_OBJECTS, *_LISTS, {"a": [1.5, {"b": None}]}),
    "unix": (0, 1492685671, "1492685671.25", "2017-04-20T10:54:31Z"),
    "unix_ms": (1492685672001, "2017-04-20T10:54:31Z", "Apr 20, 2017 10:54:32 AM"),
    "object": _OBJECTS,
    "list": ([], None),
    "null": (None,),
}
# Texts that look like times stay in columns of times: in a variant column for text dlt would make times of them, too.
_TIMES = frozenset({"timestamp", "unix", "unix_ms"})
_ODD: tuple[object, ...] = (
    tuple(one for kind, values in _VALUES.items() if kind not in _TIMES for one in values) + _LISTS
)
_ODD_NAMES = ("{}", "{} ", "the {} Field", "{}__x")
_COLUMNS: dict[str, Any] = {"id": "text"} | {kind: kind for kind in get_args(ColumnType)}
_PLAIN: tuple[Any, ...] = ("text", "bigint", "double", "bool", "timestamp", "date")
_ENDPOINTS = (
    Endpoint(name="declared", path="/", columns=_COLUMNS),
    Endpoint(name="undeclared", path="/"),
    Endpoint(name="keyless", path="/", key=(), columns={"text": "text"}),
    Endpoint(name="plain", path="/", columns={kind: kind for kind in _PLAIN}),
    dataclasses.replace(ITEMS, name="lists", columns={**ITEMS.columns, "list[].sku": "text"}),
)
_CHUNKS = 6

Make = Callable[..., Warehouse]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    settle_in(tmp_path, monkeypatch)
    # So that a chunk has batches of both kinds.
    monkeypatch.setattr(tables, "_ROWS", 4)
    monkeypatch.setattr(tables, "_GROUP_BYTES", 100)
    return lambda *endpoints: Warehouse(tmp_path, endpoints)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many groups of pages became tables at once, and how many batches of the others did, or did not.

    Those of `..._told` are not asked for.
    """
    counts: Counter[str] = Counter()
    batch, columnar, table = Columnar.batch, Table.columnar, Direct.table

    def counted(self: Columnar, found: Sequence[Record]) -> Any:
        made = batch(self, found)
        counts["not" if made is None else "as records"] += 1
        return made

    def straight(self: Direct, *args: Any) -> Any:
        made = table(self, *args)
        counts["at once"] += made is not None
        return made

    def refused(self: Table, *args: Any) -> Columnar | None:
        return None if self.name.endswith("_told") else columnar(self, *args)

    monkeypatch.setattr(Columnar, "batch", counted)
    monkeypatch.setattr(Direct, "table", straight)
    monkeypatch.setattr(Table, "columnar", refused)
    return counts


def records(chance: random.Random, endpoint: Endpoint, chunk: int) -> list[dict[str, object]]:
    """Records of a chunk: each second one brings new fields, each third one odd names and values."""
    if endpoint.name.startswith("plain"):
        usual = [*_PLAIN, "object", "null"]
    else:
        usual = [kind for kind in _VALUES if kind not in ("json", "unix", "unix_ms") or kind in endpoint.columns]
    kinds = usual[: 6 + 2 * (chunk // 2)]
    odd = 0.03 if chunk % 3 == 2 else 0.0
    made = []
    for number in chance.sample(range(40), 30):
        record: dict[str, object] = {"id": str(number)}
        for kind in chance.sample(kinds, chance.randrange(len(kinds))):
            name, values = kind, _VALUES[kind]
            if kind == "double" and endpoint.name.startswith("plain"):
                values = values[:2]
            if chance.random() < odd:
                name, values = chance.choice(_ODD_NAMES).format(kind), _MOMENTS if kind in _TIMES else _ODD
            record[name] = None if chance.random() < 0.1 else chance.choice(values)
        made.append(record)
    return made


def told(shop: Warehouse, root: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """All that the destination has of a table and those below, and the schema's words on them, without their names."""
    names = sorted(name for (name,) in shop.rows("SHOW TABLES") if name == root or name.startswith(f"{root}__"))
    content: dict[str, Any] = {}
    for name in names:
        described = [(column, kind, null) for column, kind, null, *_ in shop.rows(f"DESCRIBE {name}")]
        links = {"_dlt_id", "_dlt_parent_id", "_dlt_root_id"}
        columns = ", ".join(f'"{column}"' for column, *_ in described if column not in links)
        content[name.removeprefix(root)] = (described, sorted(map(repr, shop.rows(f"SELECT {columns} FROM {name}"))))
        assert shop.rows(f"SELECT count(*) - count(DISTINCT _dlt_id) FROM {name}") == [(0,)]
        if name != root:
            orphans = f"SELECT count(*) FROM {name} WHERE _dlt_root_id NOT IN (SELECT _dlt_id FROM {root})"
            assert shop.rows(orphans) == [(0,)]
    schema = shop.destination.schema(shop.destination.pipeline()).to_dict()["tables"]
    words = {name: table for name, table in schema.items() if name == root or name.startswith(f"{root}__")}
    return content, json.loads(json.dumps(words).replace(root, "TABLE"))


@pytest.mark.parametrize("seed", range(2))
def test_records_of_every_kind_make_the_same_tables_both_ways(warehouse: Make, taken: Counter[str], seed: int) -> None:
    """Chunks of new and changed records, in batches that become Arrow tables and batches that don't."""
    pairs = [
        [dataclasses.replace(endpoint, name=f"{endpoint.name}{way}") for way in ("_made", "_told")]
        for endpoint in _ENDPOINTS
    ]
    shop = warehouse(*(endpoint for pair in pairs for endpoint in pair))
    chances = [random.Random(f"{seed} {pair[0].name}") for pair in pairs]
    for chunk in range(_CHUNKS):
        made = [records(chance, pair[0], chunk) for chance, pair in zip(chances, pairs, strict=True)]
        shop.load(
            *(
                page(*found[start : start + 3], endpoint=endpoint.name)
                for found, pair in zip(made, pairs, strict=True)
                for endpoint in pair
                for start in range(0, len(found), 3)
            )
        )
    for ours, dlts in pairs:
        assert told(shop, ours.name) == told(shop, dlts.name)
    assert min(taken["as records"], taken["not"], taken["at once"]) > 10


def test_lists_that_are_gone_are_gone_whichever_way_the_record_comes(warehouse: Make, taken: Counter[str]) -> None:
    shop = warehouse(ITEMS)
    shop.load(page(*({"id": one, "lines": [{"sku": one, "parts": [{"name": "p"}]}]} for one in "ab")))
    shop.load(page({"id": "a", "lines": []}))
    assert +taken == {"at once": 1}
    assert shop.rows("SELECT sku FROM items__lines") == [("b",)]
    assert shop.rows("SELECT count(*) FROM items__lines__parts") == [(1,)]


def test_a_table_goes_to_dlt_whole_until_the_destination_has_all_that_is_declared(
    warehouse: Make, taken: Counter[str]
) -> None:
    warehouse(dataclasses.replace(ITEMS, columns={"id": "text"})).load(page({"id": "a"}))
    shop = warehouse(ITEMS)
    shop.load(page({"id": "b"}))
    assert not taken
    shop.load(page({"id": "c"}))
    assert +taken == {"at once": 1}


@pytest.mark.parametrize(
    ("now", "covered"),
    [
        ({"id": "text", "size": "bigint"}, True),
        ({"id": "text", "size": "bigint", "new": "text"}, True),
        ({"id": "text", "size": "text"}, False),
        ({"id": "text"}, False),
        # Arrow has text for both, and dlt writes one of them as JSON.
        ({"id": "json", "size": "bigint"}, False),
    ],
)
def test_what_an_earlier_one_has_made_holds_as_long_as_its_columns_do(now: dict[str, str], covered: bool) -> None:
    assert _of(now).covers(_of({"id": "text", "size": "bigint"})) is covered


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": "1", "to": "x"}, {"id": "2", "to": "y"}],
        [{"id": "1", "to": "x"}, {"to": "y", "id": "2"}],
        [{"id": "1", "to": "x"}, {"id": "2", "from": "y"}],
        [{"id": "1", "to": "x"}, {"id": "2"}, {}],
        [{"id": "1", "deep": {"a": "x", "b": "y"}}, {"id": "2", "deep": {"b": "y", "a": "x"}}],
    ],
)
def test_columns_come_of_names_and_not_of_places(rows: list[Record]) -> None:
    columns = ("id", "to", "from", "deep__a", "deep__b")
    table = _of(dict.fromkeys(columns, "text")).batch(rows)
    assert table is not None
    flat = [
        {f"deep__{key}": value for key, value in cast("Record", row.get("deep", {})).items()}
        | {key: value for key, value in row.items() if key != "deep"}
        for row in rows
    ]
    assert [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()] == flat


def _of(columns: dict[str, str]) -> Columnar:
    schema = Schema("shop")
    told: Any = [{"name": name, "data_type": kind, "nullable": True} for name, kind in columns.items()]
    schema.update_table(new_table("items", columns=told))
    return Columnar(schema, "items", ["id"], str, duckdb().capabilities())
