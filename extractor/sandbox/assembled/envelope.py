"""What every answer carries: the version of the API, and a number of its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from extractor.sandbox.assembled.errors import Refused, refusal
from extractor.sandbox.replies import Call, Reply

__all__ = ["Answer", "Envelope"]

VERSION = "2019-06-20"
"""The only one that is known; without `API-Version` an account has the one that it is pinned to."""

Answer = Callable[[Call], Reply]


class Envelope:
    """Puts headers on answers, and makes answers of refusals."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def around(self, answer: Answer) -> Answer:
        """The same, with the headers."""

        def wrapped(call: Call) -> Reply:
            try:
                reply = answer(call)
            except Refused as refused:
                reply = refusal(400, str(refused), call.path)
            reply.headers["api-version"] = call.headers.get("API-Version") or VERSION
            return self.on(reply)

        return wrapped

    def on(self, reply: Reply) -> Reply:
        """A reply with its number, for those that no route makes."""
        reply.headers["Request-Id"] = f"req_{next(self._numbers):08d}"
        return reply
