"""Ledger and destination brought together: a real ledger, and a destination that is told what to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from extractor.errors import OtherAccount, UsageError
from extractor.ledger import Ledger, ListingRow, incident_rows, listing_rows
from extractor.load import LoadProcess, Rebuilt
from extractor.model import Children, Endpoint, Found, Incident, IncidentKind, Page, State, Windows
from extractor.run.job import Job, Place
from extractor.run.resume import Standing, finish, resume
from extractor.selection import Selection, select
from extractor.settings import Settings
from extractor.vendors.gladly import VENDOR

TOMORROW = datetime.now(UTC).date() + timedelta(days=1)
REPORT = "report_conversation_export"
EARLY = date(2024, 3, 3)
ALL_SHIFTS = frozenset({"agents", "shifts"})


@dataclass
class FakeLoads:
    """What a destination knows, and what it is told."""

    loads: set[str] = field(default_factory=set)
    state: Mapping[str, object] | None = None
    rows: Sequence[ListingRow] = ()
    incidents: Sequence[Incident] = ()
    remembered: dict[str, Any] = field(default_factory=dict)
    cleared: int = 0

    async def committed(self, load_id: str) -> bool:
        return load_id in self.loads

    async def rebuild(self, file: Path) -> Rebuilt:
        file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in self.rows))  # noqa: ASYNC240 - a few lines
        return Rebuilt(state=self.state, listings=len(self.rows), incidents=self.incidents)

    async def remember(self, state: Mapping[str, object]) -> None:
        self.remembered = dict(state)

    async def clear(self) -> None:
        self.cleared += 1

    async def count(self) -> Mapping[str, int]:
        return {"_extractor_listings": len(self.rows)}


@dataclass
class Ground:
    folder: Path
    ledger: Ledger
    loads: FakeLoads = field(default_factory=FakeLoads)

    def job(self, *only: str, account: str = "acme", **options: Any) -> Job:
        also = options.pop("also", ())
        plain: dict[str, Any] = {
            "vendor": VENDOR,
            "settings": Settings(base_urls={"": "https://h.test/api"}, values={}, secrets=frozenset(), account=account),
            "selection": select(VENDOR, only, also),
            "given": {},
            "place": Place(pipeline="p", dataset="d", destination="duckdb", folder=self.folder),
            "since": None,
            "until": None,
            "rate_share": 1.0,
            "commit_every": 30.0,
            "ids": None,
            "fresh": False,
        }
        return Job(**(plain | options))

    async def resume(self, *only: str, **options: Any) -> Standing:
        return await resume(self.job(*only, **options), self.ledger, cast("LoadProcess", self.loads))

    async def fetch(self, *endpoints: str, found: Sequence[Found] = ()) -> None:
        """Everything of these endpoints that waits is answered."""
        for name in endpoints:
            for listing in await self.ledger.claim(name, 99):
                page = Page(listing=listing, state=State.COMMITTED, payload=b"[1]", records=1, found=tuple(found))
                await self.ledger.record(page)

    async def refuse(self, endpoint: str) -> None:
        """The vendor doesn't let us read one of its listings; it waits, claimed for as long as this process lives."""
        (listing,) = await self.ledger.claim(endpoint, 1)
        await self.ledger.note([Incident(kind=IncidentKind.REFUSED, endpoint=endpoint, key=listing.key)])

    async def begin_process(self) -> None:
        """The process ends and another one begins."""
        await self.ledger.close()
        self.ledger = await Ledger.open(self.folder)

    async def load(self, load_id: str) -> None:
        await self.ledger.seal()
        chunk = await self.ledger.next_sealed()
        assert chunk is not None
        await self.ledger.loading(chunk.id, load_id)
        await self.ledger.loaded(chunk.id)
        self.loads.loads.add(load_id)

    async def everything(self, *only: str, **options: Any) -> Standing:
        """One whole run without children."""
        standing = await self.resume(*only, **options)
        job = self.job(*only, **options)
        await self.fetch(*job.selection.fetched)
        await self.load("load")
        await finish(job, self.ledger)
        return standing

    def waiting(self) -> set[str]:
        names = [endpoint.name for endpoint in VENDOR.endpoints]
        return {name for name in names if self.ledger.counts(name)[State.PENDING]}


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    folder = tmp_path / "p"
    one = Ground(folder, await Ledger.open(folder))
    yield one
    await one.ledger.close()


