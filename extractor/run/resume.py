"""Before anything is fetched: ledger and destination are brought together, and the run learns where it stands.

The ledger says what was fetched, the destination what was loaded. Each can be missing: a ledger that was deleted
is rebuilt from the destination, and a destination that was deleted makes everything pending again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import orjson

from extractor import ids
from extractor.errors import OtherAccount, UsageError
from extractor.ledger import Ledger, ListingRow
from extractor.load import LoadProcess
from extractor.load.own import LISTINGS
from extractor.model import Children, Found, IncidentKind, State
from extractor.roots import needs_beginning, roots
from extractor.run.job import Job
from extractor.windows import Span

__all__ = ["Standing", "finish", "reconcile", "remember", "resume", "unfinish"]

_FINISHED = "finished"
_OTHERWISE = "Choose another --pipeline-name and --dataset, or load everything anew with --fresh."
_TRAVELS = ("began", "until", "selection", "days")
"""What is remembered in the destination, too: when the backfill began, which tells it from one after `--fresh`, the end
of its windows, and what runs so far chose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a run stands at its beginning.

    Attributes:
        job: what this run does.
        span: the days that windows ask for.
        roots: the listings of this run that no page names, for a span.
        ask_beginning: somebody must find out where history begins, before windows can be told.
        all_history: windows were asked for all there is, now or by an earlier run.
        known: the vendor has answered these settings before.
        nothing_to_do: everything was fetched, judged and loaded before.
        left: listings that wait for another run: with any, nobody can judge what is missing.
        told: what the user should be told.
    """

    job: Job
    span: Span
    roots: Callable[[Span], Iterable[Found]]
    ask_beginning: bool
    all_history: bool
    known: bool
    nothing_to_do: bool
    left: int = 0
    told: list[str] = field(default_factory=list)


async def resume(job: Job, ledger: Ledger, loads: LoadProcess) -> Standing:
    """Bring everything to the point from which the engine can go on.

    Raises:
        OtherAccount: the pipeline was begun with another vendor, account or base_url.
        UsageError: the file of `--ids` makes no sense, or earlier runs had other masks; nothing was changed.
    """
    named = list(ids.listings(job.vendor, job.ids, job.selection.fetched)) if job.ids is not None else []
    if job.fresh:
        _read_back(job).unlink(missing_ok=True)
        await ledger.restart()
        await loads.clear()
        told = []
    else:
        told = await reconcile(job, ledger, loads)
    known = bool(await ledger.get_meta("answered"))
    until = await _until(job, ledger)
    chosen = await _widen(job, ledger)
    await remember(job, ledger, loads)
    begins = await ledger.get_meta("beginning")
    span = Span(since=job.since, until=until, beginning=date.fromisoformat(str(begins)) if begins else None)
    lists, given = job.settings.lists, job.given
    found = partial(roots, job.vendor, job.selection.fetched, lists=lists, given=given, named=named)
    await _begin(job, ledger, found(span))
    ask_beginning = begins is None and needs_beginning(job.vendor, job.selection.fetched, span)
    nothing_to_do = not ask_beginning and await _finished(job, ledger)
    if not nothing_to_do:
        # What was refused or had no quota is asked for again.
        await unfinish(job, ledger)
        await ledger.resolve(IncidentKind.QUOTA, job.selection.fetched)
    return Standing(
        job=job,
        span=span,
        roots=found,
        ask_beginning=ask_beginning,
        all_history=not job.selection.fetched & set(chosen["narrow"]),
        known=known,
        nothing_to_do=nothing_to_do,
        told=told,
    )


async def reconcile(job: Job, ledger: Ledger, loads: LoadProcess) -> list[str]:
    """Have the ledger agree with the destination and with the files beside it; returns what the user should be told.

    Raises:
        OtherAccount: the pipeline was begun with another vendor, account or base_url.
    """
    told: list[str] = []
    _read_back(job).unlink(missing_ok=True)
    if ledger.empty:
        told += await _from_destination(job, ledger, loads)
    elif not await _answered(ledger):
        # Nothing was ever answered, so nothing ties the pipeline to the settings of then.
        await ledger.restart()
    else:
        _same(job, cast("Mapping[str, str]", await ledger.get_meta("identity") or job.identity))
        told += await _settle(job, ledger, loads)
    if ledger.repaired:
        told.append(f"{ledger.repaired:,} lists are asked for again: their pages were damaged on disk.")
    return told


async def remember(job: Job, ledger: Ledger, loads: LoadProcess) -> None:
    """Let the destination know what a run without this ledger must know."""
    known = {name: await ledger.get_meta(name) for name in _TRAVELS}
    await loads.remember({"identity": job.identity, **known})


async def finish(job: Job, ledger: Ledger, *, whole: bool = True) -> None:
    """The job is done.

    Args:
        whole: everything was fetched, judged and loaded; nothing was left to another run.
    """
    done = set(cast("list[str]", await ledger.get_meta(_FINISHED) or []))
    now = done | job.selection.fetched if whole else done
    await ledger.set_meta(**{_FINISHED: sorted(now), "retrying": None})


async def unfinish(job: Job, ledger: Ledger, *, retrying: int | None = None) -> None:
    """If this run ends early, the next one judges.

    Args:
        retrying: `TakenUp.after` of a second attempt, None for a run that takes whatever waits.
    """
    done = set(cast("list[str]", await ledger.get_meta(_FINISHED) or []))
    await ledger.set_meta(**{_FINISHED: sorted(done - job.selection.fetched), "retrying": retrying})


async def _finished(job: Job, ledger: Ledger) -> bool:
    summary = await ledger.summary()
    left = any(_waiting(ledger, name) for name in job.selection.fetched)
    done = set(cast("list[str]", await ledger.get_meta(_FINISHED) or []))
    return not left and not summary.chunks and not summary.unloaded and job.selection.fetched <= done


async def _answered(ledger: Ledger) -> bool:
    """Whether the vendor ever let these settings in; a list that waits once more may have forgotten its pages."""
    if await ledger.get_meta("answered"):
        return True
    answered = any(one.pages for one in (await ledger.summary()).endpoints.values())
    if answered:
        await ledger.set_meta(answered=True)
    return answered


async def _from_destination(job: Job, ledger: Ledger, loads: LoadProcess) -> list[str]:
    """The state folder is new here, but the destination may know the pipeline from another machine."""
    file = _read_back(job)
    try:
        rebuilt = await loads.rebuild(file)
        if rebuilt.state is None:
            return []
        _same(job, cast("Mapping[str, str]", rebuilt.state.get("identity", job.identity)))
        if not rebuilt.listings:
            return []
        await ledger.set_meta(
            identity=job.identity,
            rebuilt=True,
            **{name: rebuilt.state.get(name) for name in _TRAVELS},
        )
        known = await ledger.rebuild(_rows(file), held=_held(job), incidents=rebuilt.incidents)
        await _answered(ledger)
    finally:
        file.unlink(missing_ok=True)
    return [f"No ledger in this folder: {known:,} lists were read back from the destination."]


def _read_back(job: Job) -> Path:
    """Where the destination's listings are while they are read back; a run that is killed meanwhile leaves it there."""
    return job.place.folder / "listings.jsonl"


