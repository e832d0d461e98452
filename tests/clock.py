"""An event loop on which waiting takes no time, for every test in which time matters.

    def test_sleeps_a_day() -> None:
        async def main() -> float:
            await asyncio.sleep(86_400)
            return asyncio.get_running_loop().time()

        assert run(main()) == START + 86_400

When nothing is ready the clock jumps to the next timer; when there is no timer either, nothing
can ever happen again and `Deadlock` is raised at once. Time does not pass in between, unless
`VirtualLoop.stall` says that the program was busy. The idea is trio's autojumping MockClock.

Work given to `loop.run_in_executor` (so `asyncio.to_thread` as well) is waited for in real time with
the clock standing still. Sockets would be outrun by the clock: tests that speak HTTP use a real loop.
"""

from __future__ import annotations

import asyncio
import functools
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = ["START", "Deadlock", "VirtualLoop", "run", "virtual_time"]

T = TypeVar("T")
P = ParamSpec("P")

START = 1_000.0
"""What `loop.time()` says at first; not 0, so that nobody takes 0 for "never"."""

LONGEST_JOB_S = 30.0
"""Real seconds that a thread may take before it counts as stuck."""


class Deadlock(Exception):
    """Nothing is ready, no timer is set, no thread works: the program would hang for ever."""


class _JumpingSelector(selectors.BaseSelector):
    """A selector that moves the loop's clock where others wait."""

    def __init__(self, real: selectors.BaseSelector) -> None:
        self._real = real
        self.loop: VirtualLoop | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0 or self.loop is None:
            return ready
        if self.loop.jobs:
            ready = self._real.select(LONGEST_JOB_S)
            if not ready:
                raise Deadlock(f"a thread has been busy for {LONGEST_JOB_S:.0f} s")
            return ready
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        # At least one step of the float, or a remainder smaller than that would never pass.
        self.loop.stall(max(timeout, math.ulp(self.loop.time())))
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is virtual."""

    def __init__(self) -> None:
        selector = _JumpingSelector(selectors.DefaultSelector())
        super().__init__(selector)
        selector.loop = self
        self.jobs = 0
        self._virtual_now = START
        # Timers closer than this are due together; it only has to hide the rounding of a jump.
        self._clock_resolution = 1e-7

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_now

    def stall(self, seconds: float) -> None:
        """Let `seconds` pass in which the loop runs nothing, as when a callback computes for long."""
        self._virtual_now += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As everywhere, with the clock standing still until the job is done."""
        job: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self.jobs += 1
        job.add_done_callback(self._job_done)
        return job

    async def shutdown_default_executor(self) -> None:
        """As everywhere; the thread that waits for the others is a job too."""
        self.jobs += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self.jobs -= 1

    def _job_done(self, _job: object) -> None:
        self.jobs -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a fresh virtual loop.

    Raises:
        Deadlock: nothing can happen any more though `main` has not ended.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a plain test of an `async def` one; fixtures and hypothesis' arguments pass through."""

    @functools.wraps(test)
    def plain(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return plain
