"""What a vendor that refuses everything, or is away, costs: requests spent meanwhile, records lost or doubled."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.judge import Remains, judge
from benchmarks.rig import Backfill, Sandbox, sandbox

__all__ = ["Endured", "endure", "give_up", "tries"]

AT_S = 5
"""Seconds after the first request until it begins: all is under way by then."""

LOOK_S = 0.02
QUIET_S = 0.3
"""Requests that meet the trouble so much later belong to another try."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endured:
    """How a run got through.

    Attributes:
        code: its exit code.
        spent: requests that met the trouble, by try: at first those in flight, then those that went ahead.
        in_flight: most requests under way at the same time, at any time.
        faults: rows lost, rows too many, and what else the tables or the folder have that they should not.
        told: the same in words, then what the run said.
    """

    code: int | None
    spent: list[int]
    in_flight: int
    faults: dict[str, int]
    told: list[str]


def endure(folder: Path, right: Remains, vendor: str, trouble: str, seconds: float, *flags: str) -> Endured:
    """A backfill during which the vendor is in trouble (`storm` or `outage`) for so long, beside the right one."""
    with sandbox(vendor, "--fault", f"{trouble}={AT_S}:{seconds:g}", *flags) as played:
        run = Backfill(folder=folder, against=played, arguments=("--commit-every", "3s")).start()
        met = _watched(run, played, trouble)
        stats = played.ask("stats")
    faults, told = judge(right, folder)
    return Endured(
        code=run.process.returncode,
        spent=tries(met),
        in_flight=stats["max_in_flight"],
        faults=faults,
        told=[*told, *(line for line in run.said.splitlines() if line.startswith("429"))],
    )


def give_up(
    folder: Path, right: Remains, vendor: str, patience: float, *flags: str
) -> tuple[list[int | None], dict[str, int], list[str]]:
    """The vendor is away for three times as long as the run has patience; afterwards it is started again.

    Returns:
        Both exit codes, and what is wrong in the end, as `judge` says it.
    """
    with sandbox(vendor, "--fault", f"outage={AT_S}:{3 * patience:g}", *flags) as played:
        words = ("--commit-every", "3s", "--patience", f"{patience:g}s")
        first = Backfill(folder=folder, against=played, arguments=words).start()
        codes = [first.watch()]
        over = played.ask("stats")["first_request"] + AT_S + 3 * patience
        time.sleep(max(0.0, over - time.time()))
        codes.append(Backfill(folder=folder, against=played, arguments=words).start().watch())
    return (codes, *judge(right, folder))


def tries(met: Sequence[tuple[float, int]]) -> list[int]:
    """How many met it at a time, from counts so far and their moments."""
    found: list[int] = []
    last = -QUIET_S
    for (_, before), (moment, after) in pairwise([(0.0, 0), *met]):
        if after == before:
            continue
        if moment - last >= QUIET_S:
            found.append(0)
        found[-1] += after - before
        last = moment
    return found


def _watched(run: Backfill, played: Sandbox, trouble: str) -> list[tuple[float, int]]:
    """Moments, and how many requests had met the trouble by then."""
    met: list[tuple[float, int]] = []
    while run.watch(LOOK_S, every=LOOK_S) is None:
        met.append((time.monotonic(), played.ask("stats")["faults"].get(trouble, 0)))
    return met
