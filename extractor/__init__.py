"""Backfill SaaS vendors that have no bulk export, at their full rate limit, into any dlt destination.

`extractor.backfill("gladly")` is what the command `python -m extractor backfill gladly` calls, and
`extractor.retry("gladly")` what `retry gladly` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor.run.backfill import backfill
    from extractor.run.retry import retry

__all__ = ["backfill", "retry"]


def __getattr__(name: str) -> object:
    # Importing the package must cost nothing: the command's --help does it, too.
    if name in __all__:
        from extractor import run  # noqa: PLC0415

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
