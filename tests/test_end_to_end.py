"""Whole backfills: the sandbox in a process of its own, both halves of a run, a DuckDB file."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from runs import QUICK, Place, listings_left, proxy

import extractor
from benchmarks.rig import DATASET, PIPELINE, Sandbox, difference, missing, sandbox, tables
from extractor.account import ExitCode, Snapshot
from extractor.errors import (
    CredentialsError,
    DestinationError,
    OtherAccount,
    PipelineBusy,
    SettingsError,
    Unreachable,
    UsageError,
)
from extractor.run import status


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *QUICK, "--size", "8") as one:
        yield one


@pytest.fixture
def place(played: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    played.ask("reset-stats", "POST")
    return Place(folder, played)


@pytest.fixture(scope="module")
def whole(played: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was loaded in one run, to compare others with; nobody may change it."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        assert Place(folder, played).run().code is ExitCode.COMPLETE
    return folder


def data(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The vendor's tables."""
    return {name: rows for name, rows in tables(folder).items() if not name.startswith("_extractor")}


def incidents(folder: Path) -> set[tuple[Any, ...]]:
    """Those that nobody resolved."""
    return set(
        _query(folder, f"SELECT kind, endpoint, key FROM {DATASET}._extractor_incidents WHERE resolved_at IS NULL")
    )


def lists(folder: Path) -> set[tuple[Any, ...]]:
    return set(_query(folder, f"SELECT endpoint, key, state, records FROM {DATASET}._extractor_listings"))


def assert_as_whole(folder: Path, whole: Path) -> None:
    """What one run would have loaded; an earlier one for some days asked for windows of its own."""
    assert not difference(data(whole), data(folder))
    assert incidents(folder) == incidents(whole)
    assert lists(folder) >= lists(whole)


def _query(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / f"{PIPELINE}.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def loads(place: Place) -> list[tuple[int, int]]:
    """How many rows each load id has, and their status: each pair once."""
    return place.rows("SELECT DISTINCT count(*), max(status) FROM _dlt_loads GROUP BY load_id")


# ── everything there is ─────────────────────────────────────────────────────────────────────


def test_everything_is_loaded_or_named_and_a_second_run_has_nothing_to_do(place: Place) -> None:
    before = place.played.ask("truth")
    snapshots: list[Snapshot] = []
    outcome = place.run(progress=snapshots.append)
    assert outcome.code is ExitCode.COMPLETE
    assert outcome.requests == place.requests() > 0
    assert not any(missing("gladly", place.folder, (before, place.played.ask("truth"))).values())
    assert loads(place) == [(1, 0)]
    assert listings_left(place) == []
    assert snapshots[0].phase == "opening the destination"
    assert snapshots[-1].requests == outcome.requests
    for one in outcome.tables:
        assert one.rows == place.rows(f"SELECT count(*) FROM {one.table}")[0][0]
        assert one.waiting == one.failed == 0
    assert not list((place.state / "spool").iterdir()), "what is loaded needs no copy"

    again = place.run()
    assert (again.code, again.nothing_to_do, again.requests) == (ExitCode.COMPLETE, True, 0)
    assert again.message.startswith("Nothing to do")
    assert place.requests() == 0
    seen = status("gladly", pipeline_name=PIPELINE, dataset=DATASET)
    assert (seen.code, seen.incidents) == (again.code, again.incidents)

    shutil.rmtree(place.folder / ".extractor")
    elsewhere = status("gladly", pipeline_name=PIPELINE, dataset=DATASET)
    assert (elsewhere.code, elsewhere.incidents) == (again.code, again.incidents)
    rebuilt = place.run()
    assert (rebuilt.code, rebuilt.incidents) == (again.code, again.incidents)
    assert "read back from the destination" in rebuilt.message
    assert place.requests() == 0

    before_loss = tables(place.folder)
    place.database.unlink()
    anew = place.run()
    assert "everything is loaded again" in anew.message
    assert anew.code is ExitCode.COMPLETE
    assert place.requests() == anew.requests > 0
    assert not difference(before_loss, tables(place.folder))


def test_fresh_loads_everything_again(place: Place) -> None:
    assert place.run(only=("agents", "teams")).code is ExitCode.COMPLETE
    before = tables(place.folder)
    assert place.requests() == 2
    outcome = place.run(only=("agents", "teams"), fresh=True)
    assert (outcome.code, outcome.nothing_to_do) == (ExitCode.COMPLETE, False)
    assert place.requests() == 2
    assert not difference(before, tables(place.folder))
    assert loads(place) == [(1, 0)]


def test_lists_that_stay_cut_off_make_a_partial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation of more than 1,000 items in one session shows 1,000 of them by any route but the export files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    with sandbox("gladly", *QUICK, "--size", "400") as played:
        place = Place(tmp_path, played)
        before = played.ask("truth")
        outcome = place.run()
        assert outcome.code is ExitCode.PARTIAL
        assert outcome.incidents["truncated"] >= 1
        assert not any(missing("gladly", tmp_path, (before, played.ask("truth"))).values())
        place.requests()
        shutil.rmtree(tmp_path / ".extractor")
        elsewhere = place.run()
        assert (elsewhere.code, elsewhere.incidents, place.requests()) == (ExitCode.PARTIAL, outcome.incidents, 0)


# ── a part, then more ───────────────────────────────────────────────────────────────────────


def test_runs_that_widen_end_where_a_wide_one_does(place: Place, whole: Path) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=200)
    first = place.run(only=("conversations",))
    assert first.code is ExitCode.COMPLETE
    assert {one.table for one in first.tables} == {"conversations"}
    place.run(only=("conversation_items",), since=yesterday)
    place.run(only=("agents",), until=date(2021, 1, 1))
    last = place.run()
    assert last.code is ExitCode.COMPLETE
    assert_as_whole(place.folder, whole)


