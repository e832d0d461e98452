"""Conversation items: the envelope round a content, with fields that are missing and one that no document names."""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.contents import Contents, activity_content
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import LONG_ITEMS, Conversation, Population
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.stamps import mixed
from extractor.sandbox.gladly.texts import QUIET_MESSAGES

__all__ = ["Items", "Made"]

Record = dict[str, object]

SESSION_ITEMS = 20
LONG_SESSION = (800, 1_100)
"""In the conversation that exceeds the cap of 1,000 these items share a session; later ones have none."""
UNSUPPORTED = 200_000
"""Items with numbers from here on exist, but are of internal types that no list shows."""


@dataclass(frozen=True, slots=True)
class Made:
    """An item, and whether an export file has it: mail that was not delivered is left out there."""

    item: Record
    delivered: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Names:
    """Ids that all items of a conversation share; sessions by number."""

    talk: Conversation | None = None
    customer: str = ""
    conversation: str = ""
    sessions: dict[int, str] = field(default_factory=dict)


class Items:
    """Makes items from their numbers."""

    def __init__(self, population: Population, ids: Ids, changes: Changes, reference: Reference) -> None:
        self._population = population
        self._ids = ids
        self._changes = changes
        self._reference = reference
        self._contents = Contents(population, ids, reference)
        self._names = _Names()

    def count(self, talk: Conversation) -> int:
        """Items of a conversation."""
        return talk.items + len(self._changes.added.get((talk.i, talk.j), ()))

    def session(self, talk: Conversation, k: int) -> str | None:
        """The session of item k, for chats."""
        number = _session_number(talk, k)
        return None if number is None else self._ids.write(Kind.SESSION, talk.i, talk.j, number)

    def make(self, talk: Conversation, k: int) -> Made:
        """Item k of a conversation."""
        names = self._names if self._names.talk is talk else self._name(talk)
        dice = Dice(self._population.key, Kind.ITEM, talk.i, talk.j, k)
        late = k - talk.items
        when = self._population.item_time(talk, k) if late < 0 else self._changes.added[talk.i, talk.j][late]
        content, by = self._contents.make(talk, k, when, dice)
        item: Record = {
            "id": self._ids.item(talk.i, talk.j, k),
            "customerId": names.customer,
            "conversationId": names.conversation,
            "timestamp": mixed(when, dice),
            "content": content,
        }
        number = _session_number(talk, k)
        if number is not None:
            session = names.sessions.get(number) or names.sessions.setdefault(number, self.session(talk, k) or "")
            item["sessionId"] = session
            if content["type"] == "CHAT_MESSAGE":
                content["sessionId"] = session
        if not dice.one_in(30):
            item["initiator"] = self._actor(by, names.customer, dice)
        if by == "CUSTOMER" and dice.one_in(3):
            item["responder"] = self._actor("AGENT", names.customer, dice)
        if not self._population.plain and dice.one_in(40):
            item["sentimentScore"] = dice.below(100) / 128  # no document names it
        delivered = not (content["type"] == "EMAIL" and by != "CUSTOMER" and dice.one_in(12))
        return Made(item, delivered)

    def activity(self, i: int, n: int, when: int) -> Record:
        """Something that customer i did outside of any conversation."""
        dice = Dice(self._population.key, Kind.ACTIVITY, i, n, 1)
        content = activity_content(when, dice)
        if n == 0 and not self._population.plain:
            content["title"] = "Survey\u2028answered"
        return {
            "id": self._ids.write(Kind.ACTIVITY, i, n),
            "customerId": self._ids.customer(self._changes.owner(i)),
            "timestamp": mixed(when, dice),
            "content": content,
            "initiator": {"id": "loyalty-app", "type": "API"},
        }

    def transcript(self, made: Made) -> Record | None:
        """What was said in a call, if it was recorded."""
        content = made.item["content"]
        if not isinstance(content, dict) or content.get("recordingStatus") != "AVAILABLE":
            return None
        said = [
            {"transcript": QUIET_MESSAGES[n], "speaker": n % 2, "startTime": n * 4.25, "endTime": n * 4.25 + 3.5}
            for n in range(3)
        ]
        return {
            "paragraphs": said,
            "customerId": made.item["customerId"],
            "numberOfSpeakers": 2,
            "language": "en",
            "createdAt": made.item["timestamp"],
            "updatedAt": made.item["timestamp"],
        }

    def _name(self, talk: Conversation) -> _Names:
        """Make, and keep for the other items of the conversation, the ids that they share."""
        self._names = _Names(
            talk=talk,
            customer=self._ids.customer(self._changes.owner(talk.i)),
            conversation=self._ids.conversation(talk.i, talk.j),
        )
        return self._names

    def _actor(self, by: str, customer: str, dice: Dice) -> Record:
        match by:
            case "AGENT":
                return {"id": self._reference.agent(dice.below(1 << 16))["id"], "type": by}
            case "SYSTEM":
                return {"id": "SIDEKICK_V2", "type": by}
            case "CUSTOMER":
                return {"id": customer, "type": by}
        return {"id": f"{by.lower()}@partner.example", "type": by}


def _session_number(talk: Conversation, k: int) -> int | None:
    if talk.channel not in ("CHAT", "VOICE_AI"):
        return None
    if talk.items != LONG_ITEMS:
        return k // SESSION_ITEMS
    if k >= LONG_SESSION[1]:
        return None
    return 40 if k >= LONG_SESSION[0] else k // 100
