"""Answers: texts for agents, some of them public; only public ones have a list."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.errors import not_found
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import Population
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.stamps import DAY, mixed
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["Answers"]

Record = dict[str, object]

NAMES = ("Return policy", "Shipping – EU", "Größentabelle 👟", "Gift cards", "Refund above 100 $", "Tone of voice")
INTERNAL = 2
"""So many of them, the last ones, are for agents only; all are public in a plain sandbox."""
LANGUAGE = "en-us"


class Answers:
    """Answers what concerns answers.

    Attributes:
        public: ids of those that the list shows.
        internal: ids of the others, which nothing names.
    """

    def __init__(self, population: Population, ids: Ids, reference: Reference) -> None:
        self._plain = population.plain
        self._key = population.key
        self._until = population.until
        self._reference = reference
        written = [ids.write(Kind.ANSWER, n) for n in range(len(NAMES))]
        count = len(NAMES) - (0 if population.plain else INTERNAL)
        self.public, self.internal = written[:count], written[count:]

    def routes(self) -> list[Route]:
        """Both; the list takes no credentials at the vendor, but comes with them all the same."""
        listing = frozenset({"lng", "audienceId"})
        return [
            Route(name="public_answers", path="/orgs/{}/answers", query=listing, answer=self._list),
            Route(name="answers", path="/answers/{}", answer=self._single),
        ]

    def _list(self, call: Call) -> Reply:
        if call.args[0] not in self._reference.by_id["organization"]:
            return not_found(call.path, plain=self._plain)
        audience = call.one("audienceId")
        shown = call.one("lng") in (None, LANGUAGE) and audience in (None, *self._reference.by_id["audiences"])
        records = [self._public(n) for n in range(len(self.public))] if shown else []
        return json_reply(sorted(records, key=lambda record: str(record["name"])))

    def _single(self, call: Call) -> Reply:
        everything = [*self.public, *self.internal]
        if call.args[0] not in everything:
            return not_found(call.path, plain=self._plain)
        n = everything.index(call.args[0])
        dates = self._dates(n)
        return json_reply({"id": call.args[0], "name": NAMES[n], "description": "", "audienceIds": [], **dates})

    def _public(self, n: int) -> Record:
        body = f"<p>{NAMES[n]} &amp; more</p>"
        updated = self._dates(n)["updatedAt"]
        return {
            "id": self.public[n],
            "name": NAMES[n],
            "bodyHtml": body,
            "language": LANGUAGE,
            "updatedAt": updated,
        }

    def _dates(self, n: int) -> Record:
        dice = Dice(self._key, Kind.ANSWER, n)
        created = self._until - dice.between(300, 900) * DAY
        return {"createdAt": mixed(created, dice), "updatedAt": mixed(created + dice.below(200 * DAY), dice)}
