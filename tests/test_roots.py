from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from acme import VENDOR
from hypothesis import given
from hypothesis import strategies as st

from extractor.model import Children, Configured, Endpoint, Found, Vendor, Windows
from extractor.roots import needs_beginning, roots
from extractor.vendors.gladly import VENDOR as GLADLY
from extractor.windows import Span, Window, newest

WINDOWS = Windows(days=30, near=10)
SHOP = replace(VENDOR, endpoints=(*VENDOR.endpoints, Endpoint(name="monthly", path="/monthly", windows=WINDOWS)))
ALL = frozenset(endpoint.name for endpoint in SHOP.endpoints)
UNTIL = date(2024, 3, 5)


def begin(
    vendor: Vendor, fetched: frozenset[str], since: date | None = None, until: date = UNTIL, **more: Any
) -> list[Found]:
    span = Span(since=since, until=until, beginning=more.pop("beginning", None))
    return list(roots(vendor, fetched, span, lists=more.pop("lists", {}), given=more.pop("given", {}), **more))


def keys(
    endpoint: str, since: date | None, until: date = UNTIL, fetched: frozenset[str] = ALL, **more: Any
) -> list[str]:
    return [found.key for found in begin(SHOP, fetched, since, until, **more) if found.endpoint == endpoint]


def test_only_endpoints_without_parents_have_roots() -> None:
    """Those that live on a file's ids have none either."""
    assert {found.endpoint for found in begin(VENDOR, ALL)} == {
        "agents",
        "report",
        "export",
        "agents_get",
        "lines_exported",
        "old_orders",
    }
    assert {found.endpoint for found in begin(GLADLY, frozenset({"customers_by_email", "tasks"}))} == set()


def test_a_root_is_a_listing_with_an_empty_key_that_waits_for_nothing() -> None:
    (agents,) = begin(VENDOR, frozenset({"agents"}), date(2024, 1, 1))
    assert (agents.key, agents.parent, agents.fields, agents.state) == ("", None, {}, "pending")


def test_nothing_is_asked_that_the_run_does_not_fetch() -> None:
    assert keys("agents", None, fetched=frozenset({"report"})) == []
    assert begin(SHOP, frozenset()) == []


@given(until=st.dates(date(1970, 1, 2), date(2100, 1, 1)))
def test_all_of_history_begins_with_the_newest_window(until: date) -> None:
    """Its pages name the windows before it."""
    assert keys("monthly", None, until) == [newest(WINDOWS, until).key]


@given(since=st.dates(date(1970, 1, 1), date(2100, 1, 1)), days=st.integers(1, 500))
def test_days_that_were_chosen_are_covered_once(since: date, days: int) -> None:
    until = since + timedelta(days=days)
    covered = sorted((window.start, window.end) for window in map(Window.of, keys("monthly", since, until)))
    assert (covered[0][0], covered[-1][1]) == (since, until)
    assert all(one[1] == other[0] for one, other in pairwise(covered))


# ── values that are configured, given or read from a file ───────────────────────────────────

TOLD = replace(
    SHOP,
    ids={"case": ("case", "states")},
    endpoints=(
        Endpoint(name="shops", path="/shops/{key}", parents=(Configured(setting="shop_ids"),)),
        Endpoint(name="sales", path="/sales/{key}", parents=(Configured(setting="shop_ids"),), windows=WINDOWS),
        Endpoint(
            name="visits",
            path="/visits/{key}",
            parents=(Configured(setting="door_ids"), Children(endpoint="shops", key="id")),
        ),
        Endpoint(name="doors", path="/doors", beside="shops"),
        Endpoint(name="chat", path="/chat/{key}", given=("widget", "text"), writes=True),
        Endpoint(name="case", path="/cases/{key}"),
        Endpoint(name="states", path="/states", windows=replace(WINDOWS, begin="beginning")),
        Endpoint(name="plans", path="/plans", windows=replace(WINDOWS, begin="beginning")),
    ),
)
NAMES = frozenset(endpoint.name for endpoint in TOLD.endpoints)
TWO_DAYS = (date(2024, 3, 3), date(2024, 3, 5))
DAYS = "2024-03-03/2024-03-05"


def told(**more: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    given = {"widget": "w 1"}
    for one in begin(TOLD, NAMES, *TWO_DAYS, **{"given": given, **more}):
        found.setdefault(one.endpoint, []).append(one.key)
    return found


def test_each_value_that_is_configured_has_a_listing_or_its_windows() -> None:
    found = told(lists={"shop_ids": ("a", "b"), "door_ids": ("d",)})
    assert (found["shops"], found["visits"]) == (["a", "b"], ["d"])
    assert found["sales"] == [f"{DAYS} a", f"{DAYS} b"]
    assert "sales" not in told()


def test_what_stands_beside_others_is_not_asked_for() -> None:
    assert "doors" not in told()


def test_what_the_user_gives_is_what_its_listing_is_about() -> None:
    """So it is asked for once, however often the same command runs."""
    assert told()["chat"] == ["w 1"]
    assert told(given={"widget": "w 2", "text": "hello"})["chat"] == ["w 2"]


def test_ids_from_a_file_get_the_windows_of_their_endpoint() -> None:
    named = [Found(endpoint="case", key="c"), Found(endpoint="states", key="c")]
    found = told(named=named)
    assert (found["case"], found["states"]) == (["c"], [f"{DAYS} c"])
    assert not {"case", "states"} & told().keys()


# ── the beginning ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("since", "beginning", "starts"),
    [
        (None, None, None),
        (None, date(2024, 1, 9), date(2024, 1, 9)),
        (date(2024, 2, 1), None, date(2024, 2, 1)),
        (date(2024, 2, 1), date(2024, 1, 9), date(2024, 2, 1)),
        (date(2024, 1, 1), date(2024, 1, 9), date(2024, 1, 9)),
        (None, UNTIL, None),
    ],
)
def test_windows_start_where_history_begins(since: date | None, beginning: date | None, starts: date | None) -> None:
    found = begin(TOLD, frozenset({"plans"}), since, beginning=beginning)
    windows = sorted((Window.of(one.key) for one in found), key=lambda window: window.start)
    assert (windows[0].start if windows else None) == starts
    assert not windows or windows[-1].end == UNTIL


def test_nobody_asks_for_the_beginning_without_need() -> None:
    anytime, since = Span(since=None, until=UNTIL), Span(since=UNTIL, until=UNTIL)
    assert needs_beginning(TOLD, frozenset({"plans"}), anytime)
    assert not needs_beginning(TOLD, frozenset({"plans"}), since)
    assert not needs_beginning(TOLD, frozenset({"sales", "shops"}), anytime)
