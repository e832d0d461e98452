"""A process that kills itself at one point of its work: before a change of a file, around a statement of SQL, any time.

The points are seen from outside of the package: Python tells every change of a file to an audit hook, and the
connections to ledger and destination are watched. A torn write is a point, too: half of it is in the file.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb

__all__ = ["Kill", "Watched", "watch"]

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = frozenset(("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink"))
_READS = ("SELECT", "PRAGMA", "SAVEPOINT", "RELEASE", "WITH")


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill.

    Attributes:
        half: `fetch` or `load`, the process that counts its points.
        number: of the point, from 1 on; 0 if a moment is meant.
        kind: how the point's name begins; others are not counted. What a process does when differs from run to run,
            and a number alone may mean another point in the next one.
        after: the moment, in seconds from the process's beginning.
        both: the other process is killed with it.
    """

    half: str
    number: int = 0
    kind: str = ""
    after: float = 0.0
    both: bool = False

    def __str__(self) -> str:
        point = f"{self.kind}{self.number}" if self.number else f"{self.after:.4f}s"
        return f"{self.half}:{point}{'+' if self.both else ''}"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A run whose processes are watched.

    Attributes:
        folder: where changes of files count; it must not hold `notes`.
        notes: each kill writes its point to the file `killed` there; without `kills`, every point is written to a
            file that is called as the process's half.
        kills: each process that begins takes the first one that did not happen yet, if it is meant.
    """

    folder: Path
    notes: Path
    kills: Sequence[Kill] | None

    def due(self) -> Sequence[Kill]:
        """The kills that did not happen yet."""
        return (self.kills or ())[len(self.killed()) :]

    def killed(self) -> list[str]:
        """The points at which processes were killed so far, by name."""
        file = self.notes / "killed"
        return file.read_text().splitlines() if file.exists() else []


def watch(half: str, run: Watched) -> None:
    """Watch this process from now to its end."""
    if run.kills is None:
        points = _Points(half, run.notes / half, None)
    else:
        kill = next(iter(run.due()), None)
        if kill is None or kill.half != half:
            return
        points = _Points(half, run.notes / "killed", kill)
        if not kill.number:
            # No timer of the kernel's: what it kills could not say so before.
            threading.Thread(target=points.die, args=(kill.after,), daemon=True).start()
            return
    _watch_files(points, f"{run.folder}{os.sep}")
    _watch_ledger(points)
    if half == "load":
        _watch_duckdb(points)
        if "psycopg2" in sys.modules:
            _watch_psycopg(points)


class _Points:
    """Counts points; writes them down, or dies at one of them."""

    def __init__(self, half: str, file: Path, kill: Kill | None) -> None:
        self._half = half
        self._kill = kill
        # Opened before anything counts: what a hook does must not come to the hook.
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Several threads count.
        self._numbers = itertools.count(1)

    def reach(self, name: str, last_words: Callable[[], object] = lambda: None) -> None:
        """Here is one; `last_words` is done just before a death."""
        if self._kill is not None and not name.startswith(self._kill.kind):
            return
        number = next(self._numbers)
        if self._kill is None:
            self._note(number, name)
        elif number == self._kill.number:
            self._note(number, name)
            last_words()
            self._die()

    def die(self, seconds: float) -> None:
        """Die so many seconds from now."""
        time.sleep(seconds)
        self._note(0, f"after {seconds:.4f} s")
        self._die()

    def _note(self, number: int, name: str) -> None:
        os.write(self._file, f"{self._half} {number} {' '.join(name.split())[:100]}\n".encode())

    def _die(self) -> None:
        if self._kill is not None and self._kill.both and self._half == "load":
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _watch_files(points: _Points, within: str) -> None:
    def hook(event: str, args: tuple[Any, ...]) -> None:
        if _changes(event, args) and (path := _path(event, args)).startswith(within):
            points.reach(f"{event} {path.removeprefix(within)}")

    sys.addaudithook(hook)
    write = os.pwrite

    def pwrite(file: int, content: bytes, offset: int) -> int:
        points.reach("before pwrite")
        points.reach("in pwrite", lambda: write(file, content[: len(content) // 2], offset))
        written = write(file, content, offset)
        points.reach("after pwrite")
        return written

    os.pwrite = pwrite  # type: ignore[assignment]
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _around(points, name, getattr(os, name)))


def _changes(event: str, args: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(args[2], int) and bool(args[2] & _WRITES)
    return event in _CHANGES


def _path(event: str, args: tuple[Any, ...]) -> str:
    """What is changed; of a file that a folder's descriptor stands for, with that folder's path."""
    if isinstance(args[0], int):
        return _open_path(args[0])
    path = os.fsdecode(args[0])
    folder = args[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
    return str((Path(_open_path(folder)) if folder >= 0 else Path.cwd()) / path)


def _open_path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def _watch_ledger(points: _Points) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # noqa: ANN401 - as the real one
            if sql.lstrip().upper().startswith(_READS):
                return super().execute(sql, *values)
            return cast("sqlite3.Cursor", _around(points, f"ledger: {sql}", super().execute)(sql, *values))

        def executescript(self, sql: str) -> sqlite3.Cursor:
            return cast("sqlite3.Cursor", _around(points, f"ledger: {sql}", super().executescript)(sql))

    connect = sqlite3.connect

    def watched(*args: Any, **named: Any) -> sqlite3.Connection:  # noqa: ANN401 - as the real one
        return connect(*args, **named, factory=Connection)

    sqlite3.connect = watched  # type: ignore[assignment]


def _watch_duckdb(points: _Points) -> None:
    for name in ("execute", "begin", "commit", "rollback"):
        plain = getattr(duckdb.DuckDBPyConnection, name)

        def watched(self: object, *args: object, _plain: Callable[..., Any] = plain, _name: str = name) -> object:
            said = f"destination: {args[0] if args else _name}"
            return _around(points, said, _plain)(self, *args)

        setattr(duckdb.DuckDBPyConnection, name, watched)


def _watch_psycopg(points: _Points) -> None:
    import psycopg2.extensions  # noqa: PLC0415 - whoever sweeps DuckDB needs none

    class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # it has no types
        def execute(self, sql: object, *values: object) -> object:
            said = sql.decode() if isinstance(sql, bytes) else sql
            return _around(points, f"destination: {said}", super().execute)(sql, *values)

        def copy_expert(self, sql: object, *more: object, **named: object) -> object:
            return _around(points, f"destination: {sql}", super().copy_expert)(sql, *more, **named)

    class Connection(psycopg2.extensions.connection):  # type: ignore[misc] # as above
        def commit(self) -> None:
            _around(points, "destination: commit", super().commit)()

        def rollback(self) -> None:
            _around(points, "destination: rollback", super().rollback)()

    connect = psycopg2.connect

    def watched(*args: object, **named: object) -> object:
        return connect(*args, **named, connection_factory=Connection, cursor_factory=Cursor)

    psycopg2.connect = watched


def _around(points: _Points, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def around(*args: object, **named: object) -> object:
        points.reach(f"before {name}")
        result = call(*args, **named)
        points.reach(f"after {name}")
        return result

    return around
