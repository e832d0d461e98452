"""No secret is left behind: every setting is a canary, and none is found in what a run writes, says or shows.

A vendor that quotes whatever it is sent stands between the run and the sandbox. It takes the canaries, hands requests
on with the sandbox's own credentials, and quotes them in its errors: in bodies, headers and redirects.
"""

from __future__ import annotations

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
from concurrent.futures import Future, ThreadPoolExecutor
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
from serving import served
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
    "gladly": ("--only", "agents,teams,report_conversation_export,customer_profiles", "--mask", "agents:name=hash"),
    "gorgias": ("--only", "account,users,tags,customers", "--mask", "users:name=hash"),
    "clari": ("--only", "limits,users,ingest_job_status,audit_events", "--mask", "users:name=hash"),
    "assembled": ("--only", "teams,sites,people", "--mask", "people:first_name=hash"),
    "snapengage": ("--only", "logs,users,chat_availability", "--since", str(RECENTLY), "--mask", "users:name=hash"),
}
"""Resources that need each of the vendor's credentials and the key of hashes, for a run of a second or two."""


# ── canaries ────────────────────────────────────────────────────────────────────────────────


def core(vendor: str, setting: str) -> str:
    """The part of a canary that URLs, JSON and HTML leave as it is."""
    return f"Zq7{vendor}{setting.replace('_', '')}Canary"


def canaries(vendor: str) -> dict[str, str]:
    """A value for each setting that no run may write down, with signs that are spelt in many ways."""
    names = [one.name for one in vendors.load(vendor).settings if one.name not in WRITTEN]
    signs = {"username": "@x.example", "mask_key": '/+"%&=<\\, long enough'}
    return {name: core(vendor, name) + signs.get(name, '/+"%&=<\\') for name in (*names, "mask_key")}


