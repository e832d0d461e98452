"""Paginators: generators that yield calls, are sent the answers, and return whether the list stayed cut off.

They hold no connection and no clock, so that a test drives them with `next` and `send`.
"""

from __future__ import annotations

from collections.abc import Generator

from extractor.model import Answer, Call, Paginator

__all__ = ["field_of", "once", "split_by", "split_by_field"]


def field_of(record: object, path: str) -> object:
    """The value at a dotted path, None if there is none."""
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def once(_: str | None) -> Generator[Call, Answer, bool]:
    """One request brings the whole list."""
    answer = yield Call()
    return answer.limited


def split_by(param: str, values: tuple[str, ...]) -> Paginator:
    """One request, and if its list was cut off one more for each of the values that `param` can have.

    Each part has the cap for itself: the list is whole if every part is.
    """

    def pages(_: str | None) -> Generator[Call, Answer, bool]:
        answer = yield Call()
        if not answer.limited:
            return False
        limited = False
        for value in values:
            answer = yield Call(params=((param, value),))
            limited |= answer.limited
        return limited

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
        while waiting:
            value = waiting.pop(0)
            if value in asked:
                continue
            asked.add(value)
            answer = yield Call(params=((param, value),))
            # A session's items can name another session: a bot hands over to a second one.
            waiting += [found for found in _values(answer, fields) if found not in asked]
        return True

    return pages


def _values(answer: Answer, fields: tuple[str, ...]) -> list[str]:
    named = (field_of(record, path) for record in answer.records for path in fields)
    return list(dict.fromkeys(value for value in named if isinstance(value, str) and value))
