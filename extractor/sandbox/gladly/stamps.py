"""Instants as the vendor writes them: RFC 3339 in UTC with 0 to 9 digits of a second's fraction."""

from __future__ import annotations

from datetime import UTC, datetime

from extractor.sandbox.dice import Dice

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "mixed", "parse", "stamp"]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Instants and durations are integers of milliseconds (since 1970)."""

DIGITS = (3, 3, 3, 3, 0, 2, 6, 9)


def stamp(ms: int, digits: int = 3, finer: int = 0) -> str:
    """An instant with so many digits of the second's fraction; `finer` is its nanoseconds below the millisecond."""
    whole = datetime.fromtimestamp(ms // SECOND, UTC).isoformat()[:19]
    if not digits:
        return whole + "Z"
    fraction = f"{ms % SECOND * 1_000_000 + finer:09d}"
    return f"{whole}.{fraction[:digits]}Z"


def mixed(ms: int, dice: Dice) -> str:
    """An instant in one of the vendor's precisions."""
    drawn = dice.below(len(DIGITS) * 1_000_000)
    return stamp(ms, DIGITS[drawn // 1_000_000], drawn % 1_000_000)


def parse(text: str) -> float | None:
    """Unix seconds of an ISO 8601 instant with a time zone, or None."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if instant.tzinfo is None or "T" not in text else instant.timestamp()
