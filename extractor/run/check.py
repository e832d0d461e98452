"""`check --against-dlt`: a sample of a user's configuration, loaded by this package and by dlt itself, and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from extractor.account import ExitCode, Outcome, Snapshot
from extractor.errors import UsageError
from extractor.model import Vendor
from extractor.run.course import Course
from extractor.run.difference import Difference, Loaded, differences
from extractor.run.job import Job, Place
from extractor.run.resume import resume
from extractor.vendors import is_configuration

__all__ = ["Checked", "check"]

_COMMIT_EVERY = 30.0
_PATIENCE = 60.0
"""Seconds that a vendor may be away while somebody waits at a terminal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """How a comparison ended.

    Attributes:
        code: complete if there are no differences, failed if there are; or how the run was interrupted.
        message: one sentence for people.
        tables, rows: that dlt has loaded; nested rows are part of the row they hang on.
    """

    code: ExitCode
    message: str
    tables: int = 0
    rows: int = 0
    differences: Sequence[Difference] = ()


def check(reference: str, *, limit: int, progress: Callable[[Snapshot], None] | None = None) -> Checked:
    """Load a sample twice, into databases of a temporary folder, and compare them.

    dlt is asked only if this package has read the sample without a gap: where it refuses to go, dlt would.

    Args:
        reference: `shop.py:config`.
        limit: records after which a list is left, and of a root what is loaded.
        progress: called twice a second while this package loads.

    Raises:
        UsageError: it is no configuration, or one that can't be kept.
        RunFailed: dlt itself can't load the sample.
    """
    if not is_configuration(reference):
        raise UsageError(
            f"{reference} is no RESTAPIConfig, and so dlt has nothing to compare it with: "
            "python -m extractor check FILE.py:NAME --against-dlt"
        )
    from extractor import rest_api  # noqa: PLC0415 - only a configuration needs dlt's REST source

    found = rest_api.find(reference)
    vendor = rest_api.sample(found, limit).vendor
    with TemporaryDirectory(prefix="extractor-check-") as name:
        folder = Path(name)
        own, theirs = folder / "extractor.duckdb", folder / "dlt.duckdb"
        place = Place(
            pipeline=f"{vendor.name}_check_pipeline",
            dataset=f"{vendor.name}_data",
            destination="duckdb",
            folder=folder / "state",
            options={"credentials": str(own)},
            published=False,
        )
        outcome = _loaded(vendor, place, progress)
        if outcome.code == ExitCode.PARTIAL:
            return Checked(
                code=ExitCode.FAILED,
                message="The sample could not be read whole, so dlt was not asked.",
                differences=_gaps(own, place.dataset),
            )
        if outcome.code != ExitCode.COMPLETE:
            return Checked(code=outcome.code, message=outcome.message)
        rest_api.load_by_dlt(found, limit, folder=folder / "pipelines", database=theirs, dataset=place.dataset)
        by_dlt = Loaded.read(theirs, dataset=place.dataset, schema=vendor.name)
        unlike = differences(by_dlt, Loaded.read(own, dataset=place.dataset, schema=vendor.name))
    return Checked(
        code=ExitCode.FAILED if unlike else ExitCode.COMPLETE,
        message="Not equal." if unlike else "Equal.",
        tables=len(by_dlt.tables),
        rows=by_dlt.rows,
        differences=unlike,
    )


def _loaded(vendor: Vendor, place: Place, progress: Callable[[Snapshot], None] | None) -> Outcome:
    work_out = partial(
        Job.of,
        vendor,
        place=place,
        only=(),
        also=(),
        since=None,
        until=None,
        rate_share=1.0,
        commit_every=_COMMIT_EVERY,
        patience=_PATIENCE,
        max_failures=None,
        ids=None,
        fresh=False,
        settings=None,
    )
    return Course(vendor, place, work_out, resume, nothing="", progress=progress).run()


def _gaps(database: Path, dataset: str) -> list[Difference]:
    """What this package could not read, as it has noted it."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute(f'USE "{dataset}"')
        found = connection.execute(
            "SELECT endpoint, kind, coalesce(detail, '') FROM _extractor_incidents "
            "WHERE resolved_at IS NULL ORDER BY ALL"
        ).fetchall()
    return [Difference(table=endpoint, what=kind, dlt="", extractor=detail) for endpoint, kind, detail in found]
