"""Who exists, how much each has, and when it happened: everything is worked out from (seed, number).

A customer's part is its number modulo 60, so that every part is played from 60 customers on, and
those who play a part can be listed without looking at the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.ids import Kind
from extractor.sandbox.gladly.stamps import DAY, HOUR, MINUTE, SECOND
from extractor.sandbox.options import Options

__all__ = [
    "BUSY_TASKS",
    "CHANNELS",
    "JOB_CYCLE",
    "LONG_ITEMS",
    "RING",
    "Conversation",
    "Customer",
    "Part",
    "Population",
    "Task",
]

RING = 60
LONG_ITEMS = 1_300
BUSY_TASKS = 2_300
LONG_COMMENTS = 1_010
JOB_CYCLE = 13
"""Days after which the pattern of export jobs repeats; as many daily jobs exist at any time."""


class Part(Enum):
    """What is special about a customer."""

    NORMAL = auto()
    CAPPED = auto()  # more conversations than a list holds
    LONG = auto()  # a conversation with more items than a list holds
    BUSY = auto()  # more tasks than a list holds
    MERGED = auto()  # had another id before
    MERGED_TWICE = auto()  # had two other ids, one after the other
    DELETED = auto()
    TASKS_ONLY = auto()
    FRESH = auto()  # wrote within the last day
    EVENT_ONLY = auto()  # known from the event feed alone
    EXPORT_ONLY = auto()  # known from customers.jsonl alone
    ACTIVITY_ONLY = auto()  # known from an item outside of conversations alone
    UNKNOWN = auto()  # no list, report, file or event names it


PARTS = {
    3: Part.TASKS_ONLY,
    7: Part.CAPPED,
    11: Part.LONG,
    13: Part.BUSY,
    17: Part.MERGED,
    19: Part.FRESH,
    23: Part.DELETED,
    29: Part.EVENT_ONLY,
    31: Part.EXPORT_ONLY,
    37: Part.MERGED_TWICE,
    41: Part.UNKNOWN,
    43: Part.TASKS_ONLY,
    47: Part.ACTIVITY_ONLY,
    53: Part.TASKS_ONLY,
    59: Part.FRESH,
}
RARE = {Part.CAPPED: (60, 17), Part.LONG: (400, 17), Part.BUSY: (2_000, 34)}
"""Part -> size from which it is played, and in which round of the ring: every 17th is every 1,020th customer."""

HARMLESS = (Part.TASKS_ONLY, Part.FRESH)
CONVERSATIONS = (0, 1, 1, 2, 2, 2, 3, 3, 4)
ITEMS = (1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 12, 16, 30)
SPANS = (10 * MINUTE, 40 * MINUTE, 3 * HOUR, 9 * HOUR, DAY, 2 * DAY, 4 * DAY)
CHANNELS = (
    *("EMAIL", "EMAIL", "EMAIL", "CHAT", "CHAT", "SMS"),
    *("PHONE_CALL", "WHATSAPP", "FB_MESSENGER", "INSTAGRAM_DIRECT", "VOICE_AI"),
)
FORMER_IDS = {Part.MERGED: 1, Part.MERGED_TWICE: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """One customer.

    Attributes:
        conversations: that can be had; `lost` more were folded away by a merge.
        former: how many ids it had before this one; number 0 is the latest of them.
        age: milliseconds before the end of the data at which it came.
    """

    i: int
    part: Part
    conversations: int
    lost: int
    tasks: int
    former: int
    age: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """One conversation; times in milliseconds since 1970.

    Attributes:
        span: from its creation to its last item.
        open: "" if it is closed, else its status.
        lost: folded into another one by a merge; its id leads nowhere.
    """

    i: int
    j: int
    created: int
    span: int
    items: int
    channel: str
    open: str
    lost: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task."""

    i: int
    t: int
    created: int
    closed: bool
    comments: int


