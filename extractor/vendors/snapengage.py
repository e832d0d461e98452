"""SnapEngage (TeamSupport Messaging & Live Chat): chats and offline messages with their transcripts, widget by widget.

Paths, credentials and fields are those of the vendor's developer pages as read in 2026, most of them written between
2013 and 2019; the limit (10 requests a second) and the form of dates are what tools that run against it say. The log
of one widget is followed by links, 100 cases a page; a request for several widgets is cut off there without a word.
Everything else is a look-up of one object, the state of a chat that goes on, or a write.

Where the seed document differs: the log takes the API token and not `x-api-key`, and needs days; `widgets` and
`users` are look-ups and no lists; `start_chat` opens a real chat with an agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache

from extractor.model import Api, Configured, Endpoint, Listing, Records, Setting, StatedSecond, Vendor, Windows
from extractor.paginate import by_link
from extractor.reshape import through, with_key
from extractor.vendors import _snapengage_columns as columns

# ── what is odd about this vendor ───────────────────────────────────────────────────────────


def _days(start: date, end: date) -> tuple[tuple[str, str], ...]:
    # Whether the day `end` belongs to a window is in no document. With the day after the last one nothing is lost
    # either way; what comes of that day itself belongs to the next window, and `_case` leaves it out.
    return ("start", start.isoformat()), ("end", end.isoformat()), ("timezone", "Etc/UTC")


def _case(record: object, listing: Listing) -> Mapping[str, object] | None:
    if not isinstance(record, Mapping):
        return None
    case = dict(record)
    if "transcript" in case:  # as older samples call it
        case.setdefault("transcripts", case.pop("transcript"))
    if isinstance(spelled := case.get("created_at_date"), str):
        case["created_at_date"] = _instant(spelled)
    created = case.get("created_at_milliseconds", case.get("created_at_date"))
    return None if isinstance(created, int) and created >= _end(listing.key) else case


def _reseller(settings: Mapping[str, str], _: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    return (("api_key", settings["provisioning_api_key"]),)


def _of_an_account(settings: Mapping[str, str], lists: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    # A widget is shown to a user of its account only, whose address is a parameter, too.
    return (*_reseller(settings, lists), ("email", lists["emails"][0]))


@lru_cache(maxsize=64)
def _end(key: str) -> int:
    """When the window of a listing's key ends, in milliseconds since 1970."""
    day = key.partition(" ")[0].partition("/")[2]
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def _instant(text: str) -> object:
    # `Oct 3, 2014 2:14:31 PM` is GMT and does not say so; anything else is for the column to judge.
    try:
        return int(datetime.strptime(text, "%b %d, %Y %I:%M:%S %p").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return text


# ── endpoints ───────────────────────────────────────────────────────────────────────────────

_HOST = "https://www.snapengage.com"
_OBJECT = Records(shape="object")
_OPENING = (
    *("widgetId", "email", "phone", "userAgent"),
    *("locale", "isOffline", "appVersionName", "visitorMessage"),
)
_WIDGETS = (Configured(setting="widget_ids"),)

VENDOR = Vendor(
    name="snapengage",
    title="SnapEngage: chats and offline messages with transcripts (Logs API v2)",
    base_url=_HOST,
    settings=(
        Setting(name="api_key", help="API token of the account's owner: Dashboard, My Account, API", secret=True),
        Setting(name="org_id", help="organisation id, shown with the API token"),
        Setting(name="widget_ids", help="ids of the widgets, from the embed code or the dashboard", many=True),
        Setting(name="x_api_key", help="key of the Visitor Chat API, from support", secret=True, required=False),
        Setting(name="provisioning_api_key", help="key of the Provisioning API", secret=True, required=False),
        Setting(
            name="emails",
            help="users to look up; the first one must be of the account that has the widgets",
            required=False,
            many=True,
        ),
    ),
    account="org_id",
    # The raw token: a scheme word before it is refused.
    headers=lambda settings: {"Authorization": settings["api_key"]},
    apis={
        "chat": Api(
            base_url=_HOST,
            setting="base_url",
            headers=lambda settings: {"x-api-key": settings.get("x_api_key", "")},
        ),
        "provisioning": Api(base_url=_HOST, setting="base_url", headers=lambda _: {}, query=_reseller),
        "widgets": Api(base_url=_HOST, setting="base_url", headers=lambda _: {}, query=_of_an_account),
        "public": Api(base_url=_HOST, setting="base_url", headers=lambda _: {}),
    },
    budgets={"requests": StatedSecond(limit=10)},
    ids={"id": ("chat_poll", "visitor_typing")},
    endpoints=(
        Endpoint(
            name="logs",
            path="/api/v2/{org_id}/logs",
            key_param="widgetId",
            records=Records(at="cases"),
            row=through(with_key("widget_id"), _case),
            parents=_WIDGETS,
            paginate=by_link("linkToNextSetOfResults"),
            # One request for a whole year tells whether there is anything in it. A widget may have rested for a while.
            windows=Windows(days=365, params=_days, pieces=28, empty=3),
            columns=columns.LOG,
            timeout=120,
        ),
        Endpoint(
            name="chat_availability",
            path="/api/v1/chat/{key}",
            api="chat",
            key=("widgetId",),
            records=_OBJECT,
            row=with_key("widgetId"),
            parents=_WIDGETS,
            columns=columns.WIDGET_STATUS,
            default=False,
            note="whether somebody answers at this moment",
            needs=("x_api_key",),
            gone=(404,),
        ),
        Endpoint(
            name="widget_status",
            path="/public/api/v2/chat/{key}",
            api="public",
            key=("widgetId",),
            records=Records(shape="object", at="data"),
            row=with_key("widgetId"),
            parents=_WIDGETS,
            columns=columns.WIDGET_STATUS,
            default=False,
            note="whether somebody answers at this moment, as everybody may see it",
            gone=(404,),
        ),
        Endpoint(
            name="widgets",
            path="/api/v1/widget.json",
            api="widgets",
            key_param="uuid",
            key=("uuid",),
            records=_OBJECT,
            row=with_key("uuid"),
            parents=_WIDGETS,
            columns=columns.WIDGET,
            default=False,
            note="looked up one by one: there is no list",
            needs=("provisioning_api_key", "emails"),
            gone=(404,),
        ),
        Endpoint(
            name="users",
            path="/api/v1/user.json",
            api="provisioning",
            key_param="email",
            key=("email",),
            records=_OBJECT,
            row=with_key("email"),
            parents=(Configured(setting="emails"),),
            columns=columns.USER,
            default=False,
            note="looked up one by one: there is no list",
            needs=("provisioning_api_key", "emails"),
            gone=(404,),
        ),
        Endpoint(
            name="chat_poll",
            path="/api/v1/chat/poll/{key}",
            api="chat",
            key=("caseId", "index"),
            records=Records(at="messageList"),
            row=with_key("caseId"),
            columns=columns.CHAT_MESSAGE,
            default=False,
            note="messages of a chat that goes on, for --ids with a column `id` of cases",
            needs=("x_api_key",),
            gone=(404,),
        ),
        Endpoint(
            name="visitor_typing",
            path="/public/api/v2/chat/{widget_id}/{key}/visitorTyping",
            api="public",
            key=("case_id",),
            records=Records(shape="object", at="data"),
            row=with_key("case_id"),
            columns=columns.VISITOR_TYPING,
            default=False,
            note="at this moment, for --ids with the columns `id` of the case and `widget_id`",
            gone=(404,),
        ),
        Endpoint(
            name="start_chat",
            path="/api/v1/chat",
            api="chat",
            method="POST",
            key=("caseId",),
            records=_OBJECT,
            columns=columns.STARTED_CHAT,
            default=False,
            note="opens a real chat with an agent",
            needs=("x_api_key",),
            writes=True,
            given=_OPENING,
        ),
    ),
)
