"""Faults of the machine in processes that a test starts: a `sitecustomize` injects them before anything is imported.

The variable `FAULT` says which, and in which half of a run: `load slow_syncs 0.2`. What the kernel would tell a process
is told to Python, at the same place.
"""

from __future__ import annotations

import errno
import itertools
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["begin", "inject"]


def inject(site: Path, half: str, fault: Callable[[float], None], amount: float) -> dict[str, str]:
    """The environment of a process that shall have the fault, and of all that it starts.

    Args:
        site: a folder for the `sitecustomize`.
        half: `fetch` or `load`, or `both`.
        fault: one of this module's.
        amount: what the fault takes.
    """
    site.mkdir()
    (site / "sitecustomize.py").write_text("import machine_faults\n\nmachine_faults.begin()\n")
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    return {"PYTHONPATH": path, "FAULT": f"{half} {fault.__name__} {amount}"}


def begin() -> None:
    """Inject what `FAULT` says, if this is the half."""
    half, name, amount = os.environ["FAULT"].split()
    words = getattr(sys, "orig_argv", [])
    this = "load" if "extractor.load" in words else "fetch" if "backfill" in words else ""
    if this and half in (this, "both"):
        globals()[name](float(amount))


def slow_syncs(seconds: float) -> None:
    """Every sync takes so long."""

    def slowed(sync: Callable[[int], None]) -> Callable[[int], None]:
        def slow(file: int) -> None:
            time.sleep(seconds)
            sync(file)

        return slow

    os.fsync, os.fdatasync = slowed(os.fsync), slowed(os.fdatasync)  # type: ignore[assignment]


def small_files(kilobytes: float) -> None:
    """The kernel lets no file grow beyond this size."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(kilobytes) << 10, hard))


def few_descriptors(number: float) -> None:
    """So many files, pipes and connections may be open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(number), hard))


def no_new_files(after: float) -> None:
    """From so many new files on the file system of the working folder has no inode left."""
    numbers = itertools.count(1)
    within = os.getcwd() + os.sep  # noqa: PTH109 - nothing may be imported that opens files

    def hook(event: str, args: tuple[Any, ...]) -> None:
        makes = event == "os.mkdir" or (event == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT)
        if not makes or isinstance(args[0], int):
            return
        path = os.path.abspath(os.fsdecode(args[0]))  # noqa: PTH100 - as above
        if path.startswith(within) and not os.path.lexists(path) and next(numbers) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    sys.addaudithook(hook)


def stepping_clock(hours: float) -> None:
    """Every half second the wall clock is set: back by so many hours, right, forward by so many, right."""
    plain, began = time.time, time.monotonic()

    def stepping() -> float:
        steps = int((time.monotonic() - began) * 2)
        return plain() + (0, -hours, 0, hours)[steps % 4] * 3600

    time.time = stepping
