"""Standing still after a 429, and going on with one request at first."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["Pause", "http_date", "retry_after"]

LONGEST_ASKED_S = 3600.0
LONGEST_OWN_S = 60.0
FIRST_OWN_S = 1.0
SOON_S = 1.0
"""A refusal later after a pause than that is no sign that the pause was too short, however long it was."""
HELD_S = 2.0
"""So long the request that goes ahead holds the others up at most: a refusal comes at once, work may take its time."""


def retry_after(headers: Mapping[str, str], wall: Callable[[], float] = time.time) -> float | None:
    """Seconds that the answer asks to wait, between 0 and an hour; None if it asks nothing intelligible.

    Dates are compared with the answer's own `Date`, so that a wrong clock here or there does not matter;
    `wall` (seconds since 1970) serves where there is none.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), LONGEST_ASKED_S)
    until = http_date(text)
    if until is None:
        return None
    now = http_date(headers.get("date", ""))
    return min(max(0.0, until - (wall() if now is None else now)), LONGEST_ASKED_S)


def http_date(text: str) -> float | None:
    """Seconds since 1970, None if it is no date."""
    try:
        moment = parsedate_to_datetime(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser lets all of these through
        return None


class Pause:
    """One pause at a time, however many requests were in flight when it began; then one request goes ahead.

    The vendor's own wish counts first. Without one the first pause lasts `own` seconds (until the
    vendor's next window, if that is known, else 1). If the request that goes ahead is refused, or others that were
    sent within half that time after it, a second at most, the next is twice as long, and so on up to a minute.

    The others follow when the request ahead has been answered otherwise. So the first pause costs a 429
    for each request in flight, and each one after that which comes too early a single 429. When there is no answer for
    `HELD_S`, another request goes ahead.

    Attributes:
        probing: none that was sent since the pause has been answered yet.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._length = 0.0
        self._until = -math.inf
        self._held_until = -math.inf
        self._newest = 0
        self._before = 0
        self.probing = False

    def wait(self, now: float) -> float:
        """0.0 if a request may start now, else seconds; an answer may end it earlier."""
        return max(0.0, self._until - now, self._held_until - now)

    def started(self, ticket: int, now: float) -> None:
        """A request starts; later ones have higher tickets."""
        self._newest = ticket
        if self.probing:
            self._held_until = now + HELD_S

    def refused(self, ticket: int, *, sent: float, now: float, own: float, headers: Mapping[str, str]) -> bool:
        """A request that was sent at `sent` got a 429. True if a new pause begins."""
        asked = retry_after(headers, self._wall)
        if ticket <= self._before:
            if asked is not None:
                self._until = max(self._until, now + asked)
            return False
        again = self.probing or sent - self._until < min(self._length / 2, SOON_S)
        self._length = min(2 * self._length, LONGEST_OWN_S) if again else FIRST_OWN_S
        self._before = self._newest
        self._held_until = -math.inf
        self.probing = True
        least = max(own, self._length) if again else own
        self._until = now + (max(asked, least if again else 0.0) if asked is not None else least)
        return True

    def passed(self, ticket: int) -> None:
        """A request was not refused; one that was in flight when the pause began says nothing."""
        if ticket > self._before:
            self.probing = False
            self._held_until = -math.inf
