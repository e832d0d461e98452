from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Mapping

import pytest
from clock import START, VirtualLoop, run, virtual_time
from paper import Paper, in_midweek

from extractor.errors import QuotaSpent
from extractor.limits import Budgets, Limiter, Tally, Withdrawn, build
from extractor.limits.quota import BUSY_S
from extractor.model import RollingWindow, StatedSecond, WeeklyQuota


class Every:
    """One request every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.next = -math.inf
        self.tally = Tally()
        self.flying: set[int] = set()
        self.asked = 0
        self.given_back = 0

    @property
    def rate(self) -> float:
        return 1 / self.seconds if self.seconds else math.inf

    def wait(self, now: float) -> float:
        self.asked += 1
        return max(0.0, self.next - now)

    def start(self, now: float) -> int:
        assert now >= self.next
        self.next = now + self.seconds
        self.tally.started(now, self.rate)
        self.flying.add(self.tally.sent)
        return self.tally.sent

    def began(self, ticket: int, now: float) -> None:
        assert now >= 0
        assert ticket in self.flying

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        del now, status, headers
        self.flying.remove(ticket)

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        del now
        self.flying.remove(ticket)
        self.given_back += not sent


class Places:
    """Room for so many."""

    def __init__(self, number: float) -> None:
        self.number = number

    def free(self) -> bool:
        return self.number > 0

    def enter(self) -> None:
        self.number -= 1

    def leave(self) -> None:
        self.number += 1


def without_bounds(limiters: Mapping[str, Limiter]) -> Budgets:
    """Any number may be under way."""
    return Budgets(limiters, lambda _: Places(math.inf))


def clock() -> float:
    return asyncio.get_running_loop().time() - START


async def one(budgets: Budgets, names: tuple[str, ...], log: list[tuple[float, object]], name: object) -> None:
    with await budgets.acquire(names) as permit:
        log.append((clock(), name))
        permit.answered(200, {})


@virtual_time
async def test_first_come_first_served() -> None:
    budgets, log = without_bounds({"requests": Every(1)}), list[tuple[float, object]]()
    await asyncio.gather(*(one(budgets, ("requests",), log, name) for name in range(5)))
    assert log == [(float(name), name) for name in range(5)]


@virtual_time
async def test_an_exhausted_budget_holds_nobody_up_who_does_not_need_it() -> None:
    budgets = without_bounds({"requests": Every(0.1), "reports": Every(6)})
    log: list[tuple[float, object]] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(one(budgets, ("requests", "reports"), log, "report"))
        for _ in range(100):
            group.create_task(one(budgets, ("requests",), log, "plain"))
    reports = [at for at, name in log if name == "report"]
    plain = [at for at, name in log if name == "plain"]
    assert reports == pytest.approx([0, 6, 12], abs=0.11)
    assert plain[-1] == pytest.approx(10.1, abs=0.11)


@virtual_time
async def test_nothing_is_spent_on_one_budget_while_another_is_waited_for() -> None:
    requests, reports = Every(0.1), Every(6)
    budgets = without_bounds({"requests": requests, "reports": reports})
    log: list[tuple[float, object]] = []
    await asyncio.gather(*(one(budgets, ("requests", "reports"), log, name) for name in range(2)))
    assert [at for at, _ in log] == [0, 6]
    assert requests.tally.sent == reports.tally.sent == 2
    assert requests.next - START == pytest.approx(6.1)


@virtual_time
async def test_the_one_who_waits_for_both_is_not_starved_by_many_who_need_one() -> None:
    budgets = without_bounds({"requests": Every(0.1), "reports": Every(6)})
    log: list[tuple[float, object]] = []

    async def forever() -> None:
        while True:
            await one(budgets, ("requests",), log, "plain")

    crowd = [asyncio.create_task(forever()) for _ in range(50)]
    await asyncio.sleep(1)
    for _ in range(4):
        await one(budgets, ("requests", "reports"), log, "report")
    for task in crowd:
        task.cancel()
    reports = [at for at, name in log if name == "report"]
    # The first waits for those who came before it; the others come as soon as a report may.
    assert reports == pytest.approx([reports[0] + 6 * number for number in range(4)], abs=0.5 + 50 * 0.1)
    assert reports[0] < 7


@virtual_time
async def test_sets_take_turns_at_what_they_share() -> None:
    """Who needs a scarce budget besides does not wait for all who came before it for the wide one alone."""
    budgets = without_bounds({"requests": Every(1), "reports": Every(4)})
    log: list[tuple[float, object]] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(one(budgets, ("requests",), log, "plain"))
        await asyncio.sleep(0.5)
        for _ in range(3):
            group.create_task(one(budgets, ("requests", "reports"), log, "report"))
    assert [at for at, name in log if name == "report"] == [2, 6, 10]


@virtual_time
async def test_a_set_that_was_idle_has_no_turn_before_those_who_wait() -> None:
    budgets = without_bounds({"requests": Every(1), "other": Every(0)})
    log: list[tuple[float, object]] = []
    await one(budgets, ("requests",), log, "first")
    async with asyncio.TaskGroup() as group:
        await asyncio.sleep(0.2)
        group.create_task(one(budgets, ("requests", "other"), log, "earlier"))
        await asyncio.sleep(0.2)
        group.create_task(one(budgets, ("requests",), log, "later"))
    assert log == [(0, "first"), (1, "earlier"), (2, "later")]


@virtual_time
async def test_nothing_is_spent_before_there_is_room() -> None:
    limiter, places = Every(0), Places(2)
    budgets = Budgets({"requests": limiter}, lambda _: places)
    first, second = [await budgets.acquire(("requests",)) for _ in range(2)]
    waiting = [asyncio.create_task(budgets.acquire(("requests",))) for _ in range(3)]
    await asyncio.sleep(1)
    assert (limiter.tally.sent, places.number) == (2, 0)
    first.answered(200, {})
    second.abandoned()
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, True, False]
    assert (limiter.tally.sent, places.number) == (4, 0)
    waiting[2].cancel()
    for task in waiting[:2]:
        with await task:
            pass
    assert places.number == 2


@virtual_time
async def test_a_full_room_holds_nobody_of_another_set_up() -> None:
    rooms = {("a",): Places(1), ("a", "b"): Places(1)}
    budgets = Budgets({"a": Every(0), "b": Every(0)}, rooms.__getitem__)
    await budgets.acquire(("a",))
    waiting = asyncio.create_task(budgets.acquire(("a",)))
    await asyncio.sleep(1)
    async with asyncio.timeout(1):
        await budgets.acquire(("a", "b"))
    assert not waiting.done()
    waiting.cancel()


@virtual_time
async def test_who_is_not_wanted_any_more_spends_nothing_and_holds_nobody_up() -> None:
    limiter = Every(10)
    budgets = without_bounds({"requests": limiter})
    log: list[tuple[float, object]] = []
    await one(budgets, ("requests",), log, "first")
    withdrawn = [asyncio.create_task(budgets.acquire(("requests",), lambda: clock() < 5)) for _ in range(3)]
    await one(budgets, ("requests",), log, "last")
    assert log == [(0, "first"), (10, "last")]
    for task in withdrawn:
        with pytest.raises(Withdrawn):
            await task
    with pytest.raises(Withdrawn):
        await without_bounds({}).acquire((), lambda: False)
    assert limiter.tally.sent == 2


@virtual_time
async def test_all_who_fit_start_in_the_same_turn_of_the_loop() -> None:
    """One turn for each would leave places empty while the loop is busy with answers."""
    places = Places(50)
    budgets = Budgets({}, lambda _: places)
    for _ in range(50):
        await budgets.acquire(())
    started: list[int] = []
    turn = 0

    async def start() -> None:
        await budgets.acquire(())
        started.append(turn)

    waiting = [asyncio.create_task(start()) for _ in range(80)]
    await asyncio.sleep(1)
    assert not started
    places.number = 50
    budgets.pump()
    for turn in range(1, 5):  # noqa: B007 - the tasks note it
        await asyncio.sleep(0)
    assert len(started) == 50
    assert len(set(started)) == 1
    for task in waiting:
        task.cancel()


@virtual_time
async def test_who_is_cancelled_while_waiting_has_spent_nothing() -> None:
    limiter = Every(10)
    budgets, log = without_bounds({"requests": limiter}), list[tuple[float, object]]()
    await one(budgets, ("requests",), log, "first")
    waiting = [asyncio.create_task(one(budgets, ("requests",), log, name)) for name in range(3)]
    await asyncio.sleep(1)
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.wait(waiting)
    assert log == [(0, "first"), (10, 2)]
    assert (limiter.tally.sent, limiter.flying) == (2, set())


@virtual_time
async def test_who_is_cancelled_in_the_moment_of_admission_gives_it_back() -> None:
    """The timer grants the permit, and before the task runs again it is cancelled."""
    loop = asyncio.get_running_loop()
    limiter = Every(10)
    budgets, log = without_bounds({"requests": limiter}), list[tuple[float, object]]()
    await one(budgets, ("requests",), log, "first")
    task = asyncio.create_task(one(budgets, ("requests",), log, "never"))
    loop.call_at(START + 10 + 1e-8, task.cancel)  # in the same turn of the loop, after the timer
    await asyncio.wait([task])
    assert task.cancelled()
    assert log == [(0, "first")]
    assert (limiter.flying, limiter.given_back) == (set(), 1)


@virtual_time
async def test_an_error_while_sending_ends_the_request() -> None:
    limiter = Every(1)
    budgets = without_bounds({"requests": limiter})
    with pytest.raises(ConnectionError), await budgets.acquire(("requests",)):
        raise ConnectionError
    assert (limiter.flying, limiter.given_back) == (set(), 0)


@virtual_time
async def test_an_answer_wakes_those_who_can_only_be_woken_by_it() -> None:
    budgets = without_bounds({"reports": build(RollingWindow(limit=100, seconds=60, at_once=1))})
    ends: list[float] = []

    async def report() -> None:
        with await budgets.acquire(("reports",)) as permit:
            await asyncio.sleep(3)
            permit.answered(200, {})
        ends.append(clock())

    await asyncio.gather(*(report() for _ in range(4)))
    assert ends == [3, 6, 9, 12]


def test_ten_thousand_waiters_cost_nothing() -> None:
    """Work is counted, not timed: the limiter is asked a few times per request, however many wait."""
    limiter = Every(0.01)

    async def main() -> float:
        budgets, log = without_bounds({"requests": limiter}), list[tuple[float, object]]()
        tasks = [asyncio.create_task(one(budgets, ("requests",), log, name)) for name in range(10_000)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        joined = limiter.asked
        await asyncio.sleep(1.0)
        assert limiter.asked - joined < 5 * 101
        assert len(log) == 101
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        assert [name for _, name in log] == sorted(name for _, name in log)  # type: ignore[type-var]
        return clock()

    assert run(main()) == pytest.approx(101 * 0.01 + 4_950 * 0.01, abs=1)


@virtual_time
async def test_random_cancellations_lose_no_place_and_leak_no_ticket() -> None:
    dice = random.Random(7)
    limiter = Every(0.05)
    budgets, log = without_bounds({"requests": limiter}), list[tuple[float, object]]()

    async def impatient(name: int) -> None:
        try:
            async with asyncio.timeout(dice.random() * 20):
                await one(budgets, ("requests",), log, name)
        except TimeoutError:
            pass

    await asyncio.gather(*(impatient(name) for name in range(500)))
    assert limiter.flying == set()
    times = [at for at, _ in log]
    assert all(later - earlier == pytest.approx(0.05) for earlier, later in itertools.pairwise(times))


@virtual_time
async def test_a_real_limiter_and_a_real_queue_keep_a_real_vendor_happy() -> None:
    """Tasks, timers, stalls of the loop and a vendor that counts by the clock, all together."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    dice = random.Random(3)
    limiter: Limiter = build(StatedSecond(limit=10, limit_header="l", remaining_header="r"))
    budgets = without_bounds({"requests": limiter})
    used: dict[int, int] = {}
    refused = 0

    async def request() -> None:
        nonlocal refused
        with await budgets.acquire(("requests",)) as permit:
            await asyncio.sleep(0.04 + dice.random() * 0.02)
            second = int(loop.time() + 0.4)
            used[second] = used.get(second, 0) + 1
            left = 10 - used[second]
            refused += left < 0
            if dice.random() < 0.1:
                loop.stall(dice.random() * 0.05)
            await asyncio.sleep(0.04 + dice.random() * 0.02)
            permit.answered(200 if left >= 0 else 429, {"l": "10", "r": str(max(0, left))})

    async with asyncio.TaskGroup() as group:
        for _ in range(900):
            group.create_task(request())
    assert refused == 0
    assert limiter.tally.sent == 900
    assert clock() < 900 / 10 / 0.98 + 3


