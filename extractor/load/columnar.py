"""Batches of records as Arrow tables, for tables that the destination has: a tenth of dlt's time for dictionaries.

What dlt makes of dictionaries is what is wanted, so nothing is decided here: a batch becomes columns only if each of
its values has a column by now, and that column's type, and no list has rows for another table. Any other is handed on
as it is, and dlt finds new columns, types and variants in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from types import NoneType
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.json import json
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.common.normalizers.utils import generate_dlt_ids
from dlt.common.schema import Schema
from dlt.common.schema.typing import C_DLT_ID, C_DLT_LOAD_ID
from dlt.common.storages.load_package import load_package_state

from extractor.gate import Record

__all__ = ["Columnar", "Doubtful", "instants"]

_TYPES: Mapping[str, tuple[pa.DataType, frozenset[type]]] = {
    "text": (pa.string(), frozenset({str})),
    "bigint": (pa.int64(), frozenset({int})),
    # Arrow refuses integers that a double can't hold.
    "double": (pa.float64(), frozenset({float, int})),
    "bool": (pa.bool_(), frozenset({bool})),
    "timestamp": (pa.timestamp("us", tz="UTC"), frozenset({str})),
    "date": (pa.date32(), frozenset({str})),
    "json": (pa.string(), frozenset({dict, list})),
}
_DAY = "[1-8][0-9]{3}-[0-9]{2}-[0-9]{2}"
# Arrow and dlt read these alike. Other spellings, and the calendar's edges, dlt is to see.
_SPELLINGS = {
    "timestamp": f"^{_DAY}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]{{1,6}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})$",
    "date": f"^{_DAY}$",
}


class Doubtful(Exception):
    """The batch is for dlt to look at."""


class Columnar:
    """One table, with the columns that it had after the last commit.

    Args:
        schema: of the last commit; it has the table.
        table: its name.
        declared: columns whose type dlt is told; it would take JSON for text in any other.
        name: a field's name as dlt writes it.
        capabilities: of the destination.
    """

    def __init__(
        self,
        schema: Schema,
        table: str,
        declared: Collection[str],
        name: Callable[[str], str],
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        columns = schema.get_table_columns(table)
        self._name = name
        self._fields: dict[str, pa.Field] = {}
        self._kinds: dict[str, str] = {}
        for field in columns_to_arrow(columns, capabilities, "UTC"):
            kind = str(columns[field.name]["data_type"])
            if kind in _TYPES and _TYPES[kind][0] == field.type and (kind != "json" or field.name in declared):
                self._fields[field.name] = field
                self._kinds[field.name] = kind

    def covers(self, earlier: Columnar) -> bool:
        """Whether what an earlier one has made would be made now, too."""
        return earlier._fields.items() <= self._fields.items() and earlier._kinds.items() <= self._kinds.items()

    def batch(self, records: Sequence[Record]) -> pa.Table | None:
        """The records as dlt would write them, without its own two columns; None if it has to look at them itself."""
        columns: dict[str, pa.Array] = {}
        try:
            self._spread(records, (), columns)
        except (Doubtful, pa.ArrowInvalid):
            return None
        return self.table(columns)

    def table(self, columns: Mapping[str, pa.Array]) -> pa.Table:
        """Of columns that each have their type."""
        return pa.table(list(columns.values()), schema=pa.schema([self._fields[name] for name in columns]))

    def kind(self, column: str) -> str | None:
        """The type that dlt has for a column, None if there is none that Arrow could write."""
        return self._kinds.get(column)

    def loaded(self, batch: pa.Table) -> pa.Table:
        """With dlt's own two columns. To be called while dlt extracts: only then is there a load id."""
        own = {
            C_DLT_LOAD_ID: pa.repeat(load_package_state()["load_id"], batch.num_rows),
            C_DLT_ID: pa.array(generate_dlt_ids(batch.num_rows)),
        }
        for name, values in own.items():
            batch = batch.append_column(self._fields[self._name(name)], values)
        return batch

    def _spread(self, rows: Sequence[Record], path: tuple[str, ...], columns: dict[str, pa.Array]) -> None:
        """Add the columns that these objects make, one in each row."""
        for key, values in _columns(rows):
            found = set(map(type, values)) - {NoneType}
            if not found:
                continue  # dlt makes nothing of null
            steps = (*path, self._name(key))
            column = "__".join(steps)
            kind = self._kinds.get(column)
            if kind is not None and found <= _TYPES[kind][1]:
                if column in columns:
                    raise Doubtful
                columns[column] = _array(values, kind)
            elif found == {dict}:
                self._spread([cast("Record", value or {}) for value in values], steps, columns)
            elif found != {list} or any(values):
                raise Doubtful


def _columns(rows: Sequence[Record]) -> Iterable[tuple[str, Sequence[object]]]:
    """The values of each key that any of the rows has, None where one lacks it."""
    if len(set(map(tuple, rows))) == 1:
        return zip(rows[0], zip(*map(dict.values, rows), strict=True), strict=True)
    return [(key, [row.get(key) for row in rows]) for key in dict.fromkeys(chain.from_iterable(rows))]


def _array(values: Sequence[object], kind: str) -> pa.Array:
    """The column.

    Raises:
        Doubtful, pa.ArrowInvalid: dlt may make something else of a value.
    """
    of_type, _ = _TYPES[kind]
    if kind == "json":
        return pa.array([None if value is None else json.dumps(value) for value in values], of_type)
    return instants(pa.array(values, pa.string()), kind) if kind in _SPELLINGS else pa.array(values, of_type)


def instants(texts: pa.Array, kind: str) -> pa.Array:
    """Texts as times or dates.

    Raises:
        Doubtful, pa.ArrowInvalid: dlt may make something else of one.
    """
    if not pc.all(pc.match_substring_regex(texts, _SPELLINGS[kind])).as_py():
        raise Doubtful
    return texts.cast(_TYPES[kind][0])
