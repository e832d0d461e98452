"""Gorgias, REST API: tickets, messages and customers of a helpdesk, its people, its automation, its calls.

Paths, parameters, orders and limits are those of the vendor's reference as read in 2026, with the rows that public
clients recorded where it is silent. An account has 2 requests a second, whoever sends them, of 100 rows each, and
no list but that of events can be asked for a time: everything else is one chain of cursors, the oldest row first,
because new rows then come at its end. Cursors expire; a chain whose cursor did goes on from its other end.

Where the seed document differs, the vendor's own wins: `/api` stands in the address once and not in each path,
the key is sent together with its user's e-mail address, and the next page is `meta.next_cursor`, sent as `cursor`.
Lists are always below `data`; only a customer's custom fields come as a bare array, too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import date
from functools import partial

from extractor.errors import SettingsError
from extractor.model import Bucket, Children, Endpoint, Listing, Records, Response, Setting, Vendor, Windows
from extractor.paginate import by_cursor, by_link_or_cursor, field_of
from extractor.reshape import through, with_key
from extractor.vendors import _gorgias_columns as columns

# ── what is odd about this vendor ───────────────────────────────────────────────────────────


def _authorization(settings: Mapping[str, str]) -> dict[str, str]:
    if token := settings.get("access_token"):
        return {"Authorization": f"Bearer {token}"}
    username, key = settings.get("username", ""), settings.get("api_key", "")
    if username and key:
        key = base64.b64encode(f"{username}:{key}".encode()).decode()
    elif not _is_pair(key):
        raise SettingsError(
            "gorgias needs username (the user's e-mail address) and api_key, or access_token (OAuth2), in "
            "[sources.gorgias_source] in .dlt/secrets.toml."
        )
    return {"Authorization": f"Basic {key}"}


def _is_pair(key: str) -> bool:
    # Some copy the key as the header has it: the base64 of `e-mail:key`.
    try:
        user, _, secret = base64.b64decode(key, validate=True).decode().partition(":")
    except ValueError:
        return False
    return "@" in user and bool(secret)


def _merged_into(response: Response) -> str | None:
    # The body is not documented; `Location` leads to the same path of the ticket that is left.
    found = re.match(r"[^?#]*/tickets/([0-9]+)(?:[/?#]|$)", response.headers.get("location", ""))
    return found[1] if found else None


def _with_field_id(record: object, _: Listing) -> Mapping[str, object] | None:
    # The id that makes the key stands in the field's own record.
    return {"field_id": field_of(record, "field.id"), **record} if isinstance(record, Mapping) else None


def _span(start: date, end: date) -> tuple[tuple[str, str], ...]:
    return (("created_datetime[gte]", f"{start}T00:00:00Z"), ("created_datetime[lt]", f"{end}T00:00:00Z"))


# ── endpoints ───────────────────────────────────────────────────────────────────────────────

_ONE = Records(shape="object")
_DATA = Records(at="data")
_FULL = ("limit", "100")
# Of the orders there are, only this one keeps every row in its place while rows come and change.
_OLDEST_FIRST = (_FULL, ("order_by", "created_datetime:asc"))
_NEWEST_FIRST = (("order_by", "created_datetime:desc"),)
_BY_PRIORITY = (_FULL, ("order_by", "priority:desc"))

_list = partial(
    Endpoint,
    params=_OLDEST_FIRST,
    records=_DATA,
    paginate=by_cursor(watermark="created_datetime", newest_first=_NEWEST_FIRST),
)
# Without an order by time: when its cursor expires, such a list begins again.
_untimed_list = partial(Endpoint, records=_DATA, paginate=by_cursor())
_by_id = partial(Endpoint, gone=(404,), default=False)
# All have the same parents: what is known of one ticket that was merged holds for its other routes.
_of_ticket = partial(_by_id, parents=(Children(endpoint="tickets", key="id"),), moved=(301,), moved_to=_merged_into)
_of_customer = partial(_by_id, parents=(Children(endpoint="customers", key="id"),))

VENDOR = Vendor(
    name="gorgias",
    title="Gorgias: tickets, messages, customers, events and calls (REST API)",
    base_url="https://{domain}.gorgias.com/api",
    settings=(
        Setting(name="domain", help="the first part of your Gorgias host name, https://DOMAIN.gorgias.com"),
        Setting(name="username", help="e-mail address of the Gorgias user who owns the API key", required=False),
        Setting(
            name="api_key", help="the API key; without username the base64 of E-MAIL:KEY", secret=True, required=False
        ),
        Setting(name="access_token", help="OAuth2 token instead of an API key", secret=True, required=False),
    ),
    account="domain",
    headers=_authorization,
    # An OAuth2 app has 80, which the header says; an Enterprise account drains twice as fast, which nothing says.
    budgets={"requests": Bucket(size=40, per_second=2, used_header="x-gorgias-account-api-call-limit")},
    beginning={"account": "created_datetime"},
    endpoints=(
        Endpoint(name="account", path="/account", key=("domain",), records=_ONE, columns=columns.ACCOUNT),
        Endpoint(name="account_settings", path="/account/settings", records=_DATA, columns=columns.SETTING),
        _list(name="users", path="/users", columns=columns.USER),
        _list(name="teams", path="/teams", columns=columns.TEAM),
        _list(name="tags", path="/tags", columns=columns.TAG),
        # Two routes to one table have names of their own, so that `--only macros` means the table, and both.
        _list(
            name="macros_active",
            path="/macros",
            table="macros",
            params=(*_OLDEST_FIRST, ("archived", "false")),
            columns=columns.MACRO,
        ),
        _list(
            name="macros_archived",
            path="/macros",
            table="macros",
            params=(*_OLDEST_FIRST, ("archived", "true")),
            columns=columns.MACRO,
        ),
        _untimed_list(
            name="custom_fields_ticket",
            path="/custom-fields",
            table="custom_fields",
            params=(*_BY_PRIORITY, ("object_type", "Ticket")),
            columns=columns.CUSTOM_FIELD,
        ),
        _untimed_list(
            name="custom_fields_customer",
            path="/custom-fields",
            table="custom_fields",
            params=(*_BY_PRIORITY, ("object_type", "Customer")),
            columns=columns.CUSTOM_FIELD,
        ),
        _list(name="views", path="/views", columns=columns.VIEW),
        _list(name="rules", path="/rules", columns=columns.RULE),
        _list(name="integrations", path="/integrations", columns=columns.INTEGRATION),
        _list(name="jobs", path="/jobs", columns=columns.JOB),
        _list(name="widgets", path="/widgets", columns=columns.WIDGET),
        _list(name="satisfaction_surveys", path="/satisfaction-surveys", columns=columns.SURVEY),
        _list(name="customers", path="/customers", columns=columns.CUSTOMER),
        _list(name="tickets", path="/tickets", columns=columns.TICKET),
        _list(name="messages", path="/messages", columns=columns.MESSAGE),
        # The only list that takes a time. One chain would do at 2 requests a second; but years side by side keep the
        # budget in use when few other chains are left and answers are slow, and spare what `--since` does not want.
        _list(
            name="events",
            path="/events",
            windows=Windows(days=365, params=_span, begin="beginning"),
            columns=columns.EVENT,
        ),
        _untimed_list(name="voice_calls", path="/phone/voice-calls", params=(_FULL,), columns=columns.VOICE_CALL),
        _untimed_list(
            name="voice_call_events",
            path="/phone/voice-call-events",
            params=(_FULL,),
            columns=columns.VOICE_CALL_EVENT,
        ),
        _untimed_list(
            name="voice_call_recordings",
            path="/phone/voice-call-recordings",
            params=(_FULL,),
            columns=columns.VOICE_CALL_RECORDING,
        ),
        _by_id(
            name="user",
            path="/users/{key}",
            records=_ONE,
            parents=(Children(endpoint="users", key="id"),),
            columns=columns.USER,
            note="one request a user; the list has the same fields",
        ),
        _by_id(
            name="macro",
            path="/macros/{key}",
            records=_ONE,
            parents=(Children(endpoint="macros_active", key="id"), Children(endpoint="macros_archived", key="id")),
            columns=columns.MACRO,
            note="one request a macro; the list has the same fields",
        ),
        _of_customer(
            name="customer",
            path="/customers/{key}",
            records=_ONE,
            columns=columns.CUSTOMER_DETAIL,
            note="one request a customer; it adds channels and what integrations know",
        ),
        _of_customer(
            name="customer_custom_fields",
            path="/customers/{key}/custom-fields",
            key=("customer_id", "field_id"),
            records=_DATA,
            row=through(with_key("customer_id"), _with_field_id),
            columns=columns.CUSTOMER_CUSTOM_FIELD,
            note="one request a customer; `customers.custom_fields` has the values",
        ),
        _of_ticket(
            name="ticket",
            path="/tickets/{key}",
            records=_ONE,
            columns=columns.TICKET_DETAIL,
            note="one request a ticket; the lists of tickets, messages and surveys have nearly all of it",
        ),
        _of_ticket(
            name="ticket_tags",
            path="/tickets/{key}/tags",
            key=("ticket_id", "id"),
            records=_DATA,
            row=with_key("ticket_id"),
            columns=columns.TICKET_TAG,
            note="one request a ticket; `tickets` has its tags",
        ),
        _of_ticket(
            name="ticket_custom_fields",
            path="/tickets/{key}/custom-fields",
            key=("ticket_id", "field_id"),
            records=_DATA,
            row=through(with_key("ticket_id"), _with_field_id),
            columns=columns.TICKET_CUSTOM_FIELD,
            note="one request a ticket; newer rows of `tickets` have the values in `custom_fields`",
        ),
        _by_id(
            name="view_items",
            path="/views/{key}/items",
            key=("view_id", "id"),
            params=_OLDEST_FIRST,
            records=_DATA,
            row=with_key("view_id"),
            parents=(Children(endpoint="views", key="id"),),
            # Views lead on by addresses; some clients take the cursors of the other lists here, too.
            paginate=by_link_or_cursor("meta.next_items", "meta.next_cursor", "cursor"),
            columns=columns.VIEW_ITEM,
            note="whole tickets once more, under each view that shows them",
        ),
    ),
)
