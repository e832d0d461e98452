"""The organisation's small lists: agents, teams, inboxes, topics and the like."""

from __future__ import annotations

from collections.abc import Sequence

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import Population
from extractor.sandbox.gladly.stamps import DAY, mixed
from extractor.sandbox.gladly.texts import FIRST_NAMES, LAST_NAMES

__all__ = ["Reference"]

Record = dict[str, object]

INBOXES = ("Web Mail", "Voice", "Chat, SMS & Social", "VIP", "Returns", "Old inbox")
TEAMS = ("Tier 1", "Tier 2", 'Night "owls"', "Back Office")
TOPICS = (
    ("Order", None),
    ("Return", None),
    ("Payment", None),
    ("Where is it", 0),
    ("Cancel, please", 0),
    ("Wrong size", 1),
    ("Damaged\nin transit", 1),
    ("Refund", 1),
    ("Card declined", 2),
    ("Refund", 2),  # names are not unique
    ("Lost parcel", 3),
    ("Außerdem 🙂", None),
)
"""Name and number of the parent."""
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")


class Reference:
    """Everything is made once: these lists are short.

    Attributes:
        lists: records by the name of their table.
        by_id: the same records, by table and id.
    """

    def __init__(self, population: Population, ids: Ids) -> None:
        self._ids = ids
        self._key = population.key
        self._until = population.until
        count = min(60, 12 + population.size // 500)
        self.agents = [self._agent(n) for n in range(count)]
        self.inboxes = [ids.write(Kind.INBOX, n) for n in range(len(INBOXES))]
        self.topics = [ids.write(Kind.TOPIC, n) for n in range(len(TOPICS))]
        self.attributes = [ids.write(Kind.ATTRIBUTE, n) for n in range(2)]
        self.lists: dict[str, list[Record]] = {
            "agents": self.agents,
            "teams": [self._team(n) for n in range(len(TEAMS))],
            "inboxes": [
                {"id": slug, "name": INBOXES[n], "disabled": n == len(INBOXES) - 1}
                for n, slug in enumerate(self.inboxes)
            ],
            "topics": [self._topic(n) for n in range(len(TOPICS))],
            "organization": [
                {
                    "id": ids.write(Kind.ORGANIZATION),
                    "loginDomain": "sandbox.example",
                    "name": "Sandbox",
                    "timezone": "America/Los_Angeles",
                    "gladlyUrl": "https://sandbox.gladly.example",
                }
            ],
            "audiences": [{"id": ids.write(Kind.AUDIENCE, n), "name": f"Brand {'AB'[n]}"} for n in range(2)],
            "business_hours": [self._hours(n) for n in range(2)],
            "webhooks": [self._webhook(n) for n in range(3)],
            "custom_attributes": [self._attribute(n) for n in range(2)],
        }
        self.by_id = {table: {str(record["id"]): record for record in records} for table, records in self.lists.items()}

    def agent(self, draw: int) -> Record:
        """One of the agents."""
        return self.agents[draw % len(self.agents)]

    def topic_names(self, numbers: Sequence[int]) -> tuple[str, str]:
        """Names of topics, and the same with their parents, as cells of a report."""
        plain = ", ".join(TOPICS[n][0] for n in numbers)
        paths = []
        for n in numbers:
            path, parent = TOPICS[n][0], TOPICS[n][1]
            while parent is not None:
                path, parent = f"{TOPICS[parent][0]} > {path}", TOPICS[parent][1]
            paths.append(path)
        return plain, "\n".join(paths)

    @staticmethod
    def inbox_name(n: int) -> str:
        """Name of inbox n."""
        return INBOXES[n]

    def _agent(self, n: int) -> Record:
        name = f"{FIRST_NAMES[n % len(FIRST_NAMES)]} {LAST_NAMES[n * 5 % len(LAST_NAMES)]}"
        if n == 3:
            name = 'Parker, "Pat"\n(night shift)'
        agent: Record = {"id": self._ids.write(Kind.AGENT, n), "name": name}
        if n != 5:
            agent["emailAddress"] = f"agent{n}@sandbox.example"
        return agent

    def _team(self, n: int) -> Record:
        team: Record = {
            "id": self._ids.write(Kind.TEAM, n),
            "name": TEAMS[n],
            "agentIds": [agent["id"] for agent in self.agents[n :: len(TEAMS)]],
        }
        return team if n == 3 else team | {"description": f"{TEAMS[n]} 🎧"}

    def _topic(self, n: int) -> Record:
        name, parent = TOPICS[n]
        topic: Record = {"id": self.topics[n], "name": name, "disabled": n == 10}
        return topic if parent is None else topic | {"parentId": self.topics[parent]}

    def _dates(self, kind: Kind, n: int) -> Record:
        dice = Dice(self._key, kind, n, 1)
        created = self._until - dice.between(900, 1_200) * DAY
        return {"createdAt": mixed(created, dice), "updatedAt": mixed(created + dice.below(800 * DAY), dice)}

    def _hours(self, n: int) -> Record:
        days: Record = {day: [{"start": "09:00", "stop": "17:00"}] for day in WEEK}
        days |= {"saturday": [{"start": "10:00", "stop": "12:00"}, {"start": "13:00", "stop": "15:30"}], "sunday": []}
        exceptions = [{"name": "Xmas", "start": "2025-12-25", "stop": "2025-12-26", "scheduleBlocks": []}]
        return {
            "id": self._ids.hours(n),
            "version": 3 + n,
            **self._dates(Kind.HOURS, n),
            "name": ("Main", "Weekend")[n],
            "primary": n == 0,
            "officeHours": {"timezone": "America/New_York", **days, "exceptions": exceptions if n == 0 else []},
        }

    def _webhook(self, n: int) -> Record:
        webhook: Record = {
            "id": self._ids.write(Kind.WEBHOOK, n),
            "name": f"hook {n}",
            "events": ["CONVERSATION/CLOSED", "TASK/CREATED", "PING"][: n + 1],
            "url": f"https://hooks.example.org/gladly/{n}",
            **self._dates(Kind.WEBHOOK, n),
            "hasCredentials": n == 0,
            "headerKeys": ["X-Key"][:n],
            "enabled": n != 2,
        }
        return webhook | {"disabledAtDueToRetryLimit": webhook["updatedAt"]} if n == 2 else webhook

    def _attribute(self, n: int) -> Record:
        return {
            "id": self.attributes[n],
            "key": ("ORDER_ID", "REASON")[n],
            "label": ("Order ID", "Reason")[n],
            "deactivated": n == 1,
            "createdAt": self._dates(Kind.ATTRIBUTE, n)["createdAt"],
            "createdBy": self.agents[n]["id"],
        }
