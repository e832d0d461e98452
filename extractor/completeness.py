"""What the vendor cut off: completed by another route, or written down as missing.

Nothing here asks the vendor. It lets listings go that waited until all else was done, and judges at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from extractor.ledger import Ledger
from extractor.model import Afterwards, Endpoint, Incident, IncidentKind, State, Vendor

__all__ = ["Judgement", "judge", "let_go", "truncated"]


async def let_go(vendor: Vendor, ledger: Ledger, fetched: frozenset[str], unheld: frozenset[str]) -> int:
    """Let listings go that waited for all others; how many there were.

    By then the lists have said which records they delivered: what is left was named by a report or an event and
    is in no list.
    """
    released = 0
    for endpoint in vendor.endpoints:
        if endpoint.held is None or endpoint.name not in fetched or endpoint.name in unheld:
            continue
        given: dict[str, str] = {}
        if isinstance(endpoint.held, Afterwards):
            cut = await ledger.truncated(endpoint.held.truncated)
            given["truncated"] = orjson.dumps([key for key, _ in cut]).decode()
        if ledger.counts(endpoint.name)[State.HELD]:
            released += await ledger.release(endpoint.name, given)
    return released


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Of all lists that were cut off.

    Attributes:
        missing: an incident for each that no other route completed.
        completed: endpoint -> keys of the others.
    """

    missing: list[Incident]
    completed: Mapping[str, list[str]]


async def judge(vendor: Vendor, ledger: Ledger, fetched: frozenset[str], *, all_history: bool) -> Judgement:
    """Tell the lists that were cut off and completed by another route from those that were not.

    Args:
        all_history: windows were asked for all there is; otherwise nobody knows what they would have named.
    """
    missing: list[Incident] = []
    made_up: dict[str, list[str]] = {}
    for endpoint in vendor.endpoints:
        if endpoint.name not in fetched:
            continue
        cut = [key for key, _ in await ledger.truncated(endpoint.name)]
        if not cut:
            continue
        completed = await _completed(endpoint, ledger, cut, all_history=all_history)
        missing += (truncated(endpoint, key) for key in cut if not completed.get(key))
        made_up[endpoint.name] = [key for key in cut if completed.get(key)]
    return Judgement(missing=missing, completed=made_up)


async def _completed(endpoint: Endpoint, ledger: Ledger, cut: list[str], *, all_history: bool) -> dict[str, int]:
    """How many records another route brought for each list that was cut off, if that route can know of all."""
    cap = endpoint.cap
    if cap is None or not cap.completed_by or not all_history:
        return {}
    known_from = (await ledger.summary()).endpoints.get(cap.known_from)
    if known_from is None or known_from.truncated:
        return {}
    unread = (State.HELD, State.PENDING, State.OPEN, State.GONE, State.FAILED)
    if any(known_from.listings[state] for state in unread):
        return {}
    return await ledger.count_by_field(cap.completed_by, cap.key_field, cut)


def truncated(endpoint: Endpoint, key: str) -> Incident:
    """What is noted of a list as soon as it is cut off, and holds until another route has completed it.

    A ledger can be lost. The incident is what tells a later run that this list needs a judgement.
    """
    if endpoint.cap is not None:
        detail = f"the vendor shows {endpoint.cap.size:,} records at most, and no other route to the rest is complete"
    elif endpoint.windows is not None and endpoint.windows.near:
        detail = f"a single day with {endpoint.windows.near:,} rows or more, where the vendor cuts reports off"
    else:
        detail = "the vendor shows a part only, and there is no other way to ask for the rest"
    return Incident(kind=IncidentKind.TRUNCATED, endpoint=endpoint.name, key=key, detail=detail)
