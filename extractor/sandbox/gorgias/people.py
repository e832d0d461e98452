"""Customers and their custom fields as JSON."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.catalog import CUSTOMER_FIELDS, TICKET_FIELDS, Catalog, Record
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.population import Part
from extractor.sandbox.gorgias.stamps import Stamps
from extractor.sandbox.gorgias.texts import FIRST_NAMES, LAST_NAMES
from extractor.sandbox.gorgias.tickets import Tickets

__all__ = ["People"]


def _drawn_value(dice: Dice, kind: str) -> object:
    """A value of a custom field."""
    values: dict[str, object] = {
        "text": dice.pick(("Shipping::Late", "Shipping::Lost", "")),
        "number": dice.pick((0, 7, 2.5)),
        "boolean": dice.one_in(2),
        "list": ["Shipping::Late", "Größe"][: dice.below(3)],
    }
    return values[kind]


class People:
    """Makes customers from their numbers."""

    def __init__(self, tickets: Tickets, ids: Ids, catalog: Catalog, stamps: Stamps) -> None:
        self._tickets = tickets
        self._population = tickets.population
        self._ids = ids
        self._catalog = catalog
        self._stamps = stamps

    def listed(self, customer: int) -> bool:
        """Is a customer in the list?"""
        return self._tickets.customer_exists(customer) and self._population.part(customer) is not Part.GONE

    def there(self, customer: int) -> bool:
        """Can a customer be asked for?"""
        return self.listed(customer) and self._population.part(customer) is not Part.LEAVING

    def digest(self, customer: int) -> Record:
        """A customer as tickets and messages show it."""
        dice = Dice(self._population.key, Kind.CUSTOMER, customer)
        first, last = dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES)
        meta: Record = {"name_set_via": dice.pick(("email", "shopify"))}
        if dice.one_in(4):
            meta["location_info"] = {"country_code": "FR", "city": "Besançon"}
        if not self._population.plain and dice.one_in(6):
            meta[f"shop_{customer % 1_000}"] = {"tags": ["vip"]}
        return {
            "id": self._ids.write(Kind.CUSTOMER, customer),
            "email": self._email(customer),
            "name": f"{first} {last}",
            "firstname": first,
            "lastname": last,
            "meta": meta,
        }

    def row(self, customer: int) -> Record:
        """A customer as the list shows it."""
        dice = Dice(self._population.key, Kind.CUSTOMER, customer, 1)
        digest = self.digest(customer)
        data: Record = {"orders": dice.below(9)} if dice.one_in(2) else {}
        row: Record = {
            "id": digest["id"],
            "external_id": f"shop-{customer}" if customer % 3 == 0 else None,
            "active": True,
            **{name: digest[name] for name in ("email", "name", "firstname", "lastname")},
            "language": dice.pick(("en", "fr", None)),
            "timezone": dice.pick(("UTC", "Europe/Paris")),
            "created_datetime": self._stamps(self._tickets.customer_created(customer)),
            "updated_datetime": self._stamps(self._tickets.customer_updated(customer)),
            "meta": digest["meta"],
            "data": data,
            "note": dice.pick((None, "", "prefers “e-mail”\nnever call")),
            "custom_fields": {
                str(field["id"]): {"id": field["id"], "value": value} for field, value in self.customer_values(customer)
            },
        }
        if not self._population.plain:
            if dice.one_in(3):
                data[f"key {customer % 5_000}"] = str(customer)
            if dice.one_in(7):
                row["loyalty"] = {"tier": "gold"}  # no document names it
        return row

    def detail(self, customer: int) -> Record:
        """A customer as its own path shows it."""
        return self.row(customer) | {
            "channels": self.channels(customer),
            "integrations": {
                str(self._ids.write(Kind.INTEGRATION, 2)): {
                    "__integration_type__": "shopify",
                    "orders": [{"id": customer}],
                }
            },
            "external_data": {},
            "ecommerce_data": None,
        }

    def channels(self, customer: int) -> list[Record]:
        """The addresses of a customer."""
        made = self._stamps(self._tickets.customer_created(customer))
        addresses = [("email", self._email(customer)), ("phone", f"+1555{customer:07d}" if customer % 2 else None)]
        return [
            {
                "id": self._ids.write(Kind.CHANNEL, 2 * customer + n),
                "type": kind,
                "address": address,
                "preferred": n == 0,
                "created_datetime": made,
                "updated_datetime": made,
                "deleted_datetime": None,
                "user": {"id": self._ids.write(Kind.CUSTOMER, customer)},
                "customer": {"id": self._ids.write(Kind.CUSTOMER, customer)},
            }
            for n, (kind, address) in enumerate(addresses)
            if address is not None
        ]

    def custom_fields(self, customer: int) -> list[Record]:
        """The custom fields of a customer with their values."""
        return [{"field": field, "value": value} for field, value in self.customer_values(customer)]

    def ticket_values(self, ticket: int) -> list[tuple[Record, object]]:
        """The custom fields of a ticket with their values."""
        return self._drawn(Dice(self._population.key, Kind.TICKET, ticket, 7), "Ticket", TICKET_FIELDS)

    def customer_values(self, customer: int) -> list[tuple[Record, object]]:
        """The custom fields of a customer with their values."""
        return self._drawn(Dice(self._population.key, Kind.CUSTOMER, customer, 7), "Customer", CUSTOMER_FIELDS)

    def _drawn(self, dice: Dice, object_type: str, kinds: tuple[str, ...]) -> list[tuple[Record, object]]:
        return [
            (self._catalog.field_of(object_type, n), _drawn_value(dice, kind))
            for n, kind in enumerate(kinds)
            if dice.one_in(2)
        ]

    @staticmethod
    def _email(customer: int) -> str | None:
        return None if customer % 8 == 6 else f"c{customer}@example.org"
