"""What was acknowledged survives: kills, full disks, failing syncs, damaged and missing segments."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extractor.errors import StorageError
from extractor.ledger import Ledger, incident_rows, listing_rows
from extractor.model import Found, Incident, IncidentKind, Listing, Page, State
from extractor.spool import Frame, read

writer_program = """
import asyncio, os, pathlib, sys
from extractor.ledger import Ledger
from extractor.model import Found, Page, State

async def main():
    ledger = await Ledger.open(pathlib.Path(sys.argv[1]), chunk_records=40)
    await ledger.add([Found(endpoint="tree", key=f"{n}") for n in range(8)])

    async def work():
        while True:
            listings = await ledger.claim("tree", 2)
            for listing in listings:
                children = tuple(Found(endpoint="tree", key=f"{listing.key}.{n}", parent=listing.key) for n in range(2))
                payload = listing.key.encode() * 50
                await ledger.record(Page(
                    listing=listing, state=State.COMMITTED, payload=payload, records=1, found=children))
                os.write(1, listing.key.encode() + b"\\n")
            await asyncio.sleep(0)

    async def seal():
        while True:
            await ledger.seal()
            await asyncio.sleep(0.003)

    await asyncio.gather(seal(), *(work() for _ in range(16)))

asyncio.run(main())
"""


def done(listing: Listing, payload: bytes, *found: Found) -> Page:
    return Page(listing=listing, state=State.COMMITTED, payload=payload, records=1, found=found)


async def chunks(ledger: Ledger, folder: Path) -> list[tuple[int, list[Frame]]]:
    """Seal, then read and load everything."""
    await ledger.seal()
    everything = []
    while chunk := await ledger.next_sealed():
        everything.append((chunk.id, list(read(folder / "spool", chunk.id, size=chunk.bytes))))
        await ledger.loading(chunk.id, f"L{chunk.id}")
        await ledger.loaded(chunk.id)
    return everything


def test_kill_loses_nothing_that_was_acknowledged_and_leaves_nothing_half(tmp_path: Path) -> None:
    """One ledger, killed again and again at different moments, some while it repairs the kill before."""
    acknowledged: set[str] = set()
    for moment in (0, 1, 60, 3, 200, 17, 0, 500):
        process = subprocess.Popen(
            [sys.executable, "-c", writer_program, str(tmp_path / "p")], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(moment):
            acknowledged.add(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        # What it had written to the pipe counts: that was acknowledged too.
        lines = process.communicate()[0].split("\n")
        acknowledged.update(lines[:-1])

    async def look() -> tuple[int, dict[str, str], list[str]]:
        ledger = await Ledger.open(tmp_path / "p", chunk_records=40)
        await ledger.seal()
        states: dict[str, str] = {}
        payloads: list[str] = []
        while chunk := await ledger.next_sealed():
            for rows in listing_rows(tmp_path / "p", chunk.id):
                states.update((row[1], row[4]) for row in rows)
            for frame in read(tmp_path / "p" / "spool", chunk.id, size=chunk.bytes):
                assert frame.payload == frame.key.encode() * 50
                payloads.append(frame.key)
            await ledger.loading(chunk.id, "L")
            await ledger.loaded(chunk.id)
        repaired = ledger.repaired
        await ledger.close()
        return repaired, states, payloads

    repaired, states, payloads = asyncio.run(look())
    committed = {key for key, state in states.items() if state == "committed"}
    assert repaired == 0
    assert len(acknowledged) > 700
    assert acknowledged <= committed
    assert sorted(payloads) == sorted(committed), "each committed listing has its page, once, and no other has one"
    expected = {f"{n}" for n in range(8)} | {f"{key}.{n}" for key in committed for n in range(2)}
    assert set(states) == expected


def failing(call: Callable[..., object], after: int, number: int) -> Callable[..., object]:
    """The system call, which fails from the n-th time on."""
    left = iter(range(after))

    def wrapped(*args: object, **named: object) -> object:
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))
        return call(*args, **named)

    return wrapped


@pytest.mark.parametrize(
    ("call", "number"), [("pwrite", errno.ENOSPC), ("pwrite", errno.EIO), ("fdatasync", errno.EIO)]
)
@pytest.mark.parametrize("after", range(4))
async def test_failing_disk_acknowledges_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, after: int
) -> None:
    folder = tmp_path / "p"
    ledger = await Ledger.open(folder)
    await ledger.add([Found(endpoint="items", key=f"k{n}") for n in range(8)])
    listings = await ledger.claim("items", 8)
    acknowledged: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(getattr(os, call), after, number))
        for listing in listings:
            try:
                await ledger.record(done(listing, b"[1]"))
            except StorageError as error:
                assert os.strerror(number) in str(error)  # noqa: PT017 - how many fail is what differs
            else:
                acknowledged.append(listing.key)
    assert acknowledged == [f"k{n}" for n in range(after)]
    for later in (ledger.add([Found(endpoint="items", key="x")]), ledger.seal(), ledger.claim("items", 1)):
        with pytest.raises(StorageError):
            await later
    await ledger.close()

    ledger = await Ledger.open(folder)
    assert [frame.key for _, frames in await chunks(ledger, folder) for frame in frames] == acknowledged
    assert ledger.claimable("items") == 8 - after
    await ledger.close()


async def test_pages_are_synced_before_the_ledger_calls_them_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill doesn't show it, a power cut would: sealing inside the batch must not skip a sync either."""
    ledger = await Ledger.open(tmp_path / "p", chunk_records=2)
    await ledger.add([Found(endpoint="items", key=f"k{n}") for n in range(4)])
    listings = await ledger.claim("items", 4)
    order: list[str] = []

    def noting(name: str) -> None:
        call = getattr(os, name)

        def noted(*args: object) -> object:
            order.append(name)
            return call(*args)

        monkeypatch.setattr(os, name, noted)

    def statement(sql: str) -> None:
        if sql in ("BEGIN", "COMMIT"):
            order.append(sql)

    await ledger._ask(lambda store: store.connection.set_trace_callback(statement))
    order.clear()
    for name in ("pwrite", "fdatasync"):
        noting(name)
    await asyncio.gather(*(ledger.record(done(listing, b"[1]")) for listing in listings))
    await ledger.close()

    unsynced = 0
    for step in order:
        unsynced = unsynced + 1 if step == "pwrite" else unsynced - 1 if step == "fdatasync" else unsynced
        assert not (step == "COMMIT" and unsynced), order
    assert {"pwrite", "fdatasync", "COMMIT"} <= set(order)


