"""Whole backfills on storage that fails: full, slow, read-only, damaged. Once that is mended, a run completes it.

Each time there is in the end what an undisturbed run would have loaded, and nothing else is left.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import gc
import itertools
import os
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import dlt
import duckdb
import machine_faults
import psutil
import pytest
from runs import QUICK, Place

from benchmarks.rig import DATASET, PIPELINE, Sandbox, difference, sandbox, tables
from extractor.account import ExitCode, Outcome, Snapshot
from extractor.errors import DestinationError, RunFailed, UsageError
from extractor.ledger.schema import FILE
from extractor.load import LoadProcess
from extractor.run.fetching import Fetching

ONLY = ("agents", "conversation_items")
"""A tree of four levels, about 40 requests, in two tables."""


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *QUICK, "--size", "8") as one:
        yield one


@pytest.fixture(autouse=True)
def _own_dlt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    # Nobody needs to wait a minute for a file on this machine.
    monkeypatch.setitem(cast("dict[str, Any]", LoadProcess.__init__.__kwdefaults__), "patience", 0.5)
    monkeypatch.setattr("extractor.run.conduct._AWAY_PAUSE", 0.1)


@pytest.fixture
def place(played: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    played.ask("reset-stats", "POST")
    return Place(folder, played)


@pytest.fixture(scope="module")
def calm(played: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an undisturbed run loaded everything."""
    folder = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        assert run(Place(folder, played)).code is ExitCode.COMPLETE
    return folder


def run(place: Place, **options: Any) -> Outcome:
    """In several chunks."""
    return place.run(**{"only": ONLY, "commit_every": 0.05, **options})


def disturbed(place: Place, **options: Any) -> str:
    """What a run says that fails; whatever it met, it says so in words of its own."""
    try:
        outcome = run(place, **options)
    except (UsageError, RunFailed) as error:
        return str(error)
    finally:
        # A traceback keeps the ledger open until it is collected.
        gc.collect()
    assert outcome.code is ExitCode.FAILED
    return outcome.message


def assert_whole(place: Place, calm: Path) -> None:
    """Every row once, every load noted once, and nothing is left over."""
    assert not difference(tables(calm), tables(place.folder))
    assert place.rows("SELECT DISTINCT count(*), max(status) FROM _dlt_loads GROUP BY load_id") == [(1, 0)]
    assert files(place.folder) == files(calm)
    assert not [one for one in psutil.Process().children() if "extractor.load" in one.cmdline()]


def files(folder: Path) -> set[str]:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in names if not name.startswith("dlt")}


@contextmanager
def limited(what: int, amount: int) -> Iterator[None]:
    """This process and those that it starts have no more of it."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (amount, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))


@contextmanager
def faulty_load(
    fault: Callable[[float], None], amount: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Load processes that start meanwhile have a fault of the machine."""
    with monkeypatch.context() as patch:
        for name, value in machine_faults.inject(folder / "site", "load", fault, amount).items():
            patch.setenv(name, value)
        # A load process looks for modules where this one does.
        patch.syspath_prepend(folder / "site")
        yield


def failing(call: str, number: int, *, after: int, patch: pytest.MonkeyPatch) -> None:
    """Let the system call fail once, after it went well so often; every page is written and synced by itself."""
    done = itertools.count()
    really = getattr(os, call)

    def wrapped(*args: object) -> object:
        if next(done) == after:
            raise OSError(number, os.strerror(number))
        return really(*args)

    patch.setattr(os, call, wrapped)
    # On a busy machine all pages of the run might go in two writes.
    patch.setattr("extractor.ledger.writer._BATCH", 1)


# ── full, slow, failing ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kilobytes", [8, 100])
def test_no_file_may_grow_any_more(place: Place, calm: Path, kilobytes: int) -> None:
    """The kernel refuses it to both halves, as it does when the disk is full; the ledger feels it first."""
    with limited(resource.RLIMIT_FSIZE, kilobytes << 10):
        assert "ledger.sqlite can't be" in disturbed(place)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


