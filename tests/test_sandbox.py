"""The server: counting, judging, faults, statistics, and the program round it."""

from __future__ import annotations

import ast
import asyncio
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import aiohttp
import orjson
import pytest
from sandboxed import Answer, Client, sandboxed

from extractor import sandbox
from extractor.sandbox.__main__ import main
from extractor.sandbox.faults import FAULTS
from extractor.sandbox.options import Options
from extractor.sandbox.replies import Reply
from extractor.sandbox.sending import STRAY
from extractor.sandbox.spoiling import spoiled

FOLDER = Path(sandbox.__file__).parent
ROOT = FOLDER.parent.parent
START = 1_772_366_400.25


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module or ""


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_it_imports_nothing_else_of_the_package(file: Path) -> None:
    """What it shared with the client would be wrong in both, and no test would see it."""
    own = [name for name in imported(file) if name.split(".")[0] == "extractor"]
    assert all(name.startswith("extractor.sandbox") for name in own)


# ── credentials, paths, methods ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "auth",
    [
        None,
        "Bearer token",
        "Basic",
        "Basic ???",
        aiohttp.encode_basic_auth("agent@sandbox.example", "wrong"),
        aiohttp.encode_basic_auth("agent@sandbox.example", ""),
    ],
)
async def test_wrong_credentials_are_401_and_counted(auth: str | None) -> None:
    async with sandboxed() as client:
        answer = await client.ask("/agents", auth=auth)
        assert answer.status == 401
        assert answer.headers["Ratelimit-Limit-Second"] == "100000"
        assert (await client.own("/stats"))["seconds"][0][2] == 1


async def test_the_user_is_checked_and_not_only_the_token() -> None:
    async with sandboxed() as client:
        token = client.password
        assert (await client.ask("/agents", auth=aiohttp.encode_basic_auth("other@example.org", token))).status == 401
        auth = aiohttp.encode_basic_auth("agent@sandbox.example", token)
        assert (await client.ask("/agents", auth=auth)).status == 200


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/customers", "GET", 404),
        ("/conversations", "GET", 404),
        ("/tasks", "GET", 404),
        ("/conversation-items", "GET", 404),
        ("/agents/", "GET", 404),
        ("//agents", "GET", 404),
        ("/agents", "POST", 405),
        ("/agents", "HEAD", 405),
        ("/reports", "GET", 405),
        ("/export/jobs/x", "DELETE", 405),
        ("/agents?page=2", "GET", 400),
        ("/events?limit=10&entities=TASK", "GET", 400),
    ],
)
async def test_what_the_vendor_does_not_have_is_refused(path: str, method: str, status: int) -> None:
    async with sandboxed() as client:
        assert (await client.ask(path, method)).status == status


# ── limits ──────────────────────────────────────────────────────────────────────────────────


async def test_ten_in_a_second_of_the_wall_clock_over_all_paths() -> None:
    now = START
    async with sandboxed(rate_scale=1, clock=lambda: now) as client:
        paths = ["/agents", "/nowhere", "/topics", "/agents?x=1", "/teams"] * 2
        remaining = [(await client.ask(path)).headers["Ratelimit-Remaining-Second"] for path in paths]
        assert remaining == [str(n) for n in range(9, -1, -1)]
        refused = await client.ask("/agents")
        assert refused.status == 429
        assert refused.json == {"message": "API rate limit exceeded"}
        assert refused.headers["Ratelimit-Limit-Second"] == "10"
        assert refused.headers["Ratelimit-Remaining-Second"] == "0"
        assert "Retry-After" not in refused.headers
        now += 0.75
        assert (await client.ask("/agents")).status == 200


async def test_a_bucket_refills_little_by_little() -> None:
    now = START
    async with sandboxed(rate_scale=1, window="bucket", clock=lambda: now) as client:
        for _ in range(10):
            assert (await client.ask("/agents")).status == 200
        now += 0.75  # another second of the wall clock, but only seven have leaked
        assert [(await client.ask("/agents")).status for _ in range(8)] == [200] * 7 + [429]


async def test_headers_are_left_out_and_retry_after_is_sent_if_asked_for() -> None:
    async with sandboxed(rate_scale=0.1, no_rate_headers=True, retry_after=True, clock=lambda: START) as client:
        first, second = await client.ask("/agents"), await client.ask("/agents")
    assert (first.status, second.status) == (200, 429)
    assert second.headers["Retry-After"] == "1"
    assert not [name for name in (*first.headers, *second.headers) if name.lower().startswith("ratelimit")]


