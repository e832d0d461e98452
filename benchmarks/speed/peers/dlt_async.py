"""dlt with transformers written by hand, asynchronous and with aiohttp, into DuckDB by Parquet.

With `--rate` a pacer of one line spaces the requests evenly; a 429 is waited out and tried again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

AT_ONCE = 256
SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "EXTRACT__MAX_PARALLEL_ITEMS": str(AT_ONCE),
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
}
os.environ.update(SETTINGS)

import aiohttp  # noqa: E402 - dlt's settings come first
import dlt  # noqa: E402


class Client:
    """Asks the desk; made in dlt's loop, by the first who asks."""

    def __init__(self, base_url: str, rate: float | None) -> None:
        self._base_url = base_url
        self._spacing = 1 / rate if rate else 0.0
        self._due = 0.0
        self._session: aiohttp.ClientSession | None = None
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The decoded answer."""
        self._session = self._session or aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE))
        async with self._room:
            while True:
                await self._turn()
                async with self._session.get(self._base_url + path) as answer:
                    if answer.status != 429:
                        answer.raise_for_status()
                        return await answer.json()
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))

    async def _turn(self) -> None:
        now = time.monotonic()
        self._due = max(now, self._due + self._spacing)
        await asyncio.sleep(self._due - now)


def main() -> None:
    """Load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--rate", type=float, help="requests a second at most")
    options = parser.parse_args()
    client = Client(options.base_url, options.rate)

    @dlt.resource
    async def customers() -> AsyncIterator[list[dict[str, Any]]]:
        following = "/customers?limit=100"
        while following:
            page = await client.get(following)
            following = page["next"] and f"/customers?limit=100&after={page['next']}"
            yield page["data"]

    @dlt.transformer(data_from=customers)
    async def conversations(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = await asyncio.gather(*(client.get(f"/customers/{one['id']}/conversations") for one in page))
        return [row for answer in answers for row in answer["data"]]

    @dlt.transformer(data_from=conversations)
    async def items(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = await asyncio.gather(*(client.get(f"/conversations/{one['id']}/items") for one in page))
        return [row for answer in answers for row in answer["data"]]

    pipeline = dlt.pipeline("peer", destination="duckdb", dataset_name="peer_data")
    pipeline.run([customers, conversations, items], loader_file_format="parquet")


if __name__ == "__main__":
    main()
