"""The load process and its handle: a real process, real kills, a real ledger and a real DuckDB file."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import orjson
import psutil
import pytest
from loading import ITEMS

from extractor.errors import DestinationError, LoadFailed
from extractor.ledger import Ledger
from extractor.load import Loaded, LoadProcess, Target, describe
from extractor.load.__main__ import _without_pandas
from extractor.lock import Lock
from extractor.model import Found, Incident, IncidentKind, Page, State

KILLER = """
import os, signal, sys

_points = os.environ.get("KILL_POINTS")
_within = os.environ.get("KILL_WITHIN", "")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_count = 0


def _changes(event, args):
    if event == "open":
        return isinstance(args[2], int) and args[2] & _WRITES
    return event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")


def _hook(event, args):
    global _count
    if args and isinstance(args[0], str) and _within in args[0] and _changes(event, args):
        _count += 1
        if _count == _at:
            with open(_points + ".killed", "a") as file:
                file.write(f"{_at} ")
            os.kill(os.getpid(), signal.SIGKILL)


if _points and os.path.exists(_points) and "extractor.load" in " ".join(sys.orig_argv):
    with open(_points) as _file:
        _left = _file.read().split()
    if _left:
        _at = int(_left[0])
        with open(_points, "w") as _file:
            _file.write(" ".join(_left[1:]))
        sys.addaudithook(_hook)
"""
"""A `sitecustomize`: the process kills itself at its k-th change of a file, k being the next number of a list."""


@dataclass
class Run:
    """A run without its fetching half."""

    folder: Path
    ledger: Ledger
    target: Target
    process: LoadProcess
    said: list[str] = field(default_factory=list)
    announced: list[tuple[str, list[Incident]]] = field(default_factory=list)
    records: int = 0

    async def fetch(self, *payloads: object, records: int = 1, incidents: Sequence[Incident] = ()) -> None:
        """Pages of a new listing, and the incidents of each."""
        await self.ledger.add([Found(endpoint="items", key=f"list {self.records}")])
        (listing,) = await self.ledger.claim("items", 1)
        for number, payload in enumerate(payloads, 1):
            state = State.COMMITTED if number == len(payloads) else State.OPEN
            self.records += records
            await self.ledger.record(
                Page(
                    listing=listing,
                    state=state,
                    payload=orjson.dumps(payload),
                    records=records,
                    cursor=str(number),
                    incidents=tuple(incidents),
                )
            )

    async def load(self) -> Loaded:
        """Load the next chunk as a run does."""
        await self.ledger.seal()
        chunk = await self.ledger.next_sealed()
        assert chunk is not None

        async def loading(load_id: str, incidents: Sequence[Incident]) -> None:
            await self.ledger.loading(chunk.id, load_id, incidents)
            self.announced.append((load_id, list(incidents)))

        loaded = await self.process.load(chunk.id, chunk.bytes, loading)
        await self.ledger.loaded(chunk.id)
        return loaded

    @property
    def file(self) -> Path:
        return self.folder.parent.parent / "shop_pipeline.duckdb"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As a reader between two loads, who gets in when the process has closed the file behind one."""
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = duckdb.connect(self.file, read_only=True)
            except duckdb.IOException:
                assert time.monotonic() < deadline
                time.sleep(0.01)
                continue
            with connection:
                connection.execute("USE shop_data")
                return connection.execute(query).fetchall()


def handle(folder: Path, said: list[str], **target: Any) -> tuple[Target, LoadProcess]:
    values = {"pipeline": "shop_pipeline", "dataset": "shop_data", "schema": "shop", "state": {"identity": "me"}}
    made = Target(**{**values, **target})
    return made, LoadProcess(folder, made, describe([ITEMS]), patience=0.5, waiting=said.append)


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".extractor" / "shop_pipeline"
    ledger = await Ledger.open(folder)
    said: list[str] = []
    target, process = handle(folder, said)
    yield Run(folder, ledger, target, process, said)
    await process.stop()
    await ledger.close()


