"""`status`: what is done and left, without asking the vendor."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from extractor import vendors
from extractor.account import ExitCode, Outcome
from extractor.errors import ExtractorError, StorageError
from extractor.ledger import EndpointSummary, Summary
from extractor.ledger import status as ledger_status
from extractor.load import LoadProcess, describe
from extractor.model import IncidentKind, State, Vendor
from extractor.run.closing import tables, verdict
from extractor.run.job import Place, place, unknown
from extractor.run.loop import in_loop
from extractor.run.progress import counts

__all__ = ["status"]

_PATIENCE = 3.0
"""Seconds to wait for a destination that others have locked."""


def status(
    vendor: str | Vendor,
    *,
    pipeline_name: str | None = None,
    dataset: str | None = None,
    destination: str = "duckdb",
) -> Outcome:
    """What is done and left; read from the ledger and the destination, the vendor is not asked.

    Raises:
        UsageError: there is no such pipeline, neither here nor in the destination.
    """
    described = vendors.load(vendor)
    where = place(described.name, pipeline=None, pipeline_name=pipeline_name, dataset=dataset, destination=destination)
    return in_loop(_status(described, where))


async def _status(vendor: Vendor, where: Place) -> Outcome:
    began = time.monotonic()
    rows: Mapping[str, int] | None = None
    address = where.destination
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        # A folder of its own: the pipeline's may belong to a run that is alive.
        loads = LoadProcess(scratch, where.target(vendor), describe(vendor.endpoints), patience=_PATIENCE)
        try:
            try:
                summary = ledger_status(where.folder)
            except StorageError as error:
                if not await loads.exists():
                    raise unknown(where, vendor) from error
                address = await loads.open()
                summary = await _from_destination(loads, scratch, vendor, where)
                rows = await loads.count()
            else:
                with suppress(ExtractorError):  # a run that is alive may have it open
                    address = await loads.open()
                    rows = await loads.count()
        finally:
            await loads.stop()
    loaded = frozenset(one.name for one in vendor.endpoints if not one.ids_only)
    endpoints = counts(vendor.endpoints, loaded, summary)
    waiting = sum(one.waiting for one in endpoints)
    _, message = verdict(summary, 0, None, None)
    if waiting:
        message = (
            f"Not finished: {waiting:,} lists are left to read. The backfill goes on with them when it runs again."
        )
    return Outcome(
        code=ExitCode.COMPLETE,
        message=message,
        vendor=vendor.name,
        pipeline=where.pipeline,
        dataset=where.dataset,
        where=address,
        seconds=time.monotonic() - began,
        tables=tables(endpoints, rows),
        incidents={str(kind): count for kind, count in summary.incidents.items()},
    )


async def _from_destination(loads: LoadProcess, scratch: Path, vendor: Vendor, where: Place) -> Summary:
    file = scratch / "listings.jsonl"
    rebuilt = await loads.rebuild(file)
    if rebuilt.state is None:
        raise unknown(where, vendor)
    states: dict[str, dict[State, int]] = {}
    records: dict[str, int] = {}
    pages: dict[str, int] = {}
    with file.open("rb") as lines:
        for line in lines:
            endpoint, _, _, _, state, _, read, asked, _ = orjson.loads(line)
            known = states.setdefault(endpoint, dict.fromkeys(State, 0))
            known[State(state)] += 1
            records[endpoint] = records.get(endpoint, 0) + read
            pages[endpoint] = pages.get(endpoint, 0) + asked
    return Summary(
        endpoints={
            name: EndpointSummary(listings=known, records=records[name], pages=pages[name], truncated=0)
            for name, known in states.items()
        },
        chunks=0,
        unloaded=0,
        backlog=0,
        incidents=Counter(one.kind for one in rebuilt.incidents),
        gaps=sum(one.gap for one in rebuilt.incidents),
        cut_off=Counter(one.endpoint for one in rebuilt.incidents if one.kind is IncidentKind.TRUNCATED),
    )
