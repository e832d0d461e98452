"""`GET /events`: what happened in the last 24 hours, one line of JSON each.

Events belong to hours of real time; their ids and contents depend on the hour and their number
alone. The feed ends with the last whole hour before the sandbox was started, so that it does not
change while a client reads (but for the option `live`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import orjson

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.errors import invalid
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import RING, Customer, Part, Population
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.stamps import DAY, HOUR, MINUTE, SECOND, parse, stamp
from extractor.sandbox.replies import Call, Reply, awkward_chunks

__all__ = ["Events"]

Record = dict[str, object]

ENTITIES = {
    "AGENT_AVAILABILITY",
    "AGENT_STATUS",
    "CONTACT",
    "CONVERSATION",
    "CUSTOMER",
    "CUSTOMER_PROFILE",
    "PAYMENT_REQUEST",
    "TASK",
}
DELIVERED_UNDER = {"CONVERSATION_ASSIGNEE": "CONVERSATION"}
HOURS = 20
"""Hours with events before the start; each customer that the feed alone names has its event in one of them."""
LAG = 15 * SECOND
CHUNK = 700  # bytes
TYPES = (
    "AGENT_STATUS/LOGGED_IN",
    "AGENT_STATUS/WENT_AWAY",
    "AGENT_AVAILABILITY/UPDATED",
    "CONTACT/STARTED",
    "CONTACT/MESSAGE_RECEIVED",
    "CONTACT/ENDED",
    "CONVERSATION/TOPIC_ADDED",
    "CONVERSATION/CLOSED",
    "CONVERSATION_ASSIGNEE/UPDATED",
    "TASK/CREATED",
    "PAYMENT_REQUEST/STATUS_CHANGED",
)
SPECIAL = (Part.MERGED, Part.MERGED_TWICE, Part.DELETED, Part.EVENT_ONLY)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `at` in milliseconds since 1970."""

    at: int
    record: Record

    @property
    def entity(self) -> str:
        """Under which value of `entities` it is delivered."""
        group = str(self.record["type"]).partition("/")[0]
        return DELIVERED_UNDER.get(group, group)


