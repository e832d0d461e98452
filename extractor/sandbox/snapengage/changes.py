"""What happens while requests come in: surveys answered late, chats that go on; nothing unless the data are live."""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.sandbox.dice import Dice
from extractor.sandbox.snapengage.ids import Ids, Kind
from extractor.sandbox.snapengage.population import WIDGETS, Case, Population

__all__ = ["Changes"]

EVERY = 10  # requests from one change to the next
RECENT = 50  # cases of a widget, the newest ones, whose visitors still have the survey before them


@dataclass(kw_only=True)
class Changes:
    """Lies over the population; empty at first.

    Attributes:
        surveyed: cases whose survey was answered since the start, as (widget, number).
        added: case -> when its additional lines were written.
        log: one line of JSON per change, for the truth.
    """

    population: Population
    ids: Ids
    live: bool
    surveyed: set[tuple[int, int]] = field(default_factory=set)
    added: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    log: list[dict[str, object]] = field(default_factory=list)

    def arrived(self, number: int, now: float) -> None:
        """A request was counted; every tenth lets something happen."""
        if self.live and number % EVERY == 0:
            self._happen(number // EVERY, int(now * 1000))

    def is_surveyed(self, case: Case) -> bool:
        """Has the visitor answered the survey by now?"""
        return case.surveyed or (case.w, case.n) in self.surveyed

    def lines(self, case: Case) -> int:
        """How many lines a case has by now."""
        return case.lines + len(self.added.get((case.w, case.n), ()))

    def line_time(self, case: Case, k: int) -> int:
        """When line k of a case was written."""
        return case.line_time(k) if k < case.lines else self.added[case.w, case.n][k - case.lines]

    def _happen(self, n: int, at: int) -> None:
        dice = Dice(self.population.key, Kind.CHANGE, n)
        w = dice.below(WIDGETS)
        count = self.population.count(w)
        case = self.population.case(w, count - 1 - dice.below(min(count, RECENT)))
        if not (case.open or case.offline or self.is_surveyed(case)):
            self.surveyed.add((case.w, case.n))
            self._note(at, "surveyed", case)
        else:
            going_on = self.population.case(w, dice.pick(self.population.open_cases(w)))
            self.added.setdefault((going_on.w, going_on.n), []).append(at)
            self._note(at, "line", going_on)

    def _note(self, at: int, change: str, case: Case) -> None:
        self.log.append({"at": at, "change": change, "id": self.ids.case(case.w, case.n)})
