"""Clari: exports, forecasts and the audit of the Revenue API, pushes of the Ingestion API, calls of the Copilot API.

Three APIs that share a brand: hosts, credentials, limits and errors differ. Paths, parameters and limits are those of
the vendor's two OpenAPI documents as read in 2026, with what running connectors observed where these are silent:
100 requests a second for Revenue and Ingestion together; 10 a second and 100,000 a week from Sunday 00:00 UTC for
Copilot; exports are jobs, few at once and few in 30 days, and `/admin/limits` says how many.

Where the seed document differs, the vendor's own wins: `/v2` is the Ingestion API alone and calls have a host of their
own, audit events are below `items`, export jobs are a bare array, an ingestion job stands below `message`, topics are
text, a page has 1,000 audit events but 100 calls, and a spent quota of exports is a 400.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from extractor.model import (
    Api,
    Children,
    ColumnType,
    Configured,
    Crowded,
    Endpoint,
    Job,
    Listing,
    Records,
    Setting,
    StatedSecond,
    Vendor,
    WeeklyQuota,
    Windows,
)
from extractor.paginate import by_link, by_skip, field_of
from extractor.reshape import as_value, with_key
from extractor.vendors import _clari_columns as columns

Keys = Callable[[Mapping[str, object]], tuple[str, ...]]

# ── what is odd about this vendor ───────────────────────────────────────────────────────────


def _sent(**headers: str) -> Callable[[Mapping[str, str]], dict[str, str]]:
    # Whoever uses one of the APIs need not have the credentials of the others.
    return lambda settings: {
        name.replace("_", "-"): settings[setting] for name, setting in headers.items() if setting in settings
    }


def _audited(start: date, end: date) -> tuple[tuple[str, str], ...]:
    # Both ends are included; what two windows show is one row, because the record is its own key.
    return (("dateFrom", f"{start}T00:00:00.000Z"), ("dateTo", f"{end}T00:00:00.000Z"))


def _begun(start: date, end: date) -> tuple[tuple[str, str], ...]:
    # Neither end is included, and calls do begin at midnight.
    return (("filterTimeGt", f"{start - _DAY}T23:59:59.999Z"), ("filterTimeLt", f"{end}T00:00:00.000Z"))


def _activities_of(start: date, end: date, _: str) -> dict[str, object]:
    # The last day is included; of the instants only day and zone count.
    return {"startDate": f"{start}T00:00:00Z", "endDate": f"{end - _DAY}T00:00:00Z", "exportFormat": "JSON"}


def _quarter_of(start: date, _: date, __: str) -> dict[str, object]:
    return {
        "timePeriod": f"{start.year}_Q{(start.month + 2) // 3}",
        # Two of them, and the latest week alone, unless more are named.
        "typesToExport": ["forecast", "quota", "forecast_updated", "adjustment", "crm_total", "crm_closed"],
        "includeHistorical": True,
        "exportFormat": "JSON",
    }


def _same_order(job: Mapping[str, object], body: object, sent: float) -> bool:
    # An order leaves no mark but its days in the title. A job whose title lacks them may be another window's, and is
    # left alone: a second export costs one of the quota, a wrong one would hide records.
    title, status, begun = (str(job.get(name)) for name in ("title", "status", "startTime"))
    days = [str(field_of(body, name))[:10] for name in ("startDate", "endDate")]
    fresh = begun.isdecimal() and abs(float(begun) / 1000 - sent) <= _CLOCKS_DIFFER
    return fresh and all(day in title for day in days) and status in _EXPORT.waiting | _EXPORT.done


def _finished(job: Mapping[str, object]) -> tuple[str, ...]:
    return _texts([job.get("jobId")]) if str(job.get("status")) in _EXPORT.done else ()


def _opportunities(activity: Mapping[str, object]) -> tuple[str, ...]:
    named = activity.get("opportunities")
    return _texts([field_of(one, "opportunityId") for one in named]) if isinstance(named, list) else ()


def _contacts(call: Mapping[str, object]) -> tuple[str, ...]:
    return _texts(field_of(call, "crm_info.contact_ids"))


def _texts(listed: object) -> tuple[str, ...]:
    return tuple(one for one in listed if isinstance(one, str) and one) if isinstance(listed, list) else ()


def _by_opportunity(listing: Listing) -> tuple[tuple[str, str], ...]:
    return tuple(("oppId", one) for one in listing.key.split(","))


def _scoped(record: object, _: Listing) -> Mapping[str, object] | None:
    # There is one row, and nothing in it that could be a key.
    return {"scope": "organization", **record} if isinstance(record, Mapping) else None


def _kept_whole(record: object, listing: Listing) -> Mapping[str, object]:
    return {"jobId": listing.about, "content": record}


# ── endpoints ───────────────────────────────────────────────────────────────────────────────

_DAY = timedelta(days=1)
_CLOCKS_DIFFER = 600  # seconds, between an order and the job that it became
_ONE = Records(shape="object")

_EXPORT = Job(
    id="jobId",
    poll="/export/jobs/{job}",
    status="status",
    waiting=frozenset({"SCHEDULED", "STARTED"}),
    done=frozenset({"DONE"}),
    results="/export/jobs/{job}/results",
    cut_off=("rowsTruncated", "cellsTruncated"),
    # One code for both limits; the second request tells them apart.
    crowded=Crowded(
        code=("code", "export_monthly_quota_reached"),
        limits="/admin/limits",
        at_once="jobs.availableConcurrentLimit",
        quota="jobs.availableMonthlyQuota",
    ),
)

_revenue = partial(Endpoint, budgets=("revenue",), needs=("apikey",))
_copilot = partial(Endpoint, api="copilot", budgets=("week", "copilot"), needs=("x_api_key", "x_api_password"))
_forecast = partial(
    _revenue,
    path="/export/forecast/{key}",
    row=with_key("forecastId"),
    note="one job for each quarter, four ahead among them: a fiscal year may be named ahead of the calendar",
    # A permission that each user of the vendor gives for each forecast.
    closed=("code", "no_optin"),
    needs=("forecast_ids", "apikey"),
)

# No larger `skip` is taken, and a page of more than 6 MB is a 502.
_PAGED = by_skip(100, most=10_000, least=10)
_EVERY_CALL = (("includePrivate", "true"), ("sortTime", "asc"))


def _listed_by_time(days: int) -> Windows:
    return Windows(days=days, params=_begun, near=10_000, counted="pagination.matched", begin="beginning")


def _beside_entries(name: str, at: str, key: str, types: Mapping[str, ColumnType]) -> Endpoint:
    key_fields = ("forecastId", key)
    return _forecast(name=name, beside="forecast_entries", records=Records(at=at), key=key_fields, columns=types)


def _of_crm(name: str, path: str, key: str | Keys, types: Mapping[str, ColumnType]) -> Endpoint:
    return _copilot(
        name=name,
        path=path,
        key_param="id",
        records=_ONE,
        parents=(Children(endpoint="calls", key=key),),
        gone=(404,),
        columns=types,
        default=False,
        note="one request each out of 100,000 a week",
    )


VENDOR = Vendor(
    name="clari",
    title="Clari: activities, forecasts, audit (Revenue API) and recorded calls (Copilot API)",
    base_url="https://api.clari.com/v4",
    settings=(
        Setting(name="apikey", help="API token of the Revenue API", secret=True, required=False),
        Setting(name="x_api_key", help="key of the Copilot API", secret=True, required=False),
        Setting(name="x_api_password", help="password of the Copilot API", secret=True, required=False),
        Setting(name="partnerkey", help="partner key of the Ingestion API", secret=True, required=False),
        Setting(
            name="forecast_ids", help="ids of forecasts, from the addresses of their tabs", required=False, many=True
        ),
        Setting(name="ingest_job_ids", help="ids of jobs that pushed records", required=False, many=True),
        Setting(name="organization", help="a name that tells your organizations apart, if several", required=False),
    ),
    # Nothing that the vendor asks for says whose account it is.
    account="organization",
    headers=_sent(apikey="apikey"),
    apis={
        "ingest": Api(
            base_url="https://api.clari.com/v2",
            setting="ingest_base_url",
            headers=_sent(apikey="apikey", partnerkey="partnerkey"),
        ),
        "copilot": Api(
            base_url="https://rest-api.copilot.clari.com",
            setting="copilot_base_url",
            headers=_sent(X_Api_Key="x_api_key", X_Api_Password="x_api_password"),  # noqa: S106 - names of settings
        ),
    },
    budgets={
        "revenue": StatedSecond(limit=100),
        "copilot": StatedSecond(limit=10),
        # No document has the text: it is the one of the gateway that all that is documented points to.
        "week": WeeklyQuota(limit=100_000, keep=1_000, spent_text="Limit Exceeded"),
    },
    beginning={"oldest_call": "time"},
    endpoints=(
        _revenue(
            name="limits",
            path="/admin/limits",
            key=("scope",),
            records=Records(shape="object", at="jobs"),
            row=_scoped,
            columns=columns.LIMITS,
        ),
        _revenue(
            name="export_jobs",
            path="/export/jobs",
            key=("jobId",),
            records=Records(at="jobs"),
            columns=columns.EXPORT_JOB,
        ),
        _revenue(
            name="export_job_results",
            path="/export/jobs/{key}/results",
            key=("jobId",),
            records=Records(shape="text"),
            row=_kept_whole,
            parents=(Children(endpoint="export_jobs", key=_finished),),
            # A job that is done refuses only when its file has expired.
            gone=(400, 404),
            columns=columns.EXPORT_JOB_RESULT,
            default=False,
            note="files of earlier exports, each in one cell",
            timeout=300,
        ),
        _revenue(
            name="audit_events",
            path="/audit/events",
            params=(("limit", "1000"),),
            key=(),
            records=Records(at="items"),
            paginate=by_link("nextLink"),
            # How far back it goes is not documented; without dates it is a month.
            windows=Windows(days=364, pieces=7, params=_audited),
            columns=columns.AUDIT_EVENT,
        ),
        _revenue(
            name="audit_actors",
            path="/audit/events",
            key=("actorId",),
            records=Records(at="actors"),
            beside="audit_events",
            columns=columns.AUDIT_ACTOR,
        ),
        _revenue(
            name="activities",
            path="/export/activity",
            method="POST",
            key=("activityId",),
            records=Records(at="activities"),
            # Every window costs a job of the quota.
            windows=Windows(days=365, body=_activities_of),
            job=replace(_EXPORT, found=("/export/jobs", _same_order)),
            columns=columns.ACTIVITY,
            timeout=300,
        ),
        _revenue(
            name="opportunities",
            path="/opportunity",
            params=_by_opportunity,
            records=Records(at="opportunities"),
            parents=(Children(endpoint="activities", key=_opportunities, together=100),),
            columns=columns.OPPORTUNITY,
            default=False,
            note="those that activities name; there is no list",
        ),
        _forecast(
            name="forecast_entries",
            method="POST",
            key=("forecastId", "fieldId", "timeFrameId", "timePeriodId", "userId"),
            records=Records(at="entries"),
            parents=(Configured(setting="forecast_ids"),),
            windows=Windows(grid="quarters", body=_quarter_of, ahead=4, empty=4),
            # No job says which forecast it exports, so that one whose answer was lost is not looked for.
            job=_EXPORT,
            columns=columns.FORECAST_ENTRY,
            timeout=300,
        ),
        _beside_entries("forecast_fields", "fields", "fieldId", columns.FORECAST_FIELD),
        _beside_entries("forecast_time_frames", "timeFrames", "timeFrameId", columns.FORECAST_TIME_FRAME),
        _beside_entries("forecast_time_periods", "timePeriods", "timePeriodId", columns.FORECAST_TIME_PERIOD),
        _beside_entries("forecast_users", "users", "userId", columns.FORECAST_USER),
        _revenue(
            name="ingest_job_status",
            path="/ingest/job/{key}",
            api="ingest",
            key=("jobId",),
            records=Records(shape="object", at="message"),
            row=with_key("jobId"),
            parents=(Configured(setting="ingest_job_ids"),),
            # Jobs that were found invalid, or failed.
            answers=(400, 500),
            gone=(404,),
            columns=columns.INGEST_JOB,
            default=False,
            note="there is no list of pushes: their ids are a setting",
            needs=("apikey", "partnerkey", "ingest_job_ids"),
        ),
        _copilot(name="users", path="/users", records=Records(at="users"), columns=columns.USER),
        _copilot(
            name="topics",
            path="/topics",
            key=("topic",),
            records=Records(at="topics"),
            row=as_value("topic"),
            columns=columns.TOPIC,
        ),
        _copilot(
            name="topics_v2",
            path="/v2/topics",
            key=("topic_id",),
            records=Records(at="topics"),
            columns=columns.TOPIC_V2,
        ),
        _copilot(
            name="scorecard_templates",
            path="/scorecard-template",
            # The live API's key, then that of its document.
            records=Records(at=("scorecardTemplates", "scoreCardTemplates")),
            columns=columns.SCORECARD_TEMPLATE,
        ),
        _copilot(
            name="oldest_call",
            path="/calls",
            params=(*_EVERY_CALL, ("limit", "1")),
            records=Records(at="calls"),
            ids_only=True,
        ),
        _copilot(
            name="scorecards",
            path="/scorecard",
            records=Records(at="scorecards"),
            paginate=_PAGED,
            windows=_listed_by_time(364),
            columns=columns.SCORECARD,
        ),
        _copilot(
            name="calls",
            path="/calls",
            params=_EVERY_CALL,
            records=Records(at="calls"),
            paginate=_PAGED,
            windows=_listed_by_time(28),
            columns=columns.CALL,
        ),
        _copilot(
            name="call_details",
            path="/call-details",
            key_param="id",
            records=Records(shape="object", at="call"),
            parents=(Children(endpoint="calls", key="id"),),
            # Calls that were listed a moment ago.
            gone=(404,),
            columns=columns.CALL_DETAILS,
        ),
        _of_crm("accounts", "/get-account", "crm_info.account_id", columns.ACCOUNT),
        _of_crm("deals", "/get-deal", "crm_info.deal_id", columns.DEAL),
        _of_crm("contacts", "/get-contact", _contacts, columns.CONTACT),
    ),
)
