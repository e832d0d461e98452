"""Instants in microseconds since 1970, and how the vendor writes them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "Stamps", "parse", "stamp"]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def stamp(us: int, *, offset: bool = True) -> str:
    """ISO 8601 with microseconds, without a fraction if it is zero; without the offset as some rows have it."""
    seconds, micros = divmod(us, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat()
    return text if offset else text.removesuffix("+00:00")


class Stamps:
    """Writes the instants of one account; those of its oldest rows have no offset.

    Args:
        bare_before: instants before this one have no offset.
    """

    def __init__(self, bare_before: int) -> None:
        self._bare_before = bare_before

    def __call__(self, us: int) -> str:
        """An instant as a row has it."""
        return stamp(us, offset=us >= self._bare_before)


def parse(text: str) -> int | None:
    """Microseconds of an ISO 8601 date or instant, read as UTC if it has no offset; None if it is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    since = instant - datetime.fromtimestamp(0, UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
