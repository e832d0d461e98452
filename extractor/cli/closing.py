"""The end of a command that has an outcome."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import click

from extractor.account import Outcome
from extractor.console.report import account

__all__ = ["close_account"]


def close_account(ctx: click.Context, outcome: Outcome) -> NoReturn:
    """Print the account to stdout and leave with the outcome's code."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    try:
        click.echo(account(outcome, width=width))
    except BrokenPipeError:
        # `| head` has read enough. The code still says how the run ended: a failing flush at exit would change it.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    ctx.exit(outcome.code)
