"""Case 6: `kill -9` at half of the requests, and the same command again."""

from __future__ import annotations

from benchmarks.speed.cases.case import Case, against, scaled
from benchmarks.speed.contenders import OURS
from benchmarks.speed.figures import Figure, Repeat, of_ours
from benchmarks.speed.played import Size
from benchmarks.speed.trials import Trial

__all__ = ["CRASH"]

_KILLED = "killed at half"
_PEERS = ("dlt-tuned", "airbyte", "scrapy-jobdir")


def _trials(scale: float) -> tuple[Trial, ...]:
    size = Size(customers=scaled(5_000, scale, 50), latency=50)
    return (Trial(name=_KILLED, size=size, contenders=against(*_PEERS), killed=True),)


def _costs(name: str) -> tuple[Figure, Figure]:
    """Of the requests before the kill, those that were made again; of the records, those that never came."""

    def repeated(repeat: Repeat) -> float | None:
        found = repeat.get((_KILLED, name))
        return found.counted.repeated / found.killed_at if found else None

    def lost(repeat: Repeat) -> float | None:
        found = repeat.get((_KILLED, name))
        return max(0.0, 1 - found.records / found.wanted) if found else None

    return (
        Figure(words=f"{name}: share of the requests before the kill that were repeated", value=repeated),
        Figure(words=f"{name}: share of the records lost", value=lost, most=0 if name == OURS.name else None),
    )


CRASH = Case(
    title="crash: killed at half of the requests, and started again",
    trials=_trials,
    figures=(
        of_ours(
            _KILLED,
            "requests repeated ÷ those in flight or not on disk",
            lambda ours: ours.counted.repeated / max(1, ours.unsafe or 0),
            most=1,
        ),
        *(figure for name in (OURS.name, *_PEERS) for figure in _costs(name)),
    ),
)
