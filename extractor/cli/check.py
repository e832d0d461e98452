"""`check`: does a configuration of one's own load as dlt loads it?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from extractor.cli.options import shown
from extractor.console import progress
from extractor.console.text import columns, counted, visible
from extractor.errors import UsageError
from extractor.memory import keep_little

if TYPE_CHECKING:
    from extractor.run.check import Checked
    from extractor.run.difference import Difference

__all__ = ["check"]

_WIDE = 60
"""Characters of a value that are shown."""
_LINES = 20
"""Differences that are shown."""


@click.command(epilog="Example: python -m extractor check my_pipeline.py:config --against-dlt --limit 50")
@click.argument("configuration", metavar="FILE.py:NAME")
@click.option("--against-dlt", is_flag=True, help="Load a sample with dlt, too, and compare all tables.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Leave each list after N records, and load N of those that no other list names.",
)
@shown
@click.pass_context
def check(ctx: click.Context, configuration: str, *, against_dlt: bool, limit: int, mode: str) -> None:
    """Compare what this package loads of a dlt RESTAPIConfig with what dlt itself loads.

    Both load into a temporary folder. Exit codes: 0 equal, 1 not, 2 a mistake in the call or the configuration.
    """
    if not against_dlt:
        raise UsageError(f"Say with what to compare: python -m extractor check {configuration} --against-dlt")

    from extractor.run.check import check as compare  # noqa: PLC0415 - brings dlt and aiohttp

    keep_little()
    with progress(mode, Path(configuration.partition(":")[0]).stem) as display:
        checked = compare(configuration, limit=limit, progress=display.show)
    click.echo("\n".join(_told(configuration, checked)))
    ctx.exit(checked.code)


def _told(configuration: str, checked: Checked) -> list[str]:
    compared = f"{counted(checked.tables, 'table')} with {counted(checked.rows, 'row')}"
    told = [
        f"{visible(configuration)}: {visible(checked.message)}" + (f" dlt loads {compared}." if checked.tables else "")
    ]
    if checked.differences:
        told += ["", *columns([("TABLE", "WHAT", "DLT", "EXTRACTOR"), *map(_row, checked.differences[:_LINES])])]
    if left := len(checked.differences[_LINES:]):
        told.append(f"and {counted(left)} more")
    return told


def _row(difference: Difference) -> tuple[str, ...]:
    values = (difference.table, difference.what, difference.dlt, difference.extractor)
    return tuple(value if len(value) <= _WIDE else f"{value[: _WIDE - 1]}…" for value in (one or "-" for one in values))
