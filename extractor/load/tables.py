"""Tables as dlt is told of them: keys, declared types, nested tables.

Types are given for all that a vendor's document names, so that they don't depend on which page comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from extractor.gate import EXTRACTOR_KEY, Gate, GatePage, Key, Record, Shapes, data_type, grouped, latest
from extractor.load.protocol import EndpointSpec
from extractor.model import ColumnType, Endpoint, Incident

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.schema import Schema
    from dlt.extract import DltResource
    from dlt.extract.hints import TResourceHints

    from extractor.load.columnar import Columnar
    from extractor.load.direct import Direct

__all__ = [
    "Contents",
    "Outdated",
    "Page",
    "Ready",
    "Table",
    "prefer_variants",
    "tables_of",
]

Page = tuple[str, str, bytes]
"""Endpoint, listing key, payload."""

_VARIANTS = ("text", "bigint", "double", "bool")
_ROWS = 2_000
_GROUP_BYTES = 4 << 20


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
        self._direct: Direct | None = None
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
        if columnar is None:
            yield from self.batches(pages, incidents)
            return
        for batch in _gathered(self._found(pages, incidents, columnar)):
            arrow = columnar.batch(batch) if isinstance(batch, list) else batch
            yield batch if arrow is None else arrow

    def _found(
        self, pages: Sequence[Page], incidents: list[Incident], columnar: Columnar
    ) -> Iterator[list[Record] | pa.Table]:
        """The records of the pages, each key once, as columns where no record has to be looked at."""
        from extractor.load.direct import Direct  # noqa: PLC0415

        if self._direct is None:
            self._direct = Direct(self._shapes)
        seen: set[Key] = set()
        for group in grouped(self._last_first(pages), _GROUP_BYTES):
            payloads = [payload for _, payload, _ in reversed(group)]
            table = self._direct.table(group[0][0], payloads, columnar, seen)
            if table is None:
                yield from latest(group, seen, incidents)
            elif len(table):
                yield table

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
        return _gathered(latest(self._last_first(pages), set(), incidents))

    def _last_first(self, pages: Sequence[Page]) -> Iterator[GatePage]:
        return ((self._gates[endpoint], payload, key) for endpoint, key, payload in reversed(pages))

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


def prefer_variants(schema: Schema) -> None:
    """Say of what the gate moves to a column beside that it is what it is: text there must not be taken for a time."""
    from dlt.common.schema.typing import TSimpleRegex  # noqa: PLC0415

    kinds = {TSimpleRegex(f"re:__v_{kind}$"): cast("Any", kind) for kind in _VARIANTS}
    schema.update_preferred_types(kinds, normalize_identifiers=False)


def _gathered(found: Iterable[list[Record] | pa.Table]) -> Iterator[list[Record] | pa.Table]:
    """Lists of some thousand records, and all else as it is."""
    batch: list[Record] = []
    for part in found:
        if not isinstance(part, list):
            yield part
            continue
        batch += part
        if len(batch) >= _ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
