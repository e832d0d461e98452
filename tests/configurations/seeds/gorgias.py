"""Gorgias' example: the path has one `api`, the pages have cursors, and the credentials are a pair."""

from __future__ import annotations

from typing import Any

import dlt

_SETTINGS = "sources.gorgias_source"

config: dict[str, Any] = {
    "client": {
        "base_url": dlt.config[f"{_SETTINGS}.base_url"],
        "auth": {
            "type": "http_basic",
            "username": dlt.secrets[f"{_SETTINGS}.username"],
            "password": dlt.secrets[f"{_SETTINGS}.api_key"],
        },
        "paginator": {"type": "cursor", "cursor_path": "meta.next_cursor", "cursor_param": "cursor"},
    },
    "resource_defaults": {
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {"data_selector": "data", "params": {"limit": 100, "order_by": "created_datetime:asc"}},
    },
    "resources": ["tickets", "users", "macros"],
}
rate_limit = "40/20s"
