"""The vendor's paths below /v0, and nothing but them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence

from extractor.sandbox.assembled.activities import Activities
from extractor.sandbox.assembled.assist import Assist
from extractor.sandbox.assembled.audit import Audit
from extractor.sandbox.assembled.changes import Changes
from extractor.sandbox.assembled.envelope import Answer, Envelope
from extractor.sandbox.assembled.errors import refusal, too_many
from extractor.sandbox.assembled.history import DAY, History
from extractor.sandbox.assembled.ids import Ids, Kind
from extractor.sandbox.assembled.knobs import Knobs
from extractor.sandbox.assembled.people import People
from extractor.sandbox.assembled.reference import Reference
from extractor.sandbox.assembled.reports import Reports
from extractor.sandbox.assembled.roster import Roster
from extractor.sandbox.assembled.staffing import Staffing
from extractor.sandbox.assembled.states import States
from extractor.sandbox.assembled.time_off import TimeOff
from extractor.sandbox.assembled.truth import Truth
from extractor.sandbox.knobs import turned
from extractor.sandbox.limits import Allowance
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route, Router
from extractor.sandbox.server import Play, Stage, Surface

__all__ = ["assembled"]

LIMIT = Allowance(per_second=5, burst=4)
OLD_LIMIT = Allowance(per_second=2, burst=5)
MAPS = ("roles", "teams", "sites", "queues", "skills", "activity_types", "requirement_types")
WRITES = (
    *("/activities/bulk", "/agents/state/bulk", "/agents/state/edit", "/agents/associations", "/assist/articles"),
    *("/conversations/bulk", "/qa_scores/bulk", "/time_off", "/time_off/{}/cancel"),
)
"""Paths that only take what a client sends; nothing can be written here."""


def assembled(stage: Stage) -> Play:
    """Assembled, ready to be served."""
    options, key, plain = stage.options, stage.key, stage.options.plain
    knobs = turned(Knobs, stage.knobs)
    until = int(options.data_ends(stage.started).timestamp())
    history = History(until // DAY * DAY - knobs.history_days * DAY, until)
    ids = Ids(key)
    reference = Reference(history, ids, plain=plain)
    roster = Roster(history, key, options.size, plain=plain)
    people = People(roster, ids, reference)
    changes = Changes(roster=roster, live=options.live)
    activities = Activities(roster, ids, reference, people, changes)
    states = States(roster, ids, people, changes)
    audit = Audit(roster, ids, people, changes)
    staffing = Staffing(history, key, ids, reference, plain=plain)
    time_off = TimeOff(roster, ids, reference)
    reports = Reports(roster, ids, knobs)
    assist = Assist(roster, ids, knobs)
    truth = Truth(
        roster=roster,
        reference=reference,
        people=people,
        activities=activities,
        states=states,
        audit=audit,
        staffing=staffing,
        time_off=time_off,
        reports=reports,
        assist=assist,
        changes=changes,
    )
    answers: dict[str, tuple[str, Answer]] = {
        "people": ("/people", people.list),
        "person": ("/people/{}", people.single),
        **{name: (f"/{name}", _whole(name, reference)) for name in MAPS},
        "activities": ("/activities", activities.answer),
        "agent_states": ("/agents/state", states.bulk),
        "agent_states_single": ("/agents/states/{}", states.single),
        "condensed_timeline": ("/agents/state/condensed_timeline", states.timeline),
        "event_changes": ("/event_changes", audit.answer),
        "requirements": ("/requirements", staffing.requirements),
        "forecasts": ("/forecasts", staffing.forecasts),
        "forecast_totals": ("/forecasts/totals", staffing.totals),
        "forecasted_vs_actuals": ("/forecasted_vs_actuals", staffing.beside_actuals),
        "time_off_requests": ("/time_off/requests", time_off.list_requests),
        "time_off_updates": ("/time_off/updates", time_off.list_updates),
        "reports_get": ("/reports/{}", reports.read),
        "assist_conversations": ("/assist/conversations", assist.list),
        "assist_handoff": ("/assist/conversations/{}/handoff", assist.handoff),
    }
    envelope = Envelope()
    routes = [
        *(
            Route(name=name, path=path, query=None, answer=envelope.around(answer))
            for name, (path, answer) in answers.items()
        ),
        Route(name="reports", path="/reports/{}", method="POST", query=None, answer=envelope.around(reports.order)),
        *(
            Route(name="writes", path=path, method="POST", query=None, answer=envelope.around(_read_only))
            for path in WRITES
        ),
    ]
    api_key = "sk_live_" + ids.write(Kind.ROLE, 0, 0, 1).replace("-", "")
    surface = Surface(
        prefix="/v0",
        router=Router(routes),
        budget="account",
        authorized=_basic(api_key),
        rate_headers=lambda _: {},
        too_many=lambda _: envelope.on(too_many(empty=knobs.empty_429)),
        refusal=lambda *refused: envelope.on(refusal(*refused)),
    )
    return Play(
        vendor="assembled",
        budgets={"account": OLD_LIMIT if knobs.old_limit else LIMIT},
        surfaces=(surface,),
        settings={"api_key": api_key},
        truth=truth.stream,
        arrived=changes.arrived,
    )


def _read_only(call: Call) -> Reply:
    return refusal(405, "nothing can be written here", call.path)


def _whole(table: str, reference: Reference) -> Answer:
    return lambda _: json_reply({table: reference.maps[table]})


def _basic(api_key: str) -> Callable[[Mapping[str, str], Sequence[tuple[str, str]]], bool]:
    """Judges the key: it is the user name, and the password is empty."""
    expected = b64encode(f"{api_key}:".encode()).decode()

    def authorized(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
        del query
        scheme, _, pair = headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "basic" and pair.strip() == expected

    return authorized
