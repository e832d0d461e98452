"""Kinds of SnapEngage records, their ids, and the credentials of the three APIs."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import IntEnum, auto, unique
from re import compile as pattern
from uuid import UUID

from extractor.sandbox.dice import Dice
from extractor.sandbox.slugs import Slugs

__all__ = ["Ids", "Kind"]


@unique
class Kind(IntEnum):
    """What an id or a draw stands for; the comment says what its numbers count."""

    WIDGET = auto()  # widget
    CASE = auto()  # number, widget in an id; widget, number, subject in a draw
    OPENED = auto()  # number of the chat that was opened through the API
    VISITOR = auto()  # widget, number: of the case that the visitor wrote
    LINE = auto()  # widget, number, line
    SURVEY = auto()  # widget, number
    CREDENTIAL = auto()  # one per API
    CHANGE = auto()  # number


LOWER_CASE_UUID = pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Ids:
    """Writes and reads ids, which are UUIDs in lower case.

    Attributes:
        token, chat_key, provisioning_key: 32 hexadecimal digits each, unrelated to one another.
        org: 16 decimal digits.
    """

    def __init__(self, key: bytes) -> None:
        self._slugs = Slugs(key)
        self.token, self.chat_key, self.provisioning_key = (
            self._write(Kind.CREDENTIAL, n).replace("-", "") for n in range(3)
        )
        self.org = str(10**15 + Dice(key, Kind.CREDENTIAL).below(9 * 10**15))

    def widget(self, w: int) -> str:
        """The id of widget w."""
        return self._write(Kind.WIDGET, w)

    def case(self, w: int, n: int) -> str:
        """The id of case n of widget w."""
        return self._write(Kind.CASE, n, w)

    def opened(self, n: int) -> str:
        """The id of the n-th chat that was opened through the API."""
        return self._write(Kind.OPENED, n)

    def read(self, text: str) -> tuple[int, int, int] | None:
        """What an id stands for as (kind, two numbers), or None."""
        if not LOWER_CASE_UUID.fullmatch(text):
            return None
        read = self._slugs.read(urlsafe_b64encode(UUID(text).bytes).decode().rstrip("="))
        return None if read is None else read[:3]

    def _write(self, kind: Kind, a: int, b: int = 0) -> str:
        return str(UUID(bytes=urlsafe_b64decode(self._slugs.write(kind, a, b) + "==")))
