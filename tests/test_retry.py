"""What failed is asked for again, alone, until the tables are those of a run that nothing disturbed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from runs import QUICK, Place, Proxy, listings_left, proxy

from benchmarks.rig import Sandbox, difference, sandbox, tables
from extractor import failures as failing
from extractor.account import ExitCode
from extractor.errors import UsageError
from extractor.model import Listing, Page, State
from extractor.slices import Slices
from extractor.transport import retrying
from extractor.vendors.gladly import VENDOR
from extractor.windows import grid


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *QUICK, "--size", "4") as one:
        yield one


@pytest.fixture(scope="module")
def whole(played: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where everything was loaded in one run, to compare others with; nobody may change it."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        place = Place(folder, played)
        assert place.run().code is ExitCode.COMPLETE
    return place


@pytest.fixture
def place(played: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    return Place(tmp_path, played)


@pytest.fixture
def between(place: Place) -> Iterator[Proxy]:
    """Stands before the vendor."""
    with proxy(place.played) as one:
        place.settings["base_url"] = one.base_url
        yield one


def some_lists(whole: Place) -> dict[str, int]:
    """Paths that the vendor can be made to answer with a status after which nobody asks again."""
    customers = [key for (key,) in whole.rows("SELECT id FROM customer_profiles ORDER BY id LIMIT 3")]
    (item,) = whole.rows(
        f"SELECT conversation_id FROM conversation_items WHERE customer_id != '{customers[0]}' ORDER BY 1 DESC LIMIT 1"
    )
    return {f"/customers/{customers[0]}/": 422, f"/conversations/{item[0]}/items": 422}


def assert_as_whole(place: Place, whole: Place) -> None:
    def data(one: Place) -> dict[str, list[tuple[Any, ...]]]:
        return {name: rows for name, rows in tables(one.folder).items() if not name.startswith("_extractor")}

    # Of what waits for all else, the retry asked for what the failed list would have delivered.
    lists = "SELECT endpoint, key, state FROM _extractor_listings"
    assert not difference(data(whole), data(place))
    assert unresolved(place) == unresolved(whole)
    assert set(place.rows(lists)) == set(whole.rows(lists))


def unresolved(place: Place) -> set[tuple[Any, ...]]:
    return set(place.rows("SELECT kind, endpoint, key FROM _extractor_incidents WHERE resolved_at IS NULL"))


def failures(place: Place, *, resolved: bool) -> int:
    condition = f"kind = 'failed' AND resolved_at IS {'NOT ' if resolved else ''}NULL"
    return int(place.rows(f"SELECT count(*) FROM _extractor_incidents WHERE {condition}")[0][0])


# ── nothing but what failed ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_what_failed_is_asked_again_and_nothing_that_was_answered(
    place: Place, whole: Place, between: Proxy, ledger: str
) -> None:
    between.spoiled = some_lists(whole)
    assert place.run().code is ExitCode.PARTIAL
    failed = failures(place, resolved=False)
    assert failed == sum(between.seen.values()) >= len(between.spoiled)
    answered, between.handed_on = set(between.handed_on), []

    plain = place.run()
    assert (plain.code, plain.nothing_to_do, plain.requests) == (ExitCode.PARTIAL, True, 0)

    if ledger == "lost":
        shutil.rmtree(place.folder / ".extractor")
    spoiled, between.spoiled = between.spoiled, {}
    outcome = place.retry()
    assert outcome.code is ExitCode.COMPLETE
    assert outcome.requests == len(between.handed_on)
    assert not answered & set(between.handed_on)
    assert all(any(path.startswith(each) for path in between.handed_on) for each in spoiled)
    assert (failures(place, resolved=True), failures(place, resolved=False)) == (failed, 0)
    assert_as_whole(place, whole)

    again = place.retry()
    assert (again.code, again.nothing_to_do, again.requests) == (ExitCode.COMPLETE, True, 0)
    assert again.message.startswith("Nothing to do: no list has failed.")
    assert place.run().nothing_to_do


def test_what_fails_again_keeps_its_incident(place: Place, whole: Place, between: Proxy) -> None:
    between.spoiled = some_lists(whole)
    place.run()
    before, between.handed_on = unresolved(place), []
    outcome = place.retry()
    assert outcome.code is ExitCode.PARTIAL
    assert outcome.requests == failures(place, resolved=False) > 0
    assert between.handed_on == []
    assert unresolved(place) == before
    between.spoiled = {}
    assert place.retry().code is ExitCode.COMPLETE
    assert_as_whole(place, whole)


def test_a_walk_back_that_failing_windows_ended_goes_on_from_the_last_of_them() -> None:
    until = date(2026, 3, 1)
    windows = {one.name: one.windows for one in VENDOR.endpoints}["report_conversation_export"]
    assert windows is not None
    slices = Slices(VENDOR, since=None, until=until)
    oldest_first = list(grid(windows, date(2020, 1, 1), until))[::-1]
    listing = Listing(id=1, endpoint="report_conversation_export", key=oldest_first[5].key_of(""))
    for _ in range(4):
        failed = slices.last(Page(listing=listing, state=State.FAILED))
        listing = replace(listing, fields=failed.found[0].fields, key=failed.found[0].key) if failed.found else listing
    assert not failed.found
    (earlier,) = slices.last(Page(listing=listing, state=State.COMMITTED)).found
    assert earlier.key < listing.key
    assert not earlier.fields


def test_what_was_refused_is_asked_again(place: Place, whole: Place, between: Proxy) -> None:
    between.spoiled = {"/teams": 403}
    refused = place.run()
    assert (refused.code, refused.incidents["refused"]) == (ExitCode.PARTIAL, 1)
    between.spoiled, between.handed_on = {}, []
    assert place.retry().code is ExitCode.COMPLETE
    assert between.handed_on == ["/teams"]
    assert_as_whole(place, whole)


def test_a_sandbox_that_is_stuck_at_some_paths(place: Place, whole: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.001)
    with sandbox("gladly", *QUICK, "--size", "4", "--fault", "stuck=0.1") as stuck:
        ill = Place(place.folder, stuck)
        assert ill.run().code is ExitCode.PARTIAL
    assert failures(place, resolved=False) > 0
    assert place.retry().code is ExitCode.COMPLETE
    assert_as_whole(place, whole)


# ── while other things wait ─────────────────────────────────────────────────────────────────


def test_a_retry_that_ends_early_is_taken_up_by_the_next_one(place: Place, whole: Place, between: Proxy) -> None:
    between.spoiled = {"/customers/": 422}
    place.run()
    between.spoiled, between.after = {"": 401}, between.requests + 5
    ended = place.retry()
    assert ended.code is ExitCode.FAILED
    assert "401" in ended.message
    between.spoiled = {}
    assert place.retry().code is ExitCode.COMPLETE
    assert_as_whole(place, whole)


def test_too_many_failures_end_the_run_and_a_retry_leaves_the_rest_to_a_backfill(
    place: Place, whole: Place, between: Proxy
) -> None:
    between.spoiled = {"/customers/": 422}
    stopped = place.run(max_failures="2")
    assert stopped.code is ExitCode.FAILED
    assert "3 of" in stopped.message
    assert "--max-failures 2" in stopped.message
    assert "answered with status 422" in stopped.message
    assert "extractor retry gladly" in stopped.message
    failed = failures(place, resolved=False)
    assert failed >= 3
    assert listings_left(place)
    answered, between.spoiled, between.handed_on = set(between.handed_on), {}, []

    outcome = place.retry()
    assert outcome.code is ExitCode.PARTIAL
    assert "left to: backfill gladly" in outcome.message
    assert not answered & set(between.handed_on)
    assert failures(place, resolved=True) == failed
    assert listings_left(place)

    assert place.run().code is ExitCode.COMPLETE
    assert_as_whole(place, whole)


def test_a_share_of_failures_says_nothing_before_some_lists_are_finished(
    place: Place, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    between.spoiled = {"/teams": 422}
    assert place.run(only=("agents", "teams"), max_failures="10%").code is ExitCode.PARTIAL
    between.spoiled = {"/conversations/": 422}
    monkeypatch.setattr(failing, "_PERCENT_AFTER", 5)
    stopped = place.run(only=("conversation_items",), max_failures="10%")
    assert stopped.code is ExitCode.FAILED
    assert "more than --max-failures 10% allows" in stopped.message


@pytest.mark.parametrize(("status", "says"), [(503, "no answer from the vendor for 0.2 s"), (429, "nothing but 429")])
def test_patience_ends_and_what_is_there_is_committed(
    place: Place, whole: Place, between: Proxy, status: int, says: str
) -> None:
    between.spoiled, between.after = {"": status}, 20
    outcome = place.run(patience=0.2)
    assert outcome.code is ExitCode.FAILED
    assert says in outcome.message
    assert place.rows("SELECT count(*) FROM organization") == [(1,)]
    between.spoiled = {}
    place.run()
    assert place.retry().code is ExitCode.COMPLETE, "a limit of one endpoint's own fails its lists"
    assert_as_whole(place, whole)


def test_there_must_be_something_to_mend(place: Place) -> None:
    before = {path.name for path in place.folder.iterdir()}
    with pytest.raises(UsageError, match="There is no pipeline"):
        place.retry()
    assert {path.name for path in place.folder.iterdir()} == before, "no folder, and no empty database"


def test_settings_that_make_no_sense_are_a_mistake(place: Place) -> None:
    with pytest.raises(UsageError, match="no limit on failures"):
        place.run(max_failures="many")
    with pytest.raises(UsageError, match="patience is 0"):
        place.run(patience=0.0)
