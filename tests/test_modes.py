"""What a run leaves on disk is its user's alone, whatever the umask says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from runs import QUICK, Place

from benchmarks.rig import Sandbox, sandbox
from extractor.account import ExitCode
from extractor.quotas import QuotaBook


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *QUICK, "--size", "6") as one:
        yield one


@pytest.fixture(autouse=True)
def _readable_by_all() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


def wider(folder: Path) -> dict[str, str]:
    """Files that are not 0600 and folders that are not 0700, the folder itself included."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        if (mode := stat.S_IMODE(path.stat().st_mode)) != wanted:
            found[str(path.relative_to(folder.parent))] = oct(mode)
    return found


def test_every_file_of_a_run_is_its_owners_alone(
    played: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the state folder at any moment, raw answers kept, and in dlt's folder; the database, too."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    place = Place(work, played)
    looks: list[dict[str, str]] = []
    outcome = place.run(keep_raw=True, commit_every=0.2, progress=lambda _: looks.append(settled(place.state.parent)))
    assert outcome.code in (ExitCode.COMPLETE, ExitCode.PARTIAL), outcome.message
    assert looks
    assert [look for look in looks if look] == []
    assert list((place.state / "raw").iterdir())
    assert wider(place.state.parent) == {}
    assert wider(tmp_path / "dlt") == {}
    assert stat.S_IMODE(place.database.stat().st_mode) == 0o600


def settled(folder: Path) -> dict[str, str]:
    """As `wider`; a file may go while somebody looks, and then the look says nothing."""
    try:
        return wider(folder)
    except FileNotFoundError:
        return {}


def test_the_book_of_a_quota_is_its_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    book = QuotaBook(tmp_path, vendor="shop", account="me", budget="calls")
    assert book.reserve(datetime(2026, 3, 1, tzinfo=UTC), 1, 10) == (1, 1)
    assert wider(tmp_path) == {}
