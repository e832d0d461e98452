"""A process under observation: how long it takes, what it costs, what it printed last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.speed.played import Counted, Played

__all__ = ["Observed", "Sample", "observe"]

_SAMPLE_S = 0.25
_LOOK_S = 0.01
_LONGEST_S = 2 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A moment.

    Attributes:
        seconds: since the process was started.
        fetch_bytes, load_bytes: resident memory of the process, and of all that it started.
    """

    seconds: float
    requests: int
    records: int
    fetch_bytes: int
    load_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """A process that has ended.

    Attributes:
        code: its exit code; negative for the signal that ended it.
        started: Unix time.
        cpu_seconds: of the process and of those that it waited for.
        fetch_bytes, load_bytes: most resident memory of the process, and of all that it started.
        told: the JSON object in the last line that it printed; empty if it printed none.
    """

    code: int
    started: float
    seconds: float
    cpu_seconds: float
    fetch_bytes: int
    load_bytes: int
    told: Mapping[str, int]
    samples: tuple[Sample, ...]


def observe(
    command: Sequence[str],
    *,
    folder: Path,
    played: Played | None,
    environment: Mapping[str, str] | None = None,
    kill_at: int | None = None,
) -> Observed:
    """Run it to its end.

    Args:
        command: what is run.
        folder: it works there, and leaves `stdout.txt` and `stderr.txt`.
        played: whom it speaks to.
        environment: beside that of this process.
        kill_at: SIGKILL after so many requests.
    """
    folder.mkdir(parents=True, exist_ok=True)
    variables = os.environ | {"DLT_DATA_DIR": str(folder / "dlt")} | dict(environment or {})
    # Nobody is to compile all modules at each start; for dlt and what it needs that takes 1.5 s.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    started, began = time.time(), time.monotonic()
    with (folder / "stdout.txt").open("wb") as out, (folder / "stderr.txt").open("ab") as err:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=out, stderr=err)
    watched = _Watched(process.pid)
    samples: list[Sample] = []
    # Popen can't be asked what a process has cost.
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        seconds = time.monotonic() - began
        if kill_at is not None or not samples or seconds - samples[-1].seconds >= _SAMPLE_S:
            samples.append(_sample(seconds, played, watched))
        if seconds > _LONGEST_S or (kill_at is not None and samples[-1].requests >= kill_at):
            # Not by Popen, which would look first whether it has ended, and keep what it finds.
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(_LOOK_S)
    seconds = time.monotonic() - began
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    return Observed(
        code=process.returncode,
        started=started,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        fetch_bytes=watched.most_fetch,
        load_bytes=watched.most_load,
        told=_last(folder / "stdout.txt"),
        samples=tuple(samples),
    )


def _sample(seconds: float, played: Played | None, watched: _Watched) -> Sample:
    counted = played.counted() if played else Counted()
    fetch, load = watched.look()
    return Sample(
        seconds=seconds, requests=counted.requests, records=counted.records, fetch_bytes=fetch, load_bytes=load
    )


class _Watched:
    """The memory of a process and of its descendants.

    The most that each of them ever had is read as the kernel keeps it, so that nothing is missed between two looks.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.most_fetch = 0
        self.most_load = 0

    def look(self) -> tuple[int, int]:
        """Bytes at present: of the process, of its descendants."""
        try:
            below = [each.pid for each in psutil.Process(self._pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0, 0
        now, most = _memory(self._pid)
        memories = [_memory(each) for each in below]
        self.most_fetch = max(self.most_fetch, most)
        self.most_load = max(self.most_load, sum(each for _, each in memories))
        return now, sum(each for each, _ in memories)


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process at present and at most; none of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    fields = (line.partition(":") for line in lines)
    found = {name: int(rest.split()[0]) * 1024 for name, _, rest in fields if "Vm" in name}
    return found.get("VmRSS", 0), found.get("VmHWM", 0)


def _last(file: Path) -> Mapping[str, int]:
    lines = file.read_text(errors="replace").splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}
    told: dict[str, int] = json.loads(lines[-1])
    return told
