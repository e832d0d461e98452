"""Gorgias as the sandbox plays it: a walk over all routes finds the truth, and whatever is wrong is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
from sandboxed import NOON, Client, noon, sandboxed

from extractor.sandbox.gorgias.changes import Changes
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.population import Fate, Population
from extractor.sandbox.gorgias.routes import gorgias
from extractor.sandbox.gorgias.stamps import parse, stamp
from extractor.sandbox.gorgias.tables import KINDS, Tables
from extractor.sandbox.gorgias.timeline import Timeline
from extractor.sandbox.options import Options

CREATED: dict[str, Any] = {"order_by": "created_datetime:asc"}
LISTS = {
    "users": "/users",
    "customers": "/customers",
    "tickets": "/tickets",
    "messages": "/messages",
    "tags": "/tags",
    "satisfaction_surveys": "/satisfaction-surveys",
    "views": "/views",
    "rules": "/rules",
    "teams": "/teams",
    "integrations": "/integrations",
    "jobs": "/jobs",
    "widgets": "/widgets",
    "events": "/events",
}
VOICE = {
    "voice_calls": "/phone/voice-calls",
    "voice_call_events": "/phone/voice-call-events",
    "voice_call_recordings": "/phone/voice-call-recordings",
}
CHILDREN = ("ticket_tags", "ticket_custom_fields", "customer_custom_fields", "view_items")
ON_DEMAND = (*CHILDREN, "ticket", "customer", "user", "macro", "event")


@asynccontextmanager
async def played(**more: Any) -> AsyncIterator[Client]:
    async with sandboxed(vendor=gorgias, **({"clock": noon} | more)) as client:
        client.authorization = aiohttp.encode_basic_auth(client.told["username"], client.told["api_key"])
        yield client


async def listed(client: Client, path: str, limit: int = 100, **query: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page."""
    rows: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        answer = await client.ask(f"{path}?{urlencode({**query, 'limit': limit, **more}, doseq=True, quote_via=quote)}")
        assert answer.status == 200, answer.body
        page = answer.json
        assert page["object"] == "list"
        assert len(page["data"]) <= limit
        rows += page["data"]
        if page["meta"]["next_cursor"] is None:
            return rows
        assert len(page["data"]) == limit
        more = {"cursor": page["meta"]["next_cursor"]}


async def items(client: Client, view: int, limit: int = 100, **query: str) -> list[dict[str, Any]]:
    """All tickets of a view, by its relative addresses."""
    path: str | None = f"/views/{view}/items?{urlencode({'limit': limit, **query}, quote_via=quote)}"
    rows: list[dict[str, Any]] = []
    while path is not None:
        page = (await client.ask(path.removeprefix("/api"))).json
        rows += page["data"]
        path = page["meta"]["next_items"]
    return rows


@dataclass
class Walk:
    """An extractor in few lines: no limits, no retries, everything in memory."""

    client: Client
    limit: int = 100
    tables: dict[str, list[Any]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, set[int]] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)

    def land(self, table: str, rows: list[dict[str, Any]], key: str = "id") -> None:
        self.tables.setdefault(table, []).extend(row[key] for row in rows)
        self.rows.setdefault(table, []).extend(rows)

    async def lists(self) -> None:
        for table, path in LISTS.items():
            self.land(table, await listed(self.client, path, self.limit, **CREATED))
        for table, path in VOICE.items():
            self.land(table, await listed(self.client, path, self.limit))
        for archived in ("false", "true"):
            self.land("macros", await listed(self.client, "/macros", self.limit, archived=archived, **CREATED))
        for object_type in ("Ticket", "Customer"):
            self.land("custom_fields", await listed(self.client, "/custom-fields", self.limit, object_type=object_type))
        self.land("account", [(await self.client.ask("/account")).json], "domain")
        self.land("account_settings", (await self.client.ask("/account/settings")).json["data"])

    async def singles(self) -> None:
        for table in ("user", "macro", "event"):
            for key in self.tables[table + "s"]:
                self.land(table, [(await self.client.ask(f"/{table}s/{key}")).json])
        for key in self.tables["customers"]:
            await self.customer(key)
        for key in self.tables["tickets"]:
            await self.ticket(key)
        for key in self.tables["views"]:
            shown = await items(self.client, key, 7)
            self.tables.setdefault("view_items", []).extend([key, row["id"]] for row in shown)

    async def customer(self, key: int) -> None:
        answers = [await self.client.ask(f"/customers/{key}{below}") for below in ("", "/custom-fields")]
        assert answers[0].status == answers[1].status
        if answers[0].status == 404:
            self.gone.setdefault("customer", set()).add(key)
            return
        self.land("customer", [answers[0].json])
        fields = answers[1].json["data"] if isinstance(answers[1].json, dict) else answers[1].json
        self.tables.setdefault("customer_custom_fields", []).extend([key, row["field"]["id"]] for row in fields)

    async def ticket(self, key: int) -> None:
        answer = await self.client.ask(f"/tickets/{key}")
        if answer.status == 301:
            self.moved[str(key)] = int(answer.headers["Location"].rpartition("/")[2])
            return
        self.land("ticket", [answer.json])
        tags = (await self.client.ask(f"/tickets/{key}/tags")).json["data"]
        self.tables.setdefault("ticket_tags", []).extend([key, row["id"]] for row in tags)
        fields = (await self.client.ask(f"/tickets/{key}/custom-fields")).json["data"]
        self.tables.setdefault("ticket_custom_fields", []).extend([key, row["field"]["id"]] for row in fields)


