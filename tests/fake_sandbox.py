"""A child process that stands where `python -m extractor.sandbox` stands."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Play = Callable[[str], None]


def stage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Returns what makes such a program of code; `python -m` finds it, since it looks in the working folder first."""
    package = folder / "extractor"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.chdir(folder)

    def play(code: str) -> None:
        (package / "sandbox.py").write_text(textwrap.dedent(code))

    return play
