"""`status` where there is nothing to tell; what it tells of a pipeline stands in test_end_to_end.py."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from extractor.errors import DestinationError, UsageError
from extractor.run import status


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pipeline_that_does_not_exist_leaves_nothing_behind(folder: Path) -> None:
    """To open DuckDB's file would make it."""
    with pytest.raises(UsageError, match="There is no pipeline p: no ledger"):
        status("gladly", pipeline_name="p", dataset="d")
    assert not list(folder.iterdir())


def test_a_database_without_the_pipeline_is_asked_and_knows_nothing(folder: Path) -> None:
    duckdb.connect(str(folder / "p.duckdb")).close()
    with pytest.raises(UsageError, match="There is no pipeline p: no ledger"):
        status("gladly", pipeline_name="p", dataset="d")


def test_a_destination_that_cannot_be_looked_for_is_named(folder: Path) -> None:
    with pytest.raises(DestinationError, match="postgres can't be opened"):
        status("gladly", pipeline_name="p", dataset="d", destination="postgres")
    assert not list(folder.iterdir())
