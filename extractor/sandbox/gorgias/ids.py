"""Kinds of Gorgias records and their ids: whole numbers, from another beginning for each kind and seed."""

from __future__ import annotations

from enum import IntEnum, auto, unique

from extractor.sandbox.dice import Dice

__all__ = ["Ids", "Kind"]

STEP = 3  # so that two ids out of three lead nowhere
LOWEST, HIGHEST = 10_000, 900_000_000


@unique
class Kind(IntEnum):
    """What an id stands for."""

    USER = auto()
    TEAM = auto()
    TAG = auto()
    MACRO = auto()
    VIEW = auto()
    CUSTOM_FIELD = auto()
    RULE = auto()
    INTEGRATION = auto()
    JOB = auto()
    WIDGET = auto()
    SETTING = auto()
    CUSTOMER = auto()
    TICKET = auto()
    MESSAGE = auto()
    EVENT = auto()
    SURVEY = auto()
    CALL = auto()
    CALL_EVENT = auto()
    RECORDING = auto()
    CHANNEL = auto()
    CHANGE = auto()  # has no ids; draws for the option `live`


class Ids:
    """Writes and reads ids; among records of a kind they grow with the record's number."""

    def __init__(self, key: bytes) -> None:
        self._first = {kind: Dice(key, kind, -1).between(LOWEST, HIGHEST) for kind in Kind}

    def write(self, kind: Kind, number: int) -> int:
        """The id of a record of a kind."""
        return self._first[kind] + STEP * number

    def read(self, kind: Kind, text: str) -> int | None:
        """The number of the record that an id in a path or parameter stands for, or None."""
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            return None
        number, rest = divmod(int(text) - self._first[kind], STEP)
        return None if rest or number < 0 else number
