"""Paths of exports, of their limits, and of the forecast that is answered at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from extractor.sandbox.clari.audit_routes import BadFilter
from extractor.sandbox.clari.errors import audit_refusal, envelope
from extractor.sandbox.clari.forecasts import Forecasts
from extractor.sandbox.clari.jobs import Job, Jobs, Order
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.orders import FORECAST_QUERY, BadOrder, Orders, read_body, read_query
from extractor.sandbox.clari.stamps import DAY, SECOND, stamp
from extractor.sandbox.replies import JSON, Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["ExportRoutes", "fill_history"]

Answer = Callable[[Call], Reply]


class _NoJob(Exception):
    """The job that a path names can't be had."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class ExportRoutes:
    """Answers what concerns exports."""

    def __init__(self, jobs: Jobs, orders: Orders, forecasts: Forecasts, knobs: Knobs) -> None:
        self._jobs = jobs
        self._orders = orders
        self._forecasts = forecasts
        self._knobs = knobs

    def routes(self) -> list[Route]:
        """All of them."""
        job = "/export/jobs/{}"
        return [
            _route("export_activity", "/export/activity", self._activity, method="POST"),
            _route("export_audit_events", "/export/audit/events", self._audit, method="POST"),
            _route("export_forecast", "/export/forecast", _without_forecast, method="POST"),
            _route("export_forecast", "/export/forecast/{}", self._forecast, method="POST", query=FORECAST_QUERY),
            _route("forecast", "/forecast/{}", self._forecast_now, query=FORECAST_QUERY - {"schedule", "exportFormat"}),
            _route("export_jobs", "/export/jobs", self._list),
            _route("export_job", job, self._status),
            _route("export_job_cancel", job, self._cancel, method="PATCH"),
            _route("export_job_results", job + "/results", self._results),
            _route("limits", "/admin/limits", self._limits),
        ]

    # ── orders ──────────────────────────────────────────────────────────────────────────────

    def _activity(self, call: Call) -> Reply:
        return self._create(self._orders.activity(read_body(call)), call, status=202)

    def _audit(self, call: Call) -> Reply:
        return self._create(self._orders.audit(read_body(call), _ms(call)), call, status=202)

    def _forecast(self, call: Call) -> Reply:
        given = (read_body(call) if call.body else {}) | read_query(call)
        return self._create(self._orders.forecast(call.args[0], given), call, status=200)

    def _forecast_now(self, call: Call) -> Reply:
        wanted = self._orders.wanted(call.args[0], read_query(call))
        return json_reply(self._forecasts.export(wanted, [*self._forecasts.entries(wanted)]))

    def _create(self, order: Order, call: Call, *, status: int) -> Reply:
        if self._jobs.full(_ms(call)):
            quota, at_once = self._knobs.monthly_quota, self._knobs.jobs_at_once
            text = f"The monthly quota limit of {quota} or concurrent limit of {at_once} has been reached."
            return _for_now(envelope("export_monthly_quota_reached", text, source="Export"))
        return json_reply({"jobId": self._jobs.create(order, _ms(call)).id}, status=status)

    # ── jobs ────────────────────────────────────────────────────────────────────────────────

    def _list(self, call: Call) -> Reply:
        jobs = [self._jobs.record(job, _ms(call)) for job in self._jobs.mine()]
        return _for_now(json_reply({"jobs": jobs} if self._knobs.jobs_object else jobs))

    def _status(self, call: Call) -> Reply:
        job = self._named(call)
        return _for_now(json_reply(self._jobs.record(job, _ms(call))), changes=job.open(_ms(call)))

    def _cancel(self, call: Call) -> Reply:
        job = self._named(call)
        if read_body(call) != {"type": "CANCEL"}:
            raise BadOrder("bad_request", 'The body must be {"type":"CANCEL"}')
        if not job.open(_ms(call)):
            return envelope("export_failed_to_cancel", f"Job {job.id} has ended")
        job.cancelled = _ms(call)
        return json_reply({"status": job.state(_ms(call)), "successful": True})

    def _results(self, call: Call) -> Reply:
        job = self._named(call)
        if not job.readable(_ms(call)):
            refusal = _invalid(f"Job {job.id} has not finished executing, or has no results any more")
            return _for_now(refusal, changes=job.open(_ms(call)))
        content_type = "text/csv" if job.order.file_type == "CSV" else JSON
        return Reply(content_type=content_type, chunks=self._jobs.file(job))

    def _limits(self, call: Call) -> Reply:
        return _for_now(json_reply({"jobs": self._jobs.limits(_ms(call))}))

    def _named(self, call: Call) -> Job:
        job = self._jobs.find(call.args[0])
        if job is None:
            raise _NoJob(_invalid(f"There is no job {call.args[0]}"))
        if not job.mine:
            raise _NoJob(envelope("SWW", "Something went wrong", status=403))
        return job


def fill_history(jobs: Jobs, orders: Orders, forecasts: Forecasts) -> None:
    """Orders of the last two months: one with each end, one whose file has expired, and one of a colleague."""
    day = jobs.started // DAY * DAY
    activities = orders.activity({"startDate": stamp(day - 60 * DAY), "endDate": stamp(day - 50 * DAY)})
    quarter = {"timePeriod": forecasts.name(forecasts.quarters[-2])}
    as_json, as_csv = (
        orders.forecast(forecasts.ids[0], quarter | {"exportFormat": form, "typesToExport": ["forecast", "quota"]})
        for form in ("JSON", "CSV")
    )
    for age, order in ((55, as_json), (20, activities), (12, as_json), (9, as_csv)):
        jobs.create(order, day - age * DAY, lasts=4_800)
    jobs.create(activities, day - 8 * DAY, lasts=6_400, fails=True)
    jobs.create(as_csv, day - 7 * DAY, lasts=6_400, mine=False)
    for age, after in ((6, 200), (5, 3_000)):
        jobs.create(activities, day - age * DAY, lasts=6_400).cancelled = day - age * DAY + after


def _route(name: str, path: str, answer: Answer, *, method: str = "GET", query: Iterable[str] = ()) -> Route:
    def answer_or_refuse(call: Call) -> Reply:
        try:
            return answer(call)
        except BadOrder as bad:
            code, message = bad.args
            optin = code == "no_optin"
            return envelope(code, message, status=401 if optin else 400, namespace="fcw" if optin else "exports")
        except BadFilter as bad:
            return audit_refusal(*bad.args)
        except _NoJob as missing:
            return missing.reply

    return Route(name=name, path=path, method=method, query=frozenset(query), answer=answer_or_refuse)


def _without_forecast(call: Call) -> Reply:
    del call
    raise BadOrder("missing_forecast_id", "The path must end with the id of a forecast")


def _for_now(reply: Reply, *, changes: bool = True) -> Reply:
    """An answer that differs next time, so that asking again is no mistake."""
    reply.settled = not changes
    return reply


def _invalid(message: str) -> Reply:
    return envelope("invalid_jobId", message)


def _ms(call: Call) -> int:
    return int(call.now * SECOND)
