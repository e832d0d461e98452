"""Requests for time off and what became of them: the only lists that can be asked for what is new."""

from __future__ import annotations

from collections.abc import Iterator

from extractor.sandbox.assembled.asking import LARGEST_PAGE, number, page
from extractor.sandbox.assembled.history import DAY, HOUR
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.reference import ACTIVITIES, Record, Reference
from extractor.sandbox.assembled.roster import Person, Roster
from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Call, Reply, json_reply

__all__ = ["TimeOff"]

OUTCOMES = (
    ("approved", "approve"),
    ("approved", "approve"),
    ("denied", "deny"),
    ("cancelled", "cancel"),
    ("pending", ""),
)
"""Status of a request, and type of the update that made it so."""


class TimeOff:
    """Draws at most one request for each agent, and at most one update for each request."""

    def __init__(self, roster: Roster, ids: Ids, reference: Reference) -> None:
        self._roster = roster
        self._ids = ids
        self._reference = reference

    def list_requests(self, call: Call) -> Reply:
        """`GET /time_off/requests`: what was made or updated at `updated_since` (included) or later, oldest first."""
        since = number(call, "updated_since", 0)
        found = sorted(
            (updated, str(request["id"]), request)
            for request, update in self.all()
            if (updated := _instant(update or request)) >= since
        )
        return json_reply({"time_off_requests": _page(call, [request for _, _, request in found])})

    def list_updates(self, call: Call) -> Reply:
        """`GET /time_off/updates`: with the requests that they belong to in a map beside them."""
        since, kinds = number(call, "updated_since", 0), set(call.all("type"))
        requests = {str(request["id"]): request for request, _ in self.all()}
        found = [update for _, update in self.all() if update and _instant(update) >= since]
        found = sorted((u for u in found if not kinds or u["type"] in kinds), key=_instant)
        shown = _page(call, found)
        parents = {slug: requests[slug] for slug in (str(update["time_off_request_id"]) for update in shown.values())}
        return json_reply({"time_off_updates": shown, "time_off_requests": parents})

    def all(self) -> Iterator[tuple[Record, Record | None]]:
        """Every request, with its update."""
        for who in self._roster.agents():
            dice = Dice(self._roster.key, Kind.TIME_OFF, who.i)
            if dice.one_in(2):
                yield self._request(who, dice)

    def _request(self, who: Person, dice: Dice) -> tuple[Record, Record | None]:
        until = self._roster.history.until
        status, kind = dice.pick(OUTCOMES)
        created = who.created + dice.below(until - who.created)
        start = created // DAY * DAY + dice.between(1, 30) * DAY
        request: Record = {
            "id": self._ids.write(Kind.TIME_OFF, who.i),
            "agent_id": self._ids.write(Kind.AGENT, who.i),
            "start_time": start,
            "end_time": start + dice.between(1, 5) * DAY,
            "created_at": created,
            "description": dice.pick(("", "Übermorgen beim Arzt", "family 👪")),
            "status": status,
            "activity_type_id": self._reference.activity_type(len(ACTIVITIES) - 1),
        }
        if not kind:
            return request, None
        update: Record = {
            "id": self._ids.write(Kind.TIME_OFF_UPDATE, who.i),
            "time_off_request_id": request["id"],
            "type": kind,
            "created_at": min(until - 1, created + dice.below(9) * HOUR),
        }
        return request, update if dice.one_in(3) and not self._roster.plain else update | {"comment": "ok"}


def _instant(record: Record) -> int:
    return int(str(record["created_at"]))


def _page(call: Call, records: list[Record]) -> dict[str, Record]:
    """By id; all of them if no `limit` is given, since nothing tells how many there are."""
    part = page(call, default=LARGEST_PAGE)
    shown = records if call.one("limit") is None else part.of(records)
    return {str(record["id"]): record for record in shown}
