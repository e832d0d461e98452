"""What exists, what a perfect extractor can obtain of it, and why the rest can't be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from zoneinfo import ZoneInfo

import orjson

from extractor.sandbox import telling
from extractor.sandbox.gladly.answers import Answers
from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.events import Events
from extractor.sandbox.gladly.exports import Exports
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.items import UNSUPPORTED, Items
from extractor.sandbox.gladly.population import RING, Conversation, Customer, Part, Population
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.report_rows import COLUMNS, TIMESTAMPS, ReportRows
from extractor.sandbox.gladly.stamps import DAY
from extractor.sandbox.gladly.work_sessions import WorkSessions

__all__ = ["Truth"]

ITEM_CAP = 1_000
COMMENT_CAP = 1_000
PAUSE_EVERY = 200  # customers
SMALL = ("agents", "teams", "inboxes", "topics", "audiences", "business_hours", "webhooks", "organization")
ON_DEMAND = (
    *("voice_transcripts", "public_answers", "answers"),
    *("report_conversation_timestamps", "report_contact_export", "report_work_session_events"),
    *("export_agents", "export_topics", "export_customers", "export_conversation_items"),
)
EVER = (0, 1 << 62)
UNREACHED_PARTS = (Part.DELETED, Part.UNKNOWN)

Record = dict[str, object]
Key = str | tuple[str, str] | Record
Keys = AsyncIterator[Key]


class Truth:
    """Lists primary keys, table by table, as a stream.

    Sections of the JSON object:
        tables: table -> keys that can be obtained; whole records of a table without a key.
        gone: table -> keys that are named somewhere but answer 404.
        moved: former customer id -> the id that its 301 names.
        hidden: table -> keys of records that exist behind a cap, and that no documented route reaches.
        undiscoverable: table -> keys of records that exist and would be served, but that nothing names.
        elsewhere: `activity_items`, those of `conversation_items` that are outside of conversations, so that
            only export files name them, and `unsupported_items`, whose single answer is 400.
        changes: what happened since the start, with option `live`.
    """

    def __init__(
        self,
        *,
        population: Population,
        ids: Ids,
        changes: Changes,
        reference: Reference,
        items: Items,
        exports: Exports,
        events: Events,
        answers: Answers,
        rows: ReportRows,
        sessions: WorkSessions,
    ) -> None:
        self._population = population
        self._ids = ids
        self._changes = changes
        self._reference = reference
        self._items = items
        self._exports = exports
        self._events = events
        self._answers = answers
        self._rows = rows
        self._sessions = sessions

    async def stream(self, tables: Sequence[str], now: float) -> AsyncIterator[bytes]:
        """The JSON object; `tables` other than none asks for section `tables` alone and for these in it.

        Tables of `ON_DEMAND` take long to list and are left out unless they are asked for.
        """
        lists = self._tables(now)
        async for piece in telling.tables(lists, tables, ON_DEMAND):
            yield piece
        if not tables:
            for section, lines in (("gone", self._gone()), ("undiscoverable", self._undiscoverable())):
                yield f',"{section}":'.encode() + orjson.dumps(lines)
            yield b',"hidden":' + orjson.dumps(await self._hidden())
            yield b',"moved":' + orjson.dumps(self.moved())
            elsewhere = {"activity_items": self._activities(), "unsupported_items": self._unsupported()}
            yield b',"elsewhere":' + orjson.dumps(elsewhere) + b',"changes":' + orjson.dumps(self._changes.log)
        yield b"}\n"

    def moved(self) -> dict[str, str]:
        """Former customer id -> the id that its 301 names."""
        pairs = {}
        for part in (Part.MERGED, Part.MERGED_TWICE):
            for i in self._population.playing(part):
                for n in range(self._population.customer(i).former):
                    newer = self._ids.write(Kind.FORMER, i, n - 1) if n else self._ids.customer(i)
                    pairs[self._ids.write(Kind.FORMER, i, n)] = newer
        return pairs | {self._ids.customer(i): self._ids.customer(into) for i, into in self._changes.moved.items()}

    def _tables(self, now: float) -> dict[str, Keys]:
        write = self._ids.write
        small = {name: _plain(str(r["id"]) for r in self._reference.lists[name]) for name in SMALL}
        return small | {
            "customer_profiles": self._profiles(),
            "conversations": self._conversations(),
            "conversation_items": self._conversation_items(),
            "voice_transcripts": self._transcripts(),
            "export_agents": _plain(str(r["id"]) for r in self._reference.lists["agents"]),
            "export_topics": _plain(str(r["id"]) for r in self._reference.lists["topics"]),
            "export_customers": self._exported_customers(),
            "export_conversation_items": self._exported_items(),
            "tasks": self._tasks(reported=False),
            "task_comments": self._comments(),
            "custom_attributes": _plain(iter(self._reference.attributes)),
            "export_schedules": _plain(str(r["id"]) for r in self._exports.schedules()),
            "export_jobs": _plain(str(r["id"]) for r in self._exports.jobs()),
            "events": _plain(str(e.record["id"]) for e in self._events.recent(now)),
            "report_conversation_export": _plain(write(Kind.CONVERSATION, i, j) for i, j in self._reported()),
            "report_conversation_timestamps": _plain(self._happenings()),
            "report_contact_export": _plain(write(Kind.CONTACT, i, j) for i, j in self._reported()),
            "report_work_session_events": _plain(self._sessions.keys(i, j) for i, j in self._reported()),
            "public_answers": _plain(iter(self._answers.public)),
            "answers": _plain(iter(self._answers.public)),
            "report_task_export": self._tasks(reported=True),
        }

    # ── tables ──────────────────────────────────────────────────────────────────────────────

    async def _alive(self) -> AsyncIterator[Customer]:
        for i in range(self._population.size):
            if i % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
            who = self._population.customer(i)
            if who.part not in UNREACHED_PARTS:
                yield who

    async def _profiles(self) -> Keys:
        missed = {i for part in (Part.EXPORT_ONLY, Part.ACTIVITY_ONLY) for i in self._unreached(part)}
        async for who in self._alive():
            if who.i not in self._changes.moved and who.i not in missed:
                yield self._ids.customer(who.i)

    def _unreached(self, part: Part) -> Iterator[int]:
        """Those that only a file names, if the file is not there."""
        name = "customers.jsonl" if part is Part.EXPORT_ONLY else "conversation_items.jsonl"
        for i in self._population.playing(part):
            born = self._population.born(self._population.customer(i))
            if not self._exports.served(born // DAY, name):
                yield i

    async def _talks(self) -> AsyncIterator[Conversation]:
        async for who in self._alive():
            for j in range(who.conversations):
                if (who.i, j) not in self._changes.lost:
                    yield self._population.conversation(who, j)

    async def _conversations(self) -> Keys:
        async for talk in self._talks():
            yield self._ids.conversation(talk.i, talk.j)

    async def _conversation_items(self) -> Keys:
        exported = await self._exported_beyond_cap()
        async for talk in self._talks():
            for k in range(self._items.count(talk)):
                if k < ITEM_CAP or self._reachable(talk, k, exported):
                    yield self._ids.item(talk.i, talk.j, k)
        for slug in self._activities():
            yield slug

    def _reachable(self, talk: Conversation, k: int, exported: set[tuple[int, int, int]]) -> bool:
        """Is an item behind the cap reached through a session that begins before it, or an export file?"""
        session = self._items.session(talk, k)
        return (talk.i, talk.j, k) in exported or (
            session is not None and session == self._items.session(talk, ITEM_CAP - 1)
        )

    async def _exported_beyond_cap(self) -> set[tuple[int, int, int]]:
        found = set()
        for day in self._exports.days():
            if self._exports.served(day, "conversation_items.jsonl"):
                async for talk, k in self._exports.items(day):
                    if k >= ITEM_CAP and self._items.make(talk, k).delivered:
                        found.add((talk.i, talk.j, k))
        return found

    async def _transcripts(self) -> Keys:
        async for talk in self._talks():
            for k in range(min(ITEM_CAP, self._items.count(talk))):
                if self._items.transcript(self._items.make(talk, k)) is not None:
                    yield self._ids.item(talk.i, talk.j, k)

    async def _exported_customers(self) -> Keys:
        days = [day for day in self._exports.days() if self._exports.served(day, "customers.jsonl")]
        for i in sorted({i for day in days for i in await self._exports.customers(day)}):
            yield self._ids.customer(i)

    async def _exported_items(self) -> Keys:
        for day in self._exports.days():
            if self._exports.served(day, "conversation_items.jsonl"):
                async for talk, k in self._exports.items(day):
                    made = self._items.make(talk, k)
                    if made.delivered:
                        yield str(made.item["id"])
        for slug in self._activities():
            yield slug

    async def _tasks(self, *, reported: bool) -> Keys:
        for i in range(self._population.size):
            if i % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
            who = self._population.customer(i)
            if reported or who.part is not Part.DELETED:
                for t in range(who.tasks):
                    yield self._ids.write(Kind.TASK, i, t)

    async def _comments(self) -> Keys:
        async for who in self._alive():
            for t in range(who.tasks):
                for c in range(min(COMMENT_CAP, self._population.task(who, t).comments)):
                    yield self._ids.write(Kind.COMMENT, who.i, t, c)

    def _reported(self) -> Iterator[tuple[int, int]]:
        for i in range(self._population.size):
            who = self._population.customer(i)
            for j in range(who.conversations + who.lost):
                yield i, j

    def _happenings(self) -> Iterator[Record]:
        """Rows of a report without a key, whole; a blank cell is null."""
        for i, j in self._reported():
            for row in self._rows.events(i, j, EVER, ZoneInfo("UTC")):
                yield {name: cell or None for name, cell in zip(COLUMNS[TIMESTAMPS], row, strict=True)}

    # ── what can't be had ───────────────────────────────────────────────────────────────────

    def _gone(self) -> dict[str, list[str]]:
        customers, talks, tasks = [], [], []
        for i in self._population.playing(Part.DELETED):
            who = self._population.customer(i)
            customers.append(self._ids.customer(i))
            talks += [self._ids.conversation(i, j) for j in range(who.conversations)]
            tasks += [self._ids.write(Kind.TASK, i, t) for t in range(who.tasks)]
        for part in (Part.MERGED, Part.MERGED_TWICE):
            for i in self._population.playing(part):
                talks.append(self._ids.conversation(i, self._population.customer(i).conversations))
        talks += [self._ids.conversation(i, j) for i, j in sorted(self._changes.lost)]
        files = [
            f"{self._ids.write(Kind.JOB, day)}/{name}"
            for day in self._exports.days()
            for name in self._exports.files(day)
            if not self._exports.served(day, name)
        ]
        return {"customer_profiles": customers, "conversations": talks, "tasks": tasks, "export_files": files}

    def _undiscoverable(self) -> dict[str, list[str]]:
        unknown = [*self._population.playing(Part.UNKNOWN)]
        unknown += [i for part in (Part.EXPORT_ONLY, Part.ACTIVITY_ONLY) for i in self._unreached(part)]
        return {
            "customer_profiles": [self._ids.customer(i) for i in sorted(unknown)],
            "answers": self._answers.internal,
        }

    async def _hidden(self) -> dict[str, list[str]]:
        exported = await self._exported_beyond_cap()
        items, comments = [], []
        for i in self._population.playing(Part.LONG):
            talk = self._population.conversation(self._population.customer(i), 0)
            items += [
                self._ids.item(i, 0, k)
                for k in range(ITEM_CAP, self._items.count(talk))
                if not self._reachable(talk, k, exported)
            ]
        for i in self._population.playing(Part.BUSY):
            count = self._population.task(self._population.customer(i), 0).comments
            comments += [self._ids.write(Kind.COMMENT, i, 0, c) for c in range(COMMENT_CAP, count)]
        return {"conversation_items": items, "task_comments": comments}

    def _activities(self) -> list[str]:
        return [
            self._ids.write(Kind.ACTIVITY, act.i, act.n)
            for day in self._exports.days()
            if self._exports.served(day, "conversation_items.jsonl")
            for act in self._exports.activities(day)
        ]

    def _unsupported(self) -> list[str]:
        first = next(i for i in range(RING) if self._population.customer(i).conversations)
        return [self._ids.item(first, 0, UNSUPPORTED)]


async def _plain(keys: Iterator[Key]) -> Keys:
    for n, key in enumerate(keys):
        if n % 1_000 == 0:
            await asyncio.sleep(0)
        yield key
