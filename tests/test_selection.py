from __future__ import annotations

from dataclasses import replace

import pytest
from acme import VENDOR
from hypothesis import given
from hypothesis import strategies as st

from extractor import vendors
from extractor.errors import SettingsError, UsageError
from extractor.model import Children, Configured, Endpoint, Setting
from extractor.selection import alternatives, narrowed, select

ENDPOINTS = {endpoint.name: endpoint for endpoint in VENDOR.endpoints}
NAMES = sorted(name for name, endpoint in ENDPOINTS.items() if not endpoint.ids_only)


def test_a_plain_run_loads_the_defaults_with_the_routes_that_complete_them() -> None:
    chosen = select(VENDOR)
    assert chosen.loaded == {
        "agents",
        "report",
        "customers_by_email",
        "customers",
        "orders",
        "order",
        "lines",
        "lines_exported",
    }
    assert chosen.fetched == chosen.loaded | {"export"}
    assert not chosen.unheld


def test_only_loads_what_it_names_and_fetches_its_parents() -> None:
    chosen = select(VENDOR, ["customers"])
    assert chosen.loaded == {"customers"}
    assert chosen.fetched == {"customers", "report", "export", "customers_by_email"}


def test_what_completes_a_parents_list_is_fetched_too_else_children_would_be_lost() -> None:
    chosen = select(VENDOR, ["remarks"])
    assert chosen.loaded == {"remarks"}
    assert {"lines", "orders", "order", "customers", "report", "export"} <= chosen.fetched
    assert "agents" not in chosen.fetched


def test_a_remedy_that_would_load_nothing_and_lead_nowhere_is_not_fetched() -> None:
    """The export of lines is a large download; nobody takes ids from it and its table isn't loaded."""
    assert "lines_exported" not in select(VENDOR, ["remarks"]).fetched


def test_a_loaded_table_brings_its_held_routes_but_not_its_redundant_ones() -> None:
    assert select(VENDOR, ["lines"]).loaded == {"lines", "lines_exported"}
    assert select(VENDOR, ["agents"]).loaded == {"agents"}


def test_a_held_route_that_is_named_is_not_held_and_stands_alone() -> None:
    chosen = select(VENDOR, ["order"])
    assert chosen.loaded == {"order"}
    assert chosen.unheld == {"order"}
    assert chosen.fetched == {"order", "report"}


def test_a_held_route_is_unheld_beside_its_table_too() -> None:
    chosen = select(VENDOR, ["orders", "order"])
    assert chosen.loaded == {"orders", "order"}
    assert chosen.unheld == {"order"}


def test_also_adds_to_the_defaults() -> None:
    chosen = select(VENDOR, also=["remarks"])
    assert chosen.loaded == select(VENDOR).loaded | {"remarks"}


def test_also_adds_to_only() -> None:
    assert select(VENDOR, ["agents"], ["remarks"]).loaded == {"agents", "remarks"}


def test_a_part_of_a_selection_brings_what_it_needs_and_nothing_else() -> None:
    everything = select(VENDOR, also=["order", "remarks"])
    assert narrowed(VENDOR, everything, everything.loaded) == everything
    part = narrowed(VENDOR, everything, ["agents"])
    assert part.loaded == part.fetched == {"agents"}
    assert not part.unheld
    part = narrowed(VENDOR, everything, ["order"])
    assert part.loaded == part.unheld == {"order"}
    assert part.fetched == {"order", "report"}


@pytest.mark.parametrize("word", ["customer", "clients", " customers "])
def test_an_alias_means_its_endpoint(word: str) -> None:
    assert select(VENDOR, [word]).loaded == {"customers"}


def test_a_table_name_means_the_endpoints_that_fill_it() -> None:
    assert select(VENDOR, ["archive"]).loaded == {"old_orders"}


def test_a_name_beats_the_table_of_the_same_name() -> None:
    """`customers_by_email` writes to the table customers; --only customers doesn't mean it."""
    assert "customers_by_email" not in select(VENDOR, ["customers"]).loaded


def test_unknown_names_are_all_named_with_what_was_probably_meant() -> None:
    with pytest.raises(UsageError) as caught:
        select(VENDOR, ["custommers", "agents", "Remarks", "zzz"])
    message = str(caught.value)
    assert "--only" in message
    assert "'custommers' (did you mean customers?)" in message
    assert "'Remarks' (did you mean remarks?)" in message
    assert "'zzz'" in message
    assert "old_orders" in message


def test_an_endpoint_read_for_its_ids_only_has_no_name() -> None:
    with pytest.raises(UsageError, match="--also: acme has no resource 'export'"):
        select(VENDOR, also=["export"])


@given(only=st.lists(st.sampled_from(NAMES)), also=st.lists(st.sampled_from(NAMES)))
def test_what_is_fetched_is_closed_under_what_it_needs(only: list[str], also: list[str]) -> None:
    chosen = select(VENDOR, only, also)
    assert {*only, *also} <= chosen.loaded <= chosen.fetched
    assert chosen.unheld <= {*only, *also}
    for name in chosen.fetched:
        endpoint = ENDPOINTS[name]
        assert {parent.endpoint for parent in endpoint.parents if isinstance(parent, Children)} <= chosen.fetched
        if endpoint.cap:
            assert {endpoint.cap.completed_by, endpoint.cap.known_from} <= chosen.fetched
    for name in chosen.loaded:
        assert not ENDPOINTS[name].ids_only


