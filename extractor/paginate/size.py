"""How large a page may be."""

from __future__ import annotations

from extractor.model import Rejected

__all__ = ["Size"]

_TOO_LARGE = (413, 502, 504, None)
"""Clari's Copilot API answers 502 where a page exceeds 6 MB; an answer that never comes may have the same cause."""

_PATIENCE = 10
"""Answers in a row until a page that was made smaller grows again."""


class Size:
    """How many records to ask for at once: half as many when they seem too large, more again after a while.

    Args:
        most: at first.
        least: never fewer; 0: never fewer than at first.
    """

    def __init__(self, most: int, least: int) -> None:
        self.now = most
        self._most = most
        self._least = least or most
        self._patience = _PATIENCE
        self._good = 0

    def shrink(self, rejected: Rejected) -> None:
        """Ask for half of it, or raise what came if that is not the way."""
        if rejected.status not in _TOO_LARGE or self.now <= self._least:
            raise rejected
        self.now = max(self.now // 2, self._least)
        self._patience *= 2  # each time that it has grown too far
        self._good = 0

    def keep(self) -> None:
        """That many came."""
        self._good += 1
        if self._good == self._patience and self.now < self._most:
            self.now = min(self.now * 2, self._most)
            self._good = 0
