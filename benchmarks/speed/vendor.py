"""The help desk as our own vendor, and the budgets that its vendor file could state."""

from __future__ import annotations

from collections.abc import Mapping

from extractor.model import Bucket, Budget, Children, Endpoint, Records, RollingWindow, StatedSecond, Vendor
from extractor.paginate import by_cursor

__all__ = ["BUDGETS", "NAME", "vendor"]

NAME = "desk"

BUDGETS: Mapping[str, Budget] = {
    # As many as can be, as many in flight as the product ever has.
    "none": RollingWindow(limit=1_000_000, seconds=1.0, at_once=256),
    # The numbers are wrong on purpose: what is true, the answers' headers state.
    "stated": StatedSecond(limit=10, limit_header="x-ratelimit-limit", remaining_header="x-ratelimit-remaining"),
    "stated-bucket": Bucket(size=10, per_second=10, used_header="x-call-limit"),
    # Twice what is true, and no header to correct it.
    "silent": StatedSecond(limit=40),
    # What nginx's `limit_req` with a burst does; it has no headers.
    "documented-bucket": Bucket(size=20, per_second=20),
}
"""By name."""

_TREE = (
    Endpoint(
        name="customers",
        path="/customers",
        params=(("limit", "100"),),
        records=Records(at="data"),
        paginate=by_cursor("next", "after"),
        columns={"created_at": "timestamp"},
    ),
    Endpoint(
        name="conversations",
        path="/customers/{key}/conversations",
        records=Records(at="data"),
        parents=(Children(endpoint="customers", key="id"),),
        columns={"created_at": "timestamp"},
    ),
    Endpoint(
        name="items",
        path="/conversations/{key}/items",
        records=Records(at="data"),
        parents=(Children(endpoint="conversations", key="id"),),
        columns={"timestamp": "timestamp"},
    ),
)
_EXPORT = (
    Endpoint(
        name="export",
        path="/export.jsonl",
        records=Records(shape="lines"),
        columns={"timestamp": "timestamp"},
        download=True,
        timeout=3_600,
    ),
)


def vendor(base_url: str, *, budget: str = "none", export: bool = False) -> Vendor:
    """The desk at this address: the tree of its lists, or its export alone."""
    return Vendor(
        name=NAME,
        title="The benchmark's help desk",
        base_url=base_url,
        settings=(),
        account="base_url",
        headers=lambda _: {},
        budgets={"requests": BUDGETS[budget]},
        endpoints=_EXPORT if export else _TREE,
    )
