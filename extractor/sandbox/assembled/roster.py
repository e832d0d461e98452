"""Who exists, in what part, and when each works: everything is worked out from (seed, number).

A person's part is the number modulo 24, so that every part is played from 24 people on. What
somebody does on a day depends on that day alone, so that the days that two runs share are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from extractor.sandbox.assembled.history import DAY, HOUR, History
from extractor.sandbox.assembled.ids import Kind
from extractor.sandbox.assembled.reference import CHANNELS
from extractor.sandbox.dice import Dice

__all__ = ["RING", "SHIFT", "Part", "Person", "Roster"]

RING = 24
SHIFT = 8 * HOUR
STARTS = (6, 8, 9, 13)  # o'clock, UTC
NIGHT = 22
HELD = 10_000  # people that are kept in memory


class Part(Enum):
    """What is special about somebody."""

    NORMAL = auto()
    MANAGER = auto()  # no agent, so that there is no `agent_id`
    DELETED = auto()  # listed only when asked for; worked until then
    ORPHAN = auto()  # of a team that has vanished
    UNDATED = auto()  # 0 in place of dates
    TRAVELLER = auto()  # away for days in one activity
    SPARSE = auto()  # has what every person has, and nothing besides
    OWL = auto()  # works at night, over midnight


PARTS = {
    1: Part.OWL,
    3: Part.ORPHAN,
    5: Part.MANAGER,
    7: Part.UNDATED,
    9: Part.OWL,
    11: Part.DELETED,
    13: Part.TRAVELLER,
    17: Part.SPARSE,
    19: Part.MANAGER,
    21: Part.OWL,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One person.

    Attributes:
        channels: first the one that most of the work comes from.
        created: Unix seconds; the first person was there from the beginning.
        left: when somebody was deleted, or None.
        starts: the hour of the day, UTC, at which work begins.
    """

    i: int
    part: Part
    channels: tuple[str, ...]
    created: int
    left: int | None
    starts: int


class Roster:
    """All people, and when they work."""

    def __init__(self, history: History, key: bytes, size: int, *, plain: bool) -> None:
        self.history = history
        self.key = key
        self.size = size
        self.plain = plain
        self.person = lru_cache(HELD)(self._person)

    def part(self, i: int) -> Part:
        """What is special about person i, 0 <= i < size."""
        return Part.NORMAL if self.plain else PARTS.get(i % RING, Part.NORMAL)

    def agents(self) -> Iterator[Person]:
        """Everybody who is an agent, deleted ones too."""
        return (self.person(i) for i in range(self.size) if self.part(i) is not Part.MANAGER)

    def shift(self, who: Person, day: int) -> int | None:
        """When the work of a day (since 1970) begins, or None on a free one; five days out of seven."""
        start = day * DAY + who.starts * HOUR
        employed = who.created <= start and (who.left is None or start < who.left)
        return start if (day + who.i) % 7 < 5 and employed else None

    def _person(self, i: int) -> Person:
        dice = Dice(self.key, Kind.PERSON, i)
        part = self.part(i)
        span = self.history.until - self.history.begin
        channels: tuple[str, ...] = (CHANNELS[i % len(CHANNELS)],)
        if i == 0:
            channels = CHANNELS  # so that somebody names each of them, however few there are
        elif dice.one_in(3):
            channels += (CHANNELS[(i + 1) % len(CHANNELS)],)
        starts = dice.pick(STARTS)
        # Most people have been there for long: the cube draws them towards the beginning.
        late = int(0.8 * span * dice.unit() ** 3)
        return Person(
            i=i,
            part=part,
            channels=channels,
            created=self.history.begin + (late if i and part is not Part.DELETED else 0),
            left=self.history.begin + span // 2 if part is Part.DELETED else None,
            starts=NIGHT if part is Part.OWL else starts,
        )