async def whole_truth(client: Client) -> dict[str, Any]:
    truth: dict[str, Any] = await client.own("/truth")
    query = "&".join(f"table={table}" for table in ON_DEMAND)
    truth["tables"] |= (await client.own(f"/truth?{query}"))["tables"]
    return truth


def sorted_tables(tables: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {table: sorted(keys) for table, keys in tables.items() if keys}


# ── the truth ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("size", "seed", "limit"), [(1, 1, 100), (7, 2, 3), (24, 3, 30), (72, 1, 100)])
async def test_a_walk_finds_the_truth(size: int, seed: int, limit: int) -> None:
    async with played(size=size, seed=seed) as client:
        walk = Walk(client, limit)
        await walk.lists()
        await walk.singles()
        truth = await whole_truth(client)
    assert sorted_tables(walk.tables) == sorted_tables(truth["tables"])
    assert walk.gone.get("customer", set()) <= set(truth["gone"]["customer"])
    assert walk.moved.items() <= truth["moved"].items()
    assert bool(walk.moved) == bool(walk.gone) == (size >= 24)


async def test_a_plain_sandbox_has_no_traps() -> None:
    async with played(size=48, plain=True) as client:
        walk = Walk(client)
        await walk.lists()
        await walk.singles()
        truth = await whole_truth(client)
        statuses = (await client.own("/stats"))["by_status"]
    assert sorted_tables(walk.tables) == sorted_tables(truth["tables"])
    assert not truth["moved"]
    assert not any(truth["gone"].values())
    assert statuses.keys() == {"200"}
    assert len({frozenset(row) for row in walk.rows["customers"]}) == 1
    created = [row.get("created_datetime", "+00:00") for rows in walk.rows.values() for row in rows]
    assert all(text.endswith("+00:00") for text in created)


async def test_a_walk_of_the_default_size_takes_few_requests() -> None:
    async with played() as client:
        walk = Walk(client)
        await walk.lists()
        counts = await client.own("/stats")
        truth = await client.own("/truth")
    assert counts["requests"] <= 60
    assert counts["repeated"] == 0
    assert len(walk.tables["tickets"]) > 130
    assert truth["moved"]
    assert all(truth["gone"].values())


async def test_two_starts_agree_on_everything_and_another_seed_on_nothing() -> None:
    walks = []
    for seed in (1, 1, 2):
        async with played(seed=seed, size=30) as client:
            walk = Walk(client)
            await walk.lists()
            walks.append(walk)
    assert walks[0].rows == walks[1].rows
    for table in ("tickets", "messages", "customers", "events"):
        assert not set(walks[0].tables[table]) & set(walks[2].tables[table])


async def test_only_the_tables_that_are_asked_for_are_listed() -> None:
    async with played(size=5) as client:
        truth = await client.own("/truth?table=tickets&table=ticket_tags")
    assert truth.keys() == {"tables"}
    assert truth["tables"].keys() == {"tickets", "ticket_tags"}


# ── relations and shapes ──────────────────────────────────────────────────────────────────────


async def test_rows_fit_together() -> None:
    async with played() as client:
        walk = Walk(client)
        await walk.lists()
        await walk.singles()
        truth = await client.own("/truth")
    tickets = {row["id"]: row for row in walk.rows["tickets"]}
    merged = {int(key) for key in truth["moved"]}
    messages: dict[int, list[dict[str, Any]]] = {}
    for row in walk.rows["messages"]:
        messages.setdefault(row["ticket_id"], []).append(row)
    assert messages.keys() == tickets.keys() - merged
    assert {len(messages[key]) == tickets[key]["messages_count"] for key in messages} == {True}
    for ticket in walk.rows["ticket"]:
        assert [row["id"] for row in ticket["messages"]] == [row["id"] for row in messages[ticket["id"]]]
        assert ticket["requester"] == ticket["customer"]
    customers = set(walk.tables["customers"])
    named = {row["customer"]["id"] for row in tickets.values()}
    assert customers <= named
    assert named - customers <= set(truth["gone"]["customer"])
    surveyed = [row["ticket_id"] for row in walk.rows["satisfaction_surveys"]]
    assert len(surveyed) == len(set(surveyed)) > 0
    assert set(surveyed) <= messages.keys()
    calls = set(walk.tables["voice_calls"])
    assert {
        row["call_id"] for table in ("voice_call_events", "voice_call_recordings") for row in walk.rows[table]
    } <= calls


async def test_timestamps_come_in_all_forms_of_the_vendor() -> None:
    async with played(size=200) as client:
        messages = await listed(client, "/messages", **CREATED)
    texts = [row["created_datetime"] for row in messages]
    assert any("." not in text for text in texts)
    assert any(not text.endswith("+00:00") for text in texts)
    assert sum("." in text and text.endswith("+00:00") for text in texts) > len(texts) / 2
    instants = [parse(text) for text in texts]
    assert instants == sorted(instants, key=lambda instant: instant or 0)


def depth(tree: object) -> int:
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return 1 + max(map(depth, inner), default=0)


async def test_free_fields_grow_new_keys_and_polymorphic_ones_change_type() -> None:
    async with played(size=150) as client:
        walk = Walk(client)
        await walk.lists()
        bodies = [(await client.ask(f"/customers/{key}/custom-fields")).json for key in walk.tables["customers"][:12]]
    headers = {key for row in walk.rows["messages"] for key in row["headers"] or ()}
    assert len(headers) > 100
    assert {type(row["data"]) for row in walk.rows["events"]} >= {dict, type(None)}
    forms = {type(row["http"]["form"]) for row in walk.rows["integrations"] if row["http"]}
    assert forms >= {str, dict}
    values = [entry["value"] for row in walk.rows["tickets"] for entry in row.get("custom_fields", {}).values()]
    assert {type(value) for value in values} >= {str, int, float, bool, list}
    assert {"custom_fields" in row for row in walk.rows["tickets"]} == {True, False}
    assert {type(body) for body in bodies} == {list, dict}
    assert len({frozenset(row) for row in walk.rows["customers"]}) == 2
    assert max(depth(row["code_ast"]) for row in walk.rows["rules"]) > 20


async def test_the_key_s_own_user_is_number_0() -> None:
    async with played() as client:
        assert (await client.ask("/users/0")).json["email"] == client.told["username"]


# ── lists ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_envelope_has_an_address_and_30_rows_unless_told() -> None:
    async with played() as client:
        answer = (await client.ask("/tickets?trashed=true")).json
        assert answer["uri"] == "/api/tickets?trashed=true"
        assert len(answer["data"]) == 30
        assert answer["meta"]["prev_cursor"] is None
        empty = (await client.ask("/tickets/?external_id=none")).json
        assert empty["data"] == []
        assert empty["meta"] == {"prev_cursor": None, "next_cursor": None}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "", "1.5", "²"])
