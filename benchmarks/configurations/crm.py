"""A CRM like HubSpot: a search by POST with its cursor in the body, deals of companies, line items of deals.

Of some companies it knows no deals, which is a 404. It takes 100 requests a second, as Stripe does.
"""

from __future__ import annotations

import os
from typing import Any

rate_limit = "100/s"


def _lifted(record: dict[str, Any]) -> dict[str, Any]:
    """The properties beside the id."""
    return {"id": record["id"], **record["properties"]}


config: dict[str, Any] = {
    "client": {
        "base_url": f"{os.environ['PLAYED_URL']}/crm/v3/",
        "auth": {"type": "bearer", "token": os.environ["PLAYED_TOKEN"]},
    },
    "resource_defaults": {
        "write_disposition": "append",
        "endpoint": {
            "params": {"limit": 2},
            "data_selector": "results",
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
            "response_actions": [{"status_code": 404, "action": "ignore"}],
        },
    },
    "resources": [
        {
            "name": "companies",
            "endpoint": {
                "path": "objects/companies/search",
                "method": "POST",
                "params": {"limit": None},
                "json": {"limit": 20, "sorts": ["id"], "filterGroups": [{"filters": [{"propertyName": "id"}]}]},
                "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_body_path": "after"},
            },
            "processing_steps": [{"filter": lambda record: not record["archived"]}, {"map": _lifted}],
        },
        {
            "name": "deals",
            "endpoint": "objects/companies/{resources.companies.id}/deals",
            "include_from_parent": ["name"],
            "columns": {"amount": {"data_type": "decimal", "precision": 18, "scale": 2}},
            "processing_steps": [{"map": lambda record: {**_lifted(record), "company": record["_companies_name"]}}],
        },
        {
            "name": "line_items",
            "endpoint": {"path": "objects/deals/{resources.deals.id}/line_items", "params": {"limit": 10}},
            "include_from_parent": ["company", "stage"],
        },
        {"name": "owners", "primary_key": "id", "write_disposition": "merge"},
    ],
}
