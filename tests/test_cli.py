from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from told import OUTCOME

import extractor
from extractor.cli import main
from extractor.errors import LoadFailed, RequestFailed, SettingsError, UsageError

HEAVY = ("dlt", "aiohttp", "duckdb", "rich", "pyarrow", "asyncio", "sqlite3")


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parent.parent)
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": root, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def raising(error: BaseException) -> SimpleNamespace:
    def status(*_: object, **__: object) -> object:
        raise error

    return SimpleNamespace(status=status)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["backfill", "--help"],
        ["status", "--help"],
        ["sandbox", "--help"],
        ["vendors"],
        ["resources", "gladly"],
    ],
)
def test_help_and_lists_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from extractor.cli import main\n"
        f"code = main({arguments!r})\n"
        f"print(json.dumps([code, [name for name in {HEAVY!r} if name in sys.modules]]), file=sys.stderr)\n"
    )
    run = python("-c", code)
    assert json.loads(run.stderr) == [0, []]
    assert run.stdout


def test_without_arguments_there_is_help_and_code_2() -> None:
    run = python("-m", "extractor")
    assert run.returncode == 2
    assert "python -m extractor backfill gladly --sandbox" in run.stderr
    assert run.stdout == ""


def test_help_is_a_result() -> None:
    run = python("-m", "extractor", "--help")
    assert run.returncode == 0
    assert "Usage: python -m extractor" in run.stdout
    assert run.stderr == ""


@pytest.mark.parametrize("command", ["backfill", "status", "vendors", "resources", "sandbox"])
def test_every_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Example" in out
    assert f"python -m extractor {command}" in out


def test_an_unknown_command_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfil", "gladly"]) == 2
    err = capsys.readouterr().err
    assert "no command 'backfil'. Did you mean backfill?" in err
    assert "Commands: backfill, check, resources, retry, sandbox, status, vendors." in err


def test_an_unknown_option_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfill", "gladly", "--onyl", "agents"]) == 2
    assert "--only" in capsys.readouterr().err
    assert main(["--frob"]) == 2


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("do this instead"), 2, "Error: do this instead\n"),
        (SettingsError("first line\nsecond line"), 2, "Error: first line\nsecond line\n"),
        (UsageError("\x1b[2Jboo"), 2, "Error: \\x1b[2Jboo\n"),
        (LoadFailed("the load process gave up"), 1, "Error: the load process gave up\n"),
        (RequestFailed("no answer"), 1, "Error: no answer\n"),
        (ExceptionGroup("many", [ExceptionGroup("few", [UsageError("inner")])]), 2, "Error: inner\n"),
    ],
)
def test_our_own_errors_are_one_message(
    error: Exception, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extractor, "run", raising(error), raising=False)
    assert main(["status", "gladly"]) == code
    captured = capsys.readouterr()
    assert captured.err == said
    assert captured.out == ""


def test_an_unexpected_error_is_one_line_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its message might be a URL with a token."""
    monkeypatch.delenv("EXTRACTOR_TRACEBACK", raising=False)
    monkeypatch.setattr(extractor, "run", raising(KeyError("token=hunter2")), raising=False)
    assert main(["status", "gladly"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "unexpected KeyError" in line
    assert "EXTRACTOR_TRACEBACK=1" in line
    assert "hunter2" not in line


def test_the_traceback_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXTRACTOR_TRACEBACK", "1")
    monkeypatch.setattr(extractor, "run", raising(KeyError("x")), raising=False)
    assert main(["status", "gladly"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_outside_a_run_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractor, "run", raising(KeyboardInterrupt()), raising=False)
    assert main(["status", "gladly"]) == 130


def test_the_code_survives_a_reader_that_has_enough() -> None:
    """`status | head -1`: the pipe breaks, the outcome's code stays."""
    code = (
        "import os, sys, extractor\n"
        "from types import SimpleNamespace\n"
        "from told import OUTCOME\n"
        "from extractor.cli import main\n"
        "extractor.run = SimpleNamespace(status=lambda *a, **k: OUTCOME)\n"
        "read, write = os.pipe()\n"
        "os.close(read)\n"
        "os.dup2(write, 1)\n"
        "sys.exit(main(['status', 'gladly']))\n"
    )
    root = Path(__file__).parent
    run = python("-c", code, PYTHONPATH=os.pathsep.join([str(root.parent), str(root)]))
    assert (run.returncode, run.stderr) == (OUTCOME.code, "")


def test_a_terminal_without_the_characters_does_not_end_a_run_in_an_error() -> None:
    code = (
        "import sys, extractor\n"
        "from dataclasses import replace\n"
        "from types import SimpleNamespace\n"
        "from told import OUTCOME\n"
        "from extractor.cli import main\n"
        "extractor.run = SimpleNamespace(status=lambda *a, **k: replace(OUTCOME, message='Ålund – 😀'))\n"
        "sys.exit(main(['status', 'gladly']))\n"
    )
    root = Path(__file__).parent
    run = python("-c", code, PYTHONPATH=os.pathsep.join([str(root.parent), str(root)]), PYTHONIOENCODING="latin-1")
    assert run.returncode == OUTCOME.code
    assert "lund \\u2013 \\U0001f600" in run.stdout
