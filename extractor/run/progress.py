"""Snapshots of a run while it lasts."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from extractor.account import EndpointCount, Snapshot
from extractor.ledger import Ledger, Summary
from extractor.model import Endpoint, State
from extractor.run.job import Job

if TYPE_CHECKING:
    from extractor.run.conduct import Conductor

__all__ = ["Watch", "counts"]

_EVERY = 0.5
_RATE_OVER = 5.0


class Watch:
    """Tells `shown` how the run goes, twice a second."""

    def __init__(self, shown: Callable[[Snapshot], None]) -> None:
        self._shown = shown
        self._began = time.monotonic()
        self._sent: deque[tuple[float, int]] = deque()
        self.phase = "opening the destination"
        self._following: tuple[Job, Conductor, Ledger] | None = None

    def say(self, phase: str) -> None:
        """The run does something else now."""
        self.phase = phase

    def follow(self, job: Job, conductor: Conductor, ledger: Ledger) -> None:
        """From now on there is something to count."""
        self._following = (job, conductor, ledger)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.show()
            await asyncio.sleep(_EVERY)

    async def show(self) -> None:
        """Once."""
        now = time.monotonic()
        if self._following is None:
            self._shown(
                Snapshot(
                    phase=self.phase,
                    seconds=now - self._began,
                    requests=0,
                    rate=0.0,
                    allowed=None,
                    in_flight=0,
                    throttled=0,
                    fetched=0,
                    loaded=0,
                    backlog=0,
                    endpoints=(),
                )
            )
            return
        job, conductor, ledger = self._following
        summary = await ledger.summary()
        traffic, budgets = conductor.connection.traffic, conductor.connection.budgets
        self._sent.append((now, traffic.sent))
        while now - self._sent[0][0] > _RATE_OVER:
            self._sent.popleft()
        (since, before), span = self._sent[0], now - self._sent[0][0]
        endpoints = counts(job.fetched, job.selection.loaded, summary)
        self._shown(
            Snapshot(
                phase=_with_outage(self.phase, conductor.connection.away),
                seconds=now - self._began,
                requests=traffic.sent,
                rate=(traffic.sent - before) / span if now > since else 0.0,
                # A quota alone lets any number of requests a second pass.
                allowed=max((one.rate for one in budgets.values() if math.isfinite(one.rate)), default=None),
                in_flight=conductor.in_flight,
                throttled=sum(budget.tally.refused for budget in budgets.values()),
                fetched=sum(one.records for one in endpoints if one.table),
                loaded=conductor.loaded,
                backlog=ledger.backlog_bytes,
                endpoints=endpoints,
                incidents={str(kind): count for kind, count in summary.incidents.items()},
            )
        )


def _with_outage(phase: str, away: float | None) -> str:
    """In whole minutes: a phase that changes is shown at once."""
    if away is None:
        return phase
    since = f" for {away // 60:.0f} min" if away >= 60 else ""
    return f"{phase}; the vendor is away{since}"


def counts(endpoints: Iterable[Endpoint], loaded: frozenset[str], summary: Summary) -> tuple[EndpointCount, ...]:
    """Where the listings of each endpoint stand; those that a list delivered meanwhile are left out."""
    found = []
    for endpoint in endpoints:
        known = summary.endpoints.get(endpoint.name)
        if known is None:
            continue
        by_state = known.listings
        asked = by_state[State.COMMITTED]
        if endpoint.held is not None:
            # The others were committed without a request, because a list had their record.
            asked = min(asked, max(0, known.pages - by_state[State.GONE] - by_state[State.FAILED]))
        found.append(
            EndpointCount(
                endpoint=endpoint.name,
                table=endpoint.destination_table if endpoint.name in loaded else "",
                waiting=by_state[State.HELD] + by_state[State.PENDING] + by_state[State.OPEN],
                committed=asked,
                gone=by_state[State.GONE],
                failed=by_state[State.FAILED],
                truncated=summary.cut_off.get(endpoint.name, 0),
                records=known.records,
            )
        )
    return tuple(found)
