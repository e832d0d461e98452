"""Telling an outage from a listing that fails, and waiting it out.

Two measures, for the whole of an API. The allowance (Google's SRE book, "Handling Overload": retries in proportion to
successes) keeps repeats from piling up while part of the answers fail. The breaker (Nygard, "Release It!") stops
everything while all of them do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from extractor.errors import RunFailed

__all__ = ["LONGEST_PAUSE", "Allowance", "Breaker", "duration"]

LONGEST_PAUSE = 30.0
"""Seconds between two signs of life that we ask for, at most."""

_FIRST_PAUSE = 1.0


class Allowance:
    """Retries that the successes have paid for: one each, and a reserve that is there from the beginning.

    Without any left, retries go one by one with growing pauses; none is refused.

    Args:
        reserve: retries at the beginning, and the most that is saved up.
    """

    def __init__(self, *, reserve: int = 100) -> None:
        self._reserve = reserve
        self._left = reserve
        self._pause = _FIRST_PAUSE
        self._turn = asyncio.Lock()
        self._earned = asyncio.Event()

    @property
    def left(self) -> int:
        """Retries that may be made without a pause."""
        return self._left

    def earn(self) -> None:
        """A request succeeded."""
        self._left = min(self._reserve, self._left + 1)
        self._pause = _FIRST_PAUSE
        self._earned.set()

    async def take(self) -> None:
        """Wait until a retry may be made."""
        async with self._turn:
            if self._left < 1:
                self._earned.clear()
                try:
                    async with asyncio.timeout(self._pause):
                        await self._earned.wait()
                except TimeoutError:
                    self._pause = min(LONGEST_PAUSE, self._pause * 2)
                    return
            self._left -= 1


class Breaker:
    """Stops everything when many failures in a row say that the vendor is away, until a probe says that it is back.

    The probe repeats a request that has succeeded before. If it succeeds again while others fail, this
    is no outage, and they fail for themselves.

    Args:
        vendor: its name, for messages.
        patience: seconds of outage until the run is given up.
        doubt_after: failures in a row; more than one listing's attempts.
        random: spreads the probes of several runs.
    """

    def __init__(self, *, vendor: str, patience: float, random: Random, doubt_after: int) -> None:
        self._vendor = vendor
        self._patience = patience
        self._doubt_after = doubt_after
        self._random = random
        self._streak = 0
        self._since = 0.0
        self._pause = _FIRST_PAUSE
        self._outages = 0
        self._confirmed = False
        self._turn = asyncio.Lock()
        self._recovered = asyncio.Event()

    @property
    def doubtful(self) -> bool:
        """The last failures had no success between them."""
        return self._streak >= self._doubt_after

    @property
    def away(self) -> float | None:
        """Seconds since the first failure of an outage that a probe has confirmed, None without one."""
        return asyncio.get_running_loop().time() - self._since if self._confirmed else None

    def succeeded(self) -> None:
        """The vendor answered as it should."""
        self._streak = 0
        self._pause = _FIRST_PAUSE
        self._confirmed = False
        self._recovered.set()

    def failed(self) -> None:
        """The vendor didn't answer, or not as it should."""
        if not self._streak:
            self._since = asyncio.get_running_loop().time()
        self._streak += 1

    async def passage(self, probe: Callable[[], Awaitable[bool]]) -> bool:
        """Wait while there is an outage; one of those who wait asks for signs of life, seldom.

        Args:
            probe: sends a request that succeeded before and says whether it does again.

        Returns:
            True if there was an outage. Failures from before say nothing of the listing then.

        Raises:
            RunFailed: it lasts longer than `patience`.
        """
        if not self.doubtful:
            return False
        before = self._outages - self._confirmed
        async with self._turn:
            while self.doubtful:
                if asyncio.get_running_loop().time() - self._since >= self._patience:
                    silence = duration(self._patience)
                    raise RunFailed(f"{self._vendor}: no answer from the vendor for {silence}; run again to resume.")
                if await probe():
                    self.succeeded()
                elif self.doubtful:
                    await self._rest()
        return self._outages != before

    async def _rest(self) -> None:
        if not self._confirmed:
            self._confirmed = True
            self._outages += 1
        self._recovered.clear()
        try:
            async with asyncio.timeout(self._pause * self._random.uniform(1.0, 1.2)):
                await self._recovered.wait()
        except TimeoutError:
            self._pause = min(LONGEST_PAUSE, self._pause * 2)


def duration(seconds: float) -> str:
    """`90` as "90 s", `1800` as "30 min"."""
    return f"{seconds / 60:g} min" if seconds >= 120 else f"{seconds:g} s"
