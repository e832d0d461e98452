from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extractor.limits.pause import HELD_S, Pause, retry_after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOON.timestamp() + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("99999999999999999999", 3600.0),
        ("-1", None),
        ("1e9", None),
        ("NaN", None),
        ("inf", None),
        ("", None),
        ("٧", None),
        ("5, 5", None),
        ("soon", None),
        (at(90), 90.0),
        (at(-90), 0.0),
        (at(86_400), 3600.0),
    ],
)
def test_seconds_and_dates_are_clamped_and_nonsense_is_ignored(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text, "date": at(0)}) == seconds


def test_without_the_header_nothing_is_asked() -> None:
    assert retry_after({}) is None


def test_a_date_is_measured_on_the_vendors_own_clock() -> None:
    """Our clock may be an hour off; only without `Date` do we have to trust it."""
    assert retry_after({"retry-after": at(30), "date": at(0)}, wall=lambda: NOON.timestamp() - 3600) == 30
    assert retry_after({"retry-after": at(30)}, wall=lambda: NOON.timestamp() + 10) == 20
    assert retry_after({"retry-after": at(30), "date": "yesterday"}, wall=lambda: NOON.timestamp() + 10) == 20


@settings(deadline=None)
@given(text=st.text(), date=st.text())
def test_no_header_can_break_it(text: str, date: str) -> None:
    seconds = retry_after({"retry-after": text, "date": date})
    assert seconds is None or 0 <= seconds <= 3600


@settings(deadline=None)
@given(st.floats(allow_nan=False) | st.integers(), st.sampled_from(["{:g}", "{}", "{:+}"]))
def test_any_number_is_clamped_or_ignored(number: float, form: str) -> None:
    seconds = retry_after({"retry-after": form.format(number)})
    assert seconds is None or 0 <= seconds <= 3600


def refused(pause: Pause, ticket: int, at: float, wish: str | None = None) -> bool:
    """One that was sent a tenth of a second ago gets a 429."""
    headers = {} if wish is None else {"retry-after": wish}
    return pause.refused(ticket, sent=at - 0.1, now=at, own=1.0, headers=headers)


def after(*tickets: int) -> Pause:
    """These were sent by 100.0; the first is refused then, for a second."""
    pause = Pause()
    for ticket in tickets:
        pause.started(ticket, 99.9)
    assert refused(pause, tickets[0], 100.0)
    return pause


def test_requests_in_flight_when_it_began_add_nothing() -> None:
    pause = after(1, 2, 3)
    assert not refused(pause, 2, 100.05)
    assert pause.wait(100.05) == pytest.approx(0.95)


def test_a_longer_wish_of_one_in_flight_is_heard_all_the_same() -> None:
    pause = after(1, 2)
    assert not refused(pause, 2, 100.15, "5")
    assert pause.wait(100.15) == 5.0


def test_a_wish_of_one_in_flight_is_heard_though_another_went_ahead() -> None:
    pause = after(1, 2)
    pause.started(3, 101.0)
    assert not refused(pause, 2, 101.1, "5")
    pause.passed(3)
    assert pause.wait(101.1) == 5.0


def test_one_goes_ahead_and_the_others_follow_when_it_was_answered() -> None:
    pause = after(1)
    assert pause.wait(101.0) == 0
    pause.started(2, 101.0)
    assert pause.wait(101.1) > 0
    pause.passed(2)
    assert pause.wait(101.1) == 0
    pause.started(3, 101.1)
    assert pause.wait(101.1) == 0


def test_an_answer_to_one_that_was_in_flight_lets_nobody_follow() -> None:
    """The vendor took it before it began to refuse."""
    pause = after(1, 2)
    pause.started(3, 101.0)
    pause.passed(2)
    assert pause.wait(101.1) > 0
    assert pause.probing


