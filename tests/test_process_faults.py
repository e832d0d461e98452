"""Whole backfills whose processes are stopped, starved of what they need, or told another hour: they lose nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import machine_faults
import psutil
import pytest
from runs import QUICK

from benchmarks.rig import DATASET, PIPELINE, Backfill, Sandbox, difference, sandbox, tables
from extractor.account import ExitCode

SLOW = (*QUICK, "--rate-scale", "4", "--size", "8")
"""About 40 requests at 40 a second: long enough to be met in the midst of them."""
PART = ("--only", "agents", "--only", "conversation_items", "--commit-every", "100ms")


@pytest.fixture(autouse=True)
def _own_dlt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))


@pytest.fixture
def played() -> Iterator[Sandbox]:
    """One of its own for every test: none waits until the reports of a minute are allowed anew."""
    with sandbox("gladly", *SLOW) as one:
        yield one


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an undisturbed run loaded everything."""
    folder = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        with sandbox("gladly", *SLOW) as one:
            run = start(folder, one)
            assert run.watch() == ExitCode.COMPLETE, run.said
    return folder


def start(folder: Path, played: Sandbox, *arguments: str) -> Backfill:
    return Backfill(folder=folder, against=played, arguments=(*PART, *arguments)).start()


def until(true: Callable[[], object], run: Backfill) -> None:
    """Wait for something that a run brings about; it is an error if it ends before."""
    while not true():
        assert run.process.poll() is None, run.said
        time.sleep(0.002)


def assert_whole(folder: Path, calm: Path) -> None:
    assert not difference(tables(calm), tables(folder))
    with duckdb.connect(str(folder / f"{PIPELINE}.duckdb"), read_only=True) as database:
        query = f"SELECT DISTINCT count(*), max(status) FROM {DATASET}._dlt_loads GROUP BY load_id"
        assert database.execute(query).fetchall() == [(1, 0)]
    assert files(folder) == files(calm)


def files(folder: Path) -> set[str]:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in names if not name.startswith("dlt")}


def halves(run: Backfill) -> list[psutil.Process]:
    """The processes of a run."""
    first = psutil.Process(run.process.pid)
    return [first, *first.children()]


@pytest.mark.parametrize("which", [slice(0, 9), slice(0, 1), slice(1, 9)], ids=["all", "the fetching", "the loading"])
def test_stopped_for_seconds_it_goes_on_without_a_burst(
    played: Sandbox, calm: Path, tmp_path: Path, which: slice
) -> None:
    """As when a laptop sleeps: the limits are those of the vendor's clock, which went on."""
    run = start(tmp_path / "work", played)
    for requests in (8, 20):
        until(lambda least=requests: played.ask("stats")["requests"] >= least, run)  # type: ignore[misc]
        stopped = halves(run)[which]
        for one in stopped:
            one.suspend()
        time.sleep(1.5)
        for one in stopped:
            one.resume()
    assert run.watch() == ExitCode.COMPLETE, run.said
    counts = played.ask("stats")
    assert counts["too_many"] == 0
    assert all(used <= limit for _, limit, used, *_ in counts["seconds"])
    assert_whole(tmp_path / "work", calm)


@pytest.mark.parametrize(("descriptors", "code"), [(20, ExitCode.FAILED), (40, ExitCode.COMPLETE)])
def test_few_file_descriptors_are_enough_or_named(
    played: Sandbox, calm: Path, tmp_path: Path, descriptors: int, code: ExitCode
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fault = machine_faults.inject(tmp_path / "site", "both", machine_faults.few_descriptors, descriptors)
        for name, value in fault.items():
            patch.setenv(name, value)
        run = start(tmp_path / "work", played)
        assert run.watch() == code, run.said
    if code is not ExitCode.COMPLETE:
        assert "Too many open files" in run.said
        assert "Traceback" not in run.said
        run = start(tmp_path / "work", played)
        assert run.watch() == ExitCode.COMPLETE, run.said
    assert_whole(tmp_path / "work", calm)


@pytest.mark.parametrize(
    "homes",
    [
        {},
        {"HOME": "/dev/null", "TMPDIR": "/dev/null", "DLT_DATA_DIR": "/dev/null/dlt"},
    ],
    ids=["none", "none that can be written"],
)
def test_no_home_and_no_folder_for_temporary_files(
    played: Sandbox, calm: Path, tmp_path: Path, homes: dict[str, str]
) -> None:
    """All that a run needs is the folder that it works in; where dlt keeps its own must not be the developer's."""
    work = tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-m", "extractor", "backfill", "gladly", "--progress", "off", *PART]
    done = subprocess.run(
        [*command, "--pipeline-name", PIPELINE, "--dataset", DATASET],
        cwd=work,
        env={"DLT_DATA_DIR": str(tmp_path / "dlt"), **homes, **played.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (ExitCode.COMPLETE, "")
    assert not difference(tables(calm), tables(work))


@pytest.mark.parametrize("hours", [1, -1])
def test_the_clock_is_set_again_and_again_and_the_run_killed_meanwhile(
    played: Sandbox, calm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """What the clock says at the second start may lie before what it said at the first."""
    with monkeypatch.context() as patch:
        fault = machine_faults.inject(tmp_path / "site", "both", machine_faults.stepping_clock, hours)
        for name, value in fault.items():
            patch.setenv(name, value)
        run = start(tmp_path / "work", played)
        until(lambda: played.ask("stats")["requests"] >= 20, run)
        run.kill()
        run = start(tmp_path / "work", played)
        assert run.watch() == ExitCode.COMPLETE, run.said
    assert played.ask("stats")["too_many"] == 0
    assert_whole(tmp_path / "work", calm)


def test_of_three_that_begin_at_once_one_does_the_work(played: Sandbox, calm: Path, tmp_path: Path) -> None:
    runs = [start(tmp_path / "work", played) for _ in range(3)]
    codes = [run.watch() for run in runs]
    assert sorted(code for code in codes if code is not None) == [ExitCode.COMPLETE, ExitCode.USAGE, ExitCode.USAGE]
    assert_whole(tmp_path / "work", calm)


def loading(folder: Path, after: int) -> bool:
    """Whether the ledger says that a chunk is being loaded, after so many attempts that failed."""
    file = folder / ".extractor" / PIPELINE / "ledger.sqlite"
    if not file.exists():
        return False
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    try:
        return bool(
            connection.execute("SELECT 1 FROM chunks WHERE state = 'loading' AND attempts = ?", [after]).fetchall()
        )
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()


def test_what_was_killed_twice_over_the_same_pages_takes_fewer_at_a_time(
    played: Sandbox, calm: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    for deaths in range(2):
        run = start(work, played, "--commit-every", "1h")
        until(lambda after=deaths: loading(work, after), run)  # type: ignore[misc]
        run.kill()
    run = start(work, played, "--commit-every", "1h")
    assert run.watch() == ExitCode.COMPLETE, run.said
    with duckdb.connect(str(work / f"{PIPELINE}.duckdb"), read_only=True) as database:
        ((packages,),) = database.execute(f"SELECT count(*) FROM {DATASET}._dlt_loads").fetchall()
    assert packages == 5, "four parts, and what completes them"
    assert_whole(work, calm)
