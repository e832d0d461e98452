"""What is done with a ledger before and between runs: repair after a crash, fill, empty.

For the writer's thread, inside its transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from extractor.ledger.schema import CODES, STATES, ManyRows, SqlValue, page_ids
from extractor.model import State
from extractor.spool import Position, Spool

__all__ = ["ListingRow", "ask_again", "fill", "recount", "reopen", "repair", "unlearn"]

ListingRow = tuple[str, str, str | None, str | None, str, str | None, int, int, int]
"""A row of `_extractor_listings`: endpoint, key, parent, fields (JSON), state, cursor, records, pages,
seen_at (unix seconds)."""

_held, _pending, _open = CODES[State.HELD], CODES[State.PENDING], CODES[State.OPEN]
_block = 4096

_insert_known = ManyRows(
    "INSERT INTO listings (endpoint, key, parent, fields, state, cursor, records, pages, ended, seen_at) VALUES",
    10,
    "ON CONFLICT (endpoint, key) DO NOTHING",
)
_insert_damaged = ManyRows(
    "INSERT INTO damaged VALUES", 2, "ON CONFLICT (listing) DO UPDATE SET page = min(page, excluded.page)"
)


def reopen(connection: sqlite3.Connection) -> None:
    """Nobody works on anything: what was open waits again, from its cursor or from the beginning."""
    for (endpoint,) in connection.execute("SELECT id FROM endpoints WHERE open > 0").fetchall():
        connection.execute(
            f"UPDATE listings INDEXED BY work SET state = {_pending}"  # noqa: S608 - numbers of this module
            f" WHERE endpoint = ? AND state = {_open} AND ended IS NULL",
            (endpoint,),
        )
    connection.execute("UPDATE endpoints SET pending = pending + open, open = 0")


def repair(connection: sqlite3.Connection, spool: Spool) -> int:
    """Bring ledger and spool together: the ledger decides what counts, the spool what is there.

    Segments that the ledger doesn't know are removed, tails that it doesn't know are cut off. Listings of
    pages that are missing or damaged are pending again, from the cursor of the page before if that is
    still known, and everything that the ledger noted of them since is forgotten.

    Returns:
        How many listings are pending again.
    """
    chunks = connection.execute("SELECT id, bytes FROM chunks WHERE state != 'loaded' ORDER BY id").fetchall()
    loaded = connection.execute("SELECT id FROM chunks WHERE state = 'loaded'").fetchall()
    for (chunk,) in loaded:
        # It was loaded and the process died before it could remove the segment.
        spool.remove(chunk)
    spool.sweep({chunk for chunk, _ in chunks})
    connection.execute("CREATE TEMP TABLE damaged (listing INTEGER PRIMARY KEY, page INTEGER NOT NULL)")
    for chunk, size in chunks:
        spool.truncate(chunk, size)
        for rows in _blocks(connection, chunk):
            bad = spool.damaged(chunk, [(offset, length) for _, _, offset, length in rows])
            _insert_damaged.run(connection, [(rows[n][1], rows[n][0]) for n in bad])
    listings = int(connection.execute("SELECT count(*) FROM damaged").fetchone()[0])
    if listings:
        for chunk, size in chunks:
            _void(connection, spool, chunk, size)
        _set_back(connection)
        recount(connection)
    connection.execute("DROP TABLE damaged")
    spool.close()
    return listings


def _blocks(connection: sqlite3.Connection, chunk: int) -> Iterator[list[tuple[int, int, int, int]]]:
    """(page, listing, offset, length) of the chunk's pages that have a frame, in the order of their frames."""
    first, last = page_ids(chunk)
    while rows := connection.execute(
        "SELECT id, listing, offset, length FROM pages WHERE id BETWEEN ? AND ? AND length > 0 ORDER BY id LIMIT ?",
        (first, last, _block),
    ).fetchall():
        yield rows
        first = rows[-1][0] + 1


def _void(connection: sqlite3.Connection, spool: Spool, chunk: int, size: int) -> None:
    """Make the frames of the damaged pages, and of their listings' later ones, be skipped.

    This comes before the transaction that forgets them, so that a crash between the two leaves damaged
    pages that the ledger knows, never damaged ones that it doesn't.
    """
    first, last = page_ids(chunk)
    rows: list[Position] = connection.execute(
        "SELECT p.offset, p.length FROM pages AS p JOIN damaged AS d ON d.listing = p.listing"
        " WHERE p.id BETWEEN ? AND ? AND p.id >= d.page AND p.length > 0 ORDER BY p.id",
        (first, last),
    ).fetchall()
    there = spool.length(chunk)
    lost = [offset for offset, length in rows if offset + length > there]
    if lost:
        there = min(lost)
        spool.truncate(chunk, there)
    inside = [(offset, length) for offset, length in rows if offset + length <= there]
    if inside:
        spool.void(chunk, inside)
    if there < size:
        connection.execute("UPDATE chunks SET bytes = ? WHERE id = ?", (there, chunk))


