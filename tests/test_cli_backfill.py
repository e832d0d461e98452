from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_sandbox import Play, stage
from told import OUTCOME, SNAPSHOT

import extractor
from extractor.account import ExitCode, Outcome
from extractor.cli import main
from extractor.console.report import account
from extractor.errors import LoadFailed
from extractor.model import Vendor

PLAIN: dict[str, object] = {
    "only": (),
    "also": (),
    "since": None,
    "until": None,
    "destination": "duckdb",
    "pipeline_name": None,
    "dataset": None,
    "rate_share": 1.0,
    "commit_every": 30.0,
    "patience": 1800.0,
    "max_failures": None,
    "keep_raw": False,
    "ids": None,
    "allow_writes": False,
    "params": {},
    "mask": (),
    "fresh": False,
    "settings": None,
}


class FakeRun:
    """Stands where `extractor.run` stands."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.outcome: Outcome | Exception = OUTCOME
        self.during: Callable[[dict[str, object]], None] = lambda _: None

    def backfill(self, vendor: Vendor, **options: object) -> Outcome:
        progress = options.pop("progress")
        assert callable(progress)
        progress(SNAPSHOT)
        self.during(options)
        self.calls.append((vendor.name, options))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    fake = FakeRun()
    monkeypatch.setattr(extractor, "run", SimpleNamespace(backfill=fake.backfill), raising=False)
    return fake


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return stage(tmp_path, monkeypatch)


LISTENS = """
    import json, os, sys, time
    told = {"pid": str(os.getpid()), "arguments": " ".join(sys.argv[1:]), "session": str(os.getsid(0))}
    print(json.dumps({"vendor": sys.argv[1], "base_url": "http://127.0.0.1:1/api/v1", "settings": told}), flush=True)
    time.sleep(60)
