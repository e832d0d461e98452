"""Case 5: what a hundred times the work costs, in time a request and in memory."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.speed.cases.case import Case, scaled
from benchmarks.speed.contenders import OURS
from benchmarks.speed.figures import Figure, Repeat, mean_gap, of_ours
from benchmarks.speed.played import Size
from benchmarks.speed.trials import Measured, Trial

__all__ = ["GROWTH"]

_SIZES = {"2,000 customers": 2_000, "20,000 customers": 20_000, "200,000 customers": 200_000}
_SMALLEST, *_, _LARGEST = _SIZES


def _trials(scale: float) -> tuple[Trial, ...]:
    return tuple(
        Trial(name=name, size=Size(customers=scaled(customers, scale)), charts=frozenset({"memory"}))
        for name, customers in _SIZES.items()
    )


def _grown(words: str, value: Callable[[Measured], float], most: float | None = None) -> Figure:
    """What it is at the largest size over what it is at the smallest."""

    def of_repeat(repeat: Repeat) -> float | None:
        small, large = (repeat.get((name, OURS.name)) for name in (_SMALLEST, _LARGEST))
        return value(large) / value(small) if small and large else None

    return Figure(words=f"{words}, at the largest size ÷ at the smallest", value=of_repeat, most=most)


def _seconds_a_request(ours: Measured) -> float:
    """From the first request to the end of the process, when all is loaded."""
    return (ours.seconds - (ours.first_request or 0.0)) / ours.counted.requests


def _fetch_seconds_a_request(ours: Measured) -> float:
    """From the first request to the last; loading goes on beside it."""
    return (ours.counted.last - ours.counted.first) / ours.counted.requests


def _tenth(commits: tuple[float, ...], *, last: bool) -> tuple[float, ...]:
    # The very last chunk is what was left, and smaller than the others.
    full = commits[:-1]
    count = max(2, len(full) // 10)
    return full[-count:] if last else full[:count]


def _of_size(name: str) -> tuple[Figure, ...]:
    return (
        of_ours(name, "µs a request, to the end", lambda ours: 1e6 * _seconds_a_request(ours)),
        of_ours(name, "µs a request, to the last one", lambda ours: 1e6 * _fetch_seconds_a_request(ours)),
        of_ours(name, "fetch process, MB", lambda ours: ours.fetch_bytes / 1e6, most=150),
        of_ours(name, "load process, MB", lambda ours: ours.load_bytes / 1e6, most=500),
        of_ours(name, "ledger, bytes a request", lambda ours: ours.ledger_bytes / ours.counted.requests),
        of_ours(name, "seconds between commits, first tenth", lambda ours: mean_gap(_tenth(ours.commits, last=False))),
        of_ours(name, "seconds between commits, last tenth", lambda ours: mean_gap(_tenth(ours.commits, last=True))),
    )


GROWTH = Case(
    title="scale: 2,000, 20,000 and 200,000 customers at 0 ms",
    trials=_trials,
    figures=(
        _grown("seconds a request, to the end", _seconds_a_request, 1.15),
        _grown("seconds a request, to the last one", _fetch_seconds_a_request),
        _grown("memory of the fetch process", lambda ours: float(ours.fetch_bytes), 1.15),
        *(figure for name in _SIZES for figure in _of_size(name)),
    ),
)
