"""Bodies that go to a file, and bombs."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import random
import stat
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from faultserver import Exchange, FaultServer, bomb
from oneattempt import ask, fails, http, names, request

import extractor.transport.http
from extractor.errors import BadBody, StorageError, TimedOut
from extractor.transport.http import Http

GZIP: Mapping[str, str] = {"Content-Encoding": "gzip"}


async def test_a_download_is_a_file_at_its_beginning_without_a_name(tmp_path: Path) -> None:
    """Only this process can read it, and it vanishes with it."""
    whole = random.Random(1).randbytes(10_000_000)

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(whole, headers={"X-Kept": "yes"})

    response, _server = await ask(answer, request(download=True), folder=tmp_path)
    assert response.file is not None
    with response.file as file:
        assert file.tell() == 0
        status = os.fstat(file.fileno())
        assert stat.S_IMODE(status.st_mode) == 0o600
        assert status.st_nlink == 0
        assert not names(tmp_path)
        assert file.read() == whole
    assert response.body == b""
    assert response.headers["x-kept"] == "yes"


@pytest.mark.parametrize("size", [0, 1, 65536, 262_144, 262_145, 3_000_000])
async def test_a_compressed_download_is_inflated(size: int, tmp_path: Path) -> None:
    whole = random.Random(size).randbytes(size // 2) * 2

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(gzip.compress(whole), headers=GZIP)

    response, _server = await ask(answer, request(download=True), folder=tmp_path)
    assert response.file is not None
    with response.file as file:
        assert file.read() == whole


async def test_a_download_takes_little_memory_and_the_loop_goes_on(tmp_path: Path) -> None:
    """64 MB pass through with about 1 MB at a time; something else gets its turns meanwhile."""
    block = random.Random(2).randbytes(1024 * 1024)

    async def answer(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * len(block)))
        for _ in range(64):
            await exchange.write(block)

    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with FaultServer(answer) as server, http(server.base_url, folder=tmp_path) as transport:
        tracemalloc.start()
        busy = asyncio.create_task(others())
        try:
            response = await transport.send(request(download=True, timeout=60.0))
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            busy.cancel()
            tracemalloc.stop()
        assert response.file is not None
        with response.file as file:
            assert file.seek(0, io.SEEK_END) == 64 * len(block)
    # The server in this process has a block and its buffer of its own.
    assert peak < 6 * 1024 * 1024
    assert turns > 250


async def test_a_download_over_the_limit(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(gzip.compress(b"x" * 1_000_001), headers=GZIP)

    assert isinstance(await fails(answer, request(download=True), folder=tmp_path, largest_download=1_000_000), BadBody)


@pytest.mark.parametrize("cut", [20, -1])
async def test_a_compressed_download_that_is_cut_off(cut: int, tmp_path: Path) -> None:
    """The lengths agree, the stream inside has no end."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(gzip.compress(b"a,b\n1,2\n" * 100)[:cut], headers=GZIP)

    assert isinstance(await fails(answer, request(download=True), folder=tmp_path), BadBody)


async def test_a_download_that_does_not_say_its_length_is_not_believed(tmp_path: Path) -> None:
    """Half a CSV is a CSV; compressed, it has an end of its own."""
    rows = b"a,b\n1,2\n3,4\n"

    async def plain(exchange: Exchange) -> None:
        await exchange.answer(rows, framed=False)
        exchange.close()

    async def compressed(exchange: Exchange) -> None:
        await exchange.answer(gzip.compress(rows), headers=GZIP, framed=False)
        exchange.close()

    failure = await fails(plain, request(download=True), folder=tmp_path)
    assert isinstance(failure, BadBody)
    assert "how long" in str(failure)
    response, _server = await ask(compressed, request(download=True), folder=tmp_path)
    assert response.file is not None
    with response.file as file:
        assert file.read() == rows


async def test_a_download_in_time_only(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
        await asyncio.sleep(3600)

    assert isinstance(await fails(answer, request(download=True, timeout=0.05), folder=tmp_path), TimedOut)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """That is no fault of the vendor's: the run ends instead of the listing."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"data")

    with pytest.raises(StorageError, match="gone"):
        await ask(answer, request(download=True), folder=tmp_path / "gone")


@pytest.mark.parametrize("size", [10, 10_000_000])
async def test_a_full_disk(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_folder: Path | None) -> BinaryIO:
        return cast(BinaryIO, open("/dev/full", "w+b"))  # noqa: PTH123 - the caller closes it

    monkeypatch.setattr(extractor.transport.http, "_unnamed", full)

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"x" * size)

    with pytest.raises(StorageError, match="No space left"):
        await ask(answer, request(download=True))


@pytest.mark.parametrize("download", [False, True], ids=["memory", "file"])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_bomb_costs_little(download: bool, status: int, tmp_path: Path) -> None:
    """12 MB that become 10 GB; an error's body is cut instead of refused."""
    wire = bomb(10 * 1024)

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(wire, status=status, headers=GZIP)

    async with FaultServer(answer) as server, http(server.base_url, folder=tmp_path) as transport:
        # The server's own copies are made before the measuring starts.
        await _try(transport, download=download, status=status)
        tracemalloc.start()
        try:
            await _try(transport, download=download, status=status)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 48 * 1024 * 1024 + len(wire)


async def _try(transport: Http, *, download: bool, status: int) -> None:
    sent = request(download=download, timeout=60.0)
    if status == 200:
        with pytest.raises(BadBody, match="inflates"):
            await transport.send(sent)
    else:
        response = await transport.send(sent)
        assert response.body == bytes(65536)