@virtual_time
async def test_a_429_is_put_down_to_the_narrowest_budget() -> None:
    """Reports that are refused must not make the limit of everything else look smaller."""
    wide = build(StatedSecond(limit=10, limit_header="l", remaining_header="r"))
    narrow = build(RollingWindow(limit=10, seconds=60, at_once=2))
    budgets = without_bounds({"requests": wide, "reports": narrow})
    for _ in range(3):
        (await budgets.acquire(("requests",))).answered(200, {})
    before = wide.rate
    (await budgets.acquire(("requests", "reports"))).answered(429, {})
    assert wide.rate == before
    assert (wide.tally.refused, wide.tally.pauses) == (0, 0)
    assert (narrow.tally.refused, narrow.tally.pauses) == (1, 1)


# ── quotas ──────────────────────────────────────────────────────────────────────────────────


def weekly(limit: int) -> Limiter:
    return in_midweek(WeeklyQuota(limit=limit, keep=0, spent_text="Limit Exceeded"), Paper())


@virtual_time
async def test_everybody_who_waits_for_a_spent_quota_hears_of_it() -> None:
    """Also those who wait for a second budget first; those who need only that go on."""
    budgets, log = without_bounds({"requests": Every(1), "weekly": weekly(3)}), list[tuple[float, object]]()
    both = [asyncio.create_task(one(budgets, ("requests", "weekly"), log, name)) for name in range(10)]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert log == [(0.0, 0), (1.0, 1), (2.0, 2)]
    assert [type(result) for result in results[3:]] == [QuotaSpent] * 7
    await one(budgets, ("requests",), log, "later")
    assert log[-1] == (3.0, "later")