def row(endpoint: str, key: str = "", state: str = "committed", records: int = 1) -> ListingRow:
    return endpoint, key, None, None, state, None, records, 1, 1_700_000_000


# ── beginning, and going on ─────────────────────────────────────────────────────────────────


async def test_a_new_pipeline_begins_with_its_roots(ground: Ground) -> None:
    standing = await ground.resume("agents", "teams")
    assert (standing.span.until, standing.known, standing.nothing_to_do, standing.told) == (TOMORROW, False, False, [])
    assert ground.waiting() == {"agents", "teams"}
    assert ground.loads.remembered["identity"]["account"] == "acme"


async def test_the_end_of_all_windows_is_frozen_by_the_first_start(ground: Ground) -> None:
    await ground.everything("agents")
    await ground.ledger.set_meta(until="2024-03-05")
    assert (await ground.resume("agents")).span.until == date(2024, 3, 5)
    narrow = await ground.resume("agents", until=date(2020, 1, 1))
    assert narrow.span.until == date(2020, 1, 1)
    assert ground.loads.remembered["until"] == "2024-03-05"
    assert (await ground.resume("agents")).span.until == date(2024, 3, 5)


async def test_a_backfill_is_told_from_one_that_loads_everything_anew(ground: Ground) -> None:
    """By that the load knows which rows of a table that is replaced are its own; another machine must know it, too."""
    await ground.resume("agents")
    began = ground.loads.remembered["began"]
    await ground.fetch("agents")
    await ground.resume("agents")
    assert ground.loads.remembered["began"] == began
    await ground.resume("agents", fresh=True)
    assert ground.loads.remembered["began"] not in (None, began)


async def test_there_is_nothing_to_do_only_when_all_was_judged_and_loaded(ground: Ground) -> None:
    await ground.resume("agents", "teams")
    await ground.fetch("agents", "teams")
    assert not (await ground.resume("agents", "teams")).nothing_to_do, "not loaded"
    await ground.load("load")
    assert not (await ground.resume("agents", "teams")).nothing_to_do, "killed before it was judged"
    await finish(ground.job("agents", "teams"), ground.ledger)
    assert (await ground.resume("agents", "teams")).nothing_to_do
    assert (await ground.resume("agents")).nothing_to_do
    assert not (await ground.resume("agents", "inboxes")).nothing_to_do
    assert not (await ground.resume("agents", "teams", fresh=True)).nothing_to_do


async def test_what_was_refused_is_asked_again_and_an_incident_until_it_is_read(ground: Ground) -> None:
    await ground.resume("agents", "teams")
    await ground.fetch("agents")
    await ground.refuse("teams")
    await finish(ground.job("agents", "teams"), ground.ledger)
    assert (await ground.ledger.summary()).gaps == 1
    await ground.begin_process()
    again = await ground.resume("agents", "teams")
    assert (again.known, again.nothing_to_do) == (True, False)
    assert (await ground.ledger.made_good(), (await ground.ledger.summary()).gaps) == (0, 1)
    await ground.fetch("teams")
    assert (await ground.ledger.made_good(), (await ground.ledger.summary()).gaps) == (1, 0)


async def test_a_quota_that_was_spent_is_no_incident_any_more_when_a_later_run_goes_on(ground: Ground) -> None:
    await ground.resume("agents", "teams")
    await ground.fetch("agents")
    await ground.ledger.note([Incident(kind=IncidentKind.QUOTA, endpoint="teams", key="")])
    assert not (await ground.resume("agents", "teams")).nothing_to_do
    assert (await ground.ledger.summary()).gaps == 0
    assert ground.waiting() == {"teams"}


# ── where history begins ────────────────────────────────────────────────────────────────────

