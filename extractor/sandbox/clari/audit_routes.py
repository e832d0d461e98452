"""`GET /audit/events`: pages that name the next one by an absolute address."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import floor
from re import compile as pattern

import orjson

from extractor.sandbox.clari.audit import SESSION_TYPES, Audit
from extractor.sandbox.clari.errors import audit_refusal
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.stamps import DAY, SECOND, parse
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["AuditFilter", "AuditRoutes", "BadFilter"]

Record = dict[str, object]

DEFAULT_LIMIT, LARGEST_LIMIT = 100, 1_000
DEFAULT_SPAN = 30 * DAY
PATH = "/audit/events"
FORMS = {
    "actorId": pattern(r"\d{1,19}"),
    "impersonatingActorId": pattern(r"\d{1,19}"),
    "sessionId": pattern(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "sessionType": pattern("|".join(SESSION_TYPES)),
    "event": pattern(r".+"),
}


class BadFilter(Exception):
    """A filter has a value that makes no sense; the arguments are its name and what is expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFilter:
    """Which events are meant.

    Attributes:
        start, end: milliseconds, both included.
        equal: fields of events and what they must be.
    """

    start: float
    end: float
    equal: Mapping[str, str]

    @classmethod
    def read(cls, given: Mapping[str, object], now: float) -> AuditFilter:
        """A filter from parameters or from a body; without dates the last thirty days before `now` (milliseconds).

        Raises:
            BadFilter: a value makes no sense.
        """
        times = []
        for name, otherwise in (("dateFrom", now - DEFAULT_SPAN), ("dateTo", now)):
            text = given.get(name)
            ms = otherwise if text is None else parse(text) if isinstance(text, str) else None
            if ms is None:
                raise BadFilter(name, "an ISO 8601 date or date-time is expected")
            times.append(ms)
        if times[1] < times[0]:
            raise BadFilter("dateTo", "it is before dateFrom")
        equal = {name: str(given[name]) for name in FORMS if given.get(name) is not None}
        for name, text in equal.items():
            if not FORMS[name].fullmatch(text):
                raise BadFilter(name, "the value has not the form of one")
        return cls(start=times[0], end=times[1], equal=equal)

    def numbers(self, audit: Audit) -> Sequence[int]:
        """The events that are meant, the newest first."""
        stretch = range(audit.below(self.start), audit.below(floor(self.end) + 1))[::-1]
        return [n for n in stretch if self._fits(audit.event(n))] if self.equal else stretch

    def _fits(self, event: Record) -> bool:
        return all(str(event[name]) == text for name, text in self.equal.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cursor:
    """A filter, frozen, and how far a client has come."""

    filter: AuditFilter
    limit: int
    offset: int

    def write(self) -> str:
        return urlsafe_b64encode(orjson.dumps(asdict(self))).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> _Cursor:
        """What `write` wrote.

        Raises:
            BadFilter: it did not write this.
        """
        try:
            given = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            cursor = cls(filter=AuditFilter(**given.pop("filter")), **given)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadFilter("cursor", "it is none of ours") from error
        if not (isinstance(cursor.limit, int) and isinstance(cursor.offset, int) and cursor.write() == text):
            raise BadFilter("cursor", "it is none of ours")
        return cursor


class AuditRoutes:
    """Answers with pages of events; `origin` is where they lie, `elsewhere` where knob `foreign-next` leads."""

    def __init__(self, audit: Audit, knobs: Knobs, *, origin: str, elsewhere: str) -> None:
        self._audit = audit
        self._knobs = knobs
        self._base = (elsewhere if knobs.foreign_next else origin) + "/v4" + PATH

    def routes(self) -> list[Route]:
        """The one there is."""
        known = frozenset({"limit", "dateFrom", "dateTo", "cursor", *FORMS})
        return [Route(name="audit_events", path=PATH, query=known, answer=self._answer)]

    def _answer(self, call: Call) -> Reply:
        try:
            cursor = _asked(call)
        except BadFilter as bad:
            return audit_refusal(*bad.args)
        numbers = cursor.filter.numbers(self._audit)
        after = cursor.offset + cursor.limit
        page = self._audit.page([self._audit.event(n) for n in numbers[cursor.offset : after]])
        if after < len(numbers):
            further = replace(cursor, offset=after)
            page["nextLink"] = self._link(cursor if self._knobs.next_repeat and cursor.offset else further)
        return json_reply(page)

    def _link(self, cursor: _Cursor) -> str:
        return f"{self._base}?cursor={cursor.write()}"


def _asked(call: Call) -> _Cursor:
    text = call.one("cursor")
    if text is not None:
        if len(call.query) > 1:
            raise BadFilter("cursor", "it stands for all other parameters")
        return _Cursor.read(text)
    limit = call.one("limit") or str(DEFAULT_LIMIT)
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= LARGEST_LIMIT):
        raise BadFilter("limit", f"a whole number from 1 to {LARGEST_LIMIT} is expected")
    return _Cursor(filter=AuditFilter.read(dict(call.query), call.now * SECOND), limit=int(limit), offset=0)
