"""Figures that a case is about, each with its bound: ratios and counts of one repeat, then their median."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.speed.contenders import FLOOR, OURS
from benchmarks.speed.trials import Measured

__all__ = ["Figure", "Repeat", "mean_gap", "of_ours", "over", "over_floor", "reckoned"]

Repeat = Mapping[tuple[str, str], Measured]
"""One round of a case: what each contender did in each trial, by the two names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One of them.

    Attributes:
        value: of one repeat; None if a contender that it needs did not run.
        least, most: the target; None for what is only told.
    """

    words: str
    value: Callable[[Repeat], float | None]
    least: float | None = None
    most: float | None = None

    @property
    def has_target(self) -> bool:
        """It is more than told."""
        return self.least is not None or self.most is not None

    def holds(self, value: float) -> bool:
        """The target is met."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def over(trial: str, peer: str, least: float | None = None) -> Figure:
    """How many times as many records a second as this peer."""

    def value(repeat: Repeat) -> float | None:
        ours, other = repeat.get((trial, OURS.name)), repeat.get((trial, peer))
        return ours.records_a_second / other.records_a_second if ours and other and other.records else None

    return Figure(words=f"{trial}: records/s ÷ {peer}'s", value=value, least=least)


def over_floor(trial: str, least: float | None = None) -> Figure:
    """The part of the floor's speed; both ask for the same, so that requests and records give the same."""
    return over(trial, FLOOR.name, least)


def of_ours(
    trial: str,
    words: str,
    value: Callable[[Measured], float | None],
    *,
    least: float | None = None,
    most: float | None = None,
) -> Figure:
    """Something of our own run."""

    def of_repeat(repeat: Repeat) -> float | None:
        ours = repeat.get((trial, OURS.name))
        return None if ours is None else value(ours)

    return Figure(words=f"{trial}: {words}", value=of_repeat, least=least, most=most)


def mean_gap(commits: Sequence[float]) -> float | None:
    """Seconds between two commits; None if there are not two."""
    return (commits[-1] - commits[0]) / (len(commits) - 1) if len(commits) > 1 else None


def reckoned(figures: Iterable[Figure], repeats: Sequence[Repeat]) -> list[tuple[Figure, float]]:
    """Each figure with its median over the repeats, without those that no repeat has."""
    found = []
    for figure in figures:
        values = [value for repeat in repeats if (value := figure.value(repeat)) is not None]
        if values:
            found.append((figure, statistics.median(values)))
    return found
