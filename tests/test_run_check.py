"""A sample of a configuration, loaded by this package and by dlt, and where the two mean to differ."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from library import CHANGES, listening, serve
from oracle import CONFIGURATIONS
from restful import Asked

from extractor.account import ExitCode
from extractor.cli import main
from extractor.errors import RunFailed
from extractor.model import Response
from extractor.run.check import check


class Asking:
    """The library, and what it was asked for.

    Attributes:
        paths: how often.
    """

    def __init__(self) -> None:
        self.paths: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Response:
        self.paths[asked.path] += 1
        return serve(asked)


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    """In a working folder; what a configuration brings into this process goes again with the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    one = Asking()
    with listening(one) as url:
        monkeypatch.setenv("LIBRARY_URL", url)
        yield one
    for file in ("apart", "families"):
        sys.modules.pop(file, None)


def reference(file: str, name: str) -> str:
    return f"{CONFIGURATIONS / file}.py:{name}"


def test_a_sample_is_equal_and_leaves_nothing_behind(
    asking: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both stop after three authors, and read one page of the books of each."""
    words = ["check", reference("families", "three_levels"), "--against-dlt", "--limit", "3", "--progress", "off"]
    assert main(words) == ExitCode.COMPLETE
    captured = capsys.readouterr()
    assert captured.out.endswith("families.py:three_levels: Equal. dlt loads 11 tables with 19 rows.\n")
    assert captured.err == ""
    assert {path: number for path, number in asking.paths.items() if "reviews" not in path} == {
        "/v1/authors": 2,
        "/v1/authors/1/books": 2,
        "/v1/authors/2/books": 2,
        "/v1/authors/3/books": 4,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_difference_is_shown(asking: Asking, capsys: pytest.CaptureFixture[str]) -> None:
    """A list that two records name is asked for once; dlt asks twice, and has its rows twice."""
    words = ["check", reference("apart", "twice"), "--against-dlt", "--progress", "off"]
    assert main(words) == ExitCode.FAILED
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][1:3] == ["Not", "equal."]
    assert lines[2] == ["TABLE", "WHAT", "DLT", "EXTRACTOR"]
    assert lines[3] == ["books", "rows", "5", "3"]
    assert all(line[:2] == ["books", "row"] and line[-1] == "-" for line in lines[4:])
    assert asking.paths["/v1/authors/2/books"] == 1 + 2


def test_of_one_key_the_last_record_stays(asking: Asking) -> None:
    """Dlt keeps the first of those that one load brings."""
    checked = check(reference("apart", "newest"), limit=50)
    assert checked.code == ExitCode.FAILED
    assert {one.what for one in checked.differences} == {"row"}
    last = {change["id"]: change["version"] for change in CHANGES}.values()
    for rows, of_the_last in (
        ([one.extractor for one in checked.differences if one.extractor], True),
        ([one.dlt for one in checked.differences if one.dlt], False),
    ):
        assert rows
        assert all((json.loads(row)["version"] in map(str, last)) is of_the_last for row in rows)
    assert asking.paths == {"/v1/changes": 2}


@pytest.mark.parametrize(
    ("name", "said", "read"),
    [
        # What dlt 1.31 raises for a key in a cookie; here it is sent.
        ("cookie", "NotImplementedError", {"/v1/guarded/cookie/books": 3}),
        ("yielded", "AttributeError", {"/v1/authors/1/books": 1, "/v1/authors/2/books": 1}),
    ],
)
def test_where_dlt_stops_this_package_has_read_everything(
    asking: Asking, name: str, said: str, read: dict[str, int]
) -> None:
    """Or else dlt would not have been asked."""
    with pytest.raises(RunFailed, match=f"dlt itself can't load this: {said}"):
        check(reference("apart", name), limit=50)
    assert read.items() <= asking.paths.items()


def test_dlt_is_not_asked_for_what_could_not_be_read(asking: Asking, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", reference("apart", "unknown"), "--against-dlt", "--progress", "off"]
    assert main(words) == ExitCode.FAILED
    out = capsys.readouterr().out
    assert "could not be read whole, so dlt was not asked" in out
    assert "the vendor answered with status 404" in out
    assert "the vendor answered with status 423" in out
    assert asking.paths["/v1/authors"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check shop.py:config", "check shop.py:config --against-dlt"),
        ("check gladly --against-dlt", "gladly is no RESTAPIConfig"),
        ("check shop.py:config --against-dlt", "There is no file shop.py"),
        ("check shop.py:config --against-dlt --limit 0", "0 is not in the range"),
    ],
)
@pytest.mark.usefixtures("asking")
def test_a_mistake_is_one_message(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
