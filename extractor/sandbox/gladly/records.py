"""Customers, conversations, tasks and comments as the API shows them."""

from __future__ import annotations

from dataclasses import dataclass
from re import compile as pattern

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import JOB_CYCLE, RING, Conversation, Customer, Part, Population, Task
from extractor.sandbox.gladly.reference import INBOXES, TOPICS, Reference
from extractor.sandbox.gladly.stamps import DAY, HOUR, mixed, stamp
from extractor.sandbox.gladly.texts import FIRST_NAMES, LAST_NAMES, MESSAGES, STREETS

__all__ = ["Details", "Records"]

Record = dict[str, object]

EMAIL = pattern(r"(?:old\d\.)?c(\d{1,8})@example\.(?:org|net)")
MOBILE = pattern(r"\+1724(\d{7})")
HOME = pattern(r"\+1303(\d{7})")


@dataclass(frozen=True, slots=True)
class Details:
    """What a conversation and its report row share: numbers of inbox and topics, an agent if one is assigned."""

    inbox: int
    agent: Record | None
    topics: tuple[int, ...]


class Records:
    """Makes records from their numbers."""

    def __init__(self, population: Population, ids: Ids, changes: Changes, reference: Reference) -> None:
        self._population = population
        self._ids = ids
        self._changes = changes
        self._reference = reference

    # ── customers ───────────────────────────────────────────────────────────────────────────

    def profile(self, who: Customer) -> Record:
        """A customer as `/customer-profiles/{id}` shows it."""
        dice = Dice(self._population.key, Kind.CUSTOMER, who.i, 1)
        born = self._population.born(who)
        profile: Record = {
            "id": self._ids.customer(who.i),
            "emails": [
                {"normalized": email, "original": email.replace("c", "C", 1), "primary": n == 0}
                for n, email in enumerate(self._emails(who))
            ],
            "phones": self._phones(who),
            "customAttributes": self._custom_attributes(dice),
            "createdAt": mixed(born, dice),
            "updatedAt": mixed(born + dice.below(max(1, self._population.until - HOUR - born)), dice),
        }
        if (name := self._name(who.i)) is not None:
            profile["name"] = name
        if dice.one_in(3):
            profile["address"] = dice.pick(STREETS)
        if dice.one_in(5):
            profile["image"] = f"https://images.example.org/{who.i}.png"
        if dice.one_in(4):
            profile["externalCustomerIds"] = {"SHOP": f"{who.i:05d}", "crm-2": f"x-{who.i}"}
        if not self._population.plain and dice.one_in(30):
            profile["loyaltyScore"] = dice.below(1_000)  # no document names it
        return profile

    def exported_customer(self, who: Customer, day: int) -> Record:
        """A customer as the `customers.jsonl` of a day shows it: plain lists, no dates, every day another address."""
        exported: Record = {
            "id": self._ids.customer(who.i),
            "name": self._name(who.i) or "",
            "address": f"{1 + day % JOB_CYCLE} Main St",
            "emailAddresses": self._emails(who),
            "phoneNumbers": [phone["normalized"] for phone in self._phones(who)],
        }
        return exported | {"externalCustomerIds": {"SHOP": f"{who.i:05d}"}} if who.i % 4 == 0 else exported

    def find(self, *, email: str | None, phone: str | None) -> list[Customer]:
        """The customers with an e-mail address or a phone number in E.164."""
        candidates: range | tuple[int, ...] = ()
        if match := EMAIL.fullmatch((email or "").lower()) or MOBILE.fullmatch(phone or ""):
            candidates = (int(match[1]),)
        elif match := HOME.fullmatch(phone or ""):
            candidates = range(int(match[1]) * RING, int(match[1]) * RING + RING)
        found = []
        for i in candidates:
            if i >= self._population.size or i in self._changes.moved:
                continue
            who = self._population.customer(i)
            has = (
                email.lower() in self._emails(who)
                if email
                else any(p["normalized"] == phone for p in self._phones(who))
            )
            if has and who.part is not Part.DELETED:
                found.append(who)
        return found

    def _name(self, i: int) -> str | None:
        dice = Dice(self._population.key, Kind.CUSTOMER, i, 2)
        if dice.one_in(9):
            return None
        return f"{dice.pick(FIRST_NAMES)} {dice.pick(LAST_NAMES)}"

    def _emails(self, who: Customer) -> list[str]:
        own = [] if who.i % 8 == 6 else [f"c{who.i}@example.org"]
        return own + [f"old{n}.c{who.i}@example.net" for n in range(who.former)]

    def _phones(self, who: Customer) -> list[Record]:
        dice = Dice(self._population.key, Kind.CUSTOMER, who.i, 3)
        phones: list[Record] = []
        if not dice.one_in(4) or who.i % 8 == 6:
            number = f"{who.i:07d}"
            phone: Record = {
                "normalized": f"+1724{number}",
                "original": f"724 {number[:3]}-{number[3:]}",
                "primary": True,
            }
            phone |= {
                "regionCode": "US",
                "smsPreference": dice.pick(("ON", "ON", "OFF", "FORBIDDEN")),
                "type": "MOBILE",
            }
            phones.append(phone)
        if dice.one_in(4):
            number = f"+1303{who.i // RING:07d}"
            home: Record = {"normalized": number, "original": number, "primary": not phones, "type": "HOME"}
            phones.append(home | {"extension": "12"} if dice.one_in(4) else home)
        elif dice.one_in(10):
            phones.append({"normalized": "+493012345", "original": "030 12345", "primary": not phones, "type": ""})
        return phones

    @staticmethod
    def _custom_attributes(dice: Dice) -> Record:
        attributes: Record = {}
        if dice.one_in(2):
            attributes["membershipTier"] = dice.pick(("gold", "silver", "none"))
        if dice.one_in(3):
            attributes["orders"] = str(dice.below(90))
        if dice.one_in(6):
            attributes["Größe (EU)"] = "42,5"
        if dice.one_in(12):
            attributes |= {"Orders": "0", "last order": "2024-01-01", "$id": "1.0"}
        return attributes

    # ── conversations ───────────────────────────────────────────────────────────────────────

    def details(self, talk: Conversation) -> Details:
        """Inbox, agent and topics of a conversation."""
        dice = Dice(self._population.key, Kind.CONVERSATION, talk.i, talk.j, 1)
        inbox = dice.below(len(INBOXES))
        agent = None if dice.one_in(5) else self._reference.agent(dice.below(1 << 16))
        first = dice.below(len(TOPICS))
        topics = (first, (first + 1 + dice.below(len(TOPICS) - 1)) % len(TOPICS))[: dice.below(3)]
        return Details(inbox, agent, topics)

    def status(self, talk: Conversation) -> tuple[str, int | None]:
        """Status of a conversation, and when it was closed if it is."""
        if talk.open and (talk.i, talk.j) not in self._changes.closed:
            return talk.open, None
        return "CLOSED", self._changes.closed.get((talk.i, talk.j), talk.created + talk.span)

    def conversation(self, talk: Conversation) -> Record:
        """A conversation as the API shows it."""
        dice = Dice(self._population.key, Kind.CONVERSATION, talk.i, talk.j, 2)
        details = self.details(talk)
        status, closed = self.status(talk)
        record: Record = {
            "id": self._ids.conversation(talk.i, talk.j),
            "customerId": self._ids.customer(self._changes.owner(talk.i)),
            "createdAt": mixed(talk.created, dice),
            "status": status,
            "inboxId": self._reference.inboxes[details.inbox],
            "topicIds": [self._reference.topics[n] for n in details.topics],
        }
        if closed is not None:
            record["closedAt"] = mixed(closed, dice)
        if details.agent is not None:
            record["agentId"] = details.agent["id"]
        if dice.one_in(4):
            record["customAttributes"] = [{"id": self._reference.attributes[0], "value": f"ORD_{dice.below(1 << 20)}"}]
            if dice.one_in(2):
                record["customAttributes"] += [{"id": self._reference.attributes[1], "value": 'late, "very" late'}]  # type: ignore[operator]
        return record

    # ── tasks ───────────────────────────────────────────────────────────────────────────────

    def task_details(self, task: Task) -> tuple[int, Record | None, int]:
        """Inbox number, agent if one is assigned, and due date of a task."""
        dice = Dice(self._population.key, Kind.TASK, task.i, task.t, 1)
        agent = None if dice.one_in(4) else self._reference.agent(dice.below(1 << 16))
        return dice.below(len(INBOXES)), agent, task.created + dice.between(1, 14) * DAY

    def task(self, task: Task) -> Record:
        """A task as the API shows it."""
        dice = Dice(self._population.key, Kind.TASK, task.i, task.t, 2)
        inbox, agent, due = self.task_details(task)
        assignee: Record = {"inboxId": self._reference.inboxes[inbox]}
        if agent is not None:
            assignee["agentId"] = agent["id"]
        return {
            "id": self._ids.write(Kind.TASK, task.i, task.t),
            "customerId": self._ids.customer(self._changes.owner(task.i)),
            "timestamp": mixed(task.created, dice),
            "createdBy": {"id": self._reference.agent(dice.below(1 << 16))["id"], "type": "AGENT"},
            "assignee": assignee,
            "body": "<p>call <b>back</b> 📞</p>",
            "dueAt": stamp(due, dice.pick((0, 3))),
            "status": "CLOSED" if task.closed else "OPEN",
        }

    def comment(self, task: Task, c: int) -> Record:
        """Comment c of a task."""
        dice = Dice(self._population.key, Kind.COMMENT, task.i, task.t, c)
        return {
            "id": self._ids.write(Kind.COMMENT, task.i, task.t, c),
            "agentId": self._reference.agent(dice.below(1 << 16))["id"],
            "comment": dice.pick(MESSAGES),
            "taskId": self._ids.write(Kind.TASK, task.i, task.t),
            "createdAt": mixed(task.created + (c + 1) * 60_000, dice),
        }
