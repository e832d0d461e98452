"""Bodies become records: what an endpoint promises, block by block, and what is wrong with the rest.

A small body is one JSON document and one block (`documents`). A downloaded one is read in blocks of a few hundred
kilobytes, so that a file of any size costs the same memory and never holds up the event loop for long.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import BinaryIO

from extractor.documents import Block, Record, decoded, encode, is_error, read, whole
from extractor.errors import BadBody
from extractor.model import Endpoint, Response

__all__ = ["Block", "blocks", "check", "encode", "fingerprint", "rows"]

_BLOCK = 64 * 1024
_ROWS = 500
_START = 64 * 1024
_LINE = 64 * 1024 * 1024
_CELL = 16 * 1024 * 1024
_BLANK = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"
csv.field_size_limit(_CELL)


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
    if shape == "text":
        return response.body.decode("utf-8", "surrogateescape")
    if response.status == 204:
        return []
    content, response.found = read(endpoint, response.body)
    return content


def blocks(endpoint: Endpoint, response: Response) -> Iterator[Block]:
    """The records of a body that `check` has passed.

    Raises:
        BadBody: it breaks half way, or is nested too deep to be cut.
    """
    shape = endpoint.records.shape
    if shape == "text":
        yield Block(records=[response.content], payload=b"")
    elif response.file is None:
        yield whole(endpoint, response)
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
    if all(is_error(endpoint, record) for record in found) and (texts or _stripped(cut)[:1] not in (b"", b"{")):
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
    records: list[object] = []
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
        record = decoded(line)
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
    records: list[object] = []
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


def _table(records: list[object], malformed: list[bytes]) -> Block:
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


def fingerprint(data: bytes) -> str:
    """A short name for bytes that have none."""
    return hashlib.sha256(data).hexdigest()[:16]
