"""Paths of the lists that page by cursors."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from extractor.sandbox.gorgias.cursors import Cursors
from extractor.sandbox.gorgias.errors import invalid, missing
from extractor.sandbox.gorgias.filters import Filters
from extractor.sandbox.gorgias.ids import Kind
from extractor.sandbox.gorgias.knobs import Knobs
from extractor.sandbox.gorgias.pages import Page, Position, turn
from extractor.sandbox.gorgias.parameters import Asked, strict
from extractor.sandbox.gorgias.shelves import Shelf
from extractor.sandbox.gorgias.tables import Tables
from extractor.sandbox.gorgias.views import ITEM_ORDERS, Views
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["LISTS", "ListRoutes", "Listing"]

PAGING = ("cursor", "limit")
CREATED = "created_datetime"
DIRECTIONS = ("asc", "desc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One list.

    Attributes:
        orders: fields that `order_by` takes, in either direction; none: there is no such parameter.
        fixed: further values that `order_by` takes, whole.
        default: order if none is asked for.
        rows: on a page if no limit is given.
        filters: parameters besides those for paging; a name that ends with "[]" may repeat.
    """

    table: str
    path: str
    orders: tuple[str, ...] = (CREATED,)
    fixed: tuple[str, ...] = ()
    default: str = f"{CREATED}:desc"
    rows: int = 30
    filters: tuple[str, ...] = ()

    def known(self) -> frozenset[str]:
        """All parameters."""
        return frozenset({*PAGING, *self.filters, *(("order_by",) if self.orders else ())})

    def order(self, text: str | None) -> tuple[str, bool]:
        """The field that the order goes by, and whether it descends.

        Raises:
            Answered: 400, the list has no such order.
        """
        text = self.default if text is None else text
        if text in self.fixed:
            return ",".join(part.partition(":")[0] for part in text.split(",")), True
        field, _, direction = text.partition(":")
        if field not in (self.orders or (CREATED,)) or direction not in DIRECTIONS:
            raise invalid("order_by", f"Must be one of: {', '.join(self.orders)}, with :asc or :desc.")
        return field, direction == "desc"


LISTS = (
    Listing(
        table="users",
        path="/users",
        orders=(CREATED, "name", "email", "role"),
        filters=("email", "external_id", "roles[]", "search", "available_first"),
    ),
    Listing(
        table="customers",
        path="/customers",
        orders=(CREATED, "updated_datetime"),
        filters=(
            *("email", "external_id", "name", "language", "timezone"),
            *("view_id", "channel_type", "channel_address"),
        ),
    ),
    Listing(
        table="tickets",
        path="/tickets",
        orders=(CREATED, "updated_datetime"),
        filters=("customer_id", "external_id", "view_id", "rule_id", "ticket_ids[]", "trashed"),
    ),
    Listing(table="messages", path="/messages", filters=("ticket_id",)),
    Listing(
        table="macros",
        path="/macros",
        orders=("name", CREATED, "updated_datetime", "usage", "relevance", "language"),
        default="usage:desc",
        filters=("search", "tags[]", "languages[]", "archived", "ticket_id", "message_id"),
    ),
    Listing(
        table="tags",
        path="/tags",
        orders=(CREATED, "name"),
        fixed=("usage:desc,name:desc",),
        filters=("search",),
    ),
    Listing(table="satisfaction_surveys", path="/satisfaction-surveys"),
    Listing(table="views", path="/views"),
    Listing(table="rules", path="/rules", rows=100),
    Listing(table="teams", path="/teams", orders=(CREATED, "name")),
    Listing(table="integrations", path="/integrations", filters=("type",)),
    Listing(table="jobs", path="/jobs", filters=("status", "type")),
    Listing(table="widgets", path="/widgets"),
    Listing(
        table="custom_fields",
        path="/custom-fields",
        orders=("priority",),
        default="priority:desc",
        filters=("object_type", "archived", "search"),
    ),
    Listing(
        table="events",
        path="/events",
        filters=(
            *("object_type", "object_id", "user_ids[]", "types[]"),
            *(f"{CREATED}[{edge}]" for edge in ("gt", "gte", "lt", "lte")),
        ),
    ),
    Listing(table="voice_calls", path="/phone/voice-calls", orders=(), filters=("ticket_id",)),
    Listing(table="voice_call_events", path="/phone/voice-call-events", orders=(), filters=("call_id",)),
    Listing(table="voice_call_recordings", path="/phone/voice-call-recordings", orders=(), filters=("call_id",)),
)
ITEMS = Listing(
    table="view_items",
    path="/views/{}/items",
    orders=ITEM_ORDERS,
    default="updated_datetime:desc",
    filters=("direction", "ignored_item"),
)