def test_a_token_that_ends_keeps_what_is_there_and_days_asked_for_meanwhile_hide_nothing(
    place: Place, whole: Path
) -> None:
    """A window that is read for some days only does not say what lies before it."""
    with proxy(place.played) as between:
        place.settings["base_url"] = between.base_url
        between.spoiled, between.after = {"": 401}, 20
        outcome = place.run()
        assert outcome.code is ExitCode.FAILED
        assert "401" in outcome.message
        assert place.rows("SELECT count(*) > 0 FROM agents") == [(True,)]
        assert listings_left(place)
        with pytest.raises(CredentialsError):
            place.run()
        between.spoiled = {}
        place.run(since=datetime.now(UTC).date() - timedelta(days=30))
        assert place.run().code is ExitCode.COMPLETE
    assert loads(place) == [(1, 0)]
    assert_as_whole(place.folder, whole)


def test_a_wider_run_on_another_machine_knows_how_narrow_the_first_one_was(place: Place, whole: Path) -> None:
    place.run(only=("conversations",))
    shutil.rmtree(place.folder / ".extractor")
    assert place.run().code is ExitCode.COMPLETE
    assert_as_whole(place.folder, whole)


def test_what_is_named_besides_is_loaded_besides(place: Place, whole: Path) -> None:
    narrow = place.run(only=("agents",), also=("teams",))
    assert {one.table for one in narrow.tables} == {"agents", "teams"}
    assert place.requests() == 2
    by_id = place.run(only=("conversation",))
    assert {one.table for one in by_id.tables} == {"conversations"}
    loaded = set(place.rows("SELECT id FROM conversations"))
    everything = {(row[0],) for row in _column(whole, "conversations", "id")}
    assert loaded <= everything
    assert len(loaded) >= len(everything) // 2, "each is asked for by its id, whatever the lists would have said"


def _column(folder: Path, table: str, column: str) -> list[tuple[Any, ...]]:
    return _query(folder, f"SELECT {column} FROM {DATASET}.{table}")


