"""`python -m benchmarks CASE`: measure whole backfills against the sandbox and print what was found.

Every case starts its own sandbox and works in a folder of its own that it leaves behind for a look. Sizes are
options, so that the same code is a smoke test with small ones.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks import sweep as killing
from benchmarks.calm import endure, give_up
from benchmarks.configurations import configurations
from benchmarks.judge import judge, remains
from benchmarks.killpoints import Kill
from benchmarks.postgres import serve
from benchmarks.rig import Backfill, Sandbox, difference, missing, sandbox, tables
from benchmarks.speed.command import RESULTS, speed

SCALED = ("--rate-scale", "10", "--latency", "100")
"""The vendor's limits times ten (100 requests a second), and a tenth of a second for every answer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one case; 0 if it shows what it should."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--vendor", default="gladly", help="whose sandbox (gladly)")
    parser.add_argument("--size", type=int, default=2_000, help="customers, or requests of a configuration (2,000)")
    parser.add_argument("--times", type=int, default=20, help="kills, for the crash cases (20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, help="sweep: so many points of each size of chunks, of all kinds alike")
    parser.add_argument("--together", action="store_true", help="sweep: several points a run, in a third of the time")
    parser.add_argument("--double", action="store_true", help="sweep: kill what recovers, too")
    parser.add_argument("--random", type=int, metavar="N", help="sweep: N kills at random moments instead of points")
    parser.add_argument(
        "--destination", choices=("duckdb", "postgres"), default="duckdb", help="sweep: where to (duckdb)"
    )
    parser.add_argument(
        "--chunks", type=int, nargs="+", default=[20], help="sweep: records a chunk, several sizes (20)"
    )
    parser.add_argument("--case", type=int, nargs="+", dest="cases", help="speed: numbers of cases (all)")
    parser.add_argument("--trial", nargs="+", dest="trials", default=[], help="speed: parts of their names (all)")
    parser.add_argument("--scale", type=float, default=1.0, help="speed: part of the work (1)")
    parser.add_argument("--repeat", type=int, default=5, help="speed: times; medians are told (5)")
    parser.add_argument("--at-once", type=int, default=1, help="speed: trials side by side in case 4 (1)")
    parser.add_argument("--peers", default="all", help="speed: all, none, or names with commas between them (all)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="speed: folder (benchmarks/results)")
    parser.add_argument("--folder", type=Path, help="parent of the working folder (that for temporary files)")
    parser.add_argument("--sandbox", nargs=argparse.REMAINDER, default=[], help="further flags of the sandbox, last")
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(words, argparse.Namespace(words=words))
    folder = Path(tempfile.mkdtemp(prefix=f"extractor-{options.case}-", dir=options.folder))
    print(f"{options.case}: {time.strftime('%Y-%m-%d')}, {platform.platform()}, Python {platform.python_version()}")
    print(f"folder: {folder}")
    good = CASES[options.case](folder, options)
    print("as it should be" if good else "NOT as it should be")
    return 0 if good else 1


# ── the budget ──────────────────────────────────────────────────────────────────────────────


def budget(folder: Path, options: argparse.Namespace) -> bool:
    """At least 98 % of the allowed requests used, no 429."""
    stats, _ = _whole(folder, options, SCALED)
    return bool(stats["share_used"] >= 0.98 and not stats["too_many"])


def real(folder: Path, options: argparse.Namespace) -> bool:
    """The vendor's own limits: at least 98 % used after the first window, no 429."""
    stats, _ = _whole(folder, options, ())
    for name, figures in stats["budgets"].items():
        share = figures["share_used"]
        used = "-" if share is None else f"{share:.2%}"
        print(f"budget {name}: {figures['requests']:,} requests, {figures['too_many']} refused, {used} used")
    return bool(stats["share_used"] >= 0.98 and not stats["too_many"])


def bucket(folder: Path, options: argparse.Namespace) -> bool:
    """The same against a leaky bucket."""
    stats, _ = _whole(folder, options, (*SCALED, "--window", "bucket"))
    return bool(stats["share_used"] >= 0.98 and not stats["too_many"])


def halved(folder: Path, options: argparse.Namespace) -> bool:
    """The limit is halved after 20 s: one pause, and no more 429s than requests were in flight."""
    stats, _ = _whole(folder, options, (*SCALED, "--rate-change", "20=0.5"))
    return bool(stats["too_many"] <= 100 * 0.1 + 1 and stats["share_used"] >= 0.95)


def neighbour(folder: Path, options: argparse.Namespace) -> bool:
    """Another client takes 30 %: at least 90 % of what it leaves is used, with 429s for at most 0.5 %."""
    stats, _ = _whole(folder, options, (*SCALED, "--neighbour", "0.3"))
    return bool(stats["share_used"] >= 0.90 and stats["too_many"] <= 0.005 * stats["requests"])


def silent(folder: Path, options: argparse.Namespace) -> bool:
    """Half of the documented limit (5 a second), and no header to say so: at least 95 % used, a handful of 429s."""
    quiet = ("--rate-scale", "0.5", "--no-rate-headers", "--latency", "100")
    stats, _ = _whole(folder, options, quiet)
    # The reports' own limit is halved as well, and nothing says so either; its 429s are counted apart.
    per_second = sum(row[4] for row in stats["seconds"])
    print(f"429s of the limit per second: {per_second}; of the reports' limit: {stats['too_many'] - per_second}")
    return bool(stats["share_used"] >= 0.95 and per_second <= 10)


def _whole(folder: Path, options: argparse.Namespace, flags: Sequence[str]) -> tuple[dict[str, Any], Backfill]:
    with sandbox(
        options.vendor, "--size", str(options.size), "--seed", str(options.seed), *flags, *options.sandbox
    ) as played:
        run = Backfill(folder=folder, against=played).start()
        code = run.watch()
        stats = played.ask("stats")
    seconds = stats["last_request"] - stats["first_request"]
    print(run.said)
    print(
        f"exit {code}; {stats['requests']:,} requests in {seconds:.1f} s; share of the allowed requests used, "
        f"by the sandbox's clock: {stats['share_used']:.2%}; 429s: {stats['too_many']}; "
        f"most in flight: {stats['max_in_flight']}"
    )
    busy = [row for row in stats["seconds"] if row[4]]
    if busy:
        print("seconds with 429s [second, limit, used, neighbour, refused]:", busy[:12])
    print(f"peak memory: fetch {run.peak['fetch'] / 1e6:.0f} MB, load {run.peak['load'] / 1e6:.0f} MB")
    return stats, run


# ── crashes ─────────────────────────────────────────────────────────────────────────────────


def crash(folder: Path, options: argparse.Namespace) -> bool:
    """`kill -9` at random moments of one backfill, started again each time: equal tables, few requests repeated."""
    return _crashes(folder, options, lambda _: None)


def crash_no_ledger(folder: Path, options: argparse.Namespace) -> bool:
    """Once more, with the state folder deleted before every restart."""
    return _crashes(folder, options, lambda work: shutil.rmtree(work / ".extractor"))


def crash_database_only(folder: Path, options: argparse.Namespace) -> bool:
    """Once more, with everything in the working folder deleted but the DuckDB file."""

    def only_database(work: Path) -> None:
        for path in work.iterdir():
            if path.suffix != ".duckdb" and not path.name.endswith(".wal"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return _crashes(folder, options, only_database)


def _crashes(folder: Path, options: argparse.Namespace, between: Callable[[Path], None]) -> bool:
    flags = ("--size", str(options.size), "--seed", str(options.seed), *SCALED, *options.sandbox)
    # Each run has a vendor of its own, with the same data: Clari's list of jobs would show those of the other run.
    with sandbox(options.vendor, *flags) as played:
        calm = Backfill(folder=folder / "calm", against=played, arguments=("--commit-every", "3s")).start()
        right = calm.watch()
        undisturbed = played.ask("stats")
    print(f"undisturbed: exit {right}, {undisturbed['requests']:,} requests")
    span = undisturbed["last_request"] - undisturbed["first_request"]
    with sandbox(options.vendor, *flags) as played:
        work = folder / "killed"
        repeated: list[int] = []
        restarts: list[float] = []
        flying: list[int] = []
        dice = random.Random(options.seed)
        for number in range(options.times):
            run = Backfill(folder=work, against=played, arguments=("--commit-every", "3s"))
            restarts.append(_first_request(run, played))
            before = played.ask("stats")["repeated"]
            if run.watch(dice.uniform(0.2, 2 * span / options.times)) is not None:
                print(f"finished before kill {number + 1}")
                break
            flying.append(played.ask("stats")["in_flight"])
            run.kill()
            time.sleep(0.5)
            between(work)
            repeated.append(before)
        code = Backfill(folder=work, against=played, arguments=("--commit-every", "3s")).start().watch()
        stats = played.ask("stats")
        faults, told = judge(remains(folder / "calm"), work)
        told += difference(tables(folder / "calm"), tables(work))
    print(
        f"killed {len(repeated)} times; exit {code}; {stats['requests']:,} requests, {stats['repeated']} of them "
        f"repeated ({stats['repeated'] / max(1, len(repeated)):.1f} a kill; in flight at the kills: {flying})"
    )
    print(f"restart to first request: median {statistics.median(restarts):.2f} s, longest {max(restarts):.2f} s")
    print("\n".join(told) or "tables equal")
    print(json.dumps({"kills": len(repeated), **faults, "wedged": int(code != right)}))
    return not told


def _first_request(run: Backfill, played: Sandbox) -> float:
    """Start it; seconds from the command to its first request."""
    count = played.ask("stats")["requests"] + played.ask("stats")["in_flight"]
    began = time.monotonic()
    run.start()
    while run.process.poll() is None:
        stats = played.ask("stats")
        if stats["requests"] + stats["in_flight"] > count:
            break
        time.sleep(0.01)
    return time.monotonic() - began


def sweep(folder: Path, options: argparse.Namespace) -> bool:
    """`kill -9` at every point of a backfill: each change of a file, each statement, in both processes."""

    def choice(calm: killing.Calm) -> Iterable[tuple[Kill, ...]]:
        if options.random:
            return killing.at_random(calm, seed=options.seed)
        count = options.sample or len(calm.points)
        chosen = killing.choose(calm, count, double=options.double, seed=options.seed)
        return killing.together(calm, (kill for kills in chosen for kill in kills)) if options.together else chosen

    def told(verdict: killing.Verdict) -> None:
        if verdict.told:
            print(" then ".join(verdict.killed) or "never killed", *verdict.told, sep="\n  ", flush=True)

    began = time.monotonic()
    with serve() if options.destination == "postgres" else nullcontext() as postgres:
        verdicts = killing.sweep(
            folder, choice, scenarios=options.chunks, enough=options.random, postgres=postgres, told=told
        )
    print(json.dumps(killing.figures(verdicts) | {"seconds": round(time.monotonic() - began)}))
    return all(not verdict.told for verdict in verdicts)


# ── a vendor in trouble ─────────────────────────────────────────────────────────────────────


def calm(folder: Path, options: argparse.Namespace) -> bool:
    """A storm of 429 for 30 s, an outage of 60 s, one that outlasts the patience: few requests, equal tables."""
    flags = ("--size", str(options.size), "--seed", str(options.seed), *SCALED, *options.sandbox)
    with sandbox(options.vendor, *flags) as played:
        code = Backfill(folder=folder / "right", against=played, arguments=("--commit-every", "3s")).start().watch()
    right = remains(folder / "right")
    storm = endure(folder / "storm", right, options.vendor, "storm", 30, *flags)
    outage = endure(folder / "outage", right, options.vendor, "outage", 60, *flags)
    for trouble, one in (("storm of 30 s", storm), ("outage of 60 s", outage)):
        print(f"{trouble}: exit {one.code}; {sum(one.spent)} requests met it, by try {one.spent}; ", end="")
        print(f"most in flight {one.in_flight}; {json.dumps(one.faults)}", *one.told, sep="\n  ")
    codes, faults, told = give_up(folder / "impatient", right, options.vendor, 5, *flags)
    print(f"outage of 15 s, --patience 5s: exit {codes[0]}, then {codes[1]}; {json.dumps(faults)}", *told, sep="\n  ")
    calmly = storm.spent[0] <= storm.in_flight and sum(outage.spent) <= outage.in_flight + 7 + 7
    whole = not any((*storm.faults.values(), *outage.faults.values(), *faults.values()))
    return calmly and whole and [storm.code, outage.code, *codes] == [code, code, 1, code]


# ── the rest ────────────────────────────────────────────────────────────────────────────────


def complete(folder: Path, options: argparse.Namespace) -> bool:
    """Every record that the sandbox holds is in DuckDB or named in `_extractor_incidents`."""
    with sandbox(
        options.vendor, "--size", str(options.size), "--seed", str(options.seed), *SCALED, *options.sandbox
    ) as played:
        before = played.ask("truth")
        run = Backfill(folder=folder, against=played).start()
        code = run.watch()
        after = played.ask("truth")
    print(run.said)
    lacking = missing(options.vendor, folder, (before, after))
    print(f"exit {code}; records that are neither loaded nor named by an incident: {lacking}")
    return not any(lacking.values())


def memory(folder: Path, options: argparse.Namespace) -> bool:
    """Peak memory of both halves at 500 requests a second, at `--size` and at ten times that."""
    peaks = []
    for size in (options.size, 10 * options.size):
        flags = ("--size", str(size), "--rate-scale", "50", "--latency", "20", *options.sandbox)
        with sandbox(options.vendor, *flags) as played:
            run = Backfill(folder=folder / str(size), against=played, arguments=("--commit-every", "10s")).start()
            began = time.monotonic()
            code = run.watch()
            stats = played.ask("stats")
        peaks.append(run.peak)
        print(
            f"{size:,} customers: exit {code}, {stats['requests']:,} requests in {time.monotonic() - began:.0f} s; "
            f"fetch {run.peak['fetch'] / 1e6:.0f} MB, load {run.peak['load'] / 1e6:.0f} MB"
        )
    small, large = peaks
    print(f"fetch process, ten times the customers: {large['fetch'] / small['fetch']:.2f} ×")
    return large["fetch"] < 150e6 and large["fetch"] <= 1.15 * small["fetch"] and large["load"] < 500e6


CASES: dict[str, Callable[[Path, argparse.Namespace], bool]] = {
    "budget": budget,
    "real": real,
    "bucket": bucket,
    "halved": halved,
    "neighbour": neighbour,
    "silent": silent,
    "crash": crash,
    "crash-no-ledger": crash_no_ledger,
    "crash-database-only": crash_database_only,
    "sweep": sweep,
    "calm": calm,
    "complete": complete,
    "memory": memory,
    "speed": speed,
    "configurations": configurations,
}


if __name__ == "__main__":
    sys.exit(main())
