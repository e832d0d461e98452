"""`backfill`: load everything there is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import click

from extractor import vendors
from extractor.cli.closing import close_account
from extractor.cli.options import of_a_pipeline, of_a_run, shown
from extractor.cli.played import check_playable, played
from extractor.cli.words import NAMES, PARAM, UTC_DAY
from extractor.console import progress
from extractor.mask import understood
from extractor.memory import keep_little
from extractor.selection import select

__all__ = ["backfill"]


@click.command(
    epilog=(
        "\b\n"
        "Examples:\n"
        "  python -m extractor backfill gladly\n"
        "  python -m extractor backfill gladly --sandbox\n"
        "  python -m extractor backfill my_pipeline.py:config\n"
        "  python -m extractor backfill gladly --only conversations,agents --since 2024-01-01\n"
        "  python -m extractor backfill gladly --rate-share 0.5 --destination snowflake\n"
        "  python -m extractor backfill gladly --ids customers.csv\n"
        "  python -m extractor backfill snapengage --only start_chat --allow-writes --param widgetId=ID\n"
    )
)
@click.argument("vendor")
@click.option("--sandbox", is_flag=True, help="Play the vendor on this machine; no account needed.")
@click.option("--sandbox-size", type=click.IntRange(min=1), metavar="N", help="How much the sandbox holds.")
@click.option("--only", type=NAMES, multiple=True, metavar="R,R", help="Load these resources and no others.")
@click.option("--also", type=NAMES, multiple=True, metavar="R,R", help="Load these too, beside the default ones.")
@click.option("--since", type=UTC_DAY, metavar="DATE", help="First day (UTC) of reports and other windows.")
@click.option("--until", type=UTC_DAY, metavar="DATE", help="Day (UTC) before which windows end; now, if not given.")
@of_a_pipeline
@of_a_run
@click.option("--keep-raw", is_flag=True, help="Keep the vendor's answers on disk after loading them.")
@click.option(
    "--ids",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    metavar="FILE",
    help="CSV of ids to fetch besides; a header id, email or phone says what they are.",
)
@click.option(
    "--param",
    "params",
    type=PARAM,
    multiple=True,
    metavar="NAME=VALUE",
    help="What a resource that is named must be told; may be repeated.",
)
@click.option("--allow-writes", is_flag=True, help="Let a resource be named that changes something at the vendor.")
@click.option(
    "--mask",
    multiple=True,
    metavar="FIELD=hash|drop",
    help="Leave a field out, or put a keyed hash in its place; FIELD or TABLE:FIELD; may be repeated.",
)
@click.option("--fresh", is_flag=True, help="Forget what was loaded and load everything again.")
@shown
@click.pass_context
def backfill(
    ctx: click.Context,
    *,
    vendor: str,
    sandbox: bool,
    sandbox_size: int | None,
    only: tuple[tuple[str, ...], ...],
    also: tuple[tuple[str, ...], ...],
    since: date | None,
    until: date | None,
    destination: str,
    pipeline_name: str | None,
    dataset: str | None,
    rate_share: float,
    commit_every: float,
    patience: float,
    max_failures: str | None,
    keep_raw: bool,
    ids: Path | None,
    params: tuple[tuple[str, str], ...],
    allow_writes: bool,
    mask: tuple[str, ...],
    fresh: bool,
    mode: str,
) -> None:
    """Load everything VENDOR has.

    VENDOR may also be FILE.py:NAME, a dlt RESTAPIConfig of your own.

    It may be stopped at any moment; the same command goes on where it was.
    """
    if sandbox_size is not None and not sandbox:
        raise click.UsageError("--sandbox-size says how much the sandbox holds: add --sandbox.")
    if since and until and since >= until:
        raise click.UsageError(f"--since {since} is not before --until {until}, which is excluded.")
    only_names = tuple(name for names in only for name in names)
    also_names = tuple(name for names in also for name in names)
    given = dict(params)
    if len(given) < len(params):
        raise click.UsageError("--param: a name may be given once.")
    if sandbox:
        check_playable(vendor)
    described = vendors.load(vendor)
    # Also checked by the run; here a slip of the finger is told before dlt is imported and a sandbox started.
    select(described, only_names, also_names, given=given, allow_writes=allow_writes)
    understood(described, mask)

    with ExitStack() as opened:
        settings: Mapping[str, str] | None = None
        if sandbox:
            # Played rows never mix with real ones.
            pipeline_name = pipeline_name or f"{vendor}_sandbox_pipeline"
            dataset = dataset or f"{vendor}_sandbox_data"
            arguments = () if sandbox_size is None else ("--size", str(sandbox_size))
            ready = opened.enter_context(played(vendor, ("--port", "0", *arguments)))
            settings = ready.all_settings

        from extractor import run  # noqa: PLC0415 - brings dlt and aiohttp

        keep_little()
        with progress(mode, described.name) as display:
            outcome = run.backfill(
                described,
                only=only_names,
                also=also_names,
                since=since,
                until=until,
                destination=destination,
                pipeline_name=pipeline_name,
                dataset=dataset,
                rate_share=rate_share,
                commit_every=commit_every,
                patience=patience,
                max_failures=max_failures,
                keep_raw=keep_raw,
                ids=ids,
                allow_writes=allow_writes,
                params=given,
                mask=mask,
                fresh=fresh,
                settings=settings,
                progress=display.show,
            )
            display.end(outcome)
    close_account(ctx, outcome)