def test_the_one_that_is_refused_is_a_pause_of_its_own() -> None:
    pause = after(1)
    pause.started(2, 101.0)
    assert refused(pause, 2, 101.1)
    assert pause.wait(101.1) == 2.0


def test_whoever_goes_ahead_holds_the_others_up_for_a_moment_only() -> None:
    """It may be a report that takes minutes, or its connection may be lost; then another goes ahead."""
    pause = after(1)
    pause.started(2, 101.0)
    assert pause.wait(101.0) == HELD_S
    assert pause.wait(101.0 + HELD_S) == 0
    pause.started(3, 101.0 + HELD_S)
    assert pause.wait(101.0 + HELD_S) == HELD_S


def test_pauses_that_repeat_at_once_grow_to_a_minute() -> None:
    pause, now, lengths = Pause(), 100.0, []
    for ticket in range(1, 10):
        pause.started(ticket, now)
        assert refused(pause, ticket, now)
        lengths.append(pause.wait(now))
        now += lengths[-1] + 0.01
    assert lengths == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60])


def test_a_wish_for_no_wait_does_not_undo_the_growth() -> None:
    """`Retry-After: 0` on every answer would otherwise make a storm of the retries."""
    pause, now, lengths = Pause(), 100.0, []
    for ticket in range(1, 5):
        pause.started(ticket, now)
        refused(pause, ticket, now, "0")
        lengths.append(pause.wait(now))
        now += lengths[-1] + 0.01
    assert lengths == pytest.approx([0, 2, 4, 8])


@pytest.mark.parametrize(("later", "length"), [(0.3, 16.0), (1.2, 1.0)])
def test_pauses_repeat_only_if_the_refusal_comes_soon(later: float, length: float) -> None:
    """One by bad luck that comes later is the first again, however long the pause before was."""
    pause, now = Pause(), 100.0
    for ticket in range(1, 5):
        pause.started(ticket, now)
        refused(pause, ticket, now)
        now += pause.wait(now)
    pause.started(5, now)
    pause.passed(5)
    pause.started(6, now + later - 0.1)
    refused(pause, 6, now + later)
    assert pause.wait(now + later) == pytest.approx(length)


class PauseMachine(RuleBasedStateMachine):
    """Any order of starts, answers and losses: of those sent after a pause one is refused at most, until one is not."""

    def __init__(self) -> None:
        super().__init__()
        self.pause = Pause()
        self.now = 100.0
        self.flying: dict[int, float] = {}
        self.tickets = 0
        self.ahead: dict[int, float] = {}
        self.probing = False
        self.began_with = 0

    @rule(seconds=st.floats(0, 5))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.pause.wait(self.now) == 0)
    @rule()
    def start(self) -> None:
        self.tickets += 1
        self.pause.started(self.tickets, self.now)
        self.flying[self.tickets] = self.now
        if self.probing:
            assert all(self.now - sent >= HELD_S for sent in self.ahead.values())
            self.ahead[self.tickets] = self.now

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 20), status=st.sampled_from([200, 429, None]), wish=st.sampled_from([None, "0", "7"]))
    def end(self, which: int, status: int | None, wish: str | None) -> None:
        ticket = list(self.flying)[which % len(self.flying)]
        sent = self.flying.pop(ticket)
        if status == 200:
            self.pause.passed(ticket)
            if ticket > self.began_with:
                self.probing = False
        elif status == 429:
            headers = {} if wish is None else {"retry-after": wish}
            began = self.pause.refused(ticket, sent=sent, now=self.now, own=1.0, headers=headers)
            assert began == (ticket > self.began_with)
            if began:
                self.probing, self.began_with = True, self.tickets
                self.ahead.clear()

    @invariant()
    def sane(self) -> None:
        assert 0 <= self.pause.wait(self.now) <= 60
        assert self.pause.probing == self.probing


TestPauseMachine = PauseMachine.TestCase
TestPauseMachine.settings = settings(deadline=None, max_examples=100, stateful_step_count=50)
