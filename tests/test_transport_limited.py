"""Budgets before every attempt, places in flight, and who is told what; on the virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from random import Random

import pytest
from clock import virtual_time
from paper import Paper, in_midweek

from extractor.errors import QuotaSpent, StorageError, TransportError, UnsafePath
from extractor.limits import Limiter, Tally, Withdrawn, build
from extractor.model import Request, Response, RollingWindow, StatedSecond, WeeklyQuota
from extractor.transport.limited import Limited
from extractor.transport.retrying import Retrying


def now() -> float:
    return asyncio.get_running_loop().time()


def request(*budgets: str, path: str = "/x") -> Request:
    return Request(endpoint="things", path=path, budgets=budgets, accept=lambda _response: None)


class Wire:
    """Answers after a while and keeps a record."""

    def __init__(self, answer: Callable[[Request], Response | Exception | int] = lambda _request: 200) -> None:
        self.answer = answer
        self.latency = 0.1
        self.times: list[float] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    async def send(self, request: Request) -> Response:
        self.times.append(now())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        said = self.answer(request)
        if isinstance(said, Exception):
            raise said
        return Response(status=said, headers={}) if isinstance(said, int) else said

    async def close(self) -> None:
        self.closed = True


class Recorder:
    """A limiter that lets one pass every `gap` seconds and writes down what it is told."""

    def __init__(self, *, gap: float = 0.0, rate: float = 1000.0) -> None:
        self.rate = rate
        self.gap = gap
        self.next = 0.0
        self.told: list[tuple[str, int]] = []
        self.begun: list[float] = []
        self.started = 0
        self.tally = Tally()

    def wait(self, now: float) -> float:
        return max(0.0, self.next - now)

    def start(self, now: float) -> int:
        self.next = max(self.next, now) + self.gap
        self.started += 1
        return self.started

    def began(self, ticket: int, now: float) -> None:
        assert ticket
        self.begun.append(now)

    def answered(self, ticket: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        assert ticket
        assert now
        assert headers is not None
        self.told.append(("answered", status))

    def abandoned(self, ticket: int, now: float, *, sent: bool = True) -> None:
        assert ticket
        assert now
        self.told.append(("abandoned", int(sent)))


async def many(transport: Limited, count: int, *budgets: str) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(transport.send(request(*budgets)))


@virtual_time
async def test_each_budget_of_a_request_is_asked_and_told() -> None:
    first, second, third = Recorder(), Recorder(), Recorder()
    transport = Limited(Wire(lambda _request: 404), {"a": first, "b": second, "c": third})
    await transport.send(request("a", "b"))
    assert first.told == second.told == [("answered", 404)]
    assert third.started == 0


@virtual_time
async def test_the_next_start_in_the_same_turn_of_the_loop_as_answers_come() -> None:
    """One for each turn would leave places empty while the loop is busy with answers."""
    waves: list[int] = []

    class Together(Wire):
        async def send(self, request: Request) -> Response:
            if not waves:
                waves.append(0)
            if not waves[-1]:
                # Counted until the loop's next turn.
                asyncio.get_running_loop().call_soon(waves.append, 0)
            waves[-1] += 1
            return await super().send(request)

    transport = Limited(Together(), {}, most=20)
    # Slow start, so that all 20 places are there.
    await many(transport, 200)
    waves.clear()
    await many(transport, 40)
    assert max(waves) == 20
    assert len([wave for wave in waves if wave]) <= 4


@virtual_time
async def test_fewer_are_let_out_when_no_answers_come() -> None:
    wire = Wire()
    transport = Limited(wire, {}, most=64)
    await many(transport, 500)
    before = transport.width(())
    wire.answer = lambda _request: TransportError("gone", kind="reset")
    with pytest.raises(TransportError):
        await transport.send(request())
    assert transport.width(()) < before


@virtual_time
async def test_headers_reach_the_limiter() -> None:
    """A limit that an answer states holds for the next request."""
    limiter = build(StatedSecond(limit=100.0, limit_header="limit", remaining_header="left"))
    wire = Wire(lambda _request: Response(status=200, headers={"limit": "4", "left": "3"}))
    transport = Limited(wire, {"a": limiter})
    await many(transport, 21, "a")
    assert limiter.rate <= 4.0
    assert wire.times[-1] - wire.times[0] >= 4.0


@virtual_time
async def test_the_beginning_of_an_answer_reaches_the_limiter_before_its_end() -> None:
    class Slowly(Wire):
        async def send(self, request: Request) -> Response:
            response = await super().send(request)
            request.begun()
            await asyncio.sleep(5.0)
            assert not limiter.told
            return response

    limiter = Recorder()
    await Limited(Slowly(), {"a": limiter}).send(request("a"))
    assert limiter.begun == [pytest.approx(now() - 5.0)]
    assert limiter.told == [("answered", 200)]


@pytest.mark.parametrize("failure", [TransportError("reset"), RuntimeError("bug")])
@virtual_time
async def test_without_an_answer_the_budget_stays_spent(failure: Exception) -> None:
    limiter = Recorder()
    transport = Limited(Wire(lambda _request: failure), {"a": limiter})
    with pytest.raises(type(failure)):
        await transport.send(request("a"))
    assert limiter.told == [("abandoned", 1)]
    assert transport.in_flight == 0


@virtual_time
async def test_what_never_left_is_given_back() -> None:
    limiter = Recorder()
    transport = Limited(Wire(lambda _request: UnsafePath("x")), {"a": limiter})
    with pytest.raises(UnsafePath):
        await transport.send(request("a"))
    assert limiter.told == [("abandoned", 0)]


@virtual_time
async def test_a_cancelled_request_counts_as_sent_and_frees_its_place() -> None:
    limiter = Recorder()
    transport = Limited(Wire(), {"a": limiter}, most=1)
    task = asyncio.create_task(transport.send(request("a")))
    await asyncio.sleep(0.05)
    assert transport.in_flight == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transport.in_flight == 0
    assert limiter.told == [("abandoned", 1)]
    assert (await transport.send(request("a"))).status == 200


@virtual_time
async def test_cancelled_while_waiting_it_takes_nothing() -> None:
    limiter = Recorder(gap=10.0)
    transport = Limited(Wire(), {"a": limiter})
    await transport.send(request("a"))
    tasks = [asyncio.create_task(transport.send(request("a"))) for _ in range(3)]
    await asyncio.sleep(1)
    tasks[0].cancel()
    tasks[1].cancel()
    began = now()
    await tasks[2]
    assert limiter.started == 2
    assert now() - began < 10


@virtual_time
async def test_every_attempt_passes_the_budget() -> None:
    """Retries included: six attempts take six turns."""
    limiter = Recorder(gap=1.0)
    wire = Wire(lambda _request: 503 if 2 <= len(wire.times) <= 6 else 200)
    transport = Retrying(Limited(wire, {"a": limiter}), vendor="acme", base_url="https://h.example", random=Random(1))
    await transport.send(request("a"))
    await transport.send(request("a"))
    assert limiter.started == len(wire.times) == 7
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(wire.times))


@virtual_time
async def test_in_flight_follows_from_rate_and_latency() -> None:
    """At 10 a second and 2 s each: 32 at most, of which about 20 are needed; the budget is used whole."""
    limiter = Recorder(gap=0.1, rate=10.0)
    wire = Wire()
    wire.latency = 2.0
    transport = Limited(wire, {"a": limiter})
    await many(transport, 300, "a")
    assert wire.most_in_flight <= 32
    assert wire.times[-1] - wire.times[100] == pytest.approx(19.9, rel=0.02)


@virtual_time
async def test_the_width_leaves_enough_at_hand() -> None:
    """More than may be in flight, and it grows with the latency."""
    wire = Wire()
    transport = Limited(wire, {"a": Recorder(gap=0.1, rate=10.0)})
    before = transport.width(("a",))
    wire.latency = 2.0
    await many(transport, 100, "a")
    assert before < 30
    assert transport.width(("a",)) > 1.5 * wire.most_in_flight


@virtual_time
async def test_waiting_for_the_budget_needs_no_place() -> None:
    limiter = Recorder(gap=60.0, rate=1 / 60)
    wire = Wire()
    transport = Limited(wire, {"a": limiter}, most=1)
    tasks = [asyncio.create_task(transport.send(request("a"))) for _ in range(3)]
    await asyncio.sleep(30)
    assert transport.in_flight == 0
    await asyncio.gather(*tasks)


@virtual_time
async def test_no_budget_is_held_while_waiting_for_a_place() -> None:
    """Or requests that were admitted one by one would go out together."""
    limiter = Recorder(gap=0.01, rate=100.0)
    wire = Wire()
    wire.latency = 5.0
    transport = Limited(wire, {"a": limiter}, most=4)
    task = asyncio.create_task(many(transport, 40, "a"))
    for _ in range(40):
        await asyncio.sleep(1.3)
        assert limiter.started == len(wire.times)
        assert wire.in_flight <= 4
    await task


@virtual_time
async def test_a_slow_budget_holds_no_other_up() -> None:
    """Reports wait for minutes; the other requests go on."""
    limiters = {"requests": Recorder(), "reports": Recorder(gap=60.0, rate=1 / 60)}
    transport = Limited(Wire(), limiters)
    reports = asyncio.create_task(many(transport, 5, "requests", "reports"))
    await asyncio.sleep(1)
    began = now()
    await many(transport, 100, "requests")
    assert now() - began < 5
    await reports
    assert now() - began > 200


@virtual_time
async def test_a_429_pauses_everybody_once() -> None:
    limiter = build(RollingWindow(limit=10, seconds=1.0, at_once=50))
    wire = Wire(
        lambda _request: (
            Response(status=429, headers={"retry-after": "20"})
            if len(wire.times) == 30
            else Response(status=200, headers={})
        )
    )
    wire.latency = 0.0
    transport = Limited(wire, {"a": limiter})
    await many(transport, 60, "a")
    gaps = [later - earlier for earlier, later in zip(wire.times, wire.times[1:], strict=False)]
    assert max(gaps) >= 20
    assert sum(gap > 5 for gap in gaps) == 1


@virtual_time
async def test_without_budgets_it_finds_its_level() -> None:
    """A vendor that fails everything beyond 20 at once is left at about that."""
    wire = Wire(lambda _request: 503 if wire.in_flight >= 20 else 200)
    transport = Limited(wire, {})

    async def worker() -> None:
        for _ in range(50):
            await transport.send(request())

    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(worker())
    rate = 2_000 / (wire.times[-1] - wire.times[-2_000])
    assert rate > 0.6 * 20 / 0.1
    assert wire.most_in_flight <= 40


@pytest.mark.parametrize("latency", [0.02, 0.3, 1.0])
@virtual_time
async def test_a_stated_rate_is_used_whole_at_any_latency(latency: float) -> None:
    """With the real limiter, before a vendor that counts by its own clock's seconds and refuses nothing unjustly."""
    counts: dict[int, int] = {}

    def answer(_request: Request) -> Response:
        second = int(now() + 0.37)
        counts[second] = counts.get(second, 0) + 1
        left = str(max(0, 10 - counts[second]))
        return Response(status=200 if counts[second] <= 10 else 429, headers={"limit": "10", "left": left})

    limiter: Limiter = build(StatedSecond(limit=10.0, limit_header="limit", remaining_header="left"))
    wire = Wire(answer)
    wire.latency = latency
    transport = Limited(wire, {"a": limiter})
    await many(transport, 1_000, "a")
    assert wire.times[-1] - wire.times[0] <= 1_000 / 10 / 0.9 + 5 * latency
    assert limiter.tally.refused <= 10


