"""The closing account of a run, and the status of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from extractor.account import Outcome, TableAccount
from extractor.console.text import clock, columns, counted, kinds, visible

__all__ = ["account"]

optional = ("GONE", "FAILED", "WAITING", "CUT OFF")
"""Columns that a narrow terminal does without where they hold nothing but zeros."""


def account(outcome: Outcome, *, width: int | None = None) -> str:
    """What was loaded, table by table, with what is missing from it.

    Each table's LISTINGS are what led to it; DONE, GONE, FAILED and WAITING add up to them.

    Args:
        outcome: of a run or of `status`.
        width: columns of the terminal, None for a file or a pipe.
    """
    blocks = [[f"{visible(outcome.vendor)}: {visible(outcome.message)}"]]
    if outcome.tables:
        blocks.append(_tables(outcome.tables, width))
    blocks.append(_figures(outcome))
    return "\n\n".join("\n".join(block) for block in blocks)


def _tables(tables: Sequence[TableAccount], width: int | None) -> list[str]:
    named = [
        {
            "TABLE": table.table,
            "ROWS": "?" if table.rows is None else f"{table.rows:,}",
            "RECORDS": f"{table.records:,}",
            "LISTINGS": f"{table.listings:,}",
            "DONE": f"{table.committed:,}",
            "GONE": f"{table.gone:,}",
            "FAILED": f"{table.failed:,}",
            "WAITING": f"{table.waiting:,}",
            "CUT OFF": f"{table.truncated:,}",
        }
        for table in tables
    ]
    heads = list(named[0])
    lines = _lines(heads, named)
    if width is not None and max(map(len, lines)) > width:
        left_out = [head for head in optional if all(row[head] == "0" for row in named)]
        lines = _lines([head for head in heads if head not in left_out], named)
        if left_out:
            lines.append(f"({', '.join(head.lower() for head in left_out)}: none)")
    return lines


def _lines(heads: Sequence[str], named: Sequence[dict[str, str]]) -> list[str]:
    rows = [heads, *([row[head] for head in heads] for row in named)]
    return columns(rows, right=frozenset(range(1, len(heads))))


def _figures(outcome: Outcome) -> list[str]:
    told: list[tuple[str, str]] = []
    if outcome.requests:
        share = f", {outcome.share:.0%} of the allowed rate" if outcome.share is not None else ""
        told.append(("requests", f"{outcome.requests:,} in {clock(outcome.seconds)}{share}"))
    elif outcome.nothing_to_do:
        told.append(("requests", "none: everything had been loaded before"))
    if outcome.throttled or outcome.pauses:
        told.append(("429", f"{counted(outcome.throttled, 'answer')}, {counted(outcome.pauses, 'pause')}"))
    if incidents := kinds(outcome.incidents):
        told.append(("incidents", incidents))
        told += [("", line) for line in _query(outcome.dataset)]
    told.append(("pipeline", visible(outcome.pipeline)))
    told.append(("data in", f"{visible(outcome.where)}, dataset {visible(outcome.dataset)}"))
    if outcome.next:
        told.append(("next", visible(outcome.next)))
    return columns(told)


def _query(dataset: str) -> list[str]:
    """What shows the incidents; printed for the user, never run."""
    return [
        "SELECT kind, endpoint, key, status, detail",
        f"FROM {_quoted(dataset)}._extractor_incidents WHERE resolved_at IS NULL",
    ]


def _quoted(name: str) -> str:
    """The name as SQL takes it; most need no quotes."""
    if name.isascii() and name.replace("_", "a").isalnum() and not name[:1].isdigit():
        return name
    return '"' + name.replace('"', '""') + '"'
