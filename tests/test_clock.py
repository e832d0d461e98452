from __future__ import annotations

import asyncio
import time

import pytest
from clock import START, Deadlock, VirtualLoop, run, virtual_time
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def answer() -> int:
    return 42


def test_a_year_passes_at_once_and_to_the_second() -> None:
    async def main() -> float:
        await asyncio.sleep(365 * 86_400)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(START + 365 * 86_400, abs=1e-6)


@settings(deadline=None)
@given(delays=st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20))
def test_timers_fire_in_their_order_and_never_early(delays: list[float]) -> None:
    async def main() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        woken: list[tuple[float, float]] = []

        async def sleep(delay: float) -> None:
            await asyncio.sleep(delay)
            woken.append((delay, loop.time()))

        await asyncio.gather(*(sleep(delay) for delay in delays))
        return woken

    woken = run(main())
    assert [delay for delay, _ in woken] == pytest.approx(sorted(delays), abs=1e-8)
    assert all(at == pytest.approx(START + delay, abs=1e-6) for delay, at in woken)


def test_a_deadlock_raises_instead_of_hanging() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run(main())


def test_a_deadlock_still_runs_the_cleanup_of_tasks() -> None:
    cleaned: list[bool] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(Deadlock):
        run(main())
    assert cleaned == [True]


def test_the_clock_stands_still_while_a_thread_works() -> None:
    """Otherwise a timeout around a thread would always strike."""

    async def main() -> float:
        async with asyncio.timeout(0.001):
            await asyncio.to_thread(time.sleep, 0.02)
        return asyncio.get_running_loop().time()

    assert run(main()) == START


def test_a_stall_makes_every_timer_late() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        timer = asyncio.create_task(asyncio.sleep(1.0))
        await asyncio.sleep(0.5)
        loop.stall(2.0)
        await timer
        return loop.time()

    assert run(main()) == START + 2.5


@virtual_time
async def test_decorated_tests_get_fixtures_and_the_virtual_clock(answer: int) -> None:
    await asyncio.sleep(3600)
    assert answer == 42
    assert asyncio.get_running_loop().time() == START + 3600


async def test_undecorated_tests_keep_the_real_clock() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