async def test_a_limit_is_1_to_100(limit: str) -> None:
    async with played(size=4) as client:
        answer = await client.ask(f"/users?limit={quote(limit)}")
    assert answer.status == 400
    assert answer.json["error"]["data"].keys() == {"limit"}


@pytest.mark.parametrize(
    ("path", "orders"),
    [
        ("/tickets", {"created_datetime", "updated_datetime"}),
        ("/customers", {"created_datetime", "updated_datetime"}),
        ("/users", {"created_datetime", "name", "email"}),
        ("/macros", {"created_datetime", "updated_datetime", "name", "usage"}),
        ("/messages", {"created_datetime"}),
        ("/satisfaction-surveys", {"created_datetime"}),
        ("/teams", {"created_datetime", "name"}),
    ],
)
async def test_lists_come_in_their_orders_and_in_no_other(path: str, orders: set[str]) -> None:
    def place(row: dict[str, Any], name: str) -> Any:
        return parse(row[name]) if name.endswith("_datetime") else row[name]

    async with played(size=30) as client:
        keys = set()
        for name in orders:
            for direction in ("asc", "desc"):
                rows = await listed(client, path, 7, order_by=f"{name}:{direction}")
                values = [place(row, name) for row in rows]
                assert values == sorted(values, reverse=direction == "desc")
                keys.add(frozenset(row["id"] for row in rows))
        assert len(keys) == 1
        wrong = {"id", "updated_datetime", "usage", "priority"} - orders
        for order in (*(f"{name}:asc" for name in wrong), "created_datetime", "created_datetime:up", ""):
            answer = await client.ask(f"{path}?order_by={order}")
            assert answer.status == 400, order
            assert "order_by" in answer.json["error"]["data"]


