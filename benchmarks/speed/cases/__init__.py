"""The seven cases: their trials at a scale, and the figures that they are about.

    fast      latency-bound, CPU-bound, bulk: as fast as can be
    limited   near the limit, and never above it
    growth    the same at 2,000, 20,000 and 200,000 customers
    crash     killed at half, and started again
    start     the help, and the first request

`CASES` has them by number.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.speed.cases.case import Case
from benchmarks.speed.cases.crash import CRASH
from benchmarks.speed.cases.fast import BULK, CPU_BOUND, LATENCY_BOUND
from benchmarks.speed.cases.growth import GROWTH
from benchmarks.speed.cases.limited import LIMITED
from benchmarks.speed.cases.start import START

__all__ = ["CASES", "Case"]

CASES: Mapping[int, Case] = dict(enumerate((LATENCY_BOUND, CPU_BOUND, BULK, LIMITED, GROWTH, CRASH, START), 1))
