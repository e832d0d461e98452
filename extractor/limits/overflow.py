"""What the requests in flight tell when a limit is met for the first time."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Overflow"]

EVIDENCE = 3
"""Fewer requests that were let in between refusals may be chance."""


class Overflow:
    """How fast a bucket drains, told from those that it let in while it overflowed.

    Each request that a full bucket lets in takes the place of one that drained. Who looks a second back lets in as many
    as in the same time one second before, and who counts by the clock refuses them all until the next second. So it is
    a bucket if fewer were let in than a second before, and some were.

    Args:
        refused: when the first refused request was sent.
        sent: when the others were, from a second before that one on until now; none is sent for now.
    """

    def __init__(self, refused: float, sent: Sequence[float]) -> None:
        self._first = self._last = refused
        self._before = [moment for moment in sent if moment < refused]
        self._newest = max(sent, default=refused)
        self._awaited = sum(moment > refused for moment in sent)
        self._let_in: list[float] = []

    def answered(self, sent: float, *, refused: bool) -> None:
        """The request that was sent at `sent` was refused or not; others than those in flight are of no interest."""
        if not self._first < sent <= self._newest:
            return
        self._awaited -= 1
        if refused:
            self._last = max(self._last, sent)
        else:
            self._let_in.append(sent)

    def drained(self) -> tuple[float, float] | None:
        """Requests a second that the bucket drains, in the middle of what it can be, and at most.

        None if it is none, or if that can't be told, or not until all have been answered.
        """
        between = sum(sent < self._last for sent in self._let_in)
        before = sum(self._first - 1 < sent < self._last - 1 for sent in (*self._before, *self._let_in))
        if self._awaited or between < EVIDENCE or between >= before:
            return None
        seconds = self._last - self._first
        return between / seconds, (between + 1) / seconds