@virtual_time
async def test_who_is_cancelled_when_a_quota_is_spent_is_cancelled() -> None:
    """Both happen in the same turn of the loop."""
    book = Paper()
    book.busy = 1
    budgets = without_bounds({"weekly": in_midweek(WeeklyQuota(limit=0, keep=0), book)})
    waiting = asyncio.create_task(budgets.acquire(("weekly",)))
    asyncio.get_running_loop().call_later(BUSY_S + 1e-8, waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert book.asked == 2


@pytest.mark.parametrize("names", [("requests", "weekly"), ("weekly", "requests")])
@virtual_time
async def test_a_429_is_put_down_to_a_quota_only_if_it_says_so(names: tuple[str, ...]) -> None:
    requests, quota = build(StatedSecond(limit=10)), weekly(100)
    budgets = without_bounds({"requests": requests, "weekly": quota})
    (await budgets.acquire(names)).answered(429, {}, b'{"message":"Too Many Requests"}')
    assert requests.tally.refused == 1
    (await budgets.acquire(names)).answered(429, {}, b'{"message":"Limit Exceeded"}')
    assert requests.tally.refused == 1
    with pytest.raises(QuotaSpent):
        await budgets.acquire(names)


@virtual_time
async def test_a_429_to_a_request_that_only_a_quota_counts_passes() -> None:
    budgets = without_bounds({"weekly": weekly(100)})
    (await budgets.acquire(("weekly",))).answered(429, {}, b"")
    (await budgets.acquire(("weekly",))).answered(200, {}, b"")
