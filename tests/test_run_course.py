"""A call with a mistake in it: one error, nothing shown, nothing left behind, nothing lost."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

import extractor
from extractor.account import Snapshot
from extractor.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def mistaken() -> list[Snapshot]:
    """What is shown of a backfill without credentials."""
    seen: list[Snapshot] = []
    with pytest.raises(SettingsError, match="password"):
        extractor.backfill("gladly", progress=seen.append)
    return seen


def test_at_the_first_call_it_leaves_nothing(folder: Path) -> None:
    assert mistaken() == []
    assert list(folder.iterdir()) == []
    assert not [one for one in psutil.Process().children() if "extractor.load" in one.cmdline()]


def test_what_others_have_there_stays(folder: Path) -> None:
    (folder / ".extractor" / "other").mkdir(parents=True)
    mistaken()
    assert [path.name for path in (folder / ".extractor").iterdir()] == ["other"]


def test_what_the_pipeline_has_there_stays(folder: Path) -> None:
    kept = folder / ".extractor" / "gladly_pipeline" / "raw" / "1.pages"
    kept.parent.mkdir(parents=True)
    kept.write_text("what was fetched")
    assert mistaken() == []
    assert kept.read_text() == "what was fetched"
