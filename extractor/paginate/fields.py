"""What an answer says: texts, numbers and instants at dotted paths."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["field_of", "instant", "number", "text_at"]

_DIGITS = 20
"""No list is longer than a number of so many digits says; Python itself refuses texts of more than 4,300."""


def field_of(record: object, path: str) -> object:
    """The value at a dotted path, None if there is none."""
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def text_at(content: object, path: str) -> str:
    """The text there, or what stands there as one; '' for nothing."""
    found = field_of(content, path)
    return str(found) if found else ""


def number(value: object) -> int | None:
    """A whole number, also as a text of digits; None for everything else."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def instant(value: object) -> datetime | None:
    """An ISO 8601 time; without an offset it is UTC, as Gorgias means it."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