@virtual_time
async def test_an_unknown_budget_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="b"):
        await Limited(Wire(), {"a": Recorder()}).send(request("b"))


@virtual_time
async def test_closing_reaches_the_wire() -> None:
    wire = Wire()
    await Limited(wire, {}).close()
    assert wire.closed


@virtual_time
async def test_what_is_not_wanted_any_more_when_its_turn_comes_is_not_sent() -> None:
    """Of 50 that wait for the budget none goes out, the first neither."""
    wire = Wire()
    transport = Limited(wire, {"a": build(RollingWindow(limit=1, seconds=10, at_once=1))})
    wanted = True
    await transport.send(request("a"))
    waiting = [asyncio.create_task(transport.send(replace(request("a"), wanted=lambda: wanted))) for _ in range(50)]
    await asyncio.sleep(1)
    wanted = False
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {Withdrawn}
    assert len(wire.times) == 1


@virtual_time
async def test_an_outage_costs_what_is_in_flight_and_a_probe_now_and_then() -> None:
    """All that waits for the budget when the vendor goes away stays where it is."""
    wire = Wire(lambda _request: TransportError("gone", kind="reset") if 10 <= now() - began < 70 else 200)
    limited = Limited(wire, {"a": build(StatedSecond(limit=10))})
    transport = Retrying(limited, vendor="acme", base_url="https://h.example", random=Random(1))
    began = now()
    work = iter(range(500))

    async def worker() -> None:
        for number in work:
            assert (await transport.send(request("a", path=f"/{number}"))).status == 200

    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(worker())
    during = sum(10 <= at + wire.latency - began < 70 for at in wire.times)
    # Seven failures are an outage; two more may be out. Then six probes.
    assert during <= 7 + 2 + 6
    # The probe that finds it back is one more.
    assert len(wire.times) == 500 + during + 1