def test_no_file_of_the_load_may_grow_any_more(
    place: Place, calm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for the head of a database, and for no row."""
    monkeypatch.setattr("extractor.load.process._DEATHS", 1)
    with faulty_load(machine_faults.small_files, 20, tmp_path, monkeypatch):
        assert "same command" in disturbed(place)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


@pytest.mark.parametrize("after", [3, 30])
def test_no_inode_is_left_for_the_load(
    place: Place, calm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with faulty_load(machine_faults.no_new_files, after, tmp_path, monkeypatch):
        assert "No space left on device" in disturbed(place)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


@pytest.mark.parametrize(
    ("call", "number", "after"),
    [
        ("pwrite", errno.ENOSPC, 1),
        ("pwrite", errno.EIO, 3),
        ("fdatasync", errno.EIO, 0),
        ("fdatasync", errno.EIO, 2),
    ],
)
def test_a_write_or_sync_that_fails_once_ends_the_run(
    place: Place, calm: Path, call: str, number: int, after: int
) -> None:
    """A second try would find the kernel satisfied and the page gone."""
    with pytest.MonkeyPatch.context() as patch:
        failing(call, number, after=after, patch=patch)
        said = disturbed(place)
    assert os.strerror(number) in said
    assert "run the same command again" in said
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


def test_a_slow_disk_costs_no_request(place: Place, calm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, getattr(os, name))  # what the fault puts in its place goes with the test
    machine_faults.slow_syncs(0.1)
    outcome = run(place)
    assert (outcome.code, outcome.throttled) == (ExitCode.COMPLETE, 0)
    counts = place.played.ask("stats")
    assert outcome.requests == counts["requests"]
    assert "499" not in counts["by_status"], "nobody lost patience with a request"
    assert_whole(place, calm)


def test_many_pages_are_few_files(place: Place) -> None:
    """Segments, so that inodes don't run out: one is written to, the others wait to be loaded."""
    seen: list[int] = []
    outcome = run(place, commit_every=3600.0, progress=lambda _: seen.append(len(list(place.state.glob("spool/*")))))
    assert outcome.requests > 30
    assert max(seen) <= 2


def test_without_a_descriptor_for_the_load_process_the_run_says_so(
    place: Place, calm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing("pipe", errno.EMFILE, after=1, patch=patch)
        assert "The load process can't be started: [Errno 24] Too many open files" in disturbed(place)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


# ── read-only ───────────────────────────────────────────────────────────────────────────────


@contextmanager
def as_anybody() -> Iterator[None]:
    """Modes of files hold for this process and those that it starts, for root too."""
    kernel = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    kernel.capget(header, sets)
    before = sets[0]
    kernel.prctl(28, 1, 0, 0, 0)  # PR_SET_SECUREBITS, SECBIT_NOROOT: who is root gains nothing by it on exec
    sets[0] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    kernel.capset(header, sets)
    try:
        yield
    finally:
        sets[0] = before
        kernel.capset(header, sets)
        kernel.prctl(28, 0, 0, 0, 0)


def test_a_read_only_folder_is_named_before_the_first_request(place: Place, calm: Path) -> None:
    place.folder.chmod(0o555)
    with as_anybody():
        assert "Permission denied" in disturbed(place)
    assert place.requests() == 0
    place.folder.chmod(0o755)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


@pytest.mark.parametrize("name", [".extractor/measured/spool", "."])
def test_a_folder_that_becomes_read_only_in_mid_run(place: Place, calm: Path, name: str) -> None:
    """That of the pages, or that of the database."""
    folder = place.folder / name

    def close(seen: Snapshot) -> None:
        if seen.requests:
            folder.chmod(0o500)

    with as_anybody():
        assert "Permission denied" in disturbed(place, progress=close)
    folder.chmod(0o700)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


# ── damaged, deleted ────────────────────────────────────────────────────────────────────────


def cut(content: bytearray) -> None:
    del content[-(len(content) // 3) :]


def flip(content: bytearray) -> None:
    for at in range(0, len(content), len(content) // 5 + 1):
        content[at] ^= 0x10


@pytest.mark.parametrize("damage", [cut, flip])
def test_pages_that_are_damaged_between_two_runs_are_asked_for_again(
    place: Place, calm: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytearray], None]
) -> None:
    with monkeypatch.context() as patch:
        failing("pwrite", errno.EIO, after=3, patch=patch)
        disturbed(place, commit_every=3600.0)
    (segment,) = (place.state / "spool").glob("*.pages")
    content = bytearray(segment.read_bytes())
    damage(content)
    segment.write_bytes(content)
    outcome = run(place)
    assert outcome.code is ExitCode.COMPLETE
    assert "their pages were damaged on disk" in outcome.message
    assert_whole(place, calm)


def test_a_state_folder_that_is_deleted_under_a_run(place: Place, calm: Path) -> None:
    def delete(seen: Snapshot) -> None:
        if seen.requests:
            shutil.rmtree(place.folder / ".extractor", ignore_errors=True)

    # Whichever of ledger, load and dlt misses its files first.
    assert re.search("No such file|is missing|could not be found", disturbed(place, progress=delete))
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


def test_a_ledger_that_is_zeros_is_named_and_read_back_when_it_is_gone(place: Place, calm: Path) -> None:
    assert run(place).code is ExitCode.COMPLETE
    ledger = place.state / FILE
    zeros = bytes(ledger.stat().st_size)
    ledger.write_bytes(zeros)
    assert f"move the folder {place.state.relative_to(place.folder)} away" in disturbed(place)
    assert ledger.read_bytes() == zeros
    place.requests()
    shutil.rmtree(place.state)
    assert "read back from the destination" in run(place).message
    assert place.requests() == 0
    assert_whole(place, calm)


# ── the destination ─────────────────────────────────────────────────────────────────────────


def test_a_destination_that_goes_away_and_returns(
    place: Place, calm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, away = tmp_path / "warehouse", tmp_path / "away"
    warehouse.mkdir()
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(warehouse / place.database.name))
    missed = asyncio.Event()
    fetch = Fetching.run

    async def fetch_while_it_is_away(fetching: Fetching) -> None:
        warehouse.rename(away)
        await fetch(fetching)
        await missed.wait()
        away.rename(warehouse)

    def look(seen: Snapshot) -> None:
        if "No such file" in seen.phase:
            missed.set()

    monkeypatch.setattr(Fetching, "run", fetch_while_it_is_away)
    assert run(place, progress=look).code is ExitCode.COMPLETE
    assert not difference(tables(calm), tables(warehouse))


@pytest.mark.parametrize("at", [0, 4096, 100_000])
def test_a_database_that_is_damaged_is_named_and_left_as_it_is(place: Place, calm: Path, at: int) -> None:
    assert run(place).code is ExitCode.COMPLETE
    whole = place.database.read_bytes()
    damaged = bytearray(whole)
    damaged[at : at + 9000] = bytes(byte ^ 0x5A for byte in damaged[at : at + 9000])
    place.database.write_bytes(damaged)
    said = disturbed(place, also=("teams",))
    assert "The file is damaged" in said
    assert "Another program" not in said
    assert place.database.read_bytes() == damaged
    place.database.write_bytes(whole)
    assert run(place).code is ExitCode.COMPLETE
    assert_whole(place, calm)


def test_a_log_of_the_database_that_is_damaged_is_never_deleted(place: Place, calm: Path) -> None:
    assert run(place).code is ExitCode.COMPLETE
    with duckdb.connect(str(place.database)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE somebodys AS SELECT range FROM range(9)")
    log = place.database.with_name(f"{place.database.name}.wal")
    whole = log.read_bytes()
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 0x5A
    log.write_bytes(damaged)
    assert "The file is damaged" in disturbed(place, also=("teams",))
    assert log.read_bytes() == damaged
    log.write_bytes(whole)
    assert run(place).code is ExitCode.COMPLETE
    with duckdb.connect(str(place.database)) as connection:
        assert connection.execute("SELECT count(*) FROM somebodys").fetchall() == [(9,)]
        connection.execute("DROP TABLE somebodys")
    assert_whole(place, calm)


def test_a_second_pipeline_is_kept_out_of_the_dataset(
    place: Place, calm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not of this package loads beside it, and neither changes the other's rows."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(place.database))
    assert run(place).code is ExitCode.COMPLETE
    with pytest.raises(DestinationError, match=f"belongs to the pipeline {PIPELINE}.*Choose another --dataset"):
        run(place, pipeline_name="another")
    assert not difference(tables(calm), tables(place.folder))
    foreign = dlt.pipeline("foreign", destination=dlt.destinations.duckdb(str(place.database)), dataset_name=DATASET)
    foreign.run([{"id": 1}], table_name="somebodys")
    assert run(place, fresh=True).code is ExitCode.COMPLETE
    assert run(place, also=("teams",)).code is ExitCode.COMPLETE
    assert place.rows("SELECT id FROM somebodys") == [(1,)]


def test_what_another_version_of_dlt_left_is_not_read(place: Place, calm: Path, tmp_path: Path) -> None:
    """Neither where dlt looks for pipelines nor where an attempt works; both end as this version writes them."""
    homes = [tmp_path / "dlt" / "pipelines" / PIPELINE, place.state / "load" / "dlt" / PIPELINE]
    for home in homes:
        (home / "schemas").mkdir(parents=True)
        (home / "state.json").write_text('{"_state_engine_version": 999, "pipeline_name": "another"}')
        (home / "schemas" / "gladly.schema.json").write_text('{"engine_version": 999, "name": "gladly"}')
    (place.folder / ".extractor").chmod(0o700)
    assert run(place).code is ExitCode.COMPLETE
    assert "999" not in (homes[0] / "state.json").read_text()
    assert_whole(place, calm)
