"""The gate before tables that are a user's own affair: records pass as they are, but for what dlt can't take.

Here no column is declared and no key is made; what dlt makes of a sound value is what its user wants. dlt 1.31 stops
for good at an integer beyond 64 bits, a lone surrogate, a time in the year 0 and a list 50 levels deep, and some
destinations at NUL: such a value becomes its JSON text, and is named.

A page is dlt's typed JSON: text whose first character is one of eight private ones stands for a time, a decimal and so
on, and passes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import orjson

from extractor.gate.walk import DEPTH, TABLE_NAME
from extractor.rawjson import Note, join, unsound

__all__ = ["Taken", "take"]

_MIN, _MAX = -(2**63), 2**63 - 1
_TYPED = re.compile("[\uf026-\uf02d].", re.DOTALL)
_SUSPECTS = re.compile(rb'\\u0000|"(?:0001-01-01|9999-12-31)[^"]*[+-][0-9:]+"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What a page holds.

    Attributes:
        records: in the page's order.
        notes: by the record's position: which of its values changed their form, and why.
    """

    records: list[object] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)


def take(payload: bytes, table: str) -> Taken:
    """The records of a page.

    Args:
        payload: a JSON array.
        table: where they go; the names of tables for lists in them begin with it.

    Raises:
        ValueError: it is no JSON.
    """
    room = TABLE_NAME - len(table)
    if not _SUSPECTS.search(payload):
        try:
            records = cast("list[object]", orjson.loads(payload))
        except orjson.JSONDecodeError:
            pass  # a lone surrogate, NaN, or no JSON: the slow reader tells
        else:
            if _passes(records, 0, room):
                return Taken(records=records)
    return _slowly(payload, room)


def _passes(container: object, depth: int, room: int) -> bool:
    """Whether dlt takes all that is in there; of a float that may have been a large integer the answer is no."""
    for name, value in _members(container):
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int or kind is float:
            if not _MIN <= value <= _MAX:  # type: ignore[operator]
                return False
            continue
        left = _room(value, name, room)
        if _too_deep(value, depth + 1, left) or not _passes(value, depth + 1, left):
            return False
    return True


def _members(container: object) -> Iterable[tuple[str, object]]:
    if isinstance(container, dict):
        return container.items()
    return (("", value) for value in cast("list[object]", container))


def _room(value: object, name: str, room: int) -> int:
    """Characters left for the names of tables below; dlt calls the table of a list in a list `list`."""
    if name:
        return room - len("__") - len(name) - sum(map(str.isupper, name))  # an underscore comes before each capital
    return room - len("__list") if isinstance(value, list) else room


def _too_deep(value: object, depth: int, room: int) -> bool:
    return depth > DEPTH or (room < 0 and isinstance(value, list))


def _slowly(payload: bytes, room: int) -> Taken:
    try:
        found = cast("list[object]", json.loads(payload))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    taken = Taken()
    for position, record in enumerate(found):
        reasons: dict[str, str] = {}
        taken.records.append(_sound(record, "", 1, room, reasons.setdefault))
        if reasons:
            taken.notes[position] = "; ".join(f"{path or 'value'}: {reason}" for path, reason in reasons.items())
    return taken


def _sound(value: object, path: str, depth: int, room: int, note: Note) -> object:
    """The value in a form that dlt takes."""
    if isinstance(value, dict | list):
        return _container(value, path, depth, room, note)
    if isinstance(value, str):
        reason = "" if _TYPED.match(value) else unsound(value)
    elif isinstance(value, float):
        # dlt itself writes null.
        reason = "" if math.isfinite(value) else "not a number"
    else:
        reason = "" if value is None or _MIN <= cast("int", value) <= _MAX else "integer beyond 64 bits"
    if not reason:
        return value
    note(path, reason)
    return None if isinstance(value, float) else json.dumps(value)


def _container(value: dict[str, object] | list[object], path: str, depth: int, room: int, note: Note) -> object:
    if _too_deep(value, depth, room):
        note(path, "nested too deep")
        return json.dumps(value)
    if isinstance(value, list):
        return [_sound(one, f"{path}[]", depth + 1, _room(one, "", room), note) for one in value]
    return {
        _name(key): _sound(one, join(path, key), depth + 1, _room(one, key, room), note) for key, one in value.items()
    }


def _name(key: str) -> str:
    return json.dumps(key)[1:-1] if unsound(key) in ("lone surrogate", "NUL character") else key
