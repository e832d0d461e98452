"""Paths of the Copilot API; every answer there is at most so many bytes long, or 502."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from math import inf

from extractor.sandbox.clari.call_records import CallRecords
from extractor.sandbox.clari.calls import Calls
from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.errors import copilot_refusal
from extractor.sandbox.clari.filters import FILTERS, CallFilters
from extractor.sandbox.clari.ids import Kind
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.paging import BadValue, Found, flag, instant, page
from extractor.sandbox.clari.reference import TOPICS, Reference
from extractor.sandbox.clari.stamps import HOUR, SECOND
from extractor.sandbox.clari.transcripts import Transcripts
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["CopilotRoutes"]

Record = dict[str, object]

CALLS_LIMIT, SCORECARDS_LIMIT = 25, 50
PAGING = {"skip", "limit", "includePagination"}
MEDIA = {"includeAudio", "includeVideo"}
MEDIA_LASTS = 4 * HOUR


class CopilotRoutes:
    """Answers about calls, scorecards, the workspace and its CRM."""

    def __init__(
        self,
        *,
        calls: Calls,
        records: CallRecords,
        transcripts: Transcripts,
        filters: CallFilters,
        crm: CRM,
        reference: Reference,
        knobs: Knobs,
    ) -> None:
        self._calls = calls
        self._records = records
        self._transcripts = transcripts
        self._filters = filters
        self._crm = crm
        self._reference = reference
        self._knobs = knobs

    def routes(self) -> list[Route]:
        """All of them."""
        modified, scored = {"filterModifiedGt", "filterModifiedLt"}, {"filterTimeGt", "filterTimeLt"}
        judged = {"filterRepId", "filterScorerId"}
        return [
            self._route("calls", "/calls", self._list, FILTERS | PAGING | MEDIA),
            self._route("call_details", "/call-details", self._details, {"id"} | MEDIA),
            self._route("users", "/users", lambda _: json_reply({"users": self._reference.users})),
            self._route("topics", "/topics", lambda _: json_reply({"topics": TOPICS})),
            self._route("topics_v2", "/v2/topics", self._topics, modified),
            self._route("scorecards", "/scorecard", self._scorecards, PAGING | scored | judged),
            self._route("scorecard_templates", "/scorecard-template", self._templates),
            self._route("accounts", "/get-account", self._crm_record(Kind.ACCOUNT, self._crm.account), {"id"}),
            self._route("deals", "/get-deal", self._crm_record(Kind.DEAL, self._crm.deal), {"id"}),
            self._route("contacts", "/get-contact", self._crm_record(Kind.CONTACT, self._crm.contact), {"id"}),
        ]

    def details(self, i: int, media_until: tuple[int | None, int | None] = (None, None)) -> Reply:
        """The details of call i, or the 502 that they get for their size."""
        talk = self._calls.call(i)
        record = self._records.call(talk, audio_until=media_until[0], video_until=media_until[1])
        people = len(self._records.reps(talk)) + len(self._records.guests(talk))
        return self._fitting(json_reply({"call": record | self._transcripts.beside(talk, people)}))

    def _route(
        self, name: str, path: str, answer: Callable[[Call], Reply | Awaitable[Reply]], query: Iterable[str] = ()
    ) -> Route:
        async def fitting(call: Call) -> Reply:
            try:
                made = answer(call)
                return self._fitting(await made if isawaitable(made) else made)
            except BadValue as bad:
                return copilot_refusal(400, str(bad), call.path)

        return Route(name=name, path=path, query=frozenset(query), answer=fitting)

    def _fitting(self, reply: Reply) -> Reply:
        if len(reply.body) <= self._knobs.max_bytes:
            return reply
        return json_reply({"message": "Internal server error"}, status=502)

    # ── calls ───────────────────────────────────────────────────────────────────────────────

    async def _list(self, call: Call) -> Reply:
        wanted = page(call, cap=self._knobs.skip_cap, limit=CALLS_LIMIT)
        audio, video = _media(call)
        found = await self._filters.found(call)
        calls = [
            self._records.call(self._calls.call(i), audio_until=audio, video_until=video) for i in wanted.cut(found)
        ]
        return json_reply({"calls": calls} | wanted.pagination(found))

    def _details(self, call: Call) -> Reply:
        media = _media(call)
        i = self._records.number(_id(call))
        if i is None or self._calls.gone(i):
            return copilot_refusal(404, "Call not found", call.path)
        return self.details(i, media)

    # ── scorecards and lists ────────────────────────────────────────────────────────────────

    def _scorecards(self, call: Call) -> Reply:
        wanted = page(call, cap=self._knobs.skip_cap, limit=SCORECARDS_LIMIT)
        low, high = instant(call, "filterTimeGt"), instant(call, "filterTimeLt")
        everything = range(self._records.scorecards)
        first = 0 if low is None else bisect_right(everything, low, key=self._records.scored)
        after = len(everything) if high is None else bisect_left(everything, high, key=self._records.scored)
        places: range | list[int] = everything[first:after]
        people = (call.one("filterRepId"), call.one("filterScorerId"))
        if any(people):
            places = [
                s
                for s in places
                if all(
                    given in (None, has) for given, has in zip(people, self._records.scorecard_people(s), strict=True)
                )
            ]
        found = Found(places=places, number=lambda s: s)
        cards = [self._records.scorecard(s) for s in wanted.cut(found)]
        return json_reply({"scorecards": cards} | wanted.pagination(found))

    def _topics(self, call: Call) -> Reply:
        low, high = instant(call, "filterModifiedGt"), instant(call, "filterModifiedLt")
        span = (-inf if low is None else low, inf if high is None else high)
        dated = zip(self._reference.topics, self._reference.topics_modified, strict=True)
        return json_reply({"topics": [topic for topic, when in dated if span[0] < when < span[1]]})

    def _templates(self, call: Call) -> Reply:
        del call
        key = "scoreCardTemplates" if self._knobs.spec_templates_key else "scorecardTemplates"
        return json_reply({key: self._reference.templates})

    # ── CRM ─────────────────────────────────────────────────────────────────────────────────

    def _crm_record(self, kind: Kind, make: Callable[[int], Record]) -> Callable[[Call], Reply]:
        def answer(call: Call) -> Reply:
            n = self._crm.find(kind, _id(call))
            if n is None:
                return copilot_refusal(404, f"{kind.name.capitalize()} not found", call.path)
            return json_reply(make(n))

        return answer


def _id(call: Call) -> str:
    given = call.one("id")
    if not given:
        raise BadValue("id is required")
    return given


def _media(call: Call) -> tuple[int | None, int | None]:
    """Until when links to audio and to video are to be good, in milliseconds."""
    until = int(call.now * SECOND) + MEDIA_LASTS
    audio, video = (flag(call, name, otherwise=False) for name in ("includeAudio", "includeVideo"))
    return until if audio else None, until if video else None
