"""Whole runs in a folder of their own, and a proxy that spoils the vendor's answers to chosen paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
from aiohttp import web
from serving import served
from yarl import URL

import extractor
from benchmarks.rig import DATASET, PIPELINE, Sandbox
from extractor.account import Outcome

QUICK = ("--rate-scale", "1000", "--knob", "report-latency=5", "--latency", "1")
"""Flags of a sandbox that is no bottleneck."""


def asked(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Asked of the database that a run in that folder has filled."""
    with duckdb.connect(str(folder / f"{PIPELINE}.duckdb"), read_only=True) as connection:
        connection.execute(f"USE {DATASET}")
        return connection.execute(query).fetchall()


def incidents(folder: Path) -> set[tuple[Any, ...]]:
    """Those that hold: kind, endpoint, status."""
    return set(asked(folder, "SELECT kind, endpoint, status FROM _extractor_incidents WHERE resolved_at IS NULL"))


@dataclass
class Place:
    """A working folder, and the vendor that runs in it speak to.

    Attributes:
        settings: that every run gets.
    """

    folder: Path
    played: Sandbox
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = {"base_url": self.played.base_url, **self.played.settings}

    def run(self, **options: Any) -> Outcome:
        """A backfill in this process, whose working folder is the place's."""
        names: dict[str, Any] = {"pipeline_name": PIPELINE, "dataset": DATASET, "settings": self.settings}
        return extractor.backfill("gladly", **(names | options))

    def retry(self, **options: Any) -> Outcome:
        """What failed, once more."""
        names: dict[str, Any] = {"pipeline_name": PIPELINE, "dataset": DATASET, "settings": self.settings}
        return extractor.retry("gladly", **(names | options))

    @property
    def database(self) -> Path:
        return self.folder / f"{PIPELINE}.duckdb"

    @property
    def state(self) -> Path:
        return self.folder / ".extractor" / PIPELINE

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return asked(self.folder, query)

    def requests(self) -> int:
        """How many the vendor has had since the last time."""
        count = int(self.played.ask("stats")["requests"])
        self.played.ask("reset-stats", "POST")
        return count


def listings_left(place: Place) -> list[tuple[Any, ...]]:
    return place.rows(
        "SELECT endpoint, count(*) FROM _extractor_listings WHERE state IN ('pending', 'open') GROUP BY 1"
    )


@dataclass
class Proxy:
    """Hands everything on to a sandbox, but answers paths that begin so itself.

    Attributes:
        spoiled: beginning of a path below the base URL -> status to answer with.
        after: how many requests are handed on before it begins to spoil any.
        seen: how many requests of each spoiled beginning came.
        handed_on: paths of the other requests.
    """

    target: str
    base_url: str = ""
    spoiled: Mapping[str, int] = field(default_factory=dict)
    after: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    handed_on: list[str] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.removeprefix("/api/v1")
        self.requests += 1
        for beginning, status in self.spoiled.items():
            if path.startswith(beginning) and self.requests > self.after:
                self.seen[beginning] = self.seen.get(beginning, 0) + 1
                return web.json_response({"errors": []}, status=status)
        self.handed_on.append(path)
        url = URL(self.target + path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=headers, data=await request.read(), allow_redirects=False
            ) as reply,
        ):
            kept = {n: v for n, v in reply.headers.items() if n.lower() not in ("transfer-encoding", "content-length")}
            return web.Response(status=reply.status, headers=kept, body=await reply.read())


@contextmanager
def proxy(played: Sandbox) -> Iterator[Proxy]:
    """A proxy before the sandbox."""
    one = Proxy(target=played.base_url)
    with served(one.answer) as origin:
        one.base_url = f"{origin}/api/v1"
        yield one