async def test_odd_orders() -> None:
    async with played() as client:
        roles = [row["role"]["name"] for row in await listed(client, "/users", 2, order_by="role:asc")]
        assert roles == sorted(roles)
        tags = await listed(client, "/tags", 5, order_by="usage:desc,name:desc")
        pairs = [(row["usage"], row["name"]) for row in tags]
        assert pairs == sorted(pairs, reverse=True)
        fields = await listed(client, "/custom-fields", 2, object_type="Ticket")
        assert [row["priority"] for row in fields] == sorted((row["priority"] for row in fields), reverse=True)
        ticket = (await client.ask("/tickets?limit=1")).json["data"][0]["id"]
        assert (await client.ask(f"/macros?order_by=relevance:desc&ticket_id={ticket}")).status == 200
        assert (await client.ask("/phone/voice-calls?order_by=id:asc")).status == 400
        usages = [row["usage"] for row in (await client.ask("/macros")).json["data"]]
        assert usages == sorted(usages, reverse=True)


async def test_pages_can_be_turned_back() -> None:
    async with played() as client:
        first = (await client.ask("/messages?limit=9")).json
        second = (await client.ask(f"/messages?limit=9&cursor={first['meta']['next_cursor']}")).json
        back = (await client.ask(f"/messages?limit=9&cursor={second['meta']['prev_cursor']}")).json
    assert back["data"] == first["data"]
    assert back["meta"]["prev_cursor"] is None
    assert second["data"][0] not in first["data"]


async def test_cursors_stay_good_while_rows_come_and_change() -> None:
    async with played(size=40, live=True) as client:
        before = (await client.own("/truth"))["tables"]["tickets"]
        for order in ("created_datetime:asc", "created_datetime:desc"):
            keys = [row["id"] for row in await listed(client, "/tickets", 2, order_by=order)]
            assert len(keys) == len(set(keys))
            assert set(before) <= set(keys)
        rows = await listed(client, "/tickets", 1, order_by="updated_datetime:desc")
        assert len({row["id"] for row in rows}) == len(rows), "a row that moves to the head is missed, never repeated"
        truth = await client.own("/truth")
        after = [row["id"] for row in await listed(client, "/tickets", order_by="updated_datetime:asc")]
        newest = (await client.ask("/tickets?limit=1&order_by=updated_datetime:desc")).json["data"][0]
        assert parse(newest["updated_datetime"]) == parse((await client.own("/truth"))["changes"][-1]["at"])
        assert set(truth["tables"]["tickets"]) <= set(after)
        assert len(after) == len(set(after))
    assert {change["change"] for change in truth["changes"]} == {"ticket", "message"}
    assert set(before) < set(truth["tables"]["tickets"])


async def test_what_came_hangs_together() -> None:
    async with played(size=30, live=True) as client:
        for _ in range(200):
            await client.ask("/account")
        truth = await client.own("/truth")
        (came, *_) = [change for change in truth["changes"] if change["change"] == "ticket"]
        detail = (await client.ask(f"/tickets/{came['ticket_id']}")).json
        assert detail["messages"][0]["id"] == came["message_id"]
        assert detail["satisfaction_survey"] is None
        owned = await listed(client, "/tickets", customer_id=detail["customer"]["id"])
        assert came["ticket_id"] in {row["id"] for row in owned}
        events = await listed(client, "/events", **CREATED)
        instants = [parse(row["created_datetime"]) or 0 for row in events]
        assert instants == sorted(instants)
        about = {row["object_id"] for row in events if row["type"] == "ticket-created"}
        assert {change["ticket_id"] for change in truth["changes"] if change["change"] == "ticket"} <= about
        messages = {row["id"] for row in await listed(client, "/messages", 9)}
        assert {change["message_id"] for change in truth["changes"]} <= messages
        used = [row["usage"] for row in (await client.ask("/macros?limit=100")).json["data"]]
    async with played(size=30) as client:
        assert used != [row["usage"] for row in (await client.ask("/macros?limit=100")).json["data"]]


# ── filters ───────────────────────────────────────────────────────────────────────────────────


