"""Who edited the schedule, and when."""

from __future__ import annotations

from collections.abc import Iterator

from extractor.sandbox.assembled.asking import page, window
from extractor.sandbox.assembled.changes import Changes, Edit
from extractor.sandbox.assembled.history import DAY, HOUR, MINUTE, Window
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.people import People
from extractor.sandbox.assembled.reference import ACTIVITIES, Record
from extractor.sandbox.assembled.roster import Part, Person, Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["Audit"]

PEOPLE_PER_CHANGE = 6  # on one day
TYPES = ("created", "updated", "deleted")
OF_EDITS = {"added": "created", "deleted": "deleted"}


class Audit:
    """Draws event changes, day by day; live edits are among them."""

    def __init__(self, roster: Roster, ids: Ids, people: People, changes: Changes) -> None:
        self._roster = roster
        self._history = roster.history
        self._ids = ids
        self._people = people
        self._changes = changes

    def answer(self, call: Call) -> Reply:
        """`GET /event_changes`: those of a window, by the instant of the change."""
        asked, part = window(call), page(call)
        found = sorted(self.within(asked), key=lambda record: (record["modified_at"], record["id"]))
        records = {str(record["id"]): record for record in part.of(found)}
        return json_reply({"event_changes": records, "total": len(found)})

    def within(self, asked: Window) -> Iterator[Record]:
        """The changes of a window."""
        for day in self._history.days(asked):
            for n in range(1 + self._roster.size // PEOPLE_PER_CHANGE):
                dice = Dice(self._roster.key, Kind.EVENT_CHANGE, day, n)
                at = day * DAY + dice.below(DAY)
                if at in asked and at < self._history.until:
                    yield self._drawn(day, n, at, dice)
        for edit in self._changes.edits:
            if edit.at in asked:
                yield self._edit(edit)

    def _drawn(self, day: int, n: int, at: int, dice: Dice) -> Record:
        who = self._agent(dice.below(self._roster.size))
        start = at // HOUR * HOUR + dice.between(-48, 48) * HOUR
        old, new = (ACTIVITIES[dice.below(len(ACTIVITIES))] for _ in range(2))
        record = self._record(self._ids.on(Kind.EVENT_CHANGE, day, n), who, at, dice.pick(TYPES))
        record |= {
            "event_id": self._ids.on(Kind.ACTIVITY, start // DAY, who.i, n),
            "old_event_type": old,
            "new_event_type": new,
            "old_start_time": start,
            "new_start_time": start,
            "old_end_time": start + HOUR,
            "new_end_time": start + HOUR + 30 * MINUTE,
        }
        match record["event_change_type"]:
            case "created":
                record |= {"old_event_type": None, "old_start_time": None, "old_end_time": None}
            case "deleted":
                record |= {"new_event_type": None, "new_start_time": None, "new_end_time": None}
        return record

    def _edit(self, edit: Edit) -> Record:
        who = self._roster.person(edit.i)
        slug = self._ids.write(Kind.LIVE_EVENT_CHANGE, edit.number)
        record = self._record(slug, who, edit.at, OF_EDITS.get(edit.kind, "updated"))
        start = edit.day * DAY + who.starts * HOUR
        kind = Kind.LIVE_ACTIVITY if edit.kind == "added" else Kind.ACTIVITY
        return record | {
            "event_id": self._ids.on(kind, edit.day, edit.i),
            "old_start_time": start,
            "new_start_time": start,
        }

    def _agent(self, draw: int) -> Person:
        """Somebody near a number who is an agent; the neighbour of a manager is one."""
        who = self._roster.person(draw)
        return self._roster.person(draw - 1) if who.part is Part.MANAGER else who

    def _record(self, slug: str, who: Person, at: int, kind: str) -> Record:
        first = self._roster.person(0)
        return {
            "id": slug,
            "modified_by": {
                "id": self._people.id(first),
                "name": " ".join(self._people.name(first)),
                "email": self._people.email(first),
            },
            "modified_at": at,
            "event_agent_id": self._people.agent_id(who),
            "event_agent_name": " ".join(self._people.name(who)),
            "event_agent_email": self._people.email(who),
            "event_change_type": kind,
            "description": "per Teams – „bitte“" if at % 5 == 0 else "",
            "channels": list(who.channels),
            "template_id": None,
            "google_calendar_event_id": None,
        }
