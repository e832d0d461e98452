"""Kill a backfill at every point there is, start it again until it ends, and compare it with an undisturbed one.

A first run counts the points of both processes. Then each point has a run of its own, that is killed there; the load
process alone in one case, both processes in another. With `double`, what recovers is killed, too.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from benchmarks import warm
from benchmarks.judge import judge, remains
from benchmarks.killpoints import Kill, Watched
from benchmarks.rig import DATASET, PIPELINE
from benchmarks.shop import play
from extractor.account import ExitCode

__all__ = ["Points", "Scenario", "Verdict", "choose", "counted", "figures", "sweep"]

_STARTS = 12
_ENDED = (ExitCode.COMPLETE, ExitCode.PARTIAL)
_PATIENCE = 120.0
"""Seconds that one start may take."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is run.

    Attributes:
        folder: of all runs, with the undisturbed one in `calm`.
        base_url: of the shop.
        chunk_records: a chunk is sealed when it holds so many.
    """

    folder: Path
    base_url: str
    chunk_records: int = 20

    @property
    def calm(self) -> Watched:
        """The undisturbed run."""
        return self.place("calm", None)

    def place(self, name: str, kills: Sequence[Kill] | None) -> Watched:
        """Where a run works, and is watched."""
        return Watched(folder=self.folder / name / "work", notes=self.folder / name, kills=kills)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one run.

    Attributes:
        kills: that were meant.
        killed: the points at which it was killed, by name; fewer than meant if it did not come so far.
        starts: until it ended as the undisturbed one.
        faults: by kind: lost, duplicated, wedged, second load rows, left over, failed starts.
        told: in words, what is wrong.
    """

    kills: tuple[Kill, ...]
    killed: tuple[str, ...]
    starts: int
    faults: Mapping[str, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()


# ── one run ─────────────────────────────────────────────────────────────────────────────────


def survive(scenario: Scenario, kills: tuple[Kill, ...]) -> Verdict:
    """Run it with these kills, start it again until it ends, and judge what it left."""
    run = scenario.place(" ".join(map(str, kills)), kills)
    starts, ended, failed = 0, False, 0
    while not ended and starts < _STARTS:
        before = len(run.killed())
        ended = _start(scenario, run) in _ENDED
        failed += not ended and len(run.killed()) == before
        starts += 1
    faults = {"wedged": int(not ended), "failed_starts": failed}
    told: list[str] = [f"{failed} starts failed by themselves"] if failed else []
    if ended:
        right = orjson.loads((scenario.calm.notes / "remains").read_bytes())
        judged, more = _in_fork(partial(judge, right, run.folder), run.notes / "judged")
        faults |= judged
        told += more
    killed = tuple(run.killed())
    if not any(faults.values()):
        shutil.rmtree(run.notes)
    return Verdict(kills=kills, killed=killed, starts=starts, faults=faults, told=tuple(told))


def _start(scenario: Scenario, run: Watched) -> int | None:
    run.folder.mkdir(parents=True, exist_ok=True)
    words = ["shop", "--progress", "off", "--pipeline-name", PIPELINE, "--dataset", DATASET, "--commit-every", "1h"]
    environment = {
        "SOURCES__SHOP_SOURCE__BASE_URL": scenario.base_url,
        "SOURCES__SHOP_SOURCE__ACCOUNT": "sweep",
        "SOURCES__SHOP_SOURCE__TOKEN": "none",
        "EXTRACTOR_TRACEBACK": "1",
        "DLT_DATA_DIR": str(run.folder / "dlt"),
    }
    began = partial(warm.backfill, words, environment, run, chunk_records=scenario.chunk_records)
    return warm.wait(warm.fork(began), _PATIENCE)


def _in_fork(call: Callable[[], object], file: Path) -> Any:  # noqa: ANN401 - JSON
    """What the call returns; it is made in a child, because DuckDB starts threads when it is used."""

    def write() -> int:
        file.write_bytes(orjson.dumps(call()))
        return 0

    warm.wait(warm.fork(write), _PATIENCE)
    return orjson.loads(file.read_bytes())


# ── many ────────────────────────────────────────────────────────────────────────────────────


Points = list[tuple[Kill, str]]
"""Every point with its name; those of the load process twice, alone and with the other half."""


def counted(scenario: Scenario) -> Points:
    """The points of an undisturbed run, which is there for comparison afterwards."""
    run = scenario.calm
    assert _start(scenario, run) in _ENDED, (run.notes / "said").read_text()  # noqa: S101
    _in_fork(partial(remains, run.folder), run.notes / "remains")
    points: Points = []
    for half, both in (("fetch", False), ("load", False), ("load", True)):
        for number, line in enumerate((run.notes / half).read_text().splitlines(), 1):
            points.append((Kill(half=half, number=number, both=both), line.split(" ", 2)[2]))
    return points


def choose(points: Points, count: int, *, double: bool = False, seed: int = 1) -> list[tuple[Kill, ...]]:
    """So many points, of every kind alike; `double` adds a kill of what recovers."""
    dice = random.Random(seed)
    kinds: dict[tuple[str, bool, str], list[Kill]] = {}
    for kill, name in points:
        # Deeper than dlt's own folders, every path is one of its kind.
        text = "/".join(" ".join(name.split()[:3]).split("/")[:5])
        kinds.setdefault((kill.half, kill.both, text), []).append(kill)
    for each in kinds.values():
        dice.shuffle(each)
    chosen: list[Kill] = []
    while kinds and len(chosen) < count:
        for kind in list(kinds):
            chosen.append(kinds[kind].pop())
            if not kinds[kind]:
                del kinds[kind]
    chosen = sorted(chosen[:count], key=lambda kill: (kill.half, kill.number, kill.both))
    if not double:
        return [(kill,) for kill in chosen]
    most = Counter(kill.half for kill, _ in points if not kill.both)
    return [
        (kill, dataclasses.replace(kill, half=half, number=dice.randint(1, most[half])))
        for kill in chosen
        for half in (dice.choice(("fetch", "load")),)
    ]


def sweep(
    folder: Path,
    choice: Callable[[Points], Sequence[tuple[Kill, ...]]],
    *,
    scenarios: Sequence[int] = (20,),
    workers: int = 2,
    told: Callable[[Verdict], None] = lambda _: None,
) -> list[Verdict]:
    """Sweep through the points that `choice` takes, of each scenario.

    Args:
        scenarios: sizes of chunks in records, a scenario each.
        workers: how many runs go on at a time.
        told: each verdict as it comes.
    """
    verdicts = []
    # Workers have one thread and fork, which this process can't: it plays the shop.
    spawning = multiprocessing.get_context("spawn")
    with play() as base_url, ProcessPoolExecutor(workers, mp_context=spawning) as pool:
        for size in scenarios:
            scenario = Scenario(folder=folder / str(size), base_url=base_url, chunk_records=size)
            chosen = choice(pool.submit(counted, scenario).result())
            for verdict in pool.map(partial(survive, scenario), chosen):
                told(verdict)
                verdicts.append(verdict)
    return verdicts


def figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What a sweep shows, for one line of JSON."""
    sums = Counter[str]()
    for verdict in verdicts:
        sums.update(verdict.faults)
    kinds = ("lost", "duplicated", "wedged", "second_load_rows", "left_over", "failed_starts")
    return {
        "points": len(verdicts),
        "survived": sum(not any(verdict.faults.values()) for verdict in verdicts),
        "kills": sum(len(verdict.killed) for verdict in verdicts),
        "not_reached": sum(not verdict.killed for verdict in verdicts),
        **{kind: sums[kind] for kind in kinds},
    }