async def test_filters_of_tickets_let_through_what_fits() -> None:
    async with played() as client:
        rows = await listed(client, "/tickets")
        trashed = {row["id"] for row in rows if row["trashed_datetime"]}
        kept = await listed(client, "/tickets", trashed="false")
        assert {row["id"] for row in kept} == {row["id"] for row in rows} - trashed != {row["id"] for row in rows}
        customer = rows[0]["customer"]["id"]
        owned = await listed(client, "/tickets", customer_id=customer)
        assert owned == [row for row in rows if row["customer"]["id"] == customer]
        external = next(row for row in rows if row["external_id"])
        assert await listed(client, "/tickets", external_id=external["external_id"]) == [external]
        chosen = [row["id"] for row in rows[::3]]
        assert [row["id"] for row in await listed(client, "/tickets", ticket_ids=chosen)] == chosen
        many = "&".join("ticket_ids=1" for _ in range(101))
        assert (await client.ask(f"/tickets?{many}")).status == 400
        view = (await client.ask("/views?limit=1")).json["data"][0]["id"]
        viewed = await listed(client, "/tickets", view_id=view)
        assert {row["id"] for row in viewed} == {row["id"] for row in await items(client, view)}
        rules = [row["id"] for row in await listed(client, "/rules")]
        parts = [{row["id"] for row in await listed(client, "/tickets", rule_id=rule)} for rule in rules]
        assert all(parts)
        assert sum(map(len, parts)) == len(set().union(*parts)) < len(rows)


async def test_children_are_found_by_their_parent() -> None:
    async with played() as client:
        for table, path, name in (
            ("messages", "/messages", "ticket_id"),
            ("voice_calls", VOICE["voice_calls"], "ticket_id"),
            ("voice_call_events", VOICE["voice_call_events"], "call_id"),
            ("voice_call_recordings", VOICE["voice_call_recordings"], "call_id"),
        ):
            rows = await listed(client, path)
            parent = rows[-1][name]
            assert await listed(client, path, 2, **{name: parent}) == [row for row in rows if row[name] == parent], (
                table
            )
            assert await listed(client, path, **{name: 1}) == []
            assert (await client.ask(f"{path}?{name}=x")).status == 400


async def test_other_filters_let_through_what_fits() -> None:
    async with played() as client:
        users = await listed(client, "/users")
        for query, expected in (
            ({"email": users[0]["email"]}, [users[0]]),
            ({"roles": ["admin", "bot"]}, [row for row in users if row["role"]["name"] in ("admin", "bot")]),
            ({"roles[]": "agent"}, [row for row in users if row["role"]["name"] == "agent"]),
            ({"search": users[2]["lastname"].upper()}, [row for row in users if users[2]["lastname"] in row["name"]]),
        ):
            assert await listed(client, "/users", **query) == expected
        customers = await listed(client, "/customers")
        someone = next(row for row in customers if row["email"] and row["external_id"])
        for name in ("email", "external_id"):
            assert await listed(client, "/customers", **{name: someone[name]}) == [someone]
        by_channel: dict[str, Any] = {"channel_type": "email", "channel_address": someone["email"]}
        assert await listed(client, "/customers", **by_channel) == [someone]
        assert (await client.ask("/customers?channel_type=email")).status == 400
        integrations = await listed(client, "/integrations", type="http")
        assert {row["type"] for row in integrations} == {"http"}
        jobs = await listed(client, "/jobs", status="done")
        assert {row["status"] for row in jobs} == {"done"}
        assert (await client.ask("/jobs?status=finished")).status == 400
        settings = (await client.ask("/account/settings?type=access")).json["data"]
        assert [row["type"] for row in settings] == ["access"]
        macros = await listed(client, "/macros", languages=["en", "fr"])
        assert {row["language"] for row in macros} == {"en", "fr"}
        assert {row["archived_datetime"] for row in macros} == {None}
        tagging = await listed(client, "/macros", tags=["refund"], **CREATED)
        assert 0 < len(tagging) < len(await listed(client, "/macros"))
        assert all("refund" in str(row["actions"]) for row in tagging)
        archived = await listed(client, "/custom-fields", object_type="Ticket", archived="true")
        assert archived
        assert all(row["deactivated_datetime"] for row in archived)


