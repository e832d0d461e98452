"""The account at the end of a run: what its parents named against what came, table by table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from extractor.account import EndpointCount, ExitCode, TableAccount
from extractor.errors import ExtractorError
from extractor.ledger import Summary

__all__ = ["tables", "verdict"]


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
    summary: Summary, waiting: int, failure: ExtractorError | None, signal_code: ExitCode | None
) -> tuple[ExitCode, str]:
    """The exit code and one sentence for people.

    Args:
        waiting: listings that were not fetched.
        signal_code: of the signal that ended the run, if one did.
    """
    unloaded = f" {summary.unloaded:,} rows are fetched and not loaded yet." if summary.unloaded else ""
    if signal_code is not None:
        return signal_code, f"Interrupted. What was fetched is kept.{unloaded} The same command goes on from here."
    if failure is not None:
        return ExitCode.FAILED, f"{failure}{unloaded} The same command goes on from here."
    if summary.gaps or waiting:
        gaps = [f"{count:,} {kind}" for kind, count in summary.incidents.items()]
        gaps += [f"{waiting:,} lists not read"] if waiting else []
        return ExitCode.PARTIAL, f"Loaded, with gaps ({', '.join(gaps)}). _extractor_incidents names each of them."
    if summary.incidents:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in summary.incidents.items())
        return ExitCode.COMPLETE, f"Complete. What the vendor moved or no longer has is noted ({kinds})."
    return ExitCode.COMPLETE, "Complete."
