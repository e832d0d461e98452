"""A kernel lock on a file: one holder at a time, released by the kernel however the holder ends.

The text in the file only says who holds it. It is never believed about whether anybody does: a
process that was killed leaves its text behind, but not its lock.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

import orjson

from extractor.errors import PipelineBusy, StorageError

__all__ = ["Lock"]


class Lock:
    """An exclusive `flock` on `path`, held from the call until `release` or the end of the process.

    Programs that this process starts do not inherit it (close-on-exec), and a plain `fork` lets go of
    it in the child, so that a child which lives longer does not keep the pipeline busy.

    Args:
        path: made if it is missing, readable by its owner only, and never deleted: deleting it would
            let two processes lock two files of one name.
        wait: block until the holder is gone instead of raising.

    Raises:
        PipelineBusy: another process holds it; names pid, host, start and command of that process.
        StorageError: the file can't be made or this file system knows no locks.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self.path = path
        try:
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"The lock file {path} can't be opened: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sign()
        except BlockingIOError:
            holder = _holder(self._file)
            self.release()
            raise PipelineBusy(f"Another run is using {path.parent}: {holder}. Wait for it or stop it.") from None
        except OSError as error:
            self.release()
            raise StorageError(f"The file {path} can't be locked: {error.strerror}.") from error
        _held.add(self)

    def _sign(self) -> None:
        """Write down who holds the lock, for the message that a second run shows."""
        assert self._file is not None  # noqa: S101 - __init__ has just opened it
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            "command": " ".join(sys.argv),
        }
        text = orjson.dumps({name: _printable(str(value)) for name, value in holder.items()}) + b"\n"
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)

    def release(self) -> None:
        """Let go. Calling it again does nothing."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)
        _held.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_held: WeakSet[Lock] = WeakSet()


def _let_go_in_child() -> None:
    # A forked child shares the parent's lock until the last of them closes the file; closing it here
    # takes nothing from the parent.
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_let_go_in_child)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:500]


def _holder(file: int) -> str:
    """Who holds it, as far as the file tells: the holder may be about to write its name."""
    try:
        holder = orjson.loads(os.pread(file, 4096, 0))
        return (
            f"process {holder['pid']} on {holder['host']}, started {holder['since']}, `{_printable(holder['command'])}`"
        )
    except (OSError, ValueError, LookupError, TypeError):
        return "a process that has just started"
