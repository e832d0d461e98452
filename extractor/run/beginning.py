"""Where a vendor's history begins: the oldest of the instants that some of its records tell."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime

from extractor.children import Family
from extractor.errors import Refused, RunFailed
from extractor.model import Children, Endpoint, Listing, Page, State, Vendor
from extractor.paginate import field_of

__all__ = ["beginning", "witnesses"]

_NAME = "beginning"
_MILLISECONDS = 1e11
"""Larger numbers count milliseconds: as seconds they would lie beyond the year 5000."""


def witnesses(vendor: Vendor) -> Family:
    """A tree in which records name days, as if these were the ids of children."""
    parents = tuple(Children(endpoint=name, key=_days(path)) for name, path in vendor.beginning.items())
    days = Endpoint(name=_NAME, path="/", parents=parents)
    return Family(replace(vendor, endpoints=(*vendor.endpoints, days)), frozenset({_NAME}), frozenset())


async def beginning(vendor: Vendor, fetch: Callable[[Listing], AsyncGenerator[Page]]) -> date | None:
    """Ask for it, in UTC; None if there is no record at all.

    Args:
        vendor: says which of its endpoints know.
        fetch: pages of a listing, on which the records' days are found as `witnesses` has it.

    Raises:
        RunFailed: the records can't be read, or none of them tells a day.
    """
    days: set[str] = set()
    silent = ""
    for endpoint in vendor.beginning:
        try:
            async with aclosing(fetch(Listing(id=0, endpoint=endpoint, key=""))) as pages:
                async for page in pages:
                    if page.state in (State.GONE, State.FAILED):
                        raise RunFailed(_unknown(vendor, endpoint, "; ".join(one.detail for one in page.incidents)))
                    days.update(found.key for found in page.found)
                    silent = endpoint if page.records and not page.found else silent
        except Refused as error:
            raise RunFailed(_unknown(vendor, endpoint, str(error))) from error
    if silent and not days:
        raise RunFailed(_unknown(vendor, silent, f"no record has {vendor.beginning[silent]}"))
    return date.fromisoformat(min(days)) if days else None


def _unknown(vendor: Vendor, endpoint: str, why: str) -> str:
    return (
        f"{vendor.name}: {endpoint} tells where history begins, and can't be read: {why}. "
        "Say it with --since DATE instead."
    )


def _days(path: str) -> Callable[[Mapping[str, object]], tuple[str, ...]]:
    def day(record: Mapping[str, object]) -> tuple[str, ...]:
        instant = _instant(field_of(record, path))
        # A vendor's zero means that there is none.
        return () if instant is None or instant.year <= 1970 else (instant.date().isoformat(),)

    return day


def _instant(value: object) -> datetime | None:
    """Seconds or milliseconds since 1970, or ISO 8601 (without an offset in UTC)."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS else value, UTC)
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
