"""What ledger and spool cost: pages recorded by many tasks at once, each finding listings.

python benchmarks/ledger.py [--pages 200000] [--tasks 256] [--found 3] [--bytes 500] [--folder DIR]

Prints one line of JSON: microseconds a page (wall clock, and CPU of the process), bytes a listing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import deque
from pathlib import Path

from extractor.ledger import Ledger
from extractor.model import Found, Listing, Page, State


async def measure(folder: Path, *, pages: int, tasks: int, found: int, size: int) -> dict[str, float]:
    """Record `pages` pages of `size` bytes from `tasks` tasks, each naming `found` new listings."""
    dice = random.Random(1)
    keys = iter([dice.randbytes(16).hex()[:22] for _ in range(pages * found)])
    payload = b"x" * size
    ledger = await Ledger.open(folder)
    await ledger.add([Found(endpoint="customers", key=f"customer{n}") for n in range(tasks)])
    claimed: deque[Listing] = deque()
    left = pages

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            while not claimed:
                claimed.extend(
                    await ledger.claim("customers", 64) if ledger.claimable("customers") else await nothing_yet()
                )
            listing = claimed.popleft()
            names = tuple(
                Found(endpoint="customers", key=next(keys), parent=listing.key, fields={"customer": listing.key})
                for _ in range(found)
            )
            await ledger.record(Page(listing=listing, state=State.COMMITTED, payload=payload, records=5, found=names))

    async def nothing_yet() -> list[Listing]:
        await asyncio.sleep(0)
        return []

    wall, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(work())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await ledger.close()
    listings = pages * found + tasks
    return {
        "pages": pages,
        "tasks": tasks,
        "wall_us_per_page": round(wall / pages * 1e6, 1),
        "cpu_us_per_page": round(cpu / pages * 1e6, 1),
        "ledger_bytes_per_listing": round((folder / "ledger.sqlite").stat().st_size / listings, 1),
    }


def main() -> None:
    """Measure once and print the figures."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--pages", type=int, default=200_000)
    words.add_argument("--tasks", type=int, default=256)
    words.add_argument("--found", type=int, default=3)
    words.add_argument("--bytes", type=int, default=500)
    words.add_argument("--folder", type=Path, help="parent of the temporary folder: the disk to measure")
    call = words.parse_args()
    with tempfile.TemporaryDirectory(dir=call.folder) as folder:
        figures = asyncio.run(
            measure(Path(folder), pages=call.pages, tasks=call.tasks, found=call.found, size=call.bytes)
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
