"""Three configurations of the kinds that public projects have, beside dlt's own `rest_api_source`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.configurations.measuring import CONFIGURATIONS, compare, play

__all__ = ["configurations"]


def configurations(folder: Path, options: argparse.Namespace) -> bool:
    """Equal tables for no more requests; `--size` is requests of each, `--sandbox --latency MS` how long they take."""
    good = True
    with play("--size", str(options.size), *options.sandbox) as played:
        for file in CONFIGURATIONS:
            compared = compare(folder, file, played)
            print(f"{compared.name}: {compared.tables} tables")
            for who, one in compared.figures.items():
                print(
                    f"  {who:18} {one.requests:,} requests, {one.refused} refused, "
                    f"{one.at_once} at once; {one.seconds:.1f} s, {one.asking:.1f} s of them asking; {one.rows:,} rows"
                )
            print("  DIFFERENT" if compared.unlike else "  tables equal", *compared.unlike, sep="\n  ", flush=True)
            good = good and compared.good
    return good
