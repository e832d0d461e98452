"""A vendor that doesn't exist, with one endpoint of each kind that choosing must tell apart."""

from __future__ import annotations

from extractor.model import Afterwards, Cap, Children, Endpoint, Missing, Setting, StatedSecond, Vendor

VENDOR = Vendor(
    name="acme",
    title="Acme: orders that nobody placed",
    base_url="https://{organization}.acme.test/api/v1",
    settings=(
        Setting(name="organization", help="first part of the host"),
        Setting(name="username", help="who owns the token"),
        Setting(name="password", help="the token", secret=True),
        Setting(name="region", help="where it is", required=False),
    ),
    account="organization",
    headers=lambda settings: {"Authorization": settings["password"]},
    budgets={"requests": StatedSecond(limit=10, limit_header="l", remaining_header="r")},
    ids={"email": ("customers_by_email",)},
    endpoints=(
        Endpoint(name="agents", path="/agents"),
        Endpoint(name="report", path="/reports", key=("Order ID",)),
        Endpoint(name="export", path="/export", ids_only=True),
        Endpoint(name="agents_get", path="/agents/{key}", table="agents", default=False, note="the list has it"),
        Endpoint(name="customers_by_email", path="/customers", table="customers"),
        Endpoint(
            name="customers",
            path="/customers/{key}",
            aliases=("customer", "clients"),
            parents=(
                Children(endpoint="report", key="customer"),
                Children(endpoint="export", key="customer"),
                Children(endpoint="customers_by_email", key="id"),
            ),
        ),
        Endpoint(
            name="orders",
            path="/customers/{key}/orders",
            parents=(Children(endpoint="customers", key="id"),),
            cap=Cap(size=100, header="limited", completed_by="order", known_from="report", key_field="customer"),
        ),
        Endpoint(
            name="order",
            path="/orders/{key}",
            table="orders",
            parents=(Children(endpoint="report", key="order"),),
            held=Missing(delivered_by="orders"),
            default=False,
            note="only where the list lacks it",
        ),
        Endpoint(
            name="lines",
            path="/orders/{key}/lines",
            key=(),
            parents=(Children(endpoint="orders", key="id"), Children(endpoint="order", key="id")),
        ),
        Endpoint(
            name="lines_exported",
            path="/export/lines",
            table="lines",
            key=(),
            held=Afterwards(truncated="lines"),
            default=False,
        ),
        Endpoint(
            name="remarks", path="/lines/{key}/remarks", parents=(Children(endpoint="lines", key="id"),), default=False
        ),
        Endpoint(name="old_orders", path="/old", table="archive", default=False),
    ),
)
