"""Compressed bodies come out whole or not at all, and never larger than allowed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from faultserver import bomb
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import BadBody
from extractor.transport.inflate import Inflater

LIMIT = 64 * 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "identity": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    " X-GZIP ": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
}


def inflate(encoding: str, wire: bytes, *, step: int = 1000, limit: int = LIMIT) -> bytes:
    inflater = Inflater(encoding, limit=limit)
    whole = bytearray()
    for start in range(0, len(wire), step):
        for piece in inflater.feed(wire[start : start + step]):
            whole += piece
    inflater.finish()
    return bytes(whole)


@given(data=st.binary(max_size=5000), encoding=st.sampled_from(sorted(COMPRESS)), step=st.integers(1, 300))
def test_what_went_in_comes_out(data: bytes, encoding: str, step: int) -> None:
    assert inflate(encoding, COMPRESS[encoding](data), step=step) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate"])
def test_a_large_body_comes_in_small_pieces(encoding: str) -> None:
    data = bytes(range(256)) * 8000
    inflater = Inflater(encoding, limit=LIMIT)
    pieces = list(inflater.feed(COMPRESS[encoding](data)))
    inflater.finish()
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 65536


@pytest.mark.parametrize("encoding", ["gzip", "Deflate"])
def test_output_that_fills_a_step_just_when_the_input_ends_is_not_forgotten(encoding: str) -> None:
    """Zeros, cut at so many places that the end of a piece often is the end of a step."""
    data = bytes(4 * 1024 * 1024)
    wire = COMPRESS[encoding](data)
    for step in range(60, 130):
        assert inflate(encoding, wire, step=step) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate"])
def test_cut_off_anywhere(encoding: str) -> None:
    wire = COMPRESS[encoding](b'[{"id": 1}, {"id": 2}]' * 5)
    for cut in range(1, len(wire)):
        with pytest.raises(BadBody):
            inflate(encoding, wire[:cut], step=7)


@given(members=st.lists(st.binary(max_size=200), min_size=1, max_size=20), step=st.integers(1, 100))
def test_joined_gzip_members_are_one_body(members: list[bytes], step: int) -> None:
    assert inflate("gzip", b"".join(map(gzip.compress, members)), step=step) == b"".join(members)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "gzip;q=1", "none"])
def test_encodings_that_were_not_asked_for(encoding: str) -> None:
    with pytest.raises(BadBody, match="encoding"):
        Inflater(encoding, limit=LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("wire", [b"<html>", b"\x1f\x8b\x08\0nonsense", b"\x78\x9cnonsense", b"\xff" * 50])
def test_what_is_not_compressed_at_all(encoding: str, wire: bytes) -> None:
    with pytest.raises(BadBody):
        inflate(encoding, wire)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate"])
def test_rubbish_behind_the_end(encoding: str) -> None:
    with pytest.raises(BadBody):
        inflate(encoding, COMPRESS[encoding](b"data") + b"rubbish")


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_the_limit_is_exact(encoding: str) -> None:
    wire = COMPRESS[encoding](b"x" * 1000)
    assert len(inflate(encoding, wire, limit=1000)) == 1000
    with pytest.raises(BadBody, match="larger than 999 bytes"):
        inflate(encoding, wire, limit=999)


def test_ten_gigabytes_of_zeros_end_after_sixteen_megabytes() -> None:
    wire = bomb(10 * 1024)
    assert len(wire) < 12_000_000
    inflater = Inflater("gzip", limit=LIMIT)
    seen = 0
    pieces = (piece for start in range(0, len(wire), 65536) for piece in inflater.feed(wire[start : start + 65536]))
    with pytest.raises(BadBody, match="inflates"):  # noqa: PT012 - counted on the way there
        for piece in pieces:
            seen += len(piece)
    assert seen <= 17 * 1024 * 1024


def test_a_small_body_may_shrink_as_much_as_it_likes() -> None:
    assert len(inflate("gzip", gzip.compress(b" " * 10_000_000))) == 10_000_000


def test_a_hundred_thousand_empty_members() -> None:
    with pytest.raises(BadBody, match="does not end"):
        inflate("gzip", gzip.compress(b"") * 100_000, step=65536)
