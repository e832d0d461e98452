"""`python -m benchmarks.speed.ceiling BASE_URL`: how many requests a second the help desk answers at most.

Connections that always have a few requests under way, and a client that only counts the answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

_CONNECTIONS = 16
_UNDER_WAY = 16
_SIGN = b"HTTP/1.1 200 OK\r\n"


class _Asking(asyncio.Protocol):
    """One connection; asks for one list over and over."""

    def __init__(self) -> None:
        self.answers = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask(_UNDER_WAY)

    def data_received(self, data: bytes) -> None:
        found = self._tail + data
        count = found.count(_SIGN)
        # An answer may begin in one piece and go on in the next.
        self._tail = found[-len(_SIGN) + 1 :]
        self.answers += count
        self._ask(count)

    def _ask(self, count: int) -> None:
        self._transport.write(b"GET /conversations/v0/items HTTP/1.1\r\nHost: desk\r\n\r\n" * count)


async def _measure(port: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    asking = [(await loop.create_connection(_Asking, "127.0.0.1", port))[1] for _ in range(_CONNECTIONS)]
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return sum(each.answers for each in asking) / (time.monotonic() - began)


def main() -> None:
    """Measure, and print a JSON line with requests a second."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.ceiling", description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    port = urlsplit(options.base_url).port
    if port is None:
        parser.error("the address needs a port")
    print(json.dumps({"requests_per_second": round(uvloop.run(_measure(port, options.seconds)))}))


if __name__ == "__main__":
    main()
