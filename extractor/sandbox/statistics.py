"""What a client did to the sandbox, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from extractor.sandbox.limits import Organisation, Second

__all__ = ["Statistics", "budget_use"]

SETTLED = (200, 301, 303, 404)


@dataclass(kw_only=True, slots=True)
class Statistics:
    """Counts since the start or the last reset.

    Attributes:
        by_budget: by name of the budget and status.
        repeated: requests whose method, path, query and body had been answered for good before.
        foreign: requests that reached the other origin, to which redirects lead.
        leaked: those among them that carried credentials.
    """

    by_endpoint: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    by_budget: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0
    repeated: int = 0
    foreign: int = 0
    leaked: int = 0
    first_request: float | None = None
    last_request: float | None = None
    _answered: dict[int, str] = field(default_factory=dict)

    def arrive(self, now: float) -> None:
        """A request is there."""
        self.first_request = now if self.first_request is None else self.first_request
        self.last_request = now
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self, *, budget: str, endpoint: str, status: int) -> None:
        """It has been answered, or its client has gone (status 499)."""
        self.in_flight -= 1
        self.by_endpoint[endpoint] += 1
        self.by_status[status] += 1
        self.by_budget[budget, status] += 1

    def notice(self, fingerprint: int) -> None:
        """A request was let in; was it answered before?"""
        self.repeated += fingerprint in self._answered

    def settle(self, fingerprint: int, status: int, endpoint: str) -> None:
        """A request got an answer that nobody needs to ask for again."""
        if status in SETTLED:
            self._answered[fingerprint] = endpoint

    def reset(self) -> None:
        """Begin anew; what is in flight stays in flight."""
        fresh = Statistics(in_flight=self.in_flight, max_in_flight=self.in_flight)
        for each in fields(fresh):
            setattr(self, each.name, getattr(fresh, each.name))

    def counts(self) -> dict[str, object]:
        """Everything counted, ready for JSON; `settled` has the different requests answered for good, by endpoint."""
        return {
            "requests": sum(self.by_status.values()),
            "too_many": self.by_status[429],
            "settled": Counter(self._answered.values()),
            "repeated": self.repeated,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "first_request": self.first_request,
            "last_request": self.last_request,
            "by_endpoint": dict(self.by_endpoint),
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "faults": dict(self.faults),
            "foreign": self.foreign,
            "leaked": self.leaked,
        }


def budget_use(statistics: Statistics, organisations: Mapping[str, Organisation]) -> dict[str, object]:
    """What the client made of each budget; seconds and share of the first one stand at the top as well."""
    budgets: dict[str, dict[str, object]] = {}
    seconds = {name: _seconds(organisation) for name, organisation in organisations.items()}
    for name, organisation in organisations.items():
        answered = {status: count for (budget, status), count in statistics.by_budget.items() if budget == name}
        budgets[name] = {
            "requests": sum(answered.values()),
            "too_many": answered.get(429, 0),
            "share_used": _share(seconds[name], organisation.allowance.burst or 0),
        }
    first = next(iter(organisations))
    rows = [[number, each.limit, each.used, each.neighbour, each.refused] for number, each in seconds[first]]
    return {"seconds": rows, "share_used": budgets[first]["share_used"], "budgets": budgets}


def _seconds(organisation: Organisation) -> list[tuple[int, Second]]:
    """Every second from the client's first request to its last one."""
    busy = [number for number, second in organisation.seconds.items() if second.used or second.refused]
    if not busy:
        return []
    return [
        (number, organisation.seconds.get(number) or Second(limit=organisation.rate(number)))
        for number in range(min(busy), max(busy) + 1)
    ]


def _share(seconds: Sequence[tuple[int, Second]], burst: float) -> float | None:
    """The share of the allowed requests that the client used.

    Only whole seconds strictly between the first and the last request count: at both ends the client was there for
    a part of the second only. Nor do those in which a bucket may still pass on what it held when the client came.
    """
    inner = [second for number, second in seconds[1:-1] if number - seconds[0][0] >= burst]
    allowed = sum(max(0, second.limit - second.neighbour) for second in inner)
    return sum(second.used for second in inner) / allowed if allowed else None
