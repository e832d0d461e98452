"""Connections to the destination: waited for while others keep it locked, and closed while the next package is made."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dlt
from dlt.destinations.exceptions import DestinationConnectionError
from dlt.destinations.sql_client import SqlClientBase

__all__ = ["Away", "Client", "Connections", "kept_out"]

Client = SqlClientBase[Any]

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 2.0


class Away(Exception):
    """The destination can't be reached now."""


class Connections:
    """Opens what nobody else of this process has open: whatever opens the destination past it has to call `closed`.

    Args:
        pipeline: for questions.
        name: what the destination is called in messages.
        patience: seconds to wait for a destination that others keep locked or that is away.
        waiting: called once when such a wait begins, with what it waits for.
        plain: the reason of an error, fit for a message.
    """

    def __init__(
        self,
        pipeline: Callable[[], dlt.Pipeline],
        *,
        name: str,
        patience: float,
        waiting: Callable[[str], None],
        plain: Callable[[BaseException], str],
    ) -> None:
        self._pipeline = pipeline
        self._name = name
        self._patience = patience
        self._waiting = waiting
        self._plain = plain
        self._closing: threading.Thread | None = None
        self._error: BaseException | None = None

    @contextmanager
    def open(self) -> Iterator[Client]:
        """One for questions, closed afterwards so that others get in."""
        self.closed()
        with self._pipeline().sql_client() as client:
            yield client

    @contextmanager
    def held(self, pipeline: dlt.Pipeline) -> Iterator[Client]:
        """One for all that an attempt does there.

        As long as nobody has it open, DuckDB opens the file for each job, and compresses all that is new behind it, a
        seventh of a load. When the attempt has gone well, that is done in a thread of its own, without which the
        process does not end: what was committed is in the write-ahead log by then.
        """
        self.closed()
        client = pipeline.sql_client()
        client.open_connection()
        try:
            yield client
        except BaseException:
            client.close_connection()
            raise
        self._closing = threading.Thread(target=self._close, args=(client,), name="closing")
        self._closing.start()

    def closed(self) -> None:
        """Return when the last one is closed. An error of that is raised once; what was committed stays committed."""
        if self._closing is None:
            return
        self._closing.join()
        error, self._closing, self._error = self._error, None, None
        if error is not None:
            raise error

    def _close(self, client: Client) -> None:
        try:
            client.close_connection()
        except BaseException as error:  # noqa: BLE001 - raised where somebody can do something about it
            self._error = error

    def reached(self, opened: ExitStack) -> Client:
        """One for questions, as soon as there can be one; closed with `opened`.

        Raises:
            Away: there is none within the patience.
        """
        deadline: float | None = None
        wait = _FIRST_WAIT
        while True:
            try:
                client = opened.enter_context(self.open())
                client.execute_sql("SELECT 1")
            except (DestinationConnectionError, OSError) as error:
                opened.close()
                what = f"The destination {self._name} can't be opened: {_hint(self._plain(error))}"
                now = time.monotonic()
                # Patience is for waiting, not for the first look, which takes as long as it takes.
                deadline = now + self._patience if deadline is None else deadline
                if now + wait > deadline:
                    raise Away(what) from error
                if wait == _FIRST_WAIT:
                    self._waiting(what)
                time.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                return client


def kept_out(error: BaseException | None) -> bool:
    """Whether the destination could not be opened; that is nobody's records' fault."""
    while error is not None:
        if isinstance(error, DestinationConnectionError):
            return True
        error = getattr(error, "exception", None) or error.__cause__
    return False


def _hint(reason: str) -> str:
    if re.search(r"\block\b", reason, re.IGNORECASE):
        return f"{reason} Another program has the database open; close it there."
    if re.search(r"corrupt|checksum|read enough bytes|not a valid DuckDB|replaying WAL", reason, re.IGNORECASE):
        return (
            f"{reason} The file is damaged, and nothing was changed in it. Put a copy of it in its place, or move it "
            "away together with its .wal file: the same command then loads everything that is missing."
        )
    return reason
