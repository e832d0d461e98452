from __future__ import annotations

import io
import json

import pytest
from told import OUTCOME, SNAPSHOT

from extractor.console import MODES, chosen, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("mode", "stream", "term", "meant"),
    [
        ("auto", Terminal(), "xterm", "live"),
        ("auto", Terminal(), "dumb", "plain"),
        ("auto", Terminal(), "", "plain"),
        ("auto", io.StringIO(), "xterm", "plain"),
        ("live", io.StringIO(), "dumb", "live"),
        ("json", Terminal(), "xterm", "json"),
    ],
)
def test_auto_is_live_on_a_terminal_that_can(
    mode: str, stream: io.StringIO, term: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    assert chosen(mode, stream) == meant


def shown(mode: str) -> str:
    stream = io.StringIO()
    with progress(mode, "acme", stream) as display:
        display.show(SNAPSHOT)
        display.end(OUTCOME)
    return stream.getvalue()


def test_each_mode_shows_its_form() -> None:
    assert shown("off") == ""
    assert shown("plain").startswith("0:01:15 acme fetching: ")
    assert shown("auto") == shown("plain")
    assert [json.loads(line)["event"] for line in shown("json").splitlines()] == ["progress", "end"]
    assert "\x1b[" in shown("live")
    assert set(MODES) == {"auto", "live", "plain", "json", "off"}


def test_the_terminal_is_given_back_when_the_run_fails() -> None:
    def failing() -> None:
        with progress("live", "acme", stream) as display:
            display.show(SNAPSHOT)
            raise ZeroDivisionError

    stream = Terminal()
    with pytest.raises(ZeroDivisionError):
        failing()
    assert stream.getvalue().endswith("\x1b[2K")


def test_by_default_it_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("plain", "acme") as display:
        display.show(SNAPSHOT)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err
