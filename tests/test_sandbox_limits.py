"""The vendor's side of limits, and who used how much of them, on a clock made of numbers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox.limits import Allowance, Organisation, Rolling, Tempo, Verdict
from extractor.sandbox.statistics import Statistics, budget_use

START = 1_700_000_000.0
TEN = Allowance(per_second=10)
steps = st.lists(st.floats(0, 0.7, allow_nan=False), min_size=1, max_size=200)


def instants(pauses: list[float]) -> list[float]:
    now, found = START, []
    for pause in pauses:
        now += pause
        found.append(now)
    return found


@given(steps, st.integers(1, 20))
def test_no_second_of_the_wall_clock_lets_more_through_than_the_limit(pauses: list[float], limit: int) -> None:
    organisation = Organisation(Allowance(per_second=limit), tempo=Tempo())
    passed: Counter[int] = Counter()
    for now in instants(pauses):
        verdict = organisation.arrive(now)
        assert verdict.allowed == (passed[int(now)] < limit)
        passed[int(now)] += verdict.allowed
        assert verdict.remaining == limit - passed[int(now)]


@given(steps, st.integers(1, 20))
def test_no_stretch_of_time_lets_more_through_a_bucket_than_it_holds_and_leaks(pauses: list[float], limit: int) -> None:
    organisation = Organisation(Allowance(per_second=limit), tempo=Tempo(), bucket=True)
    passed = [now for now in instants(pauses) if organisation.arrive(now).allowed]
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], start=1):
            assert count <= limit + (end - start) * limit + 1e-5


def test_a_bucket_lets_a_burst_through_and_then_what_leaks() -> None:
    organisation = Organisation(TEN, tempo=Tempo(), bucket=True)
    assert [organisation.arrive(START).allowed for _ in range(11)] == [True] * 10 + [False]
    assert organisation.arrive(START + 0.25).remaining == 1
    assert [organisation.arrive(START + 0.25).allowed for _ in range(2)] == [True, False]


@given(steps, st.integers(1, 5), st.integers(2, 20))
def test_a_bucket_of_several_seconds_holds_no_more_and_leaks_no_faster(
    pauses: list[float], rate: int, burst: int
) -> None:
    organisation = Organisation(Allowance(per_second=rate, burst=burst), tempo=Tempo())
    passed = []
    for now in instants(pauses):
        verdict = organisation.arrive(now)
        assert verdict.limit == rate * burst
        passed += [now] * verdict.allowed
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], start=1):
            assert count <= rate * burst + (end - start) * rate + 1e-5


def test_a_vendor_with_a_bucket_of_its_own_keeps_it() -> None:
    """Gorgias: forty at once, then two a second; whichever rule the options choose for others."""
    for bucket in (False, True):
        organisation = Organisation(Allowance(per_second=2, burst=20), tempo=Tempo(), bucket=bucket)
        verdicts = [organisation.arrive(START) for _ in range(41)]
        assert [verdict.allowed for verdict in verdicts] == [True] * 40 + [False]
        assert [verdict.remaining for verdict in verdicts] == [*range(39, -1, -1), 0]
        assert [organisation.arrive(START + 1).allowed for _ in range(3)] == [True, True, False]


def test_the_factor_changes_a_bucket_in_rate_and_size() -> None:
    """Below one request a second too, so that tests of a slow vendor may be slower still."""
    tempo = Tempo()
    organisation = Organisation(Allowance(per_second=2, burst=20), tempo=tempo)
    organisation.arrive(START)
    tempo.scale = 0.25
    assert organisation.arrive(START + 60).limit == 10
    assert organisation.rate(START + 60) == 0.5


allowances = st.builds(
    Allowance,
    per_second=st.integers(1, 5),
    burst=st.none() | st.integers(1, 4),
    weekly=st.none() | st.integers(1, 30),
)


@given(steps, allowances, st.booleans())
def test_one_may_pass_when_the_wait_is_over_and_none_before(
    pauses: list[float], allowance: Allowance, bucket: bool
) -> None:
    def fresh() -> Organisation:
        organisation = Organisation(allowance, tempo=Tempo(), bucket=bucket)
        for now in moments:
            organisation.arrive(now)
        return organisation

    moments = instants(pauses)
    last = Organisation(allowance, tempo=Tempo(), bucket=bucket)
    verdict = [last.arrive(now) for now in moments][-1]
    assert (verdict.wait == 0) == (verdict.remaining > 0)
    assert fresh().arrive(moments[-1] + verdict.wait + 1e-5).allowed
    if verdict.wait > 1e-4:
        assert not fresh().arrive(moments[-1] + verdict.wait - 1e-4).allowed


@given(st.floats(0, 700_000), st.lists(st.floats(0, 200_000), max_size=60), st.integers(1, 10))
def test_no_week_from_sunday_to_sunday_lets_more_through_than_its_quota(
    start: float, pauses: list[float], weekly: int
) -> None:
    organisation = Organisation(Allowance(per_second=10, weekly=weekly), tempo=Tempo(100))
    passed: Counter[tuple[int, int]] = Counter()
    now = START + start
    for pause in pauses:
        now += pause
        # An ISO week begins on Monday.
        year, week, _ = (datetime.fromtimestamp(now, UTC) + timedelta(days=1)).isocalendar()
        verdict = organisation.arrive(now)
        assert verdict.allowed == (passed[year, week] < weekly) == (not verdict.quota_spent)
        passed[year, week] += verdict.allowed
        assert verdict.remaining == min(1000 - 1, weekly - passed[year, week])


def test_a_week_that_is_spent_says_how_long_it_lasts() -> None:
    saturday = datetime(2026, 2, 28, 23, 59, 30, tzinfo=UTC).timestamp()
    organisation = Organisation(Allowance(per_second=10, weekly=2), tempo=Tempo())
    verdicts = [organisation.arrive(saturday) for _ in range(3)]
    assert [(each.allowed, each.quota_spent, each.remaining) for each in verdicts] == [
        (True, False, 1),
        (True, False, 0),
        (False, True, 0),
    ]
    assert verdicts[-1].wait == 30
    assert organisation.arrive(saturday + 30).allowed


def test_what_a_second_refuses_does_not_use_the_week_up() -> None:
    organisation = Organisation(Allowance(per_second=1, weekly=2), tempo=Tempo())
    assert [organisation.arrive(START).allowed for _ in range(9)].count(True) == 1
    verdict = organisation.arrive(START + 1)
    assert (verdict.allowed, verdict.remaining) == (True, 0)


def test_the_neighbour_uses_the_week_up_as_well() -> None:
    organisation = Organisation(Allowance(per_second=10, weekly=50), tempo=Tempo(), neighbour=0.5, seed=3)
    organisation.arrive(START)
    assert organisation.arrive(START + 60).quota_spent
    assert sum(second.neighbour for second in organisation.seconds.values()) == 49


def test_a_wait_is_rounded_up_for_a_header_and_never_none() -> None:
    waits = (0, 0.2, 1, 1.1)
    verdicts = [Verdict(allowed=False, limit=1, remaining=0, wait=wait) for wait in waits]
    assert [verdict.retry_after for verdict in verdicts] == [1, 1, 1, 2]


def test_a_refused_request_does_not_use_the_budget_up() -> None:
    organisation = Organisation(Allowance(per_second=2), tempo=Tempo())
    assert [organisation.arrive(START).allowed for _ in range(50)].count(True) == 2
    assert organisation.arrive(START + 1).allowed
    assert organisation.seconds[int(START)].refused == 48


def test_the_limit_changes_at_set_times_after_the_first_request_and_on_demand() -> None:
    tempo = Tempo(1, [(5, 0.5), (10, 4)])
    organisation = Organisation(TEN, tempo=tempo)
    assert [organisation.arrive(START + after).limit for after in (0, 4.9, 5, 9.9, 10)] == [10, 10, 5, 5, 20]
    tempo.scale = 0.001
    assert organisation.arrive(START + 20).limit == 1


def test_the_neighbour_asks_for_its_share() -> None:
    organisation = Organisation(TEN, tempo=Tempo(), neighbour=0.4, seed=7)
    for second in range(2_000):
        organisation.arrive(START + second)
    taken = [second.neighbour for second in organisation.seconds.values()][:-1]
    assert sum(taken) / len(taken) == pytest.approx(4, rel=0.05)
    assert len(set(taken)) > 5


def test_the_neighbour_is_judged_like_anybody() -> None:
    """A client that asks for the whole budget finds a part of it used, and takes some of the neighbour's."""
    organisation = Organisation(TEN, tempo=Tempo(), neighbour=0.4, seed=7)
    for tenth in range(2_000):
        organisation.arrive(START + tenth / 10)
    seconds = list(organisation.seconds.values())[1:-1]
    assert all(second.used + second.neighbour <= 10 for second in seconds)
    assert 1 < sum(second.neighbour for second in seconds) / len(seconds) < 4
    assert sum(second.refused for second in seconds) > 0


