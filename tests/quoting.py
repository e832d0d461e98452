"""A destination that quotes in its errors what it was told: dlt's DuckDB, but for one table that it refuses."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote

from dlt.destinations import duckdb
from dlt.destinations.impl.duckdb.duck import DuckDbClient

__all__ = ["REFUSED", "quoting"]

REFUSED = "organization"


class Quoting(DuckDbClient):
    """Quotes what the environment says of destinations, or has for it, as text, JSON and part of an address."""

    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> Any:
        if table["name"] != REFUSED:
            return super().create_load_job(table, file_path, load_id, restore)
        told = [value for name, value in os.environ.items() if name.startswith(("DESTINATION__", "QUOTED__"))]
        raise ValueError(f"refused, with {told}\nand {json.dumps(told)}\nat https://h.example/{quote(str(told))}")


class quoting(duckdb):  # noqa: N801 - dlt's destinations are written so
    """To be named as `--destination quoting.quoting`."""

    @property
    def client_class(self) -> type[DuckDbClient]:
        return Quoting
