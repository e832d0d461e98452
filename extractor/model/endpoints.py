"""A vendor as data: its APIs, endpoints, and what is special about each.

A vendor file builds a `Vendor`; nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from extractor.model.budgets import Budget
from extractor.model.exchange import Exchange, Signer
from extractor.model.listings import Listing
from extractor.model.paging import Paginator
from extractor.model.requests import Response

__all__ = [
    "Afterwards",
    "Api",
    "Cap",
    "Children",
    "ColumnType",
    "Configured",
    "Crowded",
    "Endpoint",
    "Job",
    "Missing",
    "Records",
    "Setting",
    "Vendor",
    "Windows",
]

ColumnType = Literal["text", "bigint", "double", "bool", "timestamp", "date", "json", "unix", "unix_ms"]
"""dlt's data types. `text` is also right where the vendor mixes types: the gate writes what is no text as JSON.

`unix` and `unix_ms` are timestamps that the vendor writes as seconds or milliseconds since 1970, as number or as text.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One key of a vendor's section in dlt's configuration.

    Attributes:
        many: a list of text; JSON in the environment.
    """

    name: str
    help: str
    secret: bool = False
    required: bool = True
    many: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """An API beside a vendor's main one: an address, credentials of its own.

    One without endpoints is for the requests that signers make.

    Attributes:
        base_url: with `{setting}` placeholders; the setting of the name `setting` replaces it whole.
        headers: credentials for every request, from the settings.
        query: credentials that go into the query instead, from the settings and those that are lists. No `Request`
            has them, so that they are never logged.
        signer: adds credentials that are not the same for every request.
    """

    base_url: str
    setting: str
    headers: Callable[[Mapping[str, str]], Mapping[str, str]]
    query: Callable[[Mapping[str, str], Mapping[str, tuple[str, ...]]], tuple[tuple[str, str], ...]] | None = None
    signer: Signer | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Configured:
    """A listing for each value of a setting that is a list."""

    setting: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Children:
    """Which records of `endpoint` have a listing of the endpoint that names this as a parent.

    Attributes:
        endpoint: the parent endpoint.
        key: dotted path of the field of the parent's record that becomes the child's key, or a
            function of the record that returns keys (none, one or several).
        fields: what the child keeps of the parent's record besides: name -> dotted path.
        together: so many keys of one page share a listing, whose key has commas between them.
        oldest_first: dotted path of an instant of the parent's record; the children of a page are named in its order.
    """

    endpoint: str
    key: str | Callable[[Mapping[str, object]], tuple[str, ...]]
    fields: Mapping[str, str] = field(default_factory=dict)
    together: int = 1
    oldest_first: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """How a body becomes records.

    Attributes:
        shape: `list` (an array), `object` (one record), `map` (an object whose values are the records), `lines`
            (JSON lines), `csv` (header and rows), `text` (one record, the body's text, for `Endpoint.row`).
        at: dotted path of what has that shape; a bare array is taken for it, too. A tuple: the first that is there.
        needs: for `csv`, header cells without which the body is not this report.
    """

    shape: Literal["list", "object", "map", "lines", "csv", "text"] = "list"
    at: str | tuple[str, ...] = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """An endpoint that is asked for slices of time, each a listing with the key `START/END` (END excluded).

    With parents or configured values it has such listings for each of them, with the key `START/END ID`.

    Attributes:
        grid: slices of `days` on a grid that begins at 1970-01-01, or calendar quarters.
        days: size of a slice of days.
        near: rows of a downloaded table, or what `counted` says, at which a window is suspected to be cut off and is
            halved; 0: never.
        counted: dotted path in an answer of how many records the window has in all.
        body: the JSON body for a window of UTC days, the second one excluded, and the id in the listing's key.
        params: the query parameters for a window.
        pieces: a slice that its first answer does not hold whole is left and asked for in pieces of so many days,
            side by side; 0: its pages are followed.
        ahead: slices after the one of today that are asked for, too; that they are empty says nothing.
        begin: without `--since`, slices are asked for back in time until so many (`empty`) in a row are empty, or
            all at once from the vendor's `beginning`.
    """

    grid: Literal["days", "quarters"] = "days"
    days: int = 365
    near: int = 0
    counted: str = ""
    body: Callable[[date, date, str], Mapping[str, object]] | None = None
    params: Callable[[date, date], tuple[tuple[str, str], ...]] | None = None
    pieces: int = 0
    ahead: int = 0
    begin: Literal["empty", "beginning"] = "empty"
    empty: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Crowded:
    """A refusal to create a job that is no mistake: too many run, or the quota of jobs is spent.

    Attributes:
        code: dotted path and value in the refusal's body that tell it from others.
        limits: path that is asked then.
        at_once, quota: dotted paths in its answer: jobs that may start now, and jobs that the quota leaves.
        keep: jobs of the quota that are left to the company's other users.
    """

    code: tuple[str, str]
    limits: str
    at_once: str
    quota: str
    keep: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The endpoint's own request only creates a job, which is waited for; its results are the endpoint's answer.

    Attributes:
        id: dotted path of the job's id in the answer to the creating request.
        poll: path with `{job}`, asked until `status` (dotted path in its answer) is none of `waiting`.
        done: statuses of a job that has results; any other one failed.
        results: path with `{job}`; may be that of `poll`.
        cut_off: dotted paths of flags in the answer to `poll` that say that the results lack rows.
        every: seconds between the first two polls; the pauses grow to ten times that.
        crowded: how the vendor refuses when too many jobs run or were made.
        found: to look for a job whose creating answer was lost, so that no second one is made: path of the list of
            jobs, and whether one of it (its JSON object) answers the body that was sent at an instant (Unix seconds).
    """

    id: str
    poll: str
    status: str
    waiting: frozenset[str]
    done: frozenset[str]
    results: str
    cut_off: tuple[str, ...] = ()
    every: float = 1.0
    crowded: Crowded | None = None
    found: tuple[str, Callable[[Mapping[str, object], object, float], bool]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """A list that the vendor cuts off in silence.

    Attributes:
        size: records at most.
        header: answer header (lower case) that says "true" when there were more; '' if none does.
        completed_by: endpoint held as `Missing` that asks for the rest one by one; the list then counts as
            whole if it brought something and every listing of `known_from` was read whole, all history.
        key_field: field of `completed_by`'s listings that holds the capped listing's key.
    """

    size: int
    header: str = ""
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
class Endpoint:
    """One path whose records go to one table.

    Attributes:
        name: also what `--only` takes.
        path: below the base URL; `{key}`, fields of the listing and settings are filled in, each as one segment.
        table: table name if it is not `name`.
        aliases: further names that `--only` and `--also` take for it.
        api: which of the vendor's APIs; '' for the main one.
        params: of every request, or a function of the listing.
        key_param: query parameter that holds the listing's key, without its window.
        key: fields that make the primary key; empty for `_extractor_key`.
        row: makes the record that is loaded of what stands in the answer; None leaves it out. It must not change it.
        beside: endpoint in whose answers its records stand; it has no requests of its own.
        keep: which records are loaded, given the record and the listing's fields; all if None.
        parents: where its listings come from; without any it has one listing with the key '', or its
            windows, or what `Vendor.ids` sends to it.
        job: its answers come from a job.
        exchange: makes its requests and reads their answers instead of all that is said here of either.
        paginate: how its further requests follow from its answers; one request if None.
        cap: where the vendor cuts its lists off in silence.
        held: its listings wait until all else is done.
        answers: statuses besides 2xx whose bodies hold records.
        gone, moved: statuses that say so; `moved_to` reads the new key from the answer.
        closed: dotted path and value in the body of an error, whatever its status, that this listing alone may not be
            read.
        columns: declared types, by dotted path of the record's fields (`content.recordingDuration`,
            `emails[].primary`).
        default: loaded by a plain backfill; `note` says why not, or what it needs.
        needs: settings without which it is not asked for; naming it without them is a mistake.
        writes: its request changes something at the vendor; asked for only with `--allow-writes`, and never twice.
        given: parameters of its request that the user gives with `--param`; the first one must be given.
        ids_only: read for the keys of its children, never loaded, no name for `--only`.
        budgets: every request counts against each of them; the narrowest last, a 429 is put down to it.
        download: bodies may be large and pass through a file.
        timeout: seconds for one whole answer.
    """

    name: str
    path: str
    api: str = ""
    table: str = ""
    aliases: tuple[str, ...] = ()
    method: str = "GET"
    params: tuple[tuple[str, str], ...] | Callable[[Listing], tuple[tuple[str, str], ...]] = ()
    key_param: str = ""
    key: tuple[str, ...] = ("id",)
    records: Records = Records()
    row: Callable[[object, Listing], Mapping[str, object] | None] | None = None
    beside: str = ""
    keep: Callable[[Mapping[str, object], Mapping[str, str]], bool] | None = None
    parents: tuple[Children | Configured, ...] = ()
    job: Job | None = None
    exchange: Callable[[Listing], Exchange] | None = None
    paginate: Paginator | None = None
    windows: Windows | None = None
    cap: Cap | None = None
    held: Missing | Afterwards | None = None
    answers: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    moved_to: Callable[[Response], str | None] | None = None
    closed: tuple[str, str] | None = None
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    default: bool = True
    note: str = ""
    needs: tuple[str, ...] = ()
    writes: bool = False
    given: tuple[str, ...] = ()
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
        apis: further ones, by the names that endpoints use.
        beginning: for windows that begin there: endpoint -> dotted path of an instant in its records; the oldest
            is where history begins. They are asked once, before all windows.
        signer: adds credentials to requests of the main API that are not the same for every one.
        secrets: values that must never be shown, besides those of secret settings.
        configuration: `file.py:name` that it was read from, or what a dictionary is called that came without a file; ''
            for a vendor of this package.
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
    apis: Mapping[str, Api] = field(default_factory=dict)
    beginning: Mapping[str, str] = field(default_factory=dict)
    signer: Signer | None = None
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    configuration: str = ""

    @property
    def word(self) -> str:
        """What it is called on a command line."""
        return self.configuration or self.name
