"""A sandbox in this process, and a client that does not care about limits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import aiohttp
import orjson
from yarl import URL

from extractor.sandbox.gladly.routes import gladly
from extractor.sandbox.options import Options
from extractor.sandbox.server import Play, Sandbox, Stage

NOON = datetime(2026, 3, 1, 12, 34, tzinfo=UTC).timestamp()
EARLY, LATE = "2015-01-01", "2026-03-01"
QUICK = Options(latency=0, rate_scale=10_000)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    chunks: tuple[bytes, ...] = ()

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks, and shows the answer as it came: no redirects, no retries."""

    def __init__(self, session: aiohttp.ClientSession, told: Mapping[str, Any]) -> None:
        self.session = session
        self.base = str(told["base_url"])
        self.root = str(URL(self.base).origin())
        self.told = told["settings"]
        self.password = self.told.get("password", "")
        pair = self.told.keys() >= {"username", "password"}
        self.authorization = aiohttp.encode_basic_auth(self.told["username"], self.password) if pair else ""

    async def ask(
        self, path: str, method: str = "GET", *, auth: str | None = "", base: str | None = None, **more: Any
    ) -> Answer:
        """Ask for a path below `base_url`, or below another base; `auth` instead of the pair told, None for none."""
        headers = dict(more.pop("headers", {}))
        if auth is not None and (authorization := auth or self.authorization):
            headers["Authorization"] = authorization
        url = URL((self.base if base is None else base) + path, encoded=True)
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **more) as answer:
            chunks = []
            held = b""
            async for data, ends in answer.content.iter_chunks():
                held += data
                if ends:
                    chunks.append(held)
                    held = b""
            return Answer(
                status=answer.status,
                headers=answer.headers,
                body=b"".join(chunks) + held,
                chunks=tuple(chunks),
            )

    async def report(self, start: str, end: str, metric_set: str = "ConversationExportReport", **more: Any) -> Answer:
        body = {"metricSet": metric_set, "timezone": "UTC", "startAt": start, "endAt": end} | more
        return await self.ask("/reports", "POST", json={k: v for k, v in body.items() if v is not None})

    async def own(self, path: str, method: str = "GET") -> Any:
        """The sandbox's own paths."""
        async with self.session.request(method, self.root + "/_sandbox" + path) as answer:
            return orjson.loads(await answer.read())

    async def until_in_flight(self, count: int) -> None:
        """Ask for the statistics until so many requests wait for their answer."""
        for _ in range(20_000):
            if (await self.own("/stats"))["in_flight"] == count:
                return
        raise AssertionError(f"there never were {count} requests in flight")


@asynccontextmanager
async def sandboxed(
    options: Options = QUICK,
    *,
    vendor: Callable[[Stage], Play] = gladly,
    clock: Callable[[], float] = time,
    knob: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Client]:
    """Play a vendor with changed options; Gladly's reports come at once unless a knob says otherwise."""
    prompt = {"report-latency": "0"} if vendor is gladly else {}
    sandbox = Sandbox(replace(options, knob={**prompt, **options.knob, **(knob or {})}, **more), vendor, clock=clock)
    try:
        told = await sandbox.start()
        async with aiohttp.ClientSession() as session:
            yield Client(session, told)
    finally:
        await sandbox.stop()


def noon() -> float:
    return NOON


def ago(**span: float) -> str:
    return (datetime.fromtimestamp(NOON, UTC) - timedelta(**span)).isoformat().replace("+00:00", "Z")


def rows(answer: Answer) -> list[dict[str, str]]:
    text = answer.body.decode("utf-8-sig").lstrip()
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def keys_of(client: Client, table: str) -> set[str]:
    keys = (await client.own(f"/truth?table={table}"))["tables"][table]
    assert len(set(keys)) == len(keys)
    return set(keys)


async def whole_report(client: Client, metric_set: str = "ConversationExportReport") -> list[dict[str, str]]:
    for _ in range(2):
        answer = await client.report(EARLY, LATE, metric_set)
        assert answer.status == 200
        if not answer.body.startswith(b"Unexpected"):
            return rows(answer)
    raise AssertionError("the error text came twice")


def lines(answer: Answer) -> tuple[list[dict[str, Any]], int, int]:
    """Records of JSON lines, and how many lines were blank or malformed."""
    records, blank, malformed = [], 0, 0
    for line in answer.body.split(b"\n")[:-1]:
        if not line:
            blank += 1
            continue
        try:
            records.append(json.loads(line))
        except ValueError:  # cut off in the middle of a character, it is no text either
            malformed += 1
    return records, blank, malformed


async def all_items(client: Client) -> list[dict[str, Any]]:
    keys = (await client.own("/truth?table=conversations"))["tables"]["conversations"]
    return [item for key in keys for item in (await client.ask(f"/conversations/{key}/items")).json]
