"""Gladly as the sandbox plays it: the event feed, export jobs and their files."""

from __future__ import annotations

from collections import Counter

import pytest
from sandboxed import ago, all_items, keys_of, lines, noon, sandboxed

ENTITIES = "entities=CONTACT&entities=CUSTOMER&entities=CUSTOMER_PROFILE&entities=CONVERSATION&entities=TASK"
ENTITIES += "&entities=AGENT_STATUS&entities=AGENT_AVAILABILITY&entities=PAYMENT_REQUEST"


async def test_events_are_lines_cut_anywhere_in_order_and_by_entity() -> None:
    async with sandboxed(size=300, clock=noon) as client:
        answer = await client.ask(f"/events?startAt={ago(hours=23, minutes=55)}&{ENTITIES}")
        assert answer.headers["Content-Type"] == "application/x-jsonlines"
        records, blank, malformed = lines(answer)
        assert (blank, malformed) == (0, 0)
        assert {record["id"] for record in records} == set((await client.own("/truth"))["tables"]["events"])
        stamps = [record["timestamp"] for record in records]
        assert [stamp[:19] for stamp in stamps] == sorted(stamp[:19] for stamp in stamps)
        assert any(not chunk.endswith(b"\n") for chunk in answer.chunks[:-1])
        assert any(broken(chunk) for chunk in answer.chunks), "in the middle of a character"
        types = {record["type"].partition("/")[0] for record in records}
        assert types >= {"CUSTOMER", "CUSTOMER_PROFILE", "CONTACT", "CONVERSATION_ASSIGNEE"}
        only, _, _ = lines(await client.ask(f"/events?startAt={ago(hours=23)}&entities=CONVERSATION"))
        assert {record["type"].partition("/")[0] for record in only} <= {"CONVERSATION", "CONVERSATION_ASSIGNEE"}


def broken(chunk: bytes) -> bool:
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return True
    return False


async def test_events_between_instants_and_none() -> None:
    async with sandboxed(clock=noon) as client:
        parts = []
        for late, early in ((24, 12), (12, 0)):
            start, end = ago(hours=late, minutes=-5), ago(hours=early, minutes=-5) if early else ago()
            parts += lines(await client.ask(f"/events?startAt={start}&endAt={end}&{ENTITIES}"))[0]
        assert sorted(part["id"] for part in parts) == sorted(await keys_of(client, "events"))
        answer = await client.ask(f"/events?startAt={ago(minutes=5)}&entities=TASK")
        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "entities=TASK",
        f"startAt={ago(hours=1)}",
        f"startAt={ago(hours=1)}&entities=TASKS",
        f"startAt={ago(hours=1)}&entities=TASK,CONTACT",
        f"startAt={ago(hours=24, seconds=1)}&entities=TASK",
        "startAt=2026-03-01&entities=TASK",
        "startAt=yesterday&entities=TASK",
        f"startAt={ago(hours=1)}&endAt={ago(hours=2)}&entities=TASK",
        f"startAt={ago(hours=1)}&endAt=now&entities=TASK",
    ],
)
async def test_any_other_question_for_events_is_400(query: str) -> None:
    async with sandboxed(clock=noon) as client:
        assert (await client.ask(f"/events?{query}")).status == 400


async def test_export_jobs_of_fourteen_days_in_every_state() -> None:
    async with sandboxed(clock=noon) as client:
        jobs = (await client.ask("/export/jobs")).json
        assert len(jobs) == 14
        assert {job["status"] for job in jobs} == {"COMPLETED", "FAILED", "PENDING", "IN_PROGRESS"}
        assert all(job["status"] == "COMPLETED" for job in jobs if job["files"])
        assert [job for job in jobs if "scheduleId" not in job] == [
            job for job in jobs if job["status"] == "IN_PROGRESS"
        ]
        assert len([job for job in jobs if job["files"]]) == 3
        for job in jobs:
            assert (await client.ask(f"/export/jobs/{job['id']}")).json == job
        failed = (await client.ask("/export/jobs?status=FAILED")).json
        assert failed == [job for job in jobs if job["status"] == "FAILED"]
        recent = (await client.ask(f"/export/jobs?startAt={ago(days=5)}&endAt={ago()}")).json
        assert 4 <= len(recent) <= 6
        (schedule,) = (await client.ask("/export/schedules")).json
        assert schedule["frequency"] == "DAILY"


