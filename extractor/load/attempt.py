"""One attempt to load: some pages and rows become one dlt package, all of it or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, cast

from dlt.common.destination import DestinationCapabilitiesContext, TLoaderFileFormat
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource

from extractor.ledger import IncidentRow, ListingRow
from extractor.ledger.chunks import incident_row
from extractor.load.coercion import harden
from extractor.load.configured import Configured
from extractor.load.connections import Client
from extractor.load.destination import STATE_KEY, Destination
from extractor.load.own import INCIDENTS, LISTINGS, own_table
from extractor.load.protocol import EndpointSpec, Target
from extractor.load.tables import Contents, Page, Ready, Table, tables_of
from extractor.model import Incident

if TYPE_CHECKING:
    import dlt

    from extractor.load.columnar import Columnar

__all__ = ["CountsDiffer", "Loader", "Package", "incident_rows_of"]


def incident_rows_of(found: Iterable[Incident]) -> Iterator[IncidentRow]:
    """Rows of what was found in pages just now."""
    now = int(time.time())
    return (cast("IncidentRow", incident_row(incident, now)) for incident in found)


class CountsDiffer(RuntimeError):
    """A package was committed, but the destination doesn't have its rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package that is in the destination.

    Attributes:
        rows: by table.
        incidents: of records that were kept out or changed.
        seconds: by step.
    """

    load_id: str
    rows: Mapping[str, int]
    incidents: Sequence[Incident]
    seconds: Mapping[str, float]


class Loader:
    """Makes packages for one destination. What it has learnt of the records' shapes it keeps from one to the next.

    Args:
        destination: where they go.
        target: its names.
        endpoints: whose pages come.
        configured: the tables of a user's own configuration; then the endpoints' keys and columns say nothing.
    """

    def __init__(
        self,
        destination: Destination,
        target: Target,
        endpoints: Iterable[EndpointSpec],
        configured: Configured | None = None,
    ) -> None:
        if configured is None:
            harden()
        self._destination = destination
        self._target = target
        self._endpoints = tuple(endpoints)
        self._tables: dict[str, Table] | None = None
        self._columnars: dict[str, Columnar] = {}
        self._configured = configured
        self._known: DestinationCapabilitiesContext | None = None

    def chunk(self) -> None:
        """Another chunk follows, or the same one from its beginning."""
        if self._configured is not None:
            self._configured.chunk()

    def prepare(self, pages: Iterable[Page]) -> Contents:
        """Make columns of the pages of those tables of which an attempt could, for the attempt that will load them.

        Nobody may read pages meanwhile: an attempt has read its own when it announces.
        """
        others: list[Page] = []
        ready: list[Ready] = []
        for table, own in self._by_table(pages):
            columnar = self._columnars.get(table.name)
            made = None if columnar is None else table.ready(own, columnar)
            if made is None:
                others += own
            else:
                ready.append(made)
        return Contents(pages=others, ready=ready)

    def attempt(
        self,
        contents: Callable[[], Contents],
        listings: Iterable[ListingRow],
        incidents: Iterable[IncidentRow],
        announce: Callable[[str, Sequence[Incident]], None],
        *,
        part: bool = False,
    ) -> Package:
        """Load, once.

        Args:
            contents: gives pages and what was made of pages; nothing of them is kept until the load.
            listings: rows that go with them.
            incidents: likewise.
            announce: given the load id and the gate's incidents before anything changes in the destination; the
                attempt goes on when it returns.
            part: the package does not complete a chunk.
        """
        clock = _Clock()
        pipeline = self._destination.attempting()
        rows: dict[str, int] = {}
        found: list[Incident] = []

        def count(table: str, more: int) -> None:
            rows[table] = rows.get(table, 0) + more

        source = self._source(pipeline, contents, listings, incidents, found, count=count, part=part)
        clock.note("prepare")
        pipeline.extract(source, loader_file_format=self._file_format(pipeline))
        # With it go pages and columns, which the load needs no more.
        del source
        (load_id,) = pipeline.list_extracted_load_packages()
        clock.note("extract")
        announce(load_id, found)
        clock.note("announce")
        normalized = pipeline.normalize()
        clock.note("normalize")
        certain = [name for name in rows if name not in (LISTINGS, INCIDENTS)]
        with self._destination.connections.held(pipeline) as client:
            pipeline.load()
            clock.note("load")
            if self._configured is not None:
                given, certain = self._configured.rows(pipeline.schemas[self._target.schema], normalized.row_counts)
                rows |= given
            self._check(client, load_id, {name: rows[name] for name in certain})
        if self._configured is not None:
            self._configured.done()
        self._destination.keep(pipeline)
        self._destination.sweep()
        clock.note("check")
        return Package(load_id=load_id, rows=rows, incidents=found, seconds=clock.steps)

    def _source(
        self,
        pipeline: dlt.Pipeline,
        contents: Callable[[], Contents],
        listings: Iterable[ListingRow],
        incidents: Iterable[IncidentRow],
        found: list[Incident],
        *,
        count: Callable[[str, int], None],
        part: bool,
    ) -> DltSource:
        """All that goes into the package; incidents are added to `found` while dlt reads."""
        schema = self._destination.schema(pipeline)
        own = [
            # Even if there are none, so that a package comes of it.
            own_table(LISTINGS, listings, count),
            # dlt reads these last, when the gate has seen all pages.
            own_table(
                INCIDENTS, chain(incidents, incident_rows_of(found)), count, empty=INCIDENTS not in schema.tables
            ),
        ]
        with pipeline.managed_state() as state:
            ours = state.setdefault("sources", {}).setdefault(self._target.schema, {})
            if self._target.state:
                ours[STATE_KEY] = dict(self._target.state)
            if self._configured is None:
                resources = self._resources(pipeline, schema, contents(), found, count)
            else:
                self._configured.tell(pipeline.destination)
                self._configured.begin(ours, schema, self._destination.connections.open, part=part)
                resources = self._configured.resources(contents().pages, found, ours, schema)
        return DltSource(schema, STATE_KEY, [*resources, *own])

    def _resources(
        self,
        pipeline: dlt.Pipeline,
        schema: Schema,
        contents: Contents,
        found: list[Incident],
        count: Callable[[str, int], None],
    ) -> list[DltResource]:
        """One for each of the vendor's tables that there are records for."""
        if self._tables is None:
            self._tables = tables_of(self._endpoints, schema.naming.normalize_path, schema)
        capabilities = self._capabilities(pipeline) if self._file_format(pipeline) else None
        resources: list[DltResource | None] = []
        unmade = ((table, own, None) for table, own in self._by_table(contents.pages))
        for table, own, ready in chain(unmade, ((one.table, (), one) for one in contents.ready)):
            columnar = None if capabilities is None else table.columnar(schema, capabilities)
            if columnar is not None:
                self._columnars[table.name] = columnar
            resources.append(table.resource(own, found, count, columnar, ready))
        return [resource for resource in resources if resource is not None]

    def _by_table(self, pages: Iterable[Page]) -> Iterable[tuple[Table, list[Page]]]:
        """The pages of each table, in the order they were fetched."""
        tables = self._tables or {}
        found: dict[str, tuple[Table, list[Page]]] = {}
        for page in pages:
            table = tables[page[0]]
            found.setdefault(table.name, (table, []))[1].append(page)
        return found.values()

    def _file_format(self, pipeline: dlt.Pipeline) -> TLoaderFileFormat | None:
        """Parquet, 30 times as fast as dlt's default for DuckDB, where the destination takes it."""
        formats = self._capabilities(pipeline).supported_loader_file_formats or []
        return "parquet" if "parquet" in formats else None

    def _capabilities(self, pipeline: dlt.Pipeline) -> DestinationCapabilitiesContext:
        # dlt looks settings up for them, each time.
        if self._known is None:
            self._known = pipeline.destination.capabilities()
        return self._known

    def _check(self, client: Client, load_id: str, rows: Mapping[str, int]) -> None:
        loads, there = self._destination.verify(client, load_id, list(rows))
        if loads != 1:
            raise CountsDiffer(f"dlt says that {load_id} is loaded, and _dlt_loads has {loads} rows of it")
        for name in rows:
            if there[name] != rows[name]:
                raise CountsDiffer(f"{name} has {there[name]} rows of the load {load_id}, and should have {rows[name]}")


class _Clock:
    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._last = time.perf_counter()

    def note(self, step: str) -> None:
        now = time.perf_counter()
        self.steps[step] = now - self._last
        self._last = now
