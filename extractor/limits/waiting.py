"""The queue before the limiters: the only part that sleeps."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from extractor.errors import ExtractorError
from extractor.limits.limiter import Limiter
from extractor.limits.quota import QuotaLimiter

__all__ = ["Budgets", "Permit"]


class Permit:
    """Leave to send one request now.

        with await budgets.acquire(("requests", "reports")) as permit:
            response = await send(request)
            permit.answered(response.status, response.headers)

    Left without `answered`, the request counts as sent and never answered.
    """

    __slots__ = ("_budgets", "_held")

    def __init__(self, budgets: Budgets, held: list[tuple[Limiter, int]]) -> None:
        self._budgets = budgets
        self._held = held

    def answered(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        """An answer came; header names are in lower case.

        A 429 to a request that counts against several budgets is put down to the last one named, the narrowest:
        if a wider one was used up, those who need only that will hear of it at once. It is put down to a quota only
        if the body says that.
        """
        held, self._held = self._held, []
        now = self._budgets.now()
        blamed = None
        if status == 429:
            quotas = [limiter for limiter, _ in held if isinstance(limiter, QuotaLimiter)]
            if not any(quota.told(body) for quota in quotas):
                blamed = next((limiter for limiter, _ in reversed(held) if limiter not in quotas), None)
        for limiter, ticket in held:
            limiter.answered(ticket, now, 0 if status == 429 and limiter is not blamed else status, headers)
        self._budgets.pump()

    def abandoned(self, *, sent: bool = True) -> None:
        """No answer will come; `sent` tells whether anything left at all."""
        held, self._held = self._held, []
        now = self._budgets.now()
        for limiter, ticket in held:
            limiter.abandoned(ticket, now, sent=sent)
        self._budgets.pump()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held:
            self.abandoned()


class _Queue:
    """Those who wait for the same set of budgets, in the order in which they came."""

    __slots__ = ("limiters", "waiters")

    def __init__(self, limiters: tuple[Limiter, ...]) -> None:
        self.limiters = limiters
        self.waiters: deque[tuple[int, asyncio.Future[Permit]]] = deque()

    def arrival(self) -> float:
        """When the first one came, as a number; infinity if nobody waits."""
        while self.waiters and self.waiters[0][1].done():  # cancelled in the meantime
            self.waiters.popleft()
        return self.waiters[0][0] if self.waiters else math.inf

    def fail(self, error: ExtractorError) -> None:
        """Nobody of those who wait will ever pass."""
        for _, granted in self.waiters:
            if not granted.done():
                granted.set_exception(error)
        self.waiters.clear()


class Budgets:
    """Lets requests pass when every budget that they count against admits them at the same moment.

    First come, first served among requests for the same set of budgets, and among sets for what they share; but a set
    whose own budget is exhausted holds nobody else up, and nothing is spent on one budget while
    another is waited for. One timer serves all: any number of waiters costs nothing.
    """

    def __init__(self, limiters: Mapping[str, Limiter]) -> None:
        self._limiters = limiters
        self._queues: dict[tuple[str, ...], _Queue] = {}
        self._arrivals = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._rings_at = math.inf

    def now(self) -> float:
        """The clock on which the limiters reckon: the running loop's."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    async def acquire(self, names: tuple[str, ...]) -> Permit:
        """Wait until a request that counts against the budgets of these names may start.

        Cancelled, it holds nothing: a permit that was granted in the same moment is given back unspent.

        Raises:
            QuotaSpent: one of them is used up for the week; so it is for everybody who waits for it.
            StorageError: it can't be found out what is left of the week.
        """
        self.now()
        queue = self._queues.get(names)
        if queue is None:
            queue = self._queues[names] = _Queue(tuple(self._limiters[name] for name in dict.fromkeys(names)))
        self._arrivals += 1
        granted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        queue.waiters.append((self._arrivals, granted))
        self.pump()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                granted.result().abandoned(sent=False)
            raise

    def pump(self) -> None:
        """Let everybody pass who may, then set the timer for the next one."""
        now = self.now()
        while any(queue.waiters for queue in self._queues.values()):
            soonest = math.inf
            for queue in sorted(self._queues.values(), key=_Queue.arrival):
                if not queue.waiters:
                    continue
                try:
                    wait = max([limiter.wait(now) for limiter in queue.limiters])
                except ExtractorError as error:
                    queue.fail(error)
                    continue
                if wait <= 0:
                    held = [(limiter, limiter.start(now)) for limiter in queue.limiters]
                    queue.waiters.popleft()[1].set_result(Permit(self, held))
                    break
                soonest = min(soonest, wait)
            else:
                self._wake(now + soonest)
                return

    def _wake(self, moment: float) -> None:
        """Pump again at `moment` at the latest; waking too early does no harm, so an earlier timer stays."""
        if self._loop is None or moment == math.inf:
            return
        if self._timer is not None:
            if self._rings_at <= moment:
                return
            self._timer.cancel()
        # uvloop gives no TimerHandle for less than a millisecond, so the moment is kept here.
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.pump()
