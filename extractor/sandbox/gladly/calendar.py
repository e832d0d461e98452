"""Conversations and tasks in the order of their creation, as sorted arrays of 8 bytes each."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from extractor.sandbox.gladly.population import Population
from extractor.sandbox.gladly.stamps import DAY, SECOND

__all__ = ["Calendar"]

SECOND_BITS, CUSTOMER_BITS, NUMBER_BITS = 28, 24, 12  # 2**28 seconds are more than eight years
PAUSE_EVERY = 500  # customers, so that requests are answered while the arrays grow


class Calendar:
    """Made when the first report or export file is asked for.

    Attributes:
        conversations, tasks: packed (second, customer, number).
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        self._origin = (population.until - population.history) // SECOND - DAY // SECOND
        self._lock = asyncio.Lock()
        self.conversations: array[int] = array("Q")
        self.tasks: array[int] = array("Q")
        self._ready = False

    async def ready(self) -> Calendar:
        """The calendar with its arrays filled."""
        async with self._lock:
            if not self._ready:
                await self._fill()
                self._ready = True
        return self

    def between(self, entries: array[int], start: int, end: int) -> range:
        """Positions of what was created from start (included) to end (excluded), whole seconds in milliseconds."""
        return range(bisect_left(entries, self._pack(start)), bisect_left(entries, self._pack(end)))

    def look(self, entries: array[int], positions: range) -> Iterator[tuple[int, int]]:
        """(customer, number) at these positions."""
        for position in positions:
            entry = entries[position]
            yield entry >> NUMBER_BITS & ((1 << CUSTOMER_BITS) - 1), entry & ((1 << NUMBER_BITS) - 1)

    def _pack(self, ms: int, i: int = 0, number: int = 0) -> int:
        second = min(max(0, ms // SECOND - self._origin), (1 << SECOND_BITS) - 1)
        return ((second << CUSTOMER_BITS | i) << NUMBER_BITS) | number

    async def _fill(self) -> None:
        population = self._population
        conversations: list[int] = []
        tasks: list[int] = []
        for i in range(population.size):
            if i % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
            who = population.customer(i)
            conversations.extend(
                self._pack(population.conversation(who, j).created, i, j) for j in range(who.conversations + who.lost)
            )
            tasks.extend(self._pack(population.task(who, t).created, i, t) for t in range(who.tasks))
        conversations.sort()
        tasks.sort()
        self.conversations.extend(conversations)
        self.tasks.extend(tasks)