@pytest.fixture
def kill_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Callable[..., Path]:
    """Let the next load processes kill themselves, each at its own change of a file."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(KILLER)
    monkeypatch.syspath_prepend(site)

    def at(*points: int) -> Path:
        file = tmp_path / "points"
        file.write_text(" ".join(map(str, points)))
        monkeypatch.setenv("KILL_POINTS", str(file))
        monkeypatch.setenv("KILL_WITHIN", str(run.folder))
        return file

    return at


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def seen_by_all(pid: int | None) -> list[bytes]:
    return [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]


@contextmanager
def holding_open(database: Path) -> Iterator[None]:
    """Another program that writes to the database."""
    program = f"import duckdb; c = duckdb.connect({str(database)!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate(b"\n")


async def gone(pid: int) -> bool:
    for _ in range(500):
        if not alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_chunks_go_in_and_the_destination_can_be_asked(run: Run, tmp_path: Path) -> None:
    """The whole interface once: open, load twice with a reader between, count, rebuild, clear."""
    assert (await run.process.open()).endswith("shop_pipeline.duckdb")
    pid = run.process.pid
    await run.fetch([{"id": "a", "lines": [{"sku": "x"}]}], [{"id": None}])
    first = await run.load()
    assert first.rows["items"] == 1
    assert run.rows("SELECT id FROM items") == [("a",)]
    await run.fetch([{"id": "b"}])
    second = await run.load()
    assert run.process.pid == pid, "the process is kept warm"
    assert [load_id for load_id, _ in run.announced] == [first.load_id, second.load_id]
    assert await run.process.committed(second.load_id)
    assert not await run.process.committed("1.5")
    assert await run.process.count() == {
        "items": 2,
        "items__lines": 1,
        "_extractor_listings": 2,
        "_extractor_incidents": 1,
    }
    rebuilt = await run.process.rebuild(tmp_path / "listings")
    assert rebuilt.state == {"identity": "me"}
    assert rebuilt.listings == 2
    rows = [tuple(json.loads(line)) for line in (tmp_path / "listings").read_text().splitlines()]
    assert sorted((row[0], row[1], row[4], row[6], row[7]) for row in rows) == [
        ("items", "list 0", "committed", 2, 2),
        ("items", "list 2", "committed", 1, 1),
    ]
    assert all(isinstance(row[8], int) for row in rows)
    ((incident, *_),) = [found for _, found in run.announced if found]
    assert [(one.kind, one.key, one.gap) for one in rebuilt.incidents] == [(incident.kind, incident.key, True)]
    await run.process.clear()
    assert run.rows("SELECT count(*) FROM _extractor_listings") == [(0,)]
    assert {path.name for path in (run.folder / "load").iterdir()} == {"lock", "log"}
    assert (run.folder / "load" / "log").read_text() == ""


def libraries(run: Run) -> str:
    """What its process has in memory of files."""
    return Path(f"/proc/{run.process.pid}/maps").read_text()


async def test_what_a_load_needs_is_there_before_the_first_one(run: Run) -> None:
    await run.process.open()
    assert "libparquet" not in libraries(run)
    await run.process.warm()
    assert "libparquet" in libraries(run)


async def test_it_does_without_pandas(run: Run) -> None:
    """DuckDB would import it with the first connection, and needs none of it."""
    assert find_spec("pandas") is not None
    await run.fetch([{"id": "a"}])
    await run.load()
    assert "pandas" not in libraries(run)


@pytest.mark.parametrize(
    ("target", "without"),
    [
        (Target(pipeline="shop", dataset="data", schema="shop"), True),
        (Target(pipeline="shop", dataset="data", schema="shop", destination="postgres"), False),
        (Target(pipeline="shop", dataset="data", schema="shop", configuration="shop.py:config"), False),
    ],
    ids=["DuckDB", "another destination", "a user's own configuration"],
)
def test_whoever_may_need_pandas_has_it(target: Target, monkeypatch: pytest.MonkeyPatch, *, without: bool) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "modules", {name: one for name, one in sys.modules.items() if name != "pandas"})
    _without_pandas(asdict(target))
    if without:
        with pytest.raises(ModuleNotFoundError, match="without pandas"):
            find_spec("pandas")
    else:
        assert find_spec("pandas") is not None


async def test_dlts_own_command_finds_the_pipeline(run: Run) -> None:
    await run.fetch([{"id": "a"}])
    await run.load()
    command = [sys.executable, "-W", "ignore", "-m", "dlt", "pipeline", "shop_pipeline", "info"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "dataset_name: shop_data" in done.stdout
    assert "items with" in done.stdout


async def test_an_empty_destination_knows_nothing(run: Run, tmp_path: Path) -> None:
    rebuilt = await run.process.rebuild(tmp_path / "listings")
    assert rebuilt.state is None
    assert rebuilt.listings == 0
    assert (tmp_path / "listings").read_bytes() == b""
    assert await run.process.count() == {"_extractor_listings": 0, "_extractor_incidents": 0}
    await run.process.clear()


EVERY_KIND = tuple(
    Incident(kind=kind, endpoint="items", key=f"{kind} {gap} {record}", record=record, gap=gap)
    for kind in IncidentKind
    for gap in (True, False)
    for record in (None, "its bytes")
)


async def test_the_destination_knows_which_incidents_are_gaps(run: Run, tmp_path: Path) -> None:
    await run.fetch([{"id": "a"}], incidents=EVERY_KIND)
    await run.load()
    rebuilt = await run.process.rebuild(tmp_path / "listings")
    assert {one.key: one.gap for one in rebuilt.incidents} == {one.key: one.gap for one in EVERY_KIND}
    gaps = run.rows("SELECT key FROM _extractor_incidents WHERE gap")
    assert {key for (key,) in gaps} == {one.key for one in EVERY_KIND if one.gap}


async def read_back(run: Run, listings: Path, *, behind: str) -> Sequence[Incident]:
    """Incidents of every kind, loaded and read back; between them the statement changes their table."""
    await run.fetch([{"id": "a"}], incidents=EVERY_KIND)
    await run.load()
    await run.process.stop()
    with duckdb.connect(run.file) as connection:
        connection.execute(behind)
    return (await run.process.rebuild(listings)).incidents


async def test_a_destination_may_take_empty_text_for_null(run: Run, tmp_path: Path) -> None:
    """As dlt's PostgreSQL does in columns that may be."""
    emptied = "UPDATE shop_data._extractor_incidents SET path = NULL, detail = NULL"
    found = await read_back(run, tmp_path / "listings", behind=emptied)
    assert {(one.path, one.detail) for one in found} == {("", "")}


