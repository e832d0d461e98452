"""The engine walks the tree of endpoints: deepest listing first, so that little is open at a time.

It knows neither HTTP nor dlt. Work waits in the ledger and not in memory: a listing becomes a task only
when its lane has a free slot, and its children exist only once its page is on disk. Tasks are born in one
`TaskGroup` and die in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from extractor.errors import QuotaSpent, Refused
from extractor.model import Listing, Page

__all__ = ["Engine", "Work"]

_AHEAD = 64
"""Listings claimed in one look at the ledger: enough that the look costs nothing, few enough to stay deepest first."""

_LOW = 32
"""With fewer at hand the next look begins, so that nothing waits for it."""


class Work(Protocol):
    """What the engine needs of the ledger."""

    async def claim(self, endpoint: str, limit: int) -> list[Listing]:
        """The next listings of the endpoint that no one has claimed in this process."""

    def claimable(self, endpoint: str) -> int:
        """How many listings of the endpoint `claim` would find."""


class Engine:
    """Fetches every listing that `work` holds, and those that their pages name, until nothing is left.

    Args:
        endpoints: names of the endpoints to walk, parents before children.
        lanes: endpoint -> the budgets that it counts against. Those with the same ones are a lane, which has slots of
            its own, so that a scarce budget holds up no other.
        apis: endpoint -> the API that it belongs to.
        width: lane -> slots at present; asked again before every start.
        work: where listings wait.
        fetch: a listing's pages, the last one in a final state.
        emit: called with each page; when it returns, the page is on disk and its children are in `work`.
        refused: told once of an endpoint that may not be read, or of a budget that is spent, and of the listing that
            found out. The listings of that endpoint, or of all that count against that budget, stay where they are.
        full: true while nothing more may be fetched, because the spool holds too much.
    """

    def __init__(
        self,
        *,
        endpoints: Sequence[str],
        lanes: Mapping[str, tuple[str, ...]],
        apis: Mapping[str, str],
        width: Callable[[tuple[str, ...]], int],
        work: Work,
        fetch: Callable[[Listing], AsyncGenerator[Page]],
        emit: Callable[[Page], Awaitable[None]],
        refused: Callable[[Listing, Refused | QuotaSpent], Awaitable[None]],
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._deepest_first = {
            lane: [name for name in reversed(endpoints) if lanes[name] == lane]
            for lane in dict.fromkeys(lanes[name] for name in endpoints)
        }
        self._lanes = lanes
        self._apis = apis
        self._width = width
        self._work = work
        self._fetch = fetch
        self._emit = emit
        self._refused = refused
        self._full = full
        self._claimed: dict[str, deque[Listing]] = {name: deque() for name in endpoints}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._bare: set[str] = set()
        self._closed: set[str] = set()
        self._open: dict[tuple[str, ...], set[asyncio.Task[None]]] = {lane: set() for lane in self._deepest_first}
        self._changed = asyncio.Event()
        self._stopping = False

    @property
    def open(self) -> int:
        """Listings that have a task at this moment."""
        return sum(map(len, self._open.values()))

    def look_again(self) -> None:
        """Say that something changed: work arrived, a lane became wider, the spool has room."""
        self._bare.clear()
        self._changed.set()

    def stop(self) -> None:
        """Start nothing more; `run` returns when what is open is done."""
        self._stopping = True
        self._changed.set()

    def abandon(self) -> None:
        """Cancel what is open: the ledger knows nothing of it, so a later run does it again."""
        self.stop()
        for tasks in self._open.values():
            for task in tasks:
                task.cancel()

    async def run(self, let_in: Callable[[], None] | None = None) -> None:
        """Fetch until nothing is left to do, or until `stop`.

        Args:
            let_in: given to see first, by one listing alone of the first endpoint of each API, whether the vendor lets
                us in; called when it does. The first page tells: the rest of the listing is fetched beside others.

        Raises:
            ExceptionGroup: of what `fetch` or `emit` raised; everything else is then cancelled.
        """
        async with asyncio.TaskGroup() as group:
            if let_in is not None:
                await self._knock(group)
                if not self._stopping:
                    let_in()
            while not self._stopping:
                self._changed.clear()
                for lane in self._deepest_first:
                    self._fill(lane, group)
                if not self.open and not self._looks and not self._waiting():
                    return
                await self._changed.wait()

    async def _knock(self, group: asyncio.TaskGroup) -> None:
        for api in dict.fromkeys(self._apis.values()):
            own = [name for name in self._claimed if self._apis[name] == api and name not in self._closed]
            name = next((name for name in own if self._work.claimable(name)), None)
            if name is None or self._stopping:
                continue
            for listing in await self._work.claim(name, 1):
                # A task like any other, so that `abandon` reaches it: a vendor may take long to open.
                await self._start(group, listing).wait()

    def _start(self, group: asyncio.TaskGroup, listing: Listing) -> asyncio.Event:
        """Begin with a listing; the event comes with its first page on disk, or with its end."""
        entered = asyncio.Event()
        tasks = self._open[self._lanes[listing.endpoint]]
        task = group.create_task(self._walk(listing, entered))
        tasks.add(task)

        def ended(_: asyncio.Task[None]) -> None:
            tasks.discard(task)
            entered.set()
            self.look_again()

        task.add_done_callback(ended)
        return entered

    def _fill(self, lane: tuple[str, ...], group: asyncio.TaskGroup) -> None:
        tasks = self._open[lane]
        while not self._stopping and not self._full() and len(tasks) < self._width(lane):
            name = self._deepest(lane)
            if name is None:
                return
            claimed = self._claimed[name]
            looked = name in self._looks or name in self._bare
            if len(claimed) < _LOW and not looked and self._work.claimable(name):
                self._looks[name] = group.create_task(self._look(name))
            if not claimed:
                return
            self._start(group, claimed.popleft())

    async def _look(self, name: str) -> None:
        """Claim what comes next of an endpoint."""
        try:
            found = await self._work.claim(name, _AHEAD)
        finally:
            del self._looks[name]
        self._claimed[name].extend(found)
        if not found:
            # Nothing is there before something else changes.
            self._bare.add(name)
        self._changed.set()

    def _deepest(self, lane: tuple[str, ...]) -> str | None:
        """The deepest open endpoint that has work, leaving out those where the last look found none."""
        for name in self._deepest_first[lane]:
            if name in self._closed:
                continue
            if self._claimed[name] or (name not in self._bare and self._work.claimable(name)):
                return name
        return None

    def _waiting(self) -> bool:
        return any(
            self._claimed[name] or self._work.claimable(name)
            for names in self._deepest_first.values()
            for name in names
            if name not in self._closed
        )

    async def _walk(self, listing: Listing, entered: asyncio.Event) -> None:
        try:
            async with aclosing(self._fetch(listing)) as pages:
                async for page in pages:
                    await self._emit(page)
                    entered.set()
                    self.look_again()
        except (Refused, QuotaSpent) as error:
            if listing.endpoint in self._closed:
                return
            self._closed.add(listing.endpoint)
            if isinstance(error, QuotaSpent) and error.budget:
                self._closed |= {name for name, lane in self._lanes.items() if error.budget in lane}
            await self._refused(listing, error)
