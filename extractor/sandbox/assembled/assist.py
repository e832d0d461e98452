"""Conversations of the assistant, a product of its own that not everybody has bought."""

from __future__ import annotations

from collections.abc import Iterator

from extractor.sandbox.assembled.asking import flag, page
from extractor.sandbox.assembled.errors import not_found, refusal
from extractor.sandbox.assembled.history import MINUTE
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.knobs import Knobs
from extractor.sandbox.assembled.reference import Record
from extractor.sandbox.assembled.roster import Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["Assist"]

DEFAULT_PAGE = 20
PEOPLE_PER_CONVERSATION = 3
SAID = ("Where is my parcel?", "It left our house today 📦", "Größe 42, bitte", 'he said "no"\nand left', "")
TIERS = ("free", "pro", None)


class Assist:
    """Draws conversations; nothing tells how many there are."""

    def __init__(self, roster: Roster, ids: Ids, knobs: Knobs) -> None:
        self._roster = roster
        self._ids = ids
        self._shape = knobs.assist
        self.count = 0 if self._refused else 1 + roster.size // PEOPLE_PER_CONVERSATION

    def list(self, call: Call) -> Reply:
        """`GET /assist/conversations`, in pages that end when one is short."""
        if self._refused:
            return self._refusal(call)
        with_messages, with_sources = flag(call, "include_messages"), flag(call, "include_sources")
        found = []
        for n in page(call, default=DEFAULT_PAGE).of(range(self.count)):
            record = self._record(n)
            if with_messages:
                record["messages"] = [*self._messages(n, with_sources=with_sources)]
            if flag(call, "include_evaluation_metrics"):
                record["evaluation"] = {"semantic_similarity": n % 100 / 100, "trigram_similarity": None}
            found.append(record)
        return json_reply(found if self._shape == "array" else {"conversations": found})

    def handoff(self, call: Call) -> Reply:
        """`GET /assist/conversations/:id/handoff`."""
        n = self._ids.read(Kind.CONVERSATION, call.args[0])
        if self._refused:
            return self._refusal(call)
        if n is None or n >= self.count:
            return not_found()
        spoken = [f"{message['role']}: {message['content']}" for message in self._messages(n, with_sources=False)]
        return json_reply({"language": call.one("language") or "en-US", "transcript": "\n".join(spoken)})

    def keys(self) -> Iterator[str]:
        """Ids of all conversations that can be had."""
        return (self._ids.write(Kind.CONVERSATION, n) for n in range(self.count))

    @property
    def _refused(self) -> bool:
        return self._shape.isdigit()

    def _refusal(self, call: Call) -> Reply:
        return refusal(int(self._shape), "Assist is not enabled for this account", call.path)

    def _created(self, n: int) -> int:
        """They are numbered by age."""
        history = self._roster.history
        return history.begin + n * (history.until - history.begin) // self.count

    def _record(self, n: int) -> Record:
        dice = Dice(self._roster.key, Kind.CONVERSATION, n)
        created = self._created(n)
        record: Record = {
            "id": self._ids.write(Kind.CONVERSATION, n),
            "user_id": f"visitor-{dice.below(1_000)}",
            "status": dice.pick(("resolved", "escalated", "open")),
            "platform": "zendesk",
            "platform_id": str(n),
            "conversation_type": dice.pick(("chat", "email")),
            "copilot_action_type": None,
            "created_at": created,
            "updated_at": created + dice.below(40) * MINUTE,
            "customer_tier": dice.pick(TIERS),
            "issue_complexity": dice.pick(("low", "high")),
            "requires_escalation": dice.one_in(4),
            "agent": {"content": dice.pick(SAID), "platform": "zendesk", "platform_id": str(n)},
        }
        if record["requires_escalation"]:
            record |= {
                "routing_destination": {"id": str(dice.below(9)), "name": "Escalations"},
                "transferred_case": {"id": str(n), "platform": "zendesk"},
            }
        return record

    def _messages(self, n: int, *, with_sources: bool) -> Iterator[Record]:
        dice = Dice(self._roster.key, Kind.MESSAGE, n)
        for k in range(dice.between(1, 6)):
            message: Record = {
                "id": self._ids.write(Kind.MESSAGE, n, k),
                "role": ("user", "assistant")[k % 2],
                "content": {"type": "text", "text": dice.pick(SAID), "url": None},
                "created_at": self._created(n) + k * MINUTE,
                "platform_id": f"{n}-{k}",
            }
            if with_sources and k % 2:
                message["sources_used"] = [
                    {"platform": "help", "title": "Parcels", "url": "https://help.example.org/1"}
                ]
            yield message