def _rows(file: Path) -> Iterator[ListingRow]:
    with file.open("rb") as lines:
        for line in lines:
            yield cast("ListingRow", tuple(orjson.loads(line)))


async def _settle(job: Job, ledger: Ledger, loads: LoadProcess) -> list[str]:
    """Chunks that were being loaded when the last run ended: `_dlt_loads` decides."""
    for chunk in await ledger.chunks_in_loading():
        if chunk.load_id is not None and await loads.committed(chunk.load_id):
            await ledger.loaded(chunk.id)
        else:
            await ledger.failed(chunk.id)
    if await _still_there(ledger, loads):
        return []
    await ledger.forget_loaded(held=_held(job))
    return ["The destination does not hold what was loaded before: everything is loaded again."]


async def _still_there(ledger: Ledger, loads: LoadProcess) -> bool:
    """Whether the destination holds what was loaded, as far as anything was."""
    last = await ledger.last_loaded_load_id()
    if last is not None:
        return await loads.committed(last)
    # A ledger that was read back knows no load id until it has loaded something itself.
    return not await ledger.get_meta("rebuilt") or bool((await loads.count()).get(LISTINGS))


def _same(job: Job, known: Mapping[str, str]) -> None:
    pipeline, own = job.place.pipeline, job.identity
    if known.get("mask") != own.get("mask"):
        was, now = (identity.get("mask") or "no --mask" for identity in (known, own))
        raise UsageError(
            f"The pipeline {pipeline} was begun with {was}, and this run has {now}: what is masked would stand "
            f"beside what is not. {_OTHERWISE} --fresh leaves rows as they are that the vendor does not have any more."
        )
    if known.get("mask_key") != own.get("mask_key"):
        raise UsageError(
            f"The pipeline {pipeline} was begun with another mask_key: equal values would have two hashes. {_OTHERWISE}"
        )
    for name, value in known.items():
        if own.get(name) != value:
            raise OtherAccount(
                f"The pipeline {pipeline} holds {name} {value!r}, and the settings say {own.get(name)!r}. {_OTHERWISE}"
            )


