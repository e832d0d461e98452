"""What exists, all of which can be had, and what has changed since the start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from extractor.sandbox import telling
from extractor.sandbox.assembled.activities import Activities
from extractor.sandbox.assembled.assist import Assist
from extractor.sandbox.assembled.audit import Audit
from extractor.sandbox.assembled.changes import Changes
from extractor.sandbox.assembled.history import Window
from extractor.sandbox.assembled.people import PLATFORMS, People
from extractor.sandbox.assembled.reference import Record, Reference
from extractor.sandbox.assembled.reports import METRICS, Reports
from extractor.sandbox.assembled.roster import Roster
from extractor.sandbox.assembled.staffing import Staffing
from extractor.sandbox.assembled.states import State, States
from extractor.sandbox.assembled.time_off import TimeOff

__all__ = ["Truth"]

ON_DEMAND = ("condensed_timeline", "agent_states_single", "forecast_totals", "assist_handoff")
SERIES = ("channel", "queue", "start_time")


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """Lists primary keys, table by table, as a stream; keys of several fields are arrays.

    Sections of the JSON object:
        tables: table -> keys. `forecasted_vs_actuals` is that of half hours, reports are those of days and of all
            channels, `condensed_timeline` that of a `priority_order` of all platforms in alphabetical order,
            `assist_handoff` has the ids of its conversations.
        gone: table -> ids that records name but no map has.
        moved, hidden, undiscoverable: empty; this vendor has none of them.
        changes: live edits since the start, and the instant at which open states ended.
    """

    roster: Roster
    reference: Reference
    people: People
    activities: Activities
    states: States
    audit: Audit
    staffing: Staffing
    time_off: TimeOff
    reports: Reports
    assist: Assist
    changes: Changes

    async def stream(self, tables: Sequence[str], now: float) -> AsyncIterator[bytes]:
        """The JSON object; `tables` other than none asks for section `tables` alone and for these in it.

        Tables of `ON_DEMAND` are left out unless they are asked for. Edits that were made after `now` have no
        event change yet.
        """
        lists = self._tables(Window(self.roster.history.begin, int(now) + 1))
        async for piece in telling.tables({name: make() for name, make in lists.items()}, tables, ON_DEMAND):
            yield piece
        if not tables:
            sections = {"gone": self.reference.gone, "moved": {}, "hidden": {}, "undiscoverable": {}}
            for section, content in sections.items():
                yield f',"{section}":'.encode() + orjson.dumps(content)
            yield b',"changes":' + orjson.dumps(self._changed())
        yield b"}\n"

    def _tables(self, everything: Window) -> Mapping[str, Callable[[], Iterator[object]]]:
        history = self.roster.history
        lines = self.reference.lines
        maps = {name: lambda name=name: iter(self.reference.maps[name]) for name in self.reference.maps}
        reports = {f"report_{kind}": lambda kind=kind: self._report(kind) for kind in METRICS}
        return {
            "people": lambda: (self.people.id(self.roster.person(i)) for i in range(self.roster.size)),
            **maps,
            "activities": self._activities,
            "agent_states": self._states,
            "agent_states_single": self._states,
            "condensed_timeline": self._timeline,
            "requirements": lambda: _picked(
                self.staffing.required(history.window), ("requirement_type_id", "start_time")
            ),
            "forecasts": lambda: _picked(self.staffing.forecast(history.window, lines), SERIES),
            "forecast_totals": lambda: _ids(self.staffing.total(history.window, lines)),
            "forecasted_vs_actuals": lambda: _picked(self.staffing.compared(history.window, lines), SERIES),
            "event_changes": lambda: _ids(self.audit.within(everything)),
            "time_off_requests": lambda: _ids(request for request, _ in self.time_off.all()),
            "time_off_updates": lambda: _ids(update for _, update in self.time_off.all() if update),
            **reports,
            "assist_conversations": self.assist.keys,
            "assist_handoff": self.assist.keys,
        }

    def _activities(self) -> Iterator[str]:
        days = self.roster.history.days(self.roster.history.window)
        for who in self.roster.agents():
            for day in days:
                yield from (self.activities.key(activity) for activity in self.activities.of_day(who, day))

    def _states(self) -> Iterator[list[object]]:
        days = self.roster.history.days(self.roster.history.window)
        for who in self.roster.agents():
            for day in days:
                for state in self.states.of_day(who, day):
                    yield [self.people.agent_id(who), state.platform, state.start]

    def _timeline(self) -> Iterator[list[object]]:
        for who in self.roster.agents():
            merged: Iterator[State] = self.states.condensed(who, self.roster.history.window, PLATFORMS)
            yield from ([self.people.agent_id(who), state.start] for state in merged)

    def _report(self, kind: str) -> Iterator[list[object]]:
        for who, start in self.reports.worked(self.roster.history.window):
            yield from ([name, self.people.agent_id(who), start] for name in METRICS[kind])

    def _changed(self) -> dict[str, object]:
        edits = [
            {
                "at": edit.at,
                "change": edit.kind,
                "agent_id": self.people.agent_id(self.roster.person(edit.i)),
                "day": edit.day,
            }
            for edit in self.changes.edits
        ]
        return {"activities": edits, "states_closed": self.changes.closed}


def _ids(records: Iterator[Record]) -> Iterator[object]:
    return (record["id"] for record in records)


def _picked(records: Iterator[Record], fields: Sequence[str]) -> Iterator[object]:
    return ([record[field] for field in fields] for record in records)
