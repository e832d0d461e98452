"""No secret is left behind: every setting is a canary, and none is found in what a run writes, says or shows.

A vendor that quotes whatever it is sent stands between the run and the sandbox. It takes the canaries, hands requests
on with the sandbox's own credentials, and quotes them in its errors: in bodies, headers and redirects.
"""

from __future__ import annotations

import asyncio
import base64
import html
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

import aiohttp
import duckdb
import pytest
from aiohttp import web
from quoting import REFUSED
from runs import QUICK
from yarl import URL

from benchmarks.rig import DATASET, PIPELINE, Backfill, Sandbox, sandbox
from extractor import vendors
from extractor.account import ExitCode
from extractor.errors import DestinationError
from extractor.load import LoadProcess, Target
from extractor.redact import MASK

WRITTEN = frozenset(
    {"organization", "domain", "org_id", "forecast_ids", "ingest_job_ids", "widget_ids", "emails", "priority_order"}
)
"""Settings that a run writes down by design: whose account it is, and what lists are about."""

RECENTLY = datetime.now(UTC).date() - timedelta(days=20)

CHOSEN: dict[str, tuple[str, ...]] = {
    "gladly": ("--only", "organization,agents,teams,report_conversation_export,customer_profiles"),
    "gorgias": ("--only", "account,users,tags,customers,tickets"),
    "clari": ("--only", "limits,users,topics,ingest_job_status,audit_events"),
    "assembled": ("--only", "teams,sites,queues,skills,people"),
    "snapengage": ("--only", "logs,users,widgets,chat_availability", "--since", str(RECENTLY)),
}
"""Resources that need each of the vendor's credentials, and no more than a run of a second or two."""


# ── canaries ────────────────────────────────────────────────────────────────────────────────


def core(vendor: str, setting: str) -> str:
    """The part of a canary that URLs, JSON and HTML leave as it is."""
    return f"Zq7{vendor}{setting.replace('_', '')}Canary"


def canaries(vendor: str) -> dict[str, str]:
    """A value for each setting that no run may write down, with signs that are spelt in many ways."""
    names = [one.name for one in vendors.load(vendor).settings if one.name not in WRITTEN]
    return {name: core(vendor, name) + ("@x.example" if name == "username" else '/+"%&=<\\') for name in names}


