from __future__ import annotations

from types import SimpleNamespace

import pytest
from told import OUTCOME

import extractor
from extractor.account import Outcome
from extractor.cli import main
from extractor.console.report import account
from extractor.model import Vendor


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What `run.status` was called with."""
    made: list[tuple[str, dict[str, object]]] = []

    def status(vendor: Vendor, **options: object) -> Outcome:
        made.append((vendor.name, options))
        return OUTCOME

    monkeypatch.setattr(extractor, "run", SimpleNamespace(status=status), raising=False)
    return made


def test_status_prints_the_account_and_leaves_with_its_code(
    calls: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "gladly"]) == 3
    captured = capsys.readouterr()
    assert captured.out == account(OUTCOME) + "\n"
    assert captured.err == ""
    assert calls == [("gladly", {"pipeline_name": None, "dataset": None, "destination": "duckdb"})]


def test_status_of_another_pipeline(calls: list[tuple[str, dict[str, object]]]) -> None:
    main(["status", "gladly", "--pipeline-name", "p", "--dataset", "d", "--destination", "postgres"])
    assert calls == [("gladly", {"pipeline_name": "p", "dataset": "d", "destination": "postgres"})]


def test_status_of_the_sandbox(calls: list[tuple[str, dict[str, object]]]) -> None:
    main(["status", "gladly", "--sandbox"])
    assert calls[0][1]["pipeline_name"] == "gladly_sandbox_pipeline"
    assert calls[0][1]["dataset"] == "gladly_sandbox_data"


def test_an_unknown_vendor_is_no_call(calls: list[tuple[str, dict[str, object]]]) -> None:
    assert main(["status", "nobody"]) == 2
    assert not calls
