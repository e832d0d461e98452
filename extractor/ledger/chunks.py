"""The ledger's chunks: one is filling, sealed ones wait to be loaded in order.

For the writer's thread, inside its transaction. What must happen on disk once the transaction is
committed (deleting a segment) is left in `after_commit`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

from extractor.ledger.schema import CODES, ManyRows, SqlValue, page_ids
from extractor.model import Incident, IncidentKind, State
from extractor.spool import Spool

__all__ = ["Chunk", "Chunks", "Event", "Filling", "incident_id", "incident_row"]

_insert_pages = ManyRows("INSERT INTO pages VALUES", 10)
_insert_incidents = ManyRows(
    "INSERT INTO incidents VALUES",
    13,
    "ON CONFLICT (id) DO UPDATE SET status = excluded.status, path = excluded.path, detail = excluded.detail,"
    " record = excluded.record, attempts = excluded.attempts, seen_at = excluded.seen_at, resolved_at = NULL,"
    " gap = excluded.gap, chunk = excluded.chunk",
)
_made_good = f"""
UPDATE incidents SET resolved_at = ?, chunk = ?
WHERE resolved_at IS NULL AND kind IN ('{IncidentKind.FAILED}', '{IncidentKind.REFUSED}') AND EXISTS (
    SELECT 1 FROM listings AS l JOIN endpoints AS e ON e.id = l.endpoint
    WHERE e.name = incidents.endpoint AND l.key = incidents.key
    AND l.state IN ({CODES[State.COMMITTED]}, {CODES[State.GONE]})
)"""  # noqa: S608 - names of this package
_chunk_columns = "id, state, load_id, records, bytes, attempts"

Event = tuple[int, int, int, int, str | None, int, int, bool, int]
"""A row of `pages` without its id: listing, offset, length, state, cursor, records, pages, truncated, seen_at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Sealed pages that are loaded together.

    Attributes:
        state: `sealed` or `loading`.
        load_id: of the attempt that is or was under way.
        records: as the client counted them; pages that are fetched again count again.
        bytes: size of the segment, for `spool.read`.
        attempts: how many failed.
    """

    id: int
    state: str
    load_id: str | None
    records: int
    bytes: int
    attempts: int


@dataclass(slots=True)
class Filling:
    """The chunk that pages go to.

    Attributes:
        pages: rows of `pages` so far, which number them.
        changes: everything that makes it worth loading.
    """

    id: int
    first_listing: int
    last_listing: int
    pages: int = 0
    changes: int = 0
    records: int = 0
    bytes: int = 0


def incident_id(incident: Incident) -> str:
    """The hex SHA-256 of kind, endpoint and key, which makes one row of what happens again."""
    return sha256(f"{incident.kind}\0{incident.endpoint}\0{incident.key}".encode()).hexdigest()


def incident_row(incident: Incident, seen_at: int) -> tuple[SqlValue, ...]:
    """Its row but for the chunk.

    Text that is no Unicode (a lone surrogate in a vendor's key) is written with escapes.
    """
    clean = Incident(
        kind=incident.kind,
        endpoint=incident.endpoint,
        key=_unicode(incident.key),
        status=incident.status,
        path=_unicode(incident.path),
        detail=_unicode(incident.detail),
        record=None if incident.record is None else _unicode(incident.record),
        attempts=incident.attempts,
        gap=incident.gap,
    )
    return (
        incident_id(clean),
        clean.kind.value,
        clean.endpoint,
        clean.key,
        clean.status,
        clean.path,
        clean.detail,
        clean.record,
        clean.attempts,
        seen_at,
        None,
        int(clean.gap),
    )


def _unicode(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Chunks:
    """All chunks of the ledger behind `connection`, and their segments.

    Attributes:
        filling: the one that pages go to.
        waiting: how many are sealed and not loaded, those that are being loaded too.
        after_commit: what is left to do then.
    """

    def __init__(self, connection: sqlite3.Connection, spool: Spool) -> None:
        self._connection = connection
        self._spool = spool
        self.after_commit: list[Callable[[], None]] = []
        self._saved: tuple[int, ...] = ()
        self.filling = self._filling() or self.begin(after=spool.kept(), first_listing=0)
        unloaded = "SELECT count(*) FROM chunks WHERE state IN ('sealed', 'loading')"
        self.waiting = int(connection.execute(unloaded).fetchone()[0])

    def _filling(self) -> Filling | None:
        row = self._connection.execute(
            "SELECT id, first_listing, last_listing, pages, changes, records, bytes FROM chunks WHERE state = 'filling'"
        ).fetchone()
        return row and Filling(*row)

    def begin(self, *, after: int, first_listing: int) -> Filling:
        """Start the chunk behind `after`; its listings are those behind `first_listing`."""
        self.filling = Filling(after + 1, first_listing, first_listing)
        self._connection.execute(
            "INSERT INTO chunks (id, state, first_listing, last_listing) VALUES (?, 'filling', ?, ?)",
            (self.filling.id, first_listing, first_listing),
        )
        return self.filling

    @property
    def next_page(self) -> int:
        """The id of the row of `pages` that is added next."""
        return page_ids(self.filling.id)[0] + self.filling.pages

    def add(self, events: Sequence[Event], incidents: Sequence[tuple[SqlValue, ...]]) -> None:
        """Note what happened in the filling chunk."""
        chunk = self.filling
        first = self.next_page
        _insert_pages.run(self._connection, [(first + n, *event) for n, event in enumerate(events)])
        self.write_incidents(incidents, chunk.id)
        chunk.pages += len(events)
        chunk.changes += len(events) + len(incidents)

    def write_incidents(self, incidents: Sequence[tuple[SqlValue, ...]], chunk: int) -> None:
        """Add or renew incidents, to be loaded with `chunk`."""
        _insert_incidents.run(self._connection, [(*row, chunk) for row in incidents])

    def resolve(
        self, kinds: Collection[str], endpoints: Collection[str], keys: Collection[str] | None, now: int
    ) -> int:
        """Incidents of these kinds, endpoints and keys (None: all) hold no more; the next load says so.

        Returns:
            How many.
        """
        listed = None if keys is None else json.dumps([_unicode(key) for key in keys])
        resolved = self._connection.execute(
            "UPDATE incidents SET resolved_at = ?, chunk = ? WHERE resolved_at IS NULL"
            " AND kind IN (SELECT value FROM json_each(?)) AND endpoint IN (SELECT value FROM json_each(?))"
            " AND (? IS NULL OR key IN (SELECT value FROM json_each(?)))",
            (now, self.filling.id, json.dumps(list(kinds)), json.dumps(list(endpoints)), listed, listed),
        ).rowcount
        self.filling.changes += resolved
        return resolved

    def made_good(self, now: int) -> int:
        """Incidents of listings that failed or were refused and have been read since hold no more; how many."""
        resolved = self._connection.execute(_made_good, (now, self.filling.id)).rowcount
        self.filling.changes += resolved
        return resolved

    def save(self) -> None:
        """Write what the filling chunk holds."""
        chunk = self.filling
        row = (
            chunk.first_listing,
            chunk.last_listing,
            chunk.pages,
            chunk.changes,
            chunk.records,
            chunk.bytes,
            chunk.id,
        )
        if row == self._saved:
            return
        self._connection.execute(
            "UPDATE chunks SET first_listing = ?, last_listing = ?, pages = ?, changes = ?, records = ?, bytes = ?"
            " WHERE id = ?",
            row,
        )
        self._saved = row

    def seal(self) -> int | None:
        """Close the filling chunk if there is something in it, and begin the next; returns its number."""
        chunk = self.filling
        if not chunk.changes:
            return None
        self.save()
        self._connection.execute("UPDATE chunks SET state = 'sealed' WHERE id = ?", (chunk.id,))
        self.waiting += 1
        self.after_commit.append(lambda: self._spool.end(chunk.id))
        self.begin(after=chunk.id, first_listing=chunk.last_listing)
        return chunk.id

    def next_sealed(self) -> Chunk | None:
        """The first chunk that isn't loaded, if it is sealed and no attempt to load it is under way."""
        row = self._connection.execute(
            f"SELECT {_chunk_columns} FROM chunks WHERE state != 'loaded' ORDER BY id LIMIT 1"  # noqa: S608
        ).fetchone()
        return None if row is None or row[1] != "sealed" else _chunk(row)

    def in_loading(self) -> list[Chunk]:
        """Chunks whose load was under way when the ledger was last written."""
        rows = self._connection.execute(
            f"SELECT {_chunk_columns} FROM chunks WHERE state = 'loading' ORDER BY id"  # noqa: S608
        )
        return [_chunk(row) for row in rows]

    def last_loaded_load_id(self) -> str | None:
        """Under which load id the newest loaded chunk went in."""
        row = self._connection.execute(
            "SELECT load_id FROM chunks WHERE state = 'loaded' ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])

    def loading(self, number: int, load_id: str, incidents: Sequence[tuple[SqlValue, ...]]) -> None:
        """An attempt under this load id is about to change the destination."""
        first = self._connection.execute("SELECT min(id) FROM chunks WHERE state != 'loaded'").fetchone()[0]
        self._expect(number, "sealed", "loading")
        if number != first:
            raise ValueError(f"Chunk {first} must be loaded before chunk {number}.")
        self._connection.execute("UPDATE chunks SET state = 'loading', load_id = ? WHERE id = ?", (load_id, number))
        self.write_incidents(incidents, number)

    def failed(self, number: int) -> int:
        """The attempt left nothing in the destination; returns how many have failed."""
        self._expect(number, "sealed", "loading")
        return int(
            self._connection.execute(
                "UPDATE chunks SET state = 'sealed', load_id = NULL, attempts = attempts + 1 WHERE id = ?"
                " RETURNING attempts",
                (number,),
            ).fetchall()[0][0]
        )

    def loaded(self, number: int) -> None:
        """The destination has it; its pages are forgotten and its segment goes."""
        self._expect(number, "loading")
        self._connection.execute("DELETE FROM pages WHERE id BETWEEN ? AND ?", page_ids(number))
        self._connection.execute("DELETE FROM chunks WHERE state = 'loaded'")
        self._connection.execute("UPDATE chunks SET state = 'loaded' WHERE id = ?", (number,))
        self.waiting -= 1
        self.after_commit.append(lambda: self._spool.remove(number))

    def clear(self, *, first_listing: int) -> None:
        """Forget all chunks with what they hold, and begin a new one."""
        self._connection.execute("DELETE FROM pages")
        self._connection.execute("DELETE FROM chunks")
        self._connection.execute("DELETE FROM incidents")
        self.begin(after=self.filling.id, first_listing=first_listing)
        self.waiting = 0
        self.after_commit.append(self._spool.clear)

    def _expect(self, number: int, *states: str) -> None:
        row = self._connection.execute("SELECT state FROM chunks WHERE id = ?", (number,)).fetchone()
        if row is None or row[0] not in states:
            raise ValueError(f"Chunk {number} is {row[0] if row else 'unknown'}, not {' or '.join(states)}.")


def _chunk(row: tuple[int, str, str | None, int, int, int]) -> Chunk:
    number, state, load_id, records, size, attempts = row
    return Chunk(id=number, state=state, load_id=load_id, records=records, bytes=size, attempts=attempts)
