from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from told import OUTCOME

from extractor.account import TableAccount
from extractor.console.report import account

WIDE = """\
acme: partial: 1 listing failed

TABLE               ROWS    RECORDS  LISTINGS   DONE  GONE  FAILED  WAITING  CUT OFF
agents                12         12         1      1     0       0        0        0
conversations  1,234,567  1,234,890     5,001  4,998     2       1        0        4

requests   60,201 in 1:02:05, 98% of the allowed rate
429        3 answers, 2 pauses
incidents  failed 1, gone 2, truncated 4
           SELECT kind, endpoint, key, status, detail
           FROM acme_data._extractor_incidents WHERE resolved_at IS NULL
pipeline   acme_pipeline
data in    duckdb, acme_pipeline.duckdb, dataset acme_data
next       python -m extractor backfill acme"""


@pytest.mark.parametrize("width", [None, 120])
def test_the_account_of_a_run(width: int | None) -> None:
    assert account(OUTCOME, width=width) == WIDE


def test_a_narrow_terminal_does_without_columns_of_zeros() -> None:
    text = account(OUTCOME, width=80)
    assert "WAITING" not in text
    assert "(waiting: none)" in text
    assert "conversations  1,234,567  1,234,890     5,001  4,998     2       1        4" in text
    assert max(map(len, text.splitlines())) <= 80


def test_zeros_that_were_not_left_out_stay() -> None:
    """Where leaving out doesn't help nothing that isn't zero is lost."""
    text = account(OUTCOME, width=20)
    assert "CUT OFF" in text


def test_rows_that_could_not_be_asked_for_are_no_zero() -> None:
    table = TableAccount(
        table="a", rows=None, listings=1, committed=0, gone=0, failed=0, waiting=1, truncated=0, records=0
    )
    assert "a         ?" in account(replace(OUTCOME, tables=(table,)))


def test_nothing_to_do_is_said() -> None:
    text = account(
        replace(OUTCOME, requests=0, throttled=0, pauses=0, incidents={}, nothing_to_do=True, next="", share=None)
    )
    assert "requests  none: everything had been loaded before" in text
    assert "SELECT" not in text
    assert "429" not in text
    assert "next" not in text


def test_an_unknown_share_is_left_out() -> None:
    assert "requests   60,201 in 1:02:05\n" in account(replace(OUTCOME, share=None))


def test_foreign_text_moves_nothing() -> None:
    text = account(replace(OUTCOME, message="\x1b[2J", where="\r", incidents={"\x00": 1}, next="\x1b"))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("dataset", ["acme_data", "acme-data", "2024", 'od"d', "Ümlaut"])
def test_the_query_that_is_printed_works(dataset: str) -> None:
    lines = account(replace(OUTCOME, dataset=dataset)).splitlines()
    start = next(place for place, line in enumerate(lines) if line.strip().startswith("SELECT"))
    quoted = '"' + dataset.replace('"', '""') + '"'
    with duckdb.connect() as database:
        database.execute(f"CREATE SCHEMA {quoted}")
        database.execute(
            f"CREATE TABLE {quoted}._extractor_incidents AS SELECT 'gone' AS kind, 'a' AS endpoint, 'k' AS key, "
            "404 AS status, '' AS detail, NULL::TIMESTAMP AS resolved_at"
        )
        found = database.execute("\n".join(lines[start : start + 2])).fetchall()
    assert found == [("gone", "a", "k", 404, "")]
