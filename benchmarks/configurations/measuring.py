"""Runs a configuration three times, by this package and by dlt in both of its ways, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractor.run.difference import Difference, Loaded, differences

__all__ = ["CONFIGURATIONS", "Compared", "Figures", "Played", "compare", "play"]

CONFIGURATIONS = tuple(Path(__file__).with_name(f"{name}.py") for name in ("forge", "pokedex", "crm"))

DLT = "dlt"
PARALLELIZED = "dlt, parallelized"
EXTRACTOR = "extractor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """The server of all three APIs; `environment` is what a configuration reads of it."""

    base_url: str
    environment: Mapping[str, str]

    def counted(self) -> dict[str, Any]:
        """What came since the last time, as `played.server.Counted` says."""
        with urllib.request.urlopen(f"{self.base_url}/_counted", timeout=60) as answer:  # noqa: S310 - our own
            counted: dict[str, Any] = json.load(answer)
        return counted


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One run.

    Attributes:
        requests: that were answered with anything but a 429.
        refused: answered with a 429.
        at_once: the most requests under way at the same time.
        seconds: of the whole process, from its start to its end.
        asking: seconds from the first request to the last answer.
        rows: in all tables; nested rows are part of the row they hang on.
    """

    requests: int
    refused: int
    at_once: int
    seconds: float
    asking: float
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One configuration.

    Attributes:
        figures: by who has run it.
        tables: that dlt has loaded.
        unlike: how the tables differ from those of dlt in either way.
    """

    name: str
    figures: Mapping[str, Figures]
    tables: int
    unlike: Sequence[Difference]

    @property
    def good(self) -> bool:
        """Equal tables, for no more requests than dlt takes."""
        most = min(self.figures[who].requests for who in (DLT, PARALLELIZED))
        return not self.unlike and self.figures[EXTRACTOR].requests <= most


@contextmanager
def play(*arguments: str) -> Iterator[Played]:
    """Start the server with these arguments; end it afterwards."""
    command = [sys.executable, "-m", "benchmarks.configurations.played", *arguments]
    # It ends with its standard input, so also if this process is killed.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_root(), text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        ready = json.loads(process.stdout.readline())
        environment = {"PLAYED_URL": ready["base_url"], "PLAYED_TOKEN": ready["token"]}
        yield Played(base_url=ready["base_url"], environment=environment)


def compare(folder: Path, file: Path, played: Played) -> Compared:
    """Run one configuration in all three ways, one after another.

    Raises:
        subprocess.CalledProcessError: one of them failed; what it said is in `said.txt` beside its database.
    """
    name = file.stem
    by_dlt = [sys.executable, "-m", "benchmarks.configurations.by_dlt", str(file)]
    ways: dict[str, tuple[Path, list[str]]] = {}
    for who, further in ((DLT, []), (PARALLELIZED, ["--parallelized"])):
        database = folder / name / who / "dlt.duckdb"
        ways[who] = database, [*by_dlt, str(database), *further]
    ways[EXTRACTOR] = (
        folder / name / EXTRACTOR / f"{name}_pipeline.duckdb",
        [sys.executable, "-m", "extractor", "backfill", f"{file}:config", "--progress", "off"],
    )
    figures, loaded = {}, {}
    for who, (database, command) in ways.items():
        figures[who], loaded[who] = _run(command, database, name, played)
    unlike = [one for who in (DLT, PARALLELIZED) for one in differences(loaded[who], loaded[EXTRACTOR])]
    return Compared(name=name, figures=figures, tables=len(loaded[DLT].tables), unlike=unlike)


def _run(command: Sequence[str], database: Path, name: str, played: Played) -> tuple[Figures, Loaded]:
    folder = database.parent
    folder.mkdir(parents=True)
    environment = os.environ | played.environment | {"PYTHONPATH": str(_root())}
    began = time.monotonic()
    with (folder / "said.txt").open("w") as said:
        subprocess.run(command, cwd=folder, env=environment, stdout=said, stderr=said, check=True)
    seconds = time.monotonic() - began
    counted = played.counted()
    loaded = Loaded.read(database, dataset=f"{name}_data", schema=name)
    figures = Figures(
        requests=counted["requests"],
        refused=counted["refused"],
        at_once=counted["at_once"],
        seconds=seconds,
        asking=counted["ended"] - counted["began"],
        rows=loaded.rows,
    )
    return figures, loaded


def _root() -> Path:
    """Where `benchmarks` is."""
    return Path(__file__).parents[2]
