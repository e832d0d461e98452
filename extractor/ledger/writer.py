"""The thread that owns the ledger's files.

It takes everything that waits, up to a number of steps, commits it as one batch, and only then tells
those who wait: while one batch is synced the next one gathers. After the first failure nothing is
acknowledged any more: what a failed sync or commit left behind is found out at the next start.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

from extractor.errors import StorageError
from extractor.ledger.schema import FILE
from extractor.ledger.store import Call, News, Step, Store
from extractor.spool import storage_error

__all__ = ["Writer"]

_BATCH = 2000
_Waiting = tuple[Step | Call, "asyncio.Future[object]"]


class Writer:
    """Runs a store in a thread of its own.

    Args:
        folder: the pipeline's, for messages.
        open_store: called in that thread.
        told: called in the event loop after each batch.
    """

    def __init__(self, folder: Path, open_store: Callable[[], Store], told: Callable[[News], None]) -> None:
        self._folder = folder
        self._open_store = open_store
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._opened: asyncio.Future[int] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._failure: Exception | None = None
        self._closing = False
        # A daemon, so that a program which forgets to close the ledger can end all the same.
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    async def open(self) -> int:
        """Start; returns how many listings had to be repaired."""
        self._thread.start()
        return await asyncio.shield(self._opened)

    async def do(self, item: Step | Call) -> object:
        """Have it committed.

        Raises:
            StorageError: nothing is acknowledged, now and later.
            RuntimeError: the ledger was closed.
        """
        if self._closing:
            raise RuntimeError("The ledger is closed.")
        done = self._loop.create_future()
        self._queue.put((item, done))
        return await done

    async def close(self) -> None:
        """Commit what waits, then close the files."""
        self._closing = True
        self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _run(self) -> None:
        try:
            store = self._open_store()
        except Exception as error:  # noqa: BLE001 - it is the opener's
            self._post(_fail, self._opened, self._storage_error(error))
            self._post(_succeed, self._ended, None)
            return
        self._post(self._told, store.news())
        self._post(_succeed, self._opened, store.repaired)
        while batch := self._take():
            self._commit(store, batch)
        try:
            store.close()
        except (OSError, sqlite3.Error) as error:
            self._post(_fail, self._ended, self._storage_error(error))
        else:
            self._post(_succeed, self._ended, None)

    def _take(self) -> list[_Waiting]:
        """What waits; empty when there is nothing more to come."""
        batch: list[_Waiting] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _BATCH:
                return batch
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(None)
        return batch

    def _commit(self, store: Store, batch: list[_Waiting]) -> None:
        if self._failure is None:
            steps = [(item, done) for item, done in batch if isinstance(item, Step)]
            calls = [(item, done) for item, done in batch if not isinstance(item, Step)]
            try:
                results, outcomes = store.commit([step for step, _ in steps], [call for call, _ in calls])
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing of this batch is on disk for sure
                self._failure = self._storage_error(error)
                store.abandon()
            else:
                waiting = [*(done for _, done in steps), *(done for _, done in calls)]
                self._post(self._acknowledge, waiting, [*results, *outcomes], store.news())
                return
        self._post(_fail_all, [done for _, done in batch], self._failure)

    def _acknowledge(self, waiting: list[asyncio.Future[object]], outcomes: list[object], news: News) -> None:
        self._told(news)
        for done, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Exception):
                _fail(done, outcome)
            else:
                _succeed(done, outcome)

    def _storage_error(self, error: Exception) -> Exception:
        if isinstance(error, OSError):
            wrapped = storage_error(self._folder, error)
        elif isinstance(error, sqlite3.Error):
            wrapped = StorageError(
                f"{self._folder / FILE} can't be read or written: {error}. When that is repaired, run the same command "
                "again: it goes on where this run stopped."
            )
        else:
            return error
        wrapped.__cause__ = error
        return wrapped

    def _post(self, call: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            # The event loop was closed under us: nobody waits any more.
            if not self._loop.is_closed():
                raise


def _succeed(done: asyncio.Future[object], outcome: object) -> None:
    # Who was cancelled while waiting isn't told; the step is on disk all the same.
    if not done.done():
        done.set_result(outcome)


def _fail(done: asyncio.Future[object], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)


def _fail_all(waiting: list[asyncio.Future[object]], error: Exception) -> None:
    for done in waiting:
        _fail(done, error)
