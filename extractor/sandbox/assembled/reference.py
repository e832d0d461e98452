"""Small maps: teams, sites, queues, skills, roles and the types of activities and requirements."""

from __future__ import annotations

from collections.abc import Mapping

from extractor.sandbox.assembled.history import HOUR, MINUTE, History
from extractor.sandbox.assembled.ids import Ids, Kind

__all__ = ["ACTIVITIES", "CHANNELS", "LINES", "OLD_LINE", "Reference"]

Record = dict[str, object]

TEAMS = ("Tier 1", "Tier 2", "Billing 💳", "Night “owls”", "Équipe Québec")
SITES = ("Austin", "Kraków", "Remote")
QUEUES = ("General", "VIP", "Mail & web")
SKILLS = ("Refunds", "French", "Escalations")
ROLES = ("Agent", "Manager", "Admin")
CHANNELS = ("phone", "email", "chat")
ACTIVITIES = ("Phones", "Email", "Chat", "Lunch", "Team meeting", "Vacation 🏖️")
"""Names of activity types; the first ones are those of the channels."""
LINES = (("phone", 0), ("phone", 1), ("email", 2), ("email", len(QUEUES)), ("chat", 0))
"""Channels and numbers of the queues that they serve; the queue of `OLD_LINE` has vanished."""
OLD_LINE = 3
WORK_TYPES = len(CHANNELS)


class Reference:
    """Everything is made once.

    Attributes:
        maps: records by id, by the name of their table.
        gone: ids by table that records still name, though no map has them; none in a plain sandbox.
    """

    def __init__(self, history: History, ids: Ids, *, plain: bool) -> None:
        self._ids = ids
        self._history = history
        self._plain = plain
        self.maps: dict[str, Mapping[str, Record]] = {
            "teams": self._named(Kind.TEAM, TEAMS),
            "sites": self._named(Kind.SITE, SITES),
            "queues": self._named(Kind.QUEUE, QUEUES),
            "skills": self._named(Kind.SKILL, SKILLS),
            "roles": _by_id([{"id": ids.write(Kind.ROLE, n), "name": name} for n, name in enumerate(ROLES)]),
            "activity_types": _by_id([self._activity_type(n) for n in range(len(ACTIVITIES))]),
            "requirement_types": _by_id([self._requirement_type(n) for n in self.lines if n != 1]),
        }
        self.gone: dict[str, list[str]] = (
            {} if plain else {"teams": [self.old_team], "queues": [ids.write(Kind.QUEUE, len(QUEUES))]}
        )

    @property
    def old_team(self) -> str:
        """A team that is no more."""
        return self._ids.write(Kind.TEAM, len(TEAMS))

    def pick(self, table: str, draw: int) -> str:
        """One id of a map."""
        ids = tuple(self.maps[table])
        return ids[draw % len(ids)]

    def activity_type(self, n: int) -> str:
        """The id of an activity type."""
        return self._ids.write(Kind.ACTIVITY_TYPE, n)

    def line(self, n: int) -> tuple[str, str]:
        """A channel, and the id of the queue that it serves."""
        channel, queue = LINES[n]
        return channel, self._ids.write(Kind.QUEUE, queue)

    @property
    def lines(self) -> list[int]:
        """Numbers of the lines; a plain sandbox has none whose queue has vanished."""
        return [n for n in range(len(LINES)) if n != OLD_LINE or not self._plain]

    def _named(self, kind: Kind, names: tuple[str, ...]) -> Mapping[str, Record]:
        records: list[Record] = []
        for n, name in enumerate(names):
            created = self._history.begin + n * 40 * MINUTE
            record: Record = {"id": self._ids.write(kind, n), "name": name, "parent_id": None, "created_at": created}
            if n == 1:
                record["parent_id"] = self._ids.write(kind, 0)
            if n != 2 or self._plain:
                record["updated_at"] = 0 if n == 0 and not self._plain else created + 3 * HOUR
            records.append(record)
        return _by_id(records)

    def _activity_type(self, n: int) -> Record:
        kind: Record = {
            "id": self.activity_type(n),
            "import_id": f"wfm-{n}",
            "name": ACTIVITIES[n],
            "short_name": ACTIVITIES[n][:2].upper(),
            "value": ACTIVITIES[n].lower().replace(" ", "_"),
            "channels": [CHANNELS[n]] if n < WORK_TYPES else [],
            "queue_external_ids": [],
            "productive": n < WORK_TYPES,
            "timeoff": n == len(ACTIVITIES) - 1,
            "background_color": f"#{n * 40:02x}aabb",
            "font_color": "#000000",
        }
        return kind | {"timeoff_unit": "hours"} if kind["timeoff"] else kind

    def _requirement_type(self, n: int) -> Record:
        channel, queue = self.line(n)
        return {
            "id": self._ids.write(Kind.REQUIREMENT_TYPE, n),
            "name": f"{channel.title()} {n}",
            "activity_type_ids": [self.activity_type(CHANNELS.index(channel))],
            "channel": channel,
            "queue": queue,
        }


def _by_id(records: list[Record]) -> Mapping[str, Record]:
    return {str(record["id"]): record for record in records}
