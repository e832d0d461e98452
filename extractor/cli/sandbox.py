"""`sandbox`: play a vendor in the foreground."""

from __future__ import annotations

import click

from extractor import vendors
from extractor.account import ExitCode
from extractor.cli.played import check_playable, played
from extractor.settings import toml_lines

__all__ = ["sandbox"]


@click.command(
    # What the sandbox understands beyond these options is its own affair: the rest is passed on as it is.
    context_settings={"ignore_unknown_options": True},
    epilog=(
        "\b\n"
        "Example, in two terminals:\n"
        "  python -m extractor sandbox gladly --latency 50 --fault 502=0.01\n"
        "  python -m extractor backfill gladly --pipeline-name trial --dataset trial_data\n"
        "\n"
        "The second needs the lines that the first prints in .dlt/secrets.toml.\n"
        "Further options, and the kinds of faults: python -m extractor.sandbox --help"
    ),
)
@click.argument("vendor")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="P", help="Default: one that is free.")
@click.option("--size", type=click.IntRange(min=1), metavar="N", help="How much it holds.")
@click.option("--latency", metavar="MS", help="Milliseconds until an answer comes.")
@click.option("--fault", multiple=True, metavar="KIND=P", help="A fault and how often; may be repeated.")
@click.option("--rate-scale", metavar="X", help="Factor on the vendor's rate limits.")
@click.option("--rate-change", multiple=True, metavar="AT=FACTOR", help="Seconds after which the limits change.")
@click.option("--neighbour", metavar="SHARE", help="Part of the limits that another client uses up.")
@click.option("--knob", multiple=True, metavar="NAME=VALUE", help="A switch of this vendor alone; may be repeated.")
@click.argument("further", nargs=-1, type=click.UNPROCESSED, metavar="[FURTHER OPTIONS]")
@click.pass_context
def sandbox(
    ctx: click.Context,
    *,
    vendor: str,
    port: int,
    size: int | None,
    latency: str | None,
    fault: tuple[str, ...],
    rate_scale: str | None,
    rate_change: tuple[str, ...],
    neighbour: str | None,
    knob: tuple[str, ...],
    further: tuple[str, ...],
) -> None:
    """Play VENDOR on this machine until Ctrl-C.

    Its limits and traps are included.

    Prints lines for .dlt/secrets.toml with which a backfill talks to it.
    """
    check_playable(vendor)
    vendors.load(vendor)
    given = (
        ("--port", (port,)),
        ("--size", (size,)),
        ("--latency", (latency,)),
        ("--fault", fault),
        ("--rate-scale", (rate_scale,)),
        ("--rate-change", rate_change),
        ("--neighbour", (neighbour,)),
        ("--knob", knob),
    )
    arguments = [word for flag, values in given for value in values if value is not None for word in (flag, str(value))]
    code = 0
    with played(vendor, (*arguments, *further), messages=True) as ready:
        try:
            click.echo(toml_lines(ready.vendor, {"base_url": ready.base_url, **ready.settings}))
            click.echo(f"{ready.vendor} is played at {ready.base_url}; Ctrl-C ends it.", err=True)
            code = ready.process.wait()
        except KeyboardInterrupt:
            # This is how it is meant to end.
            ctx.exit(ExitCode.COMPLETE)
    if code:
        click.echo(f"Error: the sandbox ended by itself, code {code}.", err=True)
    ctx.exit(ExitCode.FAILED if code else ExitCode.COMPLETE)
