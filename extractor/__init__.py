"""Backfill SaaS vendors that have no bulk export, at their full rate limit, into any dlt destination.

`extractor.backfill("gladly")` is what the command `python -m extractor backfill gladly` calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor.run.backfill import backfill

__all__ = ["backfill"]


def __getattr__(name: str) -> object:
    # Importing the package must cost nothing: the command's --help does it, too.
    if name == "backfill":
        from extractor.run import backfill  # noqa: PLC0415

        return backfill
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
