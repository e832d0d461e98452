"""Both halves side by side: a real ledger and a sandbox in this loop, and a load that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sandboxed import Client as Sandboxed
from sandboxed import sandboxed

from extractor.errors import CredentialsError, LoadFailed, StorageError
from extractor.ledger import Ledger
from extractor.load import Loaded, LoadProcess
from extractor.model import Incident, IncidentKind, Listing, Page, State, Vendor, WeeklyQuota
from extractor.roots import roots
from extractor.run import conduct
from extractor.run.beginning import beginning
from extractor.run.conduct import Conductor
from extractor.run.fetching import Fetching
from extractor.run.job import Job, Place
from extractor.run.resume import Standing
from extractor.sandbox.assembled.routes import assembled
from extractor.sandbox.clari.routes import clari
from extractor.selection import select
from extractor.settings import resolve
from extractor.spool import read
from extractor.vendors.assembled import VENDOR as ASSEMBLED
from extractor.vendors.clari import VENDOR as CLARI
from extractor.vendors.gladly import VENDOR
from extractor.windows import Span, Window

Announced = Callable[[str, Sequence[Incident]], Awaitable[None]]


@dataclass
class FakeLoads:
    """Takes chunks in, when it may.

    Attributes:
        open: cleared, a load waits.
        failures: raised by the next loads, one each.
        attempts: how many failed ones each load was told of.
    """

    folder: Path
    open: asyncio.Event = field(default_factory=asyncio.Event)
    failures: list[Exception] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)
    tried: int = 0
    attempts: list[int] = field(default_factory=list)
    pages: list[tuple[str, str]] = field(default_factory=list)
    warmed: bool = False

    async def warm(self) -> None:
        self.warmed = True

    async def load(self, chunk: int, size: int, loading: Announced, *, attempts: int = 0) -> Loaded:
        assert self.warmed
        self.tried += 1
        self.attempts.append(attempts)
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        await loading(f"load {chunk}", [])
        self.chunks.append(chunk)
        self.pages += [(frame.endpoint, frame.key) for frame in read(self.folder / "spool", chunk, size=size)]
        return Loaded(load_id=f"load {chunk}", rows={"some": 2, "_extractor_listings": 5, "_extractor_incidents": 1})


@dataclass
class Ground:
    folder: Path
    ledger: Ledger
    loads: FakeLoads
    client: Sandboxed
    phases: list[str] = field(default_factory=list)

    async def conductor(
        self,
        *only: str,
        vendor: Vendor = VENDOR,
        password: str = "",
        commit_every: float = 30.0,
        since: date | None = None,
        ask_beginning: bool = False,
    ) -> Conductor:
        given = {**self.client.told, "base_url": self.client.base}
        if password:
            given["password"] = password
        job = Job(
            vendor=vendor,
            settings=resolve(vendor, given),
            selection=select(vendor, only),
            given={},
            place=Place(pipeline="p", dataset="d", destination="duckdb", folder=self.folder),
            since=since,
            until=None,
            rate_share=1.0,
            commit_every=commit_every,
            ids=None,
            fresh=False,
        )
        span = Span(since=since, until=datetime.now(UTC).date() + timedelta(days=1))
        found = partial(roots, vendor, job.selection.fetched, lists=job.settings.lists, given={})
        standing = Standing(
            job=job,
            span=span,
            roots=found,
            ask_beginning=ask_beginning,
            all_history=True,
            known=False,
            nothing_to_do=False,
        )
        loads = cast("LoadProcess", self.loads)
        conductor = Conductor(ledger=self.ledger, loads=loads, standing=standing, phase=self.phases.append)
        await self.ledger.add(list(found(span)))
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
    table = {one.name: one.destination_table for one in VENDOR.endpoints}
    assert {table[endpoint] for endpoint, _ in ground.loads.pages} == {"conversation_items"}
    assert conductor.loaded == 2 * len(ground.loads.chunks)
    assert conductor.connection.traffic.sent == (await ground.client.own("/stats"))["requests"]
    summary = await ground.ledger.summary()
    assert (summary.chunks, summary.unloaded) == (0, 0)
    assert not any(ground.ledger.counts(name)[State.HELD] for name in summary.endpoints)


async def test_fetching_waits_while_the_spool_is_full(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 1)
    ground.loads.open.clear()
    conductor = await ground.conductor("conversation_items", commit_every=0.01)
    running = asyncio.create_task(conductor.run())
    await until(lambda: any("spool is full" in phase for phase in ground.phases))
    await until(lambda: conductor._fetching.open == 0)
    before = conductor.connection.traffic.sent
    # Many looks of the watch later it still waits.
    await asyncio.sleep(0.1)
    assert conductor.connection.traffic.sent == before
    assert not running.done()
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 2 << 30)
    ground.loads.open.set()
    await running
    assert conductor.failure is None
    assert conductor.connection.traffic.sent > before
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
    monkeypatch.setattr(conduct, "_AWAY_PAUSE", 0.001)
    ground.loads.failures = [LoadFailed("The warehouse is away.")]
    monkeypatch.setattr(conduct, "_SPOOL_CAP", 1)
    conductor = await ground.conductor("conversation_items", commit_every=0.01)
    await conductor.run()
    assert conductor.failure is None
    assert "fetching; the load waits: The warehouse is away." in ground.phases
    assert ground.loads.tried == len(ground.loads.chunks) + 1
    assert ground.loads.attempts == [0, 1] + [0] * (ground.loads.tried - 2)
    assert (await ground.ledger.summary()).unloaded == 0


async def test_a_load_that_began_before_all_was_fetched_does_not_decide_over_the_run(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The destination may be back by now: it is tried once more."""
    monkeypatch.setattr(conduct, "_AWAY_PAUSE", 0.001)
    ground.loads.open.clear()
    ground.loads.failures = [LoadFailed("away")]
    fetch = Fetching.run

    async def fetch_until_a_load_has_begun(fetching: Fetching) -> None:
        await fetch(fetching)
        await until(lambda: ground.loads.tried == 1)

    monkeypatch.setattr(Fetching, "run", fetch_until_a_load_has_begun)
    conductor = await ground.conductor(*LISTS, commit_every=0.01)
    running = asyncio.create_task(conductor.run())
    await until(lambda: "loading what was fetched" in ground.phases)
    ground.loads.open.set()
    await running
    assert conductor.failure is None
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
    await until(lambda: conductor.connection.traffic.sent > 5)
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

    monkeypatch.setattr(ground.ledger, "record", failing)
    conductor = await ground.conductor(*LISTS)
    await conductor.run()
    assert isinstance(conductor.failure, StorageError)
    assert ground.loads.chunks == []


