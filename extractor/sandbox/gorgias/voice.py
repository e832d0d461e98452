"""Calls, what happened in them, and their recordings; a call hangs on each ticket that came by phone."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.catalog import Catalog, Record
from extractor.sandbox.gorgias.conversation import Conversation
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.stamps import SECOND, Stamps
from extractor.sandbox.gorgias.tickets import Tickets
from extractor.sandbox.gorgias.timeline import Moment

__all__ = ["EVENTS_PER_CALL", "Voice"]

TYPES = ("incoming-call", "ringing-agent", "declined-phone-call", "completed-phone-call")
EVENTS_PER_CALL = len(TYPES)  # at most; numbers of those that did not happen stand for nothing


class Voice:
    """Makes the records of calls; a call has the number of its ticket, whatever became of that."""

    def __init__(
        self, tickets: Tickets, ids: Ids, catalog: Catalog, conversation: Conversation, stamps: Stamps
    ) -> None:
        self._tickets = tickets
        self._population = tickets.population
        self._ids = ids
        self._catalog = catalog
        self._conversation = conversation
        self._stamps = stamps

    def call_there(self, call: int) -> bool:
        """Is there such a call?"""
        exists = call < self._population.tickets and self._tickets.exists(call)
        return exists and self._conversation.channel(call) == "phone"

    def event_there(self, number: int) -> bool:
        """Is there such an event?"""
        call, n = divmod(number, EVENTS_PER_CALL)
        return self.call_there(call) and n < 2 + self._dice(call, 1).below(EVENTS_PER_CALL - 1)

    def recording_there(self, call: int) -> bool:
        """Was a call recorded?"""
        return self.call_there(call) and self._dice(call, 2).below(3) > 0

    def _dice(self, call: int, salt: int) -> Dice:
        return Dice(self._population.key, Kind.CALL, call, salt)

    def _began(self, call: int) -> int:
        return self._population.timeline.at(self._population.timeline.slots(call)[0], Moment.CALL)

    def call(self, call: int) -> Record:
        """A call."""
        dice, began = self._dice(call, 0), self._began(call)
        duration = dice.below(900)
        agent = self._catalog.user(dice.below(1 << 16))["id"]
        return {
            "id": self._ids.write(Kind.CALL, call),
            "integration_id": self._ids.write(Kind.INTEGRATION, 5),
            "ticket_id": self._ids.write(Kind.TICKET, call),
            "phone_number_id": 1 + call % 2,
            "external_id": f"CA{dice.below(1 << 62):032x}",
            "provider": "twilio",
            "status": dice.pick(("completed", "no-answer", "in-progress")),
            "direction": dice.pick(("inbound", "outbound")),
            "phone_number_source": "+15550100",
            "phone_number_destination": f"+1555{call:07d}",
            "country_source": "US",
            "country_destination": None,
            "duration": duration,
            "started_datetime": self._stamps(began),
            "created_datetime": self._stamps(began),
            "updated_datetime": self._stamps(began + duration * SECOND),
            "initiated_by_agent_id": agent if dice.one_in(3) else None,
            "last_answered_by_agent_id": agent if dice.one_in(2) else None,
            "customer_id": self._ids.write(Kind.CUSTOMER, self._tickets.owner(call)),
            "has_voicemail": dice.one_in(3),
            "has_call_recording": self.recording_there(call),
        }

    def event(self, number: int) -> Record:
        """Something that happened in a call."""
        call, n = divmod(number, EVENTS_PER_CALL)
        return {
            "id": self._ids.write(Kind.CALL_EVENT, number),
            "type": TYPES[n],
            "account_id": 7,
            "call_id": self._ids.write(Kind.CALL, call),
            "user_id": self._catalog.user(call)["id"] if n else None,
            "customer_id": self._ids.write(Kind.CUSTOMER, self._tickets.owner(call)),
            "created_datetime": self._stamps(self._began(call) + n * SECOND),
            "meta": None if n == 0 else {"queue": n} if self._population.plain else {f"leg_{number % 700}": str(n)},
        }

    def recording(self, call: int) -> Record:
        """A recording; it has the number of its call."""
        dice = self._dice(call, 3)
        deleted = dice.one_in(5)
        return {
            "id": self._ids.write(Kind.RECORDING, call),
            "call_id": self._ids.write(Kind.CALL, call),
            "external_id": f"RE{dice.below(1 << 62):032x}",
            "url": None if deleted else f"https://recordings.example.org/{call}.mp3",
            "duration": dice.below(900),
            "type": dice.pick(("recording", "voicemail")),
            "created_datetime": self._stamps(self._began(call)),
            "deleted_datetime": self._stamps(self._began(call) + 60 * SECOND) if deleted else None,
            "deleted_by_user_id": self._catalog.user(call)["id"] if deleted else None,
            "error_code": None,
        }
