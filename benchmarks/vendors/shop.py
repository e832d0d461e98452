"""A shop that doesn't exist, three levels deep; `benchmarks.shop` plays it."""

from __future__ import annotations

from extractor.model import Children, Endpoint, Setting, StatedSecond, Vendor
from extractor.paginate import by_offset

PAGE = 2
"""Shops a page."""

VENDOR = Vendor(
    name="shop",
    title="Shop: shops, their orders, the orders' lines",
    base_url="http://127.0.0.1",
    settings=(
        Setting(name="account", help="whose shops"),
        Setting(name="token", help="anything", secret=True),
    ),
    account="account",
    headers=lambda settings: {"Authorization": settings["token"]},
    budgets={"requests": StatedSecond(limit=10_000)},
    endpoints=(
        Endpoint(
            name="shops",
            path="/shops",
            columns={"id": "text", "opened": "timestamp", "tags[]": "text"},
            paginate=by_offset(PAGE),
        ),
        Endpoint(
            name="orders",
            path="/shops/{key}/orders",
            parents=(Children(endpoint="shops", key="id"),),
            columns={"id": "text", "total": "double"},
            gone=(404,),
        ),
        Endpoint(
            name="lines",
            path="/orders/{key}/lines",
            key=(),
            parents=(Children(endpoint="orders", key="id"),),
            columns={"sku": "text", "parts[].name": "text"},
        ),
    ),
)
