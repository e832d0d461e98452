"""A forge like GitHub: issues changed since a day, with comments and reactions, in pages by `Link` header."""

from __future__ import annotations

import os
from typing import Any

config: dict[str, Any] = {
    "client": {
        "base_url": f"{os.environ['PLAYED_URL']}/forge/repos/acme/widgets/",
        "headers": {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        "auth": {"type": "bearer", "token": os.environ["PLAYED_TOKEN"]},
        "paginator": "header_link",
    },
    "resource_defaults": {
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {"params": {"per_page": 30}},
    },
    "resources": [
        {
            "name": "issues",
            "endpoint": {
                "path": "issues",
                "params": {
                    "state": "all",
                    "sort": "updated",
                    "since": {
                        "type": "incremental",
                        "cursor_path": "updated_at",
                        "initial_value": "2024-02-01T00:00:00Z",
                    },
                },
            },
        },
        {
            "name": "comments",
            "endpoint": {"path": "issues/{resources.issues.number}/comments", "params": {"per_page": 20}},
            "include_from_parent": ["number", "title"],
        },
        {
            "name": "reactions",
            "endpoint": "issues/{resources.issues.number}/reactions",
            "include_from_parent": ["id"],
        },
        "labels",
        {"name": "contributors", "primary_key": "login", "endpoint": {"path": "contributors", "data_selector": "$"}},
    ],
}
