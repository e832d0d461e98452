"""Paths of single objects and of what hangs on them: nothing here pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

from extractor.sandbox.gorgias.catalog import Record
from extractor.sandbox.gorgias.errors import missing, moved, refusal
from extractor.sandbox.gorgias.ids import Kind
from extractor.sandbox.gorgias.list_routes import LISTS
from extractor.sandbox.gorgias.parameters import Asked, strict
from extractor.sandbox.gorgias.population import Fate
from extractor.sandbox.gorgias.tables import KINDS, Tables
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["SingleRoutes"]

OWN_USER = "0"
SINGLE_NAMES = {"users": "user", "customers": "customer", "tickets": "ticket", "macros": "macro", "events": "event"}
RELATED = frozenset({"relationships"})
NOTHING = frozenset[str]()


class SingleRoutes:
    """Answers single objects, children of tickets and customers, and the account."""

    def __init__(self, tables: Tables, *, origin: str) -> None:
        self._tables = tables
        self._origin = origin

    def routes(self) -> list[Route]:
        """All of them."""
        rows = [
            _route(
                SINGLE_NAMES.get(listing.table, f"{listing.table}_get"),
                f"{listing.path}/{{}}",
                self._row(listing.table),
            )
            for listing in LISTS
            if listing.table not in ("tickets", "customers", "messages")
        ]
        return [
            *rows,
            _route("account", "/account", lambda _, __: json_reply(self._tables.catalog.account)),
            _route("account_settings", "/account/settings", self._settings, frozenset({"type"})),
            _route("customer", "/customers/{}", self._customer, RELATED),
            _route("customer_custom_fields", "/customers/{}/custom-fields", self._customer_fields),
            _route("ticket", "/tickets/{}", self._ticket, RELATED),
            _route("ticket_messages", "/tickets/{}/messages", self._messages),
            _route("ticket_message", "/tickets/{}/messages/{}", self._message),
            _route("ticket_tags", "/tickets/{}/tags", self._tags),
            _route("ticket_custom_fields", "/tickets/{}/custom-fields", self._ticket_fields),
            _route("legacy_statistics", "/stats/{}", lambda _, __: refusal(400, "This report does not exist.", "")),
        ]

    # ── rows ────────────────────────────────────────────────────────────────────────────────

    def _row(self, table: str) -> Callable[[Call, Asked], Reply]:
        def answer(call: Call, asked: Asked) -> Reply:
            del asked
            shelf = self._tables.shelf(table)
            number = self._tables.ids.read(KINDS[table], call.args[0])
            if table == "users" and call.args[0] == OWN_USER:
                number = 0
            if number is None or not shelf.there(number):
                raise missing()
            return json_reply(shelf.row(number))

        return answer

    def _settings(self, call: Call, asked: Asked) -> Reply:
        del call
        settings, wanted = self._tables.lists["account_settings"], asked.one("type")
        return json_reply({"data": [s for s in settings if wanted is None or s["type"] == wanted]})

    # ── customers ───────────────────────────────────────────────────────────────────────────

    def _customer_number(self, call: Call) -> int:
        number = self._tables.ids.read(Kind.CUSTOMER, call.args[0])
        if number is None or not self._tables.people.there(number):
            raise missing()
        return number

    def _customer(self, call: Call, asked: Asked) -> Reply:
        _with_custom_fields(asked)
        return json_reply(self._tables.people.detail(self._customer_number(call)))

    def _customer_fields(self, call: Call, asked: Asked) -> Reply:
        """A bare array for some customers; when the vendor sends one is not known."""
        del asked
        number = self._customer_number(call)
        values = self._tables.people.custom_fields(number)
        return json_reply(values if number % 2 and not self._tables.population.plain else {"data": values})

    # ── tickets ─────────────────────────────────────────────────────────────────────────────

    def _ticket_number(self, call: Call) -> int:
        """The ticket of a path.

        Raises:
            Answered: 404, or 301 to the same path of the ticket that it was merged into.
        """
        tables, tickets = self._tables, self._tables.tickets
        number = tables.ids.read(Kind.TICKET, call.args[0])
        if number is None or not tickets.exists(number) or tickets.fate(number) is Fate.GONE:
            raise missing()
        survivor = tickets.survivor(number)
        if survivor != number:
            path = call.path.replace(f"/{call.args[0]}", f"/{tables.ids.write(Kind.TICKET, survivor)}", 1)
            query = f"?{urlencode(call.query, quote_via=quote)}" if call.query else ""
            raise moved(f"{self._origin}{path}{query}")
        return number

    def _ticket(self, call: Call, asked: Asked) -> Reply:
        number = self._ticket_number(call)
        detail = self._tables.conversation.ticket_detail(number)
        if _with_custom_fields(asked):
            detail |= {"custom_fields": self._tables.conversation.embedded_fields(number)}
        return json_reply(detail)

    def _messages(self, call: Call, asked: Asked) -> Reply:
        del asked
        numbers = self._tables.tickets.all_messages(self._ticket_number(call))
        return _data([self._tables.conversation.message(n) for n in numbers])

    def _message(self, call: Call, asked: Asked) -> Reply:
        del asked
        numbers = self._tables.tickets.all_messages(self._ticket_number(call))
        number = self._tables.ids.read(Kind.MESSAGE, call.args[1])
        if number not in numbers:
            raise missing()
        return json_reply(self._tables.conversation.message(number))

    def _tags(self, call: Call, asked: Asked) -> Reply:
        del asked
        numbers = self._tables.conversation.tags(self._ticket_number(call))
        return _data([self._tables.lists["tags"][n] for n in numbers])

    def _ticket_fields(self, call: Call, asked: Asked) -> Reply:
        del asked
        return _data(self._tables.conversation.custom_fields(self._ticket_number(call)))


def _route(name: str, path: str, answer: Callable[[Call, Asked], Reply], known: frozenset[str] = NOTHING) -> Route:
    return Route(name=name, path=path, query=None, answer=strict(known, answer))


def _with_custom_fields(asked: Asked) -> bool:
    """Are custom fields asked for? Nothing else can be."""
    return asked.choice("relationships", frozenset({"custom_fields"})) is not None


def _data(records: list[Record]) -> Reply:
    return json_reply({"data": records})
