"""Lists without pages, which are cut off where they are too long."""

from __future__ import annotations

from collections.abc import Generator

from extractor.model import Answer, Call, Paginator
from extractor.paginate.fields import field_of

__all__ = ["once", "split_by", "split_by_field"]


def once(_: str | None) -> Generator[Call, Answer, bool]:
    """One request brings the whole list."""
    return (yield Call()).limited


def split_by(param: str, values: tuple[str, ...]) -> Paginator:
    """One request, and if its list was cut off one more for each of the values that `param` can have.

    Each part has the cap for itself: the list is whole if every part is.
    """

    def pages(_: str | None) -> Generator[Call, Answer, bool]:
        if not (yield Call()).limited:
            return False
        cut_off = False
        for value in values:
            cut_off |= (yield Call(params=((param, value),))).limited
        return cut_off

    return pages


def split_by_field(param: str, fields: tuple[str, ...]) -> Paginator:
    """One request, and if its list was cut off one more for each value that its records have in `fields`.

    What lies beyond the cut may have values that nobody has seen, so the list stays cut off.
    """

    def pages(_: str | None) -> Generator[Call, Answer, bool]:
        answer = yield Call()
        if not answer.limited:
            return False
        asked: set[str] = set()
        waiting = _values(answer, fields)
        del answer
        while waiting:
            value = waiting.pop(0)
            if value in asked:
                continue
            asked.add(value)
            # A session's items can name another session: a bot hands over to a second one.
            named = _values((yield Call(params=((param, value),))), fields)
            waiting += [found for found in named if found not in asked]
        return True

    return pages


def _values(answer: Answer, fields: tuple[str, ...]) -> list[str]:
    named = (field_of(record, path) for record in answer.records for path in fields)
    return list(dict.fromkeys(value for value in named if isinstance(value, str) and value))
