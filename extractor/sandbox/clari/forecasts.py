"""Forecasts by fiscal quarter, which are those of the calendar: who expects what, week by week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from re import compile as pattern

from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.reference import Person, Reference
from extractor.sandbox.clari.stamps import SECOND
from extractor.sandbox.dice import Dice

__all__ = ["CURRENCIES", "DEFAULT_TYPES", "EXPORT_TYPES", "Forecasts", "Wanted"]

Record = dict[str, object]

FORECASTS = 2
QUARTERS_BACK = 6
CURRENCIES = {"USD": "$", "EUR": "€", "GBP": "£"}
EXPORT_TYPES = ("forecast", "quota", "forecast_updated", "adjustment", "crm_total", "crm_closed")
DEFAULT_TYPES = frozenset({"forecast", "forecast_updated"})
FIELDS = (
    {"commit": "Commit", "best": "Best Case", "closed": "Closed"},
    {"commit": "Commit (renewals)", "churn": "Churn"},
)
QUARTER = pattern(r"(\d{4})_Q([1-4])")
ARRAYS = ("entries", "fields", "timeFrames", "timePeriods", "users")
WEEK = timedelta(days=7)
LARGEST_TEAM = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which part of a forecast is asked for.

    Attributes:
        quarter: quarters since the year 0.
        scope: number of the user below whom everybody is shown.
        historical: every week, not only the latest.
    """

    forecast: int
    quarter: int
    types: frozenset[str] = DEFAULT_TYPES
    scope: int = 0
    currency: str = "USD"
    historical: bool = False


class Forecasts:
    """The configured forecasts.

    Attributes:
        ids: of the forecasts.
        quarters: that have data.
        people: who forecasts; number 0 is at the top, the others report to 0 or 1.
    """

    def __init__(self, ids: Ids, reference: Reference, key: bytes, *, until: int) -> None:
        self.ids = [ids.hex24(Kind.FORECAST, n) for n in range(FORECASTS)]
        self.people = reference.people[:LARGEST_TEAM]
        self._today = datetime.fromtimestamp(until // SECOND, UTC).date()
        current = self._today.year * 4 + (self._today.month - 1) // 3
        self.quarters = range(current - QUARTERS_BACK, current + 1)
        self._ids = ids
        self._key = key

    def quarter(self, text: str) -> int | None:
        """The quarter that is written as in 2024_Q3, or None."""
        match = QUARTER.fullmatch(text)
        return int(match[1]) * 4 + int(match[2]) - 1 if match else None

    def name(self, quarter: int) -> str:
        """A quarter written as in 2024_Q3."""
        return f"{quarter // 4:04d}_Q{quarter % 4 + 1}"

    def scope(self, text: str) -> int | None:
        """The user who has a scope, or None."""
        return next((person.n for person in self.people if _scope_id(person) == text), None)

    def export(self, wanted: Wanted, entries: Sequence[Record]) -> Record:
        """The five arrays, with these of the entries; all are empty for a quarter without data."""
        if wanted.quarter not in self.quarters:
            return {name: [] for name in ARRAYS}
        return {
            "entries": list(entries),
            "fields": [{"fieldId": key, "fieldName": name} for key, name in FIELDS[wanted.forecast].items()],
            "timeFrames": [self.time_frame(wanted.quarter, week) for week in self.weeks(wanted.quarter)],
            "timePeriods": [self._time_period(wanted.quarter)],
            "users": [self.user(person) for person in self.team(wanted.scope)],
        }

    def entries(self, wanted: Wanted) -> Iterator[Record]:
        """What everybody expects; weeks come in no order."""
        weeks = self.weeks(wanted.quarter)
        shown = sorted(weeks, key=lambda week: week * 5 % 17) if wanted.historical else weeks[-1:]
        for week in shown:
            for person in self.team(wanted.scope):
                for place, field in enumerate(FIELDS[wanted.forecast]):
                    yield self._entry(wanted, week, person, place, field)

    def weeks(self, quarter: int) -> range:
        """Numbers of the weeks that have begun, from 1."""
        if quarter not in self.quarters:
            return range(0)
        end = min(_first_day(quarter + 1) - timedelta(days=1), self._today)
        return range(1, (end - _first_day(quarter)) // WEEK + 2)

    def time_frame(self, quarter: int, week: int) -> Record:
        """A week; the last one of a quarter ends with it."""
        start = _first_day(quarter) + (week - 1) * WEEK
        end = min(start + WEEK, _first_day(quarter + 1)) - timedelta(days=1)
        return {"timeFrameId": f"{self.name(quarter)}_W{week}", "startDate": str(start), "endDate": str(end)}

    def user(self, person: Person) -> Record:
        """One who forecasts."""
        user: Record = {
            "userId": person.id,
            "name": person.name,
            "email": person.email,
            "scopeId": _scope_id(person),
            "crmId": person.crm_id,
            "hierarchyId": f"h{person.n}",
            "hierarchyName": f"Team {person.n}",
        }
        boss = self._boss(person.n)
        parent = (None, None) if boss is None else (f"h{boss}", f"Team {boss}")
        return user | {"parentHierarchyId": parent[0], "parentHierarchyName": parent[1]}

    def team(self, scope: int) -> list[Person]:
        """Somebody and all who report to them, directly or not."""
        return [person for person in self.people if scope in (person.n, self._boss(person.n), 0)]

    @staticmethod
    def _boss(n: int) -> int | None:
        return None if n == 0 else 0 if n == 1 else (n + 1) % 2

    def _time_period(self, quarter: int) -> Record:
        year, n = divmod(quarter, 4)
        return {
            "timePeriodId": self.name(quarter),
            "type": "quarter",
            "label": f"Q{n + 1} FY{year % 100:02d}",
            "year": str(year),
            "startDate": str(_first_day(quarter)),
            "endDate": str(_first_day(quarter + 1) - timedelta(days=1)),
            "crmId": f"026{quarter:015d}",
        }

    def _entry(self, wanted: Wanted, week: int, person: Person, place: int, field: str) -> Record:
        dice = Dice(self._key, Kind.ENTRY, wanted.forecast, wanted.quarter, week, person.n, place)
        entry: Record = {
            "fieldId": field,
            "userId": person.id,
            "timePeriodId": self.name(wanted.quarter),
            "timeFrameId": f"{self.name(wanted.quarter)}_W{week}",
        }
        value, total, updated = dice.between(0, 4_000_000) / 4, dice.between(0, 4_000_000) / 4, dice.one_in(2)
        adjusted = dice.one_in(6)
        if "forecast" in wanted.types:
            entry["forecastValue"] = value if updated else None
        if "quota" in wanted.types:
            entry["quotaValue"] = 500_000 if person.n % 2 else None
        if "forecast_updated" in wanted.types:
            entry["isUpdated"] = updated
        if "adjustment" in wanted.types:
            when = int(datetime.combine(_first_day(wanted.quarter), datetime.min.time(), UTC).timestamp()) * SECOND
            entry |= {
                "adjustmentValue": value + 1_000 if adjusted else None,
                "adjustedBy": self.people[0].id if adjusted else None,
                "adjustedOn": when if adjusted else None,
            }
        if wanted.types & {"crm_total", "crm_closed"}:
            entry["aggregationTotal"] = total
        return entry | {"currency": {"code": wanted.currency, "symbol": CURRENCIES[wanted.currency]}}


def _first_day(quarter: int) -> date:
    return date(quarter // 4, quarter % 4 * 3 + 1, 1)


def _scope_id(person: Person) -> str:
    return f"{1905 + person.n}::{'MGR' if person.n < 2 else 'REP'}"