async def test_the_limit_changes_while_it_runs() -> None:
    now = START
    async with sandboxed(rate_scale=1, rate_change=((2.0, 0.5),), clock=lambda: now) as client:
        assert (await client.ask("/agents")).headers["Ratelimit-Limit-Second"] == "10"
        now += 2
        assert (await client.ask("/agents")).headers["Ratelimit-Limit-Second"] == "5"
        assert await client.own("/limit?scale=4", "POST") == {"scale": 4.0}
        assert (await client.ask("/agents")).headers["Ratelimit-Limit-Second"] == "20"
        assert await client.own("/limit?scale=nought", "POST") == {"scale": 4.0}


async def test_requests_are_counted_when_they_arrive_and_not_when_they_are_answered() -> None:
    """With a latency far longer than the test, the eleventh request is still refused at once."""
    async with sandboxed(rate_scale=1, latency=3_600_000, clock=lambda: START) as client:
        waiting = [asyncio.create_task(client.ask("/agents")) for _ in range(10)]
        await client.until_in_flight(10)
        assert (await client.ask("/agents")).status == 429
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await client.until_in_flight(0)
        counts = await client.own("/stats")
    assert counts["max_in_flight"] == 11
    assert counts["by_status"] == {"429": 1, "499": 10}


async def test_the_neighbour_uses_the_budget_up() -> None:
    now = START
    async with sandboxed(rate_scale=1, neighbour=0.5, clock=lambda: now) as client:
        allowed = 0
        for _ in range(200):
            now += 0.05
            allowed += (await client.ask("/agents")).status == 200
        counts = await client.own("/stats")
    assert sum(second[3] for second in counts["seconds"]) >= 10
    assert allowed == sum(second[2] for second in counts["seconds"])
    assert all(second[2] + second[3] <= 10 for second in counts["seconds"])
    assert counts["share_used"] == 1.0


# ── statistics ──────────────────────────────────────────────────────────────────────────────


async def test_statistics_say_what_was_asked_and_what_was_asked_twice() -> None:
    now = START
    async with sandboxed(clock=lambda: now) as client:
        await client.ask("/agents")
        await client.ask("/agents")
        now += 3
        await client.ask("/agents", auth=None)
        await client.ask("/customer-profiles?email=a%40b.example")
        await client.ask("/customer-profiles?email=b%40b.example")
        await client.ask("/nowhere")
        await client.report("2024-01-01", "2024-01-02")
        await client.report("2024-01-03", "2024-01-04")
        counts = await client.own("/stats")
        assert counts["by_endpoint"] == {"agents": 3, "find_customers": 2, "(none)": 1, "reports": 2}
        assert counts["requests"] == 8
        assert counts["by_status"]["401"] == 1
        assert counts["repeated"] == 2, "the second and third request for agents"
        assert (counts["first_request"], counts["last_request"]) == (START, START + 3)
        assert [second[2] for second in counts["seconds"]] == [2, 0, 0, 6]
        assert counts["share_used"] == 0.0
        assert await client.own("/reset-stats", "POST") == {}
        counts = await client.own("/stats")
        assert (counts["requests"], counts["seconds"], counts["first_request"]) == (0, [], None)


async def test_a_request_that_failed_may_be_repeated() -> None:
    async with sandboxed(fault={"500": 1.0}) as client:
        for _ in range(3):
            assert (await client.ask("/agents")).status == 500
        counts = await client.own("/stats")
    assert counts["repeated"] == 0
    assert counts["faults"] == {"500": 3}


async def test_unknown_paths_of_its_own_and_beside_the_api_are_404() -> None:
    async with sandboxed() as client:
        assert "paths" in await client.own("/else")
        async with client.session.get(client.root + "/elsewhere") as answer:
            assert answer.status == 404
        assert (await client.own("/stats"))["requests"] == 0


# ── faults ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("500", 500, b"Internal Server Error"),
        ("502", 502, b"<html>"),
        ("408", 408, b"Request Timeout"),
        ("425", 425, b"Too Early"),
        ("401", 401, b"Unauthorized"),
        ("302", 302, b""),
        ("206", 206, b"["),
        ("503", 503, b""),
        ("503-date", 503, b""),
        ("429", 429, b"API rate limit exceeded"),
        ("garbage", 200, b"nope"),
        ("html", 200, b"<!doctype html>"),
        ("empty", 200, b""),
    ],
)
async def test_faults_that_answer(fault: str, status: int, body: bytes) -> None:
    async with sandboxed(fault={fault: 1.0}) as client:
        answer = await client.ask("/agents")
    assert answer.status == status
    assert body in answer.body
    if fault == "302":
        assert not answer.headers["Location"].startswith(client.root)
    if fault == "503":
        assert answer.headers["Retry-After"] == "1"
    if fault == "503-date":
        assert answer.headers["Retry-After"].endswith("GMT")
    if fault == "429":
        assert answer.headers["Ratelimit-Remaining-Second"] != "0", "it comes although the budget is not used up"
    if status == 200:
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(answer.body)