async def test_events_are_found_by_time_object_type_and_user() -> None:
    async with played() as client:
        rows = await listed(client, "/events", **CREATED)
        instants = [parse(row["created_datetime"]) or 0 for row in rows]
        low, high = instants[100], instants[300]
        window: dict[str, Any] = {"created_datetime[gte]": stamp(low), "created_datetime[lt]": stamp(high)}
        assert await listed(client, "/events", 33, **window, **CREATED) == rows[100:300]
        window = {"created_datetime[gt]": stamp(low, offset=False), "created_datetime[lte]": stamp(high)}
        assert await listed(client, "/events", **window, **CREATED) == rows[101:301]
        for object_type in {row["object_type"] for row in rows}:
            last = [row for row in rows if row["object_type"] == object_type][-1]["object_id"]
            about: dict[str, Any] = {"object_type": object_type, "object_id": last}
            expected = [row for row in rows if (row["object_type"], row["object_id"]) == (object_type, last)]
            assert await listed(client, "/events", 1, **about, **CREATED) == expected
            assert await listed(client, "/events", **about, **CREATED, **window) == [
                row for row in expected if low < (parse(row["created_datetime"]) or 0) <= high
            ]
        types = ["ticket-deleted", "ticket-merged", "customer-deleted"]
        found = await listed(client, "/events", types=types, **CREATED)
        assert found == [row for row in rows if row["type"] in types]
        assert {row["type"] for row in found} == set(types)
        user = next(row["user_id"] for row in rows if row["user_id"])
        assert await listed(client, "/events", user_ids=[user], **CREATED) == [r for r in rows if r["user_id"] == user]


# ── views ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "order",
    [
        *("created_datetime", "updated_datetime", "last_message_datetime", "last_received_message_datetime"),
        *("closed_datetime", "snooze_datetime", "priority"),
    ],
)
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_view_items_page_by_relative_addresses_in_all_orders(order: str, direction: str) -> None:
    async with played(size=24) as client:
        views = [row["id"] for row in await listed(client, "/views", **CREATED)]
        for view in views[:2]:
            whole = await items(client, view, order_by=f"{order}:{direction}")
            assert await items(client, view, 5, order_by=f"{order}:{direction}") == whole
            assert len({row["id"] for row in whole}) == len(whole)
        first = (await client.ask(f"/views/{views[0]}/items?limit=2&order_by={order}:{direction}")).json
        assert first["meta"].keys() == {"prev_items", "next_items"}
        address = first["meta"]["next_items"]
        assert address.startswith(f"/api/views/{views[0]}/items?")
        second = (await client.ask(address.removeprefix("/api"))).json
        back = (await client.ask(second["meta"]["prev_items"].removeprefix("/api"))).json
        assert back["data"] == first["data"]


async def test_view_items_may_lead_to_another_host_or_page_like_other_lists() -> None:
    async with played(knob={"foreign-next": "on"}) as client:
        view = (await client.ask("/views")).json["data"][-1]["id"]
        address = (await client.ask(f"/views/{view}/items?limit=2")).json["meta"]["next_items"]
        assert address.startswith("http://")
        assert not address.startswith(client.root)
    async with played() as client:
        expected = await items(client, view)
    async with played(knob={"view-items-cursor": "on"}) as client:
        assert await listed(client, f"/views/{view}/items", 2) == expected


@pytest.mark.parametrize(
    "query", ["cursor=MS1mYWxzZQ%3D%3D", "cursor=x&ignored_item=1", "direction=up", "order_by=id:asc"]
)
async def test_a_wrong_place_in_a_view_is_400(query: str) -> None:
    async with played() as client:
        view = (await client.ask("/views")).json["data"][0]["id"]
        assert (await client.ask(f"/views/{view}/items?{query}")).status == 400
        assert (await client.ask("/views/1/items")).status == 404


# ── limits ────────────────────────────────────────────────────────────────────────────────────


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("bucket", "window"), [(40, 20), (80, 20), (40, 10)])
async def test_the_bucket_is_as_documented_and_every_answer_says_how_full_it_is(bucket: int, window: int) -> None:
    watch, knob = Watch(), {"bucket": str(bucket), "window": str(window)}
    async with played(clock=watch, rate_scale=1, knob=knob, size=4) as client:
        for used in range(1, bucket + 1):
            answer = await client.ask("/account")
            assert answer.headers["X-Gorgias-Account-Api-Call-Limit"] == f"{used}/{bucket}"
        refused = await client.ask("/account")
        assert refused.status == 429
        assert refused.headers["X-Gorgias-Account-Api-Call-Limit"] == f"{bucket}/{bucket}"
        assert refused.headers.getall("Retry-after") == ["1"]  # type: ignore[attr-defined]
        assert refused.json["error"].keys() == {"msg"}
        watch.now += window / bucket * 3
        statuses = [(await client.ask("/nothing")).status for _ in range(4)]
    assert statuses == [404, 404, 404, 429]


async def test_retry_after_is_spelt_as_the_vendor_does_and_rounded_up() -> None:
    async with played(clock=Watch(), rate_scale=0.1, size=4) as client:
        for _ in range(4):
            assert (await client.ask("/account")).status == 200
        headers = {"Authorization": client.authorization}
        async with client.session.get(f"{client.base}/account", headers=headers) as answer:
            assert (b"Retry-after", b"5") in answer.raw_headers


