"""Case 7: what is waited for before anything happens."""

from __future__ import annotations

from benchmarks.speed.cases.case import Case, against, scaled
from benchmarks.speed.figures import of_ours
from benchmarks.speed.played import Size
from benchmarks.speed.trials import Trial

__all__ = ["START"]

_HELP, _FIRST = "--help", "first request"


def _trials(scale: float) -> tuple[Trial, ...]:
    return (
        Trial(name=_HELP, command=("--help",)),
        Trial(
            name=_FIRST,
            size=Size(customers=scaled(100, scale)),
            contenders=against("floor", "dlt-tuned", "airbyte", "scrapy-tuned"),
        ),
    )


START = Case(
    title="start: the help, and from the start to the first request",
    trials=_trials,
    figures=(
        of_ours(_HELP, "seconds of CPU", lambda ours: ours.cpu_seconds, most=0.25),
        of_ours(_FIRST, "seconds to the first request", lambda ours: ours.first_request, most=1.2),
    ),
)
