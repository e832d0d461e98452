"""What failed is to be asked for again, and nothing else that waits.

For the writer's thread, inside its transaction. Which other listings are left alone lives in memory only, as claims do:
the next process is free to claim everything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

import orjson

from extractor.ledger.listings import Listings
from extractor.ledger.recovery import recount
from extractor.ledger.schema import CODES
from extractor.model import IncidentKind, State

__all__ = ["TakenUp", "take_up"]

_held, _pending, _committed, _failed = (
    CODES[state] for state in (State.HELD, State.PENDING, State.COMMITTED, State.FAILED)
)

# Those that failed, those that wait since an earlier attempt to make good for them, and, where the order counts, those
# that were read after the first that failed.
_again = f"""
SELECT json_group_array(id) FROM (
    SELECT l.id FROM listings AS l JOIN endpoints AS e ON e.id = l.endpoint WHERE e.name = :name AND l.state = {_failed}
    UNION
    SELECT l.id FROM incidents AS i JOIN endpoints AS e ON e.name = i.endpoint
    JOIN listings AS l ON l.endpoint = e.id AND l.key = i.key
    WHERE i.endpoint = :name AND i.kind = '{IncidentKind.FAILED}' AND i.resolved_at IS NULL AND l.state = {_pending}
    UNION
    SELECT l.id FROM listings AS l JOIN endpoints AS e ON e.id = l.endpoint
    WHERE :in_order AND e.name = :name AND l.state = {_committed} AND l.pages > 0 AND l.id > (
        SELECT min(f.id) FROM listings AS f WHERE f.endpoint = e.id AND f.state = {_failed}
    )
)"""  # noqa: S608 - names of this package
# What failed with a cursor goes on from there; everything else is as it was found.
_to_be_read = f"""
UPDATE listings SET state = {_pending}, ended = NULL, truncated = 0,
    records = iif(cursor IS NULL, 0, records), pages = iif(cursor IS NULL, 0, pages)
WHERE id IN (SELECT value FROM json_each(?)) AND state != {_pending}
"""  # noqa: S608 - a number of this module
_forget_besides = f"""
DELETE FROM besides WHERE listing IN (
    SELECT id FROM listings WHERE id IN (SELECT value FROM json_each(?)) AND state != {_pending}
)"""  # noqa: S608 - as above
_refused = f"""
SELECT DISTINCT i.endpoint FROM incidents AS i JOIN endpoints AS e ON e.name = i.endpoint
JOIN listings AS l ON l.endpoint = e.id AND l.key = i.key
WHERE i.kind = '{IncidentKind.REFUSED}' AND i.resolved_at IS NULL AND l.state = {_pending}
"""  # noqa: S608 - names of this package


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenUp:
    """What a second attempt has before it.

    Attributes:
        again: listings that are asked for again.
        left: others that wait, and wait on.
        after: the id behind which new listings belong to this attempt.
    """

    again: int
    left: int
    after: int


def take_up(
    connection: sqlite3.Connection,
    listings: Listings,
    endpoints: Collection[str],
    in_order: Collection[str],
    after: int | None,
) -> TakenUp:
    """Let what failed of these endpoints be claimed, and what that names, and nothing else.

    A refused endpoint has all its listings waiting: all of them are claimed.

    Args:
        connection: to the ledger.
        listings: of it.
        endpoints: that may be asked.
        in_order: those whose later listings overwrite earlier ones.
        after: of the attempt that this one goes on with, None if there is none.
    """
    numbers: dict[str, list[int]] = {}
    for name in endpoints:
        found = connection.execute(_again, {"name": name, "in_order": name in in_order}).fetchone()[0]
        numbers[name] = orjson.loads(found)
    changed = orjson.dumps([number for each in numbers.values() for number in each]).decode()
    connection.execute(_forget_besides, (changed,))
    connection.execute(_to_be_read, (changed,))
    recount(connection)
    listings.load()
    refused = {name for (name,) in connection.execute(_refused)} & set(endpoints)
    tallies = listings.endpoints
    again = sum(tallies[name].counts[_pending] for name in refused)
    again += sum(len(each) for name, each in numbers.items() if name not in refused)
    waiting = sum(tally.counts[_held] + tally.counts[_pending] for tally in tallies.values())
    if after is None:
        after = listings.last_id() if waiting > again else 0
    left = sum(
        listings.set_aside(name, after, numbers.get(name, ())) for name in tallies if after and name not in refused
    )
    held = sum(tally.counts[_held] for tally in tallies.values()) if after else 0
    return TakenUp(again=waiting - left - held, left=left + held, after=after)