def needles(cores: Sequence[str], values: Sequence[str]) -> list[bytes]:
    """What a canary looks like, in whatever it is wrapped."""
    found: set[str] = set()
    for value in (*cores, *values):
        once = quote(value, safe="")
        found |= {value, once, once.lower(), quote(once, safe=""), html.escape(value), repr(value)[1:-1]}
        found |= {json.dumps(value)[1:-1], value.encode().hex(), "".join(f"%{ord(sign):02X}" for sign in value)}
    for value in cores:
        for before in range(3):
            # The letters of base64 that nothing but the canary decides, wherever it begins.
            encoded = base64.b64encode(b"\0" * before + value.encode()).decode()
            found.add(encoded[-(-before * 8 // 6) : (before + len(value)) * 8 // 6])
    return [each.encode() for each in sorted(found)]


def hits(text: bytes, wanted: Sequence[bytes]) -> list[bytes]:
    return [needle for needle in wanted if needle in text]


def left_behind(folder: Path, wanted: Sequence[bytes]) -> dict[str, list[bytes]]:
    """Canaries in any file, or in any row of a database, whose own format may be compressed."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        if there := hits(path.read_bytes(), wanted):
            found[path.name] = there
        if path.suffix == ".duckdb" and (there := hits(rows(path), wanted)):
            found[f"rows of {path.name}"] = there
    return found


def rows(path: Path) -> bytes:
    with duckdb.connect(str(path), read_only=True) as database:
        names = database.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        tables = [database.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall() for schema, table in names]
    return "\n".join(str(value) for table in tables for row in table for value in row).encode(errors="replace")


@contextmanager
def process_list(wanted: Sequence[bytes]) -> Iterator[set[bytes]]:
    """Look into the command lines of all processes, again and again; yields what is found of the canaries."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.update(hits(path.read_bytes(), wanted))
                except OSError:
                    continue  # it has ended

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_the_search_finds_a_canary_however_it_is_written(tmp_path: Path) -> None:
    value = canaries("gladly")["password"]
    wanted = needles([core("gladly", "password")], [value])
    spellings = [value, quote(value), json.dumps({"a": value}), repr(value), html.escape(value)]
    spellings += [base64.b64encode(f"{'x' * shift}:{value}".encode()).decode() for shift in range(3)]
    for spelling in spellings:
        assert hits(f"before {spelling} after".encode(), wanted), spelling
    with duckdb.connect(str(tmp_path / "some.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT ? AS a FROM range(5000)", [value])
    assert "rows of some.duckdb" in left_behind(tmp_path, wanted)
    with process_list(wanted) as seen, subprocess.Popen([sys.executable, "-c", "input()", value], stdin=-1) as process:
        while not seen:
            time.sleep(0.01)
        process.communicate(b"\n")


@pytest.mark.parametrize("vendor", vendors.names())
def test_no_secret_is_among_the_settings_that_are_written_down(vendor: str) -> None:
    secret = {one.name for one in vendors.load(vendor).settings if one.secret}
    assert secret
    assert secret <= canaries(vendor).keys()


# ── a vendor that quotes ────────────────────────────────────────────────────────────────────


@dataclass
class Quoter:
    """Stands before a sandbox.

    Attributes:
        real: what the sandbox takes in place of the canaries.
        spoilt: number of the request, counted from one -> status to answer it with; 200 stands for garbage.
        requests: so many came.
        arrived: everything that came in their heads.
    """

    target: str
    real: Mapping[str, str]
    origin: str = ""
    spoilt: dict[int, int] = field(default_factory=dict)
    requests: int = 0
    arrived: set[str] = field(default_factory=set)

    def _exchanged(self, text: str) -> str:
        for canary, real in self.real.items():
            text = text.replace(canary, real)
        return text

    def _header(self, value: str) -> str:
        if value.startswith("Basic "):
            pair = base64.b64decode(value[6:]).decode()
            self.arrived.add(pair)
            return f"Basic {base64.b64encode(self._exchanged(pair).encode()).decode()}"
        return self._exchanged(value)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        heads = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        asked = unquote_plus(request.raw_path)
        self.arrived |= {asked, *heads.values()}
        headers = {name: self._header(value) for name, value in heads.items()}
        status = self.spoilt.get(self.requests)
        if status is not None:
            pairs = [base64.b64decode(v[6:]).decode() for v in heads.values() if v.startswith("Basic ")]
            said = f"You said {heads} and {pairs} to {request.raw_path}, which is {asked}"
            echo = {"X-Echo": ascii(said), "Location": f"{self.origin}x/?{said!a}"}
            return web.Response(status=status, text=json.dumps(said) + "}", headers=echo)
        path, _, query = request.raw_path.partition("?")
        params = "&".join(
            f"{quote(name)}={quote(self._exchanged(value), safe='')}"
            for name, value in parse_qsl(query, keep_blank_values=True)
        )
        url = URL(f"{self.target}{path}{'?' * bool(params)}{params}", encoded=True)
        body = await request.read()
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as reply,
        ):
            changed = {"transfer-encoding", "content-length", "content-encoding"}
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in changed}
            content = (await reply.read()).replace(self.target.encode(), self.origin.encode())
            return web.Response(status=reply.status, headers=kept, body=content)


@contextmanager
def quoter(played: Sandbox, real: Mapping[str, str]) -> Iterator[Quoter]:
    """A quoter in a thread of its own."""
    one = Quoter(target=str(URL(played.base_url).origin()), real=real)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(one.answer), shutdown_timeout=0.001)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stopping.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield one
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


# ── runs ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Case:
    """A vendor's sandbox with a quoter before it, in a folder in which all that the runs write is."""

    vendor: str
    folder: Path
    quoter: Quoter
    against: Sandbox
    needles: list[bytes]

    def start(self, *arguments: str) -> Backfill:
        self.quoter.requests = 0
        chosen = (*CHOSEN[self.vendor], "--progress", "plain", "--commit-every", "300ms")
        return Backfill(folder=self.folder / "work", against=self.against, arguments=(*chosen, *arguments)).start()

    def run(self, *arguments: str) -> int:
        run = self.start(*arguments)
        return run.process.wait(60)

    def command(self, *words: str) -> None:
        work = self.folder / "work"
        with (work / "stdout.txt").open("a") as out, (work / "stderr.txt").open("a") as err:
            subprocess.run(
                [sys.executable, "-m", "extractor", *words],
                cwd=work,
                env=os.environ | self.against.environment,
                stdout=out,
                stderr=err,
                check=True,
            )

    @property
    def said(self) -> str:
        work = self.folder / "work"
        return (work / "stdout.txt").read_text() + (work / "stderr.txt").read_text()


@contextmanager
def case(vendor: str, folder: Path, *, without: frozenset[str] = frozenset()) -> Iterator[Case]:
    """Settings in `without` are not told, so that others are used."""
    given = {name: value for name, value in canaries(vendor).items() if name not in without}
    with sandbox(vendor, *SANDBOX[vendor], "--size", "6") as played:
        real = {value: str(played.settings.get(name, OTHERWISE.get(name, ""))) for name, value in given.items()}
        if "access_token" in given:
            pair = f"{played.settings['username']}:{played.settings['api_key']}"
            real = {f"Bearer {given['access_token']}": f"Basic {base64.b64encode(pair.encode()).decode()}"} | real
        with quoter(played, real) as one:
            settings: dict[str, Any] = json.loads(json.dumps(dict(played.settings)).replace(one.target, one.origin))
            told = Sandbox(
                vendor=vendor,
                base_url=played.base_url.replace(one.target, one.origin),
                settings={name: value for name, value in settings.items() if name not in without} | given,
                process=played.process,
            )
            cores = [core(vendor, name) for name in given]
            yield Case(vendor, folder, one, told, needles(cores, list(given.values())))


SANDBOX = {name: QUICK if name == "gladly" else ("--rate-scale", "1000", "--latency", "1") for name in vendors.names()}
OTHERWISE = {"api_version": "2019-06-20"}
"""What the vendors take for settings of which their sandboxes say nothing."""


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("EXTRACTOR_TRACEBACK", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


KILLED = ("gladly", "snapengage")
"""Vendors with credentials in headers, and with some in the query."""

USED = {
    "gladly": {"username", "password"},
    "gorgias": {"username", "api_key"},
    "clari": {"apikey", "partnerkey", "x_api_key", "x_api_password"},
    "assembled": {"api_key", "api_version"},
    "snapengage": {"api_key", "x_api_key", "provisioning_api_key"},
}


@pytest.mark.parametrize("vendor", sorted(USED))
def test_runs_that_fail_and_go_on_leave_no_secret_behind(vendor: str, tmp_path: Path) -> None:
    """One that is killed, one among errors whose credentials are refused half way, one that completes."""
    without = frozenset({"access_token"}) & canaries(vendor).keys()
    with case(vendor, tmp_path, without=without) as one, process_list(one.needles) as shown:
        if vendor in KILLED:
            one.quoter.spoilt = dict.fromkeys(range(2, 40), 500)
            run = one.start()
            while run.process.poll() is None and one.quoter.requests < 5:
                time.sleep(0.005)
            run.kill()
        one.quoter.spoilt = {2: 500, 3: 200, 4: 302, 5: 503, 7: 401}
        assert one.run() in (ExitCode.FAILED, ExitCode.USAGE), one.said
        one.quoter.spoilt = {}
        assert one.run("--keep-raw") in (ExitCode.COMPLETE, ExitCode.PARTIAL), one.said
        if vendor in KILLED:
            one.command("status", vendor, "--pipeline-name", PIPELINE, "--dataset", DATASET)
            one.command("resources", vendor)
    arrived = "\n".join(one.quoter.arrived)
    assert {name for name in canaries(vendor) if core(vendor, name) in arrived} == USED[vendor]
    assert list((tmp_path / "work" / ".extractor" / PIPELINE / "raw").iterdir())
    assert left_behind(tmp_path, one.needles) == {}
    assert shown == set()


def test_a_token_that_is_refused_at_once_is_not_shown(tmp_path: Path) -> None:
    without = frozenset({"username", "api_key"})
    with case("gorgias", tmp_path, without=without) as one, process_list(one.needles) as shown:
        one.quoter.spoilt = {1: 401}
        assert one.run() == ExitCode.USAGE, one.said
    assert any(core("gorgias", "access_token") in each for each in one.quoter.arrived)
    assert left_behind(tmp_path, one.needles) == {}
    assert shown == set()


# ── destinations that quote ─────────────────────────────────────────────────────────────────

SECRET = 'Zq7destinationCanary/+"%<'


def test_a_destination_that_quotes_credentials_in_its_errors_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the incident of the record that it refuses, nor in the load's log, nor on the screen."""
    statement = f"SET VARIABLE answer = '{SECRET}'"
    monkeypatch.setenv("DESTINATION__QUOTING__CREDENTIALS__STATEMENTS", json.dumps([statement]))
    password = canaries("gladly")["password"]
    wanted = needles(["Zq7destinationCanary", core("gladly", "password")], [SECRET, password])
    with case("gladly", tmp_path) as one, process_list(wanted) as shown:
        run = Backfill(
            folder=tmp_path / "work",
            against=one.against,
            arguments=("--only", f"agents,{REFUSED}", "--progress", "json", "--destination", "quoting.quoting"),
        ).start()
        assert run.process.wait(60) == ExitCode.PARTIAL, one.said
    assert left_behind(tmp_path, wanted) == {}
    assert shown == set()
    log = (tmp_path / "work" / ".extractor" / PIPELINE / "load" / "log").read_text()
    assert MASK in one.said
    (database,) = (tmp_path / "work").glob("*.duckdb")
    with duckdb.connect(str(database), read_only=True) as connection:
        query = f"SELECT detail FROM {DATASET}._extractor_incidents WHERE endpoint = '{REFUSED}'"
        details = connection.execute(query).fetchall()
    assert details, log
    assert all(MASK in detail for (detail,) in details)


async def test_a_destination_that_cant_be_opened_does_not_quote_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB quotes the line of a statement that it can't read, and cuts it off in the middle of the secret."""
    statement = f"CREATE SECRT s3 (TYPE s3, KEY_ID 'somebody', SECRET '{SECRET}')"
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__STATEMENTS", json.dumps([statement]))
    loads = LoadProcess(tmp_path, Target(pipeline=PIPELINE, dataset=DATASET, schema="s"), [], patience=0.1)
    try:
        with pytest.raises(DestinationError, match=f"syntax error .*{re.escape(MASK)}") as caught:
            await loads.open()
    finally:
        await loads.stop()
    for beginning in (SECRET, SECRET[:4]):
        assert beginning not in str(caught.value)
        assert left_behind(tmp_path, [beginning.encode()]) == {}
