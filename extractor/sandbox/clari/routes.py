"""Clari's three surfaces, and nothing but them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extractor.sandbox.clari.activities import Activities
from extractor.sandbox.clari.audit import Audit
from extractor.sandbox.clari.audit_routes import AuditRoutes
from extractor.sandbox.clari.call_records import CallRecords
from extractor.sandbox.clari.calls import Calls
from extractor.sandbox.clari.copilot_routes import CopilotRoutes
from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.errors import (
    audit_refusal,
    copilot_refusal,
    copilot_too_many,
    envelope,
    ingestion_refusal,
    no_route,
    opportunity_refusal,
    revenue_too_many,
)
from extractor.sandbox.clari.export_routes import ExportRoutes, fill_history
from extractor.sandbox.clari.filters import CallFilters
from extractor.sandbox.clari.forecasts import Forecasts
from extractor.sandbox.clari.gateway import guarded, partner_door, revenue_door
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.ingestion import Ingestion
from extractor.sandbox.clari.jobs import Jobs
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.opportunity_routes import OpportunityRoutes
from extractor.sandbox.clari.orders import Orders
from extractor.sandbox.clari.reference import Reference
from extractor.sandbox.clari.stamps import SECOND
from extractor.sandbox.clari.transcripts import Transcripts
from extractor.sandbox.clari.truth import Truth
from extractor.sandbox.limits import Allowance
from extractor.sandbox.routing import Router
from extractor.sandbox.server import Play, Stage, Surface

__all__ = ["clari"]

REVENUE_PER_SECOND, COPILOT_PER_SECOND = 100, 10


def clari(stage: Stage) -> Play:
    """Clari, ready to be served."""
    options, key = stage.options, stage.key
    knobs, ids = Knobs.read(stage.knobs), Ids(key)
    calls = Calls(options, key, stage.started)
    reference = Reference(ids, key, size=options.size, until=calls.until)
    crm = CRM(calls, ids, reference)
    records = CallRecords(calls, ids, crm, reference)
    audit = Audit(ids, reference, key, size=options.size, until=calls.until)
    activities = Activities(calls, ids, crm, reference)
    forecasts = Forecasts(ids, reference, key, until=calls.until)
    orders = Orders(activities, audit, forecasts, knobs)
    jobs = Jobs(ids, knobs, key, started=int(stage.started * SECOND))
    fill_history(jobs, orders, forecasts)
    pushed = stage.started + 2 * knobs.job_latency / SECOND
    ingestion = Ingestion(ids, until=calls.until, done=lambda now: now >= pushed)
    copilot = CopilotRoutes(
        calls=calls,
        records=records,
        transcripts=Transcripts(calls, crm),
        filters=CallFilters(calls, records),
        crm=crm,
        reference=reference,
        knobs=knobs,
    )
    truth = Truth(
        ids=ids,
        knobs=knobs,
        calls=calls,
        records=records,
        copilot=copilot,
        crm=crm,
        reference=reference,
        audit=audit,
        activities=activities,
        forecasts=forecasts,
        jobs=jobs,
        ingestion=ingestion,
    )
    apikey, partnerkey, copilot_key, copilot_password = (ids.hex32(Kind.SECRET, n) for n in range(4))
    door = revenue_door(apikey)
    listed = AuditRoutes(audit, knobs, origin=stage.origin, elsewhere=stage.other_origin).routes()
    revenue = [
        *(guarded(route, door, lambda name: audit_refusal(name, "unknown parameter")) for route in listed),
        *(
            guarded(route, door, lambda name: opportunity_refusal(f"unknown parameter {name}"))
            for route in OpportunityRoutes(crm).routes()
        ),
        *(
            guarded(route, door, lambda name: envelope("bad_request", f"unknown parameter {name}"))
            for route in ExportRoutes(jobs, orders, forecasts, knobs).routes()
        ),
    ]
    partner = partner_door(apikey, partnerkey)
    pushes = [
        guarded(route, partner, lambda name: ingestion_refusal(400, "BAD_REQUEST", f"unknown parameter {name}"))
        for route in ingestion.routes()
    ]
    return Play(
        vendor="clari",
        budgets={
            "copilot": Allowance(per_second=COPILOT_PER_SECOND, weekly=max(0, knobs.weekly - knobs.weekly_used)),
            "revenue": Allowance(per_second=REVENUE_PER_SECOND),
        },
        surfaces=(
            _gateway("/v4", Router(revenue)),
            _gateway("/v2", Router(pushes)),
            Surface(
                prefix="/copilot",
                router=Router(copilot.routes()),
                budget="copilot",
                authorized=lambda headers, _: (
                    headers.get("X-Api-Key") == copilot_key and headers.get("X-Api-Password") == copilot_password
                ),
                rate_headers=lambda _: {},
                too_many=copilot_too_many,
                refusal=copilot_refusal,
            ),
        ),
        settings={
            "apikey": apikey,
            "partnerkey": partnerkey,
            "x_api_key": copilot_key,
            "x_api_password": copilot_password,
            "ingest_base_url": "{origin}/v2",
            "copilot_base_url": "{origin}/copilot",
            "forecast_ids": forecasts.ids,
            "ingest_job_ids": ingestion.ids,
        },
        truth=truth.stream,
        arrived=lambda _number, _now: None,
    )


def _gateway(prefix: str, router: Router) -> Surface:
    """A surface of the host with the gateway; credentials are judged behind its routes."""
    return Surface(
        prefix=prefix,
        router=router,
        budget="revenue",
        authorized=_anybody,
        rate_headers=lambda _: {},
        too_many=revenue_too_many,
        refusal=no_route,
    )


def _anybody(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
    del headers, query
    return True
