"""Kill a backfill at every point there is, start it again until it ends, and compare it with an undisturbed one.

A first run counts the points of both processes. Then each point has a run of its own, that is killed there; the load
process alone in one case, both processes in another. What recovers can be killed, too, several points can share a run
to save time, and instead of points there can be random moments.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import orjson

from benchmarks import warm
from benchmarks.judge import judge, remains
from benchmarks.killpoints import Kill, Watched
from benchmarks.postgres import Postgres
from benchmarks.rig import DATASET, PIPELINE
from benchmarks.shop import play
from extractor.account import ExitCode

__all__ = ["Calm", "Scenario", "Verdict", "at_random", "choose", "counted", "figures", "survive", "sweep", "together"]

_STARTS = 12
_ENDED = (ExitCode.COMPLETE, ExitCode.PARTIAL)
_PATIENCE = 120.0
"""Seconds that one start may take."""
_SHARED = 4
"""Kills in one run, at most."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is run.

    Attributes:
        folder: of all runs, with the undisturbed one in `calm`.
        base_url: of the shop.
        chunk_records: a chunk is sealed when it holds so many.
        postgres: the destination, DuckDB if there is none.
    """

    folder: Path
    base_url: str
    chunk_records: int = 20
    postgres: Postgres | None = None

    @property
    def calm(self) -> Watched:
        """The undisturbed run."""
        return self.place("calm", None)

    def place(self, name: str, kills: Sequence[Kill] | None) -> Watched:
        """Where a run works, and is watched."""
        return Watched(folder=self.folder / name / "work", notes=self.folder / name, kills=kills)


@dataclass(frozen=True, kw_only=True)
class Calm:
    """What an undisturbed run shows.

    Attributes:
        points: every point with its name; those of the load process twice, alone and with the other half.
        seconds: that it took.
    """

    points: Sequence[tuple[Kill, str]]
    seconds: float

    def share(self, kill: Kill) -> float:
        """How far its half is at the point, from 0 to 1."""
        return kill.number / self.most[kill.half]

    @property
    def most(self) -> Mapping[str, int]:
        """Points by half."""
        return Counter(kill.half for kill, _ in self.points if not kill.both)


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
    _prepare(scenario, run)
    starts, ended, failed = 0, False, 0
    while not ended and starts < _STARTS:
        before = len(run.killed())
        ended = _start(scenario, run) in _ENDED
        failed += not ended and len(run.killed()) == before
        starts += 1
    faults = {"wedged": int(not ended), "failed_starts": failed}
    told: list[str] = [f"{failed} starts failed by themselves"] if failed else []
    if ended:
        judged, more = _in_fork(partial(_judge, scenario, run), run.notes / "judged")
        faults |= judged
        told += more
    killed = tuple(run.killed())
    if not any(faults.values()):
        shutil.rmtree(run.notes)
        if scenario.postgres is not None:
            scenario.postgres.drop(_database(run))
    return Verdict(kills=kills, killed=killed, starts=starts, faults=faults, told=tuple(told))


def _prepare(scenario: Scenario, run: Watched) -> None:
    run.folder.mkdir(parents=True)
    if scenario.postgres is not None:
        scenario.postgres.create(_database(run))


def _database(run: Watched) -> str:
    # Names have at most 63 bytes.
    return f"run_{sha256(str(run.folder).encode()).hexdigest()[:16]}"


def _judge(scenario: Scenario, run: Watched) -> tuple[dict[str, int], list[str]]:
    _bring(scenario, run)
    return judge(orjson.loads((scenario.calm.notes / "remains").read_bytes()), run.folder)


def _bring(scenario: Scenario, run: Watched) -> None:
    """Whatever the destination is, have its tables where DuckDB's are."""
    if scenario.postgres is not None:
        scenario.postgres.copy(_database(run), run.folder / f"{PIPELINE}.duckdb")


def _start(scenario: Scenario, run: Watched) -> int | None:
    words = ["shop", "--progress", "off", "--pipeline-name", PIPELINE, "--dataset", DATASET, "--commit-every", "1h"]
    environment = {
        "SOURCES__SHOP_SOURCE__BASE_URL": scenario.base_url,
        "SOURCES__SHOP_SOURCE__ACCOUNT": "sweep",
        "SOURCES__SHOP_SOURCE__TOKEN": "none",
        "EXTRACTOR_TRACEBACK": "1",
        "DLT_DATA_DIR": str(run.folder / "dlt"),
    }
    if scenario.postgres is not None:
        words += ["--destination", "postgres"]
        environment["DESTINATION__POSTGRES__CREDENTIALS"] = scenario.postgres.url(_database(run))
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


def counted(scenario: Scenario) -> Calm:
    """An undisturbed run, which is there for comparison afterwards."""
    run = scenario.calm
    _prepare(scenario, run)
    began = time.monotonic()
    assert _start(scenario, run) in _ENDED, (run.notes / "said").read_text()  # noqa: S101
    seconds = time.monotonic() - began

    def left() -> object:
        _bring(scenario, run)
        return remains(run.folder)

    _in_fork(left, run.notes / "remains")
    points = [
        (Kill(half=half, number=number, both=both), line.split(" ", 2)[2])
        for half, both in (("fetch", False), ("load", False), ("load", True))
        for number, line in enumerate((run.notes / half).read_text().splitlines(), 1)
    ]
    return Calm(points=points, seconds=seconds)


