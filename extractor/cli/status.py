"""`status`: what is done and left."""

from __future__ import annotations

import click

from extractor import vendors
from extractor.cli.closing import close_account
from extractor.cli.options import of_a_pipeline
from extractor.cli.played import check_playable

__all__ = ["status"]


@click.command(
    epilog=(
        "\b\n"
        "Examples:\n"
        "  python -m extractor status gladly\n"
        "  python -m extractor status gladly --sandbox\n"
        "  python -m extractor status gladly --pipeline-name trial --dataset trial_data\n"
    )
)
@click.argument("vendor")
@click.option("--sandbox", is_flag=True, help="Of the pipeline that `backfill --sandbox` loads.")
@of_a_pipeline
@click.pass_context
def status(
    ctx: click.Context,
    *,
    vendor: str,
    sandbox: bool,
    destination: str,
    pipeline_name: str | None,
    dataset: str | None,
) -> None:
    """Show what is done and left of VENDOR's backfill.

    It asks this machine's ledger or, without one, the destination; never the vendor.
    """
    if sandbox:
        check_playable(vendor)
        pipeline_name = pipeline_name or f"{vendor}_sandbox_pipeline"
        dataset = dataset or f"{vendor}_sandbox_data"

    described = vendors.load(vendor)

    from extractor import run  # noqa: PLC0415 - brings dlt

    close_account(ctx, run.status(described, pipeline_name=pipeline_name, dataset=dataset, destination=destination))
