"""Incremental lists: where they begin, where they end, and which of their records stay."""

from __future__ import annotations

import os
from typing import Any

URL = f"{os.environ['LIBRARY_URL']}/v1/"
_DATA: Any = {"data_selector": "data", "paginator": "single_page"}
_FIRST = "2024-03-04T00:00:00Z"
_LAST = "2024-03-10T00:00:00Z"

parameter: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "changes",
            "endpoint": {
                "path": "changes",
                "params": {
                    "since": {"type": "incremental", "cursor_path": "changed_at", "initial_value": _FIRST},
                    "order": "asc",
                },
                **_DATA,
            },
        }
    ],
}
"""A parameter of the type `incremental`."""

both_ends: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "asked_for",
            "endpoint": {
                "path": "changes",
                "incremental": {
                    "cursor_path": "changed_at",
                    "start_param": "since",
                    "end_param": "until",
                    "initial_value": _FIRST,
                    "end_value": _LAST,
                    "convert": lambda value: value[:10],
                },
                **_DATA,
            },
        },
        {
            "name": "filtered_here",
            "endpoint": {
                "path": "changes",
                "incremental": {
                    "cursor_path": "changed_at",
                    "initial_value": _FIRST,
                    "end_value": _LAST,
                    "range_start": "open",
                    "range_end": "closed",
                },
                **_DATA,
            },
        },
        {
            "name": "by_number",
            "primary_key": "version",
            "endpoint": {
                "path": "changes",
                "incremental": {"cursor_path": "version", "initial_value": 3, "end_value": 9},
                **_DATA,
            },
        },
    ],
}
"""`incremental` with initial and end value: as parameters through `convert`, and as a filter of what came."""

placeholders: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "in_path",
            "endpoint": {
                "path": "changes/since/{incremental.start_value}",
                "incremental": {"cursor_path": "changed_at", "initial_value": _FIRST},
                **_DATA,
            },
        },
        {
            "name": "in_body",
            "endpoint": {
                "path": "changes",
                "method": "POST",
                "json": {"since": "{incremental.initial_value}", "until": "{incremental.end_value}"},
                "incremental": {"cursor_path": "changed_at", "initial_value": _FIRST, "end_value": _LAST},
                **_DATA,
            },
        },
    ],
}
"""The range in the path and in a JSON body."""

newest_first: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "changes",
            "endpoint": {
                "path": "changes",
                "params": {"order": "desc"},
                "data_selector": "data",
                "paginator": {"type": "page_number", "total_path": None},
                "incremental": {"cursor_path": "changed_at", "initial_value": _LAST, "row_order": "desc"},
            },
        }
    ],
}
"""Rows in descending order: no page is wanted beyond the beginning of the range."""

without_cursor: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": name,
            "endpoint": {
                "path": "loose-changes",
                "incremental": {
                    "cursor_path": "changed_at",
                    "initial_value": "2024-03-02T00:00:00Z",
                    "on_cursor_value_missing": what,
                },
            },
        }
        for name, what in (("included", "include"), ("excluded", "exclude"))
    ],
}
"""Records without the value that the range is about, taken in and left out."""

of_children: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "authors", "processing_steps": [{"filter": lambda author: author["id"] < 4}]},
        {
            "name": "changes",
            "endpoint": {
                "path": "changes",
                "params": {"author": "{resources.authors.id}"},
                "incremental": {
                    "cursor_path": "changed_at",
                    "start_param": "since",
                    "initial_value": _FIRST,
                    "end_value": _LAST,
                },
                **_DATA,
            },
            "include_from_parent": ["id"],
            "processing_steps": [{"map": lambda change: {**change, "id": f"{change['id']}/{change['_authors_id']}"}}],
        },
    ],
}
"""A range in the lists of children."""
