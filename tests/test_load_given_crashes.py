"""Write dispositions over many packages, failures and kills: nothing twice, nothing lost, replaced once in a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dlt.common.data_types import type_helpers
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from giving import Shop, page, resources

ORDERS = {"name": "orders", "endpoint": "orders"}
KILLED = 9

DIES = """
import os, sys
sys.path[:0] = {path!r}
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from giving import Shop, resources
from pathlib import Path
from test_load_given_crashes import numbered

run, begun = DuckDbCopyJob.run, [0]

def dying(job):
    begun[0] += 1
    if begun[0] > {jobs}:
        os._exit({killed})
    run(job)

shop = Shop(Path({folder!r}), resources({described!r}))
if {first}:
    shop.chunk(numbered(1, 2))
DuckDbCopyJob.run = dying
shop.chunk(numbered(3), numbered(4), parts={parts})
"""


@pytest.fixture(autouse=True)
def conversions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOAD__WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    before = dict(type_helpers._COERCE_DISPATCH)
    yield
    type_helpers._COERCE_DISPATCH.clear()
    type_helpers._COERCE_DISPATCH.update(before)


def numbered(*ids: int) -> Any:
    return page(*({"id": one, "lines": [{"no": one, "parts": [{"no": one}]}]} for one in ids), endpoint="orders")


def dies(folder: Path, described: dict[str, Any], *, jobs: int, first: bool = True, parts: int = 1) -> None:
    """Load 1 and 2, then die over 3 and 4, when so many files of theirs are in."""
    program = DIES.format(
        path=[str(Path(__file__).parent), *sys.path],
        folder=str(folder),
        described=described,
        jobs=jobs,
        killed=KILLED,
        first=first,
        parts=parts,
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=folder).returncode == KILLED


def whole(shop: Shop) -> list[int]:
    """The ids of all orders; their lines and the lines' parts must be as many."""
    ids = shop.column("SELECT id FROM orders ORDER BY id")
    assert shop.column("SELECT no FROM orders__lines ORDER BY no") == ids
    assert shop.column("SELECT no FROM orders__lines__parts ORDER BY no") == ids
    return ids


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_killed_between_two_tables_no_row_comes_twice(tmp_path: Path, disposition: str, jobs: int) -> None:
    """None of these has a key, so only clearing up saves the second attempt from doubling rows."""
    described = {**ORDERS, "write_disposition": disposition}
    dies(tmp_path, described, jobs=jobs)
    shop = Shop(tmp_path, resources(described))
    shop.chunk(numbered(3, 4))
    assert whole(shop) == [1, 2, 3, 4]


@pytest.mark.parametrize("jobs", [2, 5, 8])
def test_killed_between_two_parts_the_chunk_comes_once(tmp_path: Path, jobs: int) -> None:
    """The first part is committed when the process dies, and the chunk is not."""
    described = {**ORDERS, "write_disposition": "append"}
    dies(tmp_path, described, jobs=jobs, parts=2)
    shop = Shop(tmp_path, resources(described))
    shop.chunk(numbered(3), numbered(4))
    shop.chunk(numbered(5), numbered(6), parts=2)
    assert whole(shop) == [1, 2, 3, 4, 5, 6]


def test_a_first_package_that_died_replaces_again(tmp_path: Path) -> None:
    described = {**ORDERS, "write_disposition": "replace"}
    Shop(tmp_path, resources(described), began="before").chunk(numbered(8, 9))
    dies(tmp_path, described, jobs=2, first=False)
    shop = Shop(tmp_path, resources(described))
    shop.chunk(numbered(1, 2))
    shop.chunk(numbered(3))
    assert whole(shop) == [1, 2, 3]


def test_replace_takes_the_place_of_what_was_there_once_in_a_run(tmp_path: Path) -> None:
    described = {**ORDERS, "write_disposition": "replace"}
    for began, ids in (("one", (1, 2, 3)), ("two", (4, 5, 6))):
        for one in ids:
            # Each from a process of its own: what is begun travels in the destination.
            shop = Shop(tmp_path, resources(described), began=began)
            shop.chunk(numbered(one))
        assert whole(shop) == list(ids)
        assert shop.destination.pipeline().schemas["shop"].tables["orders"]["write_disposition"] == "replace"


