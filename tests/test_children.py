from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractor.children import Family
from extractor.model import Children, Endpoint, Found, Listing, Missing, State, Vendor

PARENTS = (Children(endpoint="report", key="Customer ID"), Children(endpoint="events", key="content.customerId"))
VENDOR = Vendor(
    name="shop",
    title="Shop",
    base_url="https://shop.test",
    settings=(),
    account="",
    headers=lambda _: {},
    budgets={},
    endpoints=(
        Endpoint(name="report", path="/report"),
        Endpoint(name="events", path="/events", moved=(301,)),
        Endpoint(name="customers", path="/customers/{key}", parents=PARENTS),
        Endpoint(name="orders", path="/customers/{key}/orders", parents=PARENTS),
        Endpoint(
            name="order",
            path="/orders/{key}",
            parents=(Children(endpoint="report", key="Order ID", fields={"customer": "Customer ID", "by": "a.b"}),),
            held=Missing(delivered_by="orders"),
        ),
        Endpoint(
            name="lines",
            path="/orders/{key}/lines",
            parents=(
                Children(endpoint="orders", key="id"),
                Children(endpoint="order", key=lambda record: tuple(str(record.get("ids", "")).split())),
            ),
        ),
    ),
)
ALL = frozenset(endpoint.name for endpoint in VENDOR.endpoints)


def family(fetched: frozenset[str] = ALL, unheld: frozenset[str] = frozenset()) -> Family:
    return Family(VENDOR, fetched, unheld)


def listing(endpoint: str, key: str = "k") -> Listing:
    return Listing(id=1, endpoint=endpoint, key=key, fields={"customer": "c"})


def test_a_record_names_a_listing_of_every_child() -> None:
    row = {"Customer ID": "c1", "Order ID": "o1", "a": {"b": 5}}
    assert family().found(listing("report", "w"), [row]) == (
        Found(endpoint="customers", key="c1", parent="w"),
        Found(endpoint="orders", key="c1", parent="w"),
        Found(endpoint="order", key="o1", parent="w", fields={"customer": "c1", "by": "5"}, state=State.HELD),
    )


def test_only_endpoints_that_the_run_fetches_get_listings() -> None:
    row = {"Customer ID": "c1", "Order ID": "o1"}
    (only,) = family(frozenset({"report", "orders"})).found(listing("report"), [row])
    assert only.endpoint == "orders"
    assert family(frozenset({"report"})).found(listing("report"), [row]) == ()


def test_records_without_children_name_nothing() -> None:
    assert family().found(listing("lines"), [{"id": "l1"}]) == ()


def test_a_key_may_lie_deep_and_a_function_may_name_several() -> None:
    found = family().found(listing("events"), [{"content": {"customerId": "c1"}}, {"content": None}, {}])
    assert [(one.endpoint, one.key) for one in found] == [("customers", "c1"), ("orders", "c1")]
    assert [one.key for one in family().found(listing("order"), [{"ids": "x y x"}])] == ["x", "y"]


def test_what_the_list_delivers_need_not_be_asked_for_by_id() -> None:
    found = family().found(listing("orders", "c1"), [{"id": "o1"}])
    assert {(one.endpoint, one.state) for one in found} == {("lines", State.PENDING), ("order", State.COMMITTED)}


def test_a_route_that_the_user_names_waits_for_nothing_and_is_asked_whatever_the_list_delivers() -> None:
    """Which of two routes comes first must not decide what is asked for."""
    named = family(unheld=frozenset({"order"}))
    states = {one.endpoint: one.state for one in named.found(listing("report"), [{"Order ID": "o1"}])}
    assert states == {"order": State.PENDING}
    assert [one.endpoint for one in named.found(listing("orders"), [{"id": "o1"}])] == ["lines"]


@given(
    st.lists(st.text(max_size=2) | st.integers(-3, 3) | st.none() | st.booleans() | st.floats() | st.lists(st.none()))
)
def test_each_id_is_named_once_in_the_order_of_the_records(ids: list[object]) -> None:
    """Ids are text or whole numbers; nothing else can be one."""
    keys = [str(value) for value in ids if isinstance(value, str | int) and not isinstance(value, bool)]
    found = family(frozenset({"orders", "lines"})).found(listing("orders"), [{"id": value} for value in ids])
    assert [one.key for one in found] == list(dict.fromkeys(key for key in keys if key))


def test_fields_hold_what_a_ledger_can_keep() -> None:
    (_, _, order) = family().found(listing("report"), [{"Customer ID": "a\ud800b", "Order ID": "o"}])
    assert order.fields == {"customer": "a?b", "by": ""}


def test_a_moved_record_moves_everything_that_hangs_on_it() -> None:
    assert family().renamed(listing("customers", "old"), "new") == (
        Found(endpoint="customers", key="new", parent="old", fields={"customer": "c"}),
        Found(endpoint="orders", key="new", parent="old", fields={"customer": "c"}),
    )
    fetched = frozenset({"report", "orders"})
    assert [one.endpoint for one in family(fetched).renamed(listing("orders"), "new")] == ["orders"]


def test_endpoints_without_parents_have_nothing_in_common() -> None:
    assert [one.endpoint for one in family().renamed(listing("events"), "new")] == ["events"]
