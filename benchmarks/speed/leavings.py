"""What a run leaves in its folder: records of anybody, and of our own its ledger and the moments of its commits."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import duckdb

from benchmarks.speed.vendor import NAME

__all__ = ["commits", "ledger_bytes", "pages_kept", "records"]

_TABLES = ["customers", "conversations", "items", "export"]
_PIPELINE = f"{NAME}_pipeline"


def records(folder: Path, told: Mapping[str, int]) -> int:
    """How many there are: rows of the tables in a DuckDB file, different ids in a file of JSON lines, or what was told.

    Args:
        folder: where the run worked.
        told: what it printed last.
    """
    for file in folder.glob("*.duckdb"):
        with duckdb.connect(str(file), read_only=True) as database:
            found = database.execute(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_name IN ($1, $2, $3, $4)",
                _TABLES,
            ).fetchall()
            queries = [f'SELECT count(*) FROM "{schema}"."{table}"' for schema, table in found]  # noqa: S608 - catalog
            return sum(int(database.execute(query).fetchall()[0][0]) for query in queries)
    lines = folder / "records.jsonl"
    if lines.exists():
        with lines.open() as file_of_lines:
            return len({_id(line) for line in file_of_lines})
    return told.get("records", 0)


def _id(line: str) -> str:
    # Not decoded: whoever was killed leaves half a line.
    return line.partition('"id": "')[2].partition('"')[0]


def ledger_bytes(folder: Path) -> int:
    """Size of the ledger, 0 if there is none."""
    file = _ledger(folder, _PIPELINE)
    return file.stat().st_size if file.exists() else 0


def commits(folder: Path) -> tuple[float, ...]:
    """Seconds from the first commit to each."""
    file = folder / f"{_PIPELINE}.duckdb"
    if not file.exists():
        return ()
    with duckdb.connect(str(file), read_only=True) as database:
        query = f"SELECT epoch(inserted_at) FROM {NAME}_data._dlt_loads ORDER BY 1"  # noqa: S608 - the name is ours
        moments = [float(row[0]) for row in database.execute(query).fetchall()]
    return tuple(moment - moments[0] for moment in moments)


def pages_kept(folder: Path, *, pipeline: str = _PIPELINE) -> Counter[str]:
    """Pages by endpoint that the ledger of a run that was killed holds: none of them should be asked for again."""
    file = _ledger(folder, pipeline)
    with tempfile.TemporaryDirectory() as copy:
        # Whoever opens the ledger itself would repair it before its owner does.
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy(each, copy)
        copied = Path(copy) / file.name
        if not copied.exists():
            return Counter()
        with closing(sqlite3.connect(copied)) as connection:
            return Counter(dict(connection.execute("SELECT name, pages FROM endpoints").fetchall()))


def _ledger(folder: Path, pipeline: str) -> Path:
    return folder / ".extractor" / pipeline / "ledger.sqlite"
