from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fake_sandbox import Play, stage

from extractor.cli import main

LISTENS = """
    import json, os, sys, time
    told = {"arguments": " ".join(sys.argv[1:]), "pid": str(os.getpid()), "ids": ['"', "ü"]}
    print(json.dumps({"vendor": sys.argv[1], "base_url": "http://127.0.0.1:1/api/v1", "settings": told}), flush=True)
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return stage(tmp_path, monkeypatch)


def test_it_prints_lines_for_secrets_toml_and_passes_every_flag_on(
    play: Play, capfd: pytest.CaptureFixture[str]
) -> None:
    play(LISTENS)
    flags = (
        "--port 8080 --size 9 --latency 50 --fault 502=0.01 --fault 429=0.1 --rate-scale 10 --rate-change 5=0.5 "
        "--neighbour 0.3 --knob a=1 --knob b=2=3 --seed 4 --odd=1"
    )
    assert main(["sandbox", "gladly", *flags.split()]) == 0
    captured = capfd.readouterr()
    section = tomllib.loads(captured.out)["sources"]["gladly_source"]
    assert section["base_url"] == "http://127.0.0.1:1/api/v1"
    assert section["ids"] == ['"', "ü"]
    words = section["arguments"].split()
    assert words[0] == "gladly"
    assert words[-1] == "--die-with-parent"
    assert sorted(words[1:-1]) == sorted(flags.split())
    assert "http://127.0.0.1:1" in captured.err


def test_a_sandbox_that_ends_by_itself_in_an_error_is_one(play: Play, capfd: pytest.CaptureFixture[str]) -> None:
    play(LISTENS + "\n    sys.exit(5)\n")
    assert main(["sandbox", "gladly"]) == 1
    assert "code 5" in capfd.readouterr().err


def test_what_the_sandbox_says_about_a_wrong_flag_is_shown(play: Play, capfd: pytest.CaptureFixture[str]) -> None:
    play("raise SystemExit('error: --fault needs KIND=P')")
    assert main(["sandbox", "gladly", "--fault", "x"]) == 2
    assert "--fault needs KIND=P" in capfd.readouterr().err


def test_an_unknown_vendor_is_not_played(play: Play, tmp_path: Path) -> None:
    play("open('started', 'w').close()")
    assert main(["sandbox", "nobody"]) == 2
    assert not (tmp_path / "started").exists()


def test_ctrl_c_ends_it_and_its_child(play: Play, tmp_path: Path) -> None:
    play(LISTENS + "\n    time.sleep(60)\n")
    root = str(Path(__file__).parent.parent)
    starter = f"import sys; sys.path.insert(0, {root!r}); from extractor.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", starter, "sandbox", "gladly"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        lines = [process.stdout.readline() for _ in range(5)]
        assert "Ctrl-C ends it" in process.stderr.readline()
        pid = int(tomllib.loads("".join(lines))["sources"]["gladly_source"]["pid"])
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
