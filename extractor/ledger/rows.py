"""What other processes read in the ledger: the rows that travel with a chunk, and a summary.

Each function opens the ledger read-only for as long as it needs it, while the fetch process writes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from extractor.ledger.recovery import ListingRow
from extractor.ledger.schema import CODES, STATES, connect_to_read, page_ids
from extractor.model import IncidentKind, State

__all__ = [
    "INCIDENT_COLUMNS",
    "LISTING_COLUMNS",
    "EndpointSummary",
    "IncidentRow",
    "Summary",
    "incident_rows",
    "listing_rows",
    "sealed_behind",
    "status",
    "summarize",
]

LISTING_COLUMNS = ("endpoint", "key", "parent", "fields", "state", "cursor", "records", "pages", "seen_at")
"""Columns of `_extractor_listings`; `fields` is JSON text or None, `seen_at` unix seconds."""
INCIDENT_COLUMNS = (
    "id",
    "kind",
    "endpoint",
    "key",
    "status",
    "path",
    "detail",
    "record",
    "attempts",
    "seen_at",
    "resolved_at",
    "gap",
)
"""Columns of `_extractor_incidents`; times are unix seconds, `gap` is 0 or 1."""

IncidentRow = tuple[str, str, str, str, int | None, str, str, str | None, int, int, int | None, int]

_cut_off = f"""
SELECT endpoint, count(*) FROM incidents
WHERE kind = '{IncidentKind.TRUNCATED}' AND resolved_at IS NULL GROUP BY endpoint
"""  # noqa: S608 - a name of this package
_names = (
    "CASE {state} "
    + " ".join(f"WHEN {code} THEN '{State.PENDING if state is State.HELD else state}'" for state, code in CODES.items())
    + " END"
)
# What happened last to each listing in the chunk, then the listings found in it to which nothing happened.
# Those may be further by now: then their `ended` names a later chunk.
_listings = f"""
WITH last AS (
    SELECT listing, max(id), state, cursor, records, pages, seen_at
    FROM pages WHERE id BETWEEN :first AND :last GROUP BY listing
)
SELECT e.name, l.key, l.parent, l.fields, {_names.format(state="p.state")}, p.cursor, p.records, p.pages, p.seen_at
FROM last AS p CROSS JOIN listings AS l ON l.id = p.listing JOIN endpoints AS e ON e.id = l.endpoint
UNION ALL
SELECT e.name, l.key, l.parent, l.fields, CASE WHEN l.ended = :chunk THEN {_names.format(state="l.state")}
    ELSE '{State.PENDING}' END, NULL, 0, 0, l.seen_at
FROM chunks AS c CROSS JOIN listings AS l JOIN endpoints AS e ON e.id = l.endpoint
WHERE c.id = :chunk AND l.id > c.first_listing AND l.id <= c.last_listing
AND l.id NOT IN (SELECT listing FROM pages WHERE id BETWEEN :first AND :last)
"""  # noqa: S608 - names of this module


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointSummary:
    """Listings of one endpoint by state, and what their pages held; `truncated` counts listings."""

    listings: Mapping[State, int]
    records: int
    pages: int
    truncated: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Where a pipeline stands.

    Attributes:
        endpoints: by name, in the order in which they were met.
        chunks: how many are sealed and not loaded.
        unloaded: records in those and in the one that is filling.
        backlog: their bytes.
        incidents: how many of each kind are not resolved.
        gaps: how many of them mean that something is missing from a table.
        cut_off: how many listings of each endpoint were cut off and not completed by another route.
    """

    endpoints: Mapping[str, EndpointSummary]
    chunks: int
    unloaded: int
    backlog: int
    incidents: Mapping[IncidentKind, int]
    gaps: int
    cut_off: Mapping[str, int]


def listing_rows(folder: Path, chunk: int, *, batch: int = 10_000) -> Iterator[list[ListingRow]]:
    """The listings that were found, advanced or ended in a sealed chunk, as they stood at its end.

    What happened in later chunks does not show, except that `fields` has no history. Only for chunks
    that aren't loaded: the ledger forgets their pages with the load.

    Args:
        folder: the pipeline's folder.
        chunk: its number.
        batch: rows in a list at most.
    """
    with closing(connect_to_read(folder)) as connection:
        first, last = page_ids(chunk)
        cursor = connection.execute(_listings, {"chunk": chunk, "first": first, "last": last})
        while rows := cursor.fetchmany(batch):
            yield rows


def incident_rows(folder: Path, chunk: int, *, batch: int = 1_000) -> Iterator[list[IncidentRow]]:
    """The incidents that are to be loaded with the chunk; one that happened again later goes with that chunk."""
    with closing(connect_to_read(folder)) as connection:
        cursor = connection.execute(
            f"SELECT {', '.join(INCIDENT_COLUMNS)} FROM incidents WHERE chunk = ? ORDER BY id",  # noqa: S608
            (chunk,),
        )
        while rows := cursor.fetchmany(batch):
            yield rows


def sealed_behind(folder: Path, chunk: int) -> tuple[int, int] | None:
    """Number and bytes of the chunk that is to be loaded after this one; None if it is not sealed yet."""
    with closing(connect_to_read(folder)) as connection:
        row = connection.execute(
            "SELECT id, bytes FROM chunks WHERE id > ? AND state = 'sealed' ORDER BY id LIMIT 1", (chunk,)
        ).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))


def status(folder: Path) -> Summary:
    """Where the pipeline stands; takes no lock, another run may be alive.

    Raises:
        StorageError: there is no ledger, or it can't be read.
    """
    with closing(connect_to_read(folder)) as connection:
        connection.execute("BEGIN")
        return summarize(connection)


def summarize(connection: sqlite3.Connection) -> Summary:
    """Where the pipeline stands as this connection sees it."""
    endpoints = {
        name: EndpointSummary(
            listings=dict(zip(STATES, counts, strict=True)), records=records, pages=pages, truncated=truncated
        )
        for name, records, pages, truncated, *counts in connection.execute(
            f"SELECT name, records, pages, truncated, {', '.join(STATES)} FROM endpoints ORDER BY id"  # noqa: S608
        )
    }
    chunks, unloaded, backlog = connection.execute(
        "SELECT coalesce(sum(state != 'filling'), 0), coalesce(sum(records), 0), coalesce(sum(bytes), 0)"
        " FROM chunks WHERE state != 'loaded'"
    ).fetchone()
    kinds = connection.execute(
        "SELECT kind, count(*), sum(gap) FROM incidents WHERE resolved_at IS NULL GROUP BY kind ORDER BY kind"
    ).fetchall()
    return Summary(
        endpoints=endpoints,
        chunks=chunks,
        unloaded=unloaded,
        backlog=backlog,
        incidents={IncidentKind(kind): count for kind, count, _ in kinds},
        gaps=sum(gaps for _, _, gaps in kinds),
        cut_off=dict(connection.execute(_cut_off).fetchall()),
    )
