"""Reads the bodies that order exports, and makes the files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime

import orjson

from extractor.sandbox.clari.activities import ACTIVITY_TYPES, Activities
from extractor.sandbox.clari.audit import Audit
from extractor.sandbox.clari.audit_routes import AuditFilter
from extractor.sandbox.clari.forecast_csv import forecast_csv
from extractor.sandbox.clari.forecasts import CURRENCIES, DEFAULT_TYPES, EXPORT_TYPES, Forecasts, Wanted
from extractor.sandbox.clari.jobs import Order
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.stamps import DAY, SECOND
from extractor.sandbox.replies import Call

__all__ = ["FORECAST_QUERY", "BadOrder", "Orders", "read_body", "read_query"]

Record = dict[str, object]

BATCH = 200  # rows from one piece of a file to the next
FORECAST_FIELDS = (
    "timePeriod",
    "scopeId",
    "typesToExport",
    "currency",
    "includeHistorical",
    "exportFormat",
    "schedule",
)
FORECAST_QUERY = frozenset(FORECAST_FIELDS)
AUDIT_FIELDS = ("dateFrom", "dateTo", "actorId", "impersonatingActorId", "sessionId", "sessionType", "event")
FLAGS = {"true": True, "false": False}


class BadOrder(Exception):
    """An export can't be ordered like this; the arguments are the vendor's code and a message."""


class Orders:
    """Understands what is asked for; a name, type or date that makes no sense raises `BadOrder`."""

    def __init__(self, activities: Activities, audit: Audit, forecasts: Forecasts, knobs: Knobs) -> None:
        self._activities = activities
        self._audit = audit
        self._forecasts = forecasts
        self._knobs = knobs

    # ── activities ──────────────────────────────────────────────────────────────────────────

    def activity(self, body: Mapping[str, object]) -> Order:
        """Activities of whole days, the last one included; times of day are not looked at."""
        _only(body, ("activityTypes", "startDate", "endDate", "exportFormat"))
        if body.get("exportFormat", "JSON") != "JSON":
            raise BadOrder("type_not_supported", "exportFormat must be JSON")
        types = _words(body, "activityTypes", ACTIVITY_TYPES)
        start, last = _midnight(body, "startDate"), _midnight(body, "endDate")
        if last < start:
            raise BadOrder("bad_request", "endDate is before startDate")
        stretch = range(
            self._activities.below(start.timestamp() * SECOND),
            self._activities.below(last.timestamp() * SECOND + DAY),
        )
        numbers = [n for n in stretch if self._activities.type(n) in types] if types else stretch

        async def pieces(rows: int) -> AsyncIterator[bytes]:
            yield b'{"activities":['
            async for piece in _rows(self._activities.record, numbers[:rows]):
                yield piece
            yield b"]}"

        title = f"Activities {start:%Y-%m-%d} {last:%Y-%m-%d}"
        return Order(module="ACTIVITY", title=title, file_type="JSON", rows=len(numbers), pieces=pieces)

    # ── audit ───────────────────────────────────────────────────────────────────────────────

    def audit(self, body: Mapping[str, object], now: float) -> Order:
        """Audit events; besides `BadOrder` it raises `BadFilter`."""
        _only(body, AUDIT_FIELDS)
        numbers = AuditFilter.read(body, now).numbers(self._audit)

        async def pieces(rows: int) -> AsyncIterator[bytes]:
            actors: dict[str, object] = {}

            def event(n: int) -> Record:
                record = self._audit.event(n)
                actors[str(record["actorId"])] = None
                return record

            yield b'{"items":['
            async for piece in _rows(event, numbers[:rows]):
                yield piece
            yield b'],"actors":' + orjson.dumps([self._audit.actor(one) for one in actors]) + b"}"

        return Order(module="AUDIT", title="Audit events", file_type="JSON", rows=len(numbers), pieces=pieces)

    # ── forecasts ───────────────────────────────────────────────────────────────────────────

    def wanted(self, forecast_id: str, given: Mapping[str, object]) -> Wanted:
        """The part of a forecast that parameters or a body ask for."""
        if forecast_id not in self._forecasts.ids:
            raise BadOrder("no_such_forecast_config", f"There is no forecast {forecast_id}")
        number = self._forecasts.ids.index(forecast_id)
        if number >= len(self._forecasts.ids) - self._knobs.no_optin:
            raise BadOrder("no_optin", "The user has not opted in to this forecast")
        quarter: int | None = self._forecasts.quarters[-1]
        if (period := given.get("timePeriod")) is not None:
            quarter = self._forecasts.quarter(str(period))
        scope: int | None = 0
        if (scope_id := given.get("scopeId")) is not None:
            scope = self._forecasts.scope(str(scope_id))
        currency = given.get("currency", "USD")
        historical = given.get("includeHistorical", False)
        if quarter is None or scope is None or currency not in CURRENCIES or not isinstance(historical, bool):
            raise BadOrder("bad_request", "timePeriod, scopeId, currency or includeHistorical makes no sense")
        types = _words(given, "typesToExport", EXPORT_TYPES) or DEFAULT_TYPES
        return Wanted(
            forecast=number,
            quarter=quarter,
            types=types,
            scope=scope,
            currency=str(currency),
            historical=historical,
        )

    def forecast(self, forecast_id: str, given: Mapping[str, object]) -> Order:
        """A quarter of a forecast as JSON or CSV."""
        _only(given, FORECAST_FIELDS)
        wanted = self.wanted(forecast_id, given)
        form = given.get("exportFormat", "JSON")
        if form not in ("JSON", "CSV"):
            raise BadOrder("type_not_supported", "exportFormat must be JSON or CSV")
        if given.get("schedule", "NONE") not in ("NONE", "ONCE", "MAX"):
            raise BadOrder("bad_request", "schedule must be NONE, ONCE or MAX")
        as_csv = form == "CSV" or self._knobs.forecast_csv
        entries = [*self._forecasts.entries(wanted)]
        lines = forecast_csv(self._forecasts, wanted, entries) if as_csv else []

        async def pieces(rows: int) -> AsyncIterator[bytes]:
            # The header is no row.
            yield (
                b"".join(lines[: rows + 1]) if as_csv else orjson.dumps(self._forecasts.export(wanted, entries[:rows]))
            )

        return Order(
            module="FORECAST",
            title=f"Forecast {self._forecasts.name(wanted.quarter)}",
            file_type="CSV" if as_csv else "JSON",
            currency=wanted.currency,
            rows=len(lines) - 1 if as_csv else len(entries),
            pieces=pieces,
        )


def read_body(call: Call) -> dict[str, object]:
    """The JSON object that a request carries.

    Raises:
        BadOrder: it carries none.
    """
    content_type = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        body = None
    if content_type != "application/json" or not isinstance(body, dict):
        raise BadOrder("bad_request", "A JSON object is expected, with Content-Type application/json")
    return body


def read_query(call: Call) -> dict[str, object]:
    """The parameters of a forecast, with lists and booleans where a body has them.

    Raises:
        BadOrder: a boolean is none.
    """
    given: dict[str, object] = dict(call.query)
    if "typesToExport" in given:
        given["typesToExport"] = call.all("typesToExport")
    if (flag := call.one("includeHistorical")) is not None:
        if flag not in FLAGS:
            raise BadOrder("bad_request", "includeHistorical must be true or false")
        given["includeHistorical"] = FLAGS[flag]
    return given


def _only(given: Mapping[str, object], known: Iterable[str]) -> None:
    if unknown := set(given) - set(known):
        raise BadOrder("bad_request", f"unknown field {min(unknown)}")


def _words(given: Mapping[str, object], field: str, known: Iterable[str]) -> frozenset[str]:
    words = given.get(field, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadOrder("bad_request", f"{field} must be a list of text")
    if unknown := set(words) - set(known):
        raise BadOrder("type_not_supported", f"{field} has the unknown {min(unknown)}")
    return frozenset(words)


def _midnight(body: Mapping[str, object], field: str) -> datetime:
    try:
        instant = datetime.fromisoformat(str(body.get(field)))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadOrder("bad_request", f"{field} must be an ISO 8601 date-time with an offset")
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


async def _rows(make: Callable[[int], Record], numbers: Sequence[int]) -> AsyncIterator[bytes]:
    """Records as the inside of a JSON array, a batch at a time."""
    for first in range(0, len(numbers), BATCH):
        yield b"," * (first > 0) + orjson.dumps([make(n) for n in numbers[first : first + BATCH]])[1:-1]
        await asyncio.sleep(0)
