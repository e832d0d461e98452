"""`retry`: what failed or was refused, once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import cast

from extractor import vendors
from extractor.account import Outcome, Snapshot
from extractor.ledger import Ledger
from extractor.load import LoadProcess
from extractor.mask import understood
from extractor.model import Children, Vendor
from extractor.roots import needs_beginning
from extractor.run.course import Course
from extractor.run.job import Job, place, unknown
from extractor.run.resume import Standing, reconcile, remember, unfinish
from extractor.selection import Selection
from extractor.windows import Span

__all__ = ["retry", "take_up"]

_NOTHING = "Nothing to do: no list has failed."


def retry(
    vendor: str | Vendor,
    *,
    pipeline: object | None = None,
    destination: str = "duckdb",
    pipeline_name: str | None = None,
    dataset: str | None = None,
    rate_share: float = 1.0,
    commit_every: float = 30.0,
    patience: float = 1800.0,
    max_failures: str | None = None,
    mask: Sequence[str] = (),
    settings: Mapping[str, str | Sequence[str]] | None = None,
    progress: Callable[[Snapshot], None] | None = None,
) -> Outcome:
    """Ask again for the listings that failed or were refused, for what these name, and for nothing else.

    What can be asked only with `params` or `allow_writes` is left alone. The arguments are those of `backfill`.

    Raises:
        UsageError: there is no such pipeline, or the call, the settings, the credentials or the destination must
            change first.
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
        rate_share=rate_share,
        commit_every=commit_every,
        patience=patience,
        max_failures=max_failures,
        settings=settings,
        masks=masks,
    )
    course = Course(described, where, work_out, take_up, nothing=_NOTHING, progress=progress, masks=masks, known=True)
    return course.run()


async def take_up(job: Job, ledger: Ledger, loads: LoadProcess) -> Standing:
    """Have what failed wait again, and nothing else be claimed.

    Raises:
        OtherAccount: the pipeline was begun with another vendor, account or base_url.
        UsageError: neither ledger nor destination knows of any backfill.
    """
    told = await reconcile(job, ledger, loads)
    chosen = cast("dict[str, list[str]]", await ledger.get_meta("selection") or {})
    if not chosen:
        raise unknown(job.place, job.vendor)
    job = _as_before(job, chosen, cast("list[str]", await ledger.get_meta("days") or ["", ""]))
    fetched = job.selection.fetched
    before = cast("int | None", await ledger.get_meta("retrying"))
    taken = await ledger.take_up(fetched, in_order=_in_order(job), after=before)
    if taken.left:
        told.append(f"{taken.left:,} lists that wait for their first attempt are left to: backfill {job.vendor.word}.")
    await remember(job, ledger, loads)
    first = date.fromisoformat(str(await ledger.get_meta("until")))
    begins = await ledger.get_meta("beginning")
    span = Span(
        since=job.since, until=job.until or first, beginning=date.fromisoformat(str(begins)) if begins else None
    )
    summary = await ledger.summary()
    nothing_to_do = before is None and not taken.again and not summary.chunks and not summary.unloaded
    if not nothing_to_do:
        await unfinish(job, ledger, retrying=taken.after)
    return Standing(
        job=job,
        span=span,
        roots=lambda _: (),
        ask_beginning=begins is None and bool(taken.again) and needs_beginning(job.vendor, fetched, span),
        all_history=not fetched & set(chosen["narrow"]),
        known=True,
        nothing_to_do=nothing_to_do,
        left=taken.left,
        told=told,
    )


def _as_before(job: Job, chosen: Mapping[str, Sequence[str]], days: Sequence[str]) -> Job:
    """The job of all earlier runs together, but for what only a user's own word may ask for."""
    alone = {one.name for one in job.vendor.endpoints if one.writes or one.given}
    fetched = frozenset(chosen["fetched"]) - alone
    windows = {one.name for one in job.vendor.endpoints if one.windows is not None} & fetched
    # A slice of all history goes on to the one before it, whatever days a later run was about.
    since, until = (date.fromisoformat(day) if day and windows <= set(chosen["narrow"]) else None for day in days)
    selection = Selection(loaded=frozenset(chosen["loaded"]) - alone, fetched=fetched, unheld=frozenset())
    return replace(job, selection=selection, since=since, until=until)


def _in_order(job: Job) -> set[str]:
    """Endpoints whose later listings bring newer records of the same keys."""
    return {
        one.name
        for one in job.fetched
        if one.name in job.selection.loaded
        and any(isinstance(parent, Children) and parent.oldest_first for parent in one.parents)
    }
