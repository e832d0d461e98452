"""The rate that a user writes beside a configuration: `rate_limit = "10/s"`."""

from __future__ import annotations

import re

from extractor.errors import UsageError
from extractor.model import Budget, Learnt, RollingWindow

__all__ = ["budget"]

_WRITTEN = re.compile(r"\s*([1-9]\d*)\s*/\s*([1-9]\d*)?\s*(s|min|h)\s*", re.ASCII)
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_AT_ONCE = 64


def budget(rate_limit: object) -> Budget:
    """What may be asked for; learnt if nothing is said.

    Raises:
        UsageError: it is no rate.
    """
    if rate_limit is None:
        return Learnt()
    found = _WRITTEN.fullmatch(rate_limit) if isinstance(rate_limit, str) else None
    if found is None:
        raise UsageError(f'rate_limit = {rate_limit!r} is no rate; write "10/s", "300/min", "5000/h" or "40/15s".')
    limit, many, unit = found.groups()
    return RollingWindow(limit=int(limit), seconds=float(int(many or 1) * _SECONDS[unit]), at_once=_AT_ONCE)
