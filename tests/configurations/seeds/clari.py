"""Clari's example: calls are on the Copilot host, exports on another one, so that they are two configurations."""

from __future__ import annotations

from typing import Any

import dlt

_SETTINGS = "sources.clari_source"

copilot: dict[str, Any] = {
    "client": {
        "base_url": dlt.config[f"{_SETTINGS}.copilot_base_url"],
        "auth": {
            "type": "api_key",
            "name": "X-Api-Key",
            "api_key": dlt.secrets[f"{_SETTINGS}.x_api_key"],
            "location": "header",
        },
        "headers": {"X-Api-Password": dlt.secrets[f"{_SETTINGS}.x_api_password"]},
    },
    "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
    "resources": [
        {
            "name": "calls",
            "endpoint": {
                "path": "calls",
                "data_selector": "calls",
                "params": {"sortTime": "asc"},
                "paginator": {
                    "type": "offset",
                    "limit": 100,
                    "offset_param": "skip",
                    "total_path": None,
                    "has_more_path": "pagination.hasMore",
                },
            },
        },
        {
            "name": "call_details",
            "endpoint": {
                "path": "call-details",
                "data_selector": "call",
                "params": {"id": "{resources.calls.id}"},
                "paginator": "single_page",
                # Calls that are listed may have no details.
                "response_actions": [{"status_code": 404, "action": "ignore"}],
            },
        },
        {"name": "users", "endpoint": {"data_selector": "users", "paginator": "single_page"}},
    ],
}
revenue: dict[str, Any] = {
    "client": {
        "base_url": dlt.config[f"{_SETTINGS}.base_url"],
        "auth": {
            "type": "api_key",
            "name": "apikey",
            "api_key": dlt.secrets[f"{_SETTINGS}.apikey"],
            "location": "header",
        },
    },
    "resources": [
        {
            "name": "export_jobs",
            "primary_key": "jobId",
            "endpoint": {"path": "export/jobs", "data_selector": "$", "paginator": "single_page"},
        },
        {
            "name": "audit_events",
            "endpoint": {
                "path": "audit/events",
                "data_selector": "items",
                "params": {"limit": 50, "dateFrom": "2026-02-01", "dateTo": "2026-03-01"},
                "paginator": {"type": "json_link", "next_url_path": "nextLink"},
            },
        },
        {"name": "limits", "endpoint": {"path": "admin/limits", "data_selector": "jobs", "paginator": "single_page"}},
    ],
}
rate_limit = "10/s"
