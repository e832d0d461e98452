"""Backfill SaaS vendors that have no bulk export, at their full rate limit, into any dlt destination.

`extractor.backfill("gladly")` is what the command `python -m extractor backfill gladly` calls, and
`extractor.retry("gladly")` what `retry gladly` does. `extractor.source("gladly")` is a dlt source for a pipeline of
one's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor.run.backfill import backfill
    from extractor.run.retry import retry
    from extractor.sources.source import source

__all__ = ["backfill", "retry", "source"]

_WHERE = {"backfill": "extractor.run", "retry": "extractor.run", "source": "extractor.sources"}


def __getattr__(name: str) -> object:
    # Importing the package must cost nothing: the command's --help does it, too.
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
