from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from oracle import Oracle

from benchmarks.configurations.measuring import CONFIGURATIONS, Compared, Figures, Played, compare, play
from benchmarks.configurations.played.server import Server
from extractor.account import ExitCode
from extractor.run.difference import Difference

SIZE = 20

FIGURES = Figures(requests=10, refused=0, at_once=1, seconds=2.0, asking=1.0, rows=5)
COMPARED = Compared(
    name="shop",
    figures={"dlt": FIGURES, "dlt, parallelized": FIGURES, "extractor": FIGURES},
    tables=1,
    unlike=[],
)


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with play("--size", str(SIZE), "--latency", "0") as server:
        yield server


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=[file.stem for file in CONFIGURATIONS])
def test_a_configuration_is_as_dlt_loads_it(
    file: Path, played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the same requests, about as many as were asked for."""
    for variable, value in played.environment.items():
        monkeypatch.setenv(variable, value)
    by_dlt: list[int] = []

    def begins() -> None:
        by_dlt.append(played.counted()["requests"])

    played.counted()
    loaded = Oracle(tmp_path, monkeypatch, str(file.with_suffix("")), "config", begins=begins)
    assert loaded.outcome.code == ExitCode.COMPLETE
    assert loaded.differences == []
    assert loaded.dlt.rows > SIZE
    assert [played.counted()["requests"]] == by_dlt
    assert SIZE / 2 < by_dlt[0] < SIZE * 2


def test_a_comparison_in_processes_of_their_own(played: Played, tmp_path: Path) -> None:
    played.counted()
    (crm,) = [file for file in CONFIGURATIONS if file.stem == "crm"]
    compared = compare(tmp_path, crm, played)
    assert compared.unlike == []
    assert compared.good
    sequence, parallelized, own = (compared.figures[who] for who in ("dlt", "dlt, parallelized", "extractor"))
    assert sequence.rows == parallelized.rows == own.rows > 0
    assert sequence.requests == parallelized.requests == own.requests > 0
    assert sequence.at_once == 1
    assert all(0 < one.asking < one.seconds for one in compared.figures.values())


def test_a_difference_is_not_good_and_more_requests_than_dlt_takes_are_not() -> None:
    assert COMPARED.good
    assert not replace(COMPARED, unlike=[Difference(table="a", what="rows", dlt="2", extractor="1")]).good
    assert not replace(COMPARED, figures={**COMPARED.figures, "extractor": replace(FIGURES, requests=11)}).good


@pytest.mark.parametrize("path", ["forge/repos/acme/widgets/labels?per_page=5", "crm/v3/owners?limit=2"])
def test_the_server_asks_who_it_is(played: Played, path: str) -> None:
    for token, status in (("nobody's", 401), (played.environment["PLAYED_TOKEN"], 200)):
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{played.base_url}/{path}", headers={"Authorization": f"Bearer {token}"}
        )
        assert _status(request) == status


def test_the_server_refuses_what_is_above_a_limit() -> None:
    """A hundred in any second, whenever it begins; what was refused does not count."""
    server = Server(size=SIZE, latency=0.0)
    assert all(server.takes("crm", 10 + number / 200) for number in range(100))
    assert not server.takes("crm", 10.99)
    assert [server.takes("crm", 11.0), server.takes("crm", 11.0)] == [True, False]


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
