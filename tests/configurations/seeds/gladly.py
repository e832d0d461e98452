"""Gladly's example: conversations of customers, who can only be found by an e-mail address or the like.

Lists are whole arrays without pages. What speaks CSV or JSON lines (reports, events, export files) is beyond dlt's REST
source; the vendor file `gladly` has it.
"""

from __future__ import annotations

import os
from typing import Any

import dlt

_SETTINGS = "sources.gladly_source"

config: dict[str, Any] = {
    "client": {
        "base_url": dlt.config[f"{_SETTINGS}.base_url"],
        "auth": {
            "type": "http_basic",
            "username": dlt.secrets[f"{_SETTINGS}.username"],
            "password": dlt.secrets[f"{_SETTINGS}.password"],
        },
        "paginator": "single_page",
    },
    "resource_defaults": {"primary_key": "id", "write_disposition": "merge", "endpoint": {"data_selector": "$"}},
    "resources": [
        "organization",
        "agents",
        "teams",
        "inboxes",
        "topics",
        {
            "name": "customer_profiles",
            "endpoint": {"path": "customer-profiles", "params": {"email": os.environ["CUSTOMER_EMAIL"]}},
        },
        {
            "name": "conversations_for_customer",
            "endpoint": {"path": "customers/{resources.customer_profiles.id}/conversations"},
        },
        {
            "name": "conversation_items",
            "endpoint": {
                "path": "conversations/{resources.conversations_for_customer.id}/items",
                "response_actions": [{"status_code": 404, "action": "ignore"}],
            },
            # Numbers in some items and text in others.
            "columns": {"content__recording_duration": {"data_type": "text"}},
        },
    ],
}
rate_limit = "10/s"