async def test_where_an_earlier_version_has_loaded_all_but_what_is_gone_or_moved_are_gaps(
    run: Run, tmp_path: Path
) -> None:
    dropped = "ALTER TABLE shop_data._extractor_incidents DROP COLUMN gap"
    found = await read_back(run, tmp_path / "listings", behind=dropped)
    assert {one.kind for one in found if not one.gap} == {IncidentKind.GONE, IncidentKind.MOVED}
    assert len(found) == len(EVERY_KIND)


async def test_what_is_to_be_remembered_travels_with_the_next_package(run: Run, tmp_path: Path) -> None:
    await run.process.remember({"identity": "me", "until": "2024-01-01"})
    await run.fetch([{"id": "a"}])
    await run.load()
    _, other = handle(run.folder, [])
    await run.process.stop()
    rebuilt = await other.rebuild(tmp_path / "listings")
    await other.stop()
    assert rebuilt.state == {"identity": "me", "until": "2024-01-01"}


@pytest.mark.parametrize("points", [(25, 110), (60, 170)])
async def test_killed_at_any_moment_it_loads_every_row_once(
    run: Run, kill_at: Callable[..., Path], points: tuple[int, ...]
) -> None:
    """Each of the first processes kills itself at another of its changes to files."""
    left = kill_at(*points)
    for chunk in range(2):
        pages = [
            [{"id": f"{chunk}.{page}.{n}", "lines": [{"sku": "x"}, {"sku": "y"}]} for n in range(3)]
            for page in range(3)
        ]
        await run.fetch(*pages, records=3)
        await run.load()
    assert left.with_suffix(".killed").read_text().split() == [str(point) for point in points]
    assert run.rows("SELECT count(*), count(DISTINCT id) FROM items") == [(18, 18)]
    assert run.rows("SELECT count(*), count(DISTINCT _dlt_root_id) FROM items__lines") == [(36, 18)]
    assert run.rows("SELECT count(*) FROM items__lines WHERE _dlt_root_id NOT IN (SELECT _dlt_id FROM items)") == [(0,)]
    ((loads, distinct),) = run.rows("SELECT count(*), count(DISTINCT load_id) FROM _dlt_loads WHERE status = 0")
    assert loads == distinct
    assert run.rows("SELECT state, count(*) FROM _extractor_listings GROUP BY state") == [("committed", 2)]
    assert {path.name for path in (run.folder / "load").iterdir()} == {"lock", "log"}
    assert "The load process died and is started again." in run.said


