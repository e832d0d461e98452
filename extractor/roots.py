"""The listings that a run begins with; all others are named by pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from extractor.model import Found, Vendor
from extractor.windows import grid, newest

__all__ = ["roots"]


def roots(vendor: Vendor, fetched: frozenset[str], since: date | None, until: date) -> Iterator[Found]:
    """One listing for each endpoint without parents, or its windows: those since a day, else the newest one.

    Endpoints that live on ids from a file alone have none.
    """
    from_file = {name for names in vendor.ids.values() for name in names}
    for endpoint in vendor.endpoints:
        if endpoint.name not in fetched or endpoint.parents or endpoint.name in from_file:
            continue
        if endpoint.windows is None:
            yield Found(endpoint=endpoint.name, key="")
        elif since is None:
            yield Found(endpoint=endpoint.name, key=newest(endpoint.windows, until).key)
        else:
            yield from (Found(endpoint=endpoint.name, key=w.key) for w in grid(endpoint.windows, since, until))
