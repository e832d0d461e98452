"""`python -m benchmarks.configurations.played`: answers until its standard input ends, and tells what it has counted.

It writes one line, a JSON object with `base_url` and `token`. `GET /_counted` tells what came since the last time that
it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from aiohttp import web

from benchmarks.configurations.played.server import Server


async def main() -> None:
    """Listen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.configurations.played", description=__doc__)
    parser.add_argument("--size", type=int, required=True, help="requests of a run, roughly")
    parser.add_argument("--latency", type=float, default=50, help="milliseconds that every answer takes (50)")
    options = parser.parse_args()
    server = Server(size=options.size, latency=options.latency / 1000)
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"base_url": f"http://{host}:{port}", "token": server.token}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
