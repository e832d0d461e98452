"""How far a listing has got, as text: what its paginator has changed since the beginning.

If that can't be written down, or would write a secret down, the cursor says only how many answers were read: they are
asked for again, and their records left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    PageNumberPaginator,
)

from extractor.redact import Redactor

__all__ = ["Place", "changes", "detected", "restore", "tells"]

_PARTS = ("method", "url", "headers", "params", "json", "data", "cookies")
_QUERY = str.maketrans("?&#", "   ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A cursor.

    Attributes:
        read: so many answers were read before it.
        skip: so many are asked for again, from the beginning.
        request, paginator: their attributes that differ from the beginning.
        detected: the paginator that the first answer told of, as a configuration would say it.
        selector: where the first answer held its records.
    """

    read: int = 0
    skip: int = 0
    request: Mapping[str, Any] = field(default_factory=dict)
    paginator: Mapping[str, Any] = field(default_factory=dict)
    detected: Mapping[str, str] | None = None
    selector: str | None = None

    @classmethod
    def of(cls, cursor: str | None) -> Place:
        """What a cursor says; the beginning if there is none."""
        return cls(**json.loads(cursor)) if cursor else cls()

    @property
    def text(self) -> str | None:
        """The cursor; None if it can't be written down."""
        said = {name: value for name in self.__slots__ if (value := getattr(self, name))}
        try:
            text = json.dumps(said, separators=(",", ":"))
            return text if json.loads(text) == said else None
        except (TypeError, ValueError, RecursionError):
            return None


def changes(before: object, after: object, names: Iterable[str] = _PARTS) -> dict[str, Any]:
    """Attributes of a request or a paginator that differ; of dictionaries the entries that do.

    Each is `["is", value]`, or `["has", entries, names of those that are gone]`.
    """
    found: dict[str, Any] = {}
    for name in names:
        was, now = getattr(before, name, None), getattr(after, name, None)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            new = {key: value for key, value in now.items() if key not in was or was[key] != value}
            found[name] = ["has", new, [key for key in was if key not in now]]
        else:
            found[name] = ["is", now]
    return found


def restore(what: object, found: Mapping[str, Any]) -> None:
    """Make the changes again."""
    for name, (kind, value, *gone) in found.items():
        if kind == "is":
            setattr(what, name, value)
        else:
            entries = getattr(what, name)
            entries.update(value)
            for key in gone[0]:
                del entries[key]


def detected(paginator: BasePaginator) -> Mapping[str, str] | None:
    """How a configuration would name a paginator that dlt has found out; None if it could not."""
    if isinstance(paginator, HeaderLinkPaginator):
        return {"type": "header_link"}
    if isinstance(paginator, JSONLinkPaginator):
        return {"type": "json_link", "next_url_path": str(paginator.next_url_path)}
    if isinstance(paginator, PageNumberPaginator):
        return {"type": "page_number", "total_path": str(paginator.total_path)}
    if isinstance(paginator, JSONResponseCursorPaginator):
        return {"type": "cursor", "cursor_path": str(paginator.cursor_path)}
    return None


def tells(text: str, redactor: Redactor) -> bool:
    """Whether the text holds a secret, in whatever spelling."""
    # A redactor takes query strings out whole, so there must be none.
    apart = text.translate(_QUERY)
    return redactor.redact(apart) != apart
