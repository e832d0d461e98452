"""Export jobs of the last fourteen days, and their files of JSON lines.

A daily job covers the day before it. Thirteen of them exist at any time, and one more that
somebody ordered once and that never ends. The pattern of their states depends on the day modulo
thirteen, so that each state occurs among them on every date.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import orjson

from extractor.sandbox.gladly.calendar import Calendar
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.items import Items
from extractor.sandbox.gladly.population import JOB_CYCLE, Conversation, Part, Population
from extractor.sandbox.gladly.records import Records
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.report_rows import LONGEST_SPAN
from extractor.sandbox.gladly.stamps import DAY, HOUR, stamp

__all__ = ["FILES", "Exports"]

Record = dict[str, object]

FILES = ("agents.jsonl", "conversation_items.jsonl", "customers.jsonl", "topics.jsonl")
FAILED, PENDING = (4, 8), 12
EARLY_FILES = (2, 6, 10)
MISSING_FILE = (6, "conversation_items.jsonl")
MALFORMED = {"conversation_items.jsonl": 10, "customers.jsonl": 2}
FEW = 400
"""Below this size only the days of `EARLY_FILES` have files, so that a small run needs few requests."""


@dataclass(frozen=True, slots=True)
class Activity:
    """An item outside of any conversation: number n of customer i."""

    i: int
    n: int
    when: int


class Exports:
    """Jobs and files."""

    def __init__(
        self,
        *,
        population: Population,
        ids: Ids,
        calendar: Calendar,
        items: Items,
        records: Records,
        reference: Reference,
    ) -> None:
        self._population = population
        self._ids = ids
        self._calendar = calendar
        self._items = items
        self._records = records
        self._reference = reference
        self._last_day = population.until // DAY - 1
        self._shift = population.shift

    # ── jobs ────────────────────────────────────────────────────────────────────────────────

    def schedules(self) -> list[Record]:
        """The one schedule that every organisation has."""
        today = self._last_day + self._shift + 1
        schedule: Record = {"id": self._ids.write(Kind.SCHEDULE), "frequency": "DAILY", "type": "CONVERSATIONS"}
        return [schedule | {"nextStartAt": stamp((today + 1) * DAY, 0), "updatedAt": stamp(today * DAY, 9, 72_729)}]

    def days(self) -> range:
        """The days that the daily jobs cover, in the time of the data."""
        return range(self._last_day - JOB_CYCLE + 1, self._last_day + 1)

    def jobs(self) -> list[Record]:
        """All jobs, the newest first."""
        return [*(self._job(day) for day in reversed(self.days())), self._one_time_job()]

    def job(self, kind: int, number: int) -> Record | None:
        """One job by what its id stands for."""
        if kind == Kind.ONE_TIME_JOB:
            return self._one_time_job()
        return self._job(number) if kind == Kind.JOB and number in self.days() else None

    def files(self, day: int) -> tuple[str, ...]:
        """The files that the job for a day lists."""
        residue = day % JOB_CYCLE
        if self._population.size < FEW:
            return FILES if residue in EARLY_FILES else ()
        return () if residue in (FAILED[1], PENDING) else FILES

    def served(self, day: int, name: str) -> bool:
        """Is a file there? One that is listed is not."""
        listed = day in self.days() and name in self.files(day)
        return listed and (self._population.plain or (day % JOB_CYCLE, name) != MISSING_FILE)

    def _job(self, day: int) -> Record:
        residue = day % JOB_CYCLE
        few = self._population.size < FEW
        status = "PENDING" if residue == PENDING else "COMPLETED"
        if residue in (FAILED if few else FAILED[1:]):
            status = "FAILED"
        real = day + self._shift
        return {
            "id": self._ids.write(Kind.JOB, day),
            "scheduleId": self._ids.write(Kind.SCHEDULE),
            "status": status,
            "updatedAt": stamp((real + 1) * DAY + residue, (9, 2, 3)[day % 3], 72_729),
            "parameters": {
                "type": "CONVERSATIONS",
                "startAt": stamp(real * DAY, 0),
                "endAt": stamp((real + 1) * DAY, 0),
            },
            "files": list(self.files(day)),
        }

    def _one_time_job(self) -> Record:
        day = self._last_day + self._shift - 4
        parameters = {"type": "CONVERSATIONS", "startAt": stamp((day - 60) * DAY, 0), "endAt": stamp(day * DAY, 0)}
        job: Record = {"id": self._ids.write(Kind.ONE_TIME_JOB), "status": "IN_PROGRESS"}
        return job | {"updatedAt": stamp(day * DAY + 9 * HOUR, 3), "parameters": parameters, "files": []}

    # ── what a day holds ────────────────────────────────────────────────────────────────────

    async def items(self, day: int) -> AsyncIterator[tuple[Conversation, int]]:
        """The items of conversations that happened on a day, in no particular order."""
        calendar = await self._calendar.ready()
        population = self._population
        positions = calendar.between(calendar.conversations, day * DAY - LONGEST_SPAN, (day + 1) * DAY)
        for n, (i, j) in enumerate(calendar.look(calendar.conversations, positions)):
            if n % 200 == 0:
                await asyncio.sleep(0)
            who = population.customer(i)
            talk = population.conversation(who, j)
            if talk.lost or who.part is Part.DELETED:
                continue
            for k in self._on(talk, day):
                yield talk, k
        for i in population.playing(Part.LONG):
            talk = population.conversation(population.customer(i), 0)
            for k in self._on(talk, day):
                yield talk, k

    def _on(self, talk: Conversation, day: int) -> Iterator[int]:
        for k in range(talk.items):
            if self._population.item_time(talk, k) // DAY == day:
                yield k

    def activities(self, day: int) -> Iterator[Activity]:
        """The items outside of conversations that happened on a day."""
        for i in self._candidates():
            for n, when in enumerate(self._population.activities(self._population.customer(i))):
                if when // DAY == day:
                    yield Activity(i, n, when)

    def _candidates(self) -> Iterator[int]:
        yield from self._population.playing(Part.ACTIVITY_ONLY)
        yield from range(1, self._population.size, 25)

    async def customers(self, day: int) -> list[int]:
        """The customers that the file of a day names: created on it, or active."""
        found = {talk.i async for talk, _ in self.items(day)}
        found |= {act.i for act in self.activities(day) if self._population.part(act.i) is Part.NORMAL}
        for i in self._population.playing(Part.EXPORT_ONLY):
            if self._population.born(self._population.customer(i)) // DAY == day:
                found.add(i)
        return sorted(found)

    # ── files ───────────────────────────────────────────────────────────────────────────────

    async def lines(self, day: int, name: str) -> AsyncIterator[bytes]:
        """A file: a record per line, blank lines among them, and in some files the torso of a line."""
        noise = not self._population.plain
        number = 0
        async for record in self._file(day, name):
            line = orjson.dumps(record)
            if noise and number == 0 and MALFORMED.get(name) == day % JOB_CYCLE:
                yield line[: len(line) * 2 // 3] + b"\n"  # the whole line follows: nothing is lost
            yield line + b"\n"
            if noise and number % 50 == 0:
                yield b"\n"
            number += 1

    async def _file(self, day: int, name: str) -> AsyncIterator[Record]:
        match name:
            case "conversation_items.jsonl":
                async for talk, k in self.items(day):
                    made = self._items.make(talk, k)
                    if made.delivered:
                        yield made.item
                for act in self.activities(day):
                    yield self._items.activity(act.i, act.n, act.when)
            case "customers.jsonl":
                for i in await self.customers(day):
                    yield self._records.exported_customer(self._population.customer(i), day)
            case _:
                for record in self._reference.lists[name.removesuffix(".jsonl")]:
                    yield record
