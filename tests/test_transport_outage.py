"""The allowance and the breaker by themselves; what they are for is in test_transport_retrying."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from clock import START, virtual_time

from extractor.errors import RunFailed
from extractor.transport.outage import Allowance, Breaker, duration


def since() -> float:
    return asyncio.get_running_loop().time() - START


@virtual_time
async def test_the_reserve_is_there_at_once() -> None:
    allowance = Allowance(reserve=100)
    for _ in range(100):
        await allowance.take()
    assert since() == 0
    assert allowance.left == 0


@virtual_time
async def test_beyond_it_the_pauses_grow_to_thirty_seconds_and_nothing_is_refused() -> None:
    allowance = Allowance(reserve=0)
    moments = []
    for _ in range(8):
        await allowance.take()
        moments.append(since())
    assert moments == [1, 3, 7, 15, 31, 61, 91, 121]


@virtual_time
async def test_those_who_wait_go_one_by_one_in_order() -> None:
    allowance = Allowance(reserve=0)
    order: list[tuple[int, float]] = []

    async def one(number: int) -> None:
        await allowance.take()
        order.append((number, since()))

    await asyncio.gather(*map(one, range(4)))
    assert order == [(0, 1), (1, 3), (2, 7), (3, 15)]


@virtual_time
async def test_a_success_pays_for_one_and_ends_the_growth() -> None:
    allowance = Allowance(reserve=0)
    for _ in range(6):
        await allowance.take()
    waiting = asyncio.create_task(allowance.take())
    await asyncio.sleep(10)
    allowance.earn()
    before = since()
    await waiting
    assert since() == before
    await allowance.take()
    assert since() == before + 1


@virtual_time
async def test_no_more_than_the_reserve_is_saved_up() -> None:
    allowance = Allowance(reserve=3)
    for _ in range(50):
        allowance.earn()
    assert allowance.left == 3


def breaker(patience: float = 1800.0) -> Breaker:
    class Even(Random):
        def uniform(self, a: float, b: float) -> float:
            return min(a, b)

    return Breaker(vendor="acme", patience=patience, random=Even(), doubt_after=3)


class Probe:
    def __init__(self, good_from: float) -> None:
        self.good_from = good_from
        self.moments: list[float] = []

    async def __call__(self) -> bool:
        self.moments.append(since())
        return since() >= self.good_from


@virtual_time
async def test_without_doubt_nobody_waits_and_nothing_is_asked() -> None:
    own, probe = breaker(), Probe(0)
    own.failed()
    own.failed()
    assert not await own.passage(probe)
    own.failed()
    own.succeeded()
    assert not await own.passage(probe)
    assert not probe.moments


@virtual_time
async def test_doubt_that_the_first_probe_clears_is_no_outage() -> None:
    own, probe = breaker(), Probe(0)
    for _ in range(3):
        own.failed()
    assert not await own.passage(probe)
    assert not own.doubtful
    assert probe.moments == [0]


@virtual_time
async def test_probes_become_rare_and_only_one_of_many_asks() -> None:
    own, probe = breaker(), Probe(200)
    for _ in range(3):
        own.failed()
    results = await asyncio.gather(*(own.passage(probe) for _ in range(100)))
    assert results == [True] * 100
    assert probe.moments == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211]


@virtual_time
async def test_who_comes_in_the_middle_of_an_outage_has_been_through_one() -> None:
    own, probe = breaker(), Probe(100)
    for _ in range(3):
        own.failed()
    first = asyncio.create_task(own.passage(probe))
    await asyncio.sleep(50)
    assert await own.passage(probe)
    assert await first


@virtual_time
async def test_a_success_elsewhere_ends_it_at_once() -> None:
    """A request that was in flight all the time, for instance."""
    own, probe = breaker(), Probe(10_000)
    for _ in range(3):
        own.failed()
    waiting = asyncio.create_task(own.passage(probe))
    await asyncio.sleep(100)
    own.succeeded()
    before = since()
    assert await waiting
    assert since() == before


@virtual_time
async def test_how_long_the_vendor_is_away_is_known_while_it_is() -> None:
    own = breaker()
    assert own.away is None
    for _ in range(3):
        own.failed()
    assert own.away is None, "nobody has asked for a sign of life"
    waiting = asyncio.create_task(own.passage(Probe(10_000)))
    await asyncio.sleep(100)
    assert own.away == 100
    own.succeeded()
    assert own.away is None
    await waiting


@virtual_time
async def test_after_the_patience_everybody_hears_of_it_at_once() -> None:
    own, probe = breaker(patience=100.0), Probe(10_000)
    for _ in range(3):
        own.failed()
    results = await asyncio.gather(*(own.passage(probe) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [RunFailed] * 5
    assert 100 <= since() <= 130
    with pytest.raises(RunFailed, match="no answer from the vendor for 100 s"):
        await own.passage(probe)


@virtual_time
async def test_the_next_outage_is_a_new_one() -> None:
    own = breaker(patience=100.0)
    for _ in range(3):
        own.failed()
    assert await own.passage(Probe(90))
    await asyncio.sleep(10_000)
    for _ in range(3):
        own.failed()
    again = Probe(since() + 90)
    assert await own.passage(again)
    assert again.moments[1] - again.moments[0] == 1


@pytest.mark.parametrize(("seconds", "shown"), [(30, "30 s"), (90.5, "90.5 s"), (120, "2 min"), (1800, "30 min")])
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