def needles(cores: Sequence[str], values: Sequence[str]) -> list[bytes]:
    """What a canary looks like, in whatever it is wrapped."""
    found: set[str] = set()
    wide: set[bytes] = set()
    for value in (*cores, *values):
        once = quote(value, safe="")
        found |= {value, once, once.lower(), quote(once, safe=""), html.escape(value), repr(value)[1:-1]}
        found |= {json.dumps(value)[1:-1], value.encode().hex(), "".join(f"%{ord(sign):02X}" for sign in value)}
        found |= {value.encode().hex().upper(), "".join(f"\\u{ord(sign):04x}" for sign in value), value[::-1]}
        wide |= {value.encode("utf-16-le"), value.encode("utf-16-be")}
    for value in cores:
        for before in range(3):
            # The letters of base64 that nothing but the canary decides, wherever it begins.
            encoded = base64.b64encode(b"\0" * before + value.encode()).decode()
            found.add(encoded[-(-before * 8 // 6) : (before + len(value)) * 8 // 6])
    return [*(each.encode() for each in sorted(found)), *sorted(wide)]


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


@dataclass
class Shown:
    """What processes show of canaries.

    Attributes:
        seen: in command lines, and in the environment of load processes.
        loads: of so many such environments one could look into.
    """

    seen: set[bytes] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)


@contextmanager
def process_list(wanted: Sequence[bytes], not_given: Sequence[bytes]) -> Iterator[Shown]:
    """Look into the process list, again and again.

    Args:
        wanted: what no command line may hold.
        not_given: what load processes may not even have in their environment.
    """
    shown = Shown()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                    shown.seen.update(hits(words, wanted))
                    if b"\0extractor.load\0" in words and (around := path.with_name("environ").read_bytes()):
                        shown.seen.update(hits(around, not_given))
                        shown.loads.add(path.parent.name)
                except OSError:
                    continue  # it has ended

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield shown
    finally:
        over.set()
        thread.join()


def test_the_search_finds_a_canary_however_it_is_written(tmp_path: Path) -> None:
    value = canaries("gladly")["password"]
    wanted = needles([core("gladly", "password")], [value])
    spellings = [value, quote(value), json.dumps({"a": value}), repr(value), html.escape(value)]
    spellings += [base64.b64encode(f"{'x' * shift}:{value}".encode()).decode() for shift in range(3)]
    spellings += [value.encode().hex(), value.encode().hex().upper(), value[::-1]]
    for spelling in spellings:
        assert hits(f"before {spelling} after".encode(), wanted), spelling
    assert hits(f"before {value} after".encode("utf-16"), wanted)
    with duckdb.connect(str(tmp_path / "some.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT ? AS a FROM range(5000)", [value])
    assert "rows of some.duckdb" in left_behind(tmp_path, wanted)
    alike = [sys.executable, "-c", "input()", "extractor.load", "behind"]
    for command, around in (([*alike, value], {}), (alike, {"SECRET": value})):
        environment = os.environ | around
        with process_list(wanted, wanted) as shown, subprocess.Popen(command, stdin=-1, env=environment) as process:
            while not shown.seen:
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
            said = f"\x1b[2J\x9bYou said {heads} and {pairs} to {request.raw_path}, which is {asked}"
            echo = {"X-Echo": ascii(said), "Location": f"{self.origin}x/?{said!a}"}
            return web.Response(status=status, text=said, headers=echo)
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
    """A quoter before the sandbox."""
    one = Quoter(target=str(URL(played.base_url).origin()), real=real)
    with served(one.answer) as origin:
        one.origin = origin
        yield one


# ── runs ────────────────────────────────────────────────────────────────────────────────────

LOGGING = """
import logging

logging.basicConfig(level=logging.DEBUG)
logging.debug("every logger tells all it knows")
"""
"""Python runs this at the start of each process."""

CRASHING = """
import base64, os, sys
from extractor.cli.app import main
from extractor.transport import http

def crash(*_):
    told = "".join(value for name, value in os.environ.items() if name.startswith("SOURCES__"))
    raise RuntimeError(f"\\x1b[31m{dict(os.environ)} Basic {base64.b64encode(told.encode())}")

http.build_url = crash
sys.exit(main())
"""
"""A fault of the product's own, whose error quotes all settings."""


@dataclass(frozen=True, kw_only=True)
class Surrounded(Sandbox):
    """A sandbox whose runs have more in their environment."""

    more: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.more


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

    def python(self, *words: str) -> int:
        work = self.folder / "work"
        environment = os.environ | self.against.environment
        with (work / "stdout.txt").open("a") as out, (work / "stderr.txt").open("a") as err:
            return subprocess.call([sys.executable, *words], cwd=work, env=environment, stdout=out, stderr=err)

    @property
    def said(self) -> str:
        work = self.folder / "work"
        return (work / "stdout.txt").read_text() + (work / "stderr.txt").read_text()


@contextmanager
def case(vendor: str, folder: Path, *, without: frozenset[str] = frozenset()) -> Iterator[Case]:
    """Settings in `without` are not told, so that others are used."""
    given = {name: value for name, value in canaries(vendor).items() if name not in without}
    site, home, scratch = (folder / name for name in ("site", "home", "scratch"))
    for each in (site, home, scratch):
        each.mkdir()
    (site / "sitecustomize.py").write_text(LOGGING)
    more = {
        "DLT_DATA_DIR": str(folder / "dlt"),
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "EXTRACTOR_TRACEBACK": "1",
        "RUNTIME__LOG_LEVEL": "DEBUG",
        "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parent)]),
    }
    with sandbox(vendor, *SANDBOX[vendor], "--size", "6") as played:
        real = {value: str(played.settings.get(name, OTHERWISE.get(name, ""))) for name, value in given.items()}
        if "access_token" in given:
            pair = f"{played.settings['username']}:{played.settings['api_key']}"
            real = {f"Bearer {given['access_token']}": f"Basic {base64.b64encode(pair.encode()).decode()}"} | real
        with quoter(played, real) as one:
            settings: dict[str, Any] = json.loads(json.dumps(dict(played.settings)).replace(one.target, one.origin))
            told = Surrounded(
                vendor=vendor,
                base_url=played.base_url.replace(one.target, one.origin),
                settings={name: value for name, value in settings.items() if name not in without} | given,
                process=played.process,
                more=more,
            )
            cores = [core(vendor, name) for name in given]
            yield Case(vendor, folder, one, told, needles(cores, list(given.values())))


SANDBOX = {name: QUICK if name == "gladly" else ("--rate-scale", "1000", "--latency", "1") for name in vendors.names()}
OTHERWISE = {"api_version": "2019-06-20"}
"""What the vendors take for settings of which their sandboxes say nothing."""

KILLED = ("gladly", "snapengage")
"""Vendors with credentials in headers, and with some in the query."""
CRASHED = "snapengage"
"""Has no setting besides secrets: an error that quotes others may show them."""

USED = {
    "gladly": {"username", "password"},
    "gorgias": {"username", "api_key"},
    "clari": {"apikey", "partnerkey", "x_api_key", "x_api_password"},
    "assembled": {"api_key", "api_version"},
    "snapengage": {"api_key", "x_api_key", "provisioning_api_key"},
}
PROGRESS = {"gladly": "json", "snapengage": "live"}
TOKEN = "gorgias, by token"

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the runs of one case left behind.

    Attributes:
        arrived: all that the vendor was told, in one text.
    """

    folder: Path
    needles: list[bytes]
    arrived: str
    said: str
    shown: Shown


def several_runs(vendor: str, folder: Path) -> Left:
    """One that is killed, one among errors whose credentials are refused half way, one that completes."""
    without = frozenset({"access_token"}) & canaries(vendor).keys()
    with case(vendor, folder, without=without) as one, process_list(one.needles, one.needles) as shown:
        if vendor in KILLED:
            one.quoter.spoilt = dict.fromkeys(range(2, 40), 500)
            run = one.start()
            while run.process.poll() is None and one.quoter.requests < 4:
                time.sleep(0.005)
            run.kill()
        one.quoter.spoilt = {2: 500, 3: 200, 4: 302, 5: 503, 7: 401}
        progress = ("--progress", PROGRESS.get(vendor, "plain"))
        assert one.run(*progress) in (ExitCode.FAILED, ExitCode.USAGE), one.said
        one.quoter.spoilt = {}
        assert one.run("--keep-raw", *progress) in (ExitCode.COMPLETE, ExitCode.PARTIAL), one.said
        if vendor in KILLED:
            assert one.python("-m", "extractor", "status", vendor, "--pipeline-name", PIPELINE) == 0, one.said
        if vendor == CRASHED:
            assert one.python("-c", CRASHING, "backfill", vendor, "--pipeline-name", "crash") == ExitCode.FAILED
    return Left(folder=folder, needles=one.needles, arrived="\n".join(one.quoter.arrived), said=one.said, shown=shown)


def token_that_is_refused(folder: Path) -> Left:
    """At once, by a vendor that quotes it."""
    without = frozenset({"username", "api_key"})
    with case("gorgias", folder, without=without) as one, process_list(one.needles, one.needles) as shown:
        one.quoter.spoilt = {1: 401}
        assert one.run() == ExitCode.USAGE, one.said
    return Left(folder=folder, needles=one.needles, arrived="\n".join(one.quoter.arrived), said=one.said, shown=shown)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Left]]]:
    """By vendor. They run side by side, for most of the time they wait: for each other's processes and for retries."""
    with ThreadPoolExecutor(4) as pool:
        runs = {name: pool.submit(several_runs, name, tmp_path_factory.mktemp(name)) for name in sorted(USED)}
        yield runs | {TOKEN: pool.submit(token_that_is_refused, tmp_path_factory.mktemp("token"))}


@pytest.mark.parametrize("vendor", [*sorted(USED), TOKEN])
def test_no_run_leaves_a_secret_behind(vendor: str, left: Mapping[str, Future[Left]]) -> None:
    """In any file, on the screen, in any log, or in the process list; the load process is not even given one."""
    found = left[vendor].result()
    assert left_behind(found.folder, found.needles) == {}
    assert found.shown.seen == set()
    assert found.shown.loads
    assert "every logger tells all it knows" in found.said


@pytest.mark.parametrize("vendor", sorted(USED))
def test_the_secrets_were_used(vendor: str, left: Mapping[str, Future[Left]]) -> None:
    """And no other setting reached the vendor; the key of hashes does not, though what it makes is loaded."""
    found = left[vendor].result()
    assert {name for name in canaries(vendor) if core(vendor, name) in found.arrived} == USED[vendor]
    assert list((found.folder / "work" / ".extractor" / PIPELINE / "raw").iterdir())
    *_, mask = CHOSEN[vendor]
    table, _, column = mask.removesuffix("=hash").partition(":")
    with duckdb.connect(str(found.folder / "work" / f"{PIPELINE}.duckdb"), read_only=True) as database:
        hashes = database.execute(f'SELECT "{column}" FROM {DATASET}.{table} WHERE "{column}" IS NOT NULL').fetchall()
    assert hashes
    assert all(re.fullmatch("[0-9a-f]{64}", value) for (value,) in hashes)


def test_the_token_was_used(left: Mapping[str, Future[Left]]) -> None:
    assert core("gorgias", "access_token") in left[TOKEN].result().arrived


@pytest.mark.parametrize("vendor", [*sorted(USED.keys() - {"snapengage"}), TOKEN])
def test_what_a_vendor_says_does_nothing_to_a_terminal(vendor: str, left: Mapping[str, Future[Left]]) -> None:
    """Neither on the screen (where nothing is drawn) nor in the log."""
    found = left[vendor].result()
    logs = [path.read_text() for path in found.folder.rglob("load/log")]
    assert logs
    assert [text for text in (found.said, *logs) if CONTROL.search(text)] == []


def test_a_fault_of_our_own_shows_where_it_is_and_no_secret(left: Mapping[str, Future[Left]]) -> None:
    found = left[CRASHED].result()
    _, _, shown = found.said.rpartition("Traceback")
    assert "RuntimeError: \\x1b[31m" in shown
    assert MASK in shown
    assert "an unexpected RuntimeError" in shown
    assert not hits(shown.encode(), found.needles)


# ── destinations that quote ─────────────────────────────────────────────────────────────────

SECRET = 'Zq7destinationCanary/+"%<'


def test_a_destination_that_quotes_credentials_in_its_errors_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the incident of the record that it refuses, nor in the load's log, nor on the screen.

    The vendor's secrets can only come to it with a record, and are hidden all the same.
    """
    statement = f"SET VARIABLE answer = '{SECRET}'"
    monkeypatch.setenv("DESTINATION__QUOTING__CREDENTIALS__STATEMENTS", json.dumps([statement]))
    password = canaries("gladly")["password"]
    monkeypatch.setenv("QUOTED__PASSWORD", password)
    wanted = needles(["Zq7destinationCanary", core("gladly", "password")], [SECRET, password])
    with case("gladly", tmp_path) as one, process_list(wanted, ()) as shown:
        run = Backfill(
            folder=tmp_path / "work",
            against=one.against,
            arguments=("--only", f"agents,{REFUSED}", "--progress", "json", "--destination", "quoting.quoting"),
        ).start()
        assert run.process.wait(60) == ExitCode.PARTIAL, one.said
    assert left_behind(tmp_path, wanted) == {}
    assert shown.seen == set()
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
