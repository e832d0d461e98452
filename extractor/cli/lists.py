"""`vendors` and `resources`: what there is to load."""

from __future__ import annotations

import re

import click

from extractor import vendors as known_vendors
from extractor.console.text import columns
from extractor.model import Children, Endpoint, Vendor
from extractor.selection import alternatives

__all__ = ["resources", "vendors"]


@click.command(epilog="Example: python -m extractor vendors")
def vendors() -> None:
    """List the vendors and the settings each one needs."""
    rows = []
    for name in known_vendors.names():
        vendor = known_vendors.load(name)
        always = ", ".join(setting.name for setting in vendor.settings if setting.required)
        ways = ", or ".join(" and ".join(way) for way in alternatives(vendor))
        needed = "; ".join(part for part in (always, ways) if part)
        rows.append((name, vendor.title, f"needs {needed}" if needed else "needs no settings"))
    click.echo("\n".join(columns(rows)))


@click.command(
    epilog=(
        "\b\n"
        "Examples:\n"
        "  python -m extractor resources gladly\n"
        "  python -m extractor resources clari\n"
        "  python -m extractor resources my_pipeline.py:config\n"
    )
)
@click.argument("vendor")
def resources(vendor: str) -> None:
    """List VENDOR's resources: the names that --only and --also take.

    LOADED says whether a plain backfill loads the resource, or only `named` in --only or --also. `if needed` is a
    second route to records of a table that a backfill takes where the first leaves gaps. NEEDS are settings without
    which it is left out, and what must be told with --param or allowed.
    """
    found = known_vendors.load(vendor)
    # A parent that is read for its ids only has no name that could be typed.
    listed = [endpoint for endpoint in found.endpoints if not endpoint.ids_only]
    rows: list[tuple[str, ...]] = [("RESOURCE", "TABLE", "KEY", "LOADED", "NEEDS", "ALIASES", "PARENTS")]
    rows += [_row(found, endpoint) for endpoint in listed]
    notes = [(endpoint.name, endpoint.note) for endpoint in listed if endpoint.note]
    click.echo("\n".join([*columns(rows), *([""] if notes else []), *columns(notes)]))


def _row(vendor: Vendor, endpoint: Endpoint) -> tuple[str, ...]:
    parents = [one.endpoint if isinstance(one, Children) else one.setting for one in endpoint.parents]
    told = [f"--param {name}" for name in endpoint.given[:1]]
    allowed = ["--allow-writes"] if endpoint.writes else []
    return (
        endpoint.name,
        endpoint.destination_table,
        "as configured" if vendor.configuration else ", ".join(map(column, endpoint.key)) or "_extractor_key",
        _when(vendor, endpoint),
        ", ".join([*endpoint.needs, *told, *allowed]) or "-",
        ", ".join(endpoint.aliases) or "-",
        ", ".join(dict.fromkeys([*parents, *([endpoint.beside] if endpoint.beside else [])])) or "-",
    )


def column(field: str) -> str:
    """A field's column as dlt spells it: `conversation_id` for `conversationId` and `Conversation ID`."""
    return re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", field)).lower()


def _when(vendor: Vendor, endpoint: Endpoint) -> str:
    """By default, when named, with the table that it completes, or only if a file brings ids."""
    if endpoint.held:
        main = [e for e in vendor.endpoints if not e.held and e.destination_table == endpoint.destination_table]
        return "if needed" if any(e.default for e in main) else "named"
    if not endpoint.default or endpoint.writes or endpoint.given:
        return "named"
    from_file = any(endpoint.name in names for names in vendor.ids.values())
    return "with --ids" if from_file and not endpoint.parents else "yes"
