"""Audit events of the last ninety days, in the order of time, and who caused them."""

from __future__ import annotations

from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.reference import Reference
from extractor.sandbox.clari.stamps import stamp
from extractor.sandbox.clari.timeline import Timeline
from extractor.sandbox.dice import Dice

__all__ = ["SESSION_TYPES", "Audit"]

Record = dict[str, object]

HISTORY_DAYS = 90
EVENTS_PER_CALL = 3
SESSION_TYPES = ("WEB", "IOS", "ANDROID")
EVENTS = ("api.accessed", "user.login", "forecast.submitted", "export.created", "opportunity.updated")
REPEAT_EVERY, REPEAT = 10, 9  # such an event differs from the one before it in its parameters only
MACHINES = {"9000001": "SYSTEM", "9000002": "JOB"}
FIRST_USER = 1_000_001


class Audit:
    """Makes events and actors from their numbers.

    Attributes:
        count: how many events there are.
    """

    def __init__(self, ids: Ids, reference: Reference, key: bytes, *, size: int, until: int) -> None:
        self.count = EVENTS_PER_CALL * size
        self._ids = ids
        self._reference = reference
        self._key = key
        self._times = Timeline(key, Kind.AUDIT, count=self.count, end=until, days=HISTORY_DAYS)

    def below(self, ms: float) -> int:
        """How many events happened before an instant (milliseconds)."""
        found = self._times.below(ms)
        # What repeats the event before it has that one's time.
        return found + 1 if found < self.count and found % REPEAT_EVERY == REPEAT else found

    def _at(self, n: int) -> int:
        return self._times.at(n - (n % REPEAT_EVERY == REPEAT))

    def event(self, n: int) -> Record:
        """Event n, 0 <= n < count."""
        dice = Dice(self._key, Kind.AUDIT, n - (n % REPEAT_EVERY == REPEAT), 1)
        drawn = dice.below(len(self._reference.people) + 1)
        actor = str(FIRST_USER + drawn) if drawn < len(self._reference.people) else dice.pick([*MACHINES])
        session = dice.below(4)
        name = dice.pick(EVENTS)
        machine = actor in MACHINES
        other = str(FIRST_USER) if dice.one_in(15) and not machine and drawn else None
        event: Record = {
            "actorId": actor,
            "impersonatingActorId": other,
            "actorType": MACHINES.get(actor, "USER"),
            "sessionId": self._ids.uuid(Kind.SESSION, int(actor), session),
            "ipAddress": f"203.0.113.{dice.below(256)}",
            "sessionType": SESSION_TYPES[session % len(SESSION_TYPES)],
            "event": name,
            "eventParameters": {"path": f"/api/{name}", "n": n, "note": 'a "b" \u2028 c'} if n % 4 else {},
            "eventTimestamp": stamp(self._at(n)),
        }
        return event if n % 3 == 0 else event | {"correlationID": self._ids.hex32(Kind.AUDIT, n)}

    def actor(self, actor_id: str) -> Record:
        """Who caused an event."""
        if actor_id in MACHINES:
            kind = MACHINES[actor_id]
            return {"actorType": kind, "actorId": actor_id, "name": kind.capitalize(), "email": ""}
        person = self._reference.people[int(actor_id) - FIRST_USER]
        return {"actorType": "USER", "actorId": actor_id, "name": person.name, "email": person.email}

    def page(self, events: list[Record]) -> Record:
        """Events with those who caused them, as answers and files have them."""
        actors = dict.fromkeys(str(event["actorId"]) for event in events)
        return {"items": events, "actors": [self.actor(actor) for actor in actors]}
