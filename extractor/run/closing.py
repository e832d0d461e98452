"""The account at the end of a run: what its parents named against what came, table by table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from extractor.account import EndpointCount, ExitCode, TableAccount
from extractor.errors import ExtractorError, QuotaSpent
from extractor.ledger import Summary
from extractor.limits import Limiter

__all__ = ["share_used", "tables", "verdict"]


def tables(endpoints: Iterable[EndpointCount], rows: Mapping[str, int] | None) -> tuple[TableAccount, ...]:
    """One account per table, over all endpoints that lead to it.

    Args:
        rows: by table, None if the destination could not be asked.
    """
    of_table: dict[str, list[EndpointCount]] = {}
    for endpoint in endpoints:
        if endpoint.table:
            of_table.setdefault(endpoint.table, []).append(endpoint)
    return tuple(
        TableAccount(
            table=table,
            rows=None if rows is None else rows.get(table, 0),
            listings=sum(one.known for one in them),
            committed=sum(one.committed for one in them),
            gone=sum(one.gone for one in them),
            failed=sum(one.failed for one in them),
            waiting=sum(one.waiting for one in them),
            truncated=sum(one.truncated for one in them),
            records=sum(one.records for one in them),
        )
        for table, them in of_table.items()
    )


def verdict(
    summary: Summary,
    waiting: int,
    failure: ExtractorError | None,
    signal_code: ExitCode | None,
    spent: Sequence[QuotaSpent] = (),
) -> tuple[ExitCode, str]:
    """The exit code and one sentence for people.

    Args:
        waiting: listings that were not fetched.
        failure: why the run ended early by itself, if it did.
        signal_code: of the signal that ended the run, if one did.
        spent: quotas that were used up before all was fetched.
    """
    unloaded = f" {summary.unloaded:,} rows are fetched and not loaded yet." if summary.unloaded else ""
    if signal_code is not None:
        return signal_code, f"Interrupted. What was fetched is kept.{unloaded} The same command goes on from here."
    if failure is not None:
        return ExitCode.FAILED, f"{failure}{unloaded} The same command goes on from here."
    if spent:
        why = " ".join(dict.fromkeys(str(one) for one in spent))
        left = f" {waiting:,} lists are left to read." if waiting else ""
        return ExitCode.PARTIAL, f"Loaded, as far as the quota lasted. {why}{left} The same command goes on from here."
    if summary.gaps or waiting:
        gaps = [f"{count:,} {kind}" for kind, count in summary.incidents.items()]
        gaps += [f"{waiting:,} lists not read"] if waiting else []
        return ExitCode.PARTIAL, f"Loaded, with gaps ({', '.join(gaps)}). _extractor_incidents names each of them."
    if summary.incidents:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in summary.incidents.items())
        return ExitCode.COMPLETE, f"Complete. Nothing is missing; _extractor_incidents names what was odd ({kinds})."
    return ExitCode.COMPLETE, "Complete."


def share_used(budgets: Iterable[Limiter]) -> float | None:
    """Part of what was allowed that was used while there was work, of the budget that was used most.

    That is the one most requests counted against, among those that anybody had to wait for: what is not waited for
    doesn't limit. None if nothing was sent.
    """
    sent = [one.tally for one in budgets if one.tally.sent]
    limiting = [one for one in sent if one.allowed] or sent
    return max(limiting, key=lambda one: (one.sent, one.share_used)).share_used if limiting else None
