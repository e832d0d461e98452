"""Closing the destination while the next package is made: DuckDB compresses then what is new, a tenth of a load."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Closing"]


class Closing:
    """Closes one connection at a time in a thread of its own. The process does not end before it has."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def begin(self, close: Callable[[], object]) -> None:
        """Start; whoever opens the destination has to `wait`."""
        self._thread = threading.Thread(target=self._run, args=(close,), name="closing")
        self._thread.start()

    def wait(self) -> None:
        """Return when nothing is being closed. An error is raised once; what was committed stays committed."""
        if self._thread is None:
            return
        self._thread.join()
        error, self._thread, self._error = self._error, None, None
        if error is not None:
            raise error

    def _run(self, close: Callable[[], object]) -> None:
        try:
            close()
        except BaseException as error:  # noqa: BLE001 - raised where somebody can do something about it
            self._error = error
