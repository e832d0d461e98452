"""Declared types, written short: type -> names of the fields that have it."""

from __future__ import annotations

from typing import cast

from extractor.model import ColumnType

__all__ = ["columns"]


def columns(separator: str | None = None, /, **types: str) -> dict[str, ColumnType]:
    """Fields with their types.

    Args:
        separator: between names, for names with blanks.
        types: type -> dotted paths of the fields.
    """
    named: dict[str, ColumnType] = {}
    for kind, fields in types.items():
        named |= dict.fromkeys(map(str.strip, fields.split(separator)), cast("ColumnType", kind))
    return named
