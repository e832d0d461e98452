"""What was planned, in one map without pages, however much it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import orjson

from extractor.sandbox.assembled.asking import flag, window
from extractor.sandbox.assembled.changes import Changes, Edit
from extractor.sandbox.assembled.history import DAY, HOUR, MINUTE, Window
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.people import People
from extractor.sandbox.assembled.reference import ACTIVITIES, CHANNELS, Record, Reference
from extractor.sandbox.assembled.roster import RING, SHIFT, Part, Person, Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply

__all__ = ["Activities", "Activity"]

LUNCH, MEETING, VACATION = (ACTIVITIES.index(name) for name in ACTIVITIES[len(CHANNELS) :])
JOURNEY = 3  # days that a vacation lasts, so many midnights lie in it at most
ROUND = 6  # days from one vacation of somebody to the next
PAUSE_EVERY = 500  # records, so that requests are answered while a large answer is made
DESCRIPTIONS = ("", "", "1:1 with Zoë", 'covers "VIP"\nuntil noon', "研修 📚")
ADDED = 9  # number of the activity that a live edit adds


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """One occurrence of an activity.

    Attributes:
        i, day, n: number n of what person i has on a day.
        type: number of the activity type.
        edit: what has been done to it since the start.
    """

    i: int
    day: int
    n: int
    type: int
    start: int
    end: int
    edit: Edit | None = None


class Activities:
    """Draws activities, agent by agent and day by day."""

    def __init__(self, roster: Roster, ids: Ids, reference: Reference, people: People, changes: Changes) -> None:
        self._roster = roster
        self._history = roster.history
        self._ids = ids
        self._reference = reference
        self._people = people
        self._changes = changes

    def answer(self, call: Call) -> Reply:
        """`GET /activities`: `limit`, `offset`, `agents` and other filters make no difference.

        What began before the window and lasts into it is there too.
        """
        asked = window(call)
        side: dict[str, object] = {}
        if flag(call, "include_agents"):
            side["agents"] = {self._people.agent_id(who): self._people.record(who) for who in self._roster.agents()}
        if flag(call, "include_activity_types"):
            side["activity_types"] = self._reference.maps["activity_types"]
        return Reply(chunks=self._stream(asked, side))

    def within(self, asked: Window) -> Iterator[Activity]:
        """What lies in a window, at least with a part."""
        for day in self._history.days(asked, back=JOURNEY):
            for who in self._roster.agents():
                for activity in self.of_day(who, day):
                    if asked.meets(activity.start, activity.end):
                        yield activity

    def of_day(self, who: Person, day: int) -> Iterator[Activity]:
        """What begins on one day of an agent, as it is now."""
        edit = self._changes.by_day.get((who.i, day))
        for activity in self._drawn(who, day):
            if activity.start not in self._history.window:
                continue
            if edit is None or activity.n:
                yield activity
            elif edit.kind == "moved":
                yield replace(activity, end=activity.end + 15 * MINUTE, edit=edit)
            elif edit.kind != "deleted":
                yield replace(activity, edit=edit) if edit.kind == "described" else activity
        if edit is not None and edit.kind == "added":
            start = day * DAY + who.starts * HOUR
            yield Activity(i=who.i, day=day, n=ADDED, type=MEETING, start=start, end=start + 20 * MINUTE, edit=edit)

    def key(self, activity: Activity) -> str:
        """The `id_with_timestamps`; how the vendor joins the three isn't known."""
        return f"{self.id(activity)}_{activity.start}_{activity.end}"

    def id(self, activity: Activity) -> str:
        """The id, which the occurrences of one lunch break share."""
        if activity.n == ADDED:
            return self._ids.on(Kind.LIVE_ACTIVITY, activity.day, activity.i)
        if activity.type == LUNCH and not self._roster.plain:
            return self._ids.write(Kind.SERIES, activity.i)
        return self._ids.on(Kind.ACTIVITY, activity.day, activity.i, activity.n)

    def record(self, activity: Activity) -> Record:
        """An activity as JSON."""
        dice = Dice(self._roster.key, Kind.ACTIVITY, activity.i, activity.day, activity.n)
        planned = activity.start - dice.between(1, 20) * HOUR
        record: Record = {
            "id": self.id(activity),
            "id_with_timestamps": self.key(activity),
            "agent_id": self._ids.write(Kind.AGENT, activity.i),
            "type_id": self._reference.activity_type(activity.type),
            "start_time": activity.start,
            "end_time": activity.end,
            "created_at": planned,
        }
        if dice.below(8) or self._roster.plain:
            record |= {"description": dice.pick(DESCRIPTIONS), "updated_at": planned + dice.below(HOUR)}
        if activity.edit is not None:
            record |= {"description": f"edit {activity.edit.number}", "updated_at": activity.edit.at}
        return record

    def _drawn(self, who: Person, day: int) -> Iterator[Activity]:
        def made(n: int, kind: int, start: int, seconds: int) -> Activity:
            return Activity(i=who.i, day=day, n=n, type=kind, start=start, end=start + seconds)

        start = self._roster.shift(who, day)
        if start is not None:
            dice = Dice(self._roster.key, Kind.ACTIVITY, who.i, day)
            work, lunch = CHANNELS.index(who.channels[0]), start + 4 * HOUR
            yield made(0, work, start, 4 * HOUR)
            yield made(1, LUNCH, lunch, 30 * MINUTE)
            yield made(2, work, lunch + 30 * MINUTE, SHIFT - 4 * HOUR - 30 * MINUTE)
            if dice.one_in(3):
                yield made(3, MEETING, lunch + dice.between(2, 6) * 30 * MINUTE, 30 * MINUTE)
        if who.part is Part.TRAVELLER and day % ROUND == who.i // RING % ROUND:
            yield made(4, VACATION, day * DAY + 12 * HOUR, JOURNEY * DAY)

    async def _stream(self, asked: Window, side: dict[str, object]) -> AsyncIterator[bytes]:
        yield b'{"activities":{'
        comma, held = b"", bytearray()
        for n, activity in enumerate(self.within(asked)):
            record = self.record(activity)
            held += comma + orjson.dumps(record["id_with_timestamps"]) + b":" + orjson.dumps(record)
            comma = b","
            if n % PAUSE_EVERY == PAUSE_EVERY - 1:
                yield bytes(held)
                held.clear()
                await asyncio.sleep(0)
        yield (
            bytes(held) + b"}" + b"".join(b',"%b":' % name.encode() + orjson.dumps(side[name]) for name in side) + b"}"
        )
