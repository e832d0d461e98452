"""Vendors with a clock of their own, a road to them, and a client that never runs out of work.

Event by event and without an event loop, so that minutes of 100 requests a second take a fraction of one.
The judge is the vendor: what it counted, on its clock.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from extractor.limits.limiter import Limiter

__all__ = [
    "FixedWindow",
    "Gcra",
    "LeakyBucket",
    "Outcome",
    "Road",
    "RollingLog",
    "Vendor",
    "simulate",
]

LIMIT = "ratelimit-limit-second"
REMAINING = "ratelimit-remaining-second"


class Vendor(Protocol):
    """Counts requests as they arrive."""

    def arrive(self, at: float) -> tuple[bool, float]:
        """Returns whether a request that arrives at `at` is taken, and how many are left."""

    def limit(self, at: float) -> float:
        """Requests a second at that moment."""


@dataclass(kw_only=True)
class FixedWindow:
    """Counts by the seconds of its own clock, which runs `drift` faster and is `phase` ahead."""

    limits: Callable[[float], float]
    phase: float = 0.37
    drift: float = 0.0
    number: int = -1
    used: int = 0

    def limit(self, at: float) -> float:
        return self.limits(at)

    def arrive(self, at: float) -> tuple[bool, float]:
        number = int(at * (1 + self.drift) + self.phase)
        if number != self.number:
            self.number, self.used = number, 0
        limit = self.limits(at)
        taken = self.used < limit
        self.used += taken
        return taken, max(0.0, limit - self.used)


@dataclass(kw_only=True)
class LeakyBucket:
    """Holds `size` requests (0: those of one second) and drains `limit` a second."""

    limits: Callable[[float], float]
    size: float = 0.0
    level: float = 0.0
    at: float = 0.0

    def limit(self, at: float) -> float:
        return self.limits(at)

    def arrive(self, at: float) -> tuple[bool, float]:
        limit = self.limits(at)
        self.level = max(0.0, self.level - (at - self.at) * limit)
        self.at = at
        size = self.size or limit
        taken = self.level + 1 <= size
        self.level += taken
        return taken, float(int(size - self.level))


@dataclass(kw_only=True)
class Gcra:
    """One request every 1/limit s, of which `burst` may come early."""

    limits: Callable[[float], float]
    burst: float
    due: float = 0.0

    def limit(self, at: float) -> float:
        return self.limits(at)

    def arrive(self, at: float) -> tuple[bool, float]:
        spacing = 1 / self.limits(at)
        if at < self.due - self.burst * spacing:
            return False, 0.0
        self.due = max(self.due, at) + spacing
        return True, float(int((at + self.burst * spacing - self.due) / spacing) + 1)


@dataclass(kw_only=True)
class RollingLog:
    """At most `limit` in any `seconds`."""

    limits: Callable[[float], float]
    seconds: float = 1.0
    log: deque[float] = field(default_factory=deque)

    def limit(self, at: float) -> float:
        return self.limits(at) / self.seconds

    def arrive(self, at: float) -> tuple[bool, float]:
        while self.log and self.log[0] <= at - self.seconds:
            self.log.popleft()
        taken = len(self.log) < self.limits(at)
        if taken:
            self.log.append(at)
        return taken, self.limits(at) - len(self.log)


@dataclass(kw_only=True)
class Road:
    """How long a message takes one way, and how often either side stands still.

    Attributes:
        shortest: seconds, each way.
        jitter: seconds more at most, evenly distributed.
        tail: mean of an exponential delay that comes on top of it.
        stalls: of the client's loop and of the server's, each per second.
        stall: the longest of them in seconds; at least a fifth of it.
        lost: part of the requests that are counted but never answered.
        thinking: seconds between counting and answering.
        working: mean of an exponential delay that comes on top of it.
        body: mean of an exponential delay between the beginning of an answer and its end.
    """

    shortest: float = 0.04
    jitter: float = 0.02
    tail: float = 0.0
    stalls: float = 0.0
    stall: float = 0.05
    lost: float = 0.0
    thinking: float = 0.0
    working: float = 0.0
    body: float = 0.0


@dataclass(kw_only=True)
class Outcome:
    """What the vendor saw after `since`.

    Attributes:
        allowed: what the limit came to, less what others took.
        refused: our requests that got a 429, from the very beginning.
    """

    taken: int = 0
    allowed: float = 0.0
    refused: int = 0
    refused_at: list[float] = field(default_factory=list)
    others_taken: int = 0
    others_refused: int = 0
    sent: int = 0

    @property
    def share(self) -> float:
        return self.taken / self.allowed


class _Stalls:
    """Moments at which a side does not react."""

    def __init__(self, dice: random.Random, road: Road, until: float) -> None:
        self._ends: deque[tuple[float, float]] = deque()
        at = 0.0
        while road.stalls and at < until + 10:
            at += dice.expovariate(road.stalls)
            self._ends.append((at, at + dice.uniform(road.stall / 5, road.stall)))

    def after(self, at: float) -> float:
        while self._ends and self._ends[0][1] < at - 1:
            self._ends.popleft()
        for begin, end in self._ends:
            if begin > at:
                break
            at = max(at, end)
        return at


def simulate(  # noqa: C901, PLR0915  one loop of events reads best in one piece
    limiter: Limiter,
    vendor: Vendor,
    *,
    seconds: float,
    road: Road | None = None,
    neighbour: float = 0.0,
    headers: bool = True,
    more: Callable[[float], dict[str, str]] = lambda _left: {},
    since: float = 5.0,
    seed: int = 1,
    demand: Callable[[float], bool] = lambda _at: True,
    extra: Callable[[float], dict[str, str]] = lambda _at: {},
    begin: float = 1_000.0,
) -> Outcome:
    """Let a client with endless work send for `seconds`, all clocks beginning at `begin`.

    `more` makes headers of how many requests are left, `extra` those of a refusal from when it was.
    """
    road = road or Road()
    dice = random.Random(seed)
    client_stalls, server_stalls = _Stalls(dice, road, seconds), _Stalls(dice, road, seconds)
    outcome = Outcome()
    order = count()
    events: list[tuple[float, int, str, tuple[int, int, dict[str, str]]]] = []
    nothing: tuple[int, int, dict[str, str]] = (0, 0, {})
    wake_at = 0.0

    def at(moment: float, what: str, detail: tuple[int, int, dict[str, str]] = nothing) -> None:
        heapq.heappush(events, (moment, next(order), what, detail))

    def way() -> float:
        return road.shortest + dice.random() * road.jitter + (dice.expovariate(1 / road.tail) if road.tail else 0.0)

    def pump(now: float) -> None:
        nonlocal wake_at
        while True:
            if not demand(now):
                wait = 0.05
            else:
                wait = limiter.wait(begin + now)
                if wait <= 0:
                    outcome.sent += 1
                    at(now + way(), "arrive", (limiter.start(begin + now), 0, {}))
                    continue
            moment = now + wait
            if moment < wake_at:
                wake_at = moment + dice.random() * 0.001
                if moment <= seconds:
                    at(wake_at, "wake")
            return

    at(0.0, "wake")
    if neighbour:
        at(dice.expovariate(neighbour), "neighbour")
    last = since
    while events:
        now, _, what, detail = heapq.heappop(events)
        if now >= seconds:
            if what not in ("arrive", "head", "answer"):
                continue
        elif now > since:
            outcome.allowed += vendor.limit(now) * (now - last)
            last = now
        if what in ("wake", "answer"):
            later = client_stalls.after(now)
            if later > now:
                at(later, what, detail)
                continue
        if what == "wake":
            # One that was set before an earlier one says nothing any more.
            if now >= wake_at:
                wake_at = float("inf")
                pump(now)
        elif what == "arrive":
            counted = server_stalls.after(now)
            if counted > now:
                at(counted, what, detail)
                continue
            taken, left = vendor.arrive(now)
            if since < now < seconds:
                outcome.taken += taken
            if not taken:
                outcome.refused += 1
                outcome.refused_at.append(now)
            said = {LIMIT: f"{vendor.limit(now):g}", REMAINING: f"{left:g}"} if headers else {}
            said |= more(left)
            if not taken:
                said |= extra(now)
            if road.lost and dice.random() < road.lost:
                at(now + 1.0, "lost", detail)
            else:
                worked = road.thinking + (dice.expovariate(1 / road.working) if road.working else 0.0)
                said_to = (detail[0], 200 if taken else 429, said)
                head = now + way() + worked
                if road.body:
                    at(head, "head", said_to)
                    head += dice.expovariate(1 / road.body)
                at(head, "answer", said_to)
        elif what == "head":
            limiter.began(detail[0], begin + now)
        elif what == "answer":
            limiter.answered(detail[0], begin + now, detail[1], detail[2])
            if now < seconds:
                pump(now)
        elif what == "lost":
            limiter.abandoned(detail[0], begin + now)
            if now < seconds:
                pump(now)
        else:
            taken, _ = vendor.arrive(now)
            if taken and since < now < seconds:
                outcome.allowed -= 1
            outcome.others_taken += taken
            outcome.others_refused += not taken
            at(now + dice.expovariate(neighbour), "neighbour")
    outcome.allowed += vendor.limit(seconds) * max(0.0, seconds - last)
    return outcome
