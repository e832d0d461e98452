"""What two runs of the sweep left behind, compared: rows, loads, files and processes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from benchmarks.rig import DATASET, PIPELINE, tables

__all__ = ["Remains", "judge", "remains"]

Remains = dict[str, list[str]]
"""What a run left: rows by table, and its files and folders by an empty name."""


def remains(folder: Path) -> Remains:
    """What the run in this folder left."""
    return _rows(folder) | {"": sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))}


def judge(right: Remains, folder: Path) -> tuple[dict[str, int], list[str]]:
    """How many faults of each kind the run in this folder has beside the right one, and which, in words."""
    found = remains(folder)
    files = set(found.pop("")) - set(right[""])
    left = [*sorted(files), *_staged(folder), *(f"process {number}" for number in _living(folder))]
    lost, more, told = 0, 0, []
    for name in sorted(right.keys() - {""} | found.keys()):
        expected, got = Counter(right.get(name, ())), Counter(found.get(name, ()))
        lacking, needless = (expected - got).total(), (got - expected).total()
        lost, more = lost + lacking, more + needless
        if lacking or needless:
            told.append(f"{name}: {lacking} rows lost, {needless} too many")
    loads = _odd_loads(folder)
    told += [*loads, *(f"left over: {name}" for name in left)]
    return {"lost": lost, "duplicated": more, "second_load_rows": len(loads), "left_over": len(left)}, told


def _rows(folder: Path) -> Remains:
    """Every row of every table; rows of nested tables are counted, too, should their records be gone."""
    found = {name: [repr(row) for row in rows] for name, rows in tables(folder).items()}
    with _database(folder) as database:
        for name in list(found):
            ((count,),) = database.execute(f'SELECT count(*) FROM "{name}"').fetchall()  # noqa: S608
            found[f"{name}, counted"] = ["row"] * count
    return found


def _odd_loads(folder: Path) -> list[str]:
    """Loads that `_dlt_loads` has twice, or not at all though there are rows of them."""
    with _database(folder) as database:
        noted = "SELECT load_id FROM _dlt_loads GROUP BY 1 HAVING count(*) != 1 OR max(status) != 0"
        odd = [f"load {row[0]} is noted otherwise than once" for row in database.execute(noted).fetchall()]
        having = "SELECT table_name FROM duckdb_columns() WHERE schema_name = ? AND column_name = '_dlt_load_id'"
        for (name,) in database.execute(having, [DATASET]).fetchall():
            missing = f'SELECT _dlt_load_id FROM "{name}" EXCEPT SELECT load_id FROM _dlt_loads'  # noqa: S608
            odd += [f"load {row[0]} is in {name} and not noted" for row in database.execute(missing).fetchall()]
    return odd


def _staged(folder: Path) -> list[str]:
    """Tables with rows outside of the dataset: in the one for staging, or temporary ones."""
    with _database(folder) as database:
        query = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name != ? AND NOT internal"
        found = database.execute(query, [DATASET]).fetchall()
        names = [
            f"{schema}.{name}"
            for schema, name in found
            if not name.startswith("_dlt") and database.execute(f'FROM "{schema}"."{name}" LIMIT 1').fetchall()
        ]
    return [f"rows in {name}" for name in names]


@contextmanager
def _database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(folder / f"{PIPELINE}.duckdb"), read_only=True) as database:
        database.execute(f'USE "{DATASET}"')
        yield database


def _living(folder: Path) -> list[int]:
    """Processes that work in the folder, once those that are about to end had a moment for it."""
    found: list[int] = []
    for _ in range(100):
        found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _in(entry, folder)]
        if not found:
            break
        time.sleep(0.01)
    return found


def _in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder
    except OSError:  # it has ended, or is another user's
        return False