class Population:
    """All customers with their conversations, items, tasks and comments.

    Attributes:
        until: end of the data; nothing happens at or after it (but for the option `live`).
        history: milliseconds that the data reach back.
        shift: days from the end of the data to the real today; export jobs run in real time.
    """

    def __init__(self, options: Options, key: bytes, started: float) -> None:
        self.options = options
        self.size = options.size
        self.plain = options.plain
        self.key = key
        self.until = int(options.data_ends(started).timestamp() * 1000)
        self.history = (915 if options.size < 1_000 else 1_825) * DAY
        self.shift = int(started * 1000) // DAY - self.until // DAY

    def part(self, i: int) -> Part:
        """What is special about customer i."""
        part = PARTS.get(i % RING, Part.NORMAL)
        if part in RARE:
            size, rounds = RARE[part]
            if self.size < size or i // RING % rounds:
                return Part.NORMAL
        return Part.NORMAL if self.plain and part not in HARMLESS else part

    def playing(self, part: Part) -> Iterator[int]:
        """The customers with a part, in order, without looking at the others; not for NORMAL."""
        places = sorted(place for place, played in PARTS.items() if played is part)
        for base in range(0, self.size, RING):
            for place in places:
                if base + place < self.size and self.part(base + place) is part:
                    yield base + place

    def customer(self, i: int) -> Customer:
        """Customer i, 0 <= i < size."""
        dice = Dice(self.key, Kind.CUSTOMER, i)
        part = self.part(i)
        # The root thins the older past out: a quarter of the customers came in the first half.
        age = 3 * DAY + int((self.history - 4 * DAY) * dice.unit() ** 1.5)
        conversations = dice.pick(CONVERSATIONS)
        tasks = dice.pick((0, 0, 0, 1, 2))
        match part:
            case Part.CAPPED:
                conversations = 104 if i < RING else 101 + dice.below(80)
                age = self.history - 10 * DAY
            case Part.LONG:
                conversations, age = max(1, conversations), 500 * DAY
            case Part.BUSY:
                tasks = BUSY_TASKS
            case Part.MERGED | Part.MERGED_TWICE:
                conversations = max(2, conversations)
            case Part.DELETED:
                conversations, tasks, age = max(1, conversations), 1, max(age, 90 * DAY)
            case Part.TASKS_ONLY:
                conversations, tasks = 0, tasks + 1
            case Part.FRESH:
                conversations = max(1, conversations)
            case Part.EVENT_ONLY | Part.EXPORT_ONLY | Part.ACTIVITY_ONLY | Part.UNKNOWN:
                conversations = tasks = 0
            case _ if not conversations:
                tasks = max(1, tasks)  # otherwise nobody could know of it
        former = FORMER_IDS.get(part, 0)
        lost = 1 if former else 0
        return Customer(i=i, part=part, conversations=conversations, lost=lost, tasks=tasks, former=former, age=age)

    def born(self, who: Customer) -> int:
        """When a customer's profile was created."""
        match who.part:
            case Part.EXPORT_ONLY | Part.ACTIVITY_ONLY:
                return self.job_day(2 if who.i // RING % 2 else 10) * DAY + 9 * HOUR + who.i % 3_600 * SECOND
            case Part.EVENT_ONLY:
                return self.until - 20 * HOUR + who.i % 3_600 * SECOND
        return self.until - who.age - MINUTE

    def job_day(self, residue: int) -> int:
        """The day (since 1970), among those that export jobs cover, with this residue modulo `JOB_CYCLE`."""
        last = self.until // DAY - 1
        return last - (last - residue) % JOB_CYCLE

    def activities(self, who: Customer) -> tuple[int, ...]:
        """When a customer did something outside of any conversation; only recent activities are played."""
        if who.part is Part.ACTIVITY_ONLY:
            return (self.born(who) + HOUR, self.born(who) + 3 * HOUR)
        if who.i % 25 != 1 or who.part is not Part.NORMAL:
            return ()
        day = self.until // DAY - 1 - Dice(self.key, Kind.ACTIVITY, who.i, 0).below(JOB_CYCLE)
        return (day * DAY + 15 * HOUR + who.i % 3_600 * SECOND,)

    def conversation(self, who: Customer, j: int) -> Conversation:
        """Conversation j of a customer; they are numbered by age, lost ones after the others."""
        dice = Dice(self.key, Kind.CONVERSATION, who.i, j)
        place = (j + dice.unit()) / max(1, who.conversations)
        lost = j >= who.conversations
        age = DAY + HOUR + int((who.age - DAY - HOUR) * (1 - place % 1 if lost else 1 - place))
        items = dice.pick(ITEMS)
        span = dice.pick(SPANS)
        span = span // 2 + dice.below(span)
        channel = dice.pick(CHANNELS)
        status = dice.pick(("", "", "OPEN", "WAITING")) if j == who.conversations - 1 else ""
        if who.part is Part.FRESH and j == who.conversations - 1:
            age = 2 * HOUR + dice.below(20 * HOUR)
        elif who.part is Part.LONG and j == 0:
            age, items, channel, span = 400 * DAY, LONG_ITEMS, "CHAT", 400 * DAY
        elif who.part is Part.DELETED:
            status, age = "", max(age, 30 * DAY)
        span = max(items * 2 * SECOND, min(span, age - HOUR))
        return Conversation(
            i=who.i,
            j=j,
            created=self.until - age,
            span=span,
            items=items,
            channel=channel,
            open=status,
            lost=lost,
        )

    def item_time(self, talk: Conversation, k: int) -> int:
        """When item k happened: in the k-th of equal steps, in its first half, so that items stay in order."""
        step = talk.span // talk.items
        if k == 0:
            return talk.created
        scattered = (k * 2_654_435_761 + talk.created) % (step // 2)
        return talk.created + k * step + scattered

    def task(self, who: Customer, t: int) -> Task:
        """Task t of a customer; they are numbered by age."""
        dice = Dice(self.key, Kind.TASK, who.i, t)
        place = (t + dice.unit()) / who.tasks
        age = HOUR + int((who.age - HOUR) * (1 - place))
        closed = t % 6 != 0 if who.part is Part.BUSY else dice.below(3) > 0
        comments = dice.pick((0, 0, 0, 0, 1, 3))
        if who.part is Part.BUSY:
            comments = LONG_COMMENTS if t == 0 else 0
        return Task(i=who.i, t=t, created=self.until - age, closed=closed, comments=comments)
