"""The power goes while pages come in: of what was not synced any part may be on the disk, in any order, or nothing."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from extractor.ledger import Ledger
from extractor.model import Found, Listing, Page, State
from extractor.spool import read

LISTINGS = 48
AT_ONCE = 8
SEGMENT = 1
"""Records in a chunk: a batch writes to several segments before it syncs any."""


def payload(key: str) -> bytes:
    return key.encode() * 40


@dataclass
class Disk:
    """What is on the disk for sure, and what is only written.

    Attributes:
        synced: content of segments by name.
        written: since then: where, and what.
        log: bytes of the ledger's log that hold what was acknowledged.
    """

    folder: Path
    synced: dict[str, bytes] = field(default_factory=dict)
    written: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    log: int = 0
    acknowledged: set[str] = field(default_factory=set)

    def write(self, file: int, data: bytes, offset: int) -> None:
        self.written.setdefault(name_of(file), []).append((offset, bytes(data)))

    def sync(self, file: int) -> None:
        name = name_of(file)
        self.written.pop(name, None)
        path = self.folder / "spool" / name
        if path.is_file():
            self.synced[name] = path.read_bytes()

    def acknowledge(self, key: str) -> None:
        self.log = (self.folder / "ledger.sqlite-wal").stat().st_size
        # Last, as the writer's thread may look meanwhile.
        self.acknowledged.add(key)

    def after_a_cut(self, into: Path, dice: random.Random) -> None:
        """One of the disks that there may be when the power is back."""
        (into / "spool").mkdir(parents=True)
        for name in ("ledger.sqlite", "ledger.sqlite-wal"):
            pages = (self.folder / name).read_bytes()
            if name.endswith("-wal"):
                pages = pages[: self.log] + torn(pages[self.log :], dice)
            (into / name).write_bytes(pages)
        for name in self.synced.keys() | self.written.keys():
            content = bytearray(self.synced.get(name, b""))
            for offset, data in self.written.get(name, []):
                if dice.random() < 0.5:
                    content.extend(bytes(max(0, offset + len(data) - len(content))))
                    part = torn(data, dice)
                    content[offset : offset + len(part)] = part
            if name in self.synced or dice.random() < 0.7:
                (into / "spool" / name).write_bytes(content)


def name_of(file: int) -> str:
    return Path(f"/proc/self/fd/{file}").readlink().name


def torn(data: bytes, dice: random.Random) -> bytes:
    """All of it, its beginning, or its beginning and then something else."""
    kept = data[: dice.choice((len(data), dice.randint(0, len(data))))]
    return kept + dice.randbytes(dice.choice((0, len(data) - len(kept))))


async def left_on(folder: Path) -> tuple[list[str], int]:
    """Keys of all pages that a ledger in this folder hands to the load, and how many listings wait."""
    ledger = await Ledger.open(folder, chunk_records=SEGMENT)
    waiting = ledger.claimable("items")
    await ledger.seal()
    keys: list[str] = []
    while chunk := await ledger.next_sealed():
        for frame in read(folder / "spool", chunk.id, size=chunk.bytes):
            assert frame.payload == payload(frame.key)
            keys.append(frame.key)
        await ledger.loading(chunk.id, f"L{chunk.id}")
        await ledger.loaded(chunk.id)
    await ledger.close()
    return keys, waiting


async def test_what_was_acknowledged_survives_whatever_the_disk_kept_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(17)
    disk = Disk(tmp_path / "p")
    after: list[tuple[Path, set[str]]] = []

    def cut() -> None:
        for _ in range(3):
            acknowledged = set(disk.acknowledged)
            into = tmp_path / f"cut {len(after)}"
            disk.after_a_cut(into, dice)
            after.append((into, acknowledged))

    def watched(patch: pytest.MonkeyPatch, name: str, note: Callable[..., None]) -> None:
        plain = getattr(os, name)

        def call(*args: Any) -> object:
            result = plain(*args)
            note(*args)
            cut()
            return result

        patch.setattr(os, name, call)

    ledger = await Ledger.open(disk.folder, chunk_records=SEGMENT)
    await ledger.add([Found(endpoint="items", key=f"k{n}") for n in range(LISTINGS)])
    disk.log = (disk.folder / "ledger.sqlite-wal").stat().st_size

    async def fetch(listing: Listing) -> None:
        await ledger.record(Page(listing=listing, state=State.COMMITTED, payload=payload(listing.key), records=1))
        disk.acknowledge(listing.key)

    with monkeypatch.context() as patch:
        watched(patch, "pwrite", disk.write)
        watched(patch, "fdatasync", disk.sync)
        while listings := await ledger.claim("items", AT_ONCE):
            await asyncio.gather(*map(fetch, listings))
    await ledger.close()

    assert len(after) >= 60
    assert len({frozenset(acknowledged) for _, acknowledged in after}) >= LISTINGS // AT_ONCE
    for folder, acknowledged in after:
        keys, waiting = await left_on(folder)
        assert len(keys) == len(set(keys))
        assert acknowledged <= set(keys)
        assert len(keys) + waiting == LISTINGS
