"""Customers and tickets by number, and what became of them; nothing of it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto

from extractor.sandbox.gorgias.stamps import SECOND
from extractor.sandbox.gorgias.timeline import CUSTOMERS, OWNERS, SLOTS, TICKETS, Timeline
from extractor.sandbox.options import Options

__all__ = ["RING", "Fate", "Part", "Population"]

RING = 24  # of every 24 customers, one has each part; all have more than one ticket

OPEN_BLOCKS = 3  # at the end of the past, whose tickets may be open


class Part(Enum):
    """What is special about a customer."""

    NORMAL = auto()
    GONE = auto()  # deleted; its tickets still name it
    LEAVING = auto()  # in the list, but deleted before anybody asks for it
    MERGED_TICKET = auto()
    MERGING_TICKET = auto()
    GONE_TICKET = auto()


PARTS = {
    5: Part.GONE,
    10: Part.LEAVING,
    13: Part.MERGED_TICKET,
    17: Part.MERGING_TICKET,
    22: Part.GONE_TICKET,
}


class Fate(Enum):
    """What became of a ticket."""

    THERE = auto()
    MERGED = auto()  # into the first ticket of its customer; in no list
    MERGING = auto()  # likewise, but after it was listed and before anybody asks for it
    GONE = auto()  # deleted; events and calls still name it


FATES = {Part.MERGED_TICKET: Fate.MERGED, Part.MERGING_TICKET: Fate.MERGING, Part.GONE_TICKET: Fate.GONE}


class Population:
    """The account before anything happens while requests come in.

    Attributes:
        size: customers.
        customers, tickets, messages: one more than the highest number; numbers of the last block whose customer does
            not exist stand for nothing.
        settled: tickets below this number were closed long ago.
        until: end of the data.
    """

    def __init__(self, options: Options, key: bytes, started: float) -> None:
        self.size = options.size
        self.plain = options.plain
        self.key = key
        self.until = int(options.data_ends(started).timestamp()) * SECOND
        self.timeline = Timeline(size=self.size, until=self.until, key=key, whole_seconds=not self.plain)
        self.customers = self.timeline.blocks * CUSTOMERS
        self.tickets = self.timeline.blocks * TICKETS
        self.settled = self.tickets - OPEN_BLOCKS * TICKETS
        self.messages = self.timeline.blocks * SLOTS

    def part(self, customer: int) -> Part:
        """What is special about a customer."""
        return Part.NORMAL if self.plain else PARTS.get(customer % RING, Part.NORMAL)

    def playing(self, *parts: Part) -> Iterator[int]:
        """The customers with one of these parts, not NORMAL, in order."""
        places = sorted(place for place, part in PARTS.items() if part in parts and not self.plain)
        for base in range(0, self.size, RING):
            yield from (base + place for place in places if base + place < self.size)

    def owner(self, ticket: int) -> int:
        """The customer of a ticket; `size` or more if there is none, and so no ticket."""
        block, place = divmod(ticket, TICKETS)
        return block * CUSTOMERS + OWNERS[place]

    def tickets_of(self, customer: int) -> list[int]:
        """The tickets of a customer, whatever became of them, the oldest first."""
        block, place = divmod(customer, CUSTOMERS)
        return [block * TICKETS + n for n, owner in enumerate(OWNERS) if owner == place]

    def fate(self, ticket: int) -> Fate:
        """What became of a ticket that exists or existed: the last one of some customers."""
        customer = self.owner(ticket)
        fate = FATES.get(self.part(customer), Fate.THERE)
        return fate if fate is not Fate.THERE and ticket == self.tickets_of(customer)[-1] else Fate.THERE

    def survivor(self, ticket: int) -> int:
        """The ticket that holds the messages of a ticket: itself unless it was merged."""
        merged = self.fate(ticket) in (Fate.MERGED, Fate.MERGING)
        return self.tickets_of(self.owner(ticket))[0] if merged else ticket

    def ticket_by_update(self, rank: int) -> int:
        """The ticket of a rank in the order of last messages."""
        block, place = divmod(rank, TICKETS)
        return block * TICKETS + self.timeline.layout(block).tickets_by_last[place]

    def customer_by_update(self, rank: int) -> int:
        """The customer of a rank in the order of last messages."""
        block, place = divmod(rank, CUSTOMERS)
        return block * CUSTOMERS + self.timeline.layout(block).customers_by_last[place]
