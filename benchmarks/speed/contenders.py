"""Who runs: we, the floor, and the peers with their defaults and with the best settings we know."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.environments import python
from benchmarks.speed.played import ROOT

__all__ = ["CONTENDERS", "FLOOR", "OURS", "Contender", "chosen"]

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One of them.

    Attributes:
        what: its settings, and what becomes of the records.
        program: module of ours, or script in `peers`.
        environment: of a peer; '' for ours.
        paced: takes `--rate`, requests a second.
    """

    name: str
    what: str
    program: str
    arguments: tuple[str, ...] = ()
    environment: str = ""
    paced: bool = False

    def command(self, base_url: str, *, rate: int | None = None, more: Iterable[str] = ()) -> list[str]:
        """To run it against this address.

        Args:
            base_url: whom it asks.
            rate: requests a second that are documented.
            more: arguments that the trial has for it.
        """
        if self.environment:
            begin = [str(python(self.environment)), str(PEERS / self.program)]
        else:
            begin = [sys.executable, "-m", self.program]
        pace = ["--rate", str(rate)] if self.paced and rate is not None else []
        return [*begin, base_url, *self.arguments, *pace, *more]

    @property
    def variables(self) -> Mapping[str, str]:
        """Its environment variables: our modules are found from any folder."""
        return {} if self.environment else {"PYTHONPATH": str(ROOT)}


OURS = Contender(name="extractor", what="256 at once; merged into DuckDB", program="benchmarks.speed.ours")
FLOOR = Contender(
    name="floor", what="bare aiohttp and orjson, 256 at once; counts, loads nothing", program="benchmarks.speed.floor"
)
CONTENDERS: Mapping[str, Contender] = {
    each.name: each
    for each in (
        OURS,
        FLOOR,
        Contender(
            name="dlt-sequence",
            what="rest_api_source, defaults; appended to DuckDB",
            program="dlt_rest_api.py",
            environment="dlt",
        ),
        Contender(
            name="dlt-parallelized",
            what="rest_api_source, parallelized; appended to DuckDB",
            program="dlt_rest_api.py",
            arguments=("--way", "parallelized"),
            environment="dlt",
        ),
        Contender(
            name="dlt-tuned",
            what="rest_api_source, 64 workers, Parquet; appended to DuckDB",
            program="dlt_rest_api.py",
            arguments=("--way", "tuned"),
            environment="dlt",
        ),
        Contender(
            name="dlt-async",
            what="asynchronous transformers by hand, 256 at once, Parquet; appended to DuckDB",
            program="dlt_async.py",
            environment="dlt",
            paced=True,
        ),
        Contender(
            name="dlt-export",
            what="a resource by hand that reads lines, Parquet; appended to DuckDB",
            program="dlt_export.py",
            environment="dlt",
        ),
        Contender(
            name="airbyte",
            what="concurrent low-code source, 64 workers, HTTPAPIBudget where limited; counts, loads nothing",
            program="airbyte.py",
            environment="airbyte",
            paced=True,
        ),
        Contender(name="scrapy", what="defaults; JSON lines", program="scrapy_spider.py", environment="scrapy"),
        Contender(
            name="scrapy-tuned",
            what="256 at once; JSON lines",
            program="scrapy_spider.py",
            arguments=("--way", "tuned"),
            environment="scrapy",
        ),
        Contender(
            name="scrapy-rate",
            what="256 at once, an even delay; JSON lines",
            program="scrapy_spider.py",
            arguments=("--way", "rate"),
            environment="scrapy",
            paced=True,
        ),
        Contender(
            name="scrapy-autothrottle",
            what="AutoThrottle; JSON lines",
            program="scrapy_spider.py",
            arguments=("--way", "autothrottle"),
            environment="scrapy",
        ),
        Contender(
            name="scrapy-jobdir",
            what="256 at once, JOBDIR; JSON lines",
            program="scrapy_spider.py",
            arguments=("--way", "jobdir"),
            environment="scrapy",
        ),
    )
}
"""By name."""


def chosen(peers: str) -> frozenset[str]:
    """The contenders that run, by name: ours, the floor, and the peers named.

    Args:
        peers: `all`, `none`, or names of contenders or environments with commas between them.

    Raises:
        ValueError: a name is unknown.
    """
    always = {OURS.name, FLOOR.name}
    if peers in ("all", "none"):
        return frozenset(CONTENDERS if peers == "all" else always)
    words = set(peers.split(","))
    known = CONTENDERS.keys() | {each.environment for each in CONTENDERS.values() if each.environment}
    if unknown := words - known:
        raise ValueError(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return frozenset(always | {each.name for each in CONTENDERS.values() if {each.name, each.environment} & words})
