"""Answers that mean something else than their status says, and records that lie deep down."""

from __future__ import annotations

import json
import os
from typing import Any

from requests import Response

URL = f"{os.environ['LIBRARY_URL']}/v1/"


def _without_tags(response: Response, *_: Any, **__: Any) -> Response:
    if response.status_code == 200:
        content = response.json()
        for book in content["books"]:
            book.pop("tags")
        response._content = json.dumps(content).encode()
    return response


def _as_latin(response: Response, *_: Any, **__: Any) -> Response:
    response.encoding = "latin-1"
    return response


actions: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "authors", "processing_steps": [{"map": lambda author: {"id": author["id"]}}]},
        {
            "name": "books",
            "endpoint": {
                "path": "strict/{resources.authors.id}/books",
                "data_selector": "books",
                "response_actions": [
                    {"status_code": 404, "action": "ignore"},
                    {"status_code": 423, "action": "ignore"},
                    {"status_code": 200, "content": "Nothing to lend", "action": "ignore"},
                    {"status_code": 200, "action": _without_tags},
                ],
            },
        },
        {"name": "latin", "endpoint": {"path": "latin", "response_actions": [_as_latin]}},
    ],
}
"""Statuses and words that end a list, functions that change an answer."""

selectors: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "single_page"},
    "resources": [
        {"name": "deep", "endpoint": {"path": "wrapped/books", "data_selector": "response.hits[*].item"}},
        {"name": "deeper", "endpoint": {"path": "wrapped/books", "data_selector": "$..item.editions[*]"}},
        {"name": "found_out", "endpoint": "wrapped/books"},
        {"name": "nothing", "endpoint": {"path": "wrapped/books", "data_selector": "missing"}},
    ],
}
"""Selectors with wildcards, one that dlt finds out, one that finds nothing."""
