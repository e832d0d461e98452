"""Whole backfills of a vendor that fails in every way that the sandbox knows: each record is there once, or named.

The vendor is Gladly, with 8 customers, about 70 requests, or with 25, about 200.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from fake_vendor import vendor_of
from faultserver import Exchange, FaultServer
from oneattempt import http
from runs import QUICK, Place

from benchmarks.rig import missing, sandbox
from extractor import vendors
from extractor.account import ExitCode
from extractor.children import Family
from extractor.client import Client
from extractor.errors import CredentialsError
from extractor.model import Children, Endpoint, Listing, RollingWindow
from extractor.sandbox.faults import FAULTS
from extractor.transport.retrying import Retrying
from extractor.vendors import gladly

WHOLE = {
    "errors": ("500", "502", "503", "503-date", "408", "425", "429"),
    "wrong answers": ("302", "206", "garbage"),
    "no answers": ("html", "empty", "null"),
    "transfers": ("drop", "reset", "short", "long", "slow"),
    "packing": ("bad-gzip", "bomb", "huge"),
    "records": ("deep", "duplicate-keys", "nan", "bigint", "surrogate", "nul"),
}
"""Kinds that cost nothing, in groups that share a backfill."""
LASTING = ("401", "401-from", "stuck", "outage", "storm")
"""Kinds that have a test of their own."""


@pytest.fixture(autouse=True)
def _short_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs to wait half a minute for a vendor that is on this machine, nor for its ten reports a minute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    for module, name, seconds in (
        ("retrying", "_FIRST_PAUSE", 0.02),
        ("retrying", "LONGEST_PAUSE", 0.3),
        ("outage", "_FIRST_PAUSE", 0.1),
        ("outage", "LONGEST_PAUSE", 0.4),
    ):
        monkeypatch.setattr(f"extractor.transport.{module}.{name}", seconds)
    many = RollingWindow(limit=10_000, seconds=60, at_once=2)
    monkeypatch.setattr(gladly, "VENDOR", replace(gladly.VENDOR, budgets={**gladly.VENDOR.budgets, "reports": many}))


@contextmanager
def faulty(folder: Path, *chosen: str, port: int = 0, latency: int = 1, size: int = 8) -> Iterator[Place]:
    """A place whose vendor has these faults; the data are the same each time."""
    flags = [word for one in chosen for word in ("--fault", one)]
    with sandbox(
        "gladly", *QUICK, "--size", str(size), "--port", str(port), "--latency", str(latency), *flags
    ) as played:
        yield Place(folder, played)


def assert_sound(place: Place) -> None:
    """Every load was committed once, and no key stands in a table twice."""
    assert place.rows("SELECT DISTINCT count(*), max(status) FROM _dlt_loads GROUP BY load_id") == [(1, 0)]
    there = {name for (name,) in place.rows("SHOW TABLES")}
    name_of = NamingConvention().normalize_path
    for endpoint in vendors.load("gladly").endpoints:
        table = endpoint.destination_table
        if endpoint.ids_only or table not in there:
            continue
        key = ", ".join(f'"{name_of(name)}"' for name in endpoint.key or ["_extractor_key"])
        assert place.rows(f'SELECT {key} FROM "{table}" GROUP BY {key} HAVING count(*) > 1') == [], table


def lacking(place: Place, before: Any) -> dict[str, int]:
    found = missing("gladly", place.folder, (before, place.played.ask("truth")))
    return {table: count for table, count in found.items() if count}


def table_of(endpoint: str) -> str:
    return next(one for one in vendors.load("gladly").endpoints if one.name == endpoint).destination_table


def test_every_kind_is_tried() -> None:
    assert sorted([*sum(WHOLE.values(), ()), *LASTING]) == sorted(FAULTS)


@pytest.mark.parametrize(("group", "kinds"), WHOLE.items(), ids=WHOLE)
def test_what_passes_costs_no_record(group: str, kinds: Sequence[str], tmp_path: Path) -> None:
    # Often enough that each happens; seldom enough that no list fails in all of its six attempts.
    chance = 0.08 if group == "records" else 0.05 if len(kinds) == 3 else 0.025
    with faulty(tmp_path, *(f"{kind}={chance}" for kind in kinds), size=25) as place:
        before = place.played.ask("truth")
        outcome = place.run()
        counts = place.played.ask("stats")
        assert not lacking(place, before)
        assert sorted(counts["faults"]) == sorted(kinds), "each of them happened"
        # Behind a body that was too long the server closes a connection that looks idle: a request may be on its way.
        assert counts["requests"] <= outcome.requests <= counts["requests"] + counts["faults"].get("long", 0)
        assert (counts["foreign"], counts["leaked"]) == (0, 0)
        assert_sound(place)
    assert outcome.code is ExitCode.COMPLETE


# ── ids ─────────────────────────────────────────────────────────────────────────────────────

HOSTILE = {
    "slash": "a/b",
    "above": "..",
    "here": ".",
    "way out": "a/../../admin?x=1#f",
    "query": "?admin=1",
    "fragment": "#top",
    "encoded dots": "%2e%2e",
    "encoded slash": "%2f..%252f",
    "backslash": "..\\..\\admin",
    "matrix": "a;b=c",
    "blanks": " a b ",
    "blank": " ",
    "another host": "//evil.example/",
    "user": "@evil.example",
    "template": "{key}",
    "long": "x" * 10_000,
    "line break": "a\r\nX-Admin: 1",
    "NUL": "a\0b",
    "escape": "\x1b[2J",
    "emoji": "\U0001f600 e\u0301 \u202e",
}
CUSTOMERS = Endpoint(name="customers", path="/customers", parents=(), ids_only=True)
ITEMS = Endpoint(name="items", path="/customers/{key}/items", parents=(Children(endpoint="customers", key="id"),))
SHOP = vendor_of(CUSTOMERS, ITEMS)
NAMES = frozenset({"customers", "items"})


@pytest.mark.parametrize("key", HOSTILE.values(), ids=HOSTILE)
async def test_an_id_arrives_as_one_segment_or_not_at_all(key: str) -> None:
    async def answer(exchange: Exchange) -> None:
        body = orjson.dumps([{"id": key}]) if exchange.seen.target == "/api/v1/customers" else b"[]"
        await exchange.answer(body)

    async with FaultServer(answer) as server, http(server.base_url) as wire:
        retrying = Retrying(wire, vendor="shop", base_url=server.base_url)
        client = Client(
            vendor=SHOP,
            family=Family(SHOP, NAMES, frozenset()),
            transport=retrying,
            base_urls={"": server.base_url},
            loaded=NAMES,
            since=None,
            until=date(2024, 3, 5),
        )
        pages = [page async for page in client.pages(Listing(id=1, endpoint="customers", key=""))]
        for child in [found for page in pages for found in page.found]:
            listing = Listing(id=2, endpoint=child.endpoint, key=child.key)
            pages += [page async for page in client.pages(listing)]
    _, *asked = [seen.target for seen in server.seen]
    if asked:
        head, tail = "/api/v1/customers/", "/items"
        (target,) = asked
        assert target.startswith(head)
        assert target.endswith(tail)
        segment = target.removeprefix(head).removesuffix(tail)
        assert not set(segment) & set("/?#\\;@ ")
        assert segment not in (".", "..")
        assert unquote(segment) == key
    else:
        (incident,) = [found for page in pages for found in page.incidents]
        assert (incident.endpoint, incident.gap) == ("items", True)


# ── what lasts ──────────────────────────────────────────────────────────────────────────────


def test_credentials_that_fail_now_and_then_cost_further_runs_and_no_record(tmp_path: Path) -> None:
    with faulty(tmp_path, "401=0.015") as place:
        before = place.played.ask("truth")
        codes = [ended(place)]
        while codes[-1] is not ExitCode.COMPLETE and len(codes) < 20:
            codes.append(ended(place))
        assert not lacking(place, before)
        assert place.played.ask("stats")["faults"]["401"] >= len(codes) - 1, "each run ended by one"
        assert_sound(place)
    assert codes[-1] is ExitCode.COMPLETE
    assert len(codes) > 1


def ended(place: Place) -> ExitCode:
    try:
        return place.run().code
    except CredentialsError:
        return ExitCode.USAGE


def test_credentials_that_end_keep_what_came_until_there_are_others(tmp_path: Path) -> None:
    with faulty(tmp_path, "401-from=20") as place:
        port = urlsplit(place.played.base_url).port or 0
        assert place.run().code is ExitCode.FAILED
        assert place.rows("SELECT count(*) > 0 FROM agents") == [(True,)]
        assert_sound(place)
        assert ended(place) is ExitCode.USAGE
    with faulty(tmp_path, port=port) as place:
        before = place.played.ask("truth")
        assert place.run().code is ExitCode.COMPLETE
        assert not lacking(place, before)
        assert_sound(place)


def test_lists_that_always_fail_are_named_and_cost_the_others_nothing(tmp_path: Path) -> None:
    """`retry` asks for them again: see `test_retry`."""
    with faulty(tmp_path, "stuck=0.2") as place:
        before = place.played.ask("truth")
        outcome = place.run()
        assert outcome.code is ExitCode.PARTIAL
        named = place.rows("SELECT endpoint, key, status, attempts FROM _extractor_incidents WHERE kind = 'failed'")
        assert outcome.incidents["failed"] == len(named) > 0
        assert {(status, attempts) for _, _, status, attempts in named} == {(500, 6)}
        assert place.played.ask("stats")["faults"]["stuck"] == 6 * len(named)
        assert lacking(place, before).keys() <= {table_of(endpoint) for endpoint, *_ in named}
        assert_sound(place)


def test_an_outage_is_waited_out_with_few_requests(tmp_path: Path) -> None:
    with faulty(tmp_path, "outage=0.1:2", latency=30) as place:
        before = place.played.ask("truth")
        outcome = place.run()
        counts = place.played.ask("stats")
        assert not lacking(place, before)
        assert_sound(place)
    # All that is in flight fails once; seven failures in a row are an outage, with probes only, ever fewer.
    assert 7 <= counts["faults"]["outage"] <= counts["max_in_flight"] + 7 + 8
    assert outcome.code is ExitCode.COMPLETE


def test_a_storm_of_429_is_waited_out_with_few_requests(tmp_path: Path) -> None:
    with faulty(tmp_path, "storm=0.1:3", latency=30) as place:
        before = place.played.ask("truth")
        outcome = place.run()
        counts = place.played.ask("stats")
        assert not lacking(place, before)
        assert_sound(place)
    # All that is in flight is refused once; after each pause one request goes ahead.
    assert counts["faults"]["storm"] == outcome.throttled
    assert 1 <= outcome.throttled <= counts["max_in_flight"] + outcome.pauses - 1
    assert 2 <= outcome.pauses <= 8
    assert outcome.code is ExitCode.COMPLETE