REPORT = "report_conversation_export"
EARLY = date(2024, 3, 3)
ALL_SHIFTS = frozenset({"agents", "shifts"})
FOUNDED = replace(
    VENDOR,
    endpoints=tuple(
        replace(one, windows=replace(one.windows, begin="beginning")) if one.windows else one
        for one in VENDOR.endpoints
    ),
)


async def test_the_beginning_is_asked_for_once_and_kept(ground: Ground) -> None:
    standing = await ground.resume(REPORT, vendor=FOUNDED)
    assert (standing.ask_beginning, standing.span.beginning) == (True, None)
    assert not ground.waiting()
    begins = TOMORROW - timedelta(days=40)
    await ground.ledger.set_meta(beginning=begins.isoformat(), answered=True)
    again = await ground.resume(REPORT, vendor=FOUNDED)
    assert (again.ask_beginning, again.span.beginning) == (False, begins)
    assert ground.waiting() == {REPORT}


async def test_a_pipeline_without_a_beginning_is_not_finished(ground: Ground) -> None:
    """An earlier run that chose its days has not asked for it."""
    await ground.everything(REPORT, vendor=FOUNDED, since=TOMORROW - timedelta(days=1))
    assert (await ground.resume(REPORT, vendor=FOUNDED, since=TOMORROW - timedelta(days=1))).nothing_to_do
    whole = await ground.resume(REPORT, vendor=FOUNDED)
    assert (whole.ask_beginning, whole.nothing_to_do) == (True, False)


SHIFTS = replace(
    FOUNDED,
    endpoints=(
        *FOUNDED.endpoints,
        Endpoint(
            name="shifts",
            path="/shifts/{key}",
            parents=(Children(endpoint="agents", key="id"),),
            windows=Windows(days=28, begin="beginning"),
        ),
    ),
)


@pytest.mark.parametrize("days", [{}, {"since": date(2024, 1, 1)}, {"since": EARLY, "until": TOMORROW}])
async def test_other_days_have_parents_name_the_windows_of_their_children_anew(
    ground: Ground, days: dict[str, date]
) -> None:
    """The same days don't."""
    selection = {"fetched": ["agents", "shifts"], "loaded": ["agents", "shifts"], "narrow": []}
    chosen = Selection(loaded=ALL_SHIFTS, fetched=ALL_SHIFTS, unheld=frozenset())
    first = {"vendor": SHIFTS, "selection": chosen, "since": EARLY}
    await ground.resume(**first)
    await ground.fetch("agents")
    assert (await ground.ledger.get_meta("selection")) == selection | {"narrow": ["shifts"]}
    await ground.resume(**first)
    assert not ground.waiting()
    await ground.resume(**(first | {"since": None} | days))
    assert ground.waiting() == {"agents"}


@pytest.mark.parametrize("only", ["agents", REPORT])
async def test_nobody_asks_for_the_beginning_without_need(ground: Ground, only: str) -> None:
    since = TOMORROW - timedelta(days=9) if only == REPORT else None
    assert not (await ground.resume(only, vendor=FOUNDED, since=since)).ask_beginning
    assert ground.waiting() == {only}


# ── whose pipeline it is ────────────────────────────────────────────────────────────────────


async def test_another_account_is_refused_once_something_was_answered(ground: Ground) -> None:
    await ground.resume("agents", account="typo")
    assert not (await ground.resume("agents")).known
    await ground.fetch("agents")
    with pytest.raises(OtherAccount, match=r"'acme', and the settings say 'other'.*--fresh"):
        await ground.resume("agents", account="other")
    await ground.resume("agents", account="other", fresh=True)
    assert ground.loads.cleared == 1
    assert ground.waiting() == {"agents"}


async def test_another_machine_refuses_another_account_too(ground: Ground) -> None:
    ground.loads.state = {"identity": ground.job().identity, "until": "2024-03-05"}
    ground.loads.rows = [row("agents")]
    with pytest.raises(OtherAccount):
        await ground.resume("agents", account="other")


async def test_a_senseless_file_of_ids_is_told_before_anything_changes(ground: Ground, tmp_path: Path) -> None:
    await ground.everything("agents")
    file = tmp_path / "ids.csv"
    file.write_text("name,town\n")
    with pytest.raises(UsageError, match="--ids"):
        await ground.resume("agents", ids=file, fresh=True)
    assert ground.loads.cleared == 0
    assert ground.ledger.counts("agents")[State.COMMITTED] == 1


