"""The account's past, cut so that every list can be worked out in any of its orders without being stored.

A block is eight tickets of four customers and forty slots; each slot holds one message of one of them. Which slot
is whose follows from one of a few layouts, drawn once. What happens in a slot happens in the slice of the slot that
belongs to its `Moment`, so that order in time is order by (slot, moment), and the order of last messages within a
block is that of its layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.stamps import DAY, SECOND

__all__ = ["CUSTOMERS", "OWNERS", "SLOTS", "TICKETS", "Layout", "Moment", "Timeline"]

OWNERS = (0, 1, 2, 1, 3, 2, 1, 3)
"""Place of a ticket in its block -> place of its customer; customers come in the order of their first ticket."""
COUNTS = (2, 3, 4, 5, 5, 6, 7, 8)
"""How many messages the tickets of a block have, in some order."""
TICKETS, CUSTOMERS, SLOTS = len(OWNERS), max(OWNERS) + 1, sum(COUNTS)
LAYOUTS = 5
SLICES = 16
SALT = 0xB10C


class Moment(IntEnum):
    """The slice of a slot in which something happens."""

    CUSTOMER = 1  # is created, in the slot of the first message of its first ticket
    TICKET = 3  # is created, in the slot of its first message
    MESSAGE = 5
    SENT = 6
    EVENT = 7
    CALL = 8
    CLOSE = 9  # of a ticket, in the slot of its last message, as all that follow
    TRASH = 10
    UPDATE = 11
    SURVEY = 12
    SENDING = 13
    SCORE = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Whose the slots of a block are.

    Attributes:
        slots: slot -> (place of the ticket, number of its message).
        tickets: place of a ticket -> its slots.
        tickets_by_last, customers_by_last: places in the order of the last slot.
    """

    slots: tuple[tuple[int, int], ...]
    tickets: tuple[tuple[int, ...], ...]
    tickets_by_last: tuple[int, ...]
    customers_by_last: tuple[int, ...]


class Timeline:
    """Slots in time.

    Args:
        size: customers.
        until: end of the data.
        key: of the draws.
        whole_seconds: some instants have no fraction of a second.

    Attributes:
        begin: of the first slot.
        blocks: how many; the last one may lack customers.
    """

    def __init__(self, *, size: int, until: int, key: bytes, whole_seconds: bool) -> None:
        self.blocks = -(-size // CUSTOMERS)
        self.begin = until - (915 if size < 1_000 else 1_825) * DAY
        self._slot = (until - self.begin) // (self.blocks * SLOTS)
        self._key = key
        self._whole_seconds = whole_seconds and self._slot // SLICES > 2 * SECOND
        self._layouts = [_layout(Dice(key, SALT, n)) for n in range(LAYOUTS)]

    def layout(self, block: int) -> Layout:
        """The layout of a block."""
        return self._layouts[block % LAYOUTS]

    def slots(self, ticket: int) -> tuple[int, ...]:
        """The slots of a ticket's messages."""
        block, place = divmod(ticket, TICKETS)
        return tuple(block * SLOTS + slot for slot in self.layout(block).tickets[place])

    def whose(self, slot: int) -> tuple[int, int]:
        """Ticket and number of the message in a slot."""
        block, inside = divmod(slot, SLOTS)
        place, k = self.layout(block).slots[inside]
        return block * TICKETS + place, k

    def at(self, slot: int, moment: Moment) -> int:
        """When something happens in a slot."""
        dice = Dice(self._key, SALT, slot, moment)
        begin = self.begin + slot * self._slot + moment * self._slot // SLICES
        slice_ = self._slot // SLICES
        if self._whole_seconds and dice.one_in(8):
            return -(-(begin + dice.below(slice_ - SECOND)) // SECOND) * SECOND
        return begin + dice.below(max(1, slice_))


def _layout(dice: Dice) -> Layout:
    left = list(COUNTS)
    for n in range(TICKETS - 1, 0, -1):  # Fisher and Yates
        other = dice.below(n + 1)
        left[n], left[other] = left[other], left[n]
    tickets: list[list[int]] = []
    slots: list[tuple[int, int]] = []
    while len(slots) < SLOTS:
        running = [place for place in range(len(tickets)) if left[place]]
        if len(tickets) < TICKETS and (not running or dice.one_in(4)):
            tickets.append([])
            place = len(tickets) - 1
        else:
            place = dice.pick(running)
        left[place] -= 1
        slots.append((place, len(tickets[place])))
        tickets[place].append(len(slots) - 1)
    last = {owner: max(tickets[p][-1] for p in range(TICKETS) if OWNERS[p] == owner) for owner in range(CUSTOMERS)}
    return Layout(
        slots=tuple(slots),
        tickets=tuple(map(tuple, tickets)),
        tickets_by_last=tuple(sorted(range(TICKETS), key=lambda place: tickets[place][-1])),
        customers_by_last=tuple(sorted(range(CUSTOMERS), key=lambda place: last[place])),
    )