# ── quotas ──────────────────────────────────────────────────────────────────────────────────

WEEK = WeeklyQuota(limit=100, keep=0, spent_text="Limit Exceeded")


@virtual_time
async def test_a_spent_quota_ends_all_that_wait_and_nothing_more_is_sent() -> None:
    wire = Wire()
    transport = Limited(wire, {"a": build(StatedSecond(limit=50)), "week": in_midweek(WEEK, Paper())})
    results = await asyncio.gather(*(transport.send(request("a", "week")) for _ in range(150)), return_exceptions=True)
    assert [type(result) for result in results] == [Response] * 100 + [QuotaSpent] * 50
    assert len(wire.times) == 100
    assert (await transport.send(request("a"))).status == 200


@virtual_time
async def test_the_vendors_word_that_the_quota_is_spent_ends_retrying() -> None:
    """Not one more request is made, and the other budget hears nothing of the refusal."""
    limiter = build(StatedSecond(limit=50))
    wire = Wire(lambda _request: Response(status=429, headers={}, body=b'{"message":"Limit Exceeded"}'))
    limited = Limited(wire, {"a": limiter, "week": in_midweek(WEEK, Paper(), name="week")})
    transport = Retrying(limited, vendor="acme", base_url="https://h.example", random=Random(1))
    for _ in range(3):
        with pytest.raises(QuotaSpent) as caught:
            await transport.send(request("a", "week"))
        assert caught.value.budget == "week"
    assert len(wire.times) == 1
    assert limiter.tally.refused == 0


