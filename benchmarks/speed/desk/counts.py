"""What the help desk was asked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Counts"]


@dataclass(kw_only=True, slots=True)
class Counts:
    """So far.

    Attributes:
        records: in the answers.
        admitted, refused: requests by second of the clock; the refused were answered with 429.
        repeated: admitted requests for what had been admitted before.
        first, last: Unix time of the first and the last request, 0 before.
    """

    requests: int = 0
    records: int = 0
    admitted: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    repeated: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    first: float = 0.0
    last: float = 0.0
    _targets: set[bytes] = field(default_factory=set)

    def arrived(self, now: float) -> None:
        """A request came in."""
        self.requests += 1
        self.first = self.first or now
        self.last = now
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def let_in(self, target: bytes, now: float) -> None:
        """It was let in."""
        self.admitted[int(now)] += 1
        self.repeated += target in self._targets
        self._targets.add(target)

    def told(self) -> bytes:
        """As JSON, seconds in their order."""
        return json.dumps(
            {
                "requests": self.requests,
                "records": self.records,
                "admitted": sorted(self.admitted.items()),
                "refused": sorted(self.refused.items()),
                "repeated": self.repeated,
                "in_flight": self.in_flight,
                "most_in_flight": self.most_in_flight,
                "first": self.first,
                "last": self.last,
            }
        ).encode()
