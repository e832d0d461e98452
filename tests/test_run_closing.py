from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from extractor.account import EndpointCount, ExitCode
from extractor.errors import ExtractorError, LoadFailed, QuotaSpent, Unauthorized
from extractor.ledger import Summary
from extractor.model import IncidentKind
from extractor.run.closing import share_used, tables, verdict


def summary(*, unloaded: int = 0, gaps: int = 0, incidents: Mapping[IncidentKind, int] | None = None) -> Summary:
    return Summary(
        endpoints={}, chunks=0, unloaded=unloaded, backlog=0, incidents=incidents or {}, gaps=gaps, cut_off={}
    )


def test_endpoints_of_one_table_are_one_account() -> None:
    (items, agents) = tables(
        [
            EndpointCount(endpoint="list", table="items", waiting=1, committed=2, gone=3, failed=4, records=50),
            EndpointCount(endpoint="report", table="", committed=9, records=99),
            EndpointCount(endpoint="agents", table="agents", committed=1, records=1),
            EndpointCount(endpoint="by_id", table="items", committed=10, truncated=5, records=7),
        ],
        {"items": 55},
    )
    assert (items.table, items.rows, items.listings, items.committed) == ("items", 55, 20, 12)
    assert (items.gone, items.failed, items.waiting, items.truncated, items.records) == (3, 4, 1, 5, 57)
    assert (agents.table, agents.rows) == ("agents", 0)


def test_rows_are_unknown_where_nobody_could_be_asked() -> None:
    (one,) = tables([EndpointCount(endpoint="agents", table="agents")], None)
    assert one.rows is None


@pytest.mark.parametrize("code", [ExitCode.INTERRUPTED, ExitCode.TERMINATED])
def test_a_signal_comes_before_all_else(code: ExitCode) -> None:
    found, message = verdict(summary(unloaded=1200, gaps=1), 5, LoadFailed("away"), code)
    assert found is code
    assert "1,200 rows are fetched and not loaded yet" in message
    assert "goes on from here" in message


@pytest.mark.parametrize("error", [LoadFailed("The destination is away."), Unauthorized("The token ended.")])
def test_a_failure_comes_before_gaps(error: ExtractorError) -> None:
    code, message = verdict(summary(gaps=1), 5, error, None)
    assert code is ExitCode.FAILED
    assert message == f"{error} The same command goes on from here."


def test_gaps_are_named_by_kind() -> None:
    found = summary(gaps=2, incidents={IncidentKind.TRUNCATED: 2, IncidentKind.GONE: 1000})
    assert verdict(found, 0, None, None) == (
        ExitCode.PARTIAL,
        "Loaded, with gaps (2 truncated, 1,000 gone). _extractor_incidents names each of them.",
    )


def test_lists_that_were_not_read_are_a_gap() -> None:
    code, message = verdict(summary(), 3, None, None)
    assert code is ExitCode.PARTIAL
    assert "(3 lists not read)" in message


@pytest.mark.parametrize("kind", [IncidentKind.GONE, IncidentKind.MOVED])
def test_what_the_vendor_no_longer_has_leaves_a_run_complete(kind: IncidentKind) -> None:
    code, message = verdict(summary(incidents={kind: 1}), 0, None, None)
    assert code is ExitCode.COMPLETE
    assert f"1 {kind}" in message


def test_nothing_to_tell() -> None:
    assert verdict(summary(), 0, None, None) == (ExitCode.COMPLETE, "Complete.")


def test_a_quota_that_is_spent_is_a_gap_that_a_later_run_closes() -> None:
    spent = QuotaSpent("week: run again after Sunday.", until=datetime(2026, 3, 1, tzinfo=UTC), budget="week")
    code, message = verdict(summary(gaps=1, incidents={IncidentKind.QUOTA: 1}), 1200, None, None, [spent, spent])
    assert code is ExitCode.PARTIAL
    assert message == (
        "Loaded, as far as the quota lasted. week: run again after Sunday. "
        "1,200 lists are left to read. The same command goes on from here."
    )
    assert "lists" not in verdict(summary(gaps=1), 0, None, None, [spent])[1]


def budget(*, sent: int = 0, share: float = 1.0, allowed: float = 0.0) -> Any:
    return cast("Any", SimpleNamespace(tally=SimpleNamespace(sent=sent, share_used=share, allowed=allowed)))


def test_the_share_is_that_of_the_budget_that_was_used_most() -> None:
    """Among those that were waited for."""
    most, least = budget(sent=40, share=0.9, allowed=44), budget(sent=9, share=1.0, allowed=9)
    never_waited_for, idle = budget(sent=49), budget(allowed=5.0)
    assert share_used([least, most, never_waited_for, idle]) == 0.9
    assert share_used([least, idle]) == 1.0
    assert share_used([never_waited_for]) == 1.0
    assert share_used([idle]) is None