@virtual_time
async def test_a_quota_alone_limits_no_speed() -> None:
    transport = Limited(Wire(), {"week": in_midweek(WEEK, Paper())})
    began = now()
    await many(transport, 100, "week")
    assert now() - began < 5
    assert transport.width(("week",)) > 8


@virtual_time
async def test_closing_gives_back_what_a_quota_has_booked() -> None:
    """Several transports may close the one that they share."""
    paper = Paper()
    transport = Limited(Wire(), {"a": Recorder(), "week": in_midweek(WEEK, paper)})
    await many(transport, 3, "a", "week")
    assert sum(paper.taken.values()) > 3
    await transport.close()
    await transport.close()
    assert sum(paper.taken.values()) == 3


@virtual_time
async def test_a_book_that_can_not_be_written_leaves_no_connection_open() -> None:
    class Torn(Paper):
        def give_back(self, week: datetime, count: int) -> None:
            raise StorageError(f"{count} requests of {week} stay booked")

    wire = Wire()
    transport = Limited(wire, {"week": in_midweek(WEEK, Torn())})
    await transport.send(request("week"))
    with pytest.raises(StorageError):
        await transport.close()
    assert wire.closed


@virtual_time
async def test_a_book_that_can_not_be_read_fails_all_who_wait() -> None:
    class Lost(Paper):
        def reserve(self, week: datetime, wanted: int, most: int) -> tuple[int, int] | None:
            raise StorageError(f"{wanted} of {most} for {week} can't be booked")

    transport = Limited(Wire(), {"week": in_midweek(WEEK, Lost())})
    results = await asyncio.gather(*(transport.send(request("week")) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [StorageError] * 5
