"""`python -m benchmarks speed`: run cases, print their tables, keep JSON, Markdown and charts."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.speed import nginx, tables
from benchmarks.speed.cases import CASES
from benchmarks.speed.charts import draw
from benchmarks.speed.contenders import OURS, chosen
from benchmarks.speed.figures import Repeat
from benchmarks.speed.machine import machine, used
from benchmarks.speed.played import ROOT, Size, open_desk
from benchmarks.speed.results import Result, result, save, saved
from benchmarks.speed.trials import Measured, Trial

__all__ = ["RESULTS", "speed"]

RESULTS = Path(__file__).parent.parent / "results"


def speed(folder: Path, options: Namespace) -> bool:
    """Run the chosen cases; whether every run of ours was whole and, at full scale, every target met.

    Args:
        folder: runs work there; those that went wrong stay for a look.
        options: `cases`, `trials` (parts of their names), `scale`, `repeat`, `at_once`, `peers`, `results` (a folder),
            and the `words` that all of them were given with.
    """
    try:
        peers = chosen(options.peers)
    except ValueError as error:
        sys.exit(f"--peers: {error}")
    good = True
    for number in options.cases or CASES:
        trials = _trials(number, options.scale, options.trials, peers)
        if not trials:
            continue
        about = {
            "date": time.strftime("%Y-%m-%d %H:%M %Z"),
            "command": shlex.join(["python", "-m", "benchmarks", *options.words]),
            "machine": machine(),
            "versions": used(
                {each for trial in trials for each in trial.contenders}, judged=any(trial.judged for trial in trials)
            ),
            "ceiling": ceiling(),
        }
        at_once = options.at_once if CASES[number].paced else 1
        repeats = [
            _repeat(trials, folder / f"case-{number}" / str(round_), at_once) for round_ in range(options.repeat)
        ]
        found = {**result(number, trials, repeats, scale=options.scale, about=about)}
        options.results.mkdir(parents=True, exist_ok=True)
        found["files"] = draw(found, options.results)
        save(found, options.results)
        (options.results / "README.md").write_text(tables.report(saved(options.results)))
        print(f"\ncase {number}: {found['title']}", tables.about(found), sep="\n", end="\n\n")
        print(tables.figures(found), tables.runs(found), tables.settings(found), sep="\n\n", flush=True)
        good = good and _good(found)
    return good


def ceiling() -> int:
    """Requests a second that the desk answers at most."""
    with open_desk(Size(customers=1)) as desk:
        command = [sys.executable, "-m", "benchmarks.speed.ceiling", desk.base_url]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return int(json.loads(told)["requests_per_second"])


def _trials(number: int, scale: float, parts: Sequence[str], peers: frozenset[str]) -> list[Trial]:
    """The case's trials whose names hold one of the parts, with those contenders that were chosen."""
    found = []
    for trial in CASES[number].trials(scale):
        if parts and not any(part in trial.name for part in parts):
            continue
        if trial.judged and nginx.installed() is None:
            print(f"{trial.name}: skipped, nginx is not installed (apt-get install nginx)")
            continue
        found.append(replace(trial, contenders=tuple(each for each in trial.contenders if each.name in peers)))
    return found


def _repeat(trials: Sequence[Trial], folder: Path, at_once: int) -> Repeat:
    """Every contender in every trial, once: what is compared ran within the same minutes.

    Args:
        at_once: trials that run side by side; contenders of one trial always take turns.
    """
    with ThreadPoolExecutor(at_once) as pool:
        places = (folder / str(number) for number in range(len(trials)))
        return {pair: measured for found in pool.map(_trial, trials, places) for pair, measured in found.items()}


def _trial(trial: Trial, folder: Path) -> Repeat:
    found: dict[tuple[str, str], Measured] = {}
    for contender in trial.contenders:
        place = folder / contender.name
        place.mkdir(parents=True)
        measured = found[trial.name, contender.name] = trial.run(contender, place)
        print(
            f"{trial.name}: {contender.name}: {measured.seconds:.1f} s, {measured.counted.requests:,} requests, "
            f"{measured.records:,} records, {measured.counted.too_many} × 429",
            file=sys.stderr,
            flush=True,
        )
    return found


def _good(found: Result) -> bool:
    whole = all(each["whole"] for each in found["summary"] if each["contender"] == OURS.name)
    return whole and all(each["met"] is not False for each in found["figures"])
