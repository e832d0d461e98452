"""A destination in a temporary folder, loaded in this process; for the tests of the load's parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractor.ledger import IncidentRow, ListingRow
from extractor.load.attempt import Loader, Package
from extractor.load.destination import Destination
from extractor.load.protocol import Target, describe
from extractor.load.settings import pin
from extractor.load.tables import Contents
from extractor.model import Endpoint, Incident

Page = tuple[str, str, bytes]

ITEMS = Endpoint(
    name="items",
    path="/items",
    columns={
        "id": "text",
        "name": "text",
        "count": "bigint",
        "made": "timestamp",
        "price": "double",
        "open": "bool",
        "day": "date",
        "more": "json",
        "lines[].sku": "text",
        "lines[].quantity": "bigint",
        "lines[].parts[].name": "text",
        "owner.phones[].number": "text",
        "tags[]": "text",
    },
)


def page(*records: object, endpoint: str = "items", key: str = "") -> Page:
    return endpoint, key, json.dumps(records).encode()


def listing(key: str, *, endpoint: str = "items", state: str = "committed") -> ListingRow:
    return endpoint, key, None, None, state, None, 1, 1, 1_700_000_000


def settle_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process have a load process's settings, and the folder for its working folder."""
    environment: dict[str, str] = {}
    pin(environment)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DLT_DATA_DIR", str(folder / "data"))
    monkeypatch.chdir(folder)


class Warehouse:
    """One destination and what loads into it.

    Attributes:
        waits: what the destination had us wait for.
        file: the DuckDB database.
    """

    def __init__(self, folder: Path, endpoints: Sequence[Endpoint], **target: Any) -> None:
        self.folder = folder
        self.file = folder / "shop_pipeline.duckdb"
        self.waits: list[str] = []
        self.target = Target(pipeline="shop_pipeline", dataset="shop_data", schema="shop", **target)
        self.destination = Destination(folder / "load", self.target, patience=0.3, waiting=self.waits.append)
        self.loader = Loader(self.destination, self.target, describe(endpoints))

    def load(
        self,
        *pages: Page,
        listings: Iterable[ListingRow] = (),
        incidents: Iterable[IncidentRow] = (),
        announce: Callable[[str, Sequence[Incident]], None] = lambda _load_id, _incidents: None,
    ) -> Package:
        package = self.loader.attempt(partial(Contents, pages=pages), listings, incidents, announce)
        self.destination.connections.closed()
        return package

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, as a reader who has it open only for as long."""
        with duckdb.connect(self.file, read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'; USE shop_data")
            return connection.execute(query).fetchall()

    def types(self, table: str) -> dict[str, str]:
        """Types of the table's columns by name, without the load's own."""
        found = self.rows(f"DESCRIBE {table}")
        return {name: kind for name, kind, *_ in found if not name.startswith("_dlt")}
