"""Paths of customers, conversations, items, tasks and comments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from re import compile as pattern
from typing import TypeVar

from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.contents import WITH_ATTACHMENTS
from extractor.sandbox.gladly.errors import invalid, not_found
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.items import UNSUPPORTED, Items, Made
from extractor.sandbox.gladly.population import Conversation, Customer, Part, Population, Task
from extractor.sandbox.gladly.records import Records
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["CustomerRoutes"]

CONVERSATION_CAP, ITEM_CAP, TASK_CAP, COMMENT_CAP, FOUND_CAP = 100, 1_000, 2_000, 1_000, 50
T = TypeVar("T")
E164 = pattern(r"\+[1-9]\d{6,14}")


class CustomerRoutes:
    """Answers what hangs on a customer."""

    def __init__(
        self, population: Population, ids: Ids, changes: Changes, records: Records, items: Items, *, other_origin: str
    ) -> None:
        self._population = population
        self._ids = ids
        self._changes = changes
        self._records = records
        self._items = items
        self._other_origin = other_origin

    def routes(self) -> list[Route]:
        """All of them."""
        identifiers = frozenset({"email", "phoneNumber", "externalCustomerId"})
        return [
            Route(name="find_customers", path="/customer-profiles", query=identifiers, answer=self._find),
            Route(name="customer_profile", path="/customer-profiles/{}", answer=self._profile),
            Route(name="conversations_for_customer", path="/customers/{}/conversations", answer=self._conversations),
            Route(
                name="tasks_for_customer",
                path="/customers/{}/tasks",
                query=frozenset({"status"}),
                answer=self._tasks,
            ),
            Route(name="conversation", path="/conversations/{}", answer=self._conversation),
            Route(
                name="conversation_items",
                path="/conversations/{}/items",
                query=frozenset({"sessionId"}),
                answer=self._conversation_items,
            ),
            Route(name="conversation_item", path="/conversation-items/{}", answer=self._item),
            Route(name="voice_transcript", path="/conversation-items/{}/voice-transcript", answer=self._transcript),
            Route(name="attachment", path="/conversation-items/{}/attachments/{}", answer=self._attachment),
            Route(name="task", path="/tasks/{}", answer=self._task),
            Route(name="task_comments", path="/tasks/{}/comments", answer=self._comments),
            Route(name="task_comment", path="/tasks/{}/comments/{}", answer=self._comment),
        ]

    # ── ids to what they stand for ──────────────────────────────────────────────────────────

    def _read(self, slug: str, kind: Kind) -> tuple[int, int, int] | None:
        read = self._ids.read(slug)
        return read[1:] if read is not None and read[0] == kind and read[1] < self._population.size else None

    def _customer(self, slug: str) -> Customer | None:
        """A customer who is there under this id, neither deleted nor moved."""
        read = self._read(slug, Kind.CUSTOMER)
        if read is None or read[0] in self._changes.moved:
            return None
        who = self._population.customer(read[0])
        return None if who.part is Part.DELETED else who

    def _members(self, who: Customer) -> list[Customer]:
        """A customer and those merged into it since the start."""
        return [who, *(self._population.customer(i) for i in self._changes.adopted.get(who.i, ()))]

    def _talk(self, slug: str) -> Conversation | None:
        read = self._read(slug, Kind.CONVERSATION)
        return None if read is None else self._there(self._population.customer(read[0]), read[1])

    def _there(self, who: Customer, j: int) -> Conversation | None:
        """A conversation that is there, neither lost nor deleted with its customer."""
        if who.part is Part.DELETED or j >= who.conversations or (who.i, j) in self._changes.lost:
            return None
        return self._population.conversation(who, j)

    def _found_task(self, slug: str) -> Task | None:
        read = self._read(slug, Kind.TASK)
        if read is None:
            return None
        who = self._population.customer(read[0])
        return None if who.part is Part.DELETED or read[1] >= who.tasks else self._population.task(who, read[1])

    def _missing(self, call: Call) -> Reply:
        return not_found(call.path, plain=self._population.plain)

    # ── customers ───────────────────────────────────────────────────────────────────────────

    def _find(self, call: Call) -> Reply:
        if len(call.query) != 1:
            return invalid("email", "exactly one of email, phoneNumber must be given", code="blank")
        name, value = call.query[0]
        if not value:
            return invalid(name, "blank", code="blank")
        if name == "externalCustomerId":
            return invalid(name, "no lookup adaptor takes it")
        if name == "phoneNumber" and not E164.fullmatch(value):
            return invalid(name, "a number in E.164 is expected")
        found = self._records.find(
            email=value if name == "email" else None, phone=value if name == "phoneNumber" else None
        )
        profiles = sorted((self._records.profile(who) for who in found), key=_updated, reverse=True)
        return json_reply(profiles[:FOUND_CAP])

    def _profile(self, call: Call) -> Reply:
        slug = call.args[0]
        if (former := self._read(slug, Kind.FORMER)) is not None:
            i, n, _ = former
            if n >= self._population.customer(i).former:
                return self._missing(call)
            newer = self._ids.write(Kind.FORMER, i, n - 1) if n else self._ids.customer(i)
            return self._moved(slug, newer, listed=n % 2 == 0)
        customer = self._read(slug, Kind.CUSTOMER)
        if customer is not None and customer[0] in self._changes.moved:
            return self._moved(slug, self._ids.customer(self._changes.moved[customer[0]]), listed=True)
        who = self._customer(slug)
        return self._missing(call) if who is None else json_reply(self._records.profile(who))

    def _moved(self, old: str, new: str, *, listed: bool) -> Reply:
        """301 with a body instead of a `Location`, `errors` as a list or as a single object."""
        error = {
            "attr": "customerId",
            "code": "moved",
            "detail": "customer was merged",
            "meta": {"old": old, "new": new},
        }
        reply = json_reply({"errors": [error] if listed else error}, status=301)
        if self._population.options.moved_location:
            reply.headers["Location"] = f"{self._other_origin}/api/v1/customer-profiles/{new}"
        return reply

    # ── conversations and items ─────────────────────────────────────────────────────────────

    def _conversations(self, call: Call) -> Reply:
        who = self._customer(call.args[0])
        if who is None:
            return self._missing(call)
        talks = [
            talk
            for member in self._members(who)
            for j in range(member.conversations)
            if (talk := self._there(member, j)) is not None
        ]
        talks.sort(key=lambda talk: talk.created)
        return _capped(talks, CONVERSATION_CAP, self._records.conversation)

    def _conversation(self, call: Call) -> Reply:
        talk = self._talk(call.args[0])
        return self._missing(call) if talk is None else json_reply(self._records.conversation(talk))

    def _conversation_items(self, call: Call) -> Reply:
        talk = self._talk(call.args[0])
        if talk is None:
            return self._missing(call)
        numbers: Sequence[int] = range(self._items.count(talk))
        session = call.one("sessionId")
        if session is not None:
            numbers = [k for k in numbers if self._items.session(talk, k) == session]
        return _capped(numbers, ITEM_CAP, lambda k: self._items.make(talk, k).item)

    def _made(self, slug: str) -> Made | None:
        """An item, of a conversation or of none."""
        if (activity := self._read(slug, Kind.ACTIVITY)) is not None:
            i, n, _ = activity
            times = self._population.activities(self._population.customer(i))
            return Made(self._items.activity(i, n, times[n]), delivered=True) if n < len(times) else None
        read = self._read(slug, Kind.ITEM)
        talk = None if read is None else self._there(self._population.customer(read[0]), read[1])
        if read is None or talk is None or read[2] >= self._items.count(talk):
            return None
        return self._items.make(talk, read[2])

    def _item(self, call: Call) -> Reply:
        read = self._read(call.args[0], Kind.ITEM)
        if (
            read is not None
            and read[2] >= UNSUPPORTED
            and self._there(self._population.customer(read[0]), read[1]) is not None
        ):
            return invalid("itemId", "the type of this item is not supported")
        made = self._made(call.args[0])
        return self._missing(call) if made is None else json_reply(made.item)

    def _transcript(self, call: Call) -> Reply:
        made = self._made(call.args[0])
        transcript = None if made is None else self._items.transcript(made)
        return self._missing(call) if transcript is None else json_reply(transcript)

    def _attachment(self, call: Call) -> Reply:
        made = self._made(call.args[0])
        content = made.item["content"] if made else None
        if not isinstance(content, dict):
            return self._missing(call)
        if content["type"] not in WITH_ATTACHMENTS:
            return invalid("itemId", "items of this type have no attachments")
        if call.args[1] not in {attachment["id"] for attachment in content.get("attachments", ())}:
            return self._missing(call)
        return Reply(status=303, headers={"Location": f"{self._other_origin}/files/{call.args[1]}?signature=made-up"})

    # ── tasks ───────────────────────────────────────────────────────────────────────────────

    def _tasks(self, call: Call) -> Reply:
        who, status = self._customer(call.args[0]), call.one("status")
        if who is None:
            return self._missing(call)
        if status not in (None, "OPEN", "CLOSED"):
            return invalid("status", "OPEN or CLOSED is expected")
        tasks = []
        for member in self._members(who):
            tasks += [self._population.task(member, t) for t in range(member.tasks)]
        if status is not None:
            tasks = [task for task in tasks if task.closed == (status == "CLOSED")]
        tasks.sort(key=lambda task: task.created, reverse=True)
        return _capped(tasks, TASK_CAP, self._records.task)

    def _task(self, call: Call) -> Reply:
        task = self._found_task(call.args[0])
        return self._missing(call) if task is None else json_reply(self._records.task(task))

    def _comments(self, call: Call) -> Reply:
        task = self._found_task(call.args[0])
        if task is None:
            return self._missing(call)
        return _capped(range(task.comments), COMMENT_CAP, lambda c: self._records.comment(task, c))

    def _comment(self, call: Call) -> Reply:
        task, read = self._found_task(call.args[0]), self._read(call.args[1], Kind.COMMENT)
        if task is None or read is None or read[:2] != (task.i, task.t) or read[2] >= task.comments:
            return self._missing(call)
        return json_reply(self._records.comment(task, read[2]))


def _updated(profile: dict[str, object]) -> str:
    return str(profile["updatedAt"])[:19]


def _capped(found: Sequence[T], cap: int, record: Callable[[T], dict[str, object]]) -> Reply:
    """A list that stops at its cap, and a header that is the only sign of it."""
    limited = "true" if len(found) > cap else "false"
    return json_reply([record(one) for one in found[:cap]], headers={"Gladly-Limited-Data": limited})
