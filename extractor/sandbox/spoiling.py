"""Bodies that are not what the vendor meant: exchanged, badly packed, or with a field that is hard to read.

Only JSON answers of a success are spoiled: an empty report or file is also what "nothing there" looks like, and no
client could tell the fault from it. What is added to a record leaves its key and its other fields as they were.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import orjson

from extractor.sandbox.replies import JSON, Reply

__all__ = ["spoiled"]

_PAGE = b"<!doctype html><title>Maintenance</title><p>We'll be back soon."
_BLANKS = 10 * 1024 * 1024
_LEVELS = 5_000
_BOMB_MB = 2048
_MARK = "the value of this field is exchanged below"
_VALUES: Mapping[str, bytes] = {
    "deep": b"[" * _LEVELS + b"]" * _LEVELS,
    "duplicate-keys": b'1,"fault_duplicate-keys":2',
    "nan": b"NaN",
    "bigint": b"123456789012345678901234567890",
    "surrogate": rb'"\ud83d"',
    "nul": rb'"a\u0000b"',
}


def spoiled(fault: str, reply: Reply) -> Reply:
    """An answer with its body spoiled; the same one if the fault has nothing to spoil."""
    if reply.status != 200 or reply.content_type != JSON or reply.chunks is not None:
        return reply
    packed = {**reply.headers, "Content-Encoding": "gzip"}
    match fault:
        case "206":
            return replace(reply, status=206, settled=False)
        case "garbage":
            return replace(reply, body=b'\x1f\x8b{"id": nope', settled=False)
        case "html":
            return replace(reply, body=_PAGE, content_type="text/html", settled=False)
        case "empty":
            return replace(reply, body=b"", settled=False)
        case "null":
            return replace(reply, body=b"null", settled=False)
        case "bad-gzip":
            return replace(reply, body=_wrong_checksum(reply.body), headers=packed, settled=False)
        case "bomb":
            return replace(reply, body=_bomb(), headers=packed, settled=False)
        case "huge":
            return replace(reply, body=b" " * _BLANKS + reply.body)
    return _with_field(f"fault_{fault}", _VALUES[fault], reply) if fault in _VALUES else reply


def _wrong_checksum(body: bytes) -> bytes:
    """The checksum is the first half of the last eight bytes; see RFC 1952."""
    packed = bytearray(gzip.compress(body))
    packed[-8] ^= 0xFF
    return bytes(packed)


@cache
def _bomb() -> bytes:
    """Blanks: one compressed megabyte, over and over, which a full flush allows."""
    stream = zlib.compressobj(9, wbits=-15)
    once = stream.compress(b" " * 1024 * 1024) + stream.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + once * _BOMB_MB


def _with_field(name: str, value: bytes, reply: Reply) -> Reply:
    """With a further field in the first record, whose value no encoder would write."""
    content = orjson.loads(reply.body)
    record = _first_record(content)
    if record is None:
        return reply
    record[name] = _MARK
    return replace(reply, body=orjson.dumps(content).replace(orjson.dumps(_MARK), value))


def _first_record(content: object) -> dict[str, object] | None:
    """The first object of the body's list, which may lie in an envelope; without a list the body itself."""
    if isinstance(content, list):
        return next((each for each in content if isinstance(each, dict)), None)
    if not isinstance(content, dict):
        return None
    lists = (each for each in content.values() if isinstance(each, list) and each and isinstance(each[0], dict))
    first = next(lists, None)
    return content if first is None else first[0]