async def _until(job: Job, ledger: Ledger) -> date:
    """The day that ends every window: this run's own, or else that of the first start, whose moment is noted too."""
    now = datetime.now(UTC)
    began = await ledger.get_meta("began") or now.isoformat()
    frozen = await ledger.get_meta("until")
    first = date.fromisoformat(str(frozen)) if frozen else now.date() + timedelta(days=1)
    await ledger.set_meta(identity=job.identity, began=began, until=first.isoformat())
    return job.until or first


async def _widen(job: Job, ledger: Ledger) -> dict[str, list[str]]:
    """What this run wants and earlier ones did not: lists that were read for less are read again.

    A list whose children nobody wanted has not said which they are, and one that was read for its ids
    alone has left its records behind. Windows that were read under `--since` or `--until` did not say what lies
    before them, and a list whose children have windows has named those of other days.

    Returns:
        What all runs so far chose together; it travels to the destination, for a run without this ledger.

    Raises:
        UsageError: what a configuration has loaded would be loaded twice.
    """
    before = cast("dict[str, list[str]]", await ledger.get_meta("selection") or {})
    fetched, loaded, narrow = (set(before.get(name, ())) for name in ("fetched", "loaded", "narrow"))
    selection = job.selection
    windows = {one.name for one in job.fetched if one.windows is not None}
    walked = {one.name for one in job.fetched if one.windows is not None and one.windows.begin == "empty"}
    days = [str(job.since or ""), str(job.until or "")]
    again: set[str] = set()
    if before:
        new = selection.fetched - fetched
        wanted = new | (selection.loaded - loaded)
        named_anew = new | (windows if days != await ledger.get_meta("days") else set())
        for one in job.fetched:
            if one.name in named_anew:
                again |= {parent.endpoint for parent in one.parents if isinstance(parent, Children)}
            if one.name in wanted:
                again.add(one.beside or one.name)
        again -= new
    if job.since is None and job.until is None:
        again |= walked & narrow
        narrow -= windows
    else:
        # From windows that were read back to their beginning before, a run for some days takes nothing.
        whole = {name for name in windows & fetched - narrow if not _waiting(ledger, name)}
        narrow |= windows - whole
    if job.vendor.configuration and (twice := again & loaded & selection.loaded):
        # Its tables may be appended to without any key by which a row could take the place of an older one.
        raise UsageError(
            f"The pipeline {job.place.pipeline} has loaded {', '.join(sorted(twice))}, and other resources than before "
            f"would need it read again, with rows twice in the table. {_OTHERWISE}"
        )
    if again & selection.fetched:
        await ledger.ask_again(again & selection.fetched, held=_held(job))
    chosen = {
        "fetched": sorted(selection.fetched | fetched),
        "loaded": sorted(selection.loaded | loaded),
        "narrow": sorted(narrow),
    }
    await ledger.set_meta(selection=chosen, days=days)
    return chosen


def _waiting(ledger: Ledger, name: str) -> int:
    counts = ledger.counts(name)
    return counts[State.HELD] + counts[State.PENDING] + counts[State.OPEN]


async def _begin(job: Job, ledger: Ledger, found: Iterable[Found]) -> None:
    await ledger.add(list(found))
    for name in job.selection.unheld:
        # An earlier run may have held back what the user names now.
        if ledger.counts(name)[State.HELD]:
            await ledger.release(name)


def _held(job: Job) -> set[str]:
    return {one.name for one in job.vendor.endpoints if one.held is not None} - job.selection.unheld
