"""The Logs API: 100 cases a page, and a link to the next ones if a single widget was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from re import compile as pattern

from extractor.sandbox.replies import Call, Reply
from extractor.sandbox.routing import Route
from extractor.sandbox.snapengage.cases import Cases
from extractor.sandbox.snapengage.errors import refuse_logs
from extractor.sandbox.snapengage.ids import Ids, Kind
from extractor.sandbox.snapengage.knobs import Knobs
from extractor.sandbox.snapengage.links import Links
from extractor.sandbox.snapengage.population import WIDGETS, Population
from extractor.sandbox.snapengage.texts import encoded
from extractor.sandbox.snapengage.windows import Window, read_window

__all__ = ["PAGE", "Logs"]

PAGE = 100
ORG = pattern(r"\d{16}")
PARAMETERS = frozenset({"widgetId", "start", "end", "timezone", "next"})


class Logs:
    """Answers `/{orgId}/logs`.

    Args:
        origin: at which links lead here, or elsewhere if the knob says so.
    """

    def __init__(self, population: Population, ids: Ids, cases: Cases, knobs: Knobs, *, origin: str) -> None:
        self._population = population
        self._ids = ids
        self._cases = cases
        self._knobs = knobs
        self._links = Links(f"{origin}/api/v2/{ids.org}/logs", population.key, knobs.link_ttl)

    def route(self) -> Route:
        """The only one."""
        return Route(name="logs", path="/{}/logs", query=PARAMETERS, answer=self._answer)

    def _answer(self, call: Call) -> Reply:
        if call.args[0] != self._ids.org:
            known_form = ORG.fullmatch(call.args[0])
            return refuse_logs(403 if known_form else 404, "no access to this organisation", call.path)
        try:
            window = read_window(call, end_exclusive=self._knobs.end_exclusive)
            position = self._links.read(window, call.now)
        except ValueError as error:
            return refuse_logs(400, str(error), call.path)
        read = [self._ids.read(widget) for widget in window.widgets]
        widgets = [numbers[1] for numbers in read if numbers is not None and numbers[0] == Kind.WIDGET]
        if len(widgets) < len(window.widgets):
            return refuse_logs(404, "no such widget", call.path)
        return self._page(window, widgets or list(range(WIDGETS)), position, call.now)

    def _page(self, window: Window, widgets: list[int], position: int, now: float) -> Reply:
        found = {w: self._population.between(w, window.start, window.end) for w in widgets}
        chosen = self._in_order(found, position)
        records = [self._cases.record(self._population.case(w, n)) for w, n in chosen]
        if not self._population.plain:
            records.sort(key=lambda record: str(record["id"]))  # the vendor promises no order
        page: dict[str, object] = {"cases": records}
        if len(window.widgets) == 1 or self._knobs.link_many:
            more = sum(map(len, found.values())) > position + PAGE
            link = self._link(window, position, now) if more else ""
            if link or self._knobs.link_empty:
                page["linkToNextSetOfResults"] = link
        return Reply(body=encoded(page))

    def _in_order(self, found: Mapping[int, range], position: int) -> list[tuple[int, int]]:
        """Widget and number of the cases of a page, the oldest first."""
        if len(found) == 1:
            ((w, numbers),) = found.items()
            return [(w, n) for n in numbers[position : position + PAGE]]
        in_order = merge(*(self._dated(w, numbers) for w, numbers in found.items()))
        return [(w, n) for _, w, n in islice(in_order, position, position + PAGE)]

    def _dated(self, w: int, numbers: range) -> Iterator[tuple[int, int, int]]:
        return ((self._population.created(w, n), w, n) for n in numbers)

    def _link(self, window: Window, position: int, now: float) -> str:
        stuck = self._knobs.link_repeat and position // PAGE + 1 >= self._knobs.link_repeat
        return self._links.write(window, position if stuck else position + PAGE, now)
