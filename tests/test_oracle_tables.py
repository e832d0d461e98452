"""Families, ranges and hints: tables equal those that dlt's own `rest_api_source` loads from the same server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from library import at_library, serve
from oracle import Oracle, every
from restful import Asked

from extractor.account import ExitCode, Snapshot
from extractor.model import Response


@pytest.fixture(scope="module", autouse=True)
def _library() -> Iterator[None]:
    with at_library(serve):
        yield


@pytest.mark.parametrize(("file", "name"), every("families", "ranges", "tables"))
def test_it_is_as_dlt_loads_it(file: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Oracle(tmp_path, monkeypatch, file, name)
    assert loaded.outcome.code == ExitCode.COMPLETE
    assert loaded.differences == []
    assert loaded.dlt.rows


def test_many_packages_make_the_tables_that_dlt_makes_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list goes on before the first page of some is committed."""
    committed, held = threading.Event(), threading.Event()

    def server(asked: Asked) -> Response:
        if held.is_set() and asked.params.get("page") != "0":
            assert committed.wait(60)
        return serve(asked)

    def loaded(snapshot: Snapshot) -> None:
        if snapshot.loaded:
            committed.set()

    with at_library(server):
        both = Oracle(tmp_path, monkeypatch, "tables", "in_pages", begins=held.set, commit_every=0.01, progress=loaded)
    assert both.outcome.code == ExitCode.COMPLETE
    assert both.differences == []
    assert both.packages >= 2
