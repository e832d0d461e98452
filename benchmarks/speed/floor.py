"""`python -m benchmarks.speed.floor BASE_URL`: the least that any client must do.

aiohttp asks, orjson decodes, ids lead to children, records are counted and forgotten: no limit, no retry, nothing
kept, nothing loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import json

import aiohttp
import orjson
import uvloop

_AT_ONCE = 256


def main() -> None:
    """Walk, and print a JSON line with the number of records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.floor", description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--export", action="store_true", help="the export instead of the lists")
    options = parser.parse_args()
    work = _read(options.base_url) if options.export else _walk(options.base_url)
    print(json.dumps({"records": uvloop.run(work)}))


async def _walk(base_url: str) -> int:
    waiting: asyncio.LifoQueue[tuple[str, str]] = asyncio.LifoQueue()
    records = 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal records
        while True:
            kind, path = await waiting.get()
            async with session.get(base_url + path) as answer:
                answer.raise_for_status()
                content = orjson.loads(await answer.read())
            rows = content["data"]
            records += len(rows)
            if kind == "customers":
                for row in rows:
                    waiting.put_nowait(("conversations", f"/customers/{row['id']}/conversations"))
                # Last in, first out: each page of customers waits for the one before it, and nothing else has to.
                if content["next"]:
                    waiting.put_nowait(("customers", f"/customers?limit=100&after={content['next']}"))
            elif kind == "conversations":
                for row in rows:
                    waiting.put_nowait(("items", f"/conversations/{row['id']}/items"))
            waiting.task_done()

    waiting.put_nowait(("customers", "/customers?limit=100"))
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(work(session)) for _ in range(_AT_ONCE)]
        await waiting.join()
        for task in tasks:
            task.cancel()
    return records


async def _read(base_url: str) -> int:
    records = 0
    rest = b""
    async with aiohttp.ClientSession() as session, session.get(base_url + "/export.jsonl") as answer:
        answer.raise_for_status()
        async for block in answer.content.iter_any():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                orjson.loads(line)
            records += len(lines)
    return records


if __name__ == "__main__":
    main()
