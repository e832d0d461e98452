"""How a sandbox behaves, as data; the command line has the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Literal

from extractor.sandbox.faults import Amount, flaw

__all__ = ["Options"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Everything that can be chosen.

    Attributes:
        port: on 127.0.0.1; 0 takes any free one.
        size: how much exists: customers, or what the vendor has in their place.
        seed: of the data, the faults and the neighbour.
        latency: milliseconds that an answer takes after its request has been counted.
        fault: kind of fault -> probability per request, or what else the kind takes; see `faults.FAULTS`.
        rate_scale: factor on all of the vendor's limits.
        rate_change: (seconds after the first request, factor from then on), any number of them;
            the factors multiply.
        neighbour: share of each budget that another client of the organisation uses.
        window: `fixed` wall-clock seconds, or a leaky `bucket` (capacity: the limit; leak: the limit per second);
            a vendor that documents a bucket of its own keeps it.
        no_rate_headers: leave out what the vendor states about its limits.
        retry_after: a 429 carries `Retry-After`, in whole seconds.
        die_with_parent: the kernel ends the sandbox when the process that started it ends.
        plain: no traps: no merges, no caps reached, no noise in bodies.
        live: data changes while requests come in.
        until: "now" for the data; None is the start of today (UTC).
        knob: name -> value of switches that only this vendor has.
        moved_location: a 301 for a merged customer carries a `Location`, to another host.
    """

    port: int = 0
    size: int = 72
    seed: int = 1
    latency: float = 20
    fault: Mapping[str, Amount] = field(default_factory=dict)
    rate_scale: float = 1
    rate_change: tuple[tuple[float, float], ...] = ()
    neighbour: float = 0
    window: Literal["fixed", "bucket"] = "fixed"
    no_rate_headers: bool = False
    retry_after: bool = False
    die_with_parent: bool = False
    plain: bool = False
    live: bool = False
    until: datetime | None = None
    knob: Mapping[str, str] = field(default_factory=dict)
    moved_location: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: names the option and what it takes.
        """
        numbers: tuple[float, ...] = (self.latency, self.rate_scale, self.neighbour)
        numbers += tuple(number for change in self.rate_change for number in change)
        wrong_fault = flaw(self.fault)
        checks = (
            (all(map(isfinite, numbers)), "every number must be finite"),
            (0 <= self.port <= 65535, "port must be between 0 and 65535"),
            (1 <= self.size <= 10_000_000, "size must be between 1 and 10,000,000"),
            (self.latency >= 0, "latency must be milliseconds, 0 or more"),
            (wrong_fault is None, wrong_fault),
            (self.rate_scale > 0, "rate-scale must be above 0"),
            (all(at >= 0 and by > 0 for at, by in self.rate_change), "rate-change must be SECONDS=FACTOR, factor > 0"),
            (0 <= self.neighbour < 1, "neighbour must be a share, 0 or more and below 1"),
            (self.window in ("fixed", "bucket"), "window must be fixed or bucket"),
            (self.until is None or self.until.tzinfo is not None, "until needs a time zone, such as Z"),
        )
        for true, otherwise in checks:
            if not true:
                raise ValueError(otherwise)

    def data_ends(self, now: float) -> datetime:
        """The instant that is "now" for the data, given the real one in Unix seconds."""
        today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today if self.until is None else self.until.astimezone(UTC)
