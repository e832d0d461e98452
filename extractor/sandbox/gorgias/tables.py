"""Every table as a shelf, in each of its orders."""

from __future__ import annotations

from collections.abc import Callable

from extractor.sandbox.gorgias.automation import automation
from extractor.sandbox.gorgias.catalog import Catalog, Record
from extractor.sandbox.gorgias.changes import Changes
from extractor.sandbox.gorgias.conversation import Conversation
from extractor.sandbox.gorgias.events import Events
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.people import People
from extractor.sandbox.gorgias.population import Population
from extractor.sandbox.gorgias.shelves import Computed, Entry, Shelf, Value
from extractor.sandbox.gorgias.stamps import Stamps, parse
from extractor.sandbox.gorgias.surveys import Surveys
from extractor.sandbox.gorgias.tickets import Tickets
from extractor.sandbox.gorgias.voice import EVENTS_PER_CALL, Voice

__all__ = ["KINDS", "Tables"]

KINDS = {
    "users": Kind.USER,
    "teams": Kind.TEAM,
    "tags": Kind.TAG,
    "macros": Kind.MACRO,
    "views": Kind.VIEW,
    "custom_fields": Kind.CUSTOM_FIELD,
    "rules": Kind.RULE,
    "integrations": Kind.INTEGRATION,
    "jobs": Kind.JOB,
    "widgets": Kind.WIDGET,
    "customers": Kind.CUSTOMER,
    "tickets": Kind.TICKET,
    "messages": Kind.MESSAGE,
    "events": Kind.EVENT,
    "satisfaction_surveys": Kind.SURVEY,
    "voice_calls": Kind.CALL,
    "voice_call_events": Kind.CALL_EVENT,
    "voice_call_recordings": Kind.RECORDING,
}
BARE_SHARE = 10  # the oldest tenth of the past is written without offset


class Tables:
    """The account as it is served.

    Attributes:
        lists: records of the short lists, by table; a record's number is its position.
    """

    def __init__(self, population: Population, changes: Changes, ids: Ids) -> None:
        begin = population.timeline.begin
        bare = 0 if population.plain else begin + (population.until - begin) // BARE_SHARE
        stamps = Stamps(bare)
        self.population = population
        self.changes = changes
        self.ids = ids
        self.tickets = Tickets(population, changes)
        self.catalog = Catalog(population, ids, stamps)
        self.people = People(self.tickets, ids, self.catalog, stamps)
        self.surveys = Surveys(self.tickets, ids, stamps)
        self.conversation = Conversation(
            self.tickets, ids, catalog=self.catalog, people=self.people, surveys=self.surveys, stamps=stamps
        )
        self.events = Events(self.tickets, ids, self.catalog, stamps)
        self.voice = Voice(self.tickets, ids, self.catalog, self.conversation, stamps)
        self.lists = self.catalog.lists | automation(population, ids, self.catalog)

    def shelf(self, table: str, field: str = "created_datetime") -> Shelf:
        """A table in one of its orders; calls, which have none, in that of their ids."""
        if table in self.lists:
            return self._short(table, field)
        match table, field:
            case "tickets", "updated_datetime":
                return self._tickets_by_update()
            case "tickets", _:
                tickets = self.tickets
                return self._made(table, tickets.count(), tickets.created, tickets.listed, self.conversation.ticket)
            case "customers", "updated_datetime":
                return self._customers_by_update()
            case "customers", _:
                people, created = self.people, self.tickets.customer_created
                return self._made(table, self.population.size, created, people.listed, people.row)
        return self._others(table)

    def _others(self, table: str) -> Shelf:
        tickets, talk, events, voice = self.tickets, self.conversation, self.events, self.voice
        surveys = self.surveys
        count, calls = tickets.message_count(), self.population.tickets
        match table:
            case "messages":
                return self._made(table, count, lambda n: tickets.message(n).at, tickets.message_there, talk.message)
            case "events":
                return self._made(table, count, events.created, events.there, events.row)
            case "satisfaction_surveys":
                return self._made(table, calls, surveys.created, surveys.there, surveys.row)
            case "voice_calls":
                return self._made(table, calls, _itself, voice.call_there, voice.call)
            case "voice_call_events":
                return self._made(table, calls * EVENTS_PER_CALL, _itself, voice.event_there, voice.event)
        return self._made(table, calls, _itself, voice.recording_there, voice.recording)

    def _identity(self, table: str) -> Callable[[int], int]:
        kind = KINDS[table]
        return lambda number: self.ids.write(kind, number)

    def _made(
        self,
        table: str,
        count: int,
        value: Callable[[int], int],
        there: Callable[[int], bool],
        row: Callable[[int], Record],
    ) -> Shelf:
        """A shelf whose order is that of the numbers."""

        def entry(number: int) -> Entry:
            return value(number), number

        return Shelf(entries=Computed(count, entry), entry=entry, there=there, row=row, identity=self._identity(table))

    def _tickets_by_update(self) -> Shelf:
        tickets, population = self.tickets, self.population
        updates = list(self.changes.updates)

        def at(position: int) -> Entry:
            if position >= population.tickets:
                return updates[position - population.tickets]
            ticket = population.ticket_by_update(position)
            return tickets.updated_first(ticket), ticket

        return Shelf(
            entries=Computed(population.tickets + len(updates), at),
            entry=lambda ticket: (tickets.updated(ticket), ticket),
            there=tickets.listed,
            row=self.conversation.ticket,
            identity=self._identity("tickets"),
        )

    def _customers_by_update(self) -> Shelf:
        population, updated = self.population, self.tickets.customer_updated

        def entry(customer: int) -> Entry:
            return updated(customer), customer

        return Shelf(
            entries=Computed(population.customers, lambda rank: entry(population.customer_by_update(rank))),
            entry=entry,
            there=self.people.listed,
            row=self.people.row,
            identity=self._identity("customers"),
        )

    def _short(self, table: str, field: str) -> Shelf:
        records = self.lists[table]

        def row(number: int) -> Record:
            record = records[number]
            if table != "macros":
                return record
            return record | {"usage": int(str(record["usage"])) + self.changes.used[number]}

        def entry(number: int) -> Entry:
            return _value(row(number), field), number

        entries = [entry(number) for number in range(len(records))]
        return Shelf(
            entries=sorted(entries),
            entry=entry,
            there=lambda number: number < len(records),
            row=row,
            identity=self._identity(table),
        )


def _itself(number: int) -> int:
    return number


def _value(record: Record, field: str) -> Value:
    """What an order of a short list goes by; "relevance" is played by usage."""
    if field == "usage,name":
        return int(str(record["usage"])), str(record["name"])
    value = record["usage" if field == "relevance" else field]
    if isinstance(value, dict):
        value = value["name"]
    if isinstance(value, int):
        return value
    text = str(value or "")
    return (parse(text) or 0) if field.endswith("_datetime") else text