async def test_killed_by_somebody_between_two_requests_it_is_started_again(run: Run) -> None:
    await run.fetch([{"id": "a"}])
    await run.load()
    assert run.process.pid is not None
    os.kill(run.process.pid, signal.SIGKILL)
    await run.fetch([{"id": "b"}])
    await run.load()
    assert run.rows("SELECT id FROM items ORDER BY id") == [("a",), ("b",)]


@pytest.mark.parametrize("moments", [0, 1, 20])
async def test_killed_while_it_waits_for_a_request_it_is_started_again(run: Run, moments: int) -> None:
    """By then the loop may have noticed, and closed its end of the pipe."""
    await run.process.open()
    assert run.process.pid is not None
    os.kill(run.process.pid, signal.SIGKILL)
    for _ in range(moments):
        await asyncio.sleep(0.01)
    await run.process.open()
    await run.fetch([{"id": "a"}])
    await run.load()
    assert run.rows("SELECT id FROM items") == [("a",)]


async def test_a_process_that_dies_over_and_over_ends_the_load(run: Run, kill_at: Callable[..., Path]) -> None:
    kill_at(*[4] * 5)
    await run.fetch([{"id": "a"}])
    with pytest.raises(LoadFailed, match="died 5 times"):
        await run.load()


async def test_what_died_twice_over_a_chunk_loads_it_in_parts(run: Run, kill_at: Callable[..., Path]) -> None:
    """It may be short of memory."""
    kill_at(4, 4)
    await run.fetch(*[[{"id": str(number)}] for number in range(8)])
    assert (await run.load()).packages == 5, "four parts, and what completes them"
    assert run.rows("SELECT count(*), count(DISTINCT id) FROM items") == [(8, 8)]


async def test_a_load_that_stands_still_is_ended_and_begun_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    await run.process.open()
    assert run.process.pid is not None
    os.kill(run.process.pid, signal.SIGSTOP)
    await run.fetch([{"id": "a"}])
    monkeypatch.setattr("extractor.load.process._SILENCE", 0.2)

    def told(what: str) -> None:
        run.said.append(what)
        monkeypatch.setattr("extractor.load.process._SILENCE", 900.0)  # the next one may take its time again

    monkeypatch.setattr(run.process, "_waiting", told)
    await run.load()
    assert run.said == ["The load process said nothing for 0.2 seconds and is started again."]
    assert run.rows("SELECT id FROM items") == [("a",)]


async def test_it_ends_when_the_run_does_not_wait_for_it(run: Run) -> None:
    """The request pipe ends; so does the process, in the middle of a load too, and nothing is committed."""
    await run.fetch([{"id": "a"}])
    await run.ledger.seal()
    pids: list[int] = []

    async def never(_load_id: str, _incidents: Sequence[Incident]) -> None:
        assert run.process.pid is not None
        pids.append(run.process.pid)
        raise InterruptedError

    chunk = await run.ledger.next_sealed()
    assert chunk is not None
    with pytest.raises(InterruptedError):
        await run.process.load(chunk.id, chunk.bytes, never)
    assert await gone(pids[0])
    assert await run.process.count() == {"_extractor_listings": 0, "_extractor_incidents": 0}


async def test_a_request_that_is_given_up_twice_leaves_no_process(run: Run) -> None:
    """One that stands still, while nobody has a moment to see to its end."""
    await run.process.open()
    pid = run.process.pid
    assert pid is not None
    asking = asyncio.create_task(run.process.count())
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGSTOP)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    busy = asyncio.create_task(asyncio.to_thread(time.sleep, 0.1))
    await asyncio.sleep(0)
    for _ in range(2):
        asking.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not psutil.pid_exists(pid), "it was waited for, too"
    await busy


