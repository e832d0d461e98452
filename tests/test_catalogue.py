"""The table of failures in FAILURES.md is whole and names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (FOLDER / "FAILURES.md").read_text().splitlines()
    if re.match(r"\| \d", line)
]
UNTESTED = ("*Open*", "*Does not apply*")


def functions(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_failure_has_its_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 102))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_a_row_names_exists_or_the_row_says_why_not(row: list[str]) -> None:
    _, _, tested, remark = row
    if tested in UNTESTED:
        assert len(remark) > 1
        return
    named = re.findall(r"`(\w+): (\w+)`", tested)
    assert len(named) == tested.count(", ") + 1
    for file, name in named:
        assert f"test_{name}" in functions(FOLDER / f"test_{file}.py")
