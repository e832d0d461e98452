"""The forecast export as CSV: one line for each value and its kind, money as people read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from extractor.sandbox.clari.forecasts import FIELDS, Forecasts, Wanted

__all__ = ["forecast_csv"]

Record = dict[str, object]

HEADER = (
    *("User", "Email", "CRM User ID", "Role", "Parent Role", "Timeframe", "Field", "Week", "Start Day", "End Day"),
    *("Data Type", "Data Value"),
)
DATA_TYPES = {
    "forecastValue": "Forecast Value",
    "quotaValue": "Quota Value",
    "isUpdated": "Forecast Updated",
    "adjustmentValue": "Adjustment Value",
    "aggregationTotal": "CRM Total",
}


def forecast_csv(forecasts: Forecasts, wanted: Wanted, entries: Iterable[Record]) -> list[bytes]:
    """Its lines, the header first."""
    return [_line(HEADER), *(_line(row) for row in _rows(forecasts, wanted, entries))]


def _rows(forecasts: Forecasts, wanted: Wanted, entries: Iterable[Record]) -> Iterator[tuple[object, ...]]:
    users = {person.id: forecasts.user(person) for person in forecasts.people}
    frames = {
        frame["timeFrameId"]: (week, frame)
        for week in forecasts.weeks(wanted.quarter)
        for frame in [forecasts.time_frame(wanted.quarter, week)]
    }
    for entry in entries:
        user = users[str(entry["userId"])]
        week, frame = frames[entry["timeFrameId"]]
        who = (user["name"], user["email"], user["crmId"], user["hierarchyName"], user["parentHierarchyName"])
        what = (entry["timePeriodId"], FIELDS[wanted.forecast][str(entry["fieldId"])], week)
        span = (_american(str(frame["startDate"])), _american(str(frame["endDate"])))
        for key, name in DATA_TYPES.items():
            if key in entry:
                yield (*who, *what, *span, name, _cell(entry[key], str(entry["currency"]["symbol"])))  # type: ignore[index]


def _cell(value: object, symbol: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return f"{symbol}{value:,.2f}"


def _american(day: str) -> str:
    year, month, rest = day.split("-")
    return f"{month}/{rest}/{year}"


def _line(row: tuple[object, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue().encode()
