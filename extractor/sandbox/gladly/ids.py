"""Kinds of Gladly records and their ids."""

from __future__ import annotations

from enum import IntEnum, auto, unique
from re import compile as pattern

from extractor.sandbox.dice import Dice
from extractor.sandbox.slugs import Slugs

__all__ = ["Ids", "Kind"]


@unique
class Kind(IntEnum):
    """What an id stands for; the comment says what its numbers count."""

    AGENT = auto()
    TEAM = auto()
    INBOX = auto()
    TOPIC = auto()
    AUDIENCE = auto()
    HOURS = auto()
    WEBHOOK = auto()
    ORGANIZATION = auto()
    ATTRIBUTE = auto()
    ANSWER = auto()
    CUSTOMER = auto()  # customer
    FORMER = auto()  # customer, number of the id it had before
    CONVERSATION = auto()  # customer, number
    ITEM = auto()  # customer, conversation, number
    TASK = auto()  # customer, number
    COMMENT = auto()  # customer, task, number
    ACTIVITY = auto()  # customer, number: an item outside of any conversation
    SESSION = auto()  # customer, conversation, number
    ATTACHMENT = auto()  # customer, conversation, item
    CONTACT = auto()  # customer, conversation, number
    SCHEDULE = auto()
    JOB = auto()  # day since 1970
    ONE_TIME_JOB = auto()
    EVENT = auto()  # hour since 1970, number
    LIVE_EVENT = auto()  # number


CLIENT_SUPPLIED = pattern(r"crm\.(\d{6,8})~([0-9a-f]{4})")


class Ids:
    """Writes and reads ids; every 41st customer has one that a client supplied, of another form."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._slugs = Slugs(key)
        self.write = self._slugs.write

    def read(self, text: str) -> tuple[int, int, int, int] | None:
        """What an id stands for as (kind, three numbers), or None."""
        if text.startswith("crm."):
            match = CLIENT_SUPPLIED.fullmatch(text)
            number = int(match[1]) if match else 0
            return (Kind.CUSTOMER, number, 0, 0) if match and self.customer(number) == text else None
        read = self._slugs.read(text)
        return None if read and read[0] == Kind.CUSTOMER and self._supplied(read[1]) else read

    def customer(self, i: int) -> str:
        """The id of customer i."""
        if self._supplied(i):
            return f"crm.{i:06d}~{Dice(self._key, Kind.CUSTOMER, i, 41).below(1 << 16):04x}"
        return self.write(Kind.CUSTOMER, i)

    def conversation(self, i: int, j: int) -> str:
        """The id of conversation j of customer i."""
        return self.write(Kind.CONVERSATION, i, j)

    def item(self, i: int, j: int, k: int) -> str:
        """The id of item k of a conversation."""
        return self.write(Kind.ITEM, i, j, k)

    def hours(self, n: int) -> str:
        """The id of business hours n."""
        return "bh_" + self.write(Kind.HOURS, n)

    @staticmethod
    def _supplied(i: int) -> bool:
        return i % 41 == 9
