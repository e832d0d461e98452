"""Lists that go on in every way that dlt knows, and in one that only their user knows."""

from __future__ import annotations

import os
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator, OffsetPaginator
from dlt.sources.rest_api.config_setup import register_paginator
from requests import Request, Response

URL = f"{os.environ['LIBRARY_URL']}/v1/"


class PageHeader(BasePaginator):
    """The next page is asked for in a header of the request."""

    def __init__(self, header: str = "X-Page") -> None:
        super().__init__()
        self.header = header
        self.following: str | None = None

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:  # noqa: ARG002 - dlt's own
        self.following = response.headers.get("X-Next")
        self._has_next_page = self.following is not None

    def update_request(self, request: Request) -> None:
        if self.following is not None:
            request.headers = {**(request.headers or {}), self.header: self.following}


register_paginator("page_header", PageHeader)

json_link: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": {"type": "json_link", "next_url_path": "paging.next"}},
    "resources": [{"name": "authors", "endpoint": "linked/authors"}],
}
"""A link in the body, the paginator on the client, the endpoint in one word; a record with every kind of value."""

header_link: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "header_link"},
    "resources": ["headed/authors"],
}
"""A link in the `Link` header; paginator and resource in one word each."""

offset: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": OffsetPaginator(limit=2, total_path="meta.total")},
    "resources": [{"name": "authors", "endpoint": {"path": "offset/authors", "data_selector": "data"}}],
}
"""Offset and limit; the paginator as an object."""

offset_in_body: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "authors",
            "endpoint": {
                "path": "offset/authors",
                "method": "POST",
                "data_selector": "data",
                "paginator": {
                    "type": "offset",
                    "limit": 3,
                    "offset_body_path": "window.offset",
                    "limit_body_path": "window.limit",
                    "total_path": "meta.total",
                },
            },
        }
    ],
}
"""Offset and limit in a JSON body."""

page_number: dict[str, Any] = {
    "client": {"base_url": URL},
    "resource_defaults": {
        "primary_key": "id",
        "endpoint": {
            "params": {"per_page": 2, "unused": None},
            "data_selector": "data",
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
        },
    },
    "resources": [
        {"name": "authors", "endpoint": {"path": "numbered/authors", "params": {"per_page": 4}}},
        {"name": "authors_again", "endpoint": {"path": "numbered/authors", "params": {"lang": ["en", "fr"]}}},
    ],
}
"""Pages by number up to a total; paginator, parameters and key from `resource_defaults`, one parameter repeated."""

page_until: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "with_more",
            "endpoint": {
                "path": "more/authors",
                "paginator": {"type": "page_number", "page_param": "p", "total_path": None, "has_more_path": "more"},
            },
        },
        {
            "name": "until_empty",
            "endpoint": {"path": "endless/authors", "paginator": {"type": "page_number", "total_path": None}},
        },
        {
            "name": "up_to",
            "endpoint": {
                "path": "endless/authors",
                "paginator": {"type": "page_number", "total_path": None, "maximum_page": 2},
            },
        },
    ],
}
"""Pages by number while more are announced, until one is empty, up to a maximum."""

cursors: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "in_query",
            "endpoint": {
                "path": "cursor/authors",
                "paginator": {"type": "cursor", "cursor_path": "cursors.after", "cursor_param": "after"},
            },
        },
        {
            "name": "in_body",
            "endpoint": {
                "path": "cursor/authors",
                "method": "POST",
                "json": {"paging": {"size": 3}},
                "paginator": {"type": "cursor", "cursor_path": "cursors.after", "cursor_body_path": "paging.after"},
            },
        },
        {
            "name": "from_header",
            "endpoint": {
                "path": "header-cursor/authors",
                "paginator": {"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "cursor"},
            },
        },
    ],
}
"""A cursor that goes into the query or the body, and one that comes in a header."""

detected: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "auto"},
    "resources": ["auto/link/authors", "auto/pages/authors", "auto/cursor/authors", "auto/single/authors"],
}
"""Paginators and selectors that dlt finds out."""

single_page: dict[str, Any] = {
    "client": {"base_url": URL, "paginator": "single_page"},
    "resources": [
        {"name": "first_page", "endpoint": {"path": "linked/authors", "data_selector": "items"}},
        {"name": "whole_answer", "endpoint": {"path": "linked/authors", "data_selector": "$"}, "max_table_nesting": 1},
        {"name": "one_author", "endpoint": {"path": "authors/{id}", "params": {"id": 4}}},
    ],
}
"""One page only, an answer as one record, and a single entity whose id is a parameter of the path."""

own_paginators: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "as_object", "endpoint": {"path": "header-cursor/authors", "paginator": PageHeader()}},
        {"name": "by_name", "endpoint": {"path": "header-cursor/authors", "paginator": "page_header"}},
    ],
}
"""A paginator class of the user's that puts a cursor into a header, as an object and registered under a name."""