async def test_customers_of_a_file_are_listings_beside_the_roots(ground: Ground, tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text("a\nb\n")
    await ground.resume("customer_profiles", ids=file)
    assert [listing.key for listing in await ground.ledger.claim("customer_profiles", 9)] == ["a", "b"]


# ── the destination decides ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_load_that_was_under_way_counts_if_the_destination_has_it(ground: Ground, arrived: bool) -> None:
    await ground.resume("agents")
    await ground.fetch("agents")
    await ground.ledger.seal()
    chunk = await ground.ledger.next_sealed()
    assert chunk is not None
    await ground.ledger.loading(chunk.id, "under way")
    ground.loads.loads = {"under way"} if arrived else set()
    await ground.resume("agents")
    left = await ground.ledger.next_sealed()
    assert (left is None) == arrived
    assert ground.waiting() == set(), "nothing is fetched again in either case"


async def test_a_destination_that_was_deleted_is_loaded_again(ground: Ground) -> None:
    await ground.everything("agents", "teams")
    ground.loads.loads = set()
    standing = await ground.resume("agents", "teams")
    assert "everything is loaded again" in standing.told[0]
    assert ground.waiting() == {"agents", "teams"}
    assert not standing.nothing_to_do


async def test_a_ledger_that_was_deleted_is_read_back(ground: Ground) -> None:
    ground.loads.state = {"identity": ground.job().identity, "until": "2024-03-05"}
    ground.loads.rows = [row("agents"), row("teams", state="pending")]
    standing = await ground.resume("agents", "teams")
    assert standing.told == ["No ledger in this folder: 2 lists were read back from the destination."]
    assert (standing.span.until, standing.known) == (date(2024, 3, 5), True)
    assert ground.waiting() == {"teams"}


@pytest.mark.parametrize("fresh", [False, True])
async def test_what_a_run_left_that_was_killed_while_it_read_back_is_removed(ground: Ground, fresh: bool) -> None:
    await ground.resume("agents")
    before = {path.name for path in ground.folder.iterdir()}
    (ground.folder / "listings.jsonl").write_text("half a li")
    await ground.resume("agents", fresh=fresh)
    assert {path.name for path in ground.folder.iterdir()} == before


async def test_a_destination_that_is_deleted_after_that_is_noticed_too(ground: Ground) -> None:
    """A ledger that was read back knows no load id of its own."""
    ground.loads.state = {"identity": ground.job().identity, "until": "2024-03-05"}
    ground.loads.rows = [row("agents")]
    await ground.resume("agents")
    assert ground.waiting() == set()
    ground.loads.rows = []
    assert "everything is loaded again" in (await ground.resume("agents")).told[0]
    assert ground.waiting() == {"agents"}


async def test_incidents_come_back_with_the_listings(ground: Ground) -> None:
    ground.loads.state = {"identity": ground.job().identity, "until": "2024-03-05"}
    ground.loads.rows = [row("conversation_items", "long", records=1000), row("conversation_items", "short")]
    ground.loads.incidents = [
        Incident(kind=IncidentKind.TRUNCATED, endpoint="conversation_items", key="long"),
        Incident(kind=IncidentKind.GONE, endpoint="tasks", key="c", gap=False),
    ]
    await ground.resume("conversation_items")
    summary = await ground.ledger.summary()
    assert (summary.gaps, dict(summary.incidents)) == (1, {IncidentKind.TRUNCATED: 1, IncidentKind.GONE: 1})
    assert await ground.ledger.truncated("conversation_items") == [("long", {})], "it can be judged again"


# ── more than before ────────────────────────────────────────────────────────────────────────


async def test_lists_are_read_again_for_children_that_nobody_wanted(ground: Ground) -> None:
    await ground.everything("agents")
    await ground.resume("agents_get")
    assert "agents" in ground.waiting()


async def test_what_a_configuration_has_loaded_is_not_read_again_for_others(ground: Ground) -> None:
    """Its rows may have no key by which they could be loaded over."""
    configured = replace(VENDOR, configuration="shop.py:config")
    await ground.everything("agents", vendor=configured)
    with pytest.raises(UsageError, match="has loaded agents, and other resources than before"):
        await ground.resume("agents", "agents_get", vendor=configured)
    assert not ground.waiting()
    # What needs no list again may come later.
    await ground.resume("agents", "teams", vendor=configured)
    assert ground.waiting() == {"teams"}


async def test_lists_are_read_again_whose_records_were_left_behind(ground: Ground) -> None:
    await ground.everything("agents_get")
    assert ground.waiting() == set()
    await ground.resume("agents_get", "agents")
    assert ground.waiting() == {"agents"}
    await ground.fetch("agents")
    await ground.resume("agents_get", "agents")
    assert ground.waiting() == set(), "once"


async def test_what_is_read_again_is_known_to_the_destination(ground: Ground) -> None:
    """Or a machine without this ledger would take it for done."""
    await ground.everything("agents_get")
    await ground.resume("agents_get", "agents")
    chunk = await ground.ledger.seal()
    assert chunk is not None
    states = {(one[0], one[4]) for rows in listing_rows(ground.folder, chunk) for one in rows}
    assert ("agents", "pending") in states
    assert "agents" in ground.loads.remembered["selection"]["loaded"]


async def test_another_machine_knows_for_how_little_lists_were_read(ground: Ground) -> None:
    ground.loads.state = {
        "identity": ground.job().identity,
        "until": "2024-03-05",
        "selection": {"fetched": ["agents", "agents_get"], "loaded": ["agents_get"], "narrow": []},
    }
    ground.loads.rows = [row("agents")]
    await ground.resume("agents")
    assert ground.waiting() == {"agents"}


async def test_windows_of_some_days_are_read_again_for_all_of_history(ground: Ground) -> None:
    options = {"since": TOMORROW - timedelta(days=3)}
    narrow = await ground.everything(REPORT, **options)
    assert not narrow.all_history
    wide = await ground.resume(REPORT)
    assert wide.all_history
    assert REPORT in ground.waiting()


@pytest.mark.parametrize("narrow", [{"since": TOMORROW - timedelta(days=3)}, {"until": date(2024, 1, 1)}])
async def test_history_that_was_read_once_stays_read(ground: Ground, narrow: Mapping[str, date]) -> None:
    await ground.everything(REPORT)
    assert (await ground.resume(REPORT, **narrow)).all_history
    await ground.fetch(REPORT)
    assert (await ground.resume(REPORT)).all_history
    assert REPORT not in ground.waiting()


async def test_history_that_was_interrupted_by_a_run_for_some_days_is_taken_up(ground: Ground) -> None:
    await ground.resume(REPORT)
    await ground.fetch("agents")
    await ground.ledger.set_meta(answered=True)
    assert not (await ground.resume(REPORT, since=TOMORROW - timedelta(days=3))).all_history
    await ground.fetch(REPORT)
    await ground.resume(REPORT)
    assert REPORT in ground.waiting(), "the window that was open did not say what lies before it"


async def test_incidents_of_what_is_read_again_are_resolved(ground: Ground) -> None:
    await ground.everything("agents_get")
    await ground.ledger.note([Incident(kind=IncidentKind.FAILED, endpoint="agents", key="")])
    await ground.load("noted")
    await ground.resume("agents")
    assert (await ground.ledger.summary()).gaps == 0
    chunk = await ground.ledger.seal()
    assert chunk is not None
    (found,) = [one for rows in incident_rows(ground.folder, chunk) for one in rows]
    assert (found[1], found[2], found[-1] is not None) == ("failed", "agents", True)


async def test_a_route_that_is_named_waits_no_more(ground: Ground) -> None:
    await ground.resume("conversations")
    await ground.fetch(REPORT, found=[Found(endpoint="conversation", key="x", state=State.HELD)])
    assert ground.ledger.counts("conversation")[State.HELD] == 1
    await ground.resume("conversations", also=("conversation",))
    assert ground.ledger.counts("conversation")[State.PENDING] == 1