class Events:
    """The feed."""

    def __init__(
        self, population: Population, ids: Ids, changes: Changes, reference: Reference, started: float
    ) -> None:
        self._population = population
        self._ids = ids
        self._changes = changes
        self._reference = reference
        self._end = int(started * 1000) // HOUR  # events happen before this hour

    def answer(self, call: Call) -> Reply:
        """The events between two instants."""
        entities = call.all("entities")
        if not entities:
            return invalid("entities", "at least one must be given", code="blank")
        if unknown := set(entities) - ENTITIES:
            return invalid("entities", f"unknown: {min(unknown)}")
        start, end = parse(call.one("startAt") or ""), call.now
        if start is None:
            return invalid("startAt", "an ISO 8601 instant with a zone is required")
        if (text := call.one("endAt")) is not None:
            given = parse(text)
            if given is None:
                return invalid("endAt", "an ISO 8601 instant with a zone is expected")
            end = given
        if start < call.now - 24 * 3_600:
            return invalid("startAt", "must be within the last 24 hours")
        if end <= start:
            return invalid("endAt", "must be after startAt")
        last = min(int(end * 1000), int(call.now * 1000) - LAG)
        found = (e for e in self.between(int(start * 1000), last) if e.entity in entities)
        lines = _lines(found)
        return Reply(content_type="application/x-jsonlines", chunks=awkward_chunks(lines, CHUNK))

    def between(self, start: int, end: int) -> Iterator[Event]:
        """Events from start (included) to end (excluded), ascending."""
        for hour in range(max(self._end - HOURS, start // HOUR), min(self._end, end // HOUR + 1)):
            for event in self._of_hour(hour):
                if start <= event.at < end:
                    yield event
        for number, (at, kind, content) in enumerate(self._changes.events):
            if start <= at < end:
                slug = self._ids.write(Kind.LIVE_EVENT, number)
                yield Event(at, {"id": slug, "type": kind, "timestamp": stamp(at), "content": content})

    def recent(self, now: float) -> Iterator[Event]:
        """Everything that the feed holds."""
        return self.between(int(now * 1000) - DAY, int(now * 1000) - LAG)

    def _of_hour(self, hour: int) -> list[Event]:
        """The events of an hour; none in its last minute, so that the lag never hides one at the start."""
        found: list[Event] = []
        for i in self._special(hour):
            found.append(self._about(hour, len(found), self._population.customer(i)))
        for _ in range(3 + self._population.size // 200):
            found.append(self._ordinary(hour, len(found)))
        return sorted(found, key=lambda event: event.at)

    def _special(self, hour: int) -> Iterator[int]:
        for part in SPECIAL:
            for i in self._population.playing(part):
                if i // RING % HOURS == hour % HOURS:
                    yield i

    def _event(self, hour: int, n: int, kind: str, content: Record, by: Record | None) -> Event:
        at = hour * HOUR + Dice(self._population.key, Kind.EVENT, hour, n, 0).below(HOUR - MINUTE)
        record: Record = {
            "id": self._ids.write(Kind.EVENT, hour, 0, n),
            "type": kind,
            "timestamp": stamp(at, (3, 2)[n % 2]),
        }
        if by is not None:
            record["initiator"] = by
        return Event(at, record | {"content": content})

    def _about(self, hour: int, n: int, who: Customer) -> Event:
        slug = self._ids.customer(who.i)
        if who.part is Part.DELETED:
            return self._event(hour, n, "CUSTOMER_PROFILE/DELETED", {"customerId": slug}, self._agent(n))
        if who.part is Part.EVENT_ONLY:
            by: Record = {"id": slug, "type": "CUSTOMER"}
            return self._event(hour, n, "CUSTOMER_PROFILE/CREATED", {"customerId": slug}, by)
        content: Record = {
            "sourceCustomerId": self._ids.write(Kind.FORMER, who.i, 0),
            "destinationCustomerId": slug,
            "sourceConversationId": self._ids.conversation(who.i, who.conversations),
            "destinationConversationId": self._ids.conversation(who.i, who.conversations - 1),
        }
        return self._event(hour, n, "CUSTOMER/MERGED", content, self._agent(n))

    def _agent(self, n: int) -> Record:
        return {"id": self._reference.agent(n)["id"], "type": "AGENT"}

    def _somebody(self, dice: Dice) -> Customer:
        """A customer with a conversation, whom reports name as well."""
        while True:
            who = self._population.customer(dice.below(self._population.size))
            ordinary = who.part in (Part.NORMAL, Part.FRESH, Part.TASKS_ONLY)
            if ordinary and (who.conversations or self._population.size < RING):
                return who

    def _ordinary(self, hour: int, n: int) -> Event:
        dice = Dice(self._population.key, Kind.EVENT, hour, n, 1)
        kind = dice.pick(TYPES)
        agent = self._reference.agent(dice.below(1 << 16))["id"]
        who = self._somebody(dice)
        about: Record = {"customerId": self._ids.customer(who.i)}
        if kind.startswith("AGENT"):
            content: Record = {"agentId": agent, "availableFor": ["MAIL", "VOICE"], "occurredAt": stamp(hour * HOUR)}
            if kind.endswith("AWAY"):
                content["awayReason"] = {"id": self._ids.write(Kind.ATTRIBUTE, 7), "name": "Lunch 🥪"}
            return self._event(hour, n, kind, content, {"id": agent, "type": "AGENT"})
        if kind.startswith("PAYMENT"):
            paid: Record = {"oldStatus": "REQUESTING", "newStatus": "COMPLETED"}
            paid["context"] = {"currency": "EUR", "monetaryUnit": 1_999}
            return self._event(hour, n, kind, {"paymentRequestId": f"pr-{hour}-{n}", **about, **paid}, None)
        if kind.startswith("TASK") or not who.conversations:
            if not who.tasks:
                return self._event(hour, n, "CUSTOMER_PROFILE/UPDATED", about, self._agent(n))
            task = {"taskId": self._ids.write(Kind.TASK, who.i, who.tasks - 1), **about}
            return self._event(hour, n, "TASK/DUE_DATE_UPDATED", task, self._agent(n))
        last = who.conversations - 1
        content = {"conversationId": self._ids.conversation(who.i, last), **about}
        if kind.startswith("CONTACT"):
            content |= {"contactId": self._ids.write(Kind.CONTACT, who.i, last), "channel": "CHAT"}
            if kind.endswith("ENDED"):
                content |= {"reason": "NO_REPLY_NEEDED", "status": "ANSWERED"}
        elif kind.endswith("TOPIC_ADDED"):
            content["topicId"] = self._reference.topics[n % len(self._reference.topics)]
        if dice.one_in(2):
            content["context"] = {"assignee": {"inboxId": self._reference.inboxes[0], "agentId": agent}}
        return self._event(hour, n, kind, content, self._agent(n))


async def _lines(events: Iterator[Event]) -> AsyncIterator[bytes]:
    for event in events:
        yield orjson.dumps(event.record) + b"\n"