"""


def alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except ProcessLookupError:
        return False
    return True


def test_a_plain_backfill(run: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfill", "gladly"]) == 3
    assert run.calls == [("gladly", PLAIN)]
    captured = capsys.readouterr()
    assert captured.out == account(OUTCOME) + "\n"
    assert captured.err.startswith("0:01:15 gladly fetching: ")


def test_every_option_reaches_the_run(run: FakeRun, tmp_path: Path) -> None:
    ids = tmp_path / "ids.csv"
    ids.write_text("id\na\n")
    options = (
        "--only agents,teams --only topics --also agents_get --since 2024-01-01 --until 2024-02-01"
        " --destination postgres --pipeline-name p --dataset d --rate-share 0.5 --commit-every 2m --patience 90s"
        " --max-failures 5.0%"
        " --keep-raw --allow-writes --mask agents:name=hash --mask ?Nickname=drop --fresh --progress off --ids"
    )
    main(["backfill", "gladly", *options.split(), str(ids)])
    assert run.calls == [
        (
            "gladly",
            {
                "only": ("agents", "teams", "topics"),
                "also": ("agents_get",),
                "since": date(2024, 1, 1),
                "until": date(2024, 2, 1),
                "destination": "postgres",
                "pipeline_name": "p",
                "dataset": "d",
                "rate_share": 0.5,
                "commit_every": 120.0,
                "patience": 90.0,
                "max_failures": "5%",
                "keep_raw": True,
                "ids": ids,
                "allow_writes": True,
                "params": {},
                "mask": ("agents:name=hash", "?Nickname=drop"),
                "fresh": True,
                "settings": None,
            },
        )
    ]


def test_what_a_resource_is_told_reaches_the_run(run: FakeRun) -> None:
    words = "--only start_chat --allow-writes --param widgetId=w --param visitorMessage=a=b --progress off"
    main(["backfill", "snapengage", *words.split()])
    ((_, options),) = run.calls
    assert options["params"] == {"widgetId": "w", "visitorMessage": "a=b"}
    assert options["allow_writes"] is True


def test_a_mask_that_means_nothing_is_told_before_anything_starts(
    run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", "gladly", "--mask", "customer_profiles:nmae=hash"]) == 2
    assert "did you mean name?" in capsys.readouterr().err
    assert run.calls == []


@pytest.mark.parametrize("code", list(ExitCode))
def test_the_code_is_the_outcomes(run: FakeRun, code: ExitCode) -> None:
    run.outcome = replace(OUTCOME, code=code)
    assert main(["backfill", "gladly", "--progress", "off"]) == code


@pytest.mark.usefixtures("run")
def test_json_ends_with_the_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    main(["backfill", "gladly", "--progress", "json"])
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in told] == ["progress", "end"]
    assert told[-1]["code"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "There is no vendor 'nobody'"),
        (["gladly", "--only", "agnets"], "did you mean agents?"),
        (["gladly", "--also", "nothing_like_it"], "Resources: "),
        (["gladly", "--only", ","], "names no resource"),
        (["gladly", "--since", "1.1.2024"], "write YEAR-MONTH-DAY"),
        (["gladly", "--since", "2024-02-01", "--until", "2024-02-01"], "is not before"),
        (["gladly", "--commit-every", "30"], "write 500ms, 30s, 2m or 1h"),
        (["gladly", "--rate-share", "2"], "write a number above 0"),
        (["gladly", "--progress", "loud"], "'auto', 'live', 'plain', 'json', 'off'"),
        (["gladly", "--ids", "missing.csv"], "missing.csv"),
        (["gladly", "--pipeline-name", "../x"], "can't be a name"),
        (["gladly", "--param", "x"], "write NAME=VALUE"),
        (["gladly", "--param", "x=1"], "nothing that was named takes x"),
        (["gladly", "--param", "x=1", "--param", "x=2"], "a name may be given once"),
        (["snapengage", "--only", "start_chat", "--param", "widgetId=w"], "If you want that: --allow-writes"),
        (["snapengage", "--only", "start_chat", "--allow-writes"], "--param widgetId=VALUE"),
        (["gladly", "--sandbox-size", "10"], "add --sandbox"),
        (["gladly", "--sandbox", "--sandbox-size", "0"], "x>=1"),
        ([], "VENDOR"),
    ],
)
def test_a_mistake_is_one_message_and_no_call(
    run: FakeRun, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert not run.calls


def test_a_sandbox_run_has_a_pipeline_of_its_own_and_a_child_that_ends(run: FakeRun, play: Play) -> None:
    play(LISTENS)
    seen: list[bool] = []
    run.during = lambda options: seen.append(alive(options["settings"]["pid"]))  # type: ignore[index]
    assert main(["backfill", "gladly", "--sandbox", "--sandbox-size", "7", "--progress", "off"]) == 3
    ((_, options),) = run.calls
    assert options["pipeline_name"] == "gladly_sandbox_pipeline"
    assert options["dataset"] == "gladly_sandbox_data"
    settings = options["settings"]
    assert isinstance(settings, dict)
    assert settings["base_url"] == "http://127.0.0.1:1/api/v1"
    assert settings["arguments"] == "gladly --port 0 --size 7 --die-with-parent"
    # A session of its own, so that Ctrl-C in the terminal passes it by.
    assert settings["session"] == settings["pid"]
    assert seen == [True]
    assert not alive(settings["pid"])


def test_the_size_is_the_sandboxs_own_unless_given(run: FakeRun, play: Play) -> None:
    play(LISTENS)
    main(["backfill", "gladly", "--sandbox", "--pipeline-name", "mine", "--progress", "off"])
    options = run.calls[0][1]
    assert options["pipeline_name"] == "mine"
    settings = options["settings"]
    assert isinstance(settings, dict)
    assert settings["arguments"] == "gladly --port 0 --die-with-parent"


def test_the_child_ends_when_the_run_fails(run: FakeRun, play: Play) -> None:
    play(LISTENS)
    run.outcome = LoadFailed("disk full")
    assert main(["backfill", "gladly", "--sandbox", "--progress", "off"]) == 1
    settings = run.calls[0][1]["settings"]
    assert isinstance(settings, dict)
    assert not alive(settings["pid"])


def test_a_mistake_in_the_selection_starts_no_sandbox(play: Play, run: FakeRun, tmp_path: Path) -> None:
    play("open('started', 'w').close()")
    assert main(["backfill", "gladly", "--sandbox", "--only", "x"]) == 2
    assert not (tmp_path / "started").exists()
    assert not run.calls
