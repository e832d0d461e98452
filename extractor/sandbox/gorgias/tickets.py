"""The population with the changes laid over it: tickets and messages by number."""

from __future__ import annotations

from dataclasses import dataclass

from extractor.sandbox.gorgias.changes import Changes
from extractor.sandbox.gorgias.population import Fate, Population
from extractor.sandbox.gorgias.timeline import Moment

__all__ = ["Message", "Tickets"]

LISTED = (Fate.THERE, Fate.MERGING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """Message k of a ticket; `number` counts all messages in the order of time."""

    number: int
    ticket: int
    k: int
    at: int


class Tickets:
    """Facts that other records hang on."""

    def __init__(self, population: Population, changes: Changes) -> None:
        self.population = population
        self.changes = changes
        self._timeline = population.timeline

    def count(self) -> int:
        """One more than the highest number of a ticket."""
        return self.population.tickets + len(self.changes.tickets)

    def message_count(self) -> int:
        """One more than the highest number of a message."""
        return self.population.messages + len(self.changes.messages)

    def came(self, ticket: int) -> bool:
        """Did it come while requests came in?"""
        return ticket >= self.population.tickets

    def owner(self, ticket: int) -> int:
        """The customer of a ticket."""
        if self.came(ticket):
            return self.changes.tickets[ticket - self.population.tickets].owner
        return self.population.owner(ticket)

    def exists(self, ticket: int) -> bool:
        """Is there such a ticket, whatever became of it?"""
        return 0 <= ticket < self.count() and self.owner(ticket) < self.population.size

    def fate(self, ticket: int) -> Fate:
        """What became of a ticket."""
        return Fate.THERE if self.came(ticket) else self.population.fate(ticket)

    def listed(self, ticket: int) -> bool:
        """Is it in the list?"""
        return self.exists(ticket) and self.fate(ticket) in LISTED

    def survivor(self, ticket: int) -> int:
        """The ticket that holds the messages of a ticket."""
        return ticket if self.came(ticket) else self.population.survivor(ticket)

    def created(self, ticket: int) -> int:
        """When it was created."""
        if self.came(ticket):
            return self.changes.tickets[ticket - self.population.tickets].created
        return self._timeline.at(self._timeline.slots(ticket)[0], Moment.TICKET)

    def updated(self, ticket: int) -> int:
        """When it was updated last."""
        return self.changes.updated[ticket] if ticket in self.changes.updated else self.updated_first(ticket)

    def updated_first(self, ticket: int) -> int:
        """When a ticket of the population was updated last before requests came in."""
        return self.last(ticket, Moment.UPDATE)

    def last(self, ticket: int, moment: Moment) -> int:
        """When something happened in the last slot of a ticket of the population."""
        return self._timeline.at(self._timeline.slots(ticket)[-1], moment)

    def messages(self, ticket: int) -> list[int]:
        """Numbers of the messages that a ticket began with or got, those of tickets merged into it left out."""
        slots = () if self.came(ticket) else self._timeline.slots(ticket)
        return [*slots, *self.changes.of_ticket.get(ticket, ())]

    def all_messages(self, ticket: int) -> list[int]:
        """Numbers of the messages that a ticket holds, in the order of time."""
        if self.came(ticket):
            return self.messages(ticket)
        family = self.population.tickets_of(self.owner(ticket))
        return sorted(m for other in family if self.survivor(other) == ticket for m in self.messages(other))

    def message(self, number: int) -> Message:
        """A message by number."""
        if number >= self.population.messages:
            live = self.changes.messages[number - self.population.messages]
            return Message(number=number, ticket=live.ticket, k=live.k, at=live.at)
        ticket, k = self._timeline.whose(number)
        return Message(number=number, ticket=ticket, k=k, at=self._timeline.at(number, Moment.MESSAGE))

    def message_there(self, number: int) -> bool:
        """Is a message in the list?"""
        if number >= self.message_count():
            return False
        ticket = self.message(number).ticket
        return self.exists(ticket) and self.fate(ticket) is not Fate.GONE

    def customer_exists(self, customer: int) -> bool:
        """Is there such a customer, whatever became of it?"""
        return 0 <= customer < self.population.size

    def customer_slots(self, customer: int) -> tuple[int, int]:
        """The first and the last slot of a customer."""
        tickets = self.population.tickets_of(customer)
        return self._timeline.slots(tickets[0])[0], max(self._timeline.slots(n)[-1] for n in tickets)

    def customer_created(self, customer: int) -> int:
        """When a customer was created."""
        return self._timeline.at(self.customer_slots(customer)[0], Moment.CUSTOMER)

    def customer_updated(self, customer: int) -> int:
        """When a customer was updated last."""
        return self._timeline.at(self.customer_slots(customer)[1], Moment.UPDATE)