class ListRoutes:
    """Answers lists."""

    def __init__(self, tables: Tables, views: Views, knobs: Knobs, *, other_origin: str) -> None:
        self._tables = tables
        self._views = views
        self._knobs = knobs
        self._other_origin = other_origin
        self._cursors = Cursors(knobs)
        self._filters = Filters(tables, views)

    def routes(self) -> list[Route]:
        """All of them."""
        lists = [self._route(listing) for listing in LISTS]
        items = strict(ITEMS.known(), self._items)
        return [*lists, Route(name=ITEMS.table, path=ITEMS.path, query=None, answer=items)]

    def _route(self, listing: Listing) -> Route:
        select = self._filters.of(listing.table)

        async def answer(call: Call, asked: Asked) -> Reply:
            field, descending = listing.order(asked.one("order_by") if listing.orders else None)
            if field == "relevance" and asked.one("ticket_id") is None:
                raise invalid("order_by", "relevance needs a ticket_id.")
            shelf = select(asked, self._tables.shelf(listing.table, field))
            return await self._by_cursor(call, asked, shelf, descending=descending, rows=listing.rows)

        return Route(name=listing.table, path=listing.path, query=None, answer=strict(listing.known(), answer))

    async def _by_cursor(self, call: Call, asked: Asked, shelf: Shelf, *, descending: bool, rows: int) -> Reply:
        cursor = self._cursors.read(asked.one("cursor"), call.now)
        page = await _turn(shelf, descending=descending, position=cursor.position, limit=asked.limit(rows))
        meta = {
            "prev_cursor": self._cursors.write(page.previous, cursor.page + 1, call.now),
            "next_cursor": self._cursors.following(page.following, cursor, call.now),
        }
        return _envelope(call, shelf, page, meta)

    async def _items(self, call: Call, asked: Asked) -> Reply:
        view = self._tables.ids.read(Kind.VIEW, call.args[0])
        if view is None or not self._views.there(view):
            raise missing()
        field, descending = ITEMS.order(asked.one("order_by"))
        shelf = self._views.shelf(view, field)
        if self._knobs.view_items_cursor:
            return await self._by_cursor(call, asked, shelf, descending=descending, rows=ITEMS.rows)
        position = self._views.position(asked)
        page = await _turn(shelf, descending=descending, position=position, limit=asked.limit(ITEMS.rows))
        query = {name: value for name in ("limit", "order_by") if (value := asked.one(name)) is not None}
        following = self._views.address(call.path, page.following, query)
        if following is not None and self._knobs.foreign_next:
            following = self._other_origin + following
        meta = {"prev_items": self._views.address(call.path, page.previous, query), "next_items": following}
        return _envelope(call, shelf, page, meta)


async def _turn(shelf: Shelf, *, descending: bool, position: Position | None, limit: int) -> Page:
    try:
        return await turn(shelf, descending=descending, position=position, limit=limit)
    except TypeError:
        raise invalid("cursor", "Not a cursor of this order.") from None


def _envelope(call: Call, shelf: Shelf, page: Page, meta: dict[str, str | None]) -> Reply:
    query = f"?{urlencode(call.query, quote_via=quote)}" if call.query else ""
    data = [shelf.row(number) for _, number in page.entries]
    return json_reply({"object": "list", "uri": call.path + query, "data": data, "meta": meta})
