"""What agents did, platform by platform; and one timeline out of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from extractor.sandbox.assembled.asking import page, required, window
from extractor.sandbox.assembled.changes import Changes
from extractor.sandbox.assembled.errors import not_found
from extractor.sandbox.assembled.history import MINUTE, Window
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.people import PLATFORMS, People
from extractor.sandbox.assembled.reference import Record
from extractor.sandbox.assembled.roster import SHIFT, Person, Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["State", "States", "condensed"]

WORDS = ("online", "away", "In chat 💬", "Pause café", "後処理", "available", "wrap-up")
HELD = 16  # windows whose states are kept, since windows are read page by page, several at once
STILL = 1 << 62
"""Stands for the end of what has not ended, where instants are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """One stretch of one agent on one platform.

    Attributes:
        end: None while it lasts.
        closed: the instant at which it ended in view of the client, or None.
    """

    i: int
    platform: str
    start: int
    end: int | None
    closed: int | None = None


class States:
    """Draws states, agent by agent and day by day; those of two platforms overlap."""

    def __init__(self, roster: Roster, ids: Ids, people: People, changes: Changes) -> None:
        self._roster = roster
        self._history = roster.history
        self._ids = ids
        self._people = people
        self._changes = changes
        self._listed = lru_cache(HELD)(self._list)

    def bulk(self, call: Call) -> Reply:
        """`GET /agents/state`: everybody's, in the order of their beginning."""
        asked, part, fits = window(call), page(call), self._people.chosen(call)
        agents, platforms = set(call.all("agent_id")), _words(call, "platforms")
        found: Sequence[State] = self._listed(asked, self._changes.closed)
        found = [s for s in found if not platforms or s.platform in platforms]
        found = [s for s in found if not agents or self._ids.write(Kind.AGENT, s.i) in agents]
        found = [s for s in found if fits(self._roster.person(s.i))]
        return json_reply({"agent_states": [self.record(s) for s in part.of(found)], **part.stated(len(found))})

    def single(self, call: Call) -> Reply:
        """`GET /agents/states/:agent_id`; the id of a person is not one of an agent."""
        asked, who = window(call), self._people.agent(call.args[0])
        if who is None:
            return not_found()
        found = [self.record(s) for s in self._of(who, asked)]
        return json_reply({"agent_id": call.args[0], "agent_states": found})

    def timeline(self, call: Call) -> Reply:
        """`GET /agents/state/condensed_timeline`: one platform at a time, by `priority_order`."""
        required(call, "priority_order")
        asked, order = window(call), _words(call, "priority_order")
        fits = self._people.chosen(call)
        found = (s for who in self._roster.agents() if fits(who) for s in self.condensed(who, asked, order))
        return json_reply({"agent_states": [self.record(s) for s in found]})

    def condensed(self, who: Person, asked: Window, order: Sequence[str]) -> Iterator[State]:
        """One agent's states without overlaps."""
        for day in self._history.days(asked, back=1):
            for state in condensed([*self.of_day(who, day)], order):
                if asked.meets(state.start, state.end):
                    yield state

    def of_day(self, who: Person, day: int) -> Iterator[State]:
        """What begins within the shift of one day, platform after platform."""
        start = self._roster.shift(who, day)
        if start is None:
            return
        dice = Dice(self._roster.key, Kind.AGENT, who.i, day)
        for platform in self._people.platforms(who):
            at = start + dice.below(20) * MINUTE
            while at < min(start + SHIFT, self._history.until):
                end = at + dice.between(20, 90) * MINUTE
                yield self._now(State(i=who.i, platform=platform, start=at, end=end))
                at = end + dice.pick((0, 0, 5)) * MINUTE

    def record(self, state: State) -> Record:
        """A state as JSON."""
        who = self._roster.person(state.i)
        dice = Dice(self._roster.key, Kind.AGENT, state.i, state.start, PLATFORMS.index(state.platform))
        seen = state.start if state.end is None else state.end
        record: Record = {
            "agent_id": self._people.agent_id(who),
            "agent_name": " ".join(self._people.name(who)),
            "agent_email": self._people.email(who),
            "platform": state.platform,
            "agent_platform_id": str(1_000 + state.i),
            "state": dice.pick(WORDS),
            "start_time": state.start,
            "end_time": state.end,
            "modified_at": state.closed or seen + dice.below(100),
            "external_id": f"{state.platform}-{state.start}-{state.i}",
            "ticket_id": None,
            "ticket_status": None,
        }
        if state.platform == "zendesk" and dice.one_in(3):
            record |= {"ticket_id": str(dice.below(1 << 20)), "ticket_status": dice.pick(("open", "solved"))}
        return record

    def _now(self, state: State) -> State:
        """A state as it is at the end of the data: open, if it lasts beyond; until a live edit ends all of them."""
        if self._roster.plain or state.end is None or state.end <= self._history.until:
            return state
        return replace(state, end=self._changes.closed, closed=self._changes.closed)

    def _of(self, who: Person, asked: Window) -> Iterator[State]:
        for day in self._history.days(asked, back=1):
            for state in self.of_day(who, day):
                if asked.meets(state.start, state.end):
                    yield state

    def _list(self, asked: Window, closed: int | None) -> list[State]:
        del closed  # a part of what the answer depends on, so that none is kept beyond its time
        found = [state for who in self._roster.agents() for state in self._of(who, asked)]
        return sorted(found, key=lambda state: (state.start, state.i, state.platform))


def condensed(states: Sequence[State], order: Sequence[str]) -> list[State]:
    """Of overlapping states the one whose platform comes first; platforms that are not named come last.

    A sweep over all instants at which something begins or ends.
    """
    ranks = {platform: rank for rank, platform in enumerate(order)}

    def rank(state: State) -> tuple[int, str]:
        return ranks.get(state.platform, len(ranks)), state.platform

    instants = sorted({instant for s in states for instant in (s.start, s.end or STILL)})
    pieces: list[State] = []
    latest: State | None = None
    for start, following in pairwise(instants):
        end = None if following == STILL else following
        going = [s for s in states if s.start <= start and following <= (s.end or STILL)]
        first = min(going, key=rank, default=None)
        if first is not None:
            begun = pieces.pop().start if first is latest else start
            pieces.append(replace(first, start=begun, end=end))
        latest = first
    return pieces


def _words(call: Call, name: str) -> list[str]:
    """A list, given as several parameters or with commas."""
    return [word for value in call.all(name) for word in value.split(",") if word]
