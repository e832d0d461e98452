"""The vendor's three APIs, and nothing but them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from extractor.sandbox.knobs import turned
from extractor.sandbox.limits import Allowance, Verdict
from extractor.sandbox.play import Play, Stage, Surface
from extractor.sandbox.replies import Reply
from extractor.sandbox.routing import Route, Router
from extractor.sandbox.snapengage.account import Account
from extractor.sandbox.snapengage.cases import Cases
from extractor.sandbox.snapengage.changes import Changes
from extractor.sandbox.snapengage.chat import Chat
from extractor.sandbox.snapengage.errors import refuse, refuse_logs
from extractor.sandbox.snapengage.ids import Ids
from extractor.sandbox.snapengage.knobs import Knobs
from extractor.sandbox.snapengage.logs import Logs
from extractor.sandbox.snapengage.population import Population
from extractor.sandbox.snapengage.provisioning import Provisioning
from extractor.sandbox.snapengage.transcripts import Transcripts
from extractor.sandbox.snapengage.truth import Truth

__all__ = ["snapengage"]

BUDGET, REQUESTS_PER_SECOND = "requests", 10

Authorized = Callable[[Mapping[str, str], Sequence[tuple[str, str]]], bool]


def snapengage(stage: Stage) -> Play:
    """SnapEngage, ready to be served.

    Raises:
        ValueError: a knob that there isn't, or a value that it doesn't take.
    """
    options, knobs, ids = stage.options, turned(Knobs, stage.knobs), Ids(stage.key)
    population = Population(options, stage.key, stage.started)
    changes = Changes(population=population, ids=ids, live=options.live)
    account = Account(ids, stage.key)
    transcripts = Transcripts(population, changes)
    cases = Cases(population, ids, changes, transcripts, string_dates=knobs.string_dates)
    origin = stage.other_origin if knobs.link_foreign else stage.origin
    logs = Logs(population, ids, cases, knobs, origin=origin)
    chat = Chat(population, ids, account, transcripts)
    provisioning = Provisioning(account, ids.provisioning_key)
    truth = Truth(population=population, ids=ids, account=account, transcripts=transcripts, changes=changes, chat=chat)
    return Play(
        vendor="snapengage",
        budgets={BUDGET: Allowance(per_second=REQUESTS_PER_SECOND)},
        surfaces=(
            _surface("/api/v2", [logs.route()], _token(ids.token, bearer=knobs.bearer), refuse_logs),
            # Two credentials are in use below this prefix; the routes know which one is theirs.
            _surface("/api/v1", [*chat.routes(), *provisioning.routes()], _anybody, refuse),
            _surface("/public/api/v2", chat.public_routes(), _anybody, refuse),
        ),
        settings={
            "base_url": "{origin}",
            "api_key": ids.token,
            "org_id": ids.org,
            "widget_ids": list(account.widgets),
            "x_api_key": ids.chat_key,
            "provisioning_api_key": ids.provisioning_key,
            "emails": list(account.emails),
        },
        truth=truth.stream,
        arrived=changes.arrived,
    )


def _surface(
    prefix: str, routes: Sequence[Route], authorized: Authorized, refusal: Callable[[int, str, str], Reply]
) -> Surface:
    return Surface(
        prefix=prefix,
        router=Router(routes),
        budget=BUDGET,
        authorized=authorized,
        rate_headers=_no_headers,
        too_many=_too_many,
        refusal=refusal,
    )


def _token(token: str, *, bearer: bool) -> Authorized:
    accepted = {token, f"Bearer {token}"} if bearer else {token}

    def authorized(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
        del query
        return headers.get("Authorization") in accepted

    return authorized


def _anybody(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
    del headers, query
    return True


def _no_headers(verdict: Verdict) -> dict[str, str]:
    del verdict
    return {}


def _too_many(verdict: Verdict) -> Reply:
    del verdict
    return Reply(status=429)