def _set_back(connection: sqlite3.Connection) -> None:
    """The damaged listings stand where they stood before their first damaged page."""
    # SQLite takes the bare columns beside max() from the row that has the maximum.
    connection.execute(
        "CREATE TEMP TABLE before AS SELECT p.listing, max(p.id), p.cursor, p.records, p.pages, p.truncated"
        " FROM pages AS p JOIN damaged AS d ON d.listing = p.listing WHERE p.id < d.page GROUP BY p.listing"
    )
    connection.execute(
        f"UPDATE listings SET state = {_pending}, cursor = NULL, records = 0, pages = 0, truncated = 0,"  # noqa: S608
        " ended = NULL WHERE id IN (SELECT listing FROM damaged)"
    )
    connection.execute(
        "UPDATE listings SET cursor = b.cursor, records = b.records, pages = b.pages, truncated = b.truncated"
        " FROM before AS b WHERE b.listing = listings.id AND b.cursor IS NOT NULL"
    )
    connection.execute(
        "DELETE FROM pages WHERE id IN (SELECT p.id FROM pages AS p JOIN damaged AS d ON d.listing = p.listing"
        " WHERE p.id >= d.page)"
    )
    connection.execute(
        "DELETE FROM besides WHERE page IN (SELECT b.page FROM besides AS b JOIN damaged AS d ON d.listing = b.listing"
        " LEFT JOIN before AS o ON o.listing = b.listing WHERE b.page >= d.page OR o.cursor IS NULL)"
    )
    connection.execute("DROP TABLE before")


def recount(connection: sqlite3.Connection) -> None:
    """Count all listings again, for the endpoints' tallies."""
    sums = ", ".join(f"{state} = coalesce(s.{state}, 0)" for state in STATES)
    counts = ", ".join(f"sum(state = {CODES[state]}) AS {state}" for state in STATES)
    connection.execute(
        f"UPDATE endpoints SET {sums}, records = coalesce(s.r, 0) + coalesce(b.r, 0), pages = coalesce(s.p, 0),"  # noqa: S608 - own names
        " truncated = coalesce(s.t, 0) FROM endpoints AS e LEFT JOIN"
        f" (SELECT endpoint, {counts}, sum(records) AS r, sum(pages) AS p, sum(truncated) AS t"
        " FROM listings GROUP BY endpoint) AS s ON s.endpoint = e.id"
        " LEFT JOIN (SELECT endpoint, sum(records) AS r FROM besides GROUP BY endpoint) AS b ON b.endpoint = e.id"
        " WHERE e.id = endpoints.id"
    )


def fill(
    connection: sqlite3.Connection,
    rows: Iterable[ListingRow],
    held: Collection[str],
    cut: Iterable[tuple[str, str]] = (),
) -> int:
    """Fill an empty ledger with what the destination knows; returns how many listings there are.

    Open listings wait again; those of endpoints in `held` that wait are held. Those in `cut` (endpoint and key) were
    cut off.
    """
    endpoints: dict[str, int] = {}
    remaining = iter(rows)
    while block := list(islice(remaining, _block)):
        values: list[tuple[SqlValue, ...]] = []
        for endpoint, key, parent, fields, state, cursor, records, pages, seen_at in block:
            number = endpoints.get(endpoint)
            if number is None:
                inserted = connection.execute("INSERT INTO endpoints (name) VALUES (?) RETURNING id", (endpoint,))
                number = endpoints[endpoint] = int(inserted.fetchall()[0][0])
            if State(state).final:
                values.append((number, key, parent, fields, CODES[State(state)], cursor, records, pages, 0, seen_at))
            else:
                code = _held if endpoint in held else _pending
                values.append((number, key, parent, fields, code, cursor, records, pages, None, seen_at))
        _insert_known.run(connection, values)
    connection.executemany(
        "UPDATE listings SET truncated = 1 WHERE endpoint = (SELECT id FROM endpoints WHERE name = ?) AND key = ?", cut
    )
    recount(connection)
    return int(connection.execute("SELECT count(*) FROM listings").fetchone()[0])


def unlearn(connection: sqlite3.Connection, held: Collection[str]) -> None:
    """All listings are known and none was ever asked for; those of endpoints in `held` are held."""
    names = [name for (name,) in connection.execute("SELECT name FROM endpoints")]
    ask_again(connection, names, held)
    connection.execute("UPDATE endpoints SET given = NULL")


def ask_again(connection: sqlite3.Connection, endpoints: Collection[str], held: Collection[str]) -> None:
    """The listings of these endpoints are as they were when they were found."""
    for name in endpoints:
        state = _held if name in held else _pending
        connection.execute(
            "DELETE FROM besides WHERE listing IN"
            " (SELECT l.id FROM listings AS l JOIN endpoints AS e ON e.id = l.endpoint WHERE e.name = ?)",
            (name,),
        )
        connection.execute(
            f"UPDATE listings SET cursor = NULL, records = 0, pages = 0, truncated = 0, ended = NULL, state = {state}"  # noqa: S608
            " WHERE endpoint = (SELECT id FROM endpoints WHERE name = ?)",
            (name,),
        )
    recount(connection)
