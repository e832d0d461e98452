"""airbyte-cdk's concurrent declarative source over the help desk, run in this process; records are counted, not loaded.

With `--rate` an `HTTPAPIBudget` of a moving window of one second holds it to so many requests.
"""

from __future__ import annotations

import argparse
import json
import logging
from typing import Any

from airbyte_cdk.models import (
    AirbyteStream,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

NAMES = ("customers", "conversations", "items")
SCHEMA = {"type": "object", "additionalProperties": True, "properties": {"id": {"type": "string"}}}


def main() -> None:
    """Read, and print a JSON line with the number of records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--workers", type=int, default=64, help="streams and partitions that are read at once")
    parser.add_argument("--rate", type=int, help="requests a second at most")
    options = parser.parse_args()
    for logger in ("airbyte", "urllib3"):
        # 64 workers share a pool of 10 connections, and each connection too many would be a line.
        logging.getLogger(logger).setLevel(logging.ERROR)
    catalog = ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=AirbyteStream(name=name, json_schema=SCHEMA, supported_sync_modes=[SyncMode.full_refresh]),
                sync_mode=SyncMode.full_refresh,
                destination_sync_mode=DestinationSyncMode.append,
            )
            for name in NAMES
        ]
    )
    source = ConcurrentDeclarativeSource(
        catalog=catalog,
        config={},
        state=[],
        source_config=manifest(options.base_url, workers=options.workers, rate=options.rate),
    )
    messages = source.read(logging.getLogger("airbyte"), {}, catalog, [])
    print(json.dumps({"records": sum(message.type is Type.RECORD for message in messages)}))


def manifest(base_url: str, *, workers: int, rate: int | None) -> dict[str, Any]:
    """The connector, in Airbyte's own words."""
    customers = _stream(
        base_url,
        "customers",
        "/customers",
        request_parameters={"limit": "100"},
        paginator={
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "after"},
            "pagination_strategy": {
                "type": "CursorPagination",
                "cursor_value": "{{ response['next'] }}",
                "stop_condition": "{{ not response['next'] }}",
            },
        },
    )
    conversations = _stream(
        base_url, "conversations", "/customers/{{ stream_partition.parent }}/conversations", parent=customers
    )
    items = _stream(base_url, "items", "/conversations/{{ stream_partition.parent }}/items", parent=conversations)
    described: dict[str, Any] = {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["customers"]},
        "concurrency_level": {
            "type": "ConcurrencyLevel",
            "default_concurrency": workers,
            "max_concurrency": workers,
        },
        "streams": [customers, conversations, items],
    }
    if rate:
        window = {
            "type": "MovingWindowCallRatePolicy",
            "rates": [{"type": "Rate", "limit": rate, "interval": "PT1S"}],
            "matchers": [],
        }
        described["api_budget"] = {"type": "HTTPAPIBudget", "policies": [window]}
    return described


def _stream(
    base_url: str,
    name: str,
    path: str,
    *,
    parent: dict[str, Any] | None = None,
    **more: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """One stream; what is `more` belongs to its requester or its retriever."""
    requester = {"type": "HttpRequester", "url_base": base_url, "path": path, "http_method": "GET"}
    if "request_parameters" in more:
        requester["request_parameters"] = more.pop("request_parameters")
    retriever = {
        "type": "SimpleRetriever",
        "requester": requester,
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["data"]}},
        **more,
    }
    if parent:
        retriever["partition_router"] = {
            "type": "SubstreamPartitionRouter",
            "parent_stream_configs": [
                {"type": "ParentStreamConfig", "parent_key": "id", "partition_field": "parent", "stream": parent}
            ],
        }
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": ["id"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
        "retriever": retriever,
    }


if __name__ == "__main__":
    main()
