"""Satisfaction surveys as JSON."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.catalog import Record
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.population import Fate
from extractor.sandbox.gorgias.stamps import Stamps
from extractor.sandbox.gorgias.texts import LINES
from extractor.sandbox.gorgias.tickets import Tickets
from extractor.sandbox.gorgias.timeline import TICKETS, Moment

__all__ = ["Surveys"]

SURVEYED = 3  # every third ticket


class Surveys:
    """Makes surveys; a survey's number is the rank of its ticket in the order of last messages, and so of surveys."""

    def __init__(self, tickets: Tickets, ids: Ids, stamps: Stamps) -> None:
        self._tickets = tickets
        self._population = tickets.population
        self._ids = ids
        self._stamps = stamps

    def there(self, rank: int) -> bool:
        """Was a survey sent for the ticket of this rank in the order of last messages?"""
        if rank >= self._population.tickets:
            return False
        ticket = self._population.ticket_by_update(rank)
        there = self._tickets.exists(ticket) and self._tickets.fate(ticket) is Fate.THERE
        return there and ticket % SURVEYED == 0 and ticket < self._population.settled

    def rank(self, ticket: int) -> int | None:
        """The number of a ticket's survey, or None."""
        if self._tickets.came(ticket):
            return None
        block, place = divmod(ticket, TICKETS)
        rank = block * TICKETS + self._population.timeline.layout(block).tickets_by_last.index(place)
        return rank if self.there(rank) else None

    def created(self, rank: int) -> int:
        """When a survey was created."""
        return self._tickets.last(self._population.ticket_by_update(rank), Moment.SURVEY)

    def row(self, rank: int) -> Record:
        """A survey; its number is the rank of its ticket in the order of last messages."""
        ticket = self._population.ticket_by_update(rank)
        dice = Dice(self._population.key, Kind.SURVEY, ticket)
        identity = self._ids.write(Kind.SURVEY, rank)
        sent = self._stamps(self._tickets.last(ticket, Moment.SENDING))
        score = dice.pick((None, 1, 3, 4, 5, 5))
        return {
            "id": identity,
            "uri": f"/api/satisfaction-surveys/{identity}/",
            "ticket_id": self._ids.write(Kind.TICKET, ticket),
            "customer_id": self._ids.write(Kind.CUSTOMER, self._tickets.owner(ticket)),
            "score": score,
            "body_text": dice.pick(LINES) if score and dice.one_in(2) else None,
            "meta": None if dice.one_in(2) else {"survey_interval": 2},
            "created_datetime": self._stamps(self.created(rank)),
            "should_send_datetime": sent,
            "sent_datetime": sent,
            "scored_datetime": self._stamps(self._tickets.last(ticket, Moment.SCORE)) if score else None,
        }
