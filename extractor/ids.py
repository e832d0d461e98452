"""The file of `--ids`: records that the user knows, by their ids or by what else the vendor looks them up."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from extractor.errors import UsageError
from extractor.model import Found, Vendor

__all__ = ["listings"]


def listings(vendor: Vendor, path: Path, fetched: frozenset[str]) -> Iterator[Found]:
    """The listings that the file's values lead to, with these as keys whatever windows they have.

    The first line may be a header that names columns (`id`, `email`, `phone`); without one, the first column holds
    ids. Blank cells are passed over. A column that an endpoint has in its path besides is a field of its listings.

    Raises:
        UsageError: the file can't be read, or it names columns that this vendor can't look up.
    """
    if not vendor.ids:
        raise UsageError(f"--ids: {vendor.name} has nothing that is looked up by ids from a file.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (found for found in _named(vendor, path, csv.reader(file)) if found.endpoint in fetched)
    except OSError as error:
        raise UsageError(f"--ids: {path} can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"--ids: {path} is not a CSV file in UTF-8: {error}.") from error


def _named(vendor: Vendor, path: Path, lines: Iterator[list[str]]) -> Iterator[Found]:
    """A listing for each value with each of the endpoints that look it up."""
    first = next((line for line in lines if any(cell.strip() for cell in line)), [])
    header = [cell.strip().lower() for cell in first]
    if not set(header) & vendor.ids.keys():
        if len(header) > 1 or "id" not in vendor.ids:
            shown = f"has the columns {', '.join(first)}" if len(header) > 1 else "has no header"
            raise UsageError(f"--ids: {path} {shown}; one must be called {' or '.join(vendor.ids)}.")
        header, lines = ["id"], chain([first], lines)
    paths = {endpoint.name: endpoint.path for endpoint in vendor.endpoints}
    for line in lines:
        cells = {name: cell.strip() for name, cell in zip(header, line, strict=False) if cell.strip()}
        for column, value in cells.items():
            for endpoint in vendor.ids.get(column, ()):
                fields = {name: cell for name, cell in cells.items() if f"{{{name}}}" in paths[endpoint]}
                yield Found(endpoint=endpoint, key=value, fields=fields)
