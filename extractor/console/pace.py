"""How often something is shown."""

from __future__ import annotations

from extractor.account import Snapshot

__all__ = ["Pace"]


class Pace:
    """Lets the first snapshot of each phase through, and one every so many seconds of the run."""

    def __init__(self, every: float) -> None:
        """Every `every` seconds."""
        self._every = every
        self._phase: str | None = None
        self._shown_at = float("-inf")

    def due(self, snapshot: Snapshot) -> bool:
        """True if this one is to be shown, which it then counts as."""
        if snapshot.phase == self._phase and snapshot.seconds - self._shown_at < self._every:
            return False
        self._phase, self._shown_at = snapshot.phase, snapshot.seconds
        return True
