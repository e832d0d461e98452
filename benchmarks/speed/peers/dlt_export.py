"""dlt alone over the help desk's export: lines are decoded as they come, a thousand rows at a time, into DuckDB."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
}
os.environ.update(SETTINGS)

import dlt  # noqa: E402 - its settings come first
import orjson  # noqa: E402
import requests  # noqa: E402


def main() -> None:
    """Load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    options = parser.parse_args()

    @dlt.resource
    def export() -> Iterator[list[dict[str, Any]]]:
        with requests.get(f"{options.base_url}/export.jsonl", stream=True, timeout=600) as answer:
            answer.raise_for_status()
            rows: list[dict[str, Any]] = []
            for line in answer.iter_lines(chunk_size=1 << 16):
                rows.append(orjson.loads(line))
                if len(rows) == 1_000:
                    yield rows
                    rows = []
            if rows:
                yield rows

    pipeline = dlt.pipeline("peer", destination="duckdb", dataset_name="peer_data")
    pipeline.run(export, loader_file_format="parquet")


if __name__ == "__main__":
    main()
