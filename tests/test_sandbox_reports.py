"""Gladly as the sandbox plays it: reports, and how they mislead."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sandboxed import EARLY, LATE, NOON, noon, rows, sandboxed, whole_report

from extractor.sandbox.gladly.report_rows import COLUMNS


async def test_a_report_has_its_columns_and_awkward_cells() -> None:
    async with sandboxed(size=500, clock=noon) as client:
        found = await whole_report(client)
        tasks = await whole_report(client, "TaskExportReport")
    assert tuple(found[0]) == COLUMNS["ConversationExportReport"]
    assert tuple(tasks[0]) == COLUMNS["TaskExportReport"]
    assert {row["Status"] for row in found} == {"OPEN", "CLOSED", "MERGED"}
    assert any("\n" in row["Assigned Agent Name - Current"] for row in found)
    assert any("," in row["Topics"] and "\n" in row["Topics with Hierarchy"] for row in found)
    assert any(not row["Assigned Agent ID - Current"] for row in found)
    assert [row["Created At"] for row in found] == sorted(row["Created At"] for row in found)


async def test_the_first_and_the_last_day_are_included() -> None:
    async with sandboxed(size=500, clock=noon, plain=True) as client:
        created = Counter(row["Created At"][:10] for row in await whole_report(client))
        day = next(day for day, count in created.items() if count > 1)
        assert len(rows(await client.report(day, day))) == created[day]
        before = (datetime.fromisoformat(day) - timedelta(days=1)).date().isoformat()
        assert len(rows(await client.report(before, day))) == created[before] + created[day]
        answer = await client.report("2024-03-01", "2024-03-07")
        assert "20240301-20240307" in answer.headers["Content-Disposition"]
        assert answer.headers["Content-Type"] == "text/csv"


async def test_without_a_time_zone_every_instant_is_shifted() -> None:
    """And a window is another one: it begins and ends at midnight in the organisation's zone."""
    async with sandboxed(clock=noon, plain=True) as client:
        there = {row["Conversation ID"]: row["Created At"] for row in rows(await client.report(EARLY, LATE))}
        shifted = rows(await client.report(EARLY, LATE, timezone=None))
    hours = {
        (datetime.fromisoformat(there[row["Conversation ID"]]) - datetime.fromisoformat(row["Created At"])).seconds
        for row in shifted
    }
    assert hours == {7 * 3600, 8 * 3600}


async def test_windows_without_rows_are_empty_to_the_last_byte() -> None:
    async with sandboxed(clock=noon) as client:
        answer = await client.report("2010-01-01", "2010-12-31")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"", "text/csv")


async def test_the_window_of_the_oldest_conversation_answers_an_error_text_first() -> None:
    async with sandboxed(clock=noon) as client:
        first, second = await client.report(EARLY, LATE), await client.report(EARLY, LATE)
        assert (first.status, first.text) == (200, "Unexpected error occurred")
        assert rows(second)
        assert (await client.own("/stats"))["repeated"] == 0
        assert (await client.report(EARLY, LATE)).body == second.body
        assert (await client.own("/stats"))["repeated"] == 1


async def test_byte_order_marks_and_blank_lines_stand_before_headers() -> None:
    async with sandboxed(clock=noon) as client:
        assert (await client.report("2026-02-01", LATE)).body.startswith(b"\xef\xbb\xbfCreated At")
        tasks = (await client.report("2026-02-01", LATE, "TaskExportReport")).text
        assert re.match(r"\s+Created At,Task ID", tasks)


async def test_windows_in_the_middle_are_odd_now_and_then() -> None:
    async with sandboxed(size=1_000, clock=noon) as client:
        bodies = [
            (await client.report(f"{year}-{month:02}-01", f"{year}-{month:02}-28")).body
            for year in (2022, 2023, 2024, 2025)
            for month in range(1, 13)
        ]
    kinds = Counter(body[:1] for body in bodies)
    assert kinds[b"C"] > kinds[b"U"] > 0
    assert kinds[b"\xef"] > 0
    assert kinds[b"\r"] > 0


async def test_rows_stop_in_silence() -> None:
    async with sandboxed(clock=noon, plain=True, knob={"report-rows": "50"}) as client:
        assert len(rows(await client.report(EARLY, LATE))) == 50


async def test_long_windows_can_be_refused_or_left_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.sandbox.gladly.reports.HANG", 0)
    knob = {"report-refuse-days": "31", "report-timeout-days": "7"}
    async with sandboxed(clock=noon, plain=True, knob=knob) as client:
        assert (await client.report("2025-01-01", "2025-02-01")).status == 400
        assert (await client.report("2025-01-01", "2025-01-31")).status == 504
        assert (await client.report("2025-01-01", "2025-01-07")).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"metricSet": "AgentSummaryV2"},
        {"metricSet": None},
        {"metricSet": ["ConversationExportReport"]},
        {"startAt": "2024-1-1"},
        {"startAt": "20240101"},
        {"startAt": "2024-02-30"},
        {"startAt": None},
        {"endAt": "2023-12-31"},
        {"endAt": 20240101},
        {"timezone": "Mars/Olympus"},
        {"timezone": 7},
        {"timezone": "../../etc/passwd"},
        {"startAtTime": "2024-01-01T00:00Z"},
        {"aggregationLevel": "daily"},
        {"filters": {"channel": "email"}},
        {"limit": 5},
    ],
)
async def test_reports_that_make_no_sense_are_400(change: dict[str, Any]) -> None:
    async with sandboxed() as client:
        answer = await client.report(**({"start": "2024-01-01", "end": "2024-01-02"} | change))
        assert answer.status == 400
        assert answer.json["errors"][0]["attr"] == next(iter(change))


async def test_report_bodies_must_be_json_and_say_so() -> None:
    body = {"metricSet": "TaskExportReport", "startAt": EARLY, "endAt": LATE}
    async with sandboxed() as client:
        for data, kind in ((json.dumps(body), "text/plain"), ("[]", "application/json"), ("{", "application/json")):
            answer = await client.ask("/reports", "POST", data=data, headers={"Content-Type": kind})
            assert answer.status == 400


async def test_reports_are_limited_to_ten_a_minute() -> None:
    now = NOON
    async with sandboxed(rate_scale=1, clock=lambda: now) as client:
        for _ in range(10):
            assert (await client.report("2010-01-01", "2010-01-02")).status == 200
            now += 1
        assert (await client.report("2010-01-01", "2010-01-02")).status == 429
        assert (await client.ask("/agents")).status == 200
        now = NOON + 60
        assert (await client.report("2010-01-01", "2010-01-02")).status == 200
        assert (await client.report("2010-01-01", "2010-01-02")).status == 429


async def test_reports_are_limited_to_two_in_flight() -> None:
    async with sandboxed(rate_scale=1, knob={"report-latency": "3600000"}, clock=noon) as client:
        waiting = [asyncio.create_task(client.report("2010-01-01", "2010-01-02")) for _ in range(2)]
        await client.until_in_flight(2)
        assert (await client.report("2010-01-01", "2010-01-02")).status == 429
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await client.until_in_flight(0)