async def test_all_who_wait_hear_of_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    await ledger.add([Found(endpoint="items", key=f"k{n}") for n in range(20)])
    listings = await ledger.claim("items", 20)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", failing(os.pwrite, 0, errno.ENOSPC))
        results = await asyncio.gather(
            *(ledger.record(done(listing, b"[1]")) for listing in listings),
            ledger.seal(),
            ledger.get_meta("x"),
            return_exceptions=True,
        )
    assert {type(result) for result in results} == {StorageError}
    await ledger.close()


async def test_full_disk_under_the_ledger_itself(tmp_path: Path) -> None:
    """SQLite says that it is full; the frames that were synced before count for nothing."""
    folder = tmp_path / "p"
    ledger = await Ledger.open(folder)
    await ledger.add([Found(endpoint="items", key="a")])
    [listing] = await ledger.claim("items", 1)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    await ledger._ask(lambda store: fill(store.connection))
    many = tuple(Found(endpoint="items", key=f"{n:0500}") for n in range(1000))
    with pytest.raises(StorageError, match="full"):
        await ledger.record(done(listing, b"[1]", *many))
    await ledger.close()

    ledger = await Ledger.open(folder)
    assert (ledger.claimable("items"), ledger.backlog_bytes) == (1, 0)
    await ledger.close()


# ── damage ──────────────────────────────────────────────────────────────────────────────────────


