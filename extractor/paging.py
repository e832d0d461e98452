"""A paginator under way: what it asks for next, or how it ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from extractor.errors import RequestFailed
from extractor.model import Answer, Call, Paginator, Rejected

__all__ = ["Paging"]


class Paging:
    """Drives a paginator.

    Attributes:
        call: what it asks for, or asked for last.
        ended: it asks for nothing more.
        cut_off: it ended, and its list stayed cut off.
        error: it ended because of this.
    """

    def __init__(self, paginator: Paginator, cursor: str | None) -> None:
        self._pages = paginator(cursor)
        self.call = next(self._pages)
        self.ended = False
        self.cut_off = False
        self.error: RequestFailed | None = None

    def answered(self, answer: Answer) -> None:
        """Tell it of the answer to its call."""
        self._resume(partial(self._pages.send, answer))

    def rejected(self, status: int | None) -> bool:
        """Tell it that its call failed; False if it can't ask in another way."""
        try:
            self._resume(partial(self._pages.throw, Rejected(status)))
        except Rejected:
            return False
        return True

    def _resume(self, step: Callable[[], Call]) -> None:
        try:
            self.call = step()
        except StopIteration as stop:
            self.ended, self.cut_off = True, bool(stop.value)
        except RequestFailed as error:
            self.ended = True
            # A traceback holds the paginator's frame, and with it the last answer's records.
            self.error = error.with_traceback(None)