@pytest.mark.parametrize("fault", ["drop", "reset", "short", "bad-gzip"])
@pytest.mark.parametrize("path", ["/agents", "/export/jobs"])
async def test_faults_that_break_the_transfer_off(fault: str, path: str) -> None:
    async with sandboxed(fault={fault: 1.0}) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.ask(path)
        await client.until_in_flight(0)


async def test_a_slow_answer_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.sandbox.sending.SLOW_PAUSE", 0)
    async with sandboxed(size=300, plain=True) as client, sandboxed(size=300, plain=True, fault={"slow": 1.0}) as slow:
        assert (await client.ask("/agents")).json == (await slow.ask("/agents")).json
        quick = await client.report("2015-01-01", "2035-01-01")
        assert quick.body == (await slow.report("2015-01-01", "2035-01-01")).body


async def test_bodies_of_reports_and_files_are_not_exchanged() -> None:
    """An empty report is what "no rows" looks like: no client could tell that fault from the truth."""
    async with sandboxed(fault={"empty": 1.0}, plain=True) as client:
        assert (await client.report("2015-01-01", "2035-01-01")).body.startswith(b"Created At")


async def test_behind_a_long_answer_comes_another_in_the_same_breath() -> None:
    async with sandboxed(fault={"long": 1.0}) as client:
        meant = (await client.ask("/agents")).body
        assert json.loads(meant)
        reader, writer = await asyncio.open_connection(*client.root.removeprefix("http://").split(":"))
        head = f"GET /api/v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: {client.authorization}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        said = await reader.read()
        writer.close()
    assert said.endswith(meant + STRAY)


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("deep", None),
        ("duplicate-keys", 2),
        ("bigint", 123456789012345678901234567890),
        ("surrogate", "\ud83d"),
        ("nul", "a\0b"),
    ],
)
async def test_a_field_is_added_to_one_record_and_nothing_else_changes(fault: str, value: object) -> None:
    async with sandboxed() as client, sandboxed(fault={fault: 1.0}) as faulty:
        meant = (await client.ask("/agents")).json
        body = (await faulty.ask("/agents")).body
    if fault == "deep":
        assert body.count(b"[") == body.count(b"]") > 5000
        body, value = re.sub(rb"(?<=:)\[{4000,}\]+", b"null", body), None
    first, *others = json.loads(body)
    assert first.pop(f"fault_{fault}") == value
    assert [first, *others] == meant


async def test_nan_is_no_number_and_no_null() -> None:
    async with sandboxed(fault={"nan": 1.0}) as client:
        body = (await client.ask("/agents")).body
    assert math.isnan(json.loads(body)[0]["fault_nan"])


async def test_a_huge_answer_is_the_same_answer() -> None:
    async with sandboxed() as client, sandboxed(fault={"huge": 1.0}) as faulty:
        answer = await faulty.ask("/agents")
        assert answer.json == (await client.ask("/agents")).json
    assert len(answer.body) > 10_000_000


def test_a_bomb_is_small_on_the_wire_and_has_no_end() -> None:
    reply = spoiled("bomb", Reply(body=b"[]"))
    assert reply.headers["Content-Encoding"] == "gzip"
    inflated = zlib.decompressobj(31).decompress(reply.body[:100_000])
    assert len(reply.body) * len(inflated) // 100_000 > 2_000_000_000
    assert len(reply.body) < 3_000_000


def test_a_fault_that_finds_nothing_to_spoil_is_not_counted_as_one() -> None:
    file = Reply(body=b"a,b", content_type="text/csv")
    empty = Reply(body=b"[]")
    assert spoiled("garbage", file) is file
    assert spoiled("nan", empty) is empty


async def test_an_outage_lets_nothing_through_and_takes_nothing_from_the_budget() -> None:
    now = START
    async with sandboxed(clock=lambda: now, fault={"outage": (10, 60)}) as client:
        for seconds, there in ((0, True), (9.9, True), (10, False), (69.9, False), (70, True)):
            now = START + seconds
            if there:
                assert (await client.ask("/agents")).status == 200
            else:
                with pytest.raises(aiohttp.ClientError):
                    await client.ask("/agents")
        counts = await client.own("/stats")
    # aiohttp asks once more by itself when a kept connection breaks.
    assert counts["faults"]["outage"] >= 2
    assert counts["requests"] == 3 + counts["faults"]["outage"]
    assert sum(second[2] for second in counts["seconds"]) == 3