async def three_chunks(folder: Path) -> None:
    """Chunk 1: a/1 (open at 2), b (done). Chunk 2: a/2 (open at 3), c (done). Chunk 3: a/3 (done), d (done)."""
    ledger = await Ledger.open(folder)
    await ledger.add([Found(endpoint="items", key=key) for key in "abcd"])
    a, *others = await ledger.claim("items", 4)
    for part, other in enumerate(others, 1):
        state, cursor = (State.OPEN, str(part + 1)) if part < 3 else (State.COMMITTED, None)
        incident = Incident(kind=IncidentKind.FAILED, endpoint="items", key=other.key)
        await ledger.record(
            Page(listing=a, state=state, cursor=cursor, payload=b"[%d]" % part, records=10, truncated=part == 2)
        )
        await ledger.record(
            Page(listing=other, state=State.COMMITTED, payload=b"[0]", records=1, incidents=(incident,))
        )
        assert await ledger.seal() == part
    await ledger.close()


def segment(folder: Path, chunk: int) -> Path:
    return folder / "spool" / f"{chunk:08d}.pages"


async def after_damage(folder: Path) -> tuple[int, dict[str, str | None], list[str], dict[int, set[tuple[str, str]]]]:
    """Repaired listings, what is pending (key -> cursor), pages left, listing rows left by chunk."""
    ledger = await Ledger.open(folder)
    pending = {listing.key: listing.cursor for listing in await ledger.claim("items", 9)}
    rows = {chunk: {(row[1], row[4]) for batch in listing_rows(folder, chunk) for row in batch} for chunk in (1, 2, 3)}
    summary = (await ledger.summary()).endpoints["items"]
    assert sum(summary.listings.values()) == 4
    assert summary.listings[State.COMMITTED] == 4 - len(pending)
    pages = [frame.key + frame.payload.decode() for _, frames in await chunks(ledger, folder) for frame in frames]
    repaired = ledger.repaired
    await ledger.close()
    return repaired, pending, pages, rows


async def test_altered_page_is_fetched_again_from_the_page_before(tmp_path: Path) -> None:
    """What came after it is forgotten too, so that nothing says `committed` while a page is missing."""
    folder = tmp_path / "p"
    await three_chunks(folder)
    raw = bytearray(segment(folder, 2).read_bytes())
    raw[20] ^= 1
    segment(folder, 2).write_bytes(raw)

    repaired, pending, pages, rows = await after_damage(folder)
    assert (repaired, pending) == (1, {"a": "2"})
    assert pages == ["a[1]", "b[0]", "c[0]", "d[0]"]
    assert rows == {
        1: {("a", "open"), ("b", "committed"), ("c", "pending"), ("d", "pending")},
        2: {("c", "committed")},
        3: {("d", "committed")},
    }


@pytest.mark.parametrize(("lost", "pending", "left"), [(1, None, 0), (2, "2", 1), (3, "3", 3)])
async def test_records_beside_a_damaged_listings_own_are_counted_anew(
    tmp_path: Path, lost: int, pending: str | None, left: int
) -> None:
    folder = tmp_path / "p"
    ledger = await Ledger.open(folder)
    await ledger.add([Found(endpoint="items", key="a"), Found(endpoint="items", key="b")])
    a, b = await ledger.claim("items", 2)
    await ledger.record(Page(listing=b, state=State.OPEN, cursor="2", records=100, beside="actors"))
    for part in (1, 2, 3):
        page = Page(listing=a, state=State.OPEN, cursor=str(part), payload=b"[1]", records=part, beside="actors")
        await ledger.record(page)
        await ledger.record(Page(listing=a, state=State.OPEN, cursor=str(part + 1), records=10))
        assert await ledger.seal() == part
    await ledger.close()
    segment(folder, lost).unlink()

    ledger = await Ledger.open(folder)
    summary = (await ledger.summary()).endpoints
    assert {listing.key: listing.cursor for listing in await ledger.claim("items", 9)} == {"a": pending, "b": "2"}
    assert (summary["actors"].records, summary["items"].records) == (100 + left, 10 * (lost - 1))
    await ledger.close()


