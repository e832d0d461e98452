"""Answers for the APIs, as slowly as they do, and counts."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from dataclasses import asdict, dataclass, field

from aiohttp import web

from benchmarks.configurations.played import crm, forge, pokedex
from benchmarks.configurations.played.replies import Asked, Reply

__all__ = ["Counted", "Server"]

APIS = {"crm": crm.answer, "forge": forge.answer, "pokedex": pokedex.answer}
GUARDED = ("crm", "forge")
PER_SECOND = {"crm": 100}


@dataclass(kw_only=True)
class Counted:
    """What came.

    Attributes:
        requests: that were answered with anything but a 429.
        refused: that were answered with a 429.
        at_once: the most that were under way at the same time.
        began, ended: seconds, when the first one came and the last one was answered.
    """

    requests: int = 0
    refused: int = 0
    at_once: int = 0
    began: float = 0.0
    ended: float = 0.0


@dataclass(kw_only=True)
class Server:
    """All three APIs, each below a path of its own.

    Args:
        size: roughly how many requests a run of each configuration is to take.
        latency: seconds that every answer takes.
    """

    size: int
    latency: float
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _counted: Counted = field(default_factory=Counted)
    _under_way: int = 0
    _taken: dict[str, deque[float]] = field(default_factory=lambda: {api: deque() for api in PER_SECOND})

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer in time, and count."""
        if request.path == "/_counted":
            counted, self._counted = self._counted, Counted()
            return web.json_response(asdict(counted))
        counted = self._counted
        counted.began = counted.began or time.monotonic()
        self._under_way += 1
        counted.at_once = max(counted.at_once, self._under_way)
        try:
            reply = await self._reply(request)
            await asyncio.sleep(self.latency)
        finally:
            self._under_way -= 1
        if reply.status == 429:
            counted.refused += 1
        else:
            counted.requests += 1
        counted.ended = time.monotonic()
        return web.json_response(reply.content, status=reply.status, headers=reply.headers)

    def takes(self, api: str, now: float) -> bool:
        """Whether the limit of the last second leaves room for one more."""
        taken = self._taken[api]
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) >= PER_SECOND[api]:
            return False
        taken.append(now)
        return True

    async def _reply(self, request: web.BaseRequest) -> Reply:
        api, *path = request.path.removeprefix("/").split("/")
        if api in GUARDED and request.headers.get("Authorization") != f"Bearer {self.token}":
            return Reply(status=401, content={"message": "Who are you?"})
        if api in PER_SECOND and not self.takes(api, time.monotonic()):
            return Reply(status=429, content={"message": "Too many requests"}, headers={"Retry-After": "1"})
        asked = Asked(
            method=request.method,
            path=path,
            url=str(request.url.with_query(None)),
            params=dict(request.query),
            content=await request.json() if request.can_read_body else {},
        )
        return APIS[api](asked, self.size)
