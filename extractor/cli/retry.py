"""`retry`: what failed, once more."""

from __future__ import annotations

import click

from extractor import vendors
from extractor.cli.closing import close_account
from extractor.cli.options import of_a_pipeline, of_a_run, shown
from extractor.console import progress
from extractor.mask import understood
from extractor.memory import keep_little

__all__ = ["retry"]


@click.command(
    epilog=(
        "\b\n"
        "Examples:\n"
        "  python -m extractor retry gladly\n"
        "  python -m extractor retry gladly --pipeline-name trial --dataset trial_data\n"
        "  python -m extractor retry gladly --rate-share 0.5 --max-failures 20\n"
    )
)
@click.argument("vendor")
@of_a_pipeline
@of_a_run
@click.option(
    "--mask", multiple=True, metavar="FIELD=hash|drop", help="What the backfill was told to mask, in the same words."
)
@shown
@click.pass_context
def retry(
    ctx: click.Context,
    *,
    vendor: str,
    destination: str,
    pipeline_name: str | None,
    dataset: str | None,
    rate_share: float,
    commit_every: float,
    patience: float,
    max_failures: str | None,
    mask: tuple[str, ...],
    mode: str,
) -> None:
    """Ask again for the lists of VENDOR that failed or were refused.

    What they name is fetched as well, for nobody could know it before; nothing else is. A list that is read now has its
    incident resolved. What was loaded when it was named with --param or --allow-writes is left alone.
    """
    described = vendors.load(vendor)
    understood(described, mask)

    from extractor import run  # noqa: PLC0415 - brings dlt and aiohttp

    keep_little()
    with progress(mode, described.name) as display:
        outcome = run.retry(
            described,
            destination=destination,
            pipeline_name=pipeline_name,
            dataset=dataset,
            rate_share=rate_share,
            commit_every=commit_every,
            patience=patience,
            max_failures=max_failures,
            mask=mask,
            progress=display.show,
        )
        display.end(outcome)
    close_account(ctx, outcome)
