"""Gladly as the sandbox plays it: reports, and how they mislead."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sandboxed import EARLY, LATE, NOON, Client, keys_of, noon, rows, sandboxed, whole_report

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


# ── further reports ─────────────────────────────────────────────────────────────────────────


async def test_events_of_conversations_stand_in_the_days_on_which_they_happened() -> None:
    metric_set = "ConversationTimestampsReport"
    async with sandboxed(size=72, clock=noon, plain=True) as client:
        whole = await whole_report(client, metric_set)
        truth = (await client.own("/truth?table=report_conversation_timestamps"))["tables"]
        day = "2026-02-20"
        on_it = rows(await client.report(day, day, metric_set))
    assert tuple(whole[0]) == COLUMNS[metric_set]
    assert {row["Event Type"] for row in whole} == {"CONVERSATION/CREATED", "CONVERSATION/CLOSED"}
    blank_as_null = [{name: cell or None for name, cell in row.items()} for row in whole]
    assert sorted(blank_as_null, key=str) == sorted(truth["report_conversation_timestamps"], key=str)
    expected = [row for row in whole if row["Timestamp"].startswith(day)]
    assert sorted(on_it, key=str) == sorted(expected, key=str)
    assert on_it


async def test_contacts_have_an_id_each() -> None:
    async with sandboxed(size=72, clock=noon) as client:
        found = await whole_report(client, "ContactExportReportV3")
        keys = [row["Contact ID"] for row in found]
        assert set(keys) == await keys_of(client, "report_contact_export")
        assert len(set(keys)) == len(keys)
    assert tuple(found[0]) == COLUMNS["ContactExportReportV3"]


async def sessions(client: Client, start: str, end: str) -> list[dict[str, str]]:
    body = {"startAtTime": start, "endAtTime": end}
    answer = await client.ask("/reports/work-session-events", "POST", json=body)
    assert answer.status == 200
    return rows(answer)


async def test_a_work_session_stands_in_the_minute_in_which_it_ended_and_the_last_minute_is_included() -> None:
    async with sandboxed(size=72, clock=noon) as client:
        whole = await sessions(client, "2015-01-01T00:00Z", "2026-03-01T23:59+00:00")
        truth = (await client.own("/truth?table=report_work_session_events"))["tables"]["report_work_session_events"]
        ended = next(row for row in whole if row["contact_session_ended_at"])
        minute = ended["contact_session_ended_at"][:16] + "Z"
        assert ended in await sessions(client, minute, minute)
        going_on = next(row for row in whole if not row["contact_session_ended_at"])
        minute = going_on["contact_session_created_at"][:16] + "Z"
        assert going_on in await sessions(client, minute, minute)
    found = sorted([row["contact_session_id"], row["agent_id"]] for row in whole)
    assert found == sorted(truth)
    assert {bool(row["id"]) for row in whole} == {True, False}, "blank until the session ended"
    assert any(not row["agent_id"] for row in whole), "nobody has accepted yet"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"startAtTime": "2024-03-01", "endAtTime": "2024-03-02"},
        {"startAtTime": "2024-03-01T00:00", "endAtTime": "2024-03-02T00:00"},
        {"startAtTime": "2024-03-02T00:00Z", "endAtTime": "2024-03-01T00:00Z"},
        {"startAtTime": "2024-02-30T00:00Z", "endAtTime": "2024-03-01T00:00Z"},
        {"startAtTime": "2024-03-01T00:00Z", "endAtTime": 5},
        {"startAtTime": "2024-03-01T00:00Z", "endAtTime": "2024-03-02T00:00Z", "timezone": "UTC"},
    ],
)
async def test_work_sessions_that_make_no_sense_are_400(body: dict[str, Any]) -> None:
    async with sandboxed() as client:
        assert (await client.ask("/reports/work-session-events", "POST", json=body)).status == 400


async def test_all_reports_share_a_budget() -> None:
    async with sandboxed(rate_scale=1, clock=noon) as client:
        for _ in range(5):
            await sessions(client, "2010-01-01T00:00Z", "2010-01-01T00:01Z")
            assert (await client.report("2010-01-01", "2010-01-02")).status == 200
        assert (await client.report("2010-01-01", "2010-01-02")).status == 429
