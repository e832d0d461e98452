"""People as JSON, and the filters that choose among them."""

from __future__ import annotations

from collections.abc import Callable

from extractor.sandbox.assembled.asking import flag, page
from extractor.sandbox.assembled.errors import Refused, not_found
from extractor.sandbox.assembled.history import DAY
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.reference import Record, Reference
from extractor.sandbox.assembled.roster import RING, Part, Person, Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["PLATFORMS", "People"]

FIRST_NAMES = ("Ana", "Bjørn", "Chidi", "Dörte", "Эмма", "Fátima", "百合", "Hugo", "Ines")
LAST_NAMES = ("Søe", "O'Hara", "Van den Berg", "Łuczak", "Ito", "Núñez", "Smith")
PLATFORMS = ("aircall", "zendesk")
"""Where agents work; those who take phone calls are on both at once."""
SIDE_MAPS = ("teams", "sites", "queues", "skills")
FILTERS = {"site": "sites", "team": "teams", "queue": "queues", "skill": "skills"}


class People:
    """Makes the records of people, and answers for them."""

    def __init__(self, roster: Roster, ids: Ids, reference: Reference) -> None:
        self._roster = roster
        self._ids = ids
        self._reference = reference

    def id(self, who: Person) -> str:
        """What the person is called."""
        return self._ids.write(Kind.PERSON, who.i)

    def agent_id(self, who: Person) -> str:
        """What the same person is called as an agent."""
        return self._ids.write(Kind.AGENT, who.i)

    def agent(self, agent_id: str) -> Person | None:
        """Who is called so as an agent."""
        i = self._ids.read(Kind.AGENT, agent_id)
        return None if i is None else self._roster.person(i)

    def name(self, who: Person) -> tuple[str, str]:
        """First and last name."""
        return FIRST_NAMES[who.i % len(FIRST_NAMES)], LAST_NAMES[who.i // 2 % len(LAST_NAMES)]

    def email(self, who: Person) -> str:
        """Address of a person."""
        return f"p{who.i}@sandbox.example"

    def platforms(self, who: Person) -> tuple[str, ...]:
        """Where somebody works, as an agent."""
        return PLATFORMS if "phone" in who.channels else PLATFORMS[1:]

    def record(self, who: Person) -> Record:
        """A person as JSON."""
        dice = Dice(self._roster.key, Kind.PERSON, who.i, 1)
        first, last = self.name(who)
        record: Record = {
            "id": self.id(who),
            "agent_id": self.agent_id(who),
            "first_name": first,
            "last_name": last,
            "email": self.email(who),
            "role": "agent",
            "created_at": who.created,
            "deleted": who.part is Part.DELETED,
        }
        if who.part is Part.SPARSE:
            return record
        teams, queues = [self._reference.pick("teams", who.i)], [self._reference.pick("queues", who.i)]
        record |= {
            "timezone": dice.pick(("America/New_York", "Europe/Warsaw", "Asia/Tokyo")),
            "imported_id": f"hr-{who.i:05d}",
            "roles": [self._reference.pick("roles", 0)],
            "agent_role": dice.pick(("associate", "senior")),
            "channels": list(who.channels),
            "site": self._reference.pick("sites", dice.below(3)),
            "teams": teams,
            "queues": queues,
            "skills": [self._reference.pick("skills", dice.below(3))] if dice.one_in(2) else [],
            "platforms": {platform: str(dice.between(1, 99_999)) for platform in self.platforms(who)},
            "start_date": who.created // DAY * DAY,
            "end_date": who.left,
            "staffable": True,
            "productivity": dice.between(70, 110) / 100,
        }
        match who.part:
            case Part.MANAGER:
                record |= {"role": "manager", "roles": [self._reference.pick("roles", 1)], "staffable": False}
                record |= {"agent_id": None, "site": None, "platforms": {}, "channels": []}
                if who.i // RING % 2 == 0:
                    del record["agent_id"]
            case Part.ORPHAN:
                teams.append(self._reference.old_team)
            case Part.UNDATED:
                record |= {"start_date": 0, "end_date": 0}
        return record

    def chosen(self, call: Call) -> Callable[[Person], bool]:
        """What the filters `site`, `team`, `queue`, `skill`, `channel` and `search` of a request let through.

        Raises:
            Refused: a filter has an id that is in no map.
        """
        wanted = {name: call.all(name) for name in FILTERS}
        for name, values in wanted.items():
            if unknown := set(values) - self._reference.maps[FILTERS[name]].keys():
                raise Refused(f"invalid {name}: {min(unknown)}")
        channels, words = set(call.all("channel")), (call.one("search") or "").casefold()

        def fits(who: Person) -> bool:
            if channels and not channels & set(who.channels):
                return False
            record = self.record(who)
            for name, values in wanted.items():
                has = record.get(FILTERS[name]) or [record.get(name)]
                if values and not (isinstance(has, list) and set(values) & set(has)):
                    return False
            return words in " ".join((*self.name(who), self.email(who))).casefold()

        chooses = bool(channels or words or any(wanted.values()))
        return fits if chooses else lambda _: True

    def list(self, call: Call) -> Reply:
        """`GET /people`."""
        asked, deleted, fits = page(call), flag(call, "include_deleted"), self.chosen(call)
        everybody = range(self._roster.size)
        found = [i for i in everybody if deleted or self._roster.part(i) is not Part.DELETED]
        found = [i for i in found if fits(self._roster.person(i))]
        records = [self.record(self._roster.person(i)) for i in asked.of(found)]
        maps = {name: self._reference.maps[name] for name in SIDE_MAPS}
        return json_reply({"people": {str(r["id"]): r for r in records}, **maps, **asked.stated(len(found))})

    def single(self, call: Call) -> Reply:
        """`GET /people/:id`."""
        i = self._ids.read(Kind.PERSON, call.args[0])
        return not_found() if i is None else json_reply(self.record(self._roster.person(i)))
