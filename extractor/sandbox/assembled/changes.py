"""Edits of the past while requests come in; nothing unless the data are live."""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.sandbox.assembled.history import DAY
from extractor.sandbox.assembled.roster import Part, Person, Roster
from extractor.sandbox.dice import Dice

__all__ = ["Changes", "Edit"]

EVERY = 10  # requests from one edit to the next
SALT = 0xC4
KINDS = ("described", "moved", "deleted", "added")
"""What may happen to an activity. A moved one has another `id_with_timestamps` from then on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One edit of one agent's day: of the first activity of that day, or an activity more."""

    number: int
    kind: str
    i: int
    day: int
    at: int


@dataclass(kw_only=True)
class Changes:
    """Lies over the schedule; empty at first.

    Attributes:
        edits: in the order in which they happened.
        by_day: the same, by (person, day); one day of an agent is edited once.
        closed: the instant at which all states that were open ended, or None.
    """

    roster: Roster
    live: bool
    edits: list[Edit] = field(default_factory=list)
    by_day: dict[tuple[int, int], Edit] = field(default_factory=dict)
    closed: int | None = None

    def arrived(self, number: int, now: float) -> None:
        """A request was counted; every tenth edits the past, the fifth of these ends the open states besides."""
        if not self.live or number % EVERY:
            return
        n, at = number // EVERY, int(now)
        if n == len(KINDS) + 1:
            self.closed = at
        dice = Dice(self.roster.key, SALT, n)
        history = self.roster.history
        days = history.days(history.window)
        who, day = self._worker(dice), days[dice.below(len(days))]
        if who is not None and (who.i, day) not in self.by_day and self._past(who, day):
            edit = Edit(number=n, kind=KINDS[len(self.edits) % len(KINDS)], i=who.i, day=day, at=at)
            self.edits.append(edit)
            self.by_day[who.i, day] = edit

    def _worker(self, dice: Dice) -> Person | None:
        who = self.roster.person(dice.below(self.roster.size))
        return None if who.part is Part.MANAGER else who

    def _past(self, who: Person, day: int) -> bool:
        start = self.roster.shift(who, day)
        return start is not None and start + DAY < self.roster.history.until