def test_the_neighbour_is_the_same_for_the_same_seed() -> None:
    def takes(seed: int) -> list[int]:
        organisation = Organisation(TEN, tempo=Tempo(), neighbour=0.5, seed=seed)
        organisation.arrive(START)
        organisation.arrive(START + 30)
        return [second.neighbour for second in organisation.seconds.values()]

    assert takes(1) == takes(1) != takes(2)


@given(st.lists(st.tuples(st.floats(0, 20, allow_nan=False), st.booleans()), max_size=100))
def test_a_rolling_limit_holds_for_every_minute_and_for_requests_in_flight(moves: list[tuple[float, bool]]) -> None:
    rolling = Rolling(base=10, seconds=60, at_once=2, tempo=Tempo())
    now, in_flight = START, 0
    entered: list[float] = []
    for pause, leave in moves:
        now += pause
        if leave and in_flight:
            rolling.leave()
            in_flight -= 1
        recent = [at for at in entered if at > now - 60]
        assert rolling.enter(now) == (len(recent) < 10 and in_flight < 2)
        if len(recent) < 10 and in_flight < 2:
            entered.append(now)
            in_flight += 1


def test_limits_scale_but_never_below_one() -> None:
    rolling = Rolling(base=10, seconds=60, at_once=2, tempo=Tempo(0.01))
    assert rolling.enter(START)
    assert not rolling.enter(START)


