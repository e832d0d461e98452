"""What the parameters of a list let through."""

from __future__ import annotations

from collections.abc import Callable

from extractor.sandbox.gorgias.errors import invalid
from extractor.sandbox.gorgias.events import OBJECTS
from extractor.sandbox.gorgias.ids import Kind
from extractor.sandbox.gorgias.parameters import Asked
from extractor.sandbox.gorgias.shelves import Shelf
from extractor.sandbox.gorgias.tables import Tables
from extractor.sandbox.gorgias.views import Views
from extractor.sandbox.gorgias.voice import EVENTS_PER_CALL

__all__ = ["Filter", "Filters"]

Filter = Callable[[Asked, Shelf], Shelf]
MOST_TICKET_IDS = 100
RULED = 11  # the first rule has touched every eleventh ticket, the second one the next ones, and so on
OBJECT_TYPES = frozenset({"Ticket", "Customer"})
STATUSES = frozenset(
    {"pending", "scheduled", "running", "done", "cancel_requested", "canceled", "errored", "fatal_errored"}
)
EDGES = (("[gt]", False, True), ("[gte]", True, True), ("[lt]", False, False), ("[lte]", True, False))
"""Ending of a parameter; does it include its instant; is it the earlier edge."""


class Filters:
    """One function per table that has any, by the name of the table."""

    def __init__(self, tables: Tables, views: Views) -> None:
        self._tables = tables
        self._views = views

    def of(self, table: str) -> Filter:
        """The filter of a table; those that it does not have let everything through."""
        filters: dict[str, Filter] = {
            "users": self._users,
            "customers": self._customers,
            "tickets": self._tickets,
            "messages": lambda asked, shelf: self._of_ticket(asked, shelf, self._tables.tickets.all_messages),
            "macros": self._macros,
            "tags": lambda asked, shelf: _containing(asked, shelf, "name"),
            "integrations": lambda asked, shelf: _equal(asked, shelf, "type"),
            "jobs": self._jobs,
            "custom_fields": self._custom_fields,
            "events": self._events,
            "voice_calls": lambda asked, shelf: self._of_ticket(asked, shelf, lambda ticket: [ticket]),
            "voice_call_events": lambda asked, shelf: self._of_call(asked, shelf, EVENTS_PER_CALL),
            "voice_call_recordings": lambda asked, shelf: self._of_call(asked, shelf, 1),
        }
        return filters.get(table, _everything)

    # ── people ──────────────────────────────────────────────────────────────────────────────

    def _users(self, asked: Asked, shelf: Shelf) -> Shelf:
        asked.flag("available_first")  # nobody is more available than others
        if roles := asked.many("roles[]"):
            rows = shelf.row
            shelf = shelf.where(lambda n: rows(n)["role"] in [{"name": role} for role in roles])
        return _containing(asked, _equal(asked, shelf, "email", "external_id"), "name")

    def _customers(self, asked: Asked, shelf: Shelf) -> Shelf:
        if asked.one("view_id") is not None:
            raise invalid("view_id", "Not a view of customers.")
        kind, address = asked.one("channel_type"), asked.one("channel_address")
        if (kind is None) is not (address is None):
            raise invalid("channel_type", "channel_type and channel_address belong together.")
        if kind is not None:
            channels = self._tables.people.channels
            shelf = shelf.where(lambda n: any(c["type"] == kind and c["address"] == address for c in channels(n)))
        return _equal(asked, shelf, "email", "external_id", "name", "language", "timezone")

    # ── tickets ─────────────────────────────────────────────────────────────────────────────

    def _tickets(self, asked: Asked, shelf: Shelf) -> Shelf:
        tickets, talk = self._tables.tickets, self._tables.conversation
        if ids := asked.many("ticket_ids[]"):
            if len(ids) > MOST_TICKET_IDS:
                raise invalid("ticket_ids", f"At most {MOST_TICKET_IDS} may be given.")
            shelf = shelf.only(self._number(Kind.TICKET, "ticket_ids", text) for text in ids)
        if (customer_id := asked.one("customer_id")) is not None:
            customer = self._number(Kind.CUSTOMER, "customer_id", customer_id)
            owned = self._tables.population.tickets_of(customer) if tickets.customer_exists(customer) else []
            came = range(self._tables.population.tickets, tickets.count())
            shelf = shelf.only([*owned, *(n for n in came if tickets.owner(n) == customer)])
        if (external_id := asked.one("external_id")) is not None:
            shelf = shelf.where(lambda n: talk.external_id(n) == external_id)
        if (rule_id := asked.one("rule_id")) is not None:
            rule = self._number(Kind.RULE, "rule_id", rule_id)
            shelf = shelf.where(lambda n: n % RULED == rule)
        if (view_id := asked.one("view_id")) is not None:
            view = self._number(Kind.VIEW, "view_id", view_id)
            shelf = shelf.only(self._views.tickets(view)) if self._views.there(view) else shelf.only([])
        return shelf.where(lambda n: not talk.trashed(n)) if asked.flag("trashed") is False else shelf

    def _of_ticket(self, asked: Asked, shelf: Shelf, children: Callable[[int], list[int]]) -> Shelf:
        ticket_id = asked.one("ticket_id")
        if ticket_id is None:
            return shelf
        ticket = self._number(Kind.TICKET, "ticket_id", ticket_id)
        return shelf.only(children(ticket) if self._tables.tickets.exists(ticket) else [])

    def _of_call(self, asked: Asked, shelf: Shelf, children: int) -> Shelf:
        call_id = asked.one("call_id")
        if call_id is None:
            return shelf
        call = self._number(Kind.CALL, "call_id", call_id)
        return shelf.only(range(call * children, call * children + children))

    # ── the rest ────────────────────────────────────────────────────────────────────────────

    def _macros(self, asked: Asked, shelf: Shelf) -> Shelf:
        records = self._tables.lists["macros"]
        archived = asked.flag("archived") is True
        shelf = shelf.where(lambda n: (records[n]["archived_datetime"] is not None) is archived)
        if tags := asked.many("tags[]"):
            shelf = shelf.where(lambda n: any(tag in str(records[n]["actions"]) for tag in tags))
        if languages := asked.many("languages[]"):
            shelf = shelf.where(lambda n: records[n]["language"] in languages)
        for name, kind in (("ticket_id", Kind.TICKET), ("message_id", Kind.MESSAGE)):
            if (text := asked.one(name)) is not None:
                self._number(kind, name, text)  # says what is relevant, and nothing else
        return _containing(asked, shelf, "name")

    def _jobs(self, asked: Asked, shelf: Shelf) -> Shelf:
        asked.choice("status", STATUSES)
        return _equal(asked, shelf, "status", "type")

    def _custom_fields(self, asked: Asked, shelf: Shelf) -> Shelf:
        if asked.choice("object_type", OBJECT_TYPES) is None:
            raise invalid("object_type", "Missing data for required field.")
        archived = asked.flag("archived")
        if archived is not None:
            records = self._tables.lists["custom_fields"]
            shelf = shelf.where(lambda n: (records[n]["deactivated_datetime"] is not None) is archived)
        return _containing(asked, _equal(asked, shelf, "object_type"), "label")

    def _events(self, asked: Asked, shelf: Shelf) -> Shelf:
        events = self._tables.events
        for ending, included, earlier in EDGES:
            if (instant := asked.instant("created_datetime" + ending)) is not None:
                shelf = (shelf.above if earlier else shelf.below)(instant, included=included)
        object_type, object_id = asked.choice("object_type", frozenset(OBJECTS)), asked.one("object_id")
        if (object_type is None) is not (object_id is None):
            raise invalid("object_id", "object_type and object_id belong together.")
        if object_type is not None and object_id is not None:
            kind = OBJECTS[object_type]
            number = -1 if kind is None else self._number(kind, "object_id", object_id)
            shelf = shelf.where(lambda n: events.subject(n)[::2] == (object_type, number))
            shelf = shelf.among(events.about(object_type, number))
        if types := asked.many("types[]"):
            shelf = shelf.where(lambda n: events.subject(n)[1] in types)
        if users := asked.many("user_ids[]"):
            rows = shelf.row
            shelf = shelf.where(lambda n: str(rows(n)["user_id"]) in users)
        return shelf

    def _number(self, kind: Kind, name: str, text: str) -> int:
        """The number of the record with an id; -1 if there is none.

        Raises:
            Answered: 400, it is not an integer.
        """
        if not (text.isascii() and text.isdecimal()):
            raise invalid(name, "Not a valid integer.")
        number = self._tables.ids.read(kind, text)
        return -1 if number is None else number


def _everything(asked: Asked, shelf: Shelf) -> Shelf:
    del asked
    return shelf


def _equal(asked: Asked, shelf: Shelf, *fields: str) -> Shelf:
    """Rows whose fields are what the parameters of the same names say."""
    wanted = {field: value for field in fields if (value := asked.one(field)) is not None}
    rows = shelf.row
    return shelf.where(lambda n: all(rows(n)[field] == value for field, value in wanted.items())) if wanted else shelf


def _containing(asked: Asked, shelf: Shelf, field: str) -> Shelf:
    """Rows of which a field contains what is searched for."""
    text = asked.one("search")
    rows = shelf.row
    return shelf if text is None else shelf.where(lambda n: text.lower() in str(rows(n)[field]).lower())
