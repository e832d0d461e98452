"""What happens while requests come in: tickets, messages, macros that are used; nothing unless the data are live."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.ids import Kind
from extractor.sandbox.gorgias.population import Part, Population
from extractor.sandbox.gorgias.stamps import SECOND

__all__ = ["Changes", "LiveMessage", "LiveTicket"]

EVERY = 5  # requests from one change to the next
MACROS_USED = 24  # the first ones


@dataclass(frozen=True, slots=True)
class LiveTicket:
    """A ticket that came."""

    owner: int
    created: int


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """Message k of a ticket, that came."""

    ticket: int
    k: int
    at: int


@dataclass(kw_only=True)
class Changes:
    """Lies over the population; empty at first.

    Attributes:
        tickets, messages: that came, numbered on from those of the population.
        of_ticket: ticket -> numbers of the messages that came to it.
        updated: ticket -> when it was updated last.
        updates: (instant, ticket) of every update, so that the latest of a ticket is the valid one.
        used: macro -> how often it was used.
    """

    population: Population
    live: bool
    tickets: list[LiveTicket] = field(default_factory=list)
    messages: list[LiveMessage] = field(default_factory=list)
    of_ticket: dict[int, list[int]] = field(default_factory=dict)
    updated: dict[int, int] = field(default_factory=dict)
    updates: list[tuple[int, int]] = field(default_factory=list)
    used: Counter[int] = field(default_factory=Counter)

    def arrived(self, number: int, now: float) -> None:
        """A request was counted; every fifth lets something happen."""
        if self.live and number % EVERY == 0:
            latest = self.messages[-1].at if self.messages else self.population.until
            self._happen(Dice(self.population.key, Kind.CHANGE, number), max(int(now * SECOND), latest + SECOND))

    def _happen(self, dice: Dice, at: int) -> None:
        self.used[dice.below(MACROS_USED)] += 1
        customer = dice.below(self.population.size)
        if self.population.part(customer) is not Part.NORMAL:
            return
        if dice.one_in(3):
            self.tickets.append(LiveTicket(customer, at))
            ticket, k = self.population.tickets + len(self.tickets) - 1, 0
        else:
            ticket = dice.pick(self.population.tickets_of(customer))
            k = len(self.population.timeline.slots(ticket)) + len(self.of_ticket.get(ticket, ()))
        self.messages.append(LiveMessage(ticket, k, at))
        self.of_ticket.setdefault(ticket, []).append(self.population.messages + len(self.messages) - 1)
        self.updated[ticket] = at
        self.updates.append((at, ticket))
