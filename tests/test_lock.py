from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from extractor.errors import PipelineBusy, StorageError
from extractor.lock import Lock

holder_program = """
import sys, pathlib
from extractor.errors import PipelineBusy
from extractor.lock import Lock
print("ready", flush=True)
sys.stdin.readline()
try:
    lock = Lock(pathlib.Path(sys.argv[1]), wait=len(sys.argv) > 2)
except PipelineBusy:
    print("busy", flush=True)
else:
    print("won", flush=True)
    sys.stdin.readline()
"""


def start(path: Path, *words: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", holder_program, str(path), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert line(process) == "ready"
    return process


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    process = start(tmp_path / "lock")
    tell(process)
    assert line(process) == "won"

    with pytest.raises(PipelineBusy, match=rf"process {process.pid} on .*started .* UTC.*{tmp_path.name}"):
        Lock(tmp_path / "lock")
    end(process)


def test_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock") as lock:
        pass
    lock.release()
    Lock(tmp_path / "lock").release()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    process = start(tmp_path / "lock")
    tell(process)
    assert line(process) == "won"
    process.send_signal(signal.SIGKILL)
    process.communicate()

    Lock(tmp_path / "lock").release()


def test_programs_that_the_holder_starts_do_not_inherit_it(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    lock.release()

    Lock(tmp_path / "lock").release()
    child.communicate()


def test_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    """A child that outlives its parent must not make the pipeline busy."""
    program = (
        "import os, sys, pathlib\n"
        "from extractor.lock import Lock\n"
        "lock = Lock(pathlib.Path(sys.argv[1]))\n"
        "if os.fork() == 0:\n"
        "    print('forked', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    os._exit(0)\n"
        "os._exit(0)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert line(parent) == "forked"
    parent.wait()

    Lock(tmp_path / "lock").release()
    parent.communicate()


def test_forked_child_takes_nothing_from_its_parent(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

    with pytest.raises(PipelineBusy):
        Lock(tmp_path / "lock")
    lock.release()


def test_waiting_holder_gets_it_when_the_first_is_gone(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    process = start(tmp_path / "lock", "wait")
    tell(process)
    lock.release()

    assert line(process) == "won"
    end(process)


def test_of_twenty_processes_one_wins(tmp_path: Path) -> None:
    processes = [start(tmp_path / "lock") for _ in range(20)]
    for process in processes:
        tell(process)
    answers = [line(process) for process in processes]
    for process in processes:
        end(process)

    assert sorted(answers) == ["busy"] * 19 + ["won"]


def test_of_twenty_threads_one_wins(tmp_path: Path) -> None:
    """The lock belongs to the open file, so that it also holds between two calls in one process."""
    at_once = threading.Barrier(20)
    held: list[Lock] = []
    refused: list[PipelineBusy] = []

    def race() -> None:
        at_once.wait()
        try:
            held.append(Lock(tmp_path / "lock"))
        except PipelineBusy as error:
            refused.append(error)

    threads = [threading.Thread(target=race) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(held), len(refused)) == (1, 19)
    held[0].release()


def test_holder_that_has_not_signed_yet_is_still_a_holder(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    (tmp_path / "lock").write_bytes(b"")
    with pytest.raises(PipelineBusy, match="just started"):
        Lock(tmp_path / "lock")
    lock.release()


def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be opened"):
        Lock(tmp_path / "missing" / "lock")


def test_file_system_without_locks_is_a_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_file: int, _operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(StorageError, match="can't be locked"):
        Lock(tmp_path / "lock")