# ── cursors ───────────────────────────────────────────────────────────────────────────────────


async def test_an_old_cursor_is_400_if_cursors_age() -> None:
    watch = Watch()
    async with played(clock=watch, knob={"cursor-ttl": "60"}) as client:
        cursor = (await client.ask("/tickets?limit=2")).json["meta"]["next_cursor"]
        watch.now += 60
        assert (await client.ask(f"/tickets?limit=2&cursor={cursor}")).status == 200
        watch.now += 1
        answer = await client.ask(f"/tickets?limit=2&cursor={cursor}")
    assert answer.status == 400
    assert answer.json["error"]["data"].keys() == {"cursor"}


async def test_a_cursor_may_come_again_and_again() -> None:
    async with played(knob={"cursor-repeat": "3"}) as client:
        cursors: list[str] = []
        query = ""
        for _ in range(5):
            cursors.append((await client.ask(f"/messages?limit=5{query}")).json["meta"]["next_cursor"])
            query = f"&cursor={cursors[-1]}"
    assert len(set(cursors[:2])) == 2
    assert set(cursors[1:]) == {cursors[1]}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "e30=",
        base64.urlsafe_b64encode(b'["next", 1, 1e300, 1e999, 2]').decode(),
        base64.urlsafe_b64encode(json.dumps(["next", None, 1, 0, 2]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps(["next", "text", 1, 0, 2]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps(["next", [1, "x"], 1, 0, 2]).encode()).decode(),
    ],
)
async def test_what_is_no_cursor_is_400(cursor: str) -> None:
    async with played(size=4) as client:
        answer = await client.ask(f"/tickets?cursor={cursor}")
    assert answer.status == 400
    assert answer.json["error"]["data"].keys() == {"cursor"}


@pytest.mark.parametrize("wrong", [{"bucket": "50"}, {"window": "15"}, {"cursor-repeat": "1"}, {"cursors": "1"}])
async def test_a_knob_that_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="knob"):
        async with played(knob=wrong):
            pass


# ── errors ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "field_name"),
    [
        ("/tickets?page=2", "page"),
        ("/tickets?since=2024-01-01", "since"),
        ("/tickets?limit=5&limit=6", "limit"),
        ("/tickets?trashed=maybe", "trashed"),
        ("/tickets?customer_id=x", "customer_id"),
        ("/custom-fields", "object_type"),
        ("/custom-fields?object_type=User", "object_type"),
        ("/events?object_type=Ticket", "object_id"),
        ("/events?object_id=5", "object_id"),
        ("/events?created_datetime[gt]=yesterday", "created_datetime[gt]"),
        ("/macros?order_by=relevance:desc", "order_by"),
        ("/customers?view_id=1", "view_id"),
        ("/users/0?limit=5", "limit"),
        ("/account/settings?cursor=x", "cursor"),
    ],
)
async def test_wrong_and_unknown_parameters_are_400_and_named(path: str, field_name: str) -> None:
    async with played(size=4) as client:
        answer = await client.ask(path)
    assert answer.status == 400
    error = answer.json["error"]
    assert isinstance(error["msg"], str)
    assert error["data"].keys() == {field_name}
    assert isinstance(error["data"][field_name][0], str)


async def test_credentials_are_e_mail_and_key_or_an_access_token() -> None:
    async with played(size=4) as client:
        pair = client.told["username"], client.told["api_key"]
        assert client.told.keys() == {"domain", "username", "api_key"}
        for good in (aiohttp.encode_basic_auth(*pair), "Bearer sandbox-access-token"):
            assert (await client.ask("/account", auth=good)).status == 200
        key_alone = base64.b64encode(pair[1].encode()).decode()
        for bad in (None, "Basic", f"Basic {key_alone}", f"Bearer {pair[1]}", aiohttp.encode_basic_auth(pair[0], "x")):
            answer = await client.ask("/account", auth=bad)
            assert answer.status == 401
            assert answer.json["error"].keys() == {"msg"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/users", 404),
        ("GET", "/tickets/1", 404),
        ("GET", "/tickets/x/messages", 404),
        ("GET", "/users/1", 404),
        ("GET", "/satisfaction-surveys/999999999", 404),
        ("GET", "/customers/1/custom-fields", 404),
        ("GET", "/nothing", 404),
        ("GET", "/stats/overview", 400),
        ("POST", "/users", 405),
        ("DELETE", "/account", 405),
    ],
)
async def test_other_refusals_have_the_common_envelope(method: str, path: str, status: int) -> None:
    async with played(size=4) as client:
        answer = await client.ask(path, method)
    assert answer.status == status
    assert isinstance(answer.json["error"]["msg"], str)