async def test_no_secret_gets_into_an_incident(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[Incident] = []
    record = ground.ledger.record

    async def spied(page: Any) -> None:
        noted.extend(page.incidents)
        await record(page)

    monkeypatch.setattr(ground.ledger, "record", spied)
    conductor = await ground.conductor("agents")
    (listing,) = await ground.ledger.claim("agents", 1)
    detail = f"they said {ground.client.password}"
    incident = Incident(kind=IncidentKind.FAILED, endpoint="agents", key="", detail=detail)
    await conductor._fetching._record(Page(listing=listing, state=State.FAILED, incidents=(incident,)))
    assert [one.detail.startswith("they said") for one in noted] == [True]
    assert ground.client.password not in noted[0].detail
    await conductor.connection.transport.close()


# ── the beginning of history ────────────────────────────────────────────────────────────────


async def keys(ledger: Ledger, endpoint: str) -> list[str]:
    """Of listings that wait."""
    return [listing.key for listing in await ledger.claim(endpoint, 9999)]


async def test_windows_are_asked_for_from_where_history_begins(ground: Ground) -> None:
    """The records that tell it are asked for once, and not loaded."""
    async with sandboxed(size=4, vendor=assembled) as ground.client:
        conductor = await ground.conductor("event_changes", vendor=ASSEMBLED, ask_beginning=True)
        await conductor.run()
        asked = (await ground.client.own("/stats"))["requests"]
    assert (conductor.failure, conductor.spent) == (None, [])
    begins = date.fromisoformat(str(await ground.ledger.get_meta("beginning")))
    read = ground.ledger.counts("event_changes")[State.COMMITTED]
    days = (datetime.now(UTC).date() - begins).days
    assert read in (days // 7 + 1, days // 7 + 2)
    assert {endpoint for endpoint, _ in ground.loads.pages} <= {"event_changes"}
    assert asked == conductor.connection.traffic.sent == read + len(ASSEMBLED.beginning)


async def test_children_of_the_first_page_have_windows_from_the_beginning_on(ground: Ground) -> None:
    async with sandboxed(size=4, vendor=assembled) as ground.client:
        conductor = await ground.conductor("forecasted_vs_actuals", vendor=ASSEMBLED, ask_beginning=True)
        await conductor._fetching._look_back()
        await conductor._fetching._engine.run(conductor._fetching.stop)
        await conductor.connection.transport.close()
    begins = str(await ground.ledger.get_meta("beginning"))
    windows = [Window.of(key) for key in await keys(ground.ledger, "forecasted_vs_actuals")]
    assert windows[-1].start.isoformat() == begins


async def test_records_that_tell_no_day_are_no_sign_of_a_beginning(ground: Ground) -> None:
    vendor = replace(ASSEMBLED, beginning={"people": "never"})
    async with sandboxed(size=4, vendor=assembled) as ground.client:
        conductor = await ground.conductor("event_changes", vendor=vendor, ask_beginning=True)
        await conductor.run()
    assert "people tells where history begins, and can't be read: no record has never" in str(conductor.failure)
    assert await ground.ledger.get_meta("beginning") is None


async def test_a_vendor_without_records_has_no_beginning() -> None:
    async def nothing(listing: Listing) -> AsyncGenerator[Page]:
        yield Page(listing=listing, state=State.COMMITTED)

    assert await beginning(ASSEMBLED, nothing) is None


async def test_looking_back_is_abandoned_too(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_DRAIN_FETCH", 0.02)
    async with sandboxed(size=4, vendor=assembled, fault={"slow": 1.0}) as ground.client:
        conductor = await ground.conductor("event_changes", vendor=ASSEMBLED, ask_beginning=True)
        running = asyncio.create_task(conductor.run())
        await until(lambda: conductor.in_flight)
        conductor.stop()
        async with asyncio.timeout(30):
            await running
    assert (conductor.stopped, conductor.failure) == (True, None)
    assert await ground.ledger.get_meta("beginning") is None


# ── several APIs, and quotas ────────────────────────────────────────────────────────────────


async def test_each_api_is_asked_with_its_own_credentials(ground: Ground) -> None:
    async with sandboxed(size=4, vendor=clari) as ground.client:
        conductor = await ground.conductor("limits", "users", vendor=CLARI)
        await conductor.run()
        sent = (await ground.client.own("/stats"))["requests"]
    assert conductor.failure is None
    assert {endpoint for endpoint, _ in ground.loads.pages} == {"limits", "users"}
    assert conductor.connection.traffic.sent == sent == 2


async def test_what_a_spent_quota_leaves_over_waits_for_a_later_run(ground: Ground) -> None:
    """All else is fetched and committed; the gap is named once and not judged."""
    scarce = replace(CLARI, budgets={**CLARI.budgets, "week": WeeklyQuota(limit=5, keep=3)})
    copilot = ("users", "topics", "topics_v2", "scorecard_templates")
    async with sandboxed(size=4, vendor=clari) as ground.client:
        conductor = await ground.conductor(*copilot, "limits", "export_jobs", vendor=scarce)
        assert conductor.connection.quotas() == ["week: 2 of 2 requests are left this week"]
        await conductor.run()
    assert conductor.failure is None
    assert [one.budget for one in conductor.spent] == ["week"]
    summary = await ground.ledger.summary()
    assert dict(summary.incidents) == {IncidentKind.QUOTA: 1}
    assert (summary.gaps, summary.unloaded) == (1, 0)
    assert sum(ground.ledger.counts(name)[State.PENDING] for name in copilot) == 2
    assert {"limits", "export_jobs"} <= {endpoint for endpoint, _ in ground.loads.pages}


async def test_without_quota_for_the_beginning_all_else_goes_on(ground: Ground) -> None:
    scarce = replace(CLARI, budgets={**CLARI.budgets, "week": WeeklyQuota(limit=3, keep=3)})
    async with sandboxed(size=4, vendor=clari) as ground.client:
        conductor = await ground.conductor("calls", "limits", vendor=scarce, ask_beginning=True)
        await conductor.run()
    assert conductor.failure is None
    assert [one.budget for one in conductor.spent] == ["week"]
    assert await ground.ledger.get_meta("beginning") is None, "a later run asks again"
    assert ground.ledger.counts("limits")[State.COMMITTED] == 1
    assert dict((await ground.ledger.summary()).incidents) == {IncidentKind.QUOTA: 1}
