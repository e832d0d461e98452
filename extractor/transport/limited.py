"""Every attempt passes the vendor's budgets, and only so many are in flight at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import isfinite

from extractor.errors import UnsafePath
from extractor.limits import Budgets, Limiter, QuotaLimiter
from extractor.model import Request, Response
from extractor.transport import Transport
from extractor.transport.concurrency import Level

__all__ = ["Limited"]

_BESIDE = 96
"""Requests beside those in flight; more would only hold memory."""


class Limited:
    """A `Transport` that waits for a request's budgets before it sends it, and tells them how it went.

    Requests with the same budgets form a lane. Each waits for its turn, and then for a place in flight and for the
    budgets at once: nobody holds one of them while waiting for the other. A place is thus taken when the request goes
    out, and given back with its answer.

    Args:
        transport: sends what was admitted.
        limiters: by the names that requests use. A request that names none is held back by latency and errors only.
        most: requests in flight for one lane.
    """

    def __init__(self, transport: Transport, limiters: Mapping[str, Limiter], *, most: int = 256) -> None:
        self._transport = transport
        self._limiters = limiters
        self._budgets = Budgets(limiters, self._lane)
        self._most = most
        self._lanes: dict[tuple[str, ...], _Lane] = {}

    def width(self, budgets: tuple[str, ...]) -> int:
        """How many requests should be at hand, so that one is ready whenever the budgets have room.

        Those in flight, and as many again whose answers are on their way to disk or that wait their turn.
        """
        lane = self._lane(budgets)
        allowed = lane.level.allowed(lane.rate)
        return allowed + min(allowed, _BESIDE) + 4

    @property
    def in_flight(self) -> int:
        """Requests that are out now, over all lanes."""
        return sum(lane.in_flight for lane in self._lanes.values())

    async def send(self, request: Request) -> Response:
        """Send when the budgets allow it.

        Raises:
            KeyError: the request names a budget that there isn't.
            QuotaSpent: one of its budgets is used up for the week. Nothing was sent.
            Withdrawn: it is not wanted any more. Nothing was sent.
        """
        lane = self._lane(request.budgets)
        # Without an answer it may have been counted by the vendor as well: the permit ends as sent.
        with await self._budgets.acquire(request.budgets, request.wanted) as permit:
            clock = asyncio.get_running_loop().time
            began = clock()
            request.begun = permit.began
            try:
                response = await self._transport.send(request)
            except UnsafePath:
                permit.abandoned(sent=False)
                raise
            except Exception:
                lane.level.overloaded(now=clock())
                raise
            now = clock()
            if response.status == 429 or response.status >= 500:
                lane.level.overloaded(now=now)
            else:
                lane.level.answered(now=now, seconds=now - began, in_flight=lane.in_flight)
            permit.answered(response.status, response.headers, response.body)
            return response

    async def close(self) -> None:
        """Close the transport below, and give back what quotas have booked and nobody used."""
        try:
            for limiter in self._limiters.values():
                if isinstance(limiter, QuotaLimiter):
                    limiter.close()
        finally:
            await self._transport.close()

    def _lane(self, budgets: tuple[str, ...]) -> _Lane:
        lane = self._lanes.get(budgets)
        if lane is None:
            limiters = tuple(self._limiters[name] for name in budgets)
            lane = self._lanes[budgets] = _Lane(limiters, most=self._most)
        return lane


class _Lane:
    """Requests with the same budgets: how many are out, and how many may be."""

    def __init__(self, limiters: tuple[Limiter, ...], *, most: int) -> None:
        self.level = Level(most=most)
        self.in_flight = 0
        self._limiters = limiters

    @property
    def rate(self) -> float | None:
        """Requests a second that the budgets allow together; None if nothing limits their speed."""
        return min([rate for limiter in self._limiters if isfinite(rate := limiter.rate)], default=None)

    def free(self) -> bool:
        """Whether one more may be out."""
        return self.in_flight < self.level.allowed(self.rate)

    def enter(self) -> None:
        """One more is out."""
        self.in_flight += 1

    def leave(self) -> None:
        """One has come back, or never will."""
        self.in_flight -= 1
