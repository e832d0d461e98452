"""What a client did to the sandbox, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from extractor.sandbox.limits import Organisation, Second

__all__ = ["Statistics", "budget_use"]

SETTLED = (200, 301, 303, 404)


@dataclass(kw_only=True, slots=True)
class Statistics:
    """Counts since the start or the last reset.

    Attributes:
        repeated: requests whose method, path, query and body had been answered for good before.
        foreign: requests that reached the other origin, to which redirects lead.
        leaked: those among them that carried credentials.
    """

    by_endpoint: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0
    repeated: int = 0
    foreign: int = 0
    leaked: int = 0
    first_request: float | None = None
    last_request: float | None = None
    _answered: set[int] = field(default_factory=set)

    def arrive(self, now: float) -> None:
        """A request is there."""
        self.first_request = now if self.first_request is None else self.first_request
        self.last_request = now
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self, *, endpoint: str, status: int) -> None:
        """It has been answered, or its client has gone (status 499)."""
        self.in_flight -= 1
        self.by_endpoint[endpoint] += 1
        self.by_status[status] += 1

    def notice(self, fingerprint: int) -> None:
        """A request was let in; was it answered before?"""
        self.repeated += fingerprint in self._answered

    def settle(self, fingerprint: int, status: int) -> None:
        """A request got an answer that nobody needs to ask for again."""
        if status in SETTLED:
            self._answered.add(fingerprint)

    def reset(self) -> None:
        """Begin anew; what is in flight stays in flight."""
        fresh = Statistics(in_flight=self.in_flight, max_in_flight=self.in_flight)
        for each in fields(fresh):
            setattr(self, each.name, getattr(fresh, each.name))

    def counts(self) -> dict[str, object]:
        """Everything counted, ready for JSON."""
        return {
            "requests": sum(self.by_status.values()),
            "too_many": self.by_status[429],
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


def budget_use(statistics: Statistics, organisation: Organisation) -> dict[str, object]:
    """Seconds, and the share of the allowed requests that the client used.

    Only whole seconds strictly between the first and the last request count for the share: at both ends the
    client was there for a part of the second only.
    """
    if statistics.first_request is None or statistics.last_request is None:
        return {"seconds": [], "share_used": None}
    first, last = int(statistics.first_request), int(statistics.last_request)
    rows = []
    used = allowed = 0
    for number in range(first, last + 1):
        second = organisation.seconds.get(number) or Second(limit=organisation.limit(number))
        rows.append([number, second.limit, second.used, second.neighbour, second.refused])
        if first < number < last:
            used += second.used
            allowed += max(0, second.limit - second.neighbour)
    return {"seconds": rows, "share_used": used / allowed if allowed else None}
