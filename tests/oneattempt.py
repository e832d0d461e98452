"""What the tests of the HTTP layer share: a plain request, and one attempt at a server that answers as told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from faultserver import Answer, FaultServer

from extractor.errors import RequestFailed
from extractor.model import Request, Response
from extractor.transport.http import Http

__all__ = ["TOKEN", "ask", "fails", "http", "names", "request"]

TOKEN = "Basic c2VjcmV0LXRva2Vu"


def request(path: str = "/things", **changes: Any) -> Request:
    changes.setdefault("timeout", 10.0)
    return Request(endpoint="things", path=path, budgets=(), accept=lambda response: response.body, **changes)


@asynccontextmanager
async def http(base_url: str, **changes: Any) -> AsyncGenerator[Http]:
    changes.setdefault("headers", {"Authorization": TOKEN, "X-Api-Key": "key-1234"})
    transport = Http(base_url=base_url, vendor="acme", **changes)
    try:
        yield transport
    finally:
        await transport.close()


async def ask(answer: Answer, sent: Request | None = None, **changes: Any) -> tuple[Response, FaultServer]:
    async with FaultServer(answer) as server, http(server.base_url, **changes) as transport:
        return await transport.send(sent or request()), server


async def fails(answer: Answer, sent: Request | None = None, **changes: Any) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        await ask(answer, sent, **changes)
    return caught.value


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
