"""`python -m benchmarks.configurations.by_dlt FILE DATABASE`: loads a configuration with dlt alone, as anyone would."""

from __future__ import annotations

import argparse
import runpy
from pathlib import Path

import dlt
from dlt.sources.rest_api import rest_api_source


def main() -> None:
    """Load it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.configurations.by_dlt", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--parallelized", action="store_true", help="dlt's own word for requests side by side")
    options = parser.parse_args()
    name = options.file.stem
    pipeline = dlt.pipeline(
        f"{name}_pipeline",
        pipelines_dir=str(options.database.parent / "pipelines"),
        destination=dlt.destinations.duckdb(str(options.database)),
        dataset_name=f"{name}_data",
    )
    config = runpy.run_path(str(options.file))["config"]
    pipeline.run(rest_api_source(config, name=name, parallelized=options.parallelized))


if __name__ == "__main__":
    main()
