"""dlt's typed JSON: JSON in which dates, decimals and bytes keep their types, marked by a private character each.

What the usual writer refuses goes a slower way: lone surrogates, and integers beyond 64 bits.
"""

from __future__ import annotations

import json

import orjson
from dlt.common.json import custom_pua_decode_nested, custom_pua_encode
from dlt.common.json import json as dlt_json

__all__ = ["read", "write"]


def write(content: object) -> bytes:
    """Typed JSON.

    Raises:
        TypeError: it holds something that dlt could not write either.
    """
    try:
        return dlt_json.typed_dumpb(content)
    except TypeError:
        return json.dumps(content, default=custom_pua_encode, separators=(",", ":")).encode()


def read(text: str) -> object:
    """What typed JSON says."""
    try:
        decoded: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        decoded = json.loads(text)
    result: object = custom_pua_decode_nested(decoded)
    return result
