"""Lists that are asked for by what stands in the records of other lists."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

URL = f"{os.environ['LIBRARY_URL']}/v1"

three_levels: dict[str, Any] = {
    "client": {"base_url": URL},
    "resource_defaults": {"write_disposition": "append"},
    "resources": [
        {"name": "authors", "endpoint": {"path": "authors"}},
        {
            "name": "books",
            "endpoint": {
                "path": "/authors/{resources.authors.id}/books",
                "data_selector": "books",
                "paginator": {"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "more"},
            },
            "include_from_parent": ["id", "fullName", "address", "fax"],
        },
        {
            "name": "reviews",
            "endpoint": {"path": "books/{resources.books.isbn}/reviews", "data_selector": "$[*]"},
            "include_from_parent": ["title", "published_at"],
        },
    ],
}
"""Three levels of placeholders in paths; fields of the parent, also nested ones and one that is null."""

resolved: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        "authors",
        {
            "name": "books",
            "endpoint": {
                "path": "authors/{author_id}/books",
                "params": {"author_id": {"type": "resolve", "resource": "authors", "field": "id"}, "page": 1},
                "data_selector": "books",
                "paginator": "single_page",
            },
        },
    ],
}
"""A parameter of the type `resolve`."""

asked_in_parts: dict[str, Any] = {
    "client": {"base_url": URL},
    "resource_defaults": {"endpoint": {"data_selector": "data", "paginator": "single_page"}},
    "resources": [
        {"name": "authors", "endpoint": {"data_selector": "$"}, "max_table_nesting": 0},
        {
            "name": "in_query",
            "endpoint": {"path": "books", "params": {"author": "{resources.authors.id}", "braces": "{{kept}}"}},
        },
        {"name": "in_header", "endpoint": {"path": "books", "headers": {"X-Author": "{resources.authors.id}"}}},
        {
            "name": "in_json",
            "endpoint": {
                "path": "search",
                "method": "POST",
                "json": {"query": {"author": "{resources.authors.id}"}, "sort": ["title"]},
            },
            "include_from_parent": ["slug"],
        },
        {
            "name": "in_form",
            "endpoint": {"path": "search", "method": "POST", "data": {"author": "{resources.authors.id}"}},
        },
    ],
}
"""Fields of the parent in the query, in a header, in a JSON body with their type, in a form."""

several_fields: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {"name": "authors", "selected": False},
        {
            "name": "places",
            "endpoint": {
                "path": "cities/{resources.authors.address.city}/{resources.authors.address.geo.lat}",
                "data_selector": "$",
                "params": {"slug": "{resources.authors.slug}"},
            },
            "include_from_parent": ["awards"],
        },
    ],
}
"""Several nested fields in one path; a parent that is not selected and so has no table."""


def _with_a_key(author: dict[str, Any]) -> dict[str, Any]:
    return {**author, "key": author["id"]}


def _apart(book: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    # Lists, for dlt asks nothing for single records that a step yields.
    yield [{"isbn": book["isbn"], "tag": tag} for tag in book["tags"]]


def _words(review: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in review["text"].split():
        yield {**review, "word": word}


steps: dict[str, Any] = {
    "client": {"base_url": URL},
    "resources": [
        {
            "name": "authors",
            "processing_steps": [
                {"filter": lambda author: author["active"]},
                {"map": _with_a_key},
                {"map": lambda author: {name: author[name] for name in ("key", "born", "followers")}},
            ],
        },
        {
            "name": "books",
            "endpoint": {
                "path": "books",
                "params": {"author": "{resources.authors.key}"},
                "data_selector": "data",
                "paginator": "single_page",
            },
            "processing_steps": [{"yield_map": _apart}, {"filter": lambda row: row["tag"] != "b"}],
        },
        {
            "name": "reviews",
            "endpoint": {"path": "books/{resources.books.isbn}/reviews", "paginator": "single_page"},
            "include_from_parent": ["tag"],
            "processing_steps": [
                {"yield_map": _words},
                {"map": lambda review: {**review, "stars": review["stars"] / 2}},
            ],
        },
    ],
}
"""Filter, map and yield_map; children see what the steps made of their parents."""
