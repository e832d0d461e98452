"""The account's log: one event for every message that ever came, named after what else happened then."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.catalog import Catalog, Record
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.population import Fate, Part
from extractor.sandbox.gorgias.stamps import Stamps
from extractor.sandbox.gorgias.tickets import Tickets
from extractor.sandbox.gorgias.timeline import Moment

__all__ = ["OBJECTS", "Events"]

OBJECTS = {
    "Account": None,
    "Macro": Kind.MACRO,
    "Tag": Kind.TAG,
    "Customer": Kind.CUSTOMER,
    "Team": Kind.TEAM,
    "View": Kind.VIEW,
    "Widget": Kind.WIDGET,
    "User": Kind.USER,
    "TicketMessage": Kind.MESSAGE,
    "Ticket": Kind.TICKET,
    "Rule": Kind.RULE,
    "Integration": Kind.INTEGRATION,
    "SatisfactionSurvey": Kind.SURVEY,
}
"""What an event can be about; the kind of its id. None of an account's own are played, nor of surveys."""
SMALL = (
    ("User", "user-logged-out"),
    ("Macro", "macro-updated"),
    ("Tag", "tag-created"),
    ("View", "view-updated"),
    ("User", "user-logged-in"),
    ("Rule", "rule-executed"),
)
SMALL_COUNT = 5  # the first five of each are the ones that things happen to
EVERY = 8  # third messages and later ones: the slots of which one in eight belongs to one of these


class Events:
    """Makes events from the numbers of messages."""

    def __init__(self, tickets: Tickets, ids: Ids, catalog: Catalog, stamps: Stamps) -> None:
        self._tickets = tickets
        self._population = tickets.population
        self._ids = ids
        self._catalog = catalog
        self._stamps = stamps

    def there(self, number: int) -> bool:
        """Is there such an event? Those of tickets that are gone remain."""
        return number < self._tickets.message_count() and self._tickets.exists(self._tickets.message(number).ticket)

    def created(self, number: int) -> int:
        """When it happened."""
        if number >= self._population.messages:
            return self._tickets.message(number).at
        return self._population.timeline.at(number, Moment.EVENT)

    def about(self, object_type: str, number: int) -> Sequence[int]:
        """Numbers of slots among which all events about an object are."""
        if object_type == "TicketMessage":
            return [number] if 0 <= number < self._tickets.message_count() else []
        if object_type == "Ticket":
            return self._tickets.messages(number) if self._tickets.exists(number) else []
        if object_type == "Customer":
            owned = self._population.tickets_of(number) if self._tickets.customer_exists(number) else []
            return sorted(slot for ticket in owned for slot in self._tickets.messages(ticket))
        return range(0, self._tickets.message_count(), EVERY)

    def subject(self, number: int) -> tuple[str, str, int]:
        """Type of object, type of event, number of the object."""
        message = self._tickets.message(number)
        ticket = message.ticket
        if message.k == 0:
            return "Ticket", "ticket-created", ticket
        if number < self._population.messages and number == self._population.timeline.slots(ticket)[-1]:
            return self._ending(ticket)
        if number % EVERY == 0:
            (object_type, event), turn = SMALL[number // EVERY % len(SMALL)], number // EVERY // len(SMALL)
            return object_type, event, turn % SMALL_COUNT
        return "TicketMessage", "ticket-message-created", number

    def _ending(self, ticket: int) -> tuple[str, str, int]:
        """What came of a ticket, or of its customer if this was the last ticket."""
        owner = self._tickets.owner(ticket)
        if ticket == self._population.tickets_of(owner)[-1] and self._population.part(owner) in (
            Part.GONE,
            Part.LEAVING,
        ):
            return "Customer", "customer-deleted", owner
        match self._tickets.fate(ticket):
            case Fate.GONE:
                return "Ticket", "ticket-deleted", ticket
            case Fate.MERGED | Fate.MERGING:
                return "Ticket", "ticket-merged", ticket
        return "Ticket", "ticket-updated", ticket

    def row(self, number: int) -> Record:
        """An event as list and own path show it."""
        object_type, event, subject = self.subject(number)
        dice = Dice(self._population.key, Kind.EVENT, number)
        kind = OBJECTS[object_type]
        identity = self._ids.write(Kind.EVENT, number)
        return {
            "id": identity,
            "uri": f"/api/events/{identity}/",
            "type": event,
            "object_type": object_type,
            "object_id": None if kind is None else self._ids.write(kind, subject),
            "user_id": self._catalog.user(dice.below(1 << 16))["id"] if dice.one_in(2) else None,
            "context": str(UUID(int=dice.below(1 << 63) << 64 | dice.below(1 << 63), version=4)),
            "data": self._data(event, subject, dice),
            "created_datetime": self._stamps(self.created(number)),
        }

    def _data(self, event: str, subject: int, dice: Dice) -> object:
        """It depends on the type of event, and on nothing that a document says."""
        match event:
            case "ticket-merged":
                return {"merged_into": self._ids.write(Kind.TICKET, self._tickets.survivor(subject))}
            case "ticket-updated":
                return {"status": "closed", "diff": {"tags": [dice.below(9)], "assignee_user": None}}
            case "rule-executed":
                return {"id": self._ids.write(Kind.RULE, subject), "code": "true", "failed_actions": []}
            case "ticket-message-created" if dice.one_in(2):
                return {}
            case "macro-updated" if not self._population.plain:
                return {f"field_{dice.below(500)}": dice.pick((1, "one", [1], None))}
        return None
