"""Bodies become records: what an endpoint promises, block by block, and what is wrong with the rest.

A small body is one block, kept as it came. A downloaded one is read in blocks of a few hundred kilobytes, so
that a file of any size costs the same memory and never holds up the event loop for long.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, cast

import orjson

from extractor.errors import BadBody
from extractor.model import Endpoint, Response
from extractor.rawjson import elements

__all__ = ["Block", "blocks", "check", "encode", "fingerprint", "rows"]

Record = dict[str, object]

_BLOCK = 256 * 1024
_ROWS = 500
_START = 64 * 1024
_LINE = 64 * 1024 * 1024
_CELL = 16 * 1024 * 1024
_BLANK = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"
csv.field_size_limit(_CELL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Some records of one body.

    Attributes:
        records: decoded, for their ids.
        payload: the same records as the load will read them: JSON array, object or lines.
        malformed: lines that are no record, as they came.
    """

    records: list[Record]
    payload: bytes
    malformed: tuple[bytes, ...] = ()


def check(endpoint: Endpoint, response: Response) -> object:
    """Decode a 2xx answer, or see at least that it is what the endpoint promises.

    Returns:
        The decoded body, or None for a downloaded one.

    Raises:
        BadBody: it is something else: cut off, a login page, an error text.
    """
    shape = endpoint.records.shape
    if response.status == 206:
        raise BadBody(f"{endpoint.name}: expected the whole answer, got a part of it (206) that nobody asked for")
    if response.file is not None:
        (_check_csv if shape == "csv" else _check_lines)(endpoint, response.file)
        return None
    if response.status == 204:
        return []
    content = _json(endpoint, response.body)
    if shape == "object":
        if not isinstance(content, dict):
            raise BadBody(f"{endpoint.name}: expected a JSON object, got {_kind(content)}")
        if _is_error(endpoint, content):
            raise BadBody(f"{endpoint.name}: expected a record, got an error under a status that says success")
    elif not isinstance(content, list):
        raise BadBody(f"{endpoint.name}: expected a JSON array, got {_kind(content)}")
    return content


def blocks(endpoint: Endpoint, response: Response) -> Iterator[Block]:
    """The records of a body that `check` has passed."""
    shape = endpoint.records.shape
    if response.file is None:
        yield _whole(response)
    elif shape == "csv":
        yield from _csv_blocks(endpoint, response.file)
    else:
        yield from _line_blocks(response.file)


def rows(endpoint: Endpoint, file: BinaryIO) -> int:
    """How many rows a CSV body has, the header not counted. Reads the whole file; leaves it at its beginning.

    Raises:
        BadBody: it can't be read to its end.
    """
    count = sum(1 for _ in _csv_rows(endpoint, file)) - 1
    file.seek(0)
    return max(count, 0)


def _whole(response: Response) -> Block:
    content = response.content
    found = [content] if isinstance(content, dict) else cast("list[object]", content)
    records = [record for record in found if isinstance(record, dict)]
    if len(records) == len(found):
        return Block(records=records, payload=response.body)
    # The records keep their bytes: written again, NaN would become null and a long integer a rounded one.
    pieces = elements(response.body)
    sound = b",".join(piece for piece in pieces if piece[:1] == b"{")
    return Block(
        records=records,
        payload=b"[" + sound + b"]",
        malformed=tuple(piece for piece in pieces if piece[:1] != b"{"),
    )


def _json(endpoint: Endpoint, body: bytes) -> object:
    try:
        return _decoded(body)
    except (ValueError, RecursionError) as error:
        what = "an empty body" if not body.strip() else "a body that is not JSON"
        raise BadBody(f"{endpoint.name}: expected JSON, got {what} of {len(body)} bytes") from error