async def test_one_that_is_dead_already_can_be_stopped(run: Run) -> None:
    await run.process.open()
    pid = run.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.2)  # the loop notices, and closes its end of the pipe
    await run.process.stop()
    assert not psutil.pid_exists(pid)


async def test_one_whose_pipes_can_not_be_connected_is_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        pids = list[int]()

        async def refused(process: LoadProcess, *pipes: int) -> None:
            pids.append(process.pid or 0)
            for pipe in pipes:
                os.close(pipe)
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

        patch.setattr(LoadProcess, "_connect", refused)
        with pytest.raises(LoadFailed, match=r"can't be started: .*Cannot allocate memory"):
            await run.process.open()
    assert len(pids) == 1
    assert not psutil.pid_exists(pids[0])
    await run.process.open()


async def test_stopped_behind_a_load_it_closes_the_destination_first(run: Run) -> None:
    await run.fetch([{"id": str(number), "name": "x" * 1000} for number in range(5_000)])
    await run.load()
    await run.process.stop()
    assert run.file.exists()
    assert not run.file.with_name(f"{run.file.name}.wal").exists()


async def test_ctrl_c_in_the_terminal_does_not_reach_it(run: Run) -> None:
    await run.process.open()
    pid = run.process.pid
    assert pid is not None
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGINT)
    await run.fetch([{"id": "a"}])
    await run.load()
    assert run.process.pid == pid


async def test_it_dies_with_the_run(run: Run, tmp_path: Path) -> None:
    """A run that is killed leaves no load process behind."""
    script = tmp_path / "killed.py"
    script.write_text(
        "import asyncio, os\n"
        "from pathlib import Path\n"
        "from extractor.load import LoadProcess, Target\n"
        "async def main():\n"
        "    target = Target(pipeline='shop_pipeline', dataset='shop_data', schema='shop')\n"
        f"    process = LoadProcess(Path({str(run.folder)!r}), target, [])\n"
        "    await process.start()\n"
        "    print(process.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = await asyncio.create_subprocess_exec(
        sys.executable, str(script), env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert await gone(int(out))


async def test_a_successor_waits_for_its_predecessor(run: Run) -> None:
    (run.folder / "load").mkdir()
    with Lock(run.folder / "load" / "lock"):
        opening = asyncio.create_task(run.process.open())
        done, _ = await asyncio.wait([opening], timeout=1.5)
        assert not done
    await opening


async def test_an_unknown_destination_is_the_users_mistake(run: Run) -> None:
    _, process = handle(run.folder, [], destination="duckdbb")
    with pytest.raises(DestinationError, match=r"duckdbb.*--destination"):
        await process.open()
    await process.stop()


async def test_a_destination_without_its_settings_is_the_users_mistake(run: Run) -> None:
    _, process = handle(run.folder, [], destination="filesystem")
    with pytest.raises(DestinationError, match=r"bucket_url"):
        await process.open()
    await process.stop()


async def test_credentials_go_over_the_pipe_only(run: Run, tmp_path: Path) -> None:
    """Neither arguments nor environment of the process have them; the database is where they say."""
    file = tmp_path / "elsewhere.duckdb"
    _, process = handle(run.folder, [], options={"credentials": str(file)})
    await process.open()
    assert file.exists()
    assert not any(b"elsewhere" in text for text in seen_by_all(process.pid))
    await process.stop()


async def test_a_locked_database_is_waited_for_and_then_named(run: Run) -> None:
    with holding_open(run.folder.parent.parent / "shop_pipeline.duckdb"):
        with pytest.raises(DestinationError, match="Another program has the database open"):
            await run.process.open()
        assert any("can't be opened" in text for text in run.said)
        await run.fetch([{"id": "a"}])
        with pytest.raises(LoadFailed, match="Another program has the database open"):
            await run.load()
    await run.load()
    assert run.rows("SELECT id FROM items") == [("a",)]
