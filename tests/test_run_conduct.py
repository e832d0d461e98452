"""Both halves side by side: a real ledger and a sandbox in this loop, and a load that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sandboxed import Client as Sandboxed
from sandboxed import sandboxed

from extractor.errors import CredentialsError, LoadFailed, StorageError
from extractor.ledger import Ledger
from extractor.load import Loaded, LoadProcess
from extractor.model import Incident, IncidentKind, Page, State
from extractor.roots import roots
from extractor.run import conduct
from extractor.run.conduct import Conductor
from extractor.run.job import Job, Place
from extractor.run.resume import Standing
from extractor.selection import select
from extractor.settings import Settings
from extractor.spool import read
from extractor.vendors.gladly import VENDOR

Announced = Callable[[str, Sequence[Incident]], Awaitable[None]]


@dataclass
class FakeLoads:
    """Takes chunks in, when it may.

    Attributes:
        open: cleared, a load waits.
        failures: raised by the next loads, one each.
    """

    folder: Path
    open: asyncio.Event = field(default_factory=asyncio.Event)
    failures: list[Exception] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)
    tried: int = 0
    pages: list[tuple[str, str]] = field(default_factory=list)

    async def load(self, chunk: int, size: int, loading: Announced) -> Loaded:
        self.tried += 1
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        await loading(f"load {chunk}", [])
        self.chunks.append(chunk)
        self.pages += [(frame.endpoint, frame.key) for frame in read(self.folder / "spool", chunk, size=size)]
        return Loaded(load_id=f"load {chunk}", rows={"some": 2})


@dataclass
class Ground:
    folder: Path
    ledger: Ledger
    loads: FakeLoads
    client: Sandboxed
    phases: list[str] = field(default_factory=list)

    async def conductor(self, *only: str, password: str = "", commit_every: float = 30.0) -> Conductor:
        values = {"username": "agent@sandbox.example", "password": password or self.client.password}
        job = Job(
            vendor=VENDOR,
            settings=Settings(
                base_url=self.client.base, values=values, secrets=frozenset({values["password"]}), account="acme"
            ),
            selection=select(VENDOR, only),
            place=Place(pipeline="p", dataset="d", destination="duckdb", folder=self.folder),
            since=None,
            until=None,
            rate_share=1.0,
            commit_every=commit_every,
            ids=None,
            fresh=False,
        )
        until = datetime.now(UTC).date() + timedelta(days=1)
        standing = Standing(until=until, all_history=True, known=False, nothing_to_do=False)
        loads = cast("LoadProcess", self.loads)
        conductor = Conductor(job=job, ledger=self.ledger, loads=loads, standing=standing, phase=self.phases.append)
        await self.ledger.add(list(roots(VENDOR, job.selection.fetched, None, until)))
        return conductor


@pytest.fixture
async def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ground]:
    monkeypatch.setattr(conduct, "_LOOK_EVERY", 0.005)
    folder = tmp_path / "p"
    ledger = await Ledger.open(folder)
    async with sandboxed(size=4) as client:
        loads = FakeLoads(folder)
        loads.open.set()
        yield Ground(folder, ledger, loads, client)
        await ledger.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.002)


LISTS = ("agents", "teams", "inboxes", "topics", "audiences")


async def test_all_is_fetched_and_loaded_in_the_order_of_chunks(ground: Ground) -> None:
    conductor = await ground.conductor("conversation_items", commit_every=0.01)
    await conductor.run()
    assert (conductor.failure, conductor.stopped) == (None, False)
    assert ground.loads.chunks == sorted(ground.loads.chunks)
    assert {endpoint for endpoint, _ in ground.loads.pages} == {"conversation_items"}
    assert conductor.loaded == 2 * len(ground.loads.chunks)
    assert conductor.traffic.sent == (await ground.client.own("/stats"))["requests"]
    summary = await ground.ledger.summary()
    assert (summary.chunks, summary.unloaded) == (0, 0)
    assert not any(ground.ledger.counts(name)[State.HELD] for name in summary.endpoints)


async def test_fetching_waits_while_the_spool_is_full(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 1)
    ground.loads.open.clear()
    conductor = await ground.conductor("conversation_items", commit_every=0.01)
    running = asyncio.create_task(conductor.run())
    await until(lambda: any("spool is full" in phase for phase in ground.phases))
    await until(lambda: conductor._engine.open == 0)
    before = conductor.traffic.sent
    # Many looks of the watch later it still waits.
    await asyncio.sleep(0.1)
    assert conductor.traffic.sent == before
    assert not running.done()
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 2 << 30)
    ground.loads.open.set()
    await running
    assert conductor.failure is None
    assert conductor.traffic.sent > before
    assert (await ground.ledger.summary()).unloaded == 0


async def test_fetching_waits_while_the_disk_is_nearly_full(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_FREE_AT_LEAST", 1 << 62)
    conductor = await ground.conductor("conversation_items")
    running = asyncio.create_task(conductor.run())
    await until(lambda: any("full" in phase for phase in ground.phases))
    monkeypatch.setattr(conduct, "_FREE_AT_LEAST", 0)
    await running
    assert conductor.failure is None
    assert ground.phases.index("waiting for the load: the spool is full") < len(ground.phases) - 1


async def test_a_load_that_fails_meanwhile_is_tried_again(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_AWAY_PAUSE", 0.0)
    ground.loads.failures = [LoadFailed("The warehouse is away.")]
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 1)
    conductor = await ground.conductor("conversation_items", commit_every=0.01)
    await conductor.run()
    assert conductor.failure is None
    assert "fetching; the load waits: The warehouse is away." in ground.phases
    assert ground.loads.tried == len(ground.loads.chunks) + 1
    assert (await ground.ledger.summary()).unloaded == 0


async def test_a_load_that_fails_at_the_end_ends_the_run_and_keeps_what_was_fetched(ground: Ground) -> None:
    ground.loads.failures = [LoadFailed("away")]
    conductor = await ground.conductor(*LISTS)
    await conductor.run()
    assert isinstance(conductor.failure, LoadFailed)
    summary = await ground.ledger.summary()
    assert (summary.chunks, summary.unloaded > 0) == (1, True)
    assert await ground.ledger.chunks_in_loading() == []


async def test_a_destination_that_stays_away_ends_the_run(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_AWAY_PATIENCE", -1.0)
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 1)
    ground.loads.failures = [LoadFailed("away")]
    conductor = await ground.conductor("conversation_items", commit_every=0.01)
    await conductor.run()
    assert isinstance(conductor.failure, LoadFailed)


async def test_whoever_stops_it_keeps_what_was_fetched(ground: Ground) -> None:
    conductor = await ground.conductor("conversation_items")
    running = asyncio.create_task(conductor.run())
    await until(lambda: conductor.traffic.sent > 5)
    conductor.stop()
    conductor.stop()
    await running
    assert (conductor.stopped, conductor.failure) == (True, None)
    assert "stopping: finishing what is open" in ground.phases
    summary = await ground.ledger.summary()
    assert (summary.chunks, summary.unloaded) == (0, 0)
    assert sum(ground.ledger.counts(name)[State.PENDING] for name in summary.endpoints) > 0


async def test_a_load_that_does_not_end_is_left_to_the_next_run(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conduct, "_DRAIN", 0.05)
    ground.loads.open.clear()
    conductor = await ground.conductor(*LISTS, commit_every=0.01)
    running = asyncio.create_task(conductor.run())
    await until(lambda: ground.loads.tried)
    conductor.stop()
    await running
    assert conductor.failure is None
    assert (await ground.ledger.summary()).chunks >= 1


async def test_a_first_request_that_hangs_is_abandoned(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_DRAIN_FETCH", 0.02)
    async with sandboxed(size=4, fault={"slow": 1.0}) as hanging:
        ground.client = hanging
        conductor = await ground.conductor("agents")
        running = asyncio.create_task(conductor.run())
        await until(lambda: conductor.in_flight)
        conductor.stop()
        async with asyncio.timeout(30):
            await running
    assert (conductor.stopped, conductor.failure) == (True, None)
    assert ground.ledger.counts("agents")[State.PENDING] == 1


async def test_credentials_that_open_no_door_leave_nothing_behind(ground: Ground) -> None:
    conductor = await ground.conductor("agents", password="wrong", commit_every=0.001)
    await conductor.run()
    assert isinstance(conductor.failure, CredentialsError)
    assert ground.loads.tried == 0
    assert (await ground.ledger.summary()).chunks == 0


async def test_a_disk_that_fails_ends_the_run_at_once(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(_page: object) -> None:
        raise StorageError("disk full")

    conductor = await ground.conductor(*LISTS)
    monkeypatch.setattr(ground.ledger, "record", failing)
    await conductor.run()
    assert isinstance(conductor.failure, StorageError)
    assert ground.loads.chunks == []


async def test_no_secret_gets_into_an_incident(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[Incident] = []
    conductor = await ground.conductor("agents")
    record = ground.ledger.record

    async def spied(page: Any) -> None:
        noted.extend(page.incidents)
        await record(page)

    monkeypatch.setattr(ground.ledger, "record", spied)
    (listing,) = await ground.ledger.claim("agents", 1)
    detail = f"they said {ground.client.password}"
    incident = Incident(kind=IncidentKind.FAILED, endpoint="agents", key="", detail=detail)
    await conductor._record(Page(listing=listing, state=State.FAILED, incidents=(incident,)))
    assert [one.detail.startswith("they said") for one in noted] == [True]
    assert ground.client.password not in noted[0].detail
    await conductor._transport.close()
