"""The vendor's paths below /api, its credentials and its budget."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from extractor.sandbox.gorgias.catalog import AGENT
from extractor.sandbox.gorgias.changes import Changes
from extractor.sandbox.gorgias.errors import refusal, too_many
from extractor.sandbox.gorgias.ids import Ids
from extractor.sandbox.gorgias.knobs import Knobs
from extractor.sandbox.gorgias.list_routes import ListRoutes
from extractor.sandbox.gorgias.population import Population
from extractor.sandbox.gorgias.single_routes import SingleRoutes
from extractor.sandbox.gorgias.tables import Tables
from extractor.sandbox.gorgias.truth import Truth
from extractor.sandbox.gorgias.views import Views
from extractor.sandbox.knobs import turned
from extractor.sandbox.limits import Allowance, Verdict
from extractor.sandbox.play import Play, Stage, Surface
from extractor.sandbox.routing import Route, Router
from extractor.sandbox.slugs import Slugs

__all__ = ["gorgias"]

PREFIX = "/api"
ACCOUNT = "account"


def gorgias(stage: Stage) -> Play:
    """Gorgias, ready to be served.

    Raises:
        ValueError: a knob that there is not, or a value that it does not take.
    """
    knobs = turned(Knobs, stage.knobs)
    population = Population(stage.options, stage.key, stage.started)
    changes = Changes(population=population, live=stage.options.live)
    tables = Tables(population, changes, Ids(stage.key))
    views = Views(tables)
    api_key = Slugs(stage.key).write(0)
    routes = [
        *ListRoutes(tables, views, knobs, other_origin=stage.other_origin).routes(),
        *SingleRoutes(tables, origin=stage.origin).routes(),
    ]
    surface = Surface(
        prefix=PREFIX,
        router=Router([*routes, *map(_with_slash, routes)]),
        budget=ACCOUNT,
        authorized=_credentials(f"{AGENT}:{api_key}", knobs.access_token),
        rate_headers=_rate_headers,
        too_many=too_many,
        refusal=refusal,
    )
    return Play(
        vendor="gorgias",
        budgets={ACCOUNT: Allowance(per_second=knobs.bucket / knobs.window, burst=knobs.window)},
        surfaces=(surface,),
        settings={"domain": "sandbox", "username": AGENT, "api_key": api_key},
        truth=Truth(tables, views).stream,
        arrived=changes.arrived,
    )


def _with_slash(route: Route) -> Route:
    """The same route with a slash at the end: clients of both kinds are at large."""
    return replace(route, path=route.path + "/")


def _credentials(pair: str, access_token: str) -> Callable[[Mapping[str, str], Sequence[tuple[str, str]]], bool]:
    accepted = {("basic", b64encode(pair.encode()).decode()), ("bearer", access_token)}

    def authorized(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
        del query
        scheme, _, credentials = headers.get("Authorization", "").partition(" ")
        return (scheme.lower(), credentials.strip()) in accepted

    return authorized


def _rate_headers(verdict: Verdict) -> dict[str, str]:
    return {"X-Gorgias-Account-Api-Call-Limit": f"{verdict.limit - verdict.remaining}/{verdict.limit}"}