@pytest.mark.parametrize(
    "query",
    [
        "status=DONE",
        f"startAt={ago(days=14, seconds=1)}",
        "startAt=2026-02-28",
        f"endAt={ago(days=15)}",
        "endAt=2027-01-01T00:00:00Z",
    ],
)
async def test_any_other_question_for_jobs_is_400(query: str) -> None:
    async with sandboxed(clock=noon) as client:
        assert (await client.ask(f"/export/jobs?{query}")).status == 400


@pytest.mark.parametrize("size", [72, 1_000])
async def test_files_have_noise_but_lose_nothing(size: int) -> None:
    async with sandboxed(size=size, clock=noon) as client:
        jobs = [job for job in (await client.ask("/export/jobs")).json if job["files"]]
        assert len(jobs) == (3 if size < 400 else 11)
        missing, bad, separators = [], Counter[str](), 0
        found: dict[str, set[str]] = {}
        for job in jobs:
            for name in job["files"]:
                answer = await client.ask(f"/export/jobs/{job['id']}/files/{name}")
                if answer.status == 404:
                    missing.append(f"{job['id']}/{name}")
                    continue
                assert answer.headers["Content-Type"] == "application/x-ndjson"
                records, _, malformed = lines(answer)
                bad[name] += malformed
                separators += answer.text.count("\u2028")
                found.setdefault(name, set()).update(record["id"] for record in records)
                if name == "customers.jsonl":
                    assert all(isinstance(mail, str) for record in records for mail in record["emailAddresses"])
                    assert not any("createdAt" in record for record in records)
                if name == "conversation_items.jsonl":
                    day = job["parameters"]["startAt"][:10]
                    assert {record["timestamp"][:10] for record in records} <= {day}
        truth = await client.own("/truth")
        names = "export_agents", "export_conversation_items", "export_customers", "export_topics"
        tables = (await client.own("/truth?" + "&".join(f"table={name}" for name in names)))["tables"]
        assert missing == truth["gone"]["export_files"]
        assert bad["conversation_items.jsonl"] == 1
        assert separators > 0
        for name in names:
            assert found[name.removeprefix("export_") + ".jsonl"] == set(tables[name])
        activities = set(truth["elsewhere"]["activity_items"])
        assert activities <= found["conversation_items.jsonl"]
        for key in activities:
            assert "conversationId" not in (await client.ask(f"/conversation-items/{key}")).json


async def test_undelivered_mail_is_in_no_file() -> None:
    async with sandboxed(size=1_500, clock=noon) as client:
        exported = await keys_of(client, "export_conversation_items")
        jobs = [job for job in (await client.ask("/export/jobs?status=COMPLETED")).json if job["files"]]
        days = {job["parameters"]["startAt"][:10] for job in jobs}
        gone = {name.partition("/")[0] for name in (await client.own("/truth"))["gone"]["export_files"]}
        days -= {job["parameters"]["startAt"][:10] for job in jobs if job["id"] in gone}
        items = [item for item in await all_items(client) if item["timestamp"][:10] in days]
    left_out = [item for item in items if item["id"] not in exported]
    assert {item["content"]["type"] for item in left_out} == {"EMAIL"}
    assert len(left_out) < len(items) / 5


async def test_a_customer_in_several_files_is_in_each_as_it_was_on_that_day() -> None:
    async with sandboxed(size=1_000, clock=noon) as client:
        jobs = [job for job in (await client.ask("/export/jobs")).json if "customers.jsonl" in job["files"]]
        addresses: dict[str, list[str]] = {}
        for job in jobs:
            answer = await client.ask(f"/export/jobs/{job['id']}/files/customers.jsonl")
            for record in lines(answer)[0]:
                addresses.setdefault(record["id"], []).append(record["address"])
    several = [found for found in addresses.values() if len(found) > 1]
    assert several
    assert all(len(set(found)) == len(found) for found in several)
