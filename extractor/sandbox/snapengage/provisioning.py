"""The Provisioning API, as far as it reads: look-ups of one user or one widget, with the key in the query."""

from __future__ import annotations

from collections.abc import Callable

from extractor.sandbox.replies import Call, Reply
from extractor.sandbox.routing import Route
from extractor.sandbox.snapengage.account import Account
from extractor.sandbox.snapengage.texts import encoded

__all__ = ["Provisioning"]

Record = dict[str, object]


class Provisioning:
    """Answers `/user.json` and `/widget.json`."""

    def __init__(self, account: Account, key: str) -> None:
        self._account = account
        self._key = key

    def routes(self) -> list[Route]:
        """Both."""
        user, widget = self._account.user, self._account.widget
        return [
            self._lookup("users", "/user.json", ("email",), lambda values: user(*values)),
            self._lookup("widgets", "/widget.json", ("uuid", "email"), lambda values: widget(*values)),
        ]

    def _lookup(
        self, name: str, path: str, asked: tuple[str, ...], find: Callable[[tuple[str, ...]], Record | None]
    ) -> Route:
        def answer(call: Call) -> Reply:
            key, values = call.one("api_key"), tuple(call.one(parameter) or "" for parameter in asked)
            if key != self._key:
                return Reply(status=403 if key else 401)
            if not all(values):
                return Reply(status=400)
            found = find(values)
            return Reply(status=404) if found is None else Reply(body=encoded(found))

        return Route(name=name, path=path, query=frozenset({"api_key", *asked}), answer=answer)
