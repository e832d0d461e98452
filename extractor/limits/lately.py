"""When requests were sent, of the last seconds."""

from __future__ import annotations

from collections import deque

__all__ = ["Lately"]

REMEMBERED_S = 10.0
"""A 429 may come so long after its request, which tells how many were sent before that."""


class Lately:
    """The requests of the last `REMEMBERED_S`."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def add(self, now: float) -> None:
        """One is sent."""
        self._sent.append(now)
        while self._sent[0] < now - REMEMBERED_S:
            self._sent.popleft()

    def before(self, moment: float) -> int:
        """How many were sent in the second before it."""
        return sum(moment - 1 < sent < moment for sent in self._sent)

    def since(self, moment: float) -> list[float]:
        """When those were sent that were sent after it."""
        return [sent for sent in self._sent if sent > moment]

    def longer(self, moment: float) -> bool:
        """Whether any was sent before that second."""
        return bool(self._sent) and self._sent[0] <= moment - 1
