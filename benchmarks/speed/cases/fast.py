"""Cases 1 to 3: nothing but the contenders themselves is in the way."""

from __future__ import annotations

from benchmarks.speed.cases.case import Case, against, scaled
from benchmarks.speed.figures import of_ours, over, over_floor
from benchmarks.speed.played import Size
from benchmarks.speed.trials import Measured, Trial

__all__ = ["BULK", "CPU_BOUND", "LATENCY_BOUND"]

_EVERYBODY = ("floor", "dlt-tuned", "dlt-async", "airbyte", "scrapy-tuned")
_CHARTS = frozenset({"bars", "memory"})
_FAR, _SMALL, _FULL, _EXPORT = "50 ms", "small pages", "100-record pages", "export"


def _latency_bound(scale: float) -> tuple[Trial, ...]:
    return (
        Trial(
            name=_FAR,
            size=Size(customers=scaled(20_000, scale), latency=50),
            contenders=against(*_EVERYBODY, "scrapy", "dlt-parallelized", "dlt-sequence"),
            parts={"dlt-parallelized": 0.1, "dlt-sequence": 0.1},
            charts=_CHARTS,
        ),
    )


def _cpu_bound(scale: float) -> tuple[Trial, ...]:
    everybody = against(*_EVERYBODY)
    full = Size(customers=scaled(40, scale, 1), conversations=100, items=100)
    return (
        Trial(name=_SMALL, size=Size(customers=scaled(20_000, scale)), contenders=everybody, charts=_CHARTS),
        Trial(name=_FULL, size=full, contenders=everybody, charts=_CHARTS),
    )


def _bulk(scale: float) -> tuple[Trial, ...]:
    lines = Size(lines=scaled(1_000_000, scale))
    return (Trial(name=_EXPORT, size=lines, contenders=against("floor", "dlt-export"), export=True, charts=_CHARTS),)


def _rise(ours: Measured) -> float | None:
    """Memory of both halves in the last third over that in the second; None if the run was too short to tell."""
    samples = [each.fetch_bytes + each.load_bytes for each in ours.samples if each.load_bytes]
    if len(samples) < 12:
        return None
    third = len(samples) // 3
    return max(samples[2 * third :]) / max(samples[third : 2 * third])


LATENCY_BOUND = Case(
    title="latency-bound: 20,000 customers × 2 conversations × 8 items, 50 ms, no limit",
    trials=_latency_bound,
    figures=(
        over(_FAR, "dlt-tuned", 6),
        over(_FAR, "dlt-parallelized", 28),
        over(_FAR, "dlt-sequence"),
        over(_FAR, "dlt-async"),
        over(_FAR, "airbyte", 6),
        over(_FAR, "scrapy-tuned"),
        over(_FAR, "scrapy"),
        over_floor(_FAR, 0.6),
    ),
)
CPU_BOUND = Case(
    title="CPU-bound: the same at 0 ms, and lists of 100 records",
    trials=_cpu_bound,
    figures=(
        over(_SMALL, "dlt-tuned", 5),
        over(_SMALL, "dlt-async"),
        over(_SMALL, "airbyte"),
        over(_SMALL, "scrapy-tuned"),
        over_floor(_SMALL, 0.6),
        of_ours(_FULL, "records/s", lambda ours: ours.records_a_second, least=25_000),
        over(_FULL, "dlt-tuned", 5),
        over(_FULL, "dlt-async"),
        over(_FULL, "airbyte"),
        over(_FULL, "scrapy-tuned"),
        over_floor(_FULL),
    ),
)
BULK = Case(
    title="bulk: an export of 1,000,000 JSON lines",
    trials=_bulk,
    figures=(
        of_ours(_EXPORT, "records/s", lambda ours: ours.records_a_second, least=25_000),
        over(_EXPORT, "dlt-export", 1.3),
        over_floor(_EXPORT),
        of_ours(_EXPORT, "memory in the last third ÷ in the second", _rise, most=1.15),
    ),
)
