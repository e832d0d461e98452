"""What attempts that were killed leave beside the rows: it goes when the next one comes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from loading import ITEMS, Warehouse, page, settle_in

from extractor.load.destination import Destination


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    settle_in(tmp_path, monkeypatch)
    return Warehouse(tmp_path, (ITEMS,), state={"identity": "me"})


def change(shop: Warehouse, *statements: str) -> None:
    with duckdb.connect(shop.file) as database:
        database.execute("USE shop_data")
        for statement in statements:
            database.execute(statement)


def states(shop: Warehouse) -> list[tuple[str, str]]:
    return shop.rows("SELECT pipeline_name, _dlt_load_id FROM _dlt_pipeline_state ORDER BY 1")


def test_states_of_packages_that_never_came_to_their_commit_are_deleted_and_no_others(shop: Warehouse) -> None:
    kept = shop.load().load_id
    like = "SELECT * REPLACE ('{}' AS pipeline_name, '17.5' AS _dlt_load_id) FROM _dlt_pipeline_state"
    killed = " UNION ALL ".join(like.format(name) for name in ("shop_pipeline", "another"))
    change(shop, f"INSERT INTO _dlt_pipeline_state {killed}")
    assert len(states(shop)) == 3
    shop.destination.forget()
    shop.load()
    assert set(states(shop)) == {("another", "17.5"), ("shop_pipeline", kept)}


def test_a_load_that_was_killed_behind_its_commit_leaves_no_record_in_the_staging_dataset(shop: Warehouse) -> None:
    load_id = shop.load(page({"id": "a", "lines": [{"sku": "x"}]})).load_id
    staged = ("shop_data_staging.items", "shop_data_staging.items__lines")
    change(shop, *(f"INSERT INTO {name} SELECT * FROM shop_data.{name.partition('.')[2]}" for name in staged))

    def count() -> list[int]:
        return [shop.rows(f"SELECT count(*) FROM {name}")[0][0] for name in staged]

    assert count() == [1, 1]
    successor = Destination(shop.folder / "load", shop.target, patience=0.3, waiting=shop.waits.append)
    assert not successor.committed("never loaded")
    assert count() == [1, 1]
    assert successor.committed(load_id)
    assert count() == [0, 0]
    assert shop.rows("SELECT count(*) FROM items") == [(1,)]


def test_what_was_being_published_when_its_process_was_killed_goes_and_nothing_else(shop: Warehouse) -> None:
    shop.load()
    home = shop.folder / "data" / "pipelines" / "shop_pipeline"
    published = {path for path in home.rglob("*") if path.is_file()}
    assert len(published) == 2, "the state, and a schema"
    for path in published:
        path.with_name(f"{path.name}.new").write_bytes(b"{")
    Destination(shop.folder / "load", shop.target, patience=0.3, waiting=shop.waits.append).sweep()
    assert {path for path in home.rglob("*") if path.is_file()} == published