# ── who used how much ───────────────────────────────────────────────────────────────────────


def share(organisation: Organisation) -> float | None:
    use: dict[str, Any] = budget_use(Statistics(), {"only": organisation})
    assert use["share_used"] == use["budgets"]["only"]["share_used"]
    found: float | None = use["share_used"]
    return found


def served(allowance: Allowance, gap: float, seconds: int) -> Organisation:
    """A budget after a client that asks again and again, every `gap` seconds."""
    organisation = Organisation(allowance, tempo=Tempo())
    for n in range(int(seconds / gap) + 1):
        organisation.arrive(START + n * gap)
    return organisation


@pytest.mark.parametrize(("gap", "expected"), [(0.05, 1.0), (0.5, 1.0), (1.0, 0.5), (4.0, 0.125)])
def test_the_share_of_a_bucket_is_that_of_what_leaks(gap: float, expected: float) -> None:
    """What the bucket holds at first is neither offered nor used: a client at the vendor's pace uses all there is."""
    assert share(served(Allowance(per_second=2, burst=20), gap, 100)) == pytest.approx(expected, abs=0.02)


def test_while_the_first_burst_drains_there_is_no_share() -> None:
    allowance = Allowance(per_second=2, burst=20)
    assert share(served(allowance, 0.05, 20)) is None
    assert share(served(allowance, 0.05, 22)) == 1.0


def test_nor_is_there_one_between_neighbouring_seconds() -> None:
    assert share(served(TEN, 0.5, 1)) is None
    assert share(served(TEN, 0.5, 2)) == 0.2


def test_each_budget_has_a_share_of_its_own_and_the_first_is_shown() -> None:
    statistics = Statistics()
    for budget, status in (("a", 200), ("a", 429), ("b", 200), ("a", 404)):
        statistics.arrive(START)
        statistics.leave(budget=budget, endpoint="", status=status)
    organisations = {"a": served(TEN, 0.1, 5), "b": served(TEN, 0.2, 5), "c": Organisation(TEN, tempo=Tempo())}
    use: dict[str, Any] = budget_use(statistics, organisations)
    assert use["budgets"] == {
        "a": {"requests": 3, "too_many": 1, "share_used": 1.0},
        "b": {"requests": 1, "too_many": 0, "share_used": 0.5},
        "c": {"requests": 0, "too_many": 0, "share_used": None},
    }
    assert use["share_used"] == 1.0
    assert [row[2] for row in use["seconds"]] == [10] * 5 + [1]
