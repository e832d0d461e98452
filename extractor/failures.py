"""How many listings have failed in a run, and how many may before it is no use to go on."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Self

from extractor.errors import RunFailed, UsageError
from extractor.model import Page, State

__all__ = ["FailureLimit", "Failures"]

_WRITTEN = re.compile(r"(\d{1,18})|(\d{1,18}(?:\.\d{1,18})?)\s*%", re.ASCII)
_PERCENT_AFTER = 50
"""Listings that must be finished before a share of them says anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureLimit:
    """What a run puts up with.

    Attributes:
        listings: failed ones, None for any number.
        percent: of those that are finished, 0 to 100, None for any share.
    """

    listings: int | None = None
    percent: float | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """From `20` or `2.5%`.

        Raises:
            UsageError: it is neither.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found and found[1]:
            return cls(listings=int(found[1]))
        if found and float(found[2]) < 100:
            return cls(percent=float(found[2]))
        raise UsageError(f"{text!r} is no limit on failures; write a number of lists, 20, or a share of them, 5%.")

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.listings is None else str(self.listings)

    def exceeded(self, failed: int, finished: int) -> bool:
        """Whether so many failed listings of so many finished ones are too many."""
        if self.listings is not None:
            return failed > self.listings
        return self.percent is not None and finished >= _PERCENT_AFTER and failed * 100 > self.percent * finished


class Failures:
    """Counts the listings of a run as they end.

    Args:
        limit: None to count on, whatever happens.
        vendor: its name, for messages.
    """

    def __init__(self, limit: FailureLimit | None, *, vendor: str) -> None:
        self._limit = limit
        self._vendor = vendor
        self._finished = 0
        self._failed = 0
        self._details: Counter[str] = Counter()

    def count(self, page: Page) -> None:
        """Count a page's listing if it ends here.

        Raises:
            RunFailed: too many have failed by now.
        """
        if not page.state.final:
            return
        self._finished += 1
        if page.state is State.FAILED:
            self._failed += 1
            self._details.update(incident.detail for incident in page.incidents)
            if self._limit is not None and self._limit.exceeded(self._failed, self._finished):
                raise RunFailed(self._too_many())

    def _too_many(self) -> str:
        often = "".join(f" Most often: {detail}." for detail, _ in self._details.most_common(1))
        return (
            f"{self._vendor}: {self._failed:,} of {self._finished:,} lists failed, more than --max-failures "
            f"{self._limit} allows.{often} When that is mended, fetch them again: "
            f"python -m extractor retry {self._vendor}."
        )
