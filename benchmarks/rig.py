"""A backfill under observation: the sandbox, the command as a user types it, its memory, its tables.

Everything runs in processes of its own on loopback, as it would for a user, so that the measured program and
whoever measures it don't share a core's time slice or a cache.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psutil
from dlt.common.normalizers.naming.snake_case import NamingConvention

from extractor import vendors

__all__ = ["Backfill", "Sandbox", "difference", "missing", "sandbox", "tables"]

PIPELINE = "measured"
DATASET = "measured_data"


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A sandbox that listens; `process` is its process."""

    vendor: str
    base_url: str
    settings: Mapping[str, str | list[str]]
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """What a run needs to use it."""
        values = {"base_url": self.base_url, **self.settings}
        return {
            f"SOURCES__{self.vendor.upper()}_SOURCE__{name.upper()}": value
            if isinstance(value, str)
            else json.dumps(value)
            for name, value in values.items()
        }

    def ask(self, path: str, method: str = "GET") -> Any:  # noqa: ANN401 - JSON
        """What `/_sandbox/PATH` answers."""
        url = urlsplit(self.base_url)._replace(path=f"/_sandbox/{path}").geturl()
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=120) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def sandbox(vendor: str, *arguments: str) -> Iterator[Sandbox]:
    """Start `python -m extractor.sandbox VENDOR ARGUMENTS`; end it afterwards."""
    command = [sys.executable, "-m", "extractor.sandbox", vendor, "--port", "0", "--die-with-parent", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it was started with a pipe
            ready = json.loads(process.stdout.readline())
            yield Sandbox(vendor=vendor, base_url=ready["base_url"], settings=ready["settings"], process=process)
        finally:
            process.terminate()
            process.wait(10)


@dataclass(kw_only=True)
class Backfill:
    """`python -m extractor backfill VENDOR` in `folder`, against `against`."""

    folder: Path
    against: Sandbox
    arguments: Sequence[str] = ()
    process: subprocess.Popen[str] = field(init=False)
    peak: dict[str, int] = field(default_factory=lambda: {"fetch": 0, "load": 0})
    """Largest resident memory seen, in bytes, by half."""

    def start(self) -> Backfill:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "extractor", "backfill", self.against.vendor, "--progress", "off"]
        command += ["--pipeline-name", PIPELINE, "--dataset", DATASET, *self.arguments]
        with (self.folder / "stdout.txt").open("a") as stdout, (self.folder / "stderr.txt").open("a") as stderr:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | self.against.environment,
                stdout=stdout,
                stderr=stderr,
                text=True,
            )
        return self

    def watch(self, seconds: float | None = None, every: float = 0.1) -> int | None:
        """Look at its memory until it ends, or for so many seconds; its exit code, None if it is still running."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.process.poll() is None:
            if deadline is not None and time.monotonic() >= deadline:
                return None
            self._measure()
            time.sleep(every)
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL to the process that the user started, and only to it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    @property
    def said(self) -> str:
        """What it wrote so far, stdout and stderr."""
        return (self.folder / "stdout.txt").read_text() + (self.folder / "stderr.txt").read_text()

    def _measure(self) -> None:
        try:
            parent = psutil.Process(self.process.pid)
            halves = {"fetch": [parent], "load": parent.children(recursive=True)}
            for half, processes in halves.items():
                self.peak[half] = max(self.peak[half], sum(each.memory_info().rss for each in processes))
        except psutil.NoSuchProcess:
            return


def tables(folder: Path, pipeline: str = PIPELINE, dataset: str = DATASET) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the dataset: its columns with their types, then its rows in order.

    dlt's own tables and columns and what is chance in our own tables are left out. A row of a nested table begins with
    a hash of the record that it belongs to and its place in the list.
    """
    found: dict[str, list[tuple[Any, ...]]] = {}
    with duckdb.connect(str(folder / f"{pipeline}.duckdb"), read_only=True) as database:
        database.execute(f'USE "{dataset}"')
        names = [row[0] for row in database.execute("SHOW TABLES").fetchall() if not row[0].startswith("_dlt")]
        for name in names:
            described = {row[0]: row[1] for row in database.execute(f'DESCRIBE "{name}"').fetchall()}
            # Which page named a listing first, and how often one was asked for, is chance.
            chance = ("seen_at", "cursor", "attempts", "parent", "fields", "pages")
            moments = chance if name.startswith("_extractor") else ()
            columns = sorted(column for column in described if not column.startswith("_dlt") and column not in moments)
            # When something was resolved is chance, whether it was is not.
            chosen = ", ".join(
                f'it."{column}"' + (" IS NOT NULL" if column == "resolved_at" else "") for column in columns
            )
            query = f'SELECT {chosen} FROM "{name}" AS it'  # noqa: S608 - names come from the catalog
            if "_dlt_root_id" in described:
                root = name.partition("__")[0]
                of_root = sorted(row[0] for row in database.execute(f'DESCRIBE "{root}"').fetchall())
                record = ", ".join(f'root."{column}"' for column in of_root if not column.startswith("_dlt"))
                query = (
                    f'SELECT hash({record}), it._dlt_list_idx, {chosen} FROM "{name}" AS it '  # noqa: S608
                    f'JOIN "{root}" AS root ON root._dlt_id = it._dlt_root_id'
                )
            rows = database.execute(query).fetchall()
            found[name] = [tuple(f"{column} {described[column]}" for column in columns), *sorted(rows, key=repr)]
    return found


