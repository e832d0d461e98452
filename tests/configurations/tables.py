"""How tables are to be: dispositions, keys, columns, names, nesting."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

URL = f"{os.environ['LIBRARY_URL']}/v1/"
_CHANGES: Any = {"path": "changes", "data_selector": "data", "paginator": "single_page"}
_BOOKS: Any = {"path": "books", "data_selector": "data", "paginator": "single_page"}


class Address(BaseModel):
    city: str
    zip: str | None


class Author(BaseModel):
    id: int
    born: date
    rating: float
    active: bool
    address: Address
    aliases: list[str]


dispositions: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "replaced", "write_disposition": "replace", "endpoint": _CHANGES},
        {"name": "appended", "write_disposition": "append", "endpoint": _CHANGES},
    ],
}
"""`replace` and `append`."""

merged: dict[str, Any] = {
    "client": {"base_url": URL},
    "resource_defaults": {"write_disposition": "merge"},
    "resources": [
        {"name": "by_one_key", "primary_key": "version", "endpoint": _CHANGES},
        {"name": "by_two_keys", "primary_key": ["id", "version"], "merge_key": "state", "endpoint": _CHANGES},
        {"name": "by_merge_key", "merge_key": "state", "endpoint": _CHANGES},
        {
            "name": "newest_stays",
            "primary_key": "id",
            "endpoint": _CHANGES,
            "columns": {"version": {"dedup_sort": "desc"}, "state": {"data_type": "text", "nullable": False}},
        },
        {
            "name": "upserted",
            "primary_key": "version",
            "endpoint": _CHANGES,
            "write_disposition": {"disposition": "merge", "strategy": "upsert"},
        },
    ],
}
"""`merge` by primary and merge keys, with a sorted column, as an upsert; nested lists go with their rows."""

_DISPOSITIONS: Any = {
    "replaced": {"write_disposition": "replace"},
    "appended": {"write_disposition": "append"},
    "merged": {"write_disposition": "merge", "primary_key": "version"},
    "by_merge_key": {"write_disposition": "merge", "merge_key": "state"},
    "retired": {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
}

in_pages: dict[str, Any] = {
    "client": {"base_url": URL},
    "resource_defaults": {
        "endpoint": {
            "path": "changes",
            "data_selector": "data",
            "paginator": {"type": "page_number", "total_path": None},
        }
    },
    "resources": [
        {"name": name, "endpoint": {"path": "changes", "params": {"of": name}}, **hints}
        for name, hints in _DISPOSITIONS.items()
    ],
}
"""All dispositions for lists of several pages."""

history: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "books",
            "write_disposition": {"disposition": "merge", "strategy": "scd2"},
            "endpoint": _BOOKS,
        },
        {
            "name": "books_with_names",
            "write_disposition": {
                "disposition": "merge",
                "strategy": "scd2",
                "validity_column_names": ["valid_from", "valid_until"],
                "active_record_timestamp": "9999-12-31",
            },
            "endpoint": _BOOKS,
            "max_table_nesting": 0,
        },
    ],
}
"""`scd2`, also with names of its own."""

columns: dict[str, Any] = {
    "client": {"base_url": URL},
    "resource_defaults": {"columns": {"fax": {"data_type": "text"}, "id": {"unique": True}}},
    "resources": [
        {
            "name": "authors",
            "primary_key": "id",
            "columns": {
                "born": {"data_type": "text"},
                "rating": {"data_type": "decimal", "precision": 10, "scale": 2},
                "address": {"data_type": "json"},
                "followers": {"data_type": "text", "description": "how many"},
                "unheard_of": {"data_type": "bool"},
                "joinedAt": {"data_type": "timestamp", "precision": 3, "timezone": False},
            },
        },
        {
            "name": "strict_books",
            "endpoint": _BOOKS,
            "schema_contract": {"columns": "discard_value", "tables": "evolve", "data_type": "evolve"},
            "columns": [{"name": "isbn", "data_type": "text"}, {"name": "price", "data_type": "decimal"}],
        },
    ],
}
"""Hints for columns, merged with those of the defaults, and a contract that drops what is not named."""

model: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [{"name": "authors", "columns": Author, "write_disposition": "merge", "primary_key": "id"}],
}
"""A pydantic model as columns."""

nesting: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "flat", "endpoint": "authors", "max_table_nesting": 0},
        {"name": "shallow", "endpoint": "authors", "max_table_nesting": 1},
        {
            "name": "hinted",
            "endpoint": "authors",
            "nested_hints": {"awards": {"columns": {"year": {"name": "year", "data_type": "text"}}}},
        },
    ],
}
"""Nesting that is bounded, and hints for nested tables."""


def _kind(book: dict[str, Any]) -> str:
    return f"{book['kind']}s"


def _disposition(_: dict[str, Any]) -> Literal["append"]:
    return "append"


names: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "books", "table_name": _kind, "write_disposition": _disposition, "endpoint": _BOOKS},
        {"name": "Our Authors", "table_name": "AllAuthors", "endpoint": "authors"},
        {
            "name": "changes",
            "endpoint": _CHANGES,
            "references": [{"columns": ["id"], "referenced_table": "all_authors", "referenced_columns": ["id"]}],
        },
    ],
}
"""A table for each kind of record, a table with another name than its resource, hints that look at a record."""


def _typed(book: dict[str, Any]) -> dict[str, Any]:
    published = datetime.fromisoformat(book["published_at"])
    return {
        "isbn": book["isbn"].encode(),
        "published_at": published,
        "published_on": published.date(),
        "published_then": published.astimezone(UTC).time(),
        "lent_until": {"at": [published + timedelta(days=14)]},
        "price": Decimal(str(book["price"])) / 8,
        "exact": Decimal("12345678901234567890.123456789"),
    }


typed: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "books", "endpoint": _BOOKS, "processing_steps": [{"map": _typed}]},
        {
            "name": "reviews",
            "endpoint": {
                "path": "books",
                "params": {"from": "{resources.books.published_on}", "price": "{resources.books.price}", "author": 3},
                "data_selector": "data",
                "paginator": "single_page",
            },
            "include_from_parent": ["isbn", "price", "published_at"],
        },
    ],
}
"""Times, decimals and bytes that a step has made, in rows, in requests of children and in their rows."""

curious: dict[str, Any] = {"client": {"base_url": URL}, "resources": ["curiosities"]}
"""Odd names, odd values, fields of several types."""
