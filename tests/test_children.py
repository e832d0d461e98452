from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from extractor.children import Family
from extractor.model import Children, Configured, Endpoint, Found, Listing, Missing, State, Vendor, Windows
from extractor.windows import Span

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


# ── several keys together, windows, records beside others ───────────────────────────────────

MONTHS = Windows(days=30, begin="beginning")
STAFF = replace(
    VENDOR,
    endpoints=(
        Endpoint(name="people", path="/people"),
        Endpoint(name="teams", path="", beside="people"),
        Endpoint(name="mails", path="/mails", parents=(Children(endpoint="people", key="id", together=3),)),
        Endpoint(name="hours", path="/hours/{key}", parents=(Children(endpoint="people", key="id"),), windows=MONTHS),
        Endpoint(name="rooms", path="/rooms/{key}", parents=(Children(endpoint="teams", key="room"),)),
        Endpoint(name="doors", path="/doors/{key}", parents=(Configured(setting="door_ids"),)),
    ),
)
SPAN = Span(since=None, until=date(1970, 3, 5), beginning=date(1970, 1, 20))
WINDOWS = ("1970-03-02/1970-03-05", "1970-01-31/1970-03-02", "1970-01-20/1970-01-31")


def staff(*fetched: str, span: Span = SPAN) -> Family:
    return Family(STAFF, frozenset(fetched), frozenset(), span)


@given(st.lists(st.integers(0, 20)))
def test_keys_of_a_page_share_listings_each_key_in_one_of_them(ids: list[int]) -> None:
    found = staff("people", "mails").found(listing("people"), [{"id": number} for number in ids])
    groups = [one.key.split(",") for one in found]
    assert [key for group in groups for key in group] == list(dict.fromkeys(map(str, ids)))
    assert all(len(group) == 3 for group in groups[:-1])


def test_a_child_with_windows_has_a_listing_for_each() -> None:
    found = staff("people", "hours").found(listing("people", "all"), [{"id": "a b"}, {"id": "c"}])
    assert [one.key for one in found] == [f"{window} {key}" for key in ("a b", "c") for window in WINDOWS]
    assert {one.parent for one in found} == {"all"}


def test_a_child_whose_windows_begin_nowhere_has_no_listing_until_the_beginning_is_known() -> None:
    family = staff("people", "hours", span=Span(since=None, until=SPAN.until))
    assert family.found(listing("people"), [{"id": "a"}]) == ()
    family.span = SPAN
    assert len(family.found(listing("people"), [{"id": "a"}])) == len(WINDOWS)


def test_a_moved_record_moves_its_windows() -> None:
    assert [one.key for one in staff("people", "hours").renamed(listing("hours", f"{WINDOWS[0]} old"), "new")] == [
        f"{window} new" for window in WINDOWS
    ]


def test_records_that_stand_beside_others_name_children_of_their_own() -> None:
    family = staff("people", "teams", "rooms", "mails")
    record = {"id": "t", "room": "r"}
    assert [one.endpoint for one in family.found(listing("teams"), [record])] == ["rooms"]
    assert [one.endpoint for one in family.found(listing("people"), [record])] == ["mails"]


def test_configured_values_are_named_by_no_record() -> None:
    assert staff("doors", "people").found(listing("people"), [{"id": "d"}]) == ()