def choose(calm: Calm, count: int, *, double: bool = False, seed: int = 1) -> list[tuple[Kill, ...]]:
    """So many points, of every kind alike; `double` adds a kill of what recovers."""
    dice = random.Random(seed)
    kinds: dict[tuple[str, bool, str], list[Kill]] = {}
    for kill, name in calm.points:
        # Deeper than dlt's own folders, every path is one of its kind.
        text = "/".join(" ".join(name.split()[:3]).split("/")[:5])
        kinds.setdefault((kill.half, kill.both, text), []).append(kill)
    waiting = list(kinds.values())
    dice.shuffle(waiting)
    for each in waiting:
        dice.shuffle(each)
    rounds = chain.from_iterable(zip_longest(*waiting))
    chosen = sorted(islice(filter(None, rounds), count), key=lambda kill: (kill.half, kill.number, kill.both))
    if not double:
        return [(kill,) for kill in chosen]
    return [
        # Recovery comes early.
        (kill, dataclasses.replace(kill, half=half, number=1 + int(calm.most[half] * dice.random() ** 2)))
        for kill in chosen
        for half in (dice.choice(("fetch", "load")),)
    ]


def together(calm: Calm, kills: Iterable[Kill]) -> list[tuple[Kill, ...]]:
    """The kills, several to a run: so many that each half need not work more than once to come to all of its own.

    Those of the fetching half come first, as it is done first; those of a load process that dies alone come last: the
    run goes on then, and never begins again.
    """
    runs: list[list[Kill]] = []
    for kill in sorted(kills, key=calm.share, reverse=True):
        for run in runs:
            shares = sum(calm.share(other) for other in run if other.half == kill.half)
            if len(run) < _SHARED and shares + calm.share(kill) <= 1:
                run.append(kill)
                break
        else:
            runs.append([kill])
    return [tuple(sorted(run, key=lambda kill: (kill.half, not kill.both, kill.number))) for run in runs]


def at_random(calm: Calm, *, seed: int = 1) -> Iterator[tuple[Kill, ...]]:
    """Runs without end, each killed at several random moments."""
    dice = random.Random(seed)
    while True:
        yield tuple(
            Kill(half=half, both=half == "load" and dice.random() < 0.5, after=calm.seconds * dice.random())
            for half in dice.choices(("fetch", "load"), k=_SHARED)
        )


def sweep(
    folder: Path,
    choice: Callable[[Calm], Iterable[tuple[Kill, ...]]],
    *,
    scenarios: Sequence[int] = (20,),
    enough: int | None = None,
    postgres: Postgres | None = None,
    workers: int = 2,
    told: Callable[[Verdict], None] = lambda _: None,
) -> list[Verdict]:
    """Sweep through the points that `choice` takes, of each scenario.

    Args:
        scenarios: sizes of chunks in records, a scenario each.
        enough: kills that really happened after which a scenario ends; none if it goes through the whole choice.
        postgres: the destination, DuckDB if there is none.
        workers: how many runs go on at a time.
        told: each verdict as it comes.
    """
    verdicts: list[Verdict] = []
    # Workers have one thread and fork, which this process can't: it plays the shop.
    spawning = multiprocessing.get_context("spawn")
    with (
        play() as base_url,
        ProcessPoolExecutor(
            workers, mp_context=spawning, initializer=warm.imports, initargs=(postgres is not None,)
        ) as pool,
    ):
        for size in scenarios:
            scenario = Scenario(folder=folder / str(size), base_url=base_url, chunk_records=size, postgres=postgres)
            chosen = choice(pool.submit(counted, scenario).result())
            for verdict in _survived(pool, scenario, chosen, enough, workers):
                told(verdict)
                verdicts.append(verdict)
    return verdicts


def _survived(
    pool: ProcessPoolExecutor,
    scenario: Scenario,
    chosen: Iterable[tuple[Kill, ...]],
    enough: int | None,
    workers: int,
) -> Iterator[Verdict]:
    """Verdicts as they come; no run is begun before its turn, as the choice may have no end."""
    remaining = iter(chosen)
    running: set[Future[Verdict]] = set()
    kills = 0
    while True:
        if enough is None or kills < enough:
            running |= {pool.submit(survive, scenario, each) for each in islice(remaining, workers - len(running))}
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            verdict = future.result()
            kills += len(verdict.killed)
            yield verdict


def figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What a sweep shows, for one line of JSON."""
    sums = Counter[str]()
    for verdict in verdicts:
        sums.update(verdict.faults)
    kinds = ("lost", "duplicated", "wedged", "second_load_rows", "left_over", "failed_starts")
    return {
        "runs": len(verdicts),
        "survived": sum(not any(verdict.faults.values()) for verdict in verdicts),
        "points": sum(len(verdict.kills) for verdict in verdicts),
        "kills": sum(len(verdict.killed) for verdict in verdicts),
        "of_what_recovers": sum(max(0, len(verdict.killed) - 1) for verdict in verdicts),
        **{kind: sums[kind] for kind in kinds},
    }
