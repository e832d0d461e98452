"""The truth is what a walk over the routes finds, and two starts agree on all of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sandboxed import Answer, Client, sandboxed

NOW = datetime(2026, 3, 1, 12, 34, tzinfo=UTC)
SMALL = {
    "agents": "/agents",
    "teams": "/teams",
    "inboxes": "/inboxes",
    "topics": "/topics",
    "audiences": "/audiences",
    "business_hours": "/business-hours",
    "webhooks": "/webhooks",
    "export_schedules": "/export/schedules",
    "export_jobs": "/export/jobs",
}
ENTITIES = ("AGENT_AVAILABILITY", "AGENT_STATUS", "CONTACT", "CONVERSATION", "CUSTOMER", "CUSTOMER_PROFILE", "TASK")


def now() -> float:
    return NOW.timestamp()


@dataclass
class Walk:
    """An extractor in few lines: no limits, no retries but for one error text, everything in memory."""

    client: Client
    at: datetime = NOW
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    requests: int = 0

    async def get(self, path: str) -> Answer:
        self.requests += 1
        return await self.client.ask(path)

    def land(self, table: str, records: list[dict[str, Any]], key: str = "id") -> None:
        self.tables.setdefault(table, {}).update({record[key]: record for record in records})

    def miss(self, table: str, key: str) -> None:
        self.gone.setdefault(table, set()).add(key)

    async def everything(self) -> None:
        self.land("organization", [(await self.get("/organization")).json])
        for table, path in SMALL.items():
            self.land(table, (await self.get(path)).json)
        await self.events()
        exported = await self.files()
        await self.customer_tables()
        self.land("conversation_items", exported)
        for key in {**self.tables["report_task_export"], **self.tables["tasks"]}:
            await self.task(key)

    async def customer_tables(self) -> None:
        """Customers, conversations and tasks from the reports downwards."""
        for metric_set, table, key in (
            ("ConversationExportReport", "report_conversation_export", "Conversation ID"),
            ("TaskExportReport", "report_task_export", "Task ID"),
        ):
            for year in range(self.at.year - 5, self.at.year + 1, 2):
                self.land(table, await self.report(metric_set, f"{year}-01-01", f"{year + 1}-12-31"), key)
            self.customers |= {row["Customer ID"] for row in self.tables[table].values()}
        done: set[str] = set()
        while self.customers - done:
            for key in self.customers - done:
                done.add(key)
                await self.customer(key)
        for key in self.tables["report_conversation_export"]:
            await self.conversation(key)

    async def events(self) -> None:
        start = (self.at - timedelta(hours=23, minutes=55)).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = "&".join(f"entities={entity}" for entity in (*ENTITIES, "PAYMENT_REQUEST"))
        answer = await self.get(f"/events?startAt={start}&{query}")
        events = [json.loads(line) for line in answer.body.splitlines()]
        self.land("events", events)
        for event in events:
            content = event["content"]
            self.customers |= {content[name] for name in content if name in CUSTOMER_FIELDS}

    async def files(self) -> list[dict[str, Any]]:
        """Customers of the files, and the items that the walk must see to: all of them that no list shows."""
        items = []
        for job in self.tables["export_jobs"].values():
            for name in job["files"]:
                answer = await self.get(f"/export/jobs/{job['id']}/files/{name}")
                if answer.status == 404:
                    self.miss("export_files", f"{job['id']}/{name}")
                    continue
                for line in answer.body.split(b"\n"):
                    try:
                        record = json.loads(line)
                    except ValueError:
                        continue  # blank, or the torso of a line that comes whole as well
                    if name == "customers.jsonl":
                        self.customers.add(record["id"])
                    if name == "conversation_items.jsonl":
                        self.customers.add(record["customerId"])
                        items.append(record)
        return items

    async def report(self, metric_set: str, start: str, end: str) -> list[dict[str, Any]]:
        for _ in range(2):
            self.requests += 1
            answer = await self.client.report(start, end, metric_set)
            text = answer.body.decode("utf-8-sig").lstrip()
            if not text.startswith("Unexpected"):
                return list(csv.DictReader(io.StringIO(text, newline="")))
        raise AssertionError("the error text came twice")

    async def customer(self, key: str) -> None:
        answer = await self.get(f"/customer-profiles/{key}")
        if answer.status == 301:
            errors = answer.json["errors"]
            meta = (errors[0] if isinstance(errors, list) else errors)["meta"]
            self.moved[key] = meta["new"]
            self.customers.add(meta["new"])
        elif answer.status == 404:
            self.miss("customer_profiles", key)
        else:
            self.land("customer_profiles", [answer.json])
        answer = await self.get(f"/customers/{key}/conversations")
        if answer.status == 200:
            self.land("conversations", answer.json)
        answer = await self.get(f"/customers/{key}/tasks")
        if answer.status == 200:
            self.land("tasks", answer.json)
            if answer.headers["Gladly-Limited-Data"] == "true":
                for status in ("OPEN", "CLOSED"):
                    self.land("tasks", (await self.get(f"/customers/{key}/tasks?status={status}")).json)

    async def conversation(self, key: str) -> None:
        if key not in self.tables["conversations"]:
            answer = await self.get(f"/conversations/{key}")
            if answer.status == 404:
                self.miss("conversations", key)
                return
            self.land("conversations", [answer.json])
        answer = await self.get(f"/conversations/{key}/items")
        if answer.status == 404:  # gone since its customer was asked for
            self.miss("conversations", key)
            return
        self.land("conversation_items", answer.json)
        if answer.headers["Gladly-Limited-Data"] == "true":
            for session in {item["sessionId"] for item in answer.json if "sessionId" in item}:
                self.land(
                    "conversation_items", (await self.get(f"/conversations/{key}/items?sessionId={session}")).json
                )

    async def task(self, key: str) -> None:
        if key not in self.tables["tasks"]:
            answer = await self.get(f"/tasks/{key}")
            if answer.status == 404:
                self.miss("tasks", key)
            else:  # it came to a customer that had been asked before
                self.land("tasks", [answer.json])
        elif key in self.tables["report_task_export"] and key not in self.tables.get("task_comments", {}):
            comments = int(self.tables["report_task_export"][key]["Comments"])
            if comments:
                self.land("task_comments", (await self.get(f"/tasks/{key}/comments")).json)


CUSTOMER_FIELDS = {"customerId", "sourceCustomerId", "destinationCustomerId"}


def compare(walk: Walk, truth: Mapping[str, Any]) -> None:
    tables = {table: sorted(keys) for table, keys in truth["tables"].items() if table != "custom_attributes" and keys}
    assert {table: sorted(records) for table, records in walk.tables.items() if records} == tables
    assert {table: sorted(keys) for table, keys in walk.gone.items()} == {
        table: sorted(keys) for table, keys in truth["gone"].items() if keys
    }
    assert walk.moved == truth["moved"]
    unseen = set(truth["undiscoverable"]["customer_profiles"])
    assert not unseen & walk.customers


@pytest.mark.parametrize("size", [1, 30, 72, 420])
async def test_a_walk_finds_the_truth(size: int) -> None:
    async with sandboxed(size=size, clock=now) as client:
        walk = Walk(client)
        await walk.everything()
        compare(walk, await client.own("/truth"))
        counts = await client.own("/stats")
    assert counts["repeated"] == 0


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("at", ["2024-02-29T23:59:58Z", "2026-01-01T00:00:01Z", "2026-03-29T01:30:00Z"])
async def test_a_walk_finds_the_truth_at_any_time_of_the_day(at: str, seed: int) -> None:
    instant = datetime.fromisoformat(at)
    async with sandboxed(size=61, seed=seed, clock=instant.timestamp) as client:
        walk = Walk(client, at=instant)
        await walk.everything()
        compare(walk, await client.own("/truth"))


async def test_a_walk_finds_the_truth_of_a_plain_sandbox_without_a_trap() -> None:
    async with sandboxed(size=400, plain=True, clock=now) as client:
        walk = Walk(client)
        await walk.everything()
        truth = await client.own("/truth")
        compare(walk, truth)
        assert not walk.moved
        assert not walk.gone
        assert not any(truth["hidden"].values())
        assert not any(truth["undiscoverable"].values())
        assert (await client.own("/stats"))["by_status"].keys() == {"200"}


async def test_the_default_size_is_a_short_run_that_meets_the_traps_and_misses_nothing() -> None:
    async with sandboxed(clock=now) as client:
        walk = Walk(client)
        await walk.everything()
        truth = await client.own("/truth")
    comments = len({c["taskId"] for c in walk.tables["task_comments"].values()})
    others = 3 * 2  # agents.jsonl and topics.jsonl, which a plain backfill does not read
    assert 450 <= walk.requests - comments - others <= 550
    assert not any(truth["hidden"].values())
    assert truth["gone"]["export_files"]
    assert truth["gone"]["conversations"]
    assert truth["moved"]


async def test_two_starts_agree_on_everything_and_another_seed_on_nothing() -> None:
    walks = []
    for seed in (1, 1, 2):
        async with sandboxed(seed=seed, clock=now) as client:
            walk = Walk(client)
            await walk.everything()
            walks.append(walk)
    assert walks[0].tables == walks[1].tables
    for table, records in walks[2].tables.items():
        assert not records.keys() & walks[0].tables[table].keys()


async def test_with_a_fixed_end_the_data_do_not_depend_on_the_day() -> None:
    until = datetime(2024, 5, 6, tzinfo=UTC)
    found = []
    for clock in (now, lambda: now() + 5 * 86_400):
        async with sandboxed(until=until, clock=clock) as client:
            walk = Walk(client)
            await walk.customer_tables()
            found.append(walk.tables)
    assert found[0] == found[1]
    newest = max(row["Created At"] for row in found[0]["report_conversation_export"].values())
    assert "2024-05-05T00:00:00" <= newest < "2024-05-06"


async def test_live_data_change_and_the_truth_says_how() -> None:
    async with sandboxed(size=200, live=True, clock=now) as client:
        before = await client.own("/truth")
        first = Walk(client)
        await first.everything()
        after = await client.own("/truth")
        changes = after["changes"]
        assert {change["change"] for change in changes} == {"item", "closed", "merged"}
        old, new = set(before["tables"]["conversation_items"]), set(after["tables"]["conversation_items"])
        assert {change["itemId"] for change in changes if change["change"] == "item"} >= new - old
        assert new - old
        for change in changes:
            if change["change"] == "merged":
                source, destination = change["sourceCustomerId"], change["destinationCustomerId"]
                assert after["moved"][source] == destination
                assert (await client.ask(f"/customer-profiles/{source}")).status == 301
                if lost := change.get("sourceConversationId"):
                    assert (await client.ask(f"/conversations/{lost}")).status == 404
                    assert lost in after["gone"]["conversations"]


async def test_only_the_tables_that_are_asked_for_are_listed() -> None:
    async with sandboxed() as client:
        truth = await client.own("/truth?table=agents&table=tasks")
        assert truth.keys() == {"tables"}
        assert truth["tables"].keys() == {"agents", "tasks"}
