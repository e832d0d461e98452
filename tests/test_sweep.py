"""Backfills killed at points of every kind, and what the sweep that kills them would see if something were wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import duckdb
import pytest

from benchmarks.judge import judge, remains
from benchmarks.killpoints import Kill
from benchmarks.rig import DATASET, PIPELINE
from benchmarks.sweep import Calm, at_random, choose, figures, sweep, together

POINTS = 120
"""Kills that must really happen."""
KINDS = {
    "before ledger: COMMIT": "fetch",
    "after ledger: COMMIT": "fetch",
    "in pwrite": "fetch",
    "after destination: commit": "load",
    "os.rename": "load",
}
"""Points that must be among them, and whose they are."""


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder whose syncs cost nothing: a kill loses no more there than on a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - nothing secret is in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else otherwise) as folder:
        yield Path(folder)


def points_of_all_kinds(calm: Calm) -> list[tuple[Kill, ...]]:
    """So many, several to a run, and more of them one by one, should runs end before they come to their last ones."""
    demanded = [(Kill(half=half, kind=kind, number=2),) for kind, half in KINDS.items()]
    chosen = [kill for (kill,) in choose(calm, POINTS)]
    more = [kills for kills in choose(calm, 2 * POINTS) if kills[0] not in chosen]
    return [*demanded, *together(calm, chosen), *more]


def test_killed_at_any_point_and_started_again_it_ends_where_an_undisturbed_run_does(tmp_path: Path) -> None:
    with in_memory(tmp_path) as folder:
        verdicts = sweep(folder, points_of_all_kinds, enough=POINTS)
    wrong = [(verdict.killed, verdict.told) for verdict in verdicts if verdict.told]
    assert not wrong, figures(verdicts)
    killed = {kill for verdict in verdicts for kill in verdict.kills[: len(verdict.killed)]}
    assert len(killed) >= POINTS
    points = [point for verdict in verdicts for point in verdict.killed]
    assert [kind for kind in KINDS if not any(kind in point for point in points)] == []


def test_points_are_chosen_from_every_kind_and_always_the_same() -> None:
    names = ["os.remove .extractor/p/load/dlt/p/1.5/a"] * 50 + ["before pwrite"] * 2 + ["after destination: commit"]
    points = [
        (Kill(half=half, number=number), name) for half in ("load", "fetch") for number, name in enumerate(names, 1)
    ]
    calm = Calm(points=points, seconds=1.0)
    chosen = choose(calm, 12)
    assert chosen == choose(calm, 12)
    assert {kill.number for (kill,) in chosen} >= {51, 52, 53}
    assert len(choose(calm, 1000)) == len(points)
    assert all(len(kills) == 2 for kills in choose(calm, 6, double=True))


def test_points_that_share_a_run_are_no_more_than_its_halves_come_to() -> None:
    points = [(Kill(half=half, number=number), "") for half in ("load", "fetch") for number in range(1, 51)]
    calm = Calm(points=points, seconds=1.0)
    runs = together(calm, (kill for kill, _ in points))
    assert sorted(map(str, (kill for run in runs for kill in run))) == sorted(str(kill) for kill, _ in points)
    assert len(runs) < len(points) / 2
    for run in runs:
        assert max(sum(kill.number for kill in run if kill.half == half) for half in ("load", "fetch")) <= 50
        assert [kill.half for kill in run] == sorted(kill.half for kill in run)


def test_random_moments_are_the_seeds_and_within_the_run() -> None:
    calm = Calm(points=[], seconds=3.0)
    runs = list(islice(at_random(calm, seed=5), 50))
    assert runs == list(islice(at_random(calm, seed=5), 50))
    assert runs != list(islice(at_random(calm, seed=6), 50))
    kills = [kill for run in runs for kill in run]
    assert {(kill.half, kill.both) for kill in kills} == {("fetch", False), ("load", False), ("load", True)}
    assert all(0 <= kill.after <= 3 for kill in kills)


@pytest.fixture
def right(tmp_path: Path) -> Path:
    folder = tmp_path / "right"
    write(folder, "")
    return folder


def write(folder: Path, more: str) -> None:
    folder.mkdir()
    with duckdb.connect(str(folder / f"{PIPELINE}.duckdb")) as database:
        database.execute(f"CREATE SCHEMA {DATASET}; USE {DATASET}")
        database.execute("CREATE TABLE _dlt_loads (load_id TEXT, status INT); INSERT INTO _dlt_loads VALUES ('1', 0)")
        database.execute("CREATE TABLE _dlt_pipeline_state (_dlt_load_id TEXT)")
        database.execute("CREATE TABLE items (id TEXT, _dlt_load_id TEXT, _dlt_id TEXT)")
        database.execute("INSERT INTO items VALUES ('a', '1', 'x'), ('b', '1', 'y')")
        database.execute("CREATE TABLE items__parts (name TEXT, _dlt_root_id TEXT, _dlt_list_idx INT)")
        database.execute(f"INSERT INTO items__parts VALUES ('p', 'x', 0); {more}")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM items WHERE id = 'b'", "lost"),
        ("UPDATE items SET id = 'c' WHERE id = 'b'", "lost"),
        ("INSERT INTO items SELECT * FROM items LIMIT 1", "duplicated"),
        ("INSERT INTO items__parts VALUES ('p', 'nobody', 0)", "duplicated"),
        ("INSERT INTO _dlt_loads SELECT * FROM _dlt_loads", "second_load_rows"),
        ("DELETE FROM _dlt_loads", "second_load_rows"),
        ("INSERT INTO _dlt_pipeline_state VALUES ('2')", "second_load_rows"),
        ("CREATE SCHEMA staging; CREATE TABLE staging.items AS FROM items", "left_over"),
    ],
)
def test_damage_is_seen(right: Path, tmp_path: Path, damage: str, fault: str) -> None:
    write(tmp_path / "damaged", damage)
    faults, told = judge(remains(right), tmp_path / "damaged")
    assert faults[fault]
    assert told


def test_what_is_left_over_is_seen_and_what_is_whole_has_no_fault(right: Path, tmp_path: Path) -> None:
    write(tmp_path / "whole", "")
    faults, told = judge(remains(right), tmp_path / "whole")
    assert not any(faults.values())
    assert not told
    (tmp_path / "whole" / "0001.pages").touch()
    assert judge(remains(right), tmp_path / "whole")[1] == ["left over: 0001.pages"]
