"""Names that are hostile, reserved or too long, and more columns than DuckDB at first has memory for: all of it lands.

A vendor that lets its customers define fields lets them choose names, and as many as they like.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from loading import Page, Warehouse, listing, page, settle_in

from extractor.load.chunk import Chunk, ChunkLoader
from extractor.model import Endpoint

TABLES = 8
COLUMNS = 160
LISTS = 3
"""Tables, hostile names of columns and of nested tables in each: 1,304 names."""

RESERVED = [
    "select",
    "from",
    "where",
    "table",
    "order",
    "group",
    "user",
    "check",
    "default",
    "primary",
    "key",
    "index",
    "all",
    "and",
    "as",
    "case",
    "end",
    "null",
    "true",
]
INJECTED = [
    '"; DROP TABLE sentinel; --',
    "'); DELETE FROM sentinel; --",
    "x` y",
    "a]b[c",
    "$1",
    "%s",
    "?",
    ":name",
    "{x}",
]
INJECTED += [
    "../../etc/passwd",
    "..",
    "CON",
    "a/b",
    "a\\b",
    "a.b",
    "a b",
    "\t",
    "a\nb",
    "\x1b[31m",
    "a\u202eb",
    "-- x",
    "/* x */",
]
OWN = [
    "_dlt_id",
    "_dlt_load_id",
    "_dlt_parent_id",
    "_extractor_key",
    "id__v_text",
    "value",
    "list",
    "__",
    "_",
    "__x",
    "x__",
]
OTHER = [
    "é",
    "日本",
    "😀",
    "ß",
    "İ",
    "ǆ",
    "1st",
    "9" * 40,
    "a" * 300,
    "long name " * 40,
    "A",
    "a",
    "aA",
    "a_a",
    "",
    " ",
]
PIECES = [*RESERVED, *INJECTED, *OWN, *OTHER]


def hostile() -> Iterator[str]:
    """All of them, then mixtures without end, none twice."""
    dice = random.Random(90)
    mixed = ("".join(dice.choices(PIECES, k=2)) for _ in itertools.count())
    yield from dict.fromkeys(itertools.islice(itertools.chain(PIECES, mixed), 20_000))


@pytest.fixture
def _pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(tmp_path, monkeypatch)


@pytest.mark.usefixtures("_pinned")
def test_over_a_thousand_hostile_names_lose_no_value_and_run_no_statement(tmp_path: Path) -> None:
    """Every value is in the row of its record, whatever its column came to be called; lists are tables of their own."""
    names = hostile()
    endpoints = [Endpoint(name=f"things{number}", path="/", columns={"id": "text"}) for number in range(TABLES)]
    shop = Warehouse(tmp_path, endpoints)
    sent: dict[str, set[str]] = {}
    listed: dict[str, set[str]] = {}
    pages = []
    for number, one in enumerate(endpoints):
        plain = {name: number * 10_000 + place for place, name in enumerate(itertools.islice(names, COLUMNS))}
        lists = {name: [number * 10_000 + 5_000 + place] for place, name in enumerate(itertools.islice(names, LISTS))}
        sent[one.name] = {str(value) for value in plain.values()}
        listed[one.name] = {str(value) for (value,) in lists.values()}
        pages.append(page({"id": "a", **plain, **lists}, endpoint=one.name))
    with duckdb.connect(shop.file) as connection:
        connection.execute("CREATE TABLE sentinel AS SELECT 1 AS a")
    shop.load(*pages)
    assert shop.rows("SELECT a FROM main.sentinel") == [(1,)]
    tables = [name for (name,) in shop.rows("SHOW TABLES")]
    for name, values in sent.items():
        ((*row,),) = shop.rows(f"SELECT * EXCLUDE (id, _dlt_id, _dlt_load_id) FROM {name}")
        found = {str(value) for value in row if value is not None}
        nested = [each for each in tables if each.startswith(f"{name}__")]
        below = {
            str(value)
            for each in nested
            for row in shop.rows(
                f'SELECT * EXCLUDE (_dlt_id, _dlt_parent_id, _dlt_list_idx, _dlt_root_id) FROM "{each}"'
            )
            for value in row
            if value is not None
        }
        # A list whose name another field has stands as text beside it.
        texts = {str(value) for text in found - values for value in json.loads(text)}
        assert found - values == {json.dumps([int(value)]) for value in texts}
        assert (found & values, below | texts) == (values, listed[name])


@pytest.mark.usefixtures("_pinned")
def test_more_columns_than_duckdb_has_memory_for_land_with_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is kept, and is no incident; the chunks behind it have the memory from the start."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    wide = {f"column {number}": f"text {number}" for number in range(1_000)}
    endpoint = Endpoint(name="things", path="/", columns={"id": "text"})
    shop = Warehouse(tmp_path, [endpoint])
    said: list[str] = []

    def load(*pages: Page) -> int:
        chunk = Chunk(number=1, pages=lambda: pages, listings=lambda: [listing("k")], incidents=list)
        loads = ChunkLoader(shop.loader, shop.destination, announce=lambda *_: None, retrying=said.append)
        loaded = loads.load(chunk)
        assert loaded.packages == 1
        return loaded.incidents

    assert load(page({"id": "a", **wide}, endpoint="things")) == 0
    assert any("Out of Memory" in why for why in said)
    assert "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG" not in os.environ
    before = len(said)
    assert load(page({"id": "b", **wide}, endpoint="things")) == 0
    assert len(said) == before
    assert shop.rows("SELECT id, column_0, column_699 FROM things ORDER BY id") == [
        ("a", "text 0", "text 699"),
        ("b", "text 0", "text 699"),
    ]
