"""`backfill`: load everything a vendor has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path

from extractor import vendors
from extractor.account import Outcome, Snapshot
from extractor.mask import understood
from extractor.model import Vendor
from extractor.run.course import Course
from extractor.run.job import Job, place
from extractor.run.resume import resume

__all__ = ["backfill"]

_NOTHING = "Nothing to do: everything was committed before."


def backfill(
    vendor: str | Vendor,
    *,
    pipeline: object | None = None,
    only: Sequence[str] = (),
    also: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    destination: str = "duckdb",
    pipeline_name: str | None = None,
    dataset: str | None = None,
    rate_share: float = 1.0,
    commit_every: float = 30.0,
    patience: float = 1800.0,
    max_failures: str | None = None,
    keep_raw: bool = False,
    ids: Path | None = None,
    allow_writes: bool = False,
    params: Mapping[str, str] | None = None,
    mask: Sequence[str] = (),
    fresh: bool = False,
    settings: Mapping[str, str | Sequence[str]] | None = None,
    progress: Callable[[Snapshot], None] | None = None,
) -> Outcome:
    """Load everything a vendor has; called again, it goes on where it was.

    Args:
        vendor: its name, `gladly`, or a configuration of one's own, `shop.py:config`.
        pipeline: a dlt pipeline whose name, dataset and destination are used.
        only, also: resources instead of, or beside, the default ones.
        since, until: days (UTC), the second one excluded.
        rate_share: part of the vendor's limit to use, above 0 and up to 1.
        commit_every: seconds.
        patience: seconds to wait while the vendor is away, or answers nothing but 429, until the run is given up.
        max_failures: lists that may fail, `20`, or the share of the finished ones, `5%`, before the run is given up;
            None for any number.
        keep_raw: pages stay on disk after they are loaded.
        ids: a CSV file of records to fetch besides.
        allow_writes: resources may be named whose requests change something at the vendor.
        params: what resources that are named must be told.
        mask: fields that are left out, or replaced by a keyed hash: `TABLE:FIELD=drop`, `FIELD=hash`.
        fresh: forget what was loaded and load everything again.
        settings: credentials and addresses; what is missing comes from dlt's configuration.
        progress: called twice a second.

    Raises:
        UsageError: the call, the settings, the credentials or the destination must change first.
        RunFailed: the ledger failed, or the load process can't be started: there is nothing to give an account of.
    """
    described = vendors.load(vendor)
    where = place(
        described.name, pipeline=pipeline, pipeline_name=pipeline_name, dataset=dataset, destination=destination
    )
    masks = understood(described, mask)
    work_out = partial(
        Job.of,
        described,
        place=where,
        only=only,
        also=also,
        since=since,
        until=until,
        rate_share=rate_share,
        commit_every=commit_every,
        patience=patience,
        max_failures=max_failures,
        ids=ids,
        fresh=fresh,
        settings=settings,
        allow_writes=allow_writes,
        params=params,
        masks=masks,
    )
    course = Course(
        described, where, work_out, resume, nothing=_NOTHING, progress=progress, keep_raw=keep_raw, masks=masks
    )
    return course.run()
