"""Switches that this vendor alone has."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Knobs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """How reports behave, about which the vendor's documents say little.

    Attributes:
        report_latency: milliseconds that a report takes; None is 300 to 1,000.
        report_rows: a report stops in silence after so many rows.
        report_refuse_days: a report of more days than this is answered 400; 0 is never.
        report_timeout_days: a report of more days than this is not answered for ten minutes; 0 is never.
    """

    report_latency: float | None = None
    report_rows: int = 100_000
    report_refuse_days: int = 0
    report_timeout_days: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: names the knob and what it takes.
        """
        if self.report_rows < 1:
            raise ValueError("knob report-rows must be 1 or more")
