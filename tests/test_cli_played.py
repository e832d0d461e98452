from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_sandbox import Play, stage

from extractor.cli.played import played
from extractor.errors import UsageError


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return stage(tmp_path, monkeypatch)


def test_a_first_line_in_pieces_is_read_whole(play: Play) -> None:
    play("""
        import sys, time
        for part in ('{"vendor": "acme", "base_url": ', '"http://[::1]:1", "settings"', ': {"a": "b"}}\\nmore'):
            sys.stdout.write(part)
            sys.stdout.flush()
            time.sleep(0.01)
        time.sleep(60)
    """)
    with played("acme") as ready:
        assert ready.vendor == "acme"
        assert ready.all_settings == {"base_url": "http://[::1]:1", "a": "b"}
        assert "'b'" not in repr(ready)
    assert ready.process.returncode is not None


def test_lists_are_given_to_a_run_as_json(play: Play) -> None:
    """As the environment would hold them; Python's own spelling is no JSON."""
    play("""
        import json
        told = {"ids": ["a'b", "ü"], "none": [], "key": "k"}
        print(json.dumps({"vendor": "acme", "base_url": "b", "settings": told}), flush=True)
    """)
    with played("acme") as ready:
        assert ready.settings == {"ids": ["a'b", "ü"], "none": [], "key": "k"}
        given = ready.all_settings
    assert given["key"] == "k"
    assert (json.loads(given["ids"]), json.loads(given["none"])) == (["a'b", "ü"], [])


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit('no such vendor: acme')", "Its last words: no such vendor: acme"),
        ("", "ended with code 0."),
        ("raise SystemExit(4)", "ended with code 4."),
        ("import os, time; os.close(1); time.sleep(0.01); os._exit(6)", "ended with code 6."),
        ("print('hello')", "said something unexpected"),
        ("print('[]')", "said something unexpected"),
        ('print(\'{"vendor": "a", "base_url": "b"}\')', "said something unexpected"),
        ("import time; time.sleep(60)", "didn't say within 0.3 s where it listens"),
    ],
)
def test_a_sandbox_that_does_not_start_is_a_clear_error(play: Play, code: str, why: str) -> None:
    play(code)
    timeout = 0.3 if "sleep(60)" in code else 30.0
    with pytest.raises(UsageError, match="sandbox could not be started") as caught, played("acme", timeout=timeout):
        pass
    assert why in str(caught.value)


def test_a_child_that_will_not_end_is_made_to(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.cli.played.stop_timeout", 0.2)
    play("""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('{"vendor": "acme", "base_url": "x", "settings": {}}', flush=True)
        time.sleep(60)
    """)
    with played("acme") as ready:
        pass
    assert ready.process.returncode == -9
