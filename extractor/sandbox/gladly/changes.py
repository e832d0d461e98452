"""What happens while requests come in: new items, closings, merges; nothing unless the data are live."""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.ids import Ids
from extractor.sandbox.gladly.population import Customer, Part, Population
from extractor.sandbox.gladly.stamps import stamp

__all__ = ["Changes"]

EVERY = 10  # requests from one change to the next
SALT = 0xC4


@dataclass(kw_only=True)
class Changes:
    """Lies over the population; empty at first.

    Attributes:
        moved: customer -> the customer it was merged into.
        adopted: customer -> those merged into it.
        lost: conversations folded away, as (customer, number).
        closed: conversation -> when it was closed.
        added: conversation -> when its additional items happened.
        events: (instant, type, content) for the event feed.
        log: one line of JSON per change, for the truth.
    """

    population: Population
    ids: Ids
    live: bool
    moved: dict[int, int] = field(default_factory=dict)
    adopted: dict[int, list[int]] = field(default_factory=dict)
    lost: set[tuple[int, int]] = field(default_factory=set)
    closed: dict[tuple[int, int], int] = field(default_factory=dict)
    added: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    events: list[tuple[int, str, dict[str, object]]] = field(default_factory=list)
    log: list[dict[str, object]] = field(default_factory=list)

    def arrived(self, number: int, now: float) -> None:
        """A request was counted; every tenth lets something happen."""
        if self.live and number % EVERY == 0:
            self._happen(number // EVERY, int(now * 1000))

    def owner(self, i: int) -> int:
        """The customer to whom the conversations and tasks of customer i belong now."""
        return self.moved.get(i, i)

    def _happen(self, n: int, at: int) -> None:
        dice = Dice(self.population.key, SALT, n)
        who = self._somebody(dice)
        if who is None:
            return
        talk = self.population.conversation(who, who.conversations - 1)
        where = (talk.i, talk.j)
        names: dict[str, object] = {
            "conversationId": self.ids.conversation(*where),
            "customerId": self.ids.customer(self.owner(who.i)),
        }
        kind = dice.below(10)
        if kind == 0 and who.i not in self.adopted and (into := self._somebody(dice)) and into.i != who.i:
            self._merge(who, into, at)
        elif kind < 4 and talk.open and where not in self.closed and where not in self.lost:
            self.closed[where] = at
            self._note(at, "closed", "CONVERSATION/CLOSED", names)
        elif where not in self.lost:
            self.added.setdefault(where, []).append(at)
            number = talk.items + len(self.added[where]) - 1
            names = names | {"itemId": self.ids.item(talk.i, talk.j, number)}
            self._note(at, "item", "CONTACT/MESSAGE_RECEIVED", names)

    def _somebody(self, dice: Dice) -> Customer | None:
        for _ in range(8):
            who = self.population.customer(dice.below(self.population.size))
            if who.part is Part.NORMAL and who.conversations and who.i not in self.moved:
                return who
        return None

    def _merge(self, who: Customer, into: Customer, at: int) -> None:
        mine = self.population.conversation(who, who.conversations - 1)
        theirs = self.population.conversation(into, into.conversations - 1)
        content: dict[str, object] = {
            "sourceCustomerId": self.ids.customer(who.i),
            "destinationCustomerId": self.ids.customer(into.i),
        }
        if self._open(mine.i, mine.j, mine.open) and self._open(theirs.i, theirs.j, theirs.open):
            self.lost.add((mine.i, mine.j))
            content["sourceConversationId"] = self.ids.conversation(mine.i, mine.j)
            content["destinationConversationId"] = self.ids.conversation(theirs.i, theirs.j)
        self.moved[who.i] = into.i
        self.adopted.setdefault(into.i, []).append(who.i)
        self._note(at, "merged", "CUSTOMER/MERGED", content)

    def _open(self, i: int, j: int, status: str) -> bool:
        return bool(status) and (i, j) not in self.closed and (i, j) not in self.lost

    def _note(self, at: int, kind: str, event: str, content: dict[str, object]) -> None:
        self.events.append((at, event, {key: value for key, value in content.items() if key != "itemId"}))
        self.log.append({"at": stamp(at), "change": kind, **content})
