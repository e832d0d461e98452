"""Where this package means to do something else than dlt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from dlt.sources.helpers.rest_client.auth import APIKeyAuth
from library import SECRET

URL = f"{os.environ['LIBRARY_URL']}/v1/"

twice: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "single_page"},
    "resources": [
        "shelves",
        {
            "name": "books",
            "endpoint": {"path": "authors/{resources.shelves.author}/books", "data_selector": "books"},
        },
    ],
}
"""Two records of the parent name the same list."""

newest: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "single_page"},
    "resources": [
        {
            "name": "changes",
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"path": "changes", "data_selector": "data"},
        }
    ],
}
"""A list that holds several records of one key."""

cookie: dict[str, Any] = {
    "client": {"base_url": URL, "auth": APIKeyAuth(name="reader", api_key=SECRET, location="cookie")},
    "resources": [{"name": "books", "endpoint": {"path": "guarded/cookie/books", "data_selector": "data"}}],
}
"""A key in a cookie."""


def _shelves(shelf: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield shelf


yielded: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "single_page"},
    "resources": [
        {"name": "shelves", "processing_steps": [{"yield_map": _shelves}]},
        {
            "name": "books",
            "endpoint": {"path": "authors/{resources.shelves.author}/books", "data_selector": "books"},
        },
    ],
}
"""Parents that a step yields one by one."""

unknown: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "authors", "primary_key": "id"},
        {"name": "books", "endpoint": {"path": "strict/{resources.authors.id}/books", "data_selector": "books"}},
    ],
}
"""A list that the vendor does not have, and nothing says that this is all right."""
