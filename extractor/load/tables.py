"""Tables as dlt is told of them: keys, declared types, nested tables, and our own two.

Types are given for all that a vendor's document names, so that they don't depend on which page comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

from extractor.gate import EXTRACTOR_KEY, Gate, Key, Record, Shapes, data_type, latest
from extractor.ledger import IncidentRow, ListingRow
from extractor.load.protocol import EndpointSpec
from extractor.model import ColumnType, Endpoint, Incident

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.schema import Schema
    from dlt.extract import DltResource
    from dlt.extract.hints import TResourceHints

    from extractor.load.columnar import Columnar

__all__ = [
    "INCIDENTS",
    "LISTINGS",
    "Contents",
    "Outdated",
    "Page",
    "Ready",
    "Table",
    "own_batches",
    "own_hints",
    "own_table",
    "prefer_variants",
    "tables_of",
]

LISTINGS = "_extractor_listings"
INCIDENTS = "_extractor_incidents"

Page = tuple[str, str, bytes]
"""Endpoint, listing key, payload."""

_OWN: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ColumnType], ...]]] = {
    LISTINGS: (
        ("endpoint", "key"),
        (
            ("endpoint", "text"),
            ("key", "text"),
            ("parent", "text"),
            ("fields", "text"),
            ("state", "text"),
            ("cursor", "text"),
            ("records", "bigint"),
            ("pages", "bigint"),
            ("seen_at", "timestamp"),
        ),
    ),
    INCIDENTS: (
        ("id",),
        (
            ("id", "text"),
            ("kind", "text"),
            ("endpoint", "text"),
            ("key", "text"),
            ("status", "bigint"),
            ("path", "text"),
            ("detail", "text"),
            ("record", "text"),
            ("attempts", "bigint"),
            ("seen_at", "timestamp"),
            ("resolved_at", "timestamp"),
        ),
    ),
}
_VARIANTS = ("text", "bigint", "double", "bool")
_OWN_ROWS = 20_000
_ROWS = 2_000


class Outdated(RuntimeError):
    """What was made of pages ahead does not fit the table any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """All records of a table that some pages have, each key once, as columns.

    Attributes:
        columnar: made them.
        incidents: of records that were kept out or changed.
    """

    table: Table
    columnar: Columnar
    batches: Sequence[pa.Table]
    incidents: Sequence[Incident]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a package is made of.

    Attributes:
        pages: in the order they were fetched; none of those tables that are ready.
    """

    pages: Sequence[Page] = ()
    ready: Sequence[Ready] = ()


class Table:
    """One table of the vendor's, and the gates of the endpoints that write to it.

    Args:
        name: in the destination.
        endpoints: all that write to it; their keys must be the same.
        naming: a field's or path's name as dlt writes it.
        schema: of the last commit, for the types of keys that no document declares.

    Attributes:
        cursor: it has no incremental one.
        last_stays: of two records with one key the last one is to stay.
    """

    cursor: str | None = None
    last_stays = True

    def __init__(
        self, name: str, endpoints: Sequence[EndpointSpec], naming: Callable[[str], str], schema: Schema | None
    ) -> None:
        self.name = name
        self._columns: dict[str, ColumnType] = {}
        for endpoint in endpoints:
            self._columns |= endpoint.columns
        self._shapes = Shapes(table=name, columns=self._columns, name=naming)
        self._key = tuple("__".join(self._steps(field)) for field in endpoints[0].key)
        self._key_types: dict[str, ColumnType] = {}
        known = schema.tables[name]["columns"] if schema is not None and name in schema.tables else {}
        for column in self._key:
            kind = known.get(column, {}).get("data_type")
            if kind is not None:
                self._key_types[column] = cast("ColumnType", kind)
        self._gates = {
            one.name: Gate(Endpoint(name=one.name, path="", key=one.key), self._shapes, self._key_types)
            for one in endpoints
        }

    def resource(
        self,
        pages: Sequence[Page],
        incidents: list[Incident],
        count: Callable[[str, int], None],
        columnar: Columnar | None = None,
        ready: Ready | None = None,
    ) -> DltResource | None:
        """The records of the pages, each key once, for dlt; None if there are none.

        Args:
            pages: of this table's endpoints, in the order they were fetched.
            incidents: added to while dlt reads.
            count: told the table's name and the number of rows of each batch.
            columnar: makes Arrow tables of the batches that it can.
            ready: what was made of the pages before; then none are given.

        Raises:
            Outdated: the table would take other columns by now.
        """
        from dlt.extract import DltResource  # noqa: PLC0415

        made: Iterator[list[Record] | pa.Table]
        if ready is None:
            made = self._made(pages, incidents, columnar)
        elif columnar is not None and columnar.covers(ready.columnar):
            incidents += ready.incidents
            made = iter(ready.batches)
        else:
            raise Outdated(f"{self.name} has other columns than when its records were read ahead")
        # The types of keys that nobody declared are known when the first records are.
        first = next(made, None)
        if first is None:
            return None

        def rows() -> Iterator[list[Record] | pa.Table]:
            for batch in chain((first,), made):
                count(self.name, len(batch))
                yield batch if columnar is None or isinstance(batch, list) else columnar.loaded(batch)

        return DltResource.from_data(rows, name=self.name, hints=self.hints(nested=columnar is None))

    def ready(self, pages: Sequence[Page], columnar: Columnar) -> Ready | None:
        """The records of the pages as columns, None if dlt has to look at some of them."""
        incidents: list[Incident] = []
        batches: list[pa.Table] = []
        for batch in self._made(pages, incidents, columnar):
            if isinstance(batch, list):
                return None
            batches.append(batch)
        return Ready(table=self, columnar=columnar, batches=batches, incidents=incidents)

    def _made(
        self, pages: Sequence[Page], incidents: list[Incident], columnar: Columnar | None
    ) -> Iterator[list[Record] | pa.Table]:
        for batch in self.batches(pages, incidents):
            arrow = columnar.batch(batch) if columnar is not None else None
            yield batch if arrow is None else arrow

    def columnar(self, schema: Schema, capabilities: DestinationCapabilitiesContext) -> Columnar | None:
        """What makes Arrow tables of batches; None if the destination has not all that is declared.

        Args:
            schema: of the last commit.
            capabilities: of the destination.
        """
        from dlt.common.schema.utils import has_table_seen_data  # noqa: PLC0415

        from extractor.load.columnar import Columnar  # noqa: PLC0415

        if self.name not in schema.tables or not has_table_seen_data(schema.tables[self.name]):
            return None
        root, nested = self._declared()
        for path, (_, columns) in nested.items():
            table = schema.tables.get("__".join((self.name, *path)))
            if table is None or not columns.keys() <= table["columns"].keys():
                return None
        return Columnar(schema, self.name, root, self._shapes.column, capabilities)

    def hints(self, *, nested: bool = True) -> TResourceHints:
        """What dlt is told of the table. A key that nobody declared, and of which no record has come yet, is text.

        Args:
            nested: tell of the tables below, too. dlt would give them the columns of an Arrow table.
        """
        from dlt.extract import make_hints, make_nested_hints  # noqa: PLC0415

        root, below = self._declared()
        key = self._key or (EXTRACTOR_KEY,)
        for column in key:
            kind = self._key_types.setdefault(column, "text")
            root[column] = {"name": column, "data_type": kind, "nullable": False}
        return make_hints(
            table_name=self.name,
            primary_key=key,
            write_disposition="merge",
            columns=cast("Any", root),
            nested_hints={
                path: make_nested_hints(parent_table_name=parent, columns=cast("Any", columns))
                for path, (parent, columns) in below.items()
                if nested
            },
        )

    def batches(self, pages: Sequence[Page], incidents: list[Incident]) -> Iterator[list[Record]]:
        """The records of the pages, each key once, in lists of some thousand: dlt is slow with short ones."""
        last_first = ((self._gates[endpoint], payload, key) for endpoint, key, payload in reversed(pages))
        seen: set[Key] = set()
        batch: list[Record] = []
        for records in latest(last_first, seen, incidents):
            batch += records
            if len(batch) >= _ROWS:
                yield batch
                batch = []
        if batch:
            yield batch

    def _steps(self, path: str) -> list[str]:
        return [self._shapes.column(step) for step in path.split(".")]

    def _declared(self) -> tuple[dict[str, Any], dict[tuple[str, ...], tuple[str, dict[str, Any]]]]:
        """Columns of the table, and of its nested tables by path: parent table and columns."""
        root: dict[str, Any] = {}
        nested: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {}
        for steps, kind in self._shapes.declared.items():
            columns, table, path, row = root, self.name, [], []
            for step in steps:
                if step != "[]":
                    row.append(step)
                    continue
                # dlt calls the table of a list in a list `list`.
                path += row or ["list"]
                columns = nested.setdefault(tuple(path), (table, {}))[1]
                table = "__".join((self.name, *path))
                row = []
            name = "__".join(row) or "value"
            columns[name] = {"name": name, "data_type": data_type(kind), "nullable": True}
        return root, nested


def tables_of(
    endpoints: Iterable[EndpointSpec], naming: Callable[[str], str], schema: Schema | None
) -> dict[str, Table]:
    """The tables by the names of the endpoints that write to them."""
    groups: dict[str, list[EndpointSpec]] = {}
    for endpoint in endpoints:
        groups.setdefault(naming(endpoint.table), []).append(endpoint)
    tables: dict[str, Table] = {}
    for name, group in groups.items():
        table = Table(name, group, naming, schema)
        tables |= {endpoint.name: table for endpoint in group}
    return tables


def own_table(
    name: str,
    rows: Iterable[ListingRow] | Iterable[IncidentRow],
    count: Callable[[str, int], None],
    *,
    empty: bool = True,
) -> DltResource:
    """One of our two tables, for dlt.

    Args:
        name: of the table.
        rows: in the order of its columns.
        count: told the table's name and the number of rows of each batch.
        empty: without rows, it goes as a table without rows.
    """
    from dlt.extract import DltResource  # noqa: PLC0415

    def batches() -> Iterator[pa.Table]:
        for batch in own_batches(name, rows):
            count(name, batch.num_rows)
            if batch.num_rows or empty:
                yield batch

    return DltResource.from_data(batches, name=name, hints=own_hints(name))


def own_hints(name: str) -> TResourceHints:
    """What dlt is told of one of our two tables."""
    from dlt.extract import make_hints  # noqa: PLC0415

    key, columns = _OWN[name]
    told = {column: {"name": column, "data_type": kind, "nullable": column not in key} for column, kind in columns}
    return make_hints(table_name=name, primary_key=key, write_disposition="merge", columns=cast("Any", told))


def own_batches(name: str, rows: Iterable[ListingRow] | Iterable[IncidentRow]) -> Iterator[pa.Table]:
    """Rows as Arrow: a quarter of the time that dlt takes for dictionaries.

    Without any there is a table without rows, so that a package comes of it in any case.
    """
    schema = _arrow_schema(name)
    remaining = iter(cast("Iterable[tuple[object, ...]]", rows))
    first = True
    while (block := list(islice(remaining, _OWN_ROWS))) or first:
        yield _arrow(block, schema)
        first = False


def prefer_variants(schema: Schema) -> None:
    """Say of what the gate moves to a column beside that it is what it is: text there must not be taken for a time."""
    from dlt.common.schema.typing import TSimpleRegex  # noqa: PLC0415

    kinds = {TSimpleRegex(f"re:__v_{kind}$"): cast("Any", kind) for kind in _VARIANTS}
    schema.update_preferred_types(kinds, normalize_identifiers=False)


def _arrow_schema(name: str) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    types: Mapping[str, pa.DataType] = {
        "text": pa.string(),
        "bigint": pa.int64(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    key, columns = _OWN[name]
    return pa.schema([pa.field(column, types[kind], nullable=column not in key) for column, kind in columns])


def _arrow(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = []
    for field, values in zip(schema, columns, strict=True):
        if pa.types.is_timestamp(field.type):
            # Our rows have unix seconds.
            micros = [None if value is None else cast("int", value) * 1_000_000 for value in values]
            arrays.append(pa.array(micros, pa.int64()).cast(field.type))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