def difference(one: Mapping[str, list[Any]], other: Mapping[str, list[Any]]) -> list[str]:
    """In words, where two runs' tables differ; empty if they are equal."""
    said = [f"table {name} is only in one" for name in sorted(one.keys() ^ other.keys())]
    for name in sorted(one.keys() & other.keys()):
        if one[name] != other[name]:
            left = [row for row in one[name] if row not in other[name]]
            right = [row for row in other[name] if row not in one[name]]
            sizes = f"{len(one[name]) - 1} and {len(other[name]) - 1} rows"
            said.append(f"{name}: {sizes}, e.g. {left[:1]!r:.400} {right[:1]!r:.400}")
    return said


def missing(
    vendor: str,
    folder: Path,
    truths: Sequence[Mapping[str, Any]],
    pipeline: str = PIPELINE,
    dataset: str = DATASET,
) -> dict[str, int]:
    """How many records of each table exist, and are neither loaded nor named by an incident.

    Args:
        vendor: whose tables are looked at, those that a plain backfill loads.
        folder: of the run.
        truths: what the sandbox said before and after the run: events come and go meanwhile.
    """
    lacking: dict[str, int] = {}
    name_of = NamingConvention().normalize_path
    keys = {
        endpoint.destination_table: [name_of(name.replace(".", "__")) for name in endpoint.key]
        for endpoint in vendors.load(vendor).endpoints
        if endpoint.default and not endpoint.ids_only
    }
    with duckdb.connect(str(folder / f"{pipeline}.duckdb"), read_only=True) as database:
        database.execute(f'USE "{dataset}"')
        named = {row[0] for row in database.execute("SELECT key FROM _extractor_incidents").fetchall()}
        existing = {row[0] for row in database.execute("SHOW TABLES").fetchall()}
        for table in sorted(truths[0]["tables"].keys() & keys.keys()):
            expected = set.intersection(*({_key(each) for each in truth["tables"][table]} for truth in truths))
            columns = ", ".join(f'"{name}"' for name in keys[table] or ["_extractor_key"])
            query = f'SELECT {columns} FROM "{table}"'  # noqa: S608 - names of the vendor's file
            rows = database.execute(query).fetchall() if table in existing else []
            loaded = {tuple(map(_text, row)) for row in rows}
            lacking[table] = sum(key not in loaded and key[-1] not in named for key in expected)
        # What lies behind a cap that no route gets round is named by its list.
        cut = "SELECT count(*) FROM _extractor_incidents WHERE kind = 'truncated'"
        truncated = database.execute(cut).fetchall()[0][0]
        hidden = truths[0].get("hidden", {})
        lacking["hidden, and no list named as cut off"] = int(any(hidden.values()) and not truncated)
    return lacking


def _key(told: object) -> tuple[str, ...]:
    """A key as the sandbox writes it: a value, a list of values, or a whole record where there is no key."""
    if isinstance(told, dict):
        canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return (sha256(canonical.encode()).hexdigest(),)
    return tuple(map(_text, told)) if isinstance(told, list) else (_text(told),)


def _text(value: object) -> str:
    """A value of a key; an instant as Unix seconds, as vendors with such keys write it."""
    return str(int(value.timestamp())) if isinstance(value, datetime) else str(value)
