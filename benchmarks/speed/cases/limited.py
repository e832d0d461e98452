"""Case 4: a limit, to be used whole and never exceeded, whether the vendor states it or not."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.speed.cases.case import Case, against, scaled
from benchmarks.speed.figures import Figure, of_ours
from benchmarks.speed.played import Size
from benchmarks.speed.trials import Trial

__all__ = ["LIMITED"]

_RATE = 20
_LATENCY = 300
_KINDS = {"fixed": "fixed window", "sliding": "sliding window", "bucket": "leaky bucket"}
_JUDGED = "nginx limit_req"
_VENDORS: Mapping[str, int] = {
    "gladly": 300,
    "gorgias": 1_200,
    "assembled": 5_000,
    "clari": 1_200,
    "snapengage": 13_000,
}
"""What each sandbox holds, so that its vendor's own limits make it last two minutes or more."""
_CHARTS = frozenset({"limit"})
_PACED = ("dlt-async", "airbyte", "scrapy-rate")
_UNPACED = ("dlt-parallelized", "dlt-tuned", "scrapy", "scrapy-autothrottle")


def _halved(words: str) -> str:
    return f"{words}, half of what is documented, unstated"


def _own(vendor: str) -> str:
    return f"{vendor}'s own limits"


def _limited(scale: float) -> tuple[Trial, ...]:
    # Three minutes at 20 a second for us, and five seconds at least.
    customers = scaled(1_200, scale, 35)
    parts = dict.fromkeys((*_PACED, *_UNPACED), 0.5) | {"scrapy-autothrottle": 0.1}
    stated = [
        Trial(
            name=words,
            size=Size(customers=customers, latency=_LATENCY, limit=kind, rate=_RATE),
            contenders=against(*_PACED, *_UNPACED),
            parts=parts,
            budget="stated-bucket" if kind == "bucket" else "stated",
            documented=_RATE,
            charts=_CHARTS,
        )
        for kind, words in _KINDS.items()
    ]
    unstated = [
        Trial(
            name=_halved(words),
            size=Size(customers=customers, latency=_LATENCY, limit=kind, rate=_RATE, stated=False),
            contenders=against(*_PACED),
            parts=parts,
            budget="silent",
            documented=2 * _RATE,
            charts=_CHARTS,
        )
        for kind, words in _KINDS.items()
    ]
    judged = Trial(
        name=_JUDGED,
        size=Size(customers=customers, latency=_LATENCY, rate=_RATE),
        contenders=against(*_PACED),
        parts=parts,
        budget="documented-bucket",
        documented=_RATE,
        judged=True,
        charts=_CHARTS,
    )
    own = [
        Trial(name=_own(vendor), vendor=vendor, vendor_size=scaled(size, scale)) for vendor, size in _VENDORS.items()
    ]
    return (*stated, *unstated, judged, *own)


def _kept(trial: str, *, least: float = 0.99, most: int = 0) -> tuple[Figure, Figure]:
    """How much of the limit was used, and how often it was exceeded."""
    return (
        of_ours(trial, "share of the limit used", lambda ours: ours.share, least=least),
        of_ours(trial, "429s", lambda ours: ours.counted.too_many, most=most),
    )


LIMITED = Case(
    title="limited: 20 requests a second at 300 ms, and each vendor's own budget",
    trials=_limited,
    paced=True,
    figures=(
        *(figure for words in _KINDS.values() for figure in _kept(words)),
        *(figure for words in _KINDS.values() for figure in _kept(_halved(words), least=0.95, most=5)),
        *_kept(_JUDGED),
        *(figure for vendor in _VENDORS for figure in _kept(_own(vendor))),
    ),
)
