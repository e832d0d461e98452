"""A chunk goes in whole, or in parts until what the destination refuses is alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from loading import ITEMS, Page, Warehouse, listing, page, settle_in

from extractor.load.chunk import Chunk, ChunkLoader, Unwanted
from extractor.load.connections import Away
from extractor.load.protocol import Loaded
from extractor.model import Incident


@dataclass
class Shop:
    """A warehouse, and what a run hears while it loads."""

    warehouse: Warehouse
    announced: list[tuple[str, list[Incident]]] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)

    def load(self, *pages: Page, parts: int = 1) -> Loaded:
        chunk = Chunk(number=1, pages=lambda: pages, listings=lambda: [listing("k")], incidents=list)
        loader = ChunkLoader(
            self.warehouse.loader,
            self.warehouse.destination,
            announce=lambda load_id, found: self.announced.append((load_id, list(found))),
            retrying=self.retried.append,
        )
        loaded = loader.load(chunk, parts)
        self.warehouse.destination.connections.closed()
        return loaded


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    settle_in(tmp_path, monkeypatch)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return Shop(Warehouse(tmp_path, [ITEMS]))


def execute(shop: Shop, *statements: str) -> None:
    """What a user does to the database with another program."""
    with duckdb.connect(shop.warehouse.file) as connection:
        connection.execute("USE shop_data")
        for statement in statements:
            connection.execute(statement)


def test_a_sound_chunk_is_one_package(shop: Shop) -> None:
    loaded = shop.load(page({"id": "a"}, {"id": None}))
    assert loaded.packages == 1
    assert loaded.incidents == 1
    assert shop.announced[0][0] == loaded.load_id
    assert [incident.gap for incident in shop.announced[0][1]] == [True]


def test_a_record_that_the_destination_refuses_is_found_and_the_rest_lands(shop: Shop) -> None:
    shop.load(page({"id": "first", "name": "taken"}))
    execute(shop, "CREATE UNIQUE INDEX once ON items (name)")
    loaded = shop.load(
        page({"id": "a", "name": "1"}, {"id": "b", "name": "2"}),
        page({"id": "c", "name": "3"}, {"id": "bad", "name": "taken"}, {"id": "d", "name": "4"}, key="list"),
    )
    rows = shop.warehouse.rows("SELECT id FROM items ORDER BY id")
    assert rows == [("a",), ("b",), ("c",), ("d",), ("first",)]
    assert len(shop.retried) >= 3
    ((refused,),) = [found for load_id, found in shop.announced if load_id == loaded.load_id]
    assert refused.gap
    assert refused.record == '{"id": "bad", "name": "taken"}'
    assert refused.key.startswith("list#")
    assert shop.warehouse.rows("SELECT kind, endpoint, record FROM _extractor_incidents") == [
        ("malformed", "items", refused.record)
    ]
    assert shop.warehouse.rows("SELECT key FROM _extractor_listings") == [("k",)]


def test_the_last_package_completes_the_chunk(shop: Shop) -> None:
    """A listing's row says that it is loaded: it must not be there before its records."""
    loaded = shop.load(page({"id": "a"}), page({"id": "b"}), page({"id": None}), parts=3)
    assert loaded.packages == 4
    assert [load_id for load_id, _ in shop.announced] == [loaded.load_id]
    assert [incident.gap for incident in shop.announced[0][1]] == [True]
    assert shop.warehouse.rows("SELECT max(load_id) FROM _dlt_loads") == [(loaded.load_id,)]
    assert shop.warehouse.rows("SELECT id FROM items ORDER BY id") == [("a",), ("b",)]


def test_parts_loaded_twice_leave_every_row_once(shop: Shop) -> None:
    pages = [page({"id": str(number), "lines": [{"sku": "x"}]}) for number in range(4)]
    shop.load(*pages, parts=2)
    shop.load(*pages)
    assert shop.warehouse.rows("SELECT count(*), count(DISTINCT id) FROM items") == [(4, 4)]
    assert shop.warehouse.rows("SELECT count(*) FROM items__lines") == [(4,)]


def test_a_failure_that_passes_costs_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt, failures = shop.warehouse.loader.attempt, iter([OSError("disk full"), OSError("disk full")])

    def fail_twice(*args: Any, **options: Any) -> Any:
        for error in failures:
            raise error
        return attempt(*args, **options)

    monkeypatch.setattr(shop.warehouse.loader, "attempt", fail_twice)
    assert shop.load(page({"id": "a"})).packages == 1
    assert shop.retried == ["disk full", "disk full"]


def test_no_record_is_blamed_for_a_destination_that_takes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("disk full")

    monkeypatch.setattr(shop.warehouse.loader, "attempt", fail)
    with pytest.raises(Away, match="takes nothing: disk full"):
        shop.load(page({"id": "a"}))
    assert shop.announced == []


def test_rows_of_the_chunk_that_cant_be_had_are_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger that they come from was deleted, say: neither a record nor the destination is at fault."""
    attempt = shop.warehouse.loader.attempt

    def fail(contents: Any, listings: list[Any], *rest: Any, **options: Any) -> Any:
        if listings:
            raise OSError("no ledger")
        return attempt(contents, listings, *rest, **options)

    monkeypatch.setattr(shop.warehouse.loader, "attempt", fail)
    with pytest.raises(Away, match="takes records, but not the rows that say so: no ledger"):
        shop.load(page({"id": "a"}))
    assert shop.announced == []


def test_an_attempt_that_failed_behind_its_commit_counts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = shop.warehouse.loader.attempt

    def fail_late(*args: Any, **options: Any) -> Any:
        attempt(*args, **options)
        raise OSError("the folder can't be deleted")

    monkeypatch.setattr(shop.warehouse.loader, "attempt", fail_late)
    loaded = shop.load(page({"id": "a"}))
    assert [load_id for load_id, _ in shop.announced] == [loaded.load_id]
    assert shop.warehouse.rows("SELECT count(*) FROM _dlt_loads") == [(1,)]


def test_what_the_run_does_not_want_is_not_loaded(shop: Shop) -> None:
    def refuse(_load_id: str, _found: Sequence[Incident]) -> None:
        raise Unwanted

    warehouse = shop.warehouse
    loader = ChunkLoader(warehouse.loader, warehouse.destination, announce=refuse, retrying=shop.retried.append)
    with pytest.raises(Unwanted):
        loader.load(Chunk(number=1, pages=lambda: [page({"id": "a"})], listings=list, incidents=list))
    assert shop.retried == []
