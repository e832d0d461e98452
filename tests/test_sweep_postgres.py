"""The sweep's other destination: a real PostgreSQL server, where it and its driver are installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from benchmarks.postgres import Postgres, serve
from benchmarks.sweep import choose, figures, sweep, together


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    try:
        with serve() as running:
            yield running
    except FileNotFoundError as missing:
        # The server comes from the system's packages; the sweep with DuckDB runs everywhere.
        pytest.skip(str(missing))


def test_what_a_database_holds_comes_over_and_the_next_one_is_empty(server: Postgres, tmp_path: Path) -> None:
    for name in ("one", "two"):
        server.create(name)
    with closing(server.connect("one")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA data; CREATE SCHEMA staging; CREATE TABLE staging.items (id TEXT)")
        cursor.execute("CREATE TABLE data.items (id TEXT, made TIMESTAMPTZ, price NUMERIC, more JSONB)")
        cursor.execute("INSERT INTO data.items VALUES ('a', '2024-01-01Z', 1.5, '{}'), ('b', NULL, NULL, NULL)")
        server.copy("one", tmp_path / "one.duckdb")
    server.copy("two", tmp_path / "two.duckdb")
    server.drop("one")
    with duckdb.connect(str(tmp_path / "one.duckdb")) as copied:
        found = copied.execute("SELECT id, epoch(made), price::DOUBLE, more FROM data.items ORDER BY id").fetchall()
        assert found == [("a", 1704067200.0, 1.5, "{}"), ("b", None, None, None)]
        assert copied.execute("FROM staging.items").fetchall() == []
        assert [column[0] for column in copied.execute("DESCRIBE staging.items").fetchall()] == ["id"]
    with duckdb.connect(str(tmp_path / "two.duckdb")) as copied:
        assert copied.execute("SHOW ALL TABLES").fetchall() == []


def test_killed_while_it_loads_into_postgresql_it_ends_where_an_undisturbed_run_does(
    server: Postgres, tmp_path: Path
) -> None:
    verdicts = sweep(
        tmp_path,
        lambda calm: together(calm, (kill for (kill,) in choose(calm, 20))),
        enough=8,
        postgres=server,
    )
    assert not [(verdict.killed, verdict.told) for verdict in verdicts if verdict.told], figures(verdicts)
    assert sum(len(verdict.killed) for verdict in verdicts) >= 8
