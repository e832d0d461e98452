"""A trial: one task that all contenders are set, one after another, and what is measured of each."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks.rig import sandbox
from benchmarks.speed import leavings, nginx
from benchmarks.speed.contenders import OURS, Contender
from benchmarks.speed.observed import Sample, observe
from benchmarks.speed.played import Counted, Open, Played, Size, Vendor, open_desk
from extractor.account import ExitCode

__all__ = ["Measured", "Trial"]

_ENDED = (ExitCode.COMPLETE, ExitCode.PARTIAL)
"""A sandbox hides records as its vendor does, and names them: that is no fault of the run."""


_NOTHING = Size()


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one contender did in one trial.

    Attributes:
        part: of the trial's work that it was given.
        wanted: records that there were for it.
        records: that it ended with.
        code: what its process, or the last of them, ended with.
        whole: it said that all went well, and it has every record that there was for it.
        seconds: from the start of its process to its end; of both if it was killed in between.
        cpu_seconds: likewise, of all its processes.
        fetch_bytes, load_bytes: most resident memory of its process, and of all that this one started.
        first_request: seconds from its start to its first request, None if it made none.
        share: part of the allowed requests that it used between the first second and the last.
        killed_at, in_flight: requests before it was killed, and those of them that were under way.
        unsafe: our own requests that had been let in when it was killed, and were not on disk.
        ledger_bytes, commits: what our run left: size of its ledger, seconds from the first commit to each.
    """

    contender: str
    part: float
    wanted: int
    records: int
    code: int
    whole: bool
    seconds: float
    cpu_seconds: float
    fetch_bytes: int
    load_bytes: int
    first_request: float | None
    share: float | None
    counted: Counted
    samples: tuple[Sample, ...]
    killed_at: int = 0
    in_flight: int = 0
    unsafe: int | None = None
    ledger_bytes: int = 0
    commits: tuple[float, ...] = ()

    @property
    def records_a_second(self) -> float:
        """Of those it ended with."""
        return self.records / self.seconds

    @property
    def requests_a_second(self) -> float:
        """Of all it sent."""
        return self.counted.requests / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One task.

    Attributes:
        size: what the desk holds, and its limit.
        contenders: who takes part, in this order.
        parts: of the work for those that would need hours, by name.
        budget: of our vendor file.
        documented: requests a second that whoever reads the documents believes in; None: no limit is documented.
        judged: nginx stands before the desk, and limits.
        export: the task is the export.
        killed: it is killed at half of its requests, and started again.
        vendor: our command's task is this vendor's sandbox instead, which holds `vendor_size`.
        command: our command's arguments instead of a task, for what takes no vendor.
        charts: which are drawn of it: `bars`, `limit`, `memory`.
    """

    name: str
    size: Size = _NOTHING
    contenders: tuple[Contender, ...] = (OURS,)
    parts: Mapping[str, float] = field(default_factory=dict)
    budget: str = "none"
    documented: int | None = None
    judged: bool = False
    export: bool = False
    killed: bool = False
    vendor: str = ""
    vendor_size: int = 0
    command: tuple[str, ...] = ()
    charts: frozenset[str] = frozenset()

    @property
    def limited(self) -> bool:
        """Somebody counts the requests of each second."""
        return bool(self.size.limit or self.judged or self.vendor)

    def run(self, contender: Contender, folder: Path) -> Measured:
        """Set it the task, in a folder that is gone afterwards unless something went wrong."""
        part = self.parts.get(contender.name, 1.0)
        size = replace(self.size, customers=round(self.size.customers * part))
        work = folder / "work"
        unsafe, before = None, Counted()
        with self._played(size, folder) as played:
            look = partial(
                observe,
                self._command(contender, played),
                folder=work,
                played=played,
                environment={**contender.variables, **self._settings(played)},
            )
            runs = [look(kill_at=size.requests // 2)] if self.killed else []
            if played and self.killed:
                before = played.counted()
                if contender is OURS:
                    unsafe = before.requests - leavings.pages_kept(work).total()
            runs.append(look())
            counted = played.counted() if played else Counted()
        records = leavings.records(work, runs[-1].told)
        complete = runs[-1].code == 0 and records == size.records
        of_desk = contender is OURS and isinstance(played, Open)
        measured = Measured(
            contender=contender.name,
            part=part,
            wanted=size.records,
            records=records,
            code=runs[-1].code,
            whole=runs[-1].code in _ENDED if self.vendor else complete,
            seconds=sum(each.seconds for each in runs),
            cpu_seconds=sum(each.cpu_seconds for each in runs),
            fetch_bytes=max(each.fetch_bytes for each in runs),
            load_bytes=max(each.load_bytes for each in runs),
            first_request=counted.first - runs[0].started if counted.first else None,
            share=self._share(counted),
            counted=counted,
            samples=runs[-1].samples,
            killed_at=before.requests,
            in_flight=before.in_flight,
            unsafe=unsafe,
            ledger_bytes=leavings.ledger_bytes(work) if of_desk else 0,
            commits=leavings.commits(work) if of_desk else (),
        )
        if measured.whole:
            shutil.rmtree(folder)
        else:
            print(f"{self.name}: {contender.name} ended with {measured.code}; see {folder}", file=sys.stderr)
        return measured

    def _share(self, counted: Counted) -> float | None:
        if self.vendor:
            return counted.share
        return counted.share_of(self.size.rate) if self.limited else None

    @contextmanager
    def _played(self, size: Size, folder: Path) -> Iterator[Played | None]:
        with ExitStack() as opened:
            if self.vendor:
                yield Vendor(sandbox=opened.enter_context(sandbox(self.vendor, "--size", str(self.vendor_size))))
            elif self.command:
                yield None
            else:
                desk = opened.enter_context(open_desk(size))
                yield opened.enter_context(nginx.judging(desk, folder / "nginx", size.rate)) if self.judged else desk

    def _command(self, contender: Contender, played: Played | None) -> list[str]:
        if played is None:
            return [sys.executable, "-m", "extractor", *self.command]
        if self.vendor:
            return [sys.executable, "-m", "extractor", "backfill", self.vendor, "--progress", "off"]
        more = ["--budget", self.budget] if contender is OURS else []
        if self.export and not contender.environment:
            more.append("--export")
        return contender.command(played.base_url, rate=self.documented, more=more)

    def _settings(self, played: Played | None) -> dict[str, str]:
        return played.sandbox.environment if isinstance(played, Vendor) else {}
