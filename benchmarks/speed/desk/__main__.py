"""`python -m benchmarks.speed.desk`: open the help desk. Writes a JSON line with its port; ends with who started it."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import signal

import uvloop

from benchmarks.speed.desk.limits import LIMITS
from benchmarks.speed.desk.records import Desk
from benchmarks.speed.desk.serving import Connection, Open

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.desk", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--conversations", type=int, default=2, help="of each customer")
    parser.add_argument("--items", type=int, default=8, help="of each conversation")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the export")
    parser.add_argument("--latency", type=float, default=0.0, help="ms")
    parser.add_argument("--limit", choices=sorted(LIMITS))
    parser.add_argument("--rate", type=int, default=20, help="requests a second that the limit allows")
    parser.add_argument("--unstated", action="store_true", help="no header says what the limit is")
    options = parser.parse_args()
    desk = Desk(
        customers=options.customers, conversations=options.conversations, items=options.items, lines=options.lines
    )
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
    uvloop.run(
        _serve(
            Open(
                desk=desk,
                latency=options.latency / 1000,
                limit=LIMITS[options.limit](options.rate) if options.limit else None,
                stated=not options.unstated,
            )
        )
    )


async def _serve(at: Open) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(at), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    main()