@pytest.mark.parametrize("column", ["id", "email", "phone", ""])
def test_customers_that_no_report_names_come_from_a_file(place: Place, whole: Path, column: str) -> None:
    """Without a report there is no other way to any customer."""
    known = _column(whole, "customer_profiles", "id")[:3]
    values = [row[0] for row in known]
    if column in ("email", "phone"):
        table, field = ("emails", "normalized") if column == "email" else ("phones", "normalized")
        chosen = ", ".join(f"'{value}'" for value in values)
        values = [
            row[0]
            for row in _query(
                whole,
                f"SELECT min(it.{field}) FROM {DATASET}.customer_profiles__{table} it"
                f" JOIN {DATASET}.customer_profiles root ON root._dlt_id = it._dlt_root_id"
                f" WHERE root.id IN ({chosen}) GROUP BY root.id",
            )
        ]
    assert values
    file = place.folder / "customers.csv"
    file.write_text("\n".join([*([column] if column else []), *values, ""]))
    # A window in which nothing happened names nobody.
    outcome = place.run(only=("customer_profiles",), ids=file, since=date(1990, 1, 1), until=date(1990, 1, 2))
    assert outcome.code is ExitCode.COMPLETE
    found = {row[0] for row in place.rows("SELECT id FROM customer_profiles")}
    assert found >= {row[0] for row in known} if column in ("id", "") else found


# ── mistakes of the caller ──────────────────────────────────────────────────────────────────


def test_mistakes_in_the_call_leave_nothing_behind(place: Place) -> None:
    for said, options in (
        ("no resource 'conversatons' .did you mean conversations", {"only": ("conversatons",)}),
        ("must lie before", {"since": date(2999, 1, 1)}),
        ("rate_share", {"rate_share": 0.0}),
        ("commit_every", {"commit_every": 0.0}),
        ("can't be the name", {"pipeline_name": "../elsewhere"}),
        ("no setting user", {"settings": {"user": "x"}}),
    ):
        with pytest.raises(UsageError, match=said):
            place.run(**options)
    with pytest.raises(UsageError, match="gladley"):
        extractor.backfill("gladley")
    with pytest.raises(SettingsError, match="username, password"):
        place.run(settings={"base_url": place.played.base_url})
    assert list(place.folder.iterdir()) == []
    assert place.requests() == 0


def test_an_unusable_file_of_ids_changes_nothing(place: Place) -> None:
    place.run(only=("agents",))
    file = place.folder / "customers.csv"
    file.write_text("name,place\nA,B\n")
    with pytest.raises(UsageError, match="one must be called id or email or phone"):
        place.run(only=("customer_profiles",), ids=file, fresh=True)
    assert place.rows("SELECT count(*) FROM _extractor_listings") == [(1,)]


def test_an_unknown_destination_is_a_mistake(place: Place) -> None:
    with pytest.raises(DestinationError, match=r"duckdc.*--destination"):
        place.run(destination="duckdc")
    assert place.requests() == 0


def test_a_folder_that_cannot_be_made_is_a_mistake(place: Place) -> None:
    (place.folder / ".extractor").write_text("a file")
    with pytest.raises(UsageError, match=r"\.extractor"):
        place.run()
    assert place.requests() == 0


