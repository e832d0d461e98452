"""What exists, what a perfect extractor can obtain of it, and why the rest can't be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TypeVar

import orjson

from extractor.sandbox import telling
from extractor.sandbox.clari.activities import Activities
from extractor.sandbox.clari.audit import Audit
from extractor.sandbox.clari.call_records import CallRecords
from extractor.sandbox.clari.calls import Calls
from extractor.sandbox.clari.copilot_routes import CopilotRoutes
from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.forecasts import EXPORT_TYPES, FIELDS, Forecasts, Wanted
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.ingestion import ENDS, Ingestion
from extractor.sandbox.clari.jobs import Jobs
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.reference import TOPICS, Reference
from extractor.sandbox.clari.stamps import SECOND

__all__ = ["Truth"]

LARGEST_DETAILS = 1_000_000  # bytes; a lower cap hides details
ON_DEMAND = ("accounts", "contacts", "deals", "opportunities")

T = TypeVar("T")
Keys = Iterator[object]


class Truth:
    """Lists primary keys, table by table, as a stream; composite keys are lists, `audit_events` are whole records.

    Sections of the JSON object:
        tables: table -> keys that can be obtained: private calls as well, every week of every forecast, the jobs
            of the time before the start.
        gone: table -> keys that are named somewhere but answer 404; for `deals` and `contacts` the CRM's ids.
        hidden: `call_details` that are larger than any answer may be.
        elsewhere: `private_calls`, a part of `calls`; `scheduled_calls`, which have not begun and are in no table;
            `forecast_latest`, those of `forecast_entries` that come without `includeHistorical`;
            `foreign_jobs`; `unopened_forecasts`; `limits`, as they are now.
        changes: ids of the export jobs that clients created since the start.
    """

    def __init__(
        self,
        *,
        ids: Ids,
        knobs: Knobs,
        calls: Calls,
        records: CallRecords,
        copilot: CopilotRoutes,
        crm: CRM,
        reference: Reference,
        audit: Audit,
        activities: Activities,
        forecasts: Forecasts,
        jobs: Jobs,
        ingestion: Ingestion,
    ) -> None:
        self._ids = ids
        self._knobs = knobs
        self._calls = calls
        self._records = records
        self._copilot = copilot
        self._crm = crm
        self._reference = reference
        self._audit = audit
        self._activities = activities
        self._forecasts = forecasts
        self._jobs = jobs
        self._ingestion = ingestion

    async def stream(self, tables: Sequence[str], now: float) -> AsyncIterator[bytes]:
        """The JSON object; `tables` other than none asks for section `tables` alone and for these in it.

        Tables of `ON_DEMAND` are left out unless they are asked for.
        """
        lists = self._tables(int(now * SECOND))
        async for piece in telling.tables(lists, tables, ON_DEMAND):
            yield piece
        if not tables:
            for section, content in self._sections(int(now * SECOND)):
                yield f',"{section}":'.encode() + orjson.dumps(content)
                await asyncio.sleep(0)
        yield b"}\n"

    def _tables(self, ms: int) -> dict[str, Keys]:
        past = [job for job in self._jobs.mine() if job.created < self._jobs.started]
        return {
            "audit_events": (self._audit.event(n) for n in range(self._audit.count)),
            "audit_actors": _distinct(self._audit.event(n)["actorId"] for n in range(self._audit.count)),
            "export_jobs": (job.id for job in past),
            "export_job_results": (job.id for job in past if job.readable(ms)),
            "activities": map(self._activities.id, range(self._activities.count)),
            "opportunities": _distinct(
                self._ids.crm(Kind.DEAL, deal)
                for n in range(self._activities.count)
                if (deal := self._activities.deal(n)) is not None
            ),
            "ingest_job_status": (key for key, end in zip(self._ingestion.ids, ENDS, strict=True) if end[0] != 404),
            **self._forecast_tables(),
            "calls": map(self._records.id, range(self._calls.count)),
            "call_details": (
                self._records.id(i) for i in range(self._calls.count) if not self._calls.gone(i) and not self._hidden(i)
            ),
            "users": (user["id"] for user in self._reference.users),
            "topics": iter(TOPICS),
            "topics_v2": (topic["topic_id"] for topic in self._reference.topics),
            "scorecards": (self._ids.hex24(Kind.SCORECARD, s) for s in range(self._records.scorecards)),
            "scorecard_templates": (template["id"] for template in self._reference.templates),
            "accounts": self._named(Kind.ACCOUNT, gone=False),
            "deals": self._named(Kind.DEAL, gone=False),
            "contacts": self._named(Kind.CONTACT, gone=False),
        }

    def _sections(self, ms: int) -> Iterator[tuple[str, object]]:
        details = [self._records.id(i) for i in range(self._calls.count) if self._calls.gone(i)]
        yield (
            "gone",
            {
                "call_details": details,
                "deals": [*self._named(Kind.DEAL, gone=True)],
                "contacts": [*self._named(Kind.CONTACT, gone=True)],
                "ingest_job_status": [self._ingestion.ids[-1]],
            },
        )
        everyone = range(self._calls.count)
        unreadable = [self._records.id(i) for i in everyone if not self._calls.gone(i) and self._hidden(i)]
        yield "hidden", {"call_details": unreadable}
        open_forecasts = self._open_forecasts()
        yield (
            "elsewhere",
            {
                "private_calls": [self._records.id(i) for i in everyone if self._calls.private(i)],
                "scheduled_calls": [self._records.id(i) for i in range(self._calls.count, self._calls.total)],
                "forecast_latest": [*self._entries(historical=False)],
                "foreign_jobs": [job.id for job in self._jobs.foreign()],
                "unopened_forecasts": self._forecasts.ids[len(open_forecasts) :],
                "limits": self._jobs.limits(ms),
            },
        )
        yield "changes", [job.id for job in self._jobs.mine() if job.created >= self._jobs.started]

    # ── forecasts ───────────────────────────────────────────────────────────────────────────

    def _open_forecasts(self) -> list[str]:
        return self._forecasts.ids[: max(0, len(self._forecasts.ids) - self._knobs.no_optin)]

    def _forecast_tables(self) -> dict[str, Keys]:
        forecasts, opened = self._forecasts, [*enumerate(self._open_forecasts())]
        return {
            "forecast_entries": self._entries(historical=True),
            "forecast_fields": ([key, field] for n, key in opened for field in FIELDS[n]),
            "forecast_time_frames": (
                [key, forecasts.time_frame(quarter, week)["timeFrameId"]]
                for _, key in opened
                for quarter in forecasts.quarters
                for week in forecasts.weeks(quarter)
            ),
            "forecast_time_periods": (
                [key, forecasts.name(quarter)] for _, key in opened for quarter in forecasts.quarters
            ),
            "forecast_users": ([key, person.id] for _, key in opened for person in forecasts.people),
        }

    def _entries(self, *, historical: bool) -> Keys:
        for n, key in enumerate(self._open_forecasts()):
            for quarter in self._forecasts.quarters:
                wanted = Wanted(forecast=n, quarter=quarter, historical=historical, types=frozenset(EXPORT_TYPES))
                for entry in self._forecasts.entries(wanted):
                    yield [key, *(entry[name] for name in ("fieldId", "timeFrameId", "timePeriodId", "userId"))]

    # ── calls ───────────────────────────────────────────────────────────────────────────────

    def _hidden(self, i: int) -> bool:
        return self._knobs.max_bytes < LARGEST_DETAILS and self._copilot.details(i).status == 502

    def _named(self, kind: Kind, *, gone: bool) -> Keys:
        """What the CRM fields of calls name: ids of those that are there, the CRM's ids of those that are gone."""
        for n in _distinct(n for i in range(self._calls.count) for n in self._crm_numbers(kind, i)):
            if self._crm.gone(kind, n) is gone:
                yield self._ids.crm(kind, n) if gone else self._ids.hex24(kind, n)

    def _crm_numbers(self, kind: Kind, i: int) -> Iterable[int]:
        talk = self._calls.call(i)
        if talk.deal is None:
            return ()
        match kind:
            case Kind.DEAL:
                return (talk.deal,)
            case Kind.ACCOUNT:
                return (talk.deal // 2,)
        return self._records.guests(talk)


def _distinct(values: Iterable[T]) -> Iterator[T]:
    seen: set[T] = set()
    for value in values:
        if value not in seen:
            seen.add(value)
            yield value
