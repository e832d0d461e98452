"""The file in which all processes of an account count a week, with real files and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extractor.errors import StorageError
from extractor.limits import QuotaLimiter, build
from extractor.limits.quota import RESERVED
from extractor.lock import Lock
from extractor.model import WeeklyQuota
from extractor.quotas import QuotaBook

WEEK = datetime(2026, 11, 15, tzinfo=UTC)

PROCESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from extractor.quotas import QuotaBook

week = datetime(2026, 11, 15, tzinfo=UTC)
book = QuotaBook(Path(sys.argv[1]), vendor="acme", account="a", budget="weekly")
print("ready", flush=True)
sys.stdin.readline()
used = 0
while (taken := book.reserve(week, 20, 1001)) != (0, 1001):
    if taken is None:
        continue
    used += taken[0]
    if taken[0] == 20 and used % 3 == 0:
        book.give_back(week, 5)
        used -= 5
print(used, flush=True)
"""

RUN = """
import os, signal, sys
from pathlib import Path
from extractor.limits import build
from extractor.model import WeeklyQuota
from extractor.quotas import QuotaBook

book = QuotaBook(Path(sys.argv[1]), vendor="acme", account="a", budget="weekly")
limiter = build(WeeklyQuota(limit=1000, keep=0), name="weekly", book=book)
for _ in range(3):
    limiter.wait(100.0)
    limiter.answered(limiter.start(100.0), 100.1, 200, {})
"""


def book(folder: Path, **changes: str) -> QuotaBook:
    return QuotaBook(folder, **{"vendor": "acme", "account": "a", "budget": "weekly"} | changes)


def test_what_was_taken_is_still_taken_in_the_next_run(tmp_path: Path) -> None:
    assert book(tmp_path).reserve(WEEK, 20, 30) == (20, 20)
    assert book(tmp_path).reserve(WEEK, 20, 30) == (10, 30)
    assert book(tmp_path).reserve(WEEK, 20, 30) == (0, 30)
    book(tmp_path).give_back(WEEK, 7)
    assert book(tmp_path).reserve(WEEK, 20, 30) == (7, 30)


def test_weeks_budgets_accounts_and_vendors_are_counted_apart(tmp_path: Path) -> None:
    assert book(tmp_path).reserve(WEEK, 20, 30) == (20, 20)
    assert book(tmp_path, budget="daily").reserve(WEEK, 5, 30) == (5, 5)
    assert book(tmp_path, account="b").reserve(WEEK, 5, 30) == (5, 5)
    assert book(tmp_path, vendor="other").reserve(WEEK, 5, 30) == (5, 5)
    assert book(tmp_path).reserve(WEEK, 5, 30) == (5, 25)
    assert book(tmp_path).reserve(WEEK + timedelta(days=7), 5, 30) == (5, 5)


def test_nothing_is_given_back_to_a_week_that_is_over(tmp_path: Path) -> None:
    book(tmp_path).reserve(WEEK, 20, 30)
    book(tmp_path).reserve(WEEK + timedelta(days=7), 20, 30)
    book(tmp_path).give_back(WEEK, 10)
    assert book(tmp_path).reserve(WEEK + timedelta(days=7), 20, 30) == (10, 30)


def test_the_account_can_not_be_read_from_the_files_name(tmp_path: Path) -> None:
    secretive = book(tmp_path, account="jane@example.com")
    secretive.reserve(WEEK, 1, 30)
    assert secretive.path.parent == tmp_path / "extractor"
    assert secretive.path.name.startswith("acme-")
    assert "jane" not in "".join(path.name + path.read_text() for path in secretive.path.parent.iterdir())


def test_a_book_in_use_says_so_at_once(tmp_path: Path) -> None:
    mine = book(tmp_path)
    mine.reserve(WEEK, 1, 30)
    with Lock(mine.path.with_name(f"{mine.path.name}.lock")):
        assert mine.reserve(WEEK, 1, 30) is None
    assert mine.reserve(WEEK, 1, 30) == (1, 2)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"weekly": 7}', '{"weekly": {"week": 1}}'])
def test_a_damaged_book_begins_anew(tmp_path: Path, text: str) -> None:
    mine = book(tmp_path)
    mine.reserve(WEEK, 1, 30)
    mine.path.write_text(text)
    assert mine.reserve(WEEK, 20, 30) == (20, 20)


def test_a_count_that_is_no_number_begins_anew(tmp_path: Path) -> None:
    mine = book(tmp_path)
    mine.reserve(WEEK, 1, 30)
    mine.path.write_text(mine.path.read_text().replace("1}", '"1"}'))
    assert mine.reserve(WEEK, 20, 30) == (20, 20)


def test_a_folder_that_can_not_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "extractor").write_text("in the way")
    with pytest.raises(StorageError, match="can't be made"):
        book(tmp_path).reserve(WEEK, 1, 30)


def test_a_file_that_can_not_be_read_or_written_is_a_storage_error(tmp_path: Path) -> None:
    mine = book(tmp_path)
    mine.path.mkdir(parents=True)
    with pytest.raises(StorageError, match="can't be read"):
        mine.reserve(WEEK, 1, 30)
    mine.path.rmdir()
    mine.path.with_name(f"{mine.path.name}.new").mkdir()
    with pytest.raises(StorageError, match="can't be written"):
        mine.reserve(WEEK, 1, 30)


def test_a_killed_process_loses_what_it_had_booked_and_one_that_ends_does_not(tmp_path: Path) -> None:
    left = []
    for ending in ("limiter.close()", "os.kill(os.getpid(), signal.SIGKILL)"):
        subprocess.run([sys.executable, "-c", RUN + ending, str(tmp_path)], check=False, timeout=60)
        limiter = build(WeeklyQuota(limit=1000, keep=0), name="weekly", book=book(tmp_path))
        assert isinstance(limiter, QuotaLimiter)
        assert limiter.wait(100.0) == 0
        left.append(limiter.left)
        limiter.close()
    assert left == [1000 - 3, 1000 - 3 - RESERVED]


def test_processes_that_run_at_once_never_take_one_twice(tmp_path: Path) -> None:
    """They take and give back in turns until nothing is left; together it is exactly the quota."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert sum(int(process.communicate(timeout=60)[0]) for process in processes) == 1001
