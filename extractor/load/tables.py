"""Tables as dlt is told of them: keys, declared types, nested tables, and our own two.

Types are given for all that a vendor's document names, so that they don't depend on which page comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from extractor.gate import EXTRACTOR_KEY, Gate, Key, Record, Shapes, data_type, latest
from extractor.ledger import IncidentRow, ListingRow
from extractor.load.protocol import EndpointSpec
from extractor.model import ColumnType, Endpoint, Incident

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.common.schema import Schema
    from dlt.extract import DltResource

__all__ = ["INCIDENTS", "LISTINGS", "Page", "Table", "own_table", "tables_of"]

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
_OWN_ROWS = 20_000
_ROWS = 2_000


class Table:
    """One table of the vendor's, and the gates of the endpoints that write to it.

    Args:
        name: in the destination.
        endpoints: all that write to it; their keys must be the same.
        naming: a field's or path's name as dlt writes it.
        schema: of the last commit, for the types of keys that no document declares.
    """

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
        self, pages: Sequence[Page], incidents: list[Incident], count: Callable[[str, int], None]
    ) -> DltResource | None:
        """The records of the pages, each key once, for dlt; None if there are none.

        Args:
            pages: of this table's endpoints, in the order they were fetched.
            incidents: added to while dlt reads.
            count: told the table's name and the number of rows of each batch.
        """
        import dlt  # noqa: PLC0415
        from dlt.extract import make_nested_hints  # noqa: PLC0415

        batches = self._batches(pages, incidents)
        # The types of keys that nobody declared are known when the first records are.
        first = next(batches, None)
        if first is None:
            return None

        def rows() -> Iterator[list[Record]]:
            batch: list[Record] | None = first
            while batch is not None:
                count(self.name, len(batch))
                yield batch
                batch = next(batches, None)

        root, nested = self._hints()
        key = self._key or (EXTRACTOR_KEY,)
        for column in key:
            kind = self._key_types.get(column, "text")
            root[column] = {"name": column, "data_type": kind, "nullable": False}
        return dlt.resource(
            rows,
            name=self.name,
            table_name=self.name,
            primary_key=key,
            write_disposition="merge",
            columns=cast("Any", root),
            nested_hints={
                path: make_nested_hints(parent_table_name=parent, columns=cast("Any", columns))
                for path, (parent, columns) in nested.items()
            },
        )

    def _batches(self, pages: Sequence[Page], incidents: list[Incident]) -> Iterator[list[Record]]:
        """Lists of some thousand records: dlt is slow with short ones."""
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

    def _hints(self) -> tuple[dict[str, Any], dict[tuple[str, ...], tuple[str, dict[str, Any]]]]:
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
            columns[name] = {"name": name, "data_type": data_type(kind)}
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
    name: str, rows: Iterable[ListingRow] | Iterable[IncidentRow], count: Callable[[str, int], None]
) -> DltResource:
    """One of our two tables, as Arrow: a quarter of the time that dlt takes for dictionaries.

    It yields a table without rows if there are none, so that a package comes of it in any case.
    """
    import dlt  # noqa: PLC0415

    key, columns = _OWN[name]
    schema = _arrow_schema(name)

    def batches() -> Iterator[pa.Table]:
        remaining = iter(cast("Iterable[tuple[object, ...]]", rows))
        first = True
        while (block := list(islice(remaining, _OWN_ROWS))) or first:
            count(name, len(block))
            yield _arrow(block, schema)
            first = False

    return dlt.resource(
        batches,
        name=name,
        table_name=name,
        primary_key=key,
        write_disposition="merge",
        columns={
            column: {"name": column, "data_type": kind, "nullable": column not in key} for column, kind in columns
        },
    )


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
