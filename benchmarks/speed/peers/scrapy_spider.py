"""Scrapy over the help desk, into a file of JSON lines.

default       Scrapy's defaults: 16 requests at once, 8 to one host
tuned         256 at once
autothrottle  the defaults with AutoThrottle
rate          256 at once, a delay between two requests that makes `--rate`
jobdir        256 at once, with a folder that lets a spider that was stopped go on
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response

JSON_LINES = {"format": "jsonlines"}
WIDE = {"CONCURRENT_REQUESTS": 256, "CONCURRENT_REQUESTS_PER_DOMAIN": 256, "REACTOR_THREADPOOL_MAXSIZE": 16}
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "tuned": WIDE,
    "autothrottle": {"AUTOTHROTTLE_ENABLED": True},
    "rate": WIDE | {"DOWNLOAD_DELAY_JITTER": 0},
    "jobdir": WIDE | {"JOBDIR": "job"},
}


class Desk(scrapy.Spider):  # type: ignore[misc]
    """Walks the lists, deepest first as Scrapy does."""

    name = "desk"

    def __init__(self, base_url: str, **more: Any) -> None:  # noqa: ANN401 - Scrapy's own
        super().__init__(**more)
        self._base_url = base_url

    async def start(self) -> Any:  # noqa: ANN401 - an asynchronous generator
        """Begin with the first page of customers."""
        yield scrapy.Request(f"{self._base_url}/customers?limit=100", self.parse)

    def parse(self, response: Response) -> Iterator[Any]:
        """Read a page of customers."""
        content = response.json()
        if content["next"]:
            yield scrapy.Request(f"{self._base_url}/customers?limit=100&after={content['next']}", self.parse)
        for row in content["data"]:
            yield row
            yield scrapy.Request(f"{self._base_url}/customers/{row['id']}/conversations", self.conversations)

    def conversations(self, response: Response) -> Iterator[Any]:
        """Read the conversations of one customer."""
        for row in response.json()["data"]:
            yield row
            yield scrapy.Request(f"{self._base_url}/conversations/{row['id']}/items", self.items)

    def items(self, response: Response) -> Iterator[Any]:
        """Read the items of one conversation."""
        yield from response.json()["data"]


def main() -> None:
    """Crawl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--way", choices=sorted(WAYS), default="default")
    parser.add_argument("--rate", type=float, help="requests a second at most")
    options = parser.parse_args()
    settings = WAYS[options.way]
    if options.rate:
        settings = settings | {"DOWNLOAD_DELAY": 1 / options.rate}
    process = CrawlerProcess(
        settings | {"LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False, "FEEDS": {"records.jsonl": JSON_LINES}}
    )
    process.crawl(Desk, base_url=options.base_url)
    process.start()


if __name__ == "__main__":
    main()
