"""The ledger's listings: which are known, who works on them, how many there are of each kind.

For the writer's thread, inside its transaction. Claims live in memory only: a process that died has
claimed nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from extractor.ledger.schema import CODES, STATES, ManyRows, SqlValue
from extractor.ledger.tally import FoundRow, Progress, Tally
from extractor.model import Listing, State

__all__ = ["Listings"]

_held, _pending, _open = CODES[State.HELD], CODES[State.PENDING], CODES[State.OPEN]
_committed = CODES[State.COMMITTED]

_row = "json_array(id, key, parent, fields, cursor, records, pages, truncated, state)"
_next = f"""
SELECT json_group_array({_row}) FROM (
    SELECT * FROM listings INDEXED BY work
    WHERE endpoint = ? AND state = {_pending} AND ended IS NULL AND id > ? ORDER BY id LIMIT ?
)"""  # noqa: S608 - only names of this module
_by_ids = f"""
SELECT json_group_array({_row}) FROM listings
WHERE id IN (SELECT value FROM json_each(?))"""  # noqa: S608 - as above
_held_ids = ManyRows(
    "SELECT json_group_array(json_array(l.id, l.key)) FROM (VALUES",
    2,
    ") AS v CROSS JOIN listings AS l INDEXED BY known"
    f" WHERE l.endpoint = v.column1 AND l.key = v.column2 AND +l.state = {_held}",
)
_insert = ManyRows(
    "INSERT INTO listings (endpoint, key, parent, fields, state, ended, seen_at) VALUES",
    7,
    "ON CONFLICT (endpoint, key) DO NOTHING",
)
_move = ManyRows(
    "UPDATE listings SET state = v.column2, ended = v.column3 FROM (VALUES",
    3,
    ") AS v WHERE listings.id = v.column1",
)
_advance = ManyRows(
    "UPDATE listings SET state = v.column2, cursor = v.column3, records = v.column4, pages = v.column5,"
    " truncated = v.column6, ended = v.column7 FROM (VALUES",
    7,
    ") AS v WHERE listings.id = v.column1",
)
_insert_besides = ManyRows("INSERT INTO besides VALUES", 4)
_insert_endpoint = "INSERT INTO endpoints (name) VALUES (?)"
_update_endpoint = (
    f"UPDATE endpoints SET {', '.join(f'{state} = ?' for state in STATES)},"  # noqa: S608 - names of this module
    " records = ?, pages = ?, truncated = ?, given = ? WHERE id = ?"
)


class Listings:
    """All listings of the ledger behind `connection`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.endpoints: dict[str, Tally] = {}
        self._saved: dict[str, tuple[SqlValue, ...]] = {}
        self.load()

    def load(self) -> None:
        """Read the tallies; forgets all claims."""
        self.claimed: dict[int, Progress] = {}
        columns = ", ".join(STATES)
        rows = self._connection.execute(
            f"SELECT id, name, given, records, pages, truncated, {columns} FROM endpoints ORDER BY id"  # noqa: S608
        )
        self.endpoints = {
            name: Tally(
                id=number,
                name=name,
                counts=counts,
                records=records,
                pages=pages,
                truncated=truncated,
                given=orjson.loads(given) if given else {},
            )
            for number, name, given, records, pages, truncated, *counts in rows
        }
        self._saved = {name: tally.row() for name, tally in self.endpoints.items()}

    def save(self) -> None:
        """Write the tallies that changed in this transaction."""
        for name, tally in self.endpoints.items():
            row = tally.row()
            if row != self._saved.get(name):
                self._connection.execute(_update_endpoint, row)
                self._saved[name] = row

    def endpoint(self, name: str) -> Tally:
        """The endpoint's tally; made if there is none."""
        tally = self.endpoints.get(name)
        if tally is None:
            number = self._connection.execute(_insert_endpoint, (name,)).lastrowid
            assert number is not None  # noqa: S101 - an INSERT into a rowid table has one
            tally = self.endpoints[name] = Tally(id=number, name=name, counts=[0] * len(STATES))
        return tally

    def last_id(self) -> int:
        """The highest id in use."""
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM listings").fetchone()[0])

    def ids(self, name: str) -> list[int]:
        """Ids of all listings of the endpoint."""
        tally = self.endpoints.get(name)
        if tally is None:
            return []
        rows = self._connection.execute("SELECT id FROM listings WHERE endpoint = ? ORDER BY id", (tally.id,))
        return [number for (number,) in rows]

    # ── found ───────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, found: Mapping[str, FoundRow], chunk: int) -> tuple[int, list[int]]:
        """Add what is new of these listings of one endpoint, and let go or settle held ones.

        Returns:
            How many listings are new, and the ids of held ones that are now committed.
        """
        tally = self.endpoint(name)
        added, settled, rows = 0, [], dict(found)
        if tally.counts[_held]:
            wanted = [(tally.id, key) for key, row in found.items() if row.state != _held]
            held = [pair for text in _held_ids.fetch(self._connection, wanted) for pair in orjson.loads(text)]
            moves: list[tuple[SqlValue, ...]] = []
            for number, key in held:
                state = rows.pop(key).state
                moves.append((number, state, chunk if state == _committed else None))
                if state == _committed:
                    settled.append(number)
                elif number > tally.aside:
                    tally.mark = min(tally.mark, number - 1)
                else:
                    tally.excepted.append(number)
                tally.counts[_held] -= 1
                tally.counts[state] += 1
            _move.run(self._connection, moves)
        for state in (_held, _pending, _committed):
            ended = chunk if state == _committed else None
            new = _insert.run(
                self._connection,
                [
                    (tally.id, row.key, row.parent, row.fields, state, ended, row.seen_at)
                    for row in rows.values()
                    if row.state == state
                ],
            )
            tally.counts[state] += new
            added += new
        return added, settled

    # ── claims ──────────────────────────────────────────────────────────────────────────────

    def claim(self, name: str, limit: int) -> list[Listing]:
        """The next listings of the endpoint that nobody in this process works on, in the order of discovery."""
        tally = self.endpoints.get(name)
        if tally is None:
            return []
        rows: list[list[object]] = []
        if tally.excepted:
            ids, tally.excepted = tally.excepted[:limit], tally.excepted[limit:]
            text = self._connection.execute(_by_ids, (orjson.dumps(ids).decode(),)).fetchone()[0]
            rows += sorted(orjson.loads(text))
        while (wanted := limit - len(rows)) > 0:
            text = self._connection.execute(_next, (tally.id, tally.mark, wanted)).fetchone()[0]
            seen = orjson.loads(text)
            taken = {row[0] for row in rows} | set(tally.excepted)
            rows += (row for row in seen if row[0] not in self.claimed and row[0] not in taken)
            if seen:
                tally.mark = max(row[0] for row in seen)
            if len(seen) < wanted:
                break
        return [self._claimed(tally, row) for row in rows]

    def _claimed(self, tally: Tally, row: Sequence[object]) -> Listing:
        number, key, parent, fields, cursor, records, pages, truncated, state = row
        progress = Progress(tally, _int(state), _int(records), _int(pages), bool(truncated))
        self.claimed[_int(number)] = progress
        tally.claimed += 1
        if cursor is None and progress.pages:
            self._begin_again(_int(number), progress)
        return Listing(
            id=_int(number),
            endpoint=tally.name,
            key=str(key),
            parent=None if parent is None else str(parent),
            fields={**(orjson.loads(str(fields)) if fields else {}), **tally.given},
            cursor=None if cursor is None else str(cursor),
        )

    def _begin_again(self, number: int, progress: Progress) -> None:
        """Its next page will be its first, so what was counted of it counts no more."""
        tally = progress.tally
        tally.records -= progress.records
        tally.pages -= progress.pages
        tally.truncated -= progress.truncated
        progress.records = progress.pages = 0
        progress.truncated = False
        self._connection.execute("UPDATE listings SET records = 0, pages = 0, truncated = 0 WHERE id = ?", (number,))
        beside = self._connection.execute(
            "SELECT e.name, sum(b.records) FROM besides AS b JOIN endpoints AS e ON e.id = b.endpoint"
            " WHERE b.listing = ? GROUP BY b.endpoint",
            (number,),
        ).fetchall()
        for name, records in beside:
            self.endpoints[name].records -= records
        self._connection.execute("DELETE FROM besides WHERE listing = ?", (number,))

    def set_aside(self, name: str, upto: int, but: Sequence[int]) -> int:
        """Leave what waits of the endpoint, up to an id, to a later process; returns how many listings that is.

        Args:
            name: of the endpoint.
            upto: the last id of those that are left.
            but: ids of pending listings to be claimed all the same.
        """
        tally = self.endpoint(name)
        tally.aside = tally.mark = upto
        tally.excepted = [number for number in but if number <= upto]
        waiting = self._connection.execute(
            "SELECT count(*) FROM listings INDEXED BY work"  # noqa: S608 - numbers of this module
            f" WHERE endpoint = ? AND state = {_pending} AND ended IS NULL AND id <= ?",
            (tally.id, upto),
        ).fetchone()[0]
        left = int(waiting) - len(tally.excepted)
        tally.claimed += left
        return left

    # ── pages ───────────────────────────────────────────────────────────────────────────────

    def progress(self, number: int) -> Progress | None:
        """How far the claimed listing is; None for one that is final already.

        Raises:
            LookupError: nobody has claimed it.
        """
        progress = self.claimed.get(number)
        if progress is not None:
            return progress if progress.state <= _open else None
        row = self._connection.execute("SELECT state FROM listings WHERE id = ?", (number,)).fetchone()
        if row is None or row[0] <= _open:
            raise LookupError(f"Nobody has claimed a listing {number}.")
        return None

    def count(self, progress: Progress, *, state: int, records: int, truncated: bool) -> None:
        """Count one more page of a listing that isn't final."""
        tally = progress.tally
        tally.counts[progress.state] -= 1
        tally.counts[state] += 1
        tally.records += records
        tally.pages += 1
        if truncated and not progress.truncated:
            progress.truncated = True
            tally.truncated += 1
        if state > _open:
            tally.claimed -= 1
        progress.state = state
        progress.records += records
        progress.pages += 1

    def beside(self, rows: Sequence[tuple[int, int, str, int]]) -> None:
        """Count (page, listing, endpoint, records) of records that stood in the answers of another endpoint."""
        values: list[tuple[SqlValue, ...]] = []
        for page, listing, name, records in rows:
            tally = self.endpoint(name)
            tally.records += records
            values.append((page, listing, tally.id, records))
        _insert_besides.run(self._connection, values)

    def advance(self, rows: Collection[tuple[SqlValue, ...]]) -> None:
        """Write (id, state, cursor, records, pages, truncated, ended) of listings, each at most once."""
        _advance.run(self._connection, list(rows))

    def forget_finished(self, numbers: Iterable[int]) -> None:
        """Drop the claims of listings that are final, once that is committed."""
        for number in numbers:
            progress = self.claimed.get(number)
            if progress is not None and progress.state > _open:
                del self.claimed[number]

    # ── all of an endpoint ──────────────────────────────────────────────────────────────────

    def release(self, name: str, fields: Mapping[str, str]) -> int:
        """Let all held listings of the endpoint be claimed, with `fields` added to theirs."""
        tally = self.endpoint(name)
        tally.given.update(fields)
        self._connection.execute(
            f"UPDATE listings INDEXED BY work SET state = {_pending}"  # noqa: S608 - numbers of this module
            f" WHERE endpoint = ? AND state = {_held} AND ended IS NULL",
            (tally.id,),
        )
        released, tally.counts[_held] = tally.counts[_held], 0
        tally.counts[_pending] += released
        if released:
            tally.mark = 0
        return released

    def truncated(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """Key and fields of the committed listings that were cut off."""
        rows = self._connection.execute(
            "SELECT l.key, l.fields FROM listings AS l INDEXED BY cut JOIN endpoints AS e ON e.id = l.endpoint"  # noqa: S608
            f" WHERE e.name = ? AND l.truncated = 1 AND l.state = {_committed} ORDER BY l.id",
            (name,),
        )
        return [(key, orjson.loads(fields) if fields else {}) for key, fields in rows]

    def count_by_field(self, name: str, field_name: str, keys: Collection[str]) -> dict[str, int]:
        """For each key, how many committed listings with records have it in that field; one pass for all."""
        counts = dict.fromkeys(keys, 0)
        rows = self._connection.execute(
            "SELECT json_extract(l.fields, ?) AS value, count(*) FROM listings AS l"  # noqa: S608
            " JOIN endpoints AS e ON e.id = l.endpoint"
            f" WHERE e.name = ? AND +l.state = {_committed} AND l.records > 0"
            " AND value IN (SELECT value FROM json_each(?))"
            " GROUP BY value",
            (f'$."{field_name}"', name, orjson.dumps(list(keys)).decode()),
        )
        counts.update(dict(rows.fetchall()))
        return counts


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - a column that the schema fills with integers
    return value
