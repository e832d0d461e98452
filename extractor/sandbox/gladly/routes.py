"""The vendor's paths below /api/v1, and nothing but them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence

from extractor.sandbox.gladly.answers import Answers
from extractor.sandbox.gladly.calendar import Calendar
from extractor.sandbox.gladly.changes import Changes
from extractor.sandbox.gladly.customer_routes import CustomerRoutes
from extractor.sandbox.gladly.errors import not_found, refusal, too_many
from extractor.sandbox.gladly.events import Events
from extractor.sandbox.gladly.export_routes import ExportRoutes
from extractor.sandbox.gladly.exports import Exports
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.items import Items
from extractor.sandbox.gladly.knobs import Knobs
from extractor.sandbox.gladly.population import Population
from extractor.sandbox.gladly.records import Records
from extractor.sandbox.gladly.reference import Reference
from extractor.sandbox.gladly.report_rows import ReportRows
from extractor.sandbox.gladly.reports import Reports
from extractor.sandbox.gladly.truth import Truth
from extractor.sandbox.gladly.work_sessions import WorkSessions
from extractor.sandbox.knobs import turned
from extractor.sandbox.limits import Allowance, Rolling, Verdict
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route, Router
from extractor.sandbox.server import Play, Stage, Surface

__all__ = ["gladly"]

REQUESTS_PER_SECOND = 10
REPORTS_PER_MINUTE, REPORTS_AT_ONCE = 10, 2
USERNAME = "agent@sandbox.example"
LISTS = {
    "agents": "/agents",
    "teams": "/teams",
    "inboxes": "/inboxes",
    "topics": "/topics",
    "audiences": "/audiences",
    "business_hours": "/business-hours",
    "webhooks": "/webhooks",
}
SINGLE = {**LISTS, "custom_attributes": "/custom-attributes"}
del SINGLE["audiences"]


def gladly(stage: Stage) -> Play:
    """Gladly, ready to be served."""
    options, key = stage.options, stage.key
    ids = Ids(key)
    population = Population(options, key, stage.started)
    changes = Changes(population=population, ids=ids, live=options.live)
    reference = Reference(population, ids)
    calendar = Calendar(population)
    items = Items(population, ids, changes, reference)
    records = Records(population, ids, changes, reference)
    exports = Exports(
        population=population, ids=ids, calendar=calendar, items=items, records=records, reference=reference
    )
    events = Events(population, ids, changes, reference, stage.started)
    rows = ReportRows(population, ids, changes, reference, records)
    answers = Answers(population, ids, reference)
    sessions = WorkSessions(
        population=population, ids=ids, calendar=calendar, reference=reference, records=records, rows=rows
    )
    reports = Reports(turned(Knobs, stage.knobs), key, calendar, rows, plain=options.plain)
    truth = Truth(
        population=population,
        ids=ids,
        changes=changes,
        reference=reference,
        items=items,
        exports=exports,
        events=events,
        answers=answers,
        rows=rows,
        sessions=sessions,
    )
    customers = CustomerRoutes(population, ids, changes, records, items, other_origin=stage.other_origin)
    password = ids.write(Kind.ORGANIZATION, 0, 0, 1)
    report_limit = Rolling(base=REPORTS_PER_MINUTE, seconds=60, at_once=REPORTS_AT_ONCE, tempo=stage.tempo)
    routes = [
        *_reference_routes(reference, plain=options.plain),
        *answers.routes(),
        *customers.routes(),
        *ExportRoutes(exports, ids, plain=options.plain).routes(),
        Route(name="events", path="/events", query=frozenset({"startAt", "endAt", "entities"}), answer=events.answer),
        *(
            Route(name=name, path=path, method="POST", limit=report_limit, latency=reports.latency, answer=answer)
            for name, path, answer in (
                ("reports", "/reports", reports.answer),
                ("work_session_events", "/reports/work-session-events", sessions.answer),
            )
        ),
    ]
    return Play(
        vendor="gladly",
        budgets={"organisation": Allowance(per_second=REQUESTS_PER_SECOND)},
        surfaces=(
            Surface(
                prefix="/api/v1",
                router=Router(routes),
                budget="organisation",
                authorized=_basic(USERNAME, password),
                rate_headers=_rate_headers,
                too_many=too_many,
                refusal=refusal,
            ),
        ),
        settings={"organization": "sandbox", "username": USERNAME, "password": password},
        truth=truth.stream,
        arrived=changes.arrived,
    )


def _basic(username: str, password: str) -> Callable[[Mapping[str, str], Sequence[tuple[str, str]]], bool]:
    expected = b64encode(f"{username}:{password}".encode()).decode()

    def authorized(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
        del query
        scheme, _, pair = headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "basic" and pair.strip() == expected

    return authorized


def _rate_headers(verdict: Verdict) -> dict[str, str]:
    return {
        "Ratelimit-Limit-Second": str(verdict.limit),
        "Ratelimit-Remaining-Second": str(verdict.remaining),
    }


def _reference_routes(reference: Reference, *, plain: bool) -> list[Route]:
    def whole(table: str) -> Callable[[Call], Reply]:
        body = json_reply(reference.lists[table] if table in LISTS else reference.lists[table][0]).body
        return lambda _: Reply(body=body)

    def single(table: str) -> Callable[[Call], Reply]:
        def answer(call: Call) -> Reply:
            record = reference.by_id[table].get(call.args[0])
            return not_found(call.path, plain=plain) if record is None else json_reply(record)

        return answer

    lists = [Route(name=table, path=path, answer=whole(table)) for table, path in LISTS.items()]
    singles = [Route(name=f"{table}_get", path=path + "/{}", answer=single(table)) for table, path in SINGLE.items()]
    return [*lists, *singles, Route(name="organization", path="/organization", answer=whole("organization"))]
