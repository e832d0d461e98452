"""The parameters of a request, read as strictly as the vendor does: what it does not know is an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from extractor.sandbox.gorgias.errors import Answered, invalid
from extractor.sandbox.gorgias.stamps import parse
from extractor.sandbox.replies import Call, Reply

__all__ = ["Asked", "strict"]

MOST_ROWS = 100


class Asked:
    """The parameters of one request.

    Args:
        call: the request.
        known: parameters that may be given; the name of one that may repeat ends with "[]", and may be sent without.

    Raises:
        Answered: another one was given, or one of them more often than it may.
    """

    def __init__(self, call: Call, known: frozenset[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in call.query:
            repeated = name if name.endswith("[]") else name + "[]"
            if name not in known and repeated not in known:
                raise invalid(name, "Unknown field.")
            values = self._values.setdefault(repeated if repeated in known else name, [])
            values.append(value)
            if len(values) > 1 and repeated not in known:
                raise invalid(name, "Given more than once.")

    def one(self, name: str) -> str | None:
        """A value, or None if it is not given."""
        return self._values[name][0] if name in self._values else None

    def many(self, name: str) -> list[str]:
        """The values of a parameter that may repeat; its name ends with "[]"."""
        return self._values.get(name, [])

    def flag(self, name: str) -> bool | None:
        """A truth value."""
        value = self.one(name)
        if value is not None and value.lower() not in ("true", "false"):
            raise invalid(name, "Not a valid boolean.")
        return None if value is None else value.lower() == "true"

    def instant(self, name: str) -> int | None:
        """An instant, in microseconds since 1970."""
        value = self.one(name)
        instant = None if value is None else parse(value)
        if value is not None and instant is None:
            raise invalid(name, "Not a valid datetime.")
        return instant

    def choice(self, name: str, choices: frozenset[str]) -> str | None:
        """One of these words."""
        value = self.one(name)
        if value is not None and value not in choices:
            raise invalid(name, f"Must be one of: {', '.join(sorted(choices))}.")
        return value

    def limit(self, default: int) -> int:
        """How many rows a page may have."""
        value = self.one("limit")
        if value is None:
            return default
        if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= MOST_ROWS):
            raise invalid("limit", f"Must be between 1 and {MOST_ROWS}.")
        return int(value)


def strict(
    known: frozenset[str], answer: Callable[[Call, Asked], Reply | Awaitable[Reply]]
) -> Callable[[Call], Awaitable[Reply]]:
    """The answer of a route that knows these parameters and no others."""

    async def answered(call: Call) -> Reply:
        try:
            reply = answer(call, Asked(call, known))
            return await reply if isawaitable(reply) else reply
        except Answered as early:
            return early.reply

    return answered
