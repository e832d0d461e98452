"""The ledger's tables, how they are opened, and statements that write many rows in one step.

Why many rows in one step: the sqlite3 module gives up the interpreter lock at every step of a statement
and must queue up for it again, 5 ms each time while the event loop is busy. Measured with a busy second
thread, Python 3.11, 2 cores: 768 rows by `executemany` 1 to 3 s, by statements of 256 rows 20 to 30 ms.
For the same reason rows are read as one JSON text (`json_group_array`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from extractor.errors import StorageError, UsageError
from extractor.model import State
from extractor.spool import sync_folder

__all__ = [
    "CODES",
    "FILE",
    "SPOOL",
    "STATES",
    "ManyRows",
    "SqlValue",
    "connect",
    "connect_to_read",
    "page_ids",
]

FILE = "ledger.sqlite"
SPOOL = "spool"

STATES = (State.HELD, State.PENDING, State.OPEN, State.COMMITTED, State.GONE, State.FAILED)
"""By the number that stands for them in the tables: the final ones come last."""
CODES = {state: code for code, state in enumerate(STATES)}

SqlValue = str | int | None

_version = 2
_page_bytes = 4096
_checkpoint_bytes = 64 << 20
"""The log may grow to this size: keys are random, so that a longer log meets each index page more often
before it is written to its place."""

_tables = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- `given`: fields that `release` gave to all listings of the endpoint; kept once, not per listing.
CREATE TABLE endpoints (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, given TEXT,
    {"".join(f"{state} INTEGER NOT NULL DEFAULT 0, " for state in STATES)}
    records INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 0, truncated INTEGER NOT NULL DEFAULT 0
);

-- `ended`: the chunk in which the listing became final, NULL before. `seen_at`: when it was found.
-- Ids grow in the order of discovery, so that the listings found in a chunk are a range of ids.
CREATE TABLE listings (
    id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, key TEXT NOT NULL, parent TEXT, fields TEXT,
    state INTEGER NOT NULL, cursor TEXT, records INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 0,
    truncated INTEGER NOT NULL DEFAULT 0, ended INTEGER, seen_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX known ON listings (endpoint, key);
CREATE INDEX work ON listings (endpoint, state) WHERE ended IS NULL;
CREATE INDEX cut ON listings (endpoint) WHERE truncated = 1;

-- What happened to a listing in a chunk that isn't loaded yet: its state and totals after the event, and
-- where the page lies in the segment (length 0 if there is nothing to load). id = chunk << 32 | number.
CREATE TABLE pages (
    id INTEGER PRIMARY KEY, listing INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    state INTEGER NOT NULL, cursor TEXT, records INTEGER NOT NULL, pages INTEGER NOT NULL,
    truncated INTEGER NOT NULL, seen_at INTEGER NOT NULL
);

-- Found in the chunk: the listings with first_listing < id <= last_listing.
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, state TEXT NOT NULL, load_id TEXT, attempts INTEGER NOT NULL DEFAULT 0,
    first_listing INTEGER NOT NULL, last_listing INTEGER NOT NULL,
    pages INTEGER NOT NULL DEFAULT 0, changes INTEGER NOT NULL DEFAULT 0,
    records INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE incidents (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, endpoint TEXT NOT NULL, key TEXT NOT NULL, status INTEGER,
    path TEXT NOT NULL, detail TEXT NOT NULL, record TEXT, attempts INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    resolved_at INTEGER, gap INTEGER NOT NULL, chunk INTEGER NOT NULL
);
CREATE INDEX incidents_of_chunk ON incidents (chunk);
"""

_since_2 = """
-- Records of other endpoints that stood in a listing's answers, by the row of `pages` that brought them.
CREATE TABLE besides (
    page INTEGER PRIMARY KEY, listing INTEGER NOT NULL, endpoint INTEGER NOT NULL, records INTEGER NOT NULL
);
CREATE INDEX besides_of_listing ON besides (listing);
"""


def connect(folder: Path) -> sqlite3.Connection:
    """Open the ledger in `folder` for writing, and make it if there is none.

    Raises:
        UsageError: a newer version of this package wrote it.
        StorageError: it can't be opened, or what is there is no ledger.
    """
    path = folder / FILE
    try:
        if not path.exists():
            # SQLite gives its log the same permissions as the file.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            sync_folder(folder)
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise _unreadable(path, error) from error
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        _refuse_newer(path, version)
        connection.execute(f"PRAGMA page_size = {_page_bytes}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_checkpoint_bytes // _page_bytes}")
        connection.execute(f"PRAGMA journal_size_limit = {_checkpoint_bytes}")
        connection.execute("PRAGMA cache_size = -6144")
        connection.execute("PRAGMA busy_timeout = 10000")
        if version < _version:
            missing = _since_2 if version else _tables + _since_2
            connection.executescript(f"BEGIN IMMEDIATE; {missing} PRAGMA user_version = {_version}; COMMIT;")
    except sqlite3.Error as error:
        connection.close()
        raise _unreadable(path, error) from error
    except UsageError:
        connection.close()
        raise
    return connection


def connect_to_read(folder: Path) -> sqlite3.Connection:
    """Open the ledger in `folder` for reading only, from any process, while another one writes.

    Raises:
        UsageError: a newer version of this package wrote it.
        StorageError: there is none or it can't be read.
    """
    path = folder / FILE
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    try:
        connection.execute("PRAGMA busy_timeout = 10000")
        _refuse_newer(path, connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        connection.close()
        raise _unreadable(path, error) from error
    except UsageError:
        connection.close()
        raise
    return connection


def _refuse_newer(path: Path, version: int) -> None:
    if version > _version:
        raise UsageError(
            f"{path} was written by a newer version of extractor (format {version}; this one knows {_version}). "
            "Upgrade extractor, or choose another --pipeline-name."
        )


def _unreadable(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"The ledger {path} can't be opened: {error}. Repair that, or move the folder {path.parent} away: "
        "the next run then rebuilds the ledger from the destination."
    )


def page_ids(chunk: int) -> tuple[int, int]:
    """The first and last id that pages of `chunk` can have."""
    return chunk << 32, ((chunk + 1) << 32) - 1


class ManyRows:
    """One statement for any number of rows, run in as few steps as a handful of prepared sizes allow.

    Args:
        before: the statement up to its row values.
        columns: values in a row.
        after: the rest of the statement.
    """

    _sizes = (256, 64, 16, 4, 1)

    def __init__(self, before: str, columns: int, after: str = "") -> None:
        row = f"({', '.join('?' * columns)})"
        self._sql = {size: f"{before} {', '.join([row] * size)} {after}" for size in self._sizes}

    def run(self, connection: sqlite3.Connection, rows: Sequence[tuple[SqlValue, ...]]) -> int:
        """Execute for all rows; returns how many rows an INSERT added (elsewhere of no meaning)."""
        changed = done = 0
        for size in self._sizes:
            while len(rows) - done >= size:
                values = list(chain.from_iterable(rows[done : done + size]))
                changed += connection.execute(self._sql[size], values).rowcount
                done += size
        return changed

    def fetch(self, connection: sqlite3.Connection, rows: Sequence[tuple[SqlValue, ...]]) -> list[str]:
        """Execute a query of one text for all rows; returns the texts, one per step."""
        texts: list[str] = []
        done = 0
        for size in self._sizes:
            while len(rows) - done >= size:
                values = list(chain.from_iterable(rows[done : done + size]))
                texts.append(connection.execute(self._sql[size], values).fetchone()[0])
                done += size
        return texts
