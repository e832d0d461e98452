"""Standing still after a 429."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["Pause", "retry_after"]

LONGEST_ASKED_S = 3600.0
LONGEST_OWN_S = 60.0
FIRST_OWN_S = 1.0


def retry_after(headers: Mapping[str, str], wall: Callable[[], float] = time.time) -> float | None:
    """Seconds that the answer asks to wait, between 0 and an hour; None if it asks nothing intelligible.

    Dates are compared with the answer's own `Date`, so that a wrong clock here or there does not matter;
    `wall` (seconds since 1970) serves where there is none.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), LONGEST_ASKED_S)
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("date", ""))
    return min(max(0.0, until - (wall() if now is None else now)), LONGEST_ASKED_S)


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser lets all of these through
        return None


class Pause:
    """One pause at a time, however many requests were in flight when it began.

    The vendor's own wish counts first. Without one the first pause lasts `own` seconds (until the
    vendor's next window, if that is known, else 1). If requests are refused again that were sent within half
    that time after it, the next is twice as long, and so on up to a minute.

    Attributes:
        until: nothing may start before.
        probing: the pauses repeat: one request at a time until one is answered well.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._began = -math.inf
        self._length = 0.0
        self.until = -math.inf
        self.probing = False

    def refused(self, sent: float, now: float, own: float, headers: Mapping[str, str]) -> bool:
        """A request that was sent at `sent` got a 429. True if a new pause begins."""
        asked = retry_after(headers, self._wall)
        if sent <= self._began:
            if asked is not None:
                self.until = max(self.until, now + asked)
            return False
        again = sent - self.until < self._length / 2
        self._length = min(2 * self._length, LONGEST_OWN_S) if again else FIRST_OWN_S
        self.probing = again
        self._began = now
        least = max(own, self._length) if again else own
        self.until = now + (max(asked, least if again else 0.0) if asked is not None else least)
        return True

    def passed(self, sent: float) -> None:
        """A request that was sent at `sent` was not refused."""
        if sent > self._began:
            self.probing = False