async def test_what_is_gone_is_404_and_what_was_merged_is_301_on_the_same_host() -> None:
    async with played() as client:
        truth = await client.own("/truth")
        for key in truth["gone"]["customer"]:
            assert (await client.ask(f"/customers/{key}/custom-fields")).status == 404
        for key in truth["gone"]["ticket"]:
            assert (await client.ask(f"/tickets/{key}/tags")).status == 404
        moved = truth["moved"].items()
        for old, new in moved:
            message = (await client.ask(f"/tickets/{new}/messages")).json["data"][-1]["id"]
            for below in ("", "/", "/tags", "/custom-fields", "/messages", f"/messages/{message}"):
                answer = await client.ask(f"/tickets/{old}{below}")
                assert answer.status == 301
                assert answer.headers["Location"] == f"{client.base}/tickets/{new}{below}"
                assert (await client.ask(f"/tickets/{new}{below}")).status == 200
            answer = await client.ask(f"/tickets/{old}?relationships=custom_fields")
            assert answer.headers["Location"].endswith(f"{new}?relationships=custom_fields")
        listed_keys = set(truth["tables"]["tickets"])
        assert {int(old) in listed_keys for old, _ in moved} == {True, False}
        assert (await client.ask(f"/tickets/{new}?relationships=tags")).status == 400
        assert (await client.ask(f"/tickets/{new}/messages/1")).status == 404
        single = (await client.ask(f"/tickets/{new}/messages")).json["data"][0]
        assert (await client.ask(f"/tickets/{new}/messages/{single['id']}")).json == single
        whole = (await client.ask(f"/tickets/{new}?relationships=custom_fields")).json
        fields = (await client.ask(f"/tickets/{new}/custom-fields")).json["data"]
        assert {str(row["field"]["id"]): row["value"] for row in fields} == {
            key: entry["value"] for key, entry in whole["custom_fields"].items()
        }


# ── data ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 4, 50, 100_000, 10_000_000])
def test_a_slot_is_its_ticket_s_and_time_goes_on(size: int) -> None:
    population = Population(Options(size=size), b"k" * 32, NOON)
    timeline: Timeline = population.timeline
    for ticket in (*range(min(60, population.tickets)), population.tickets - 1):
        for k, slot in enumerate(timeline.slots(ticket)):
            assert timeline.whose(slot) == (ticket, k)
        owner = population.owner(ticket)
        assert ticket in population.tickets_of(owner)
        assert population.fate(population.survivor(ticket)) in (Fate.THERE, Fate.GONE)
    ranks = range(min(80, population.tickets))
    assert sorted(map(population.ticket_by_update, ranks)) == [*ranks]
    lasts = [timeline.slots(population.ticket_by_update(rank))[-1] for rank in ranks]
    assert lasts == sorted(lasts)


def test_ids_are_read_back_and_others_lead_nowhere() -> None:
    ids = Ids(b"k" * 32)
    for number in (0, 1, 2, 10**8):
        assert ids.read(Kind.TICKET, str(ids.write(Kind.TICKET, number))) == number
        assert ids.read(Kind.TICKET, str(ids.write(Kind.TICKET, number) + 1)) is None
    for text in ("", "-1", "1", "x", "٣", "1" * 30):
        assert ids.read(Kind.TICKET, text) is None


@pytest.mark.parametrize("table", sorted(KINDS))
def test_a_number_that_is_too_high_stands_for_nothing(table: str) -> None:
    population = Population(Options(size=5), b"k" * 32, NOON)
    shelf = Tables(population, Changes(population=population, live=False), Ids(population.key)).shelf(table)
    assert not any(shelf.there(number) for number in (1_000, 10**9))
    assert any(map(shelf.there, range(len(shelf.entries)))) or table.startswith(("voice", "satisfaction"))


async def test_a_large_account_is_served_at_once() -> None:
    async with played(size=1_000_000) as client:
        for path in LISTS.values():
            for direction in ("asc", "desc"):
                answer = (await client.ask(f"{path}?limit=2&order_by=created_datetime:{direction}")).json
                assert answer["data"]
                cursor = answer["meta"]["next_cursor"]
                if cursor:
                    more = f"&cursor={cursor}"
                    following = (await client.ask(f"{path}?limit=2&order_by=created_datetime:{direction}{more}")).json
                    assert following["data"]
                    assert not {row["id"] for row in following["data"]} & {row["id"] for row in answer["data"]}
