"""The words of the product as frozen data: vendors and endpoints, requests and answers, listings and pages.

A vendor file builds a `Vendor`; `client` turns a `Listing` of one of its endpoints into `Page`s;
`ledger` keeps both. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import BinaryIO, Literal

__all__ = [
    "Afterwards",
    "Answer",
    "Budget",
    "Call",
    "Cap",
    "Children",
    "ColumnType",
    "Endpoint",
    "Found",
    "Incident",
    "IncidentKind",
    "Listing",
    "Missing",
    "Page",
    "Paginator",
    "Records",
    "Request",
    "Response",
    "RollingWindow",
    "Setting",
    "State",
    "StatedSecond",
    "Vendor",
    "Windows",
]

ColumnType = Literal["text", "bigint", "double", "bool", "timestamp", "date", "json"]
"""dlt's data types. `text` is also right where the vendor mixes types: the gate writes what is no text as JSON."""


# ── requests and answers ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One HTTP request below a vendor's base URL.

    Attributes:
        endpoint: name of the endpoint, for messages and counts.
        path: begins with "/", percent-encoded, without query.
        params: query parameters in order, not yet encoded; a name may repeat.
        json: body to send as JSON, or None.
        budgets: names of the vendor's budgets that this request counts against, each of them.
        accept: turns a 2xx answer into what the endpoint promises or raises `BadBody`,
            which is retried as a server's failure is.
        download: the body goes to an unnamed file instead of memory.
        timeout: seconds for the whole answer, from the first byte sent to the last received.
        timeouts: how many tries may end in a timeout; 1 for requests whose listing can be halved.
    """

    endpoint: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    budgets: tuple[str, ...]
    accept: Callable[[Response], object]
    download: bool = False
    timeout: float = 60.0
    timeouts: int = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """One whole answer.

    Attributes:
        headers: names in lower case; of repeated headers the first.
        body: the bytes, empty if `file` holds them.
        file: the downloaded body at position 0; whoever gets the response closes it.
        content: what `Request.accept` made of it; None unless the status is 2xx.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    file: BinaryIO | None = None
    content: object = None


# ── budgets ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedSecond:
    """So many requests a second for the whole account, stated by headers on every answer.

    Attributes:
        limit: requests a second to believe until a header says otherwise.
        limit_header, remaining_header: names in lower case.
    """

    limit: float
    limit_header: str
    remaining_header: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RollingWindow:
    """At most `limit` requests in any `seconds`, and `at_once` in flight; no headers."""

    limit: int
    seconds: float
    at_once: int


Budget = StatedSecond | RollingWindow


