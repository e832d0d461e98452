"""Kinds of Assembled records and their ids: UUIDs that this sandbox can read backwards."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import IntEnum, auto, unique
from uuid import UUID

from extractor.sandbox.slugs import Slugs

__all__ = ["Ids", "Kind"]

DAYS = 1 << 14  # as many days have ids of their own; 44 years


@unique
class Kind(IntEnum):
    """What an id stands for; the comment says what its numbers count."""

    TEAM = auto()
    SITE = auto()
    QUEUE = auto()
    SKILL = auto()
    ROLE = auto()
    ACTIVITY_TYPE = auto()
    REQUIREMENT_TYPE = auto()
    PERSON = auto()  # person
    AGENT = auto()  # person
    ACTIVITY = auto()  # person, day, number
    SERIES = auto()  # person: an activity that happens again and again
    LIVE_ACTIVITY = auto()  # number of the edit
    EVENT_CHANGE = auto()  # number, day
    LIVE_EVENT_CHANGE = auto()  # number of the edit
    FORECAST_TOTAL = auto()  # number of the line, day, number of the value type
    TIME_OFF = auto()  # person
    TIME_OFF_UPDATE = auto()  # person
    REPORT = auto()  # number
    CONVERSATION = auto()  # number
    MESSAGE = auto()  # conversation, number


class Ids:
    """Writes and reads ids; there are no version bits, as in ids of the vendor's own making there need not be."""

    def __init__(self, key: bytes) -> None:
        self._slugs = Slugs(key)

    def write(self, kind: Kind, a: int = 0, b: int = 0, c: int = 0) -> str:
        """The id of record (a, b, c) of a kind; the limits are those of `Slugs.write`."""
        return str(UUID(bytes=urlsafe_b64decode(self._slugs.write(kind, a, b, c) + "==")))

    def on(self, kind: Kind, day: int, a: int, c: int = 0) -> str:
        """The id of a record of a day (since 1970)."""
        return self.write(kind, a, day % DAYS, c)

    def read(self, kind: Kind, text: str) -> int | None:
        """The first number of an id of a kind, or None for anything else."""
        try:
            raw = UUID(text).bytes
        except ValueError:
            return None
        read = self._slugs.read(urlsafe_b64encode(raw).decode().rstrip("="))
        return read[1] if read and read[0] == kind and str(UUID(bytes=raw)) == text else None
