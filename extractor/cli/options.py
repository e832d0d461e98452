"""Options that several commands share, so that they mean the same in all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from extractor.cli.words import DURATION, FAILURE_LIMIT, NAME, SHARE
from extractor.console import MODES

__all__ = ["of_a_pipeline", "of_a_run", "shown"]

Command = TypeVar("Command", bound=Callable[..., Any])


def of_a_pipeline(command: Command) -> Command:
    """Where the rows go."""
    for option in reversed(
        (
            click.option("--destination", default="duckdb", show_default=True, help="Any dlt destination."),
            click.option("--pipeline-name", type=NAME, metavar="NAME", help="Default: VENDOR_pipeline."),
            click.option("--dataset", type=NAME, metavar="NAME", help="Default: VENDOR_data."),
        )
    ):
        command = option(command)
    return command


def of_a_run(command: Command) -> Command:
    """How a run asks, loads, waits and gives up."""
    for option in reversed(
        (
            click.option(
                "--rate-share",
                type=SHARE,
                default=1.0,
                show_default=True,
                metavar="X",
                help="Part of the rate limit to use.",
            ),
            click.option(
                "--commit-every",
                type=DURATION,
                default="30s",
                show_default=True,
                metavar="TIME",
                help="Load at least this often.",
            ),
            click.option(
                "--patience",
                type=DURATION,
                default="30m",
                show_default=True,
                metavar="TIME",
                help="Wait so long for a vendor that is away, or says nothing but 429.",
            ),
            click.option(
                "--max-failures",
                type=FAILURE_LIMIT,
                metavar="N|P%",
                help="Stop when more lists than that have failed, or a larger share of those finished.",
            ),
        )
    ):
        command = option(command)
    return command


def shown(command: Command) -> Command:
    """How progress is shown."""
    option = click.option(
        "--progress", "mode", type=click.Choice(MODES), default="auto", show_default=True, help="On stderr."
    )
    return option(command)