def _decoded(data: bytes) -> object:
    """What JSON says, for its ids.

    orjson is strict where some vendors are not: NaN, lone surrogates, control characters, bytes that are no UTF-8.
    The gate, which reads the bytes again, deals with what is inside.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return cast("object", json.loads(data.decode("utf-8-sig", "surrogateescape"), strict=False))


def _is_error(endpoint: Endpoint, content: Record) -> bool:
    telling = endpoint.key or content.keys() - {"errors"}
    return "errors" in content and not any(content.get(name) for name in telling)


def _kind(content: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(content), "a number")


# ── JSON lines ──────────────────────────────────────────────────────────────────────────────


def _check_lines(endpoint: Endpoint, file: BinaryIO) -> None:
    """A line may be spoilt; a body whose first lines hold no record at all is something else."""
    start = file.read(_START)
    file.seek(0)
    *lines, cut = start.split(b"\n")
    if len(start) < _START:
        lines, cut = [*lines, cut], b""
    texts = [text for line in lines if (text := _stripped(line))]
    found = (record for text in texts if (record := _record(text)) is not None)
    if all(_is_error(endpoint, record) for record in found) and (texts or _stripped(cut)[:1] not in (b"", b"{")):
        raise BadBody(f"{endpoint.name}: expected JSON lines, got another text or an error")


def _line_blocks(file: BinaryIO) -> Iterator[Block]:
    """Split at line feeds only: U+2028 and U+2029 are allowed inside a JSON string."""
    lines: list[bytes] = []
    size = 0
    while line := file.readline(_LINE):
        lines.append(line)
        size += len(line)
        if len(line) == _LINE:
            _skip_line(line, file)
        if size >= _BLOCK:
            yield _lines(lines)
            lines, size = [], 0
    if lines:
        yield _lines(lines)


def _skip_line(line: bytes, file: BinaryIO) -> None:
    """Of a line without end only the beginning is kept, which is no record."""
    while line and not line.endswith(b"\n"):
        line = file.readline(_BLOCK)


def _lines(lines: list[bytes]) -> Block:
    records: list[Record] = []
    kept: list[bytes] = []
    malformed: list[bytes] = []
    for line in lines:
        text = _stripped(line)
        if not text:
            continue
        record = _record(text)
        if record is None:
            malformed.append(text)
        else:
            records.append(record)
            kept.append(text)
    return Block(records=records, payload=b"\n".join(kept), malformed=tuple(malformed))


def _stripped(line: bytes) -> bytes:
    return line.strip(_BLANK).removeprefix(_MARK)


def _record(line: bytes) -> Record | None:
    try:
        record = _decoded(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────


def _check_csv(endpoint: Endpoint, file: BinaryIO) -> None:
    with closing(_csv_rows(endpoint, file)) as lines:
        header = next(lines, None)
    file.seek(0)
    if header is None:
        return  # no rows: the vendor leaves out the header, too
    missing = [name for name in endpoint.records.needs if name not in _names(header)]
    if missing:
        raise BadBody(f"{endpoint.name}: expected a CSV report with the column {missing[0]!r}, got another text")


def _csv_rows(endpoint: Endpoint, file: BinaryIO) -> Generator[list[str]]:
    """Header and rows; blank lines are left out wherever they stand."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        for row in csv.reader(_csv_lines(endpoint, text)):
            if len(row) > 1 or (row and row[0].strip()):
                yield row
    except csv.Error as error:
        raise BadBody(f"{endpoint.name}: the CSV report can't be read: {error}") from error
    finally:
        text.detach()


def _csv_lines(endpoint: Endpoint, text: io.TextIOWrapper) -> Iterator[str]:
    """All lines, without what may stand before the header: blank lines and byte order marks in any order."""
    begun = False
    while line := text.readline(_LINE):
        if len(line) == _LINE:
            raise BadBody(f"{endpoint.name}: the CSV report has a line of more than {_LINE} characters")
        if not begun:
            line = line.lstrip("\ufeff \t\r\n")
            begun = bool(line)
        if begun:
            yield line


def _csv_blocks(endpoint: Endpoint, file: BinaryIO) -> Iterator[Block]:
    lines = _csv_rows(endpoint, file)
    header = _names(next(lines, []))
    records: list[Record] = []
    malformed: list[bytes] = []
    for row in lines:
        if len(row) == len(header):
            records.append({name: cell or None for name, cell in zip(header, row, strict=True)})
        else:
            malformed.append(",".join(row).encode("utf-8", "surrogateescape"))
        if len(records) + len(malformed) >= _ROWS:
            yield _table(records, malformed)
            records, malformed = [], []
    if records or malformed:
        yield _table(records, malformed)


def _table(records: list[Record], malformed: list[bytes]) -> Block:
    return Block(records=records, payload=encode(records), malformed=tuple(malformed))


def _names(header: list[str]) -> list[str]:
    """Columns. A second one of the same name gets a number: `Name`, `Name (2)`."""
    written = [cell.strip() for cell in header]
    # A name that the vendor wrote itself stays that column's.
    taken = set(written)
    copies: dict[str, int] = {}
    names: list[str] = []
    for name in written:
        number = copies.get(name, 0) + 1
        distinct = name
        while number > 1 and (distinct := f"{name} ({number})") in taken:
            number += 1
        copies[name] = number
        taken.add(distinct)
        names.append(distinct)
    return names


def encode(content: object) -> bytes:
    """JSON; also of what orjson refuses to write: lone surrogates, integers beyond 64 bits."""
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:
        return json.dumps(content).encode()


def fingerprint(data: bytes) -> str:
    """A short name for bytes that have none."""
    return hashlib.sha256(data).hexdigest()[:16]
