"""What the load process writes is redacted, and does nothing to the terminal on which somebody reads it."""

from __future__ import annotations

import io
from pathlib import Path

import dlt
import pytest
from dlt.destinations.exceptions import DestinationConnectionError
from hypothesis import given
from hypothesis import strategies as st

from extractor.load.quiet import Quiet, plain
from extractor.redact import MASK, Redactor


def written(*pieces: str, secrets: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    quiet = Quiet(stream, Redactor(secrets))
    for piece in pieces:
        quiet.write(piece)
    return stream.getvalue()


def test_a_secret_that_comes_in_pieces_is_hidden() -> None:
    assert written("the pass", "word is s3cr", "et-t0ken, it s", "aid\n", secrets=("s3cret-t0ken",)) == (
        f"the password is {MASK}, it said\n"
    )


def test_what_has_no_end_is_not_written_yet() -> None:
    assert written("one\ntwo\nthr") == "one\ntwo\n"


def test_values_that_an_error_quotes_move_no_cursor() -> None:
    assert written("refused: '\x1b[2J\x9b31m\r\u202e'\n") == "refused: '\\x1b[2J\\x9b31m\\x0d\\u202e'\n"


@given(lines=st.lists(st.text(st.characters(exclude_characters="\n"), max_size=20), max_size=4))
def test_every_line_stays_one_line(lines: list[str]) -> None:
    shown = written(*(f"{line}\n" for line in lines))
    assert shown.count("\n") == len(lines)
    assert len(shown.splitlines()) == len(lines)
    shown.encode()


def test_of_a_file_that_cannot_be_opened_the_reason_is_told_without_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    file = tmp_path / "away" / "it.duckdb"
    pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(file)), pipelines_dir=str(tmp_path))
    with pytest.raises(DestinationConnectionError) as raised, pipeline.sql_client() as client:
        client.execute_sql("SELECT 1")
    assert plain(raised.value, Redactor()).startswith(f'IO Error: Cannot open file "{file}"')