def test_nobody_at_the_address_is_a_mistake(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place.settings["base_url"] = f"http://127.0.0.1:{free.getsockname()[1]}/api/v1"
    with pytest.raises(Unreachable):
        place.run(only=("agents",))


def test_a_wrong_first_call_does_not_stick(place: Place) -> None:
    """Credentials that open no door tie the pipeline to nothing, neither here nor in the destination."""
    good = dict(place.settings)
    place.settings |= {"organization": "typo", "password": "wrong"}
    with pytest.raises(CredentialsError, match="username and password"):
        place.run(only=("agents",), commit_every=0.01)
    shutil.rmtree(place.folder / ".extractor")
    place.settings = {**good, "organization": "acme"}
    assert place.run(only=("agents",)).code is ExitCode.COMPLETE
    place.settings["organization"] = "other"
    with pytest.raises(OtherAccount, match="--fresh"):
        place.run(only=("agents",))
    shutil.rmtree(place.folder / ".extractor")
    with pytest.raises(OtherAccount, match="'acme', and the settings say 'other'"):
        place.run(only=("agents",))
    assert place.run(only=("agents",), fresh=True).code is ExitCode.COMPLETE


# ── a vendor that says no ───────────────────────────────────────────────────────────────────


def test_an_endpoint_that_may_not_be_read_is_an_incident_until_it_may(place: Place, whole: Path) -> None:
    with proxy(place.played) as between:
        place.settings["base_url"] = between.base_url
        between.spoiled = {"/teams": 403}
        for number in (1, 2):
            outcome = place.run(only=("agents", "teams"))
            assert (outcome.code, outcome.incidents["refused"]) == (ExitCode.PARTIAL, 1)
            assert between.seen == {"/teams": number}, "the next run asks again"
        refused = "SELECT endpoint, status FROM _extractor_incidents WHERE kind = 'refused' AND resolved_at IS NULL"
        assert place.rows(refused) == [("teams", 403)]
        between.spoiled = {}
        healed = place.run(only=("agents", "teams"))
        assert (healed.code, healed.incidents) == (ExitCode.COMPLETE, {})
    assert _column(place.folder, "teams", "count(*)") == _column(whole, "teams", "count(*)")


def test_a_list_that_keeps_failing_is_an_incident(place: Place) -> None:
    with proxy(place.played) as between:
        place.settings["base_url"] = between.base_url
        between.spoiled = {"/webhooks": 422}
        outcome = place.run(only=("agents", "webhooks", "teams"))
        assert (outcome.code, outcome.incidents) == (ExitCode.PARTIAL, {"failed": 1})
        assert "1 failed" in outcome.message
        assert place.rows("SELECT kind, endpoint, status FROM _extractor_incidents") == [("failed", "webhooks", 422)]
        assert place.rows("SELECT count(*) > 0 FROM teams") == [(True,)]


# ── others at the same time ─────────────────────────────────────────────────────────────────


def test_a_second_run_is_refused_by_name(place: Place) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: Snapshot) -> None:
        begun.set()
        assert go_on.wait(30)

    first = threading.Thread(target=lambda: place.run(only=("agents",), progress=wait))
    first.start()
    try:
        assert begun.wait(30)
        while not (place.state / "lock").exists():
            go_on.wait(0.01)
        with pytest.raises(PipelineBusy, match=r"process \d+"):
            place.run(only=("agents",))
    finally:
        go_on.set()
        first.join()


async def test_it_runs_where_a_loop_runs_already(place: Place) -> None:
    """In a notebook, for instance."""
    assert asyncio.get_running_loop()
    assert place.run(only=("agents",)).code is ExitCode.COMPLETE


def test_the_pipeline_object_says_where(place: Place) -> None:
    pipeline = dlt.pipeline(
        "theirs",
        destination=dlt.destinations.duckdb("other.duckdb", destination_name="shelf"),
        dataset_name="kept",
        pipelines_dir=str(place.folder / "pipelines"),
    )
    outcome = extractor.backfill("gladly", pipeline=pipeline, only=("agents",), settings=place.settings)
    assert (outcome.pipeline, outcome.dataset) == ("theirs", "kept")
    assert outcome.where == str(place.folder / "other.duckdb")
    with duckdb.connect("other.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM kept.agents").fetchall() == [(True,)]
    assert not (place.folder / "theirs.duckdb").exists()
    memory = dlt.pipeline(
        "none",
        destination=dlt.destinations.duckdb(duckdb.connect(":memory:")),
        pipelines_dir=str(place.folder / "pipelines"),
    )
    with pytest.raises(UsageError, match="another process"):
        extractor.backfill("gladly", pipeline=memory, settings=place.settings)


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_dlts_own_tools_know_the_result(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(whole)
    monkeypatch.setenv("DLT_DATA_DIR", str(whole / "dlt"))
    data = dlt.pipeline(PIPELINE, destination="duckdb", dataset_name=DATASET).dataset()
    agents = data.agents.arrow()
    assert agents.num_rows == len(data.agents.df()) > 0
    (count,) = data("SELECT count(*) AS n FROM conversation_items").fetchall()
    assert count[0] > 0
    info = subprocess.run(
        [sys.executable, "-m", "dlt", "pipeline", PIPELINE, "info"], capture_output=True, text=True, check=False
    )
    assert info.returncode == 0, info.stderr
    assert "conversation_items" in info.stdout


def test_the_state_is_for_its_owner_alone(place: Place) -> None:
    place.run(only=("agents",), keep_raw=True)
    for path in (place.folder / ".extractor", *(place.folder / ".extractor").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert list((place.state / "raw").iterdir())
    with closing(sqlite3.connect(place.state / "ledger.sqlite")) as ledger:
        text = "\n".join(ledger.iterdump())
    assert place.settings["password"] not in text
