"""How long a run will still take, as far as that can be known."""

from __future__ import annotations

from collections import deque

from extractor.account import Snapshot

__all__ = ["Estimate"]


class Estimate:
    """Time left, from how fast the known work shrinks.

    Nobody knows how many listings are still to be found. The engine finishes what a listing leads to before it takes
    the next, so what is waiting shrinks steadily once all roots are read, new finds included; how fast is measured over
    the last minute. While it grows, the honest answer is that nobody knows.
    """

    window = 60.0
    """Seconds over which the pace is taken."""
    least = 10.0
    """Seconds of it that must have been seen."""
    apart = 0.5
    """Seconds between two points that are remembered."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def left(self, snapshot: Snapshot) -> float | None:
        """Seconds until nothing waits, None if that isn't known. Call it with each snapshot in turn."""
        waiting = sum(endpoint.waiting for endpoint in snapshot.endpoints)
        now = snapshot.seconds
        if not self._points or now - self._points[-1][0] >= self.apart:
            self._points.append((now, waiting))
        while now - self._points[0][0] > self.window and len(self._points) > 2:
            self._points.popleft()
        then, before = self._points[0]
        done = before - waiting
        if not waiting or now - then < self.least or done <= 0:
            return None
        return waiting * (now - then) / done
