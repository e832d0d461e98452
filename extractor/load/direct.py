"""Pages that become columns at once, without a Python object for each value: a third of the time that records take.

Arrow reads JSON of known shapes. The gate has seen what records look like, and the destination has the columns that
they make: where both are plain, and the reader finds nothing else, the columns are those that gate and `Columnar`
would make. Whatever it refuses goes their way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from extractor.gate import Gate, Key, Node, Shapes, newest, suspicious
from extractor.load.columnar import Columnar, Doubtful, instants
from extractor.model import ColumnType

__all__ = ["Direct"]

_WRITTEN: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.string(),
    "date": pa.string(),
}
"""What stands in JSON for values that go as they are."""
_KEYS = 1_000
_BYTES = 256 << 20
_REST = 63
# Larger ones may be integers that the reader has rounded.
_EXACT = 2.0**53


class Direct:
    """Makes tables of pages. After a refusal it lets some groups pass, ever more of them, until one is taken.

    Args:
        shapes: what the gates of the pages have seen.
    """

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._refused = self._rest = 0

    def table(self, gate: Gate, payloads: Sequence[bytes], columnar: Columnar, seen: set[Key]) -> pa.Table | None:
        """The records whose keys have not come yet; None if the gate has to look at them.

        Args:
            gate: of all the pages.
            payloads: in the order in which they were fetched.
            columnar: knows the columns.
            seen: keys that came already; added to.
        """
        key = gate.plain_key
        if self._rest or not key:
            self._rest = max(0, self._rest - 1)
            return None
        try:
            records = self._records(payloads, columnar)
            columns: dict[str, pa.Array] = {}
            self._spread(records, (), columnar, columns)
            keys = _keys(key, columns, columnar) if len(records) else []
        except (Doubtful, pa.ArrowInvalid, UnicodeDecodeError):
            self._refused += 1
            self._rest = min(2**self._refused - 1, _REST)
            return None
        self._refused = 0
        positions = newest(keys, seen)
        made = columnar.table(columns)
        return made if positions is None else made.take(pa.array(positions, pa.int64()))

    def _records(self, payloads: Sequence[bytes], columnar: Columnar) -> pa.StructArray:
        """What stands in the pages, with the keys of vendors."""
        record = _struct(self._shapes.root, columnar)
        raw, rows, records = _wrapped(payloads)
        if len(raw) > _BYTES or suspicious(raw):
            raise Doubtful
        if not raw.isascii():
            raw.decode()
        found = pa.json.read_json(
            pa.BufferReader(raw),
            pa.json.ReadOptions(use_threads=False, block_size=len(raw) + 1),
            pa.json.ParseOptions(pa.schema([("r", pa.list_(record))]), unexpected_field_behavior="error"),
        )["r"]
        made = found.chunk(0).flatten()
        if len(found) != rows or records not in (None, len(made)):
            raise Doubtful
        return made

    def _spread(
        self, rows: pa.StructArray, path: tuple[str, ...], columnar: Columnar, columns: dict[str, pa.Array]
    ) -> None:
        """Add the columns that these objects make, one in each row."""
        for field, values in zip(rows.type, rows.flatten(), strict=True):
            steps = (*path, self._shapes.column(field.name))
            if pa.types.is_struct(field.type):
                self._spread(values, steps, columnar, columns)
            elif pa.types.is_list(field.type):
                if len(values.flatten()):
                    raise Doubtful
            elif values.null_count < len(values):
                column = "__".join(steps)
                columns[column] = _column(values, columnar.kind(column))


def _wrapped(payloads: Sequence[bytes]) -> tuple[bytes, int, int | None]:
    """One line of JSON with a list `r` for each page, or one for all of them, if they are lines themselves.

    Returns:
        It, and how many of its lines and, if that is known, of its records Arrow must find: pages which are no JSON by
        themselves must not become some together.
    """
    kinds = {payload[:1] for payload in payloads}
    if kinds == {b"["}:
        return b'{"r":%b}' % b'}\n{"r":'.join(payloads), len(payloads), None
    lines = b"\n".join(payloads)
    breaks = lines.count(b"\n")
    if kinds != {b"{"} or breaks != lines.count(b"}\n{"):
        raise Doubtful
    return b'{"r":[%b]}' % lines.replace(b"}\n{", b"},{"), 1, breaks + 1


def _struct(node: Node, columnar: Columnar) -> pa.DataType:
    """What objects at this place look like."""
    if len(node.seen) > _KEYS or not node.plain():
        raise Doubtful
    return pa.struct([(key, _type(place, columnar)) for key, place in node.seen.items()])


def _type(node: Node, columnar: Columnar) -> pa.DataType:
    """What stands at this place, or null if nothing that has a column."""
    kind = columnar.kind("__".join(node.row))
    written = _WRITTEN.get(kind or "")
    lists = "[]" in node.children
    if bool(node.seen) + lists + (kind is not None) > 1 or (kind and (not written or node.kind not in ("", kind))):
        raise Doubtful
    if node.seen:
        return _struct(node, columnar)
    return pa.list_(pa.null()) if lists else written or pa.null()


def _column(values: pa.Array, kind: str | None) -> pa.Array:
    if kind in ("timestamp", "date"):
        return instants(values, kind)
    if kind == "double" and not pc.all(pc.less(pc.abs(values), _EXACT)).as_py():
        raise Doubtful
    return values


def _keys(key: Mapping[str, ColumnType], columns: Mapping[str, pa.Array], columnar: Columnar) -> list[Key]:
    """The records' primary keys."""
    for column, kind in key.items():
        if columnar.kind(column) != kind or column not in columns or columns[column].null_count:
            raise Doubtful
    return list(zip(*(columns[column].to_pylist() for column in key), strict=True))
