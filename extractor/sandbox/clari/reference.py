"""Users, topics and scorecard templates: small lists, made once."""

from __future__ import annotations

from dataclasses import dataclass

from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.stamps import DAY
from extractor.sandbox.clari.texts import FIRST_NAMES, LAST_NAMES, PHRASES
from extractor.sandbox.dice import Dice

__all__ = ["TOPICS", "Person", "Reference"]

Record = dict[str, object]

TOPICS = ("Pricing", "Competitors 🥊", "Sécurité", "Next steps", "pricing", "Integration, API & SSO", "42")
TOPIC_AGE = 40 * DAY  # from one change to the next
QUESTIONS = ("Did the rep set an agenda?", "Were the next steps clear?", "How well were objections handled?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody of the own company; the manager of user 0 is nobody, of the others user 0 or 1."""

    n: int
    id: str
    crm_id: str
    name: str
    email: str


class Reference:
    """The lists.

    Attributes:
        people: users of the workspace, who are also those of the forecasts and of the audit.
        users, topics, templates: records as the Copilot API shows them.
        topics_modified: milliseconds, for each topic.
    """

    def __init__(self, ids: Ids, key: bytes, *, size: int, until: int) -> None:
        self.people = [_person(ids, key, n) for n in range(min(7 + size // 1_000, 150))]
        self.users = [self._user(person) for person in self.people]
        self.topics = [_topic(ids, n) for n in range(len(TOPICS))]
        self.topics_modified = [until - (n + 1) * TOPIC_AGE for n in range(len(TOPICS))]
        self.templates = [_template(ids, n) for n in range(3)]

    def person(self, number: int) -> Person:
        """Someone; any number will do."""
        return self.people[number % len(self.people)]

    def _user(self, person: Person) -> Record:
        role = "MANAGER" if person.n < 2 else "OBSERVER" if person.n % 6 == 5 else "REP"
        user: Record = {"id": person.id, "email": person.email, "name": person.name, "role": role}
        user["is_recording"] = role == "REP"
        return user | {"manager_id": self.people[(person.n + 1) % 2 if person.n > 1 else 0].id} if person.n else user


def _person(ids: Ids, key: bytes, n: int) -> Person:
    dice = Dice(key, Kind.USER, n)
    return Person(
        n=n,
        id=ids.uuid(Kind.USER, n),
        crm_id=ids.crm(Kind.USER, n),
        name=f"{dice.pick(FIRST_NAMES)} {dice.pick(LAST_NAMES)}",
        email=f"u{n}@sandbox.example",
    )


def _topic(ids: Ids, n: int) -> Record:
    topic: Record = {"topic_id": ids.hex24(Kind.TOPIC, n), "topic_name": TOPICS[n]}
    if n % 3 == 1:
        custom = {"description": f"What is said on {TOPICS[n]}", "status": "ACTIVE"}
        return topic | {"type": "CUSTOM", "team_ids": [], "custom_topic": custom}
    teams = [ids.hex24(Kind.CUSTOMER, 1, n)]
    return topic | {"type": "KEYWORD", "team_ids": teams, "keyword_topic": {"trackers": [*PHRASES[: n % 4]]}}


def _template(ids: Ids, n: int) -> Record:
    questions = [{"skill": f"skill {q}", "label": label, "order": str(q)} for q, label in enumerate(QUESTIONS)]
    return {
        "id": ids.hex24(Kind.TEMPLATE, n),
        "customer_id": ids.hex24(Kind.CUSTOMER, 0),
        "name": ("Discovery", "Demo", "Renewal")[n],
        "type": ("COACHING", "COACHING", "SELF")[n],
        "questions": questions,
    }
