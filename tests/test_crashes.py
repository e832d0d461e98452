"""Runs that are killed, interrupted or disturbed from outside, and go on: processes as a user starts them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import psutil
import pytest
from runs import QUICK

from benchmarks.rig import DATASET, PIPELINE, Backfill, Sandbox, difference, sandbox, tables
from benchmarks.speed.leavings import pages_kept
from extractor.account import ExitCode

SLOW = ("--latency", "40", "--knob", "report-latency=40", "--rate-scale", "10", "--size", "25")
"""Long enough that kills hit every phase: about 150 requests at 100 a second."""
FILES = ("export_customers", "export_conversation_items", "conversation_items_exported")
"""What reads export files; the last two read the same ones, so that requests for these repeat undisturbed, too."""
OFTEN = ("--commit-every", "300ms")


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *SLOW) as one:
        yield one


@pytest.fixture(autouse=True)
def _own_dlt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))


@pytest.fixture
def slow(played: Sandbox) -> Sandbox:
    played.ask("reset-stats", "POST")
    return played


@pytest.fixture(scope="module")
def calm(played: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an undisturbed run loaded everything."""
    folder = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        run = Backfill(folder=folder, against=played, arguments=OFTEN).start()
        assert run.watch() == ExitCode.COMPLETE, run.said
    return folder


def start(folder: Path, played: Sandbox, *arguments: str) -> Backfill:
    return Backfill(folder=folder, against=played, arguments=(*OFTEN, *arguments)).start()


def until(true: Callable[[], object], run: Backfill) -> None:
    """Wait for something that a run brings about; it is an error if it ends before."""
    while not true():
        assert run.process.poll() is None, run.said
        time.sleep(0.01)


def unsafe(folder: Path, played: Sandbox) -> int:
    """Requests answered for good whose answers a killed run does not have on disk, export files apart."""
    quiet = 0
    while quiet < 5:  # what was sent just before the kill may still have to be read
        time.sleep(0.01)
        quiet = 0 if played.ask("stats")["in_flight"] else quiet + 1
    settled = Counter(played.ask("stats")["settled"])
    kept = pages_kept(folder, pipeline=PIPELINE)
    return settled.total() - settled["export_file"] - kept.total() + sum(kept[name] for name in FILES)


def repeated(played: Sandbox) -> int:
    """Requests that had been answered for good before, export files apart."""
    stats = played.ask("stats")
    return int(stats["repeated"] - (stats["by_endpoint"]["export_file"] - stats["settled"]["export_file"]))


def loads_twice(folder: Path) -> list[tuple[object, ...]]:
    """Load ids that don't have exactly one row with status 0."""
    with duckdb.connect(str(folder / f"{PIPELINE}.duckdb"), read_only=True) as database:
        query = f"SELECT load_id FROM {DATASET}._dlt_loads GROUP BY 1 HAVING count(*) != 1 OR max(status) != 0"
        return database.execute(query).fetchall()


