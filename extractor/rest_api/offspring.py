"""Children: a record of a parent names a listing, which keeps of the record what its requests and rows need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from dlt.sources.rest_api.config_setup import make_parent_key_name

from extractor.errors import RequestFailed
from extractor.model import Found, Listing
from extractor.rest_api import typed
from extractor.rest_api.resource import Resource

__all__ = ["found", "wanted"]

_FIELD = "parent"


def found(child: Resource, record: object, listing: Listing) -> Found:
    """The listing that a record of the parent names.

    Its key is the value that the child asks for, or all it needs as JSON if that are several things. A record that
    lacks one still names a listing: it fails, so that the gap is known.
    """
    try:
        values, included = child.wanted(cast("Mapping[str, Any]", record))
        kept = typed.write([values, included]).decode()
        key = _key(
            {param.resolve_config["field"]: values[param.param_name] for param in child.parents}
            | {field: included[make_parent_key_name(child.parent, field)] for field in child.include}
        )
    except (ValueError, TypeError, AttributeError) as error:
        # The first sentence; the others list what the record has.
        kept = json.dumps(str(error).partition(". ")[0])
        key = json.dumps({"missing": child.parent})
    return Found(endpoint=child.name, key=key, parent=listing.key, fields={_FIELD: kept})


def wanted(resource: Resource, listing: Listing) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a listing keeps of its parent's record: values of placeholders, and fields for its own records.

    Raises:
        RequestFailed: the record lacks something.
    """
    if not resource.parents:
        return {}, {}
    kept = typed.read(listing.fields[_FIELD])
    if isinstance(kept, str):
        raise RequestFailed(f"{resource.name}: {kept}", path=resource.template)
    values, included = cast("list[dict[str, Any]]", kept)
    return values, included


def _key(needed: Mapping[str, Any]) -> str:
    """Text that tells the listing from its siblings."""
    if len(needed) == 1:
        (value,) = needed.values()
        if isinstance(value, str) and value and value.isprintable():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return typed.write(value).decode()
    # dlt finds placeholders in another order each time.
    return typed.write(dict(sorted(needed.items()))).decode()