@pytest.mark.parametrize("name", vendors.names())
def test_every_vendors_own_names_can_be_chosen(name: str) -> None:
    vendor = vendors.load(name)
    for endpoint in vendor.endpoints:
        for word in () if endpoint.ids_only else (endpoint.name, *endpoint.aliases):
            chosen = select(vendor, [word], given=endpoint.given, allow_writes=endpoint.writes)
            assert endpoint.name in chosen.loaded


# ── settings, parameters, writes ────────────────────────────────────────────────────────────

TELLER = replace(
    VENDOR,
    settings=(
        Setting(name="key", help="opens the shop", secret=True, required=False),
        Setting(name="pass", help="opens the archive", secret=True, required=False),
        Setting(name="door_ids", help="doors to watch", required=False, many=True),
    ),
    endpoints=(
        Endpoint(name="shops", path="/shops", needs=("key",)),
        Endpoint(name="prices", path="/prices", needs=("key",), beside="shops"),
        Endpoint(
            name="doors", path="/doors/{key}", needs=("key", "door_ids"), parents=(Configured(setting="door_ids"),)
        ),
        Endpoint(name="archive", path="/archive", needs=("pass",)),
        Endpoint(
            name="open_shop", path="/shops", method="POST", writes=True, given=("city", "street"), note="opens one"
        ),
        Endpoint(
            name="opened", path="/shops/{key}", parents=(Children(endpoint="open_shop", key="id"),), default=False
        ),
        Endpoint(name="goods", path="/goods", parents=(Children(endpoint="shops", key="id"),), default=False),
    ),
)
EVERYTHING = ("key", "pass", "door_ids")


@pytest.mark.parametrize(
    ("settings", "loaded"),
    [
        (EVERYTHING, {"shops", "prices", "doors", "archive"}),
        (("key",), {"shops", "prices"}),
        (("pass", "door_ids"), {"archive"}),
        (None, {"shops", "prices", "doors", "archive"}),
    ],
)
def test_by_default_what_there_are_settings_for_is_loaded(settings: tuple[str, ...] | None, loaded: set[str]) -> None:
    """It never writes and needs not be told anything."""
    assert select(TELLER, settings=settings).loaded == loaded


def test_without_any_of_them_the_ways_to_load_something_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        select(TELLER, settings=("door_ids",))
    message = str(caught.value)
    assert message.startswith("acme needs key, or pass.")
    assert 'pass = ""  # opens the archive' in message
    assert "door_ids" not in message
    assert alternatives(TELLER) == [("key",), ("pass",)]
    assert alternatives(VENDOR) == [()]


@pytest.mark.parametrize("name", ["doors", "goods"])
def test_a_name_whose_settings_are_missing_says_where_to_write_them(name: str) -> None:
    """Also where it is a parent that needs them."""
    with pytest.raises(UsageError) as caught:
        select(TELLER, [name], settings=("pass",))
    message = str(caught.value)
    assert message.startswith(f"acme's resource {name} needs key")
    assert "In .dlt/secrets.toml:" in message
    assert ('door_ids = [""]  # doors to watch' in message) is (name == "doors")
    assert "--sandbox" not in message


def test_what_stands_beside_others_brings_these_without_loading_them() -> None:
    chosen = select(TELLER, ["prices"])
    assert chosen.loaded == {"prices"}
    assert chosen.fetched == {"prices", "shops"}


def test_what_writes_must_be_allowed() -> None:
    with pytest.raises(UsageError, match=r"open_shop: opens one\. If you want that: --allow-writes"):
        select(TELLER, ["open_shop"], given=("city",))
    assert select(TELLER, ["open_shop"], given=("city",), allow_writes=True).loaded == {"open_shop"}
    assert "open_shop" not in select(TELLER, allow_writes=True).fetched


def test_a_child_of_what_writes_does_not_make_it_write() -> None:
    assert select(TELLER, ["opened"], allow_writes=True).fetched == {"opened"}


def test_what_must_be_told_something_is_told() -> None:
    with pytest.raises(UsageError, match="open_shop needs to be told its city: --param city=VALUE"):
        select(TELLER, ["open_shop"], given=("street",), allow_writes=True)


def test_a_parameter_that_nothing_takes_is_a_mistake() -> None:
    with pytest.raises(UsageError, match=r"nothing that was named takes town\. .*open_shop \(city, street\)"):
        select(TELLER, ["open_shop"], given=("city", "town"), allow_writes=True)
    with pytest.raises(UsageError, match=r"takes city\. These take parameters"):
        select(TELLER, given=("city",))
    with pytest.raises(UsageError, match="No resource of acme does"):
        select(VENDOR, given=("city",))


@pytest.mark.parametrize("name", vendors.names())
def test_what_lives_on_a_configured_list_alone_needs_that_setting(name: str) -> None:
    """Otherwise a run without it would ask for nothing and call that complete."""
    vendor = vendors.load(name)
    required = {setting.name for setting in vendor.settings if setting.required}
    for endpoint in vendor.endpoints:
        configured = {parent.setting for parent in endpoint.parents if isinstance(parent, Configured)}
        if len(configured) == len(endpoint.parents):
            assert configured <= required | set(endpoint.needs), endpoint.name