async def test_a_storm_is_429_for_so_long() -> None:
    now = START
    async with sandboxed(clock=lambda: now, fault={"storm": (0, 5)}) as client:
        statuses = []
        for _ in range(7):
            statuses.append((await client.ask("/agents")).status)
            now += 1
    assert statuses == [429] * 5 + [200] * 2


async def test_credentials_end_with_a_request() -> None:
    async with sandboxed(fault={"401-from": 3}) as client:
        assert [(await client.ask("/agents")).status for _ in range(4)] == [200, 200, 401, 401]


async def test_some_paths_with_an_id_fail_always() -> None:
    async with sandboxed(fault={"stuck": 0.5}) as client:
        ids = [each["id"] for each in (await client.ask("/agents")).json + (await client.ask("/topics")).json]
        first = [(await client.ask(f"/agents/{key}")).status for key in ids]
        again = [(await client.ask(f"/agents/{key}")).status for key in ids]
    assert first == again
    assert 0 < first.count(500) < len(first)


async def test_faults_depend_on_seed_and_number_of_the_request_alone() -> None:
    async def statuses(seed: int) -> list[int]:
        async with sandboxed(seed=seed, fault={"500": 0.2, "502": 0.2, "503": 0.1}) as client:
            return [(await client.ask("/agents")).status for _ in range(100)]

    first, again, other = await statuses(1), await statuses(1), await statuses(2)
    assert first == again != other
    assert 10 <= first.count(500) <= 30
    assert 35 <= 100 - first.count(200) <= 65


# ── the program ─────────────────────────────────────────────────────────────────────────────


def program(*arguments: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "extractor.sandbox", "gladly", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_says_where_it_listens_and_ends_at_once(number: signal.Signals) -> None:
    """Also while it is answering, with connections open."""
    process = program("--latency", "3600000")
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["vendor"] == "gladly"
        assert told["settings"].keys() == {"organization", "username", "password"}
        async with aiohttp.ClientSession() as session:
            client = Client(session, told)
            waiting: asyncio.Task[Answer] = asyncio.create_task(client.ask("/agents"))
            await client.until_in_flight(1)
            process.send_signal(number)
            with pytest.raises(aiohttp.ClientError):
                await waiting
        assert await asyncio.to_thread(process.wait) == 0
        assert process.stdout.read() == b""
    finally:
        process.kill()
        process.communicate()


PARENT = """
import subprocess, sys
command = [sys.executable, "-m", "extractor.sandbox", "gladly", "--die-with-parent"]
child = subprocess.Popen(command, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_it_does_not_outlive_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
    finally:
        parent.kill()
        parent.communicate()
    while running(child):
        time.sleep(0.01)


def running(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "0"],
        ["--fault", "501=0.1"],
        ["--fault", "500"],
        ["--fault", "500=much"],
        ["--fault", "500=1:2"],
        ["--fault", "outage=10"],
        ["--fault", "outage=10:"],
        ["--fault", "storm=-1:5"],
        ["--fault", "401-from=0.5"],
        ["--rate-change", "5"],
        ["--until", "yesterday"],
        ["--neighbour", "1.5"],
        ["--colour", "red"],
        ["--knob", "report-rows"],
    ],
)
def test_a_mistake_in_the_call_is_told_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["gladly", *arguments])
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert not out
    assert "error:" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("knob", "why"), [("colour=red", "report-rows"), ("report-rows=0", "1 or more")])
def test_a_knob_that_the_vendor_does_not_have_is_told_in_a_line(knob: str, why: str) -> None:
    """Only the vendor knows its knobs, so this is told by the program that has already begun to listen."""
    process = program("--knob", knob, stderr=subprocess.PIPE)
    out, err = process.communicate()
    assert process.returncode == 2
    assert not out
    assert err.count(b"\n") == 1
    assert b"error:" in err
    assert why.encode() in err


def test_only_the_vendor_that_is_played_is_imported() -> None:
    code = (
        "import sys\n"
        "from extractor.sandbox.__main__ import VENDORS, main\n"
        "main(['gladly', '--knob', 'colour=red'])\n"
        "print([name for name in VENDORS if f'extractor.sandbox.{name}' in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert process.stdout == "['gladly']\n"


async def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with sandboxed() as client:
        port = client.root.rpartition(":")[2]
        assert await asyncio.to_thread(taken, port) == 2
    assert "port" in capsys.readouterr().err


def taken(port: str) -> int:
    process = subprocess.run(
        [sys.executable, "-m", "extractor.sandbox", "gladly", "--port", port],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    sys.stderr.write(process.stderr)
    assert "Traceback" not in process.stderr
    return process.returncode


def test_every_option_has_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for each in fields(Options):
        assert f"--{each.name.replace('_', '-')}" in text
    assert all(kind in text for kind in FAULTS)