# ── vendors and endpoints ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One key of a vendor's section in dlt's configuration."""

    name: str
    help: str
    secret: bool = False
    required: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Children:
    """Which records of `endpoint` have a listing of the endpoint that names this as a parent.

    Attributes:
        endpoint: the parent endpoint.
        key: dotted path of the field of the parent's record that becomes the child's key, or a
            function of the record that returns keys (none, one or several).
        fields: what the child keeps of the parent's record besides: name -> dotted path.
    """

    endpoint: str
    key: str | Callable[[Mapping[str, object]], tuple[str, ...]]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """How a body becomes records.

    Attributes:
        shape: `list` (an array), `object` (one record), `lines` (JSON lines), `csv` (header and rows).
        needs: for `csv`, header cells without which the body is not this report.
    """

    shape: Literal["list", "object", "lines", "csv"] = "list"
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """An endpoint that is asked for slices of time, each a listing with the key `START/END` (END excluded).

    Attributes:
        days: size of the slices of a fixed grid that begins at 1970-01-01.
        near: rows at which an answer is suspected to be cut off and the window is halved.
        ask: the JSON body for a window of UTC days, the second one excluded.
    """

    days: int
    near: int
    ask: Callable[[date, date], Mapping[str, object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """A list that the vendor cuts off in silence.

    Attributes:
        size: records at most.
        header: answer header (lower case) that says "true" when there were more.
        completed_by: endpoint held as `Missing` that asks for the rest one by one; the list then counts as
            whole if it brought something and every listing of `known_from` was read whole, all history.
        key_field: field of `completed_by`'s listings that holds the capped listing's key.
    """

    size: int
    header: str
    completed_by: str = ""
    known_from: str = ""
    key_field: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Listings by id that wait until all else is done; then those are asked for that `delivered_by` did not bring."""

    delivered_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Afterwards:
    """Listings that wait until all else is done, and then learn which listings of `truncated` were cut off.

    The keys reach them as the field `truncated`, a JSON list.
    """

    truncated: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What a paginator asks for: the endpoint's request with these parameters in addition.

    Attributes:
        cursor: with which a later run can start here; None if the listing must then start again.
    """

    params: tuple[tuple[str, str], ...] = ()
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a paginator is told of each answer: its records, and whether the vendor says that it was cut off."""

    records: list[dict[str, object]]
    limited: bool


Paginator = Callable[[str | None], Generator[Call, Answer, bool]]
"""Given the cursor to start at, yields calls, is sent their answers, returns whether the list stayed cut off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One path whose records go to one table.

    Attributes:
        name: also what `--only` takes.
        path: below the base URL; `{key}` is filled from the listing as one segment.
        table: table name if it is not `name`.
        aliases: further names that `--only` and `--also` take for it.
        params: of every request, or a function of the listing.
        key: fields that make the primary key; empty for `_extractor_key`.
        keep: which records are loaded, given the record and the listing's fields; all if None.
        parents: where its listings come from; without any it has one listing with the key '', or its
            windows, or what `Vendor.ids` sends to it.
        paginate: how its further requests follow from its answers; one request if None.
        cap: where the vendor cuts its lists off in silence.
        held: its listings wait until all else is done.
        gone, moved: statuses that say so; `moved_to` reads the new key from the answer.
        columns: declared types, by dotted path of the record's fields (`content.recordingDuration`,
            `emails[].primary`).
        default: loaded by a plain backfill; `note` says why not, or what it needs.
        ids_only: read for the keys of its children, never loaded, no name for `--only`.
        budgets: every request counts against each of them; the narrowest last, a 429 is put down to it.
        download: bodies may be large and pass through a file.
        timeout: seconds for one whole answer.
    """

    name: str
    path: str
    table: str = ""
    aliases: tuple[str, ...] = ()
    method: str = "GET"
    params: tuple[tuple[str, str], ...] | Callable[[Listing], tuple[tuple[str, str], ...]] = ()
    key: tuple[str, ...] = ("id",)
    records: Records = Records()
    keep: Callable[[Mapping[str, object], Mapping[str, str]], bool] | None = None
    parents: tuple[Children, ...] = ()
    paginate: Paginator | None = None
    windows: Windows | None = None
    cap: Cap | None = None
    held: Missing | Afterwards | None = None
    gone: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    moved_to: Callable[[Response], str | None] | None = None
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    default: bool = True
    note: str = ""
    ids_only: bool = False
    budgets: tuple[str, ...] = ("requests",)
    download: bool = False
    timeout: float = 60.0

    @property
    def destination_table(self) -> str:
        """Name of the table its records go to."""
        return self.table or self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """A company's API.

    Attributes:
        title: one line for `vendors`.
        base_url: with `{setting}` placeholders; the setting `base_url` replaces it whole.
        account: setting whose value tells accounts apart.
        headers: credentials for every request, from the settings.
        budgets: by the names that endpoints use.
        endpoints: roots first, deeper ones after their parents; the engine works the other way round.
            The first is the cheapest and is asked for alone, before anything else.
        ids: for `--ids`: column of the file -> endpoints that get a listing with each of its values as key.
    """

    name: str
    title: str
    base_url: str
    settings: tuple[Setting, ...]
    account: str
    headers: Callable[[Mapping[str, str]], Mapping[str, str]]
    budgets: Mapping[str, Budget]
    endpoints: tuple[Endpoint, ...]
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# ── listings and pages ──────────────────────────────────────────────────────────────────────


class State(StrEnum):
    """Where a listing stands. `HELD` never leaves the ledger: outside it reads `pending`."""

    HELD = "held"
    PENDING = "pending"
    OPEN = "open"
    COMMITTED = "committed"
    GONE = "gone"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """No request will be made for it any more."""
        return self in (State.COMMITTED, State.GONE, State.FAILED)


class IncidentKind(StrEnum):
    """What a user must know. `GONE` and `MOVED` alone leave a run complete."""

    TRUNCATED = "truncated"
    GONE = "gone"
    MOVED = "moved"
    REFUSED = "refused"
    MALFORMED = "malformed"
    FAILED = "failed"
    QUOTA = "quota"


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One thing that the vendor hid, cut off, moved or refused.

    Attributes:
        key: the listing's key, or the record's where one record is meant.
        path: of the request, without query.
        detail: redacted, at most 1,000 characters.
        record: the bytes kept out of the table, as text or base64, at most 1 MB.
        gap: something is missing from a table because of it (exit code 3).
    """

    kind: IncidentKind
    endpoint: str
    key: str
    status: int | None = None
    path: str = ""
    detail: str = ""
    record: str | None = None
    attempts: int = 1
    gap: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The unit of work: all pages of one endpoint under one key or one window.

    Attributes:
        id: number in the ledger.
        parent: key of the listing whose page named it first, None for a root.
        fields: what its requests need besides the key.
        cursor: where its next page starts, None at the beginning.
    """

    id: int
    endpoint: str
    key: str
    parent: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A listing that a page names; known ones are not added again.

    Attributes:
        state: `PENDING` to have it fetched, `HELD` to have it wait, `COMMITTED` for a held one whose
            record has been delivered by another route (it need not exist yet).
    """

    endpoint: str
    key: str
    parent: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    state: State = State.PENDING


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What one step of a listing brought; recorded in one transaction.

    Attributes:
        state: of the listing after this page: `OPEN` if more follow, else final.
        payload: JSON array, object or lines to load; empty if the endpoint's table isn't loaded.
        records: how many records the payload holds, or would.
        cursor: where the next page starts, if a later run can start there.
        truncated: the list was cut off here and no further request of this listing made up for it.
    """

    listing: Listing
    state: State
    payload: bytes = b""
    records: int = 0
    found: tuple[Found, ...] = ()
    cursor: str | None = None
    truncated: bool = False
    incidents: tuple[Incident, ...] = ()
