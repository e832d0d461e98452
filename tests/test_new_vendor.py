"""A vendor that is new needs a file of declarations and nothing else: it runs against a server that answers like it."""

from __future__ import annotations

import asyncio
from datetime import date

from aiohttp import web
from intercom import VENDOR

from extractor.children import Family
from extractor.client import Client
from extractor.model import Listing, Page, State
from extractor.selection import select
from extractor.transport.http import Http
from extractor.transport.retrying import Retrying

NAMES = [str(number) for number in range(7)]


async def _conversations(request: web.Request) -> web.Response:
    assert request.query["per_page"] == "150"
    start = int(request.query.get("starting_after", "0"))
    following = {"starting_after": str(start + 3)} if start + 3 < len(NAMES) else None
    records = [{"id": name, "created_at": 1_700_000_000} for name in NAMES[start : start + 3]]
    return web.json_response({"conversations": records, "pages": {"next": following}})


async def _conversation(request: web.Request) -> web.Response:
    if request.match_info["id"] == NAMES[2]:
        return web.json_response({"errors": [{"code": "not_found"}]}, status=404)
    return web.json_response({"id": request.match_info["id"], "conversation_parts": {"conversation_parts": []}})


async def test_conversations_and_what_was_said_in_them() -> None:
    app = web.Application()
    app.router.add_get("/conversations", _conversations)
    app.router.add_get("/conversations/{id}", _conversation)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    headers = VENDOR.headers({"access_token": "t"})
    transport = Retrying(Http(base_url=base_url, vendor=VENDOR.name, headers=headers), vendor="v", base_url=base_url)
    chosen = select(VENDOR)
    client = Client(
        vendor=VENDOR,
        family=Family(VENDOR, chosen.fetched, chosen.unheld),
        transport=transport,
        base_urls={"": base_url},
        loaded=chosen.loaded,
        since=None,
        until=date(2026, 1, 1),
    )

    async def fetched(endpoint: str, key: str = "") -> list[Page]:
        return [page async for page in client.pages(Listing(id=1, endpoint=endpoint, key=key))]

    try:
        pages = await fetched("conversations")
        assert [page.records for page in pages] == [3, 3, 1]
        children = [child for page in pages for child in page.found]
        assert [child.key for child in children] == NAMES
        ends = await asyncio.gather(*(fetched(child.endpoint, child.key) for child in children))
        assert [pages[-1].state for pages in ends] == [
            State.GONE if name == NAMES[2] else State.COMMITTED for name in NAMES
        ]
    finally:
        await transport.close()
        await runner.cleanup()
