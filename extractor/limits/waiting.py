"""The queue before the limiters: the only part that sleeps."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from extractor.errors import ExtractorError
from extractor.limits.limiter import Limiter
from extractor.limits.quota import QuotaLimiter

__all__ = ["Budgets", "Permit", "Room", "Withdrawn"]


class Withdrawn(Exception):
    """A request was not sent, because whoever sent it did not want that any more; from layer to layer only."""


class Room(Protocol):
    """How many requests for one set of budgets may be under way at once."""

    def free(self) -> bool:
        """Whether one more may."""

    def enter(self) -> None:
        """One more is."""

    def leave(self) -> None:
        """One of them has ended."""


class Permit:
    """Leave to send one request now.

        with await budgets.acquire(("requests", "reports")) as permit:
            response = await send(request)
            permit.answered(response.status, response.headers)

    Left without `answered`, the request counts as sent and never answered.
    """

    __slots__ = ("_budgets", "_held", "_room")

    def __init__(self, budgets: Budgets, held: list[tuple[Limiter, int]], room: Room) -> None:
        self._budgets = budgets
        self._held = held
        self._room: Room | None = room

    def began(self) -> None:
        """The head of the answer has come."""
        now = self._budgets.now()
        for limiter, ticket in self._held:
            limiter.began(ticket, now)

    def answered(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        """An answer came; header names are in lower case.

        A 429 to a request that counts against several budgets is put down to the last one named, the narrowest:
        if a wider one was used up, those who need only that will hear of it at once. It is put down to a quota only
        if the body says that.
        """
        held = self._end()
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
        held = self._end()
        now = self._budgets.now()
        for limiter, ticket in held:
            limiter.abandoned(ticket, now, sent=sent)
        self._budgets.pump()

    def _end(self) -> list[tuple[Limiter, int]]:
        held, self._held = self._held, []
        if self._room is not None:
            self._room.leave()
            self._room = None
        return held

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._room is not None:
            self.abandoned()


def _always() -> bool:
    return True


class _Queue:
    """Those who wait for the same set of budgets, in the order in which they came.

    Attributes:
        turn: when the first of them became the first, as a number.
    """

    __slots__ = ("limiters", "room", "turn", "waiters")

    def __init__(self, limiters: tuple[Limiter, ...], room: Room) -> None:
        self.limiters = limiters
        self.room = room
        self.turn = 0
        self.waiters: deque[tuple[Callable[[], bool], asyncio.Future[Permit]]] = deque()

    def wait(self, now: float) -> float:
        """Seconds until all budgets admit one."""
        return max([limiter.wait(now) for limiter in self.limiters], default=0.0)

    def tidy(self) -> None:
        """Let those in front go who were cancelled, or are not wanted any more."""
        while self.waiters:
            wanted, granted = self.waiters[0]
            if not granted.done():
                if wanted():
                    return
                granted.set_exception(Withdrawn())
            self.waiters.popleft()

    def fail(self, error: ExtractorError) -> None:
        """Nobody of those who wait will ever pass."""
        for _, granted in self.waiters:
            if not granted.done():
                granted.set_exception(error)
        self.waiters.clear()


class Budgets:
    """Lets requests pass when there is room and every budget that they count against admits them at the same moment.

    First come, first served among requests for the same set of budgets; sets take turns at what they share. A set
    whose own budget is exhausted, or whose room is full, holds nobody else up, and nothing is spent on one budget while
    another is waited for. One timer serves all: any number of waiters costs nothing.

    Args:
        limiters: the budgets, by name.
        room: of a set of names; asked once for each.
    """

    def __init__(self, limiters: Mapping[str, Limiter], room: Callable[[tuple[str, ...]], Room]) -> None:
        self._limiters = limiters
        self._room = room
        self._queues: dict[tuple[str, ...], _Queue] = {}
        self._turns = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._rings_at = math.inf

    def now(self) -> float:
        """The clock on which the limiters reckon: the running loop's."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    async def acquire(self, names: tuple[str, ...], wanted: Callable[[], bool] = _always) -> Permit:
        """Wait until a request that counts against the budgets of these names may start.

        Cancelled, it holds nothing: a permit that was granted in the same moment is given back unspent.

        Args:
            names: of its budgets.
            wanted: asked when its turn comes.

        Raises:
            Withdrawn: it is not wanted any more.
            QuotaSpent: one of them is used up for the week; so it is for everybody who waits for it.
            StorageError: it can't be found out what is left of the week.
        """
        now = self.now()
        queue = self._queues.get(names)
        if queue is None:
            limiters = tuple(self._limiters[name] for name in dict.fromkeys(names))
            queue = self._queues[names] = _Queue(limiters, self._room(names))
        others = any(other.waiters for other in self._queues.values())
        if not others and queue.room.free():
            wait = queue.wait(now)
            if wait <= 0:
                if not wanted():
                    raise Withdrawn
                return self._grant(queue, now)
            self._wake(now + wait)
        granted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        if not queue.waiters:
            self._take_turn(queue)
        queue.waiters.append((wanted, granted))
        if others:
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
        while waiting := self._waiting():
            soonest = math.inf
            for queue in waiting:
                if not queue.room.free():
                    continue
                try:
                    wait = queue.wait(now)
                except ExtractorError as error:
                    queue.fail(error)
                    continue
                if wait <= 0:
                    queue.waiters.popleft()[1].set_result(self._grant(queue, now))
                    self._take_turn(queue)
                    break
                soonest = min(soonest, wait)
            else:
                self._wake(now + soonest)
                return

    def _waiting(self) -> list[_Queue]:
        """The queues in which somebody waits, those first that have done so for longest."""
        waiting = []
        for queue in self._queues.values():
            if queue.waiters:
                queue.tidy()
                if queue.waiters:
                    waiting.append(queue)
        return sorted(waiting, key=lambda queue: queue.turn) if len(waiting) > 1 else waiting

    def _take_turn(self, queue: _Queue) -> None:
        self._turns += 1
        queue.turn = self._turns

    def _grant(self, queue: _Queue, now: float) -> Permit:
        queue.room.enter()
        return Permit(self, [(limiter, limiter.start(now)) for limiter in queue.limiters], queue.room)

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
