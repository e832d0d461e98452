"""The command line as a whole: its commands, and what becomes of errors.

Nothing here imports dlt, aiohttp, duckdb or rich: each command imports what it needs when it runs, so that
`--help` is instant.
"""

from __future__ import annotations

import difflib
import io
import os
import sys
import traceback
from collections.abc import Sequence

import click

from extractor.account import ExitCode
from extractor.cli.backfill import backfill
from extractor.cli.check import check
from extractor.cli.lists import resources, vendors
from extractor.cli.retry import retry
from extractor.cli.sandbox import sandbox
from extractor.cli.status import status
from extractor.console.text import visible
from extractor.errors import ExtractorError, UsageError
from extractor.settings import KNOWN

__all__ = ["app", "main"]

traceback_variable = "EXTRACTOR_TRACEBACK"
telemetry_variable = "RUNTIME__DLTHUB_TELEMETRY"


class Commands(click.Group):
    """A group that names its commands where an unknown one was typed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a better message."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise click.UsageError(f"There is no command {name!r}.{hint} Commands: {', '.join(known)}.", ctx=ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    commands=[backfill, retry, status, check, vendors, resources, sandbox],
    epilog=(
        "\b\n"
        "Try it without an account:\n"
        "  python -m extractor backfill gladly --sandbox\n"
        "\n"
        "\b\n"
        "Exit codes: 0 complete, 1 failed (run it again to resume), 2 a mistake in the call,\n"
        "the settings or the credentials, 3 loaded with gaps, 130 and 143 interrupted."
    ),
)
def app() -> None:
    """Load everything a vendor has, at its full rate limit, into any dlt destination."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code; messages about errors go to stderr."""
    # dlt would begin it, and give the machine a name, as soon as a setting is looked up.
    os.environ[telemetry_variable] = "false"
    for stream in (sys.stdout, sys.stderr):
        # A table that is loaded must not end in an error because the terminal can't write a dash.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        # Without standalone mode click returns the code of `ctx.exit`, and leaves errors to us.
        result = app.main(None if arguments is None else list(arguments), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last border before the user, who gets a line for every mistake
        return _failed(error)
    return result if isinstance(result, int) else ExitCode.COMPLETE


def _failed(error: Exception) -> int:
    """Say what went wrong, and return the exit code for it."""
    only: BaseException = error
    while isinstance(only, BaseExceptionGroup) and len(only.exceptions) == 1:
        only = only.exceptions[0]
    known = isinstance(only, ExtractorError)
    if os.environ.get(traceback_variable, "") not in ("", "0"):
        shown = KNOWN.redact("".join(traceback.format_exception(error)))
        click.echo(visible(shown, keep=chr(10)), err=True)
    if known:
        message = f"Error: {visible(str(only), keep=chr(10))}"
    else:
        # The message of an unforeseen exception stays out: it may hold anything, also a request with its credentials.
        message = (
            f"Error: an unexpected {type(only).__name__}. This is a fault of extractor; "
            f"{traceback_variable}=1 in the environment shows where."
        )
    click.echo(message, err=True)
    return ExitCode.USAGE if isinstance(only, UsageError) else ExitCode.FAILED
