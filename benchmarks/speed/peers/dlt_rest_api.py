"""dlt's `rest_api_source` over the help desk, into DuckDB; runs in an environment that has dlt and nothing of ours.

sequence       the defaults
parallelized   the defaults, and `parallelized` for every resource
tuned          64 workers in 64 threads, Parquet, no compression in between, plain appending
"""

from __future__ import annotations

import argparse
import os

TUNED = {
    "EXTRACT__WORKERS": "64",
    "EXTRACT__MAX_PARALLEL_ITEMS": "64",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
}


def main() -> None:
    """Load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--way", choices=("sequence", "parallelized", "tuned"), default="sequence")
    options = parser.parse_args()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if options.way == "tuned":
        os.environ.update(TUNED)

    import dlt  # noqa: PLC0415 - its settings come first
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    source = rest_api_source(
        {
            "client": {"base_url": options.base_url},
            "resource_defaults": {
                "write_disposition": "append",
                "parallelized": options.way != "sequence",
                "endpoint": {"data_selector": "data", "paginator": "single_page"},
            },
            "resources": [
                {
                    "name": "customers",
                    "endpoint": {
                        "path": "customers",
                        "params": {"limit": 100},
                        "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"},
                    },
                },
                {"name": "conversations", "endpoint": {"path": "customers/{resources.customers.id}/conversations"}},
                {"name": "items", "endpoint": {"path": "conversations/{resources.conversations.id}/items"}},
            ],
        },
        name="desk",
    )
    pipeline = dlt.pipeline("peer", destination="duckdb", dataset_name="peer_data")
    if options.way == "tuned":
        pipeline.run(source, loader_file_format="parquet")
    else:
        pipeline.run(source)


if __name__ == "__main__":
    main()
