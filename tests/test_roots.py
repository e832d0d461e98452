from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from acme import VENDOR
from hypothesis import given
from hypothesis import strategies as st

from extractor.model import Endpoint, Windows
from extractor.roots import roots
from extractor.vendors.gladly import VENDOR as GLADLY
from extractor.windows import Window, newest

WINDOWS = Windows(days=30, near=10, ask=lambda _start, _end: {})
SHOP = replace(VENDOR, endpoints=(*VENDOR.endpoints, Endpoint(name="monthly", path="/monthly", windows=WINDOWS)))
ALL = frozenset(endpoint.name for endpoint in SHOP.endpoints)
UNTIL = date(2024, 3, 5)


def keys(endpoint: str, since: date | None, until: date = UNTIL, fetched: frozenset[str] = ALL) -> list[str]:
    return [found.key for found in roots(SHOP, fetched, since, until) if found.endpoint == endpoint]


def test_only_endpoints_without_parents_have_roots() -> None:
    """Those that live on a file's ids have none either."""
    assert {found.endpoint for found in roots(VENDOR, ALL, None, UNTIL)} == {
        "agents",
        "report",
        "export",
        "agents_get",
        "lines_exported",
        "old_orders",
    }
    assert {found.endpoint for found in roots(GLADLY, frozenset({"customers_by_email", "tasks"}), None, UNTIL)} == set()


def test_a_root_is_a_listing_with_an_empty_key_that_waits_for_nothing() -> None:
    (agents,) = roots(VENDOR, frozenset({"agents"}), date(2024, 1, 1), UNTIL)
    assert (agents.key, agents.parent, agents.fields, agents.state) == ("", None, {}, "pending")


def test_nothing_is_asked_that_the_run_does_not_fetch() -> None:
    assert keys("agents", None, fetched=frozenset({"report"})) == []
    assert list(roots(SHOP, frozenset(), None, UNTIL)) == []


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
