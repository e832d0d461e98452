"""The file of `--ids`: customers that the user knows, as ids, e-mail addresses or phone numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from extractor.errors import UsageError
from extractor.model import Found, Vendor

__all__ = ["listings"]


def listings(vendor: Vendor, path: Path, fetched: frozenset[str]) -> Iterator[Found]:
    """The listings that the file's values lead to.

    The first line may be a header that names columns (`id`, `email`, `phone`); without one, the first column holds
    ids. Blank cells are passed over.

    Raises:
        UsageError: the file can't be read, or it names columns that this vendor can't look up.
    """
    if not vendor.ids:
        raise UsageError(f"--ids: {vendor.name} has nothing that is looked up by ids from a file.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _found(vendor, path, csv.reader(file), fetched)
    except OSError as error:
        raise UsageError(f"--ids: {path} can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"--ids: {path} is not a CSV file in UTF-8: {error}.") from error


def _found(vendor: Vendor, path: Path, lines: Iterator[list[str]], fetched: frozenset[str]) -> Iterator[Found]:
    first = next((line for line in lines if any(cell.strip() for cell in line)), [])
    header = [cell.strip().lower() for cell in first]
    columns = {place: vendor.ids[name] for place, name in enumerate(header) if name in vendor.ids}
    if not columns:
        if len(header) > 1:
            names = " or ".join(vendor.ids)
            raise UsageError(f"--ids: {path} has the columns {', '.join(first)}; one must be called {names}.")
        columns = {0: vendor.ids["id"]}
        yield from _line(columns, first, fetched)
    for line in lines:
        yield from _line(columns, line, fetched)


def _line(columns: dict[int, tuple[str, ...]], line: list[str], fetched: frozenset[str]) -> Iterator[Found]:
    for place, endpoints in columns.items():
        key = line[place].strip() if place < len(line) else ""
        if key:
            yield from (Found(endpoint=name, key=key) for name in endpoints if name in fetched)