def load_processes(folder: Path) -> list[int]:
    """Load processes that work in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if "extractor.load" in (process.info["cmdline"] or []) and process.cwd() == str(folder):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def assert_whole(folder: Path, calm: Path) -> None:
    assert not difference(tables(calm), tables(folder))
    assert loads_twice(folder) == []
    assert load_processes(folder) == []


def nothing(_: Path) -> None:
    """The state folder stays as the killed run left it."""


def no_state(folder: Path) -> None:
    shutil.rmtree(folder / ".extractor")


def only_database(folder: Path) -> None:
    for path in folder.iterdir():
        if ".duckdb" not in path.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    dlt = Path(os.environ["DLT_DATA_DIR"])
    if dlt.exists():
        shutil.rmtree(dlt)


@pytest.mark.parametrize(
    "losses", [[nothing] * 5, [no_state, only_database, no_state]], ids=["nothing lost", "the state folder lost"]
)
def test_killed_at_random_moments_it_ends_where_an_undisturbed_run_does(
    slow: Sandbox, calm: Path, tmp_path: Path, losses: list[Callable[[Path], None]]
) -> None:
    """Whatever is lost between a kill and the next start: the state folder, or all but the database."""
    work = tmp_path / "work"
    dice = random.Random(len(losses))
    kills = lost = 0
    for lose in losses:
        before = slow.ask("stats")["requests"]
        run = start(work, slow)
        while slow.ask("stats")["requests"] == before and run.process.poll() is None:
            time.sleep(0.01)
        if run.watch(dice.uniform(0.05, 1.2), every=0.02) is not None:
            break
        run.kill()
        kills += 1
        lost += unsafe(work, slow)
        lose(work)
    assert kills >= 2, "the runs were too short to be killed"
    run = start(work, slow)
    assert run.watch() == ExitCode.COMPLETE, run.said
    assert_whole(work, calm)
    if nothing in losses:
        assert repeated(slow) <= lost


def test_a_load_process_that_is_killed_is_started_again(slow: Sandbox, calm: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    run = start(work, slow)
    killed: set[int] = set()
    for _ in range(3):
        until(lambda: set(load_processes(work)) - killed, run)
        for number in set(load_processes(work)) - killed:
            os.kill(number, signal.SIGKILL)
            killed.add(number)
        if run.watch(0.4, every=0.02) is not None:
            break
    assert run.watch() == ExitCode.COMPLETE, run.said
    assert killed
    assert_whole(work, calm)


def test_interrupted_runs_keep_what_they_have_and_the_last_one_completes_it(
    slow: Sandbox, calm: Path, tmp_path: Path
) -> None:
    """Ctrl-C first, then what a service manager sends."""
    work = tmp_path / "work"
    for number, code in ((signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)):
        before = slow.ask("stats")["requests"]
        run = start(work, slow)
        until(lambda before=before: slow.ask("stats")["requests"] > before + 20, run)  # type: ignore[misc]
        run.process.send_signal(number)
        assert run.watch() == code, run.said
        assert "Traceback" not in run.said
        assert "goes on from here" in run.said
        assert load_processes(work) == []
        # What was fetched is loaded, and isn't asked for again.
        with duckdb.connect(str(work / f"{PIPELINE}.duckdb"), read_only=True) as database:
            assert database.execute(f"SELECT count(*) > 0 FROM {DATASET}.agents").fetchall() == [(True,)]
    assert start(work, slow).watch() == ExitCode.COMPLETE
    assert_whole(work, calm)
    assert repeated(slow) == 0


def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    work = tmp_path / "work"
    with sandbox("gladly", *QUICK, "--size", "8", "--fault", "slow=1") as hanging:
        run = start(work, hanging)
        until(lambda: hanging.ask("stats")["in_flight"], run)
        run.interrupt()
        assert run.watch(0.3) is None, "the request that is out has some seconds to end"
        run.interrupt()
        assert run.process.wait(30) == -signal.SIGINT
    while load_processes(work):
        time.sleep(0.01)


def test_an_interrupt_reaches_a_run_whose_first_request_hangs(tmp_path: Path) -> None:
    work = tmp_path / "work"
    with sandbox("gladly", *QUICK, "--size", "8", "--fault", "slow=1") as hanging:
        run = start(work, hanging)
        until(lambda: hanging.ask("stats")["in_flight"], run)
        run.interrupt()
        assert run.process.wait(30) == ExitCode.INTERRUPTED, run.said


@pytest.mark.parametrize("later", [0.0, 0.1, 0.3])
def test_an_interrupt_while_it_starts_is_no_fault(slow: Sandbox, tmp_path: Path, later: float) -> None:
    work = tmp_path / "work"
    run = start(work, slow)
    until((work / ".extractor" / PIPELINE).exists, run)
    run.watch(later, every=0.01)
    run.interrupt()
    assert run.watch() == ExitCode.INTERRUPTED, run.said
    assert "Traceback" not in run.said


def test_one_run_at_a_time_and_the_lock_of_a_killed_one_heals(slow: Sandbox, tmp_path: Path) -> None:
    work = tmp_path / "work"
    first = start(work, slow)
    until(lambda: slow.ask("stats")["requests"], first)
    second = Backfill(folder=work, against=slow, arguments=OFTEN)
    said = len(first.said)
    second.start()
    assert second.watch() == ExitCode.USAGE
    assert f"process {first.process.pid}" in second.said[said:]
    assert "Traceback" not in second.said
    first.kill()
    third = start(work, slow, "--only", "agents")
    assert third.watch() == ExitCode.COMPLETE, third.said


def test_a_locked_database_holds_up_the_load_and_not_the_fetching(slow: Sandbox, calm: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    run = start(work, slow)
    path = work / f"{PIPELINE}.duckdb"
    until(lambda: slow.ask("stats")["requests"] > 5, run)
    connection = None
    while connection is None:
        assert run.process.poll() is None, run.said
        try:
            connection = duckdb.connect(str(path))
        except duckdb.Error:
            time.sleep(0.002)
    with connection:
        before = slow.ask("stats")["requests"]
        until(lambda: slow.ask("stats")["requests"] >= min(before + 60, 140), run)
    assert run.watch() == ExitCode.COMPLETE, run.said
    assert_whole(work, calm)


def test_a_wrong_password_is_one_message_and_is_written_nowhere(slow: Sandbox, tmp_path: Path) -> None:
    secret = "5ecret-Zq7-canary"
    wrong = Sandbox(
        vendor="gladly", base_url=slow.base_url, settings={**slow.settings, "password": secret}, process=slow.process
    )
    work = tmp_path / "work"
    run = start(work, wrong)
    assert run.watch() == ExitCode.USAGE
    assert run.said.count("Error:") == 1
    assert "does not know these credentials (401)" in run.said
    assert "Traceback" not in run.said
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_the_password_of_a_whole_run_is_written_nowhere(slow: Sandbox, calm: Path) -> None:
    secret = str(slow.settings["password"]).encode()
    for path in calm.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path