@pytest.mark.parametrize(("cursor", "left"), [("2", 5), (None, 0)])
async def test_records_beside_count_with_the_pages_that_are_left(tmp_path: Path, cursor: str | None, left: int) -> None:
    """The page before the damaged one counts if the listing goes on behind it."""
    folder = tmp_path / "p"
    ledger = await Ledger.open(folder)
    await ledger.add([Found(endpoint="items", key="a")])
    [a] = await ledger.claim("items", 1)
    await ledger.record(Page(listing=a, state=State.OPEN, cursor=cursor, payload=b"[1]", records=5, beside="actors"))
    await ledger.record(Page(listing=a, state=State.OPEN, cursor="3", payload=b"[2]", records=10))
    await ledger.close()
    raw = bytearray(segment(folder, 1).read_bytes())
    raw[-1] ^= 1
    segment(folder, 1).write_bytes(raw)

    ledger = await Ledger.open(folder)
    summary = (await ledger.summary()).endpoints
    assert (summary["actors"].records, summary["items"].records) == (left, 0)
    assert [listing.cursor for listing in await ledger.claim("items", 9)] == [cursor]
    await ledger.close()


async def test_missing_segment_is_fetched_again(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    await three_chunks(folder)
    segment(folder, 1).unlink()

    repaired, pending, pages, _ = await after_damage(folder)
    assert (repaired, pending) == (2, {"a": None, "b": None})
    assert pages == ["c[0]", "d[0]"]


async def test_repair_is_repeated_when_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are made void before the ledger forgets them."""
    folder = tmp_path / "p"
    await three_chunks(folder)
    raw = bytearray(segment(folder, 2).read_bytes())
    raw[20] ^= 1
    segment(folder, 2).write_bytes(raw)

    def die(_connection: sqlite3.Connection) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("extractor.ledger.recovery._set_back", die)
        with pytest.raises(RuntimeError, match="killed"):
            await Ledger.open(folder)
    assert (await after_damage(folder))[:3] == (1, {"a": "2"}, ["a[1]", "b[0]", "c[0]", "d[0]"])


async def test_segment_cut_at_any_byte_never_yields_half_a_page(tmp_path: Path) -> None:
    """The filling chunk and a sealed one, at a few dozen places each."""
    folder = tmp_path / "p"
    await three_chunks(folder)
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    size = len(files[segment(folder, 2)])
    for cut in random.Random(3).sample(range(size), 25):
        (folder / "ledger.sqlite-wal").unlink(missing_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
        segment(folder, 2).write_bytes(files[segment(folder, 2)][:cut])
        repaired, pending, pages, _ = await after_damage(folder)
        expected = {"a": "2", "c": None} if cut < size // 2 else {"c": None}
        assert (repaired, pending) == (len(expected), expected)
        kept = ["a[1]", "b[0]", "d[0]"] if "a" in expected else ["a[1]", "b[0]", "a[2]", "a[3]", "d[0]"]
        assert pages == kept


async def test_sealed_chunk_with_damage_keeps_its_incidents(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    await three_chunks(folder)
    segment(folder, 2).unlink()
    ledger = await Ledger.open(folder)
    assert [row[3] for batch in incident_rows(folder, 2) for row in batch] == ["c"]
    await ledger.close()


async def test_segments_of_a_deleted_ledger_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    await three_chunks(folder)
    (folder / "ledger.sqlite").unlink()
    ledger = await Ledger.open(folder)
    assert (ledger.empty, ledger.backlog_bytes, list((folder / "spool").iterdir())) == (True, 0, [])
    await ledger.close()


async def test_segment_that_outlived_its_load_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the transaction that calls it loaded and the deletion."""
    folder = tmp_path / "p"
    await three_chunks(folder)
    ledger = await Ledger.open(folder)
    await ledger.loading(1, "L1")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", failing(Path.unlink, 0, errno.EIO))
        with pytest.raises(StorageError):
            await ledger.loaded(1)
    await ledger.close()

    ledger = await Ledger.open(folder)
    chunk = await ledger.next_sealed()
    assert chunk is not None
    assert (chunk.id, segment(folder, 1).exists(), await ledger.last_loaded_load_id()) == (2, False, "L1")
    await ledger.close()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """A ledger that failed must still close."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "ledger"]
