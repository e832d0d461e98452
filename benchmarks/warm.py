"""Backfills as a user starts them, but forked from a process that has imported everything: a second less each.

The fetching half is a fork of this process, which must have one thread only; the loading half is a fork of that one,
made before it starts its threads, and waits until it is wanted. From then on both are what they would be for a user.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.killpoints import Watched, watch
from extractor import vendors
from extractor.cli import main
from extractor.ledger import Ledger
from extractor.load.__main__ import main as load

__all__ = ["backfill", "fork", "imports", "wait"]

_MODULES = (
    "extractor.load.service",
    "dlt._workspace.cli._plugins",
    "dlt.common.libs.pyarrow",
    "dlt.destinations.impl.duckdb.factory",
    "dlt.sources.helpers.requests",
    "duckdb",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
)
"""What a load imports in its course."""
_POSTGRES = ("dlt.destinations.impl.postgres.postgres", "psycopg2")

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_ONE_MESSAGE = 1 << 20


def imports(postgres: bool) -> None:
    """Import everything that a run needs, so that its processes find it there."""
    for module in (*_MODULES, *(_POSTGRES if postgres else ())):
        import_module(module)
    # What a process only reads, it shares with those that it was forked from.
    gc.freeze()


def fork(call: Callable[[], int]) -> int:
    """Do this in a child; its process id. The child's exit code is what the call returns."""
    # Threads that allocators start are none of Python's; these see to it themselves that a fork finds no lock held.
    if threading.active_count() > 1:
        raise RuntimeError("a process with threads must not be forked")
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        # A child must not outlive a sweep that is killed itself.
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        code = call()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the child's border
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(child: int, seconds: float) -> int | None:
    """Its exit code, negative for a signal; None if it had to be killed because it did not end in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def backfill(words: Sequence[str], environment: Mapping[str, str], run: Watched, *, chunk_records: int) -> int:
    """`python -m extractor backfill WORDS` in the run's folder, in this process: a fork's.

    Modules that the words' destination needs must have been imported before.
    """
    os.chdir(run.folder)
    os.environ.update(environment)
    vendors.__path__.append(str(Path(__file__).parent / "vendors"))
    _speak_to(os.open(run.notes / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    # Each load process that dies alone has a successor.
    dying = sum(kill.half == "load" and not kill.both for kill in run.due())
    spares = iter([_Spare(run) for _ in range(1 + dying)])
    begin = subprocess.Popen

    def popen(command: Sequence[str], **options: Any) -> Any:  # noqa: ANN401 - as the real one
        spare = next(spares, None) if "extractor.load" in command else None
        return begin(command, **options) if spare is None else spare.begin(command, **options)

    watch("fetch", run)
    open_ledger = partial(Ledger.open, chunk_records=chunk_records)
    with patch.object(subprocess, "Popen", popen), patch.object(Ledger, "open", open_ledger):
        return main(["backfill", *words])


class _Spare:
    """A load process that has imported everything and waits for its pipes; it ends with its parent."""

    def __init__(self, run: Watched) -> None:
        self._ours, theirs = socket.socketpair()
        self.pid = fork(partial(self._serve, theirs, run))
        theirs.close()

    def begin(
        self, command: Sequence[str], *, env: Mapping[str, str], pass_fds: tuple[int, int], stdout: int, **_: object
    ) -> _Spare:
        told = json.dumps({"parent": int(command[-1]), "environment": dict(env)}).encode()
        socket.send_fds(self._ours, [told], [*pass_fds, stdout])
        self._ours.close()
        return self

    def _serve(self, told: socket.socket, run: Watched) -> int:
        os.setsid()
        message, (requests, answers, log), *_ = socket.recv_fds(told, _ONE_MESSAGE, 3)
        call = json.loads(message)
        _speak_to(log)
        os.environ.clear()
        os.environ.update(call["environment"])
        watch("load", run)
        with open(requests, "rb") as asked, open(answers, "wb") as said:  # noqa: PTH123 - descriptors
            load(asked, said, call["parent"])
        return 0

    def wait(self, timeout: float = 3600.0) -> int:
        deadline = time.monotonic() + timeout
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("extractor.load", timeout)
            time.sleep(0.002)
        return 0

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def _speak_to(file: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
