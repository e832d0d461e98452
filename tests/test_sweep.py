"""Backfills killed at points of every kind, and what the sweep that kills them would see if something were wrong."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from benchmarks.judge import judge, remains
from benchmarks.killpoints import Kill
from benchmarks.rig import DATASET, PIPELINE
from benchmarks.sweep import Points, choose, figures, sweep

POINTS = 120
RUNS = 40


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder whose syncs cost nothing: a kill loses no more there than on a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - nothing secret is in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else otherwise) as folder:
        yield Path(folder)


def several_a_run(points: Points) -> list[tuple[Kill, ...]]:
    """Points of every kind, three to a run: early ones first, as most of the work is still to be done after them.

    Those of a load process that dies alone come last: the run goes on, and never begins again.
    """
    most = Counter(kill.half for kill, _ in points if not kill.both)

    def late(kill: Kill) -> float:
        return kill.number / most[kill.half]

    chosen = sorted((kill for (kill,) in choose(points, POINTS)), key=late)
    runs = [chosen[run::RUNS] for run in range(RUNS)]
    return [tuple(sorted(run, key=lambda kill: (kill.half == "load" and not kill.both, late(kill)))) for run in runs]


def test_killed_at_any_point_and_started_again_it_ends_where_an_undisturbed_run_does(tmp_path: Path) -> None:
    with in_memory(tmp_path) as folder:
        verdicts = sweep(folder, several_a_run)
    wrong = [(verdict.killed, verdict.told) for verdict in verdicts if verdict.told]
    assert not wrong, figures(verdicts)
    killed = {point for verdict in verdicts for point in verdict.killed}
    # What a run does at which moment differs a little, and some come to their end before the last of their points.
    assert len(killed) >= POINTS * 0.6
    kinds = ("before ledger: COMMIT", "after ledger: COMMIT", "in pwrite", "destination: commit", "os.rename")
    reached = [kind for kind in kinds if any(kind in point for point in killed)]
    assert len(reached) >= 4, reached


def test_points_are_chosen_from_every_kind_and_always_the_same() -> None:
    names = ["os.remove .extractor/p/load/dlt/p/1.5/a"] * 50 + ["before pwrite"] * 2 + ["after destination: commit"]
    points = [
        (Kill(half=half, number=number), name) for half in ("load", "fetch") for number, name in enumerate(names, 1)
    ]
    chosen = choose(points, 12)
    assert chosen == choose(points, 12)
    assert {kill.number for (kill,) in chosen} >= {51, 52, 53}
    assert len(choose(points, 1000)) == len(points)
    assert all(len(kills) == 2 for kills in choose(points, 6, double=True))


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
