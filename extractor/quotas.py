"""What all runs and processes on this machine have used of an account's weekly quota, in a small file.

A process books a few requests at a time and gives back what it did not need. One that is killed loses what it had
booked. The file is changed under a kernel lock and replaced as a whole, so that no reader sees half of it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import orjson

from extractor.errors import PipelineBusy, StorageError
from extractor.lock import Lock

__all__ = ["QuotaBook"]


class QuotaBook:
    """A `limits.Book` in a file; `FOLDER/extractor/VENDOR-HASH`, with the account in the hash.

    Args:
        folder: dlt's data folder.
        vendor: its name.
        account: what tells accounts apart; it can't be read from the file's name.
        budget: its name in the vendor's file.
    """

    def __init__(self, folder: Path, *, vendor: str, account: str, budget: str) -> None:
        digest = hashlib.sha256(account.encode()).hexdigest()[:16]
        self.path = folder / "extractor" / f"{vendor}-{digest}"
        self._budget = budget

    def reserve(self, week: datetime, wanted: int, most: int) -> tuple[int, int] | None:
        """Take up to `wanted` of the `most` requests of that week.

        Returns:
            How many were taken, and how many are taken now by all; None if another process has the book.

        Raises:
            StorageError: it can't be read or written.
        """
        try:
            with self._locked(wait=False):
                before = self._taken(week) or 0
                count = max(0, min(wanted, most - before))
                if count:
                    self._write(week, before + count)
                return count, before + count
        except PipelineBusy:
            return None

    def give_back(self, week: datetime, count: int) -> None:
        """So many were taken and not needed; nothing to do when another week has begun in the book.

        Raises:
            StorageError: the book can't be read or written.
        """
        with self._locked(wait=True):
            taken = self._taken(week)
            if taken is not None:
                self._write(week, max(0, taken - count))

    def _locked(self, *, wait: bool) -> Lock:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The folder {self.path.parent} can't be made: {error.strerror}.") from error
        return Lock(self.path.with_name(f"{self.path.name}.lock"), wait=wait)

    def _taken(self, week: datetime) -> int | None:
        """Requests taken of that week; None if the book is not about it."""
        entry = self._read().get(self._budget)
        if not isinstance(entry, dict) or entry.get("week") != week.isoformat():
            return None
        taken = entry.get("taken")
        return taken if isinstance(taken, int) else None

    def _read(self) -> dict[str, object]:
        try:
            book: object = orjson.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(f"The file {self.path} can't be read: {error.strerror}.") from error
        except orjson.JSONDecodeError:
            # The vendor counts too and says when its quota is spent, so that a damaged file need not end a run.
            return {}
        return book if isinstance(book, dict) else {}

    def _write(self, week: datetime, taken: int) -> None:
        book = self._read() | {self._budget: {"week": week.isoformat(), "taken": taken}}
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "wb") as out:
                out.write(orjson.dumps(book))
            fresh.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            raise StorageError(f"The file {self.path} can't be written: {error.strerror}.") from error
