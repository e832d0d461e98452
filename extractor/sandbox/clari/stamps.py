"""Instants: milliseconds since 1970 in jobs and activities, ISO 8601 with three decimals elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "day_of", "parse", "stamp"]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Instants and durations are integers of milliseconds (since 1970)."""


def stamp(ms: int) -> str:
    """An instant in UTC with three decimals and `Z`."""
    return datetime.fromtimestamp(ms // SECOND, UTC).isoformat()[:19] + f".{ms % SECOND:03d}Z"


def day_of(ms: int) -> str:
    """The day of an instant, as in 2024-07-22."""
    return stamp(ms)[:10]


def parse(text: str) -> float | None:
    """Milliseconds of an ISO 8601 day (its midnight in UTC) or instant with a zone, or None."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        if len(text) != len("2024-07-22"):
            return None
        instant = instant.replace(tzinfo=UTC)
    return instant.timestamp() * SECOND
