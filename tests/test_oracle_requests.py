"""What is asked for and how: tables equal those that dlt's own `rest_api_source` loads from the same server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from library import at_library, serve
from oracle import Oracle, every

from extractor.account import ExitCode


@pytest.fixture(scope="module", autouse=True)
def _library() -> Iterator[None]:
    with at_library(serve):
        yield


@pytest.mark.parametrize(("file", "name"), every("paging", "access", "replies"))
def test_it_is_as_dlt_loads_it(file: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Oracle(tmp_path, monkeypatch, file, name)
    assert loaded.outcome.code == ExitCode.COMPLETE
    assert loaded.differences == []
    assert loaded.dlt.rows
