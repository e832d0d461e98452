"""SnapEngage's example: logs widget by widget, by links to the next page; widgets only one at a time, by their id."""

from __future__ import annotations

from typing import Any

import dlt

_SETTINGS = "sources.snapengage_source"
_KEY: Any = {"type": "api_key", "name": "Authorization", "api_key": dlt.secrets[f"{_SETTINGS}.api_key"]}
_OTHER_KEY: Any = {
    "type": "api_key",
    "name": "api_key",
    "api_key": dlt.secrets[f"{_SETTINGS}.provisioning_api_key"],
    "location": "query",
}


def _text(case: dict[str, Any]) -> dict[str, Any]:
    """A number in some answers and text in others."""
    return {**case, "created_at_date": str(case.get("created_at_date"))}


def _widget(number: int, uuid: str) -> list[dict[str, Any]]:
    return [
        {
            "name": f"widget_{number}",
            "endpoint": {
                "path": "api/v1/widget.json",
                "auth": _OTHER_KEY,
                "data_selector": "$",
                "paginator": "single_page",
                "params": {"uuid": uuid, "email": dlt.secrets.get(f"{_SETTINGS}.emails", list)[0]},
            },
        },
        {
            "name": f"logs_{number}",
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {
                "path": f"api/v2/{dlt.config[f'{_SETTINGS}.org_id']}/logs",
                "data_selector": "cases",
                "params": {"widgetId": uuid, "start": "2025-12-01", "end": "2026-02-28"},
                "paginator": {"type": "json_link", "next_url_path": "linkToNextSetOfResults"},
            },
            "processing_steps": [{"map": _text}, {"map": lambda case: {**case, "widget_id": uuid}}],
        },
    ]


config: dict[str, Any] = {
    "client": {"base_url": dlt.config[f"{_SETTINGS}.base_url"], "auth": _KEY},
    "resources": [
        resource
        for number, uuid in enumerate(dlt.secrets.get(f"{_SETTINGS}.widget_ids", list))
        for resource in _widget(number, uuid)
    ],
}
rate_limit = "10/s"
