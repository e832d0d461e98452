"""Cursors: a position in base64, good for some time."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import orjson

from extractor.sandbox.gorgias.errors import invalid
from extractor.sandbox.gorgias.knobs import Knobs
from extractor.sandbox.gorgias.pages import Position
from extractor.sandbox.gorgias.shelves import Value

__all__ = ["FIRST_PAGE", "Cursor", "Cursors"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where a page begins.

    Attributes:
        page: number of the page that it leads to.
        text: as it was sent; empty for the first page, which needs none.
    """

    position: Position | None
    page: int
    text: str


FIRST_PAGE = Cursor(position=None, page=1, text="")


class Cursors:
    """Writes and reads cursors: JSON of direction, sort value, id, second of issue and number of the page."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def read(self, text: str | None, now: float) -> Cursor:
        """The cursor of a request.

        Raises:
            Answered: 400, it is none, or too old; what the vendor answers then is not documented.
        """
        if text is None:
            return FIRST_PAGE
        try:
            direction, value, identity, issued, page = orjson.loads(urlsafe_b64decode(text.encode()))
            position = Position(forward=direction == "next", value=_frozen(value), identity=int(identity))
            age = now - float(issued)
            cursor = Cursor(position=position, page=int(page), text=text)
        except (ValueError, TypeError, OverflowError):
            raise invalid("cursor", "Not a valid cursor.") from None
        if self._knobs.cursor_ttl and age > self._knobs.cursor_ttl:
            raise invalid("cursor", "The cursor has expired.")
        return cursor

    def following(self, position: Position | None, asked: Cursor, now: float) -> str | None:
        """The cursor that leads from a page to the next one, which a knob may have repeat the one that was sent."""
        repeat = self._knobs.cursor_repeat
        if position is not None and repeat and asked.page >= repeat:
            return asked.text
        return self.write(position, asked.page + 1, now)

    def write(self, position: Position | None, page: int, now: float) -> str | None:
        """A cursor, or None if there is nothing to lead to."""
        if position is None:
            return None
        direction = "next" if position.forward else "prev"
        return urlsafe_b64encode(orjson.dumps([direction, position.value, position.identity, now, page])).decode()


def _frozen(value: object) -> Value:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, int | str):
        return value
    raise TypeError
