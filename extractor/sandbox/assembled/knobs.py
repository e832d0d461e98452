"""Switches that this vendor alone has."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Knobs"]

ASSIST = ("keyed", "array", "403", "404")
LONGEST = 3_650  # days; ids hold the day modulo 2**14


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """What can be chosen, with what is played otherwise.

    Attributes:
        history_days: whole days before the end of the data in which something happened. A week of days,
            three channels and three reports make a run of about 310 requests, a minute at the vendor's pace.
        old_limit: 120 requests a minute in bursts of 10, as older documents of the vendor say.
        empty_429: the answer over the limit has no body.
        report_polls: how often a report is `in_progress` before it is `complete`.
        failing_report: every so many-th report that is ordered fails; 0 is never.
        assist: conversations below a key, as a bare array, or refused since the product was not bought.
    """

    history_days: int = 7
    old_limit: bool = False
    empty_429: bool = False
    report_polls: int = 1
    failing_report: int = 0
    assist: str = "keyed"

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: names the knob and what it takes.
        """
        if not 1 <= self.history_days <= LONGEST:
            raise ValueError(f"knob history-days must be from 1 to {LONGEST}")
        if self.assist not in ASSIST:
            raise ValueError(f"knob assist must be one of {', '.join(ASSIST)}")