def test_what_is_replaced_by_nothing_is_emptied(tmp_path: Path) -> None:
    """As with dlt; but a table that the run leaves out keeps its rows."""
    found = resources(
        {**ORDERS, "write_disposition": "replace"},
        {"name": "left", "endpoint": "left", "write_disposition": "replace"},
        {"name": "other", "endpoint": "other"},
    )
    Shop(tmp_path, found).chunk(numbered(1), page({"id": 1}, endpoint="left"))
    shop = Shop(tmp_path, found, began="two", selection={"loaded": ["orders", "other"]})
    shop.chunk(page({"id": 1}, endpoint="other"))
    assert whole(shop) == []
    assert shop.column('SELECT id FROM "left"') == [1]


def test_an_attempt_that_failed_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, resources(ORDERS))
    shop.chunk(numbered(1))
    run = DuckDbCopyJob.run
    failures = iter([True])

    def failing(job: Any) -> None:
        if "orders__lines__parts" in job.file_name() and next(failures, False):
            raise OSError("no connection")
        run(job)

    monkeypatch.setattr(DuckDbCopyJob, "run", failing)
    monkeypatch.setattr("extractor.load.chunk.time.sleep", lambda _: None)
    shop.chunk(numbered(2, 3))
    assert whole(shop) == [1, 2, 3]


def test_a_record_that_the_destination_refuses_is_alone_in_its_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk goes in by parts, of which none may come twice either."""
    monkeypatch.setattr("extractor.load.chunk.time.sleep", lambda _: None)
    frozen = {"columns": "evolve", "data_type": "freeze"}
    shop = Shop(tmp_path, resources({**ORDERS, "schema_contract": frozen, "columns": {"n": {"data_type": "bigint"}}}))
    shop.chunk(numbered(1))
    shop.chunk(numbered(2, 3), page({"id": 4, "n": "many"}, {"id": 5, "n": 5}, endpoint="orders"))
    assert shop.column("SELECT id FROM orders ORDER BY id") == [1, 2, 3, 5]
    (incident,) = shop.incidents
    assert incident.record == '{"id":4,"n":"many"}'


def test_a_kept_history_goes_on_over_chunks(tmp_path: Path) -> None:
    """What one package of a run does not hold is not gone for that."""
    scd2 = {**ORDERS, "write_disposition": {"disposition": "merge", "strategy": "scd2"}}
    shop = Shop(tmp_path, resources(scd2))
    shop.chunk(numbered(1, 2))
    shop.chunk(numbered(3))
    assert shop.column("SELECT id FROM orders WHERE _dlt_valid_to IS NULL ORDER BY id") == [1, 2, 3]


def test_a_merge_key_replaces_what_was_there_before_the_run(tmp_path: Path) -> None:
    """Not what the run itself has brought for the same day in an earlier chunk."""
    daily = {**ORDERS, "write_disposition": "merge", "merge_key": "day"}

    def sold(day: str, *numbers: int) -> Any:
        return page(*({"day": day, "n": n, "lines": [{"n": n}]} for n in numbers), endpoint="orders")

    old = Shop(tmp_path, resources(daily))
    old.chunk(sold("mon", 1, 2), sold("tue", 3))
    shop = Shop(tmp_path, resources(daily), began="two")
    shop.chunk(sold("mon", 11))
    assert shop.rows("SELECT day, n FROM orders ORDER BY n") == [("tue", 3), ("mon", 11)]
    shop.chunk(sold("mon", 12), sold("tue", 13))
    assert shop.rows("SELECT day, n FROM orders ORDER BY n") == [("mon", 11), ("mon", 12), ("tue", 13)]
    assert shop.column("SELECT n FROM orders__lines ORDER BY n") == [11, 12, 13]


def test_rows_of_committed_loads_are_never_cleared_away(tmp_path: Path) -> None:
    """A user's own pipeline may have put them there."""
    shop = Shop(tmp_path, resources(ORDERS))
    shop.chunk(numbered(1))
    for _ in range(2):
        Shop(tmp_path, resources(ORDERS)).chunk(numbered(2))
    assert shop.column("SELECT id FROM orders ORDER BY id") == [1, 2, 2]
