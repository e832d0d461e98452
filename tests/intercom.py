"""Intercom, written from memory of its public REST API 2.11 to see how long a new vendor takes; nobody loads from it.

Contacts and conversations are lists with a cursor; what was said stands in the single conversation. 10,000 requests a
minute are allowed to an app, in slices of ten seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

from extractor.model import Bucket, Children, ColumnType, Endpoint, Records, Setting, Vendor
from extractor.paginate import by_cursor
from extractor.vendors._columns import columns

CONTACT: dict[str, ColumnType] = columns(
    text="id external_id workspace_id role email phone name",
    unix="created_at updated_at signed_up_at last_seen_at",
    bool="has_hard_bounced unsubscribed_from_emails",
    json="custom_attributes location",
)
CONVERSATION: dict[str, ColumnType] = columns(
    text="id title state priority source.type source.id source.body source.author.id source.author.type",
    unix="created_at updated_at waiting_since snoozed_until",
    bool="open read",
    json="custom_attributes statistics",
)
PARTS: dict[str, ColumnType] = CONVERSATION | columns(
    text="conversation_parts.conversation_parts[].id conversation_parts.conversation_parts[].body",
    unix="conversation_parts.conversation_parts[].created_at",
)


def _bearer(settings: Mapping[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings['access_token']}", "Intercom-Version": "2.11"}


def _list(name: str, at: str, types: Mapping[str, ColumnType] | None = None) -> Endpoint:
    return Endpoint(name=name, path=f"/{name}", records=Records(at=at), columns=types or {})


def _pages(name: str, at: str, types: Mapping[str, ColumnType]) -> Endpoint:
    return Endpoint(
        name=name,
        path=f"/{name}",
        params=(("per_page", "150"),),
        records=Records(at=at),
        paginate=by_cursor("pages.next.starting_after", "starting_after"),
        columns=types,
    )


VENDOR = Vendor(
    name="intercom",
    title="Intercom: contacts and conversations (REST API 2.11)",
    base_url="https://api.intercom.io",
    settings=(Setting(name="access_token", help="Developer Hub, your app, Authentication", secret=True),),
    account="base_url",
    headers=_bearer,
    budgets={"requests": Bucket(size=1_600, per_second=160)},
    endpoints=(
        _list("admins", "admins"),
        _list("teams", "teams"),
        _list("tags", "data"),
        _pages("contacts", "data", CONTACT),
        _pages("conversations", "conversations", CONVERSATION),
        Endpoint(
            name="conversation_details",
            path="/conversations/{key}",
            records=Records(shape="object"),
            parents=(Children(endpoint="conversations", key="id"),),
            columns=PARTS,
            gone=(404,),
        ),
    ),
)
