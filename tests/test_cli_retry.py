from __future__ import annotations

from types import SimpleNamespace

import pytest
from told import OUTCOME, SNAPSHOT

import extractor
from extractor.account import Outcome
from extractor.cli import main
from extractor.console.report import account
from extractor.model import Vendor

PLAIN: dict[str, object] = {
    "destination": "duckdb",
    "pipeline_name": None,
    "dataset": None,
    "rate_share": 1.0,
    "commit_every": 30.0,
    "patience": 1800.0,
    "max_failures": None,
    "mask": (),
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What `run.retry` was called with."""
    made: list[tuple[str, dict[str, object]]] = []

    def retry(vendor: Vendor, **options: object) -> Outcome:
        progress = options.pop("progress")
        assert callable(progress)
        progress(SNAPSHOT)
        made.append((vendor.name, options))
        return OUTCOME

    monkeypatch.setattr(extractor, "run", SimpleNamespace(retry=retry), raising=False)
    return made


def test_a_plain_retry(calls: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retry", "gladly"]) == OUTCOME.code
    assert calls == [("gladly", PLAIN)]
    captured = capsys.readouterr()
    assert captured.out == account(OUTCOME) + "\n"
    assert "gladly fetching: " in captured.err


def test_every_option_reaches_the_run(calls: list[tuple[str, dict[str, object]]]) -> None:
    options = (
        "--destination postgres --pipeline-name p --dataset d --rate-share 0.5 --commit-every 2m --patience 2h"
        " --max-failures 20 --mask agents:name=drop --progress off"
    )
    main(["retry", "gladly", *options.split()])
    assert calls == [
        (
            "gladly",
            {
                "destination": "postgres",
                "pipeline_name": "p",
                "dataset": "d",
                "rate_share": 0.5,
                "commit_every": 120.0,
                "patience": 7200.0,
                "max_failures": "20",
                "mask": ("agents:name=drop",),
            },
        )
    ]


@pytest.mark.parametrize(
    "words", ["nobody", "gladly --max-failures some", "gladly --patience 5", "gladly --mask agents:nothing=drop"]
)
def test_a_slip_of_the_finger_is_no_call(calls: list[tuple[str, dict[str, object]]], words: str) -> None:
    assert main(["retry", *words.split()]) == 2
    assert not calls
