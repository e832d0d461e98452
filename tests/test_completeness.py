"""Lists that were cut off: let go, judged, named; with a real ledger."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from acme import VENDOR

from extractor.completeness import judge, let_go, truncated
from extractor.ledger import Ledger
from extractor.model import Cap, Endpoint, Found, IncidentKind, Page, State, Windows

ALL = frozenset(endpoint.name for endpoint in VENDOR.endpoints)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(tmp_path / "p")
    yield opened
    await opened.close()


async def had(
    ledger: Ledger,
    endpoint: str,
    *keys: str,
    state: State = State.COMMITTED,
    cut: bool = False,
    records: int = 1,
    fields: Mapping[str, str] | None = None,
) -> None:
    """These listings were fetched."""
    await ledger.add([Found(endpoint=endpoint, key=key, fields=fields or {}) for key in keys])
    for listing in await ledger.claim(endpoint, len(keys)):
        await ledger.record(Page(listing=listing, state=state, records=records, truncated=cut))


async def held(ledger: Ledger, endpoint: str, *keys: str) -> None:
    await ledger.add([Found(endpoint=endpoint, key=key, state=State.HELD) for key in keys])


# ── letting go ──────────────────────────────────────────────────────────────────────────────


async def test_what_no_list_delivered_is_let_go_at_the_end(ledger: Ledger) -> None:
    await held(ledger, "order", "a", "b")
    await ledger.add([Found(endpoint="order", key="a", state=State.COMMITTED)])
    assert await let_go(VENDOR, ledger, ALL, frozenset()) == 1
    assert [listing.key for listing in await ledger.claim("order", 9)] == ["b"]
    assert await let_go(VENDOR, ledger, ALL, frozenset()) == 0, "nothing waits any more"


async def test_a_route_over_files_learns_which_lists_were_cut_off(ledger: Ledger) -> None:
    await had(ledger, "lines", "cut", cut=True)
    await had(ledger, "lines", "whole")
    await held(ledger, "lines_exported", "")
    assert await let_go(VENDOR, ledger, ALL, frozenset()) == 1
    (listing,) = await ledger.claim("lines_exported", 9)
    assert json.loads(listing.fields["truncated"]) == ["cut"]


async def test_nothing_is_let_go_that_nobody_wants_or_that_waits_for_nothing(ledger: Ledger) -> None:
    await held(ledger, "order", "a")
    assert await let_go(VENDOR, ledger, ALL - {"order"}, frozenset()) == 0
    assert await let_go(VENDOR, ledger, ALL, frozenset({"order"})) == 0
    assert ledger.counts("order")[State.HELD] == 1


# ── judging ─────────────────────────────────────────────────────────────────────────────────


async def judged(ledger: Ledger, *, all_history: bool = True) -> tuple[set[tuple[str, str]], list[str]]:
    found = await judge(VENDOR, ledger, ALL, all_history=all_history)
    assert {one.kind for one in found.missing} <= {IncidentKind.TRUNCATED}
    assert all(one.gap for one in found.missing)
    return {(one.endpoint, one.key) for one in found.missing}, list(found.completed.get("orders", ()))


async def test_a_list_is_whole_if_every_record_is_named_elsewhere_and_was_had(ledger: Ledger) -> None:
    await had(ledger, "report", "2024")
    await had(ledger, "orders", "ada", "bob", cut=True)
    await had(ledger, "orders", "eve")
    await had(ledger, "order", "o1", fields={"customer": "ada"})
    assert await judged(ledger) == ({("orders", "bob")}, ["ada"])


@pytest.mark.parametrize("state", [State.GONE, State.FAILED])
async def test_what_brought_nothing_completes_nothing(ledger: Ledger, state: State) -> None:
    await had(ledger, "report", "2024")
    await had(ledger, "orders", "ada", cut=True)
    await had(ledger, "order", "o1", state=state, records=0, fields={"customer": "ada"})
    assert await judged(ledger) == ({("orders", "ada")}, [])


@pytest.mark.parametrize("report", ["failed", "gone", "waits", "cut off", "unknown"])
async def test_a_report_that_was_not_read_whole_vouches_for_nothing(ledger: Ledger, report: str) -> None:
    await had(ledger, "orders", "ada", cut=True)
    await had(ledger, "order", "o1", fields={"customer": "ada"})
    match report:
        case "failed" | "gone":
            await had(ledger, "report", "2023")
            await had(ledger, "report", "2024", state=State(report))
        case "waits":
            await ledger.add([Found(endpoint="report", key="2024")])
        case "cut off":
            await had(ledger, "report", "2024", cut=True)
    assert ("orders", "ada") in (await judged(ledger))[0]


async def test_for_some_days_only_nobody_knows_what_is_missing(ledger: Ledger) -> None:
    await had(ledger, "report", "2024")
    await had(ledger, "orders", "ada", cut=True)
    await had(ledger, "order", "o1", fields={"customer": "ada"})
    assert await judged(ledger, all_history=False) == ({("orders", "ada")}, [])
    assert await judged(ledger) == (set(), ["ada"])


async def test_nothing_is_judged_that_the_run_did_not_fetch(ledger: Ledger) -> None:
    await had(ledger, "orders", "ada", cut=True)
    found = await judge(VENDOR, ledger, frozenset({"agents"}), all_history=True)
    assert (found.missing, dict(found.completed)) == ([], {})


def test_the_incident_names_the_cap() -> None:
    (orders,) = [endpoint for endpoint in VENDOR.endpoints if endpoint.name == "orders"]
    incident = truncated(orders, "ada")
    assert (incident.kind, incident.endpoint, incident.key) == (IncidentKind.TRUNCATED, "orders", "ada")
    assert "100 records at most" in incident.detail


def test_an_incident_says_why_nothing_more_could_be_had() -> None:
    plain = Endpoint(name="calls", path="/calls")
    day = replace(plain, windows=Windows(near=2000))
    capped = replace(day, cap=Cap(size=100))
    details = [truncated(endpoint, "k").detail for endpoint in (plain, replace(plain, windows=Windows()), day, capped)]
    assert details[0] == details[1] == "the vendor shows a part only, and there is no other way to ask for the rest"
    assert "a single day with 2,000 rows or more" in details[2]
    assert "100 records at most" in details[3]
