"""Assembled's example: collections are maps keyed by id, windows are a must, and the password is empty."""

from __future__ import annotations

from typing import Any

import dlt

_SETTINGS = "sources.assembled_source"
_DAY = 86_400
_UNTIL = 1_772_323_200  # 2026-03-01, UTC

config: dict[str, Any] = {
    "client": {
        "base_url": dlt.config[f"{_SETTINGS}.base_url"],
        "auth": {"type": "http_basic", "username": dlt.secrets[f"{_SETTINGS}.api_key"], "password": ""},
    },
    "resources": [
        {
            "name": "people",
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {
                "data_selector": "people.*",
                "params": {"include_deleted": "true"},
                "paginator": {"type": "offset", "limit": 50, "total_path": "total"},
            },
        },
        *(
            {"name": name, "endpoint": {"data_selector": f"{name}.*", "paginator": "single_page"}}
            for name in ("teams", "sites", "queues", "roles")
        ),
        {
            "name": "agent_states",
            "endpoint": {
                "path": "agents/state",
                "data_selector": "agent_states",
                "params": {"start_time": _UNTIL - _DAY, "end_time": _UNTIL},
                "paginator": {"type": "offset", "limit": 500, "total_path": "total"},
            },
        },
    ],
}
rate_limit = "5/s"
