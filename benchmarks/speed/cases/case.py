"""What a case is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.speed.contenders import CONTENDERS, OURS, Contender
from benchmarks.speed.figures import Figure
from benchmarks.speed.trials import Trial

__all__ = ["Case", "against", "scaled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One of them.

    Attributes:
        trials: at a scale, 1 for the whole.
        paced: they wait for a limit and leave the machine idle, so that several may run side by side.
    """

    title: str
    trials: Callable[[float], tuple[Trial, ...]]
    figures: tuple[Figure, ...]
    paced: bool = False


def against(*names: str) -> tuple[Contender, ...]:
    """We, and those."""
    return (OURS, *(CONTENDERS[name] for name in names))


def scaled(whole: int, scale: float, least: int = 10) -> int:
    """A size at this scale."""
    return max(least, round(whole * scale))
