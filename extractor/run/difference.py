"""Two DuckDB databases that one configuration was loaded into, compared: tables, columns, hints and rows.

Rows are compared by what they hold. Their order, what dlt makes up for each load (ids, load ids, the times of scd2) and
this package's own tables say nothing about the data. Nested rows belong to the content of the row they hang on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

__all__ = ["Difference", "Loaded", "differences"]

_APART = ("_dlt_", "_extractor_")
"""How tables begin that hold no data of the vendor's."""
_LOAD_ID = "_dlt_load_id"
_KEYS = ("row_key", "parent_key", "root_key")
_TIMES = ("x-valid-from", "x-valid-to")
_CARRIED_AS = "file_format"
"""The hint that says how rows are carried to the destination; dlt has it only if a user says so."""
_SHOWN = 3
"""Rows of a table that are shown on each side."""

Hints = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        what: "table", "column price", "hint primary_key of id", "rows", "row".
        dlt, extractor: how it is on either side; '' for not at all.
    """

    table: str
    what: str
    dlt: str
    extractor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What there is of one table.

    Attributes:
        columns: name -> DuckDB type.
        hints: as dlt's schema has them, `name` or `name of column` -> JSON.
        rows: content -> how many, of a table that hangs on no other one.
        orphans: rows that hang on a row that is not there.
    """

    columns: Mapping[str, str]
    hints: Mapping[str, str]
    rows: Counter[str] = field(default_factory=Counter)
    orphans: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """One database.

    Attributes:
        tables: of the vendor's data, by name.
        settings: of dlt's schema: its type detection, its naming, its default hints.
    """

    tables: Mapping[str, Table]
    settings: Mapping[str, str]

    @property
    def rows(self) -> int:
        """In all tables that hang on no other one."""
        return sum(table.rows.total() for table in self.tables.values())

    @classmethod
    def read(cls, database: Path, *, dataset: str, schema: str) -> Loaded:
        """Everything in it; it is held in memory.

        A table that dlt's schema knows and nothing was put into is not in a database.
        """
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f'USE "{dataset}"')
            found = connection.execute(
                "SELECT schema FROM _dlt_version WHERE schema_name = ? ORDER BY inserted_at DESC, version DESC LIMIT 1",
                [schema],
            ).fetchone()
            described = json.loads(found[0]) if found else {"tables": {}}
            there = _there(connection, dataset)
            of_data = {name: hints for name, hints in described["tables"].items() if not name.startswith(_APART)}
            contents = _Contents(connection, {name: of_data[name] for name in of_data.keys() & there.keys()})
            tables = {
                name: Table(
                    columns=there[name],
                    hints=_hints(of_data.get(name, {})),
                    rows=contents.of(name),
                    orphans=contents.orphans(name),
                )
                for name in sorted(there)
            }
        settings = {name: _text(_of_data(described.get(name))) for name in ("settings", "normalizers")}
        return cls(tables=tables, settings=settings)


def differences(dlt: Loaded, extractor: Loaded) -> list[Difference]:
    """Whatever is not the same, table by table."""
    found = [
        Difference(table="", what=what, dlt=one, extractor=other)
        for what, one, other in _unlike(dlt.settings, extractor.settings)
    ]
    for name in sorted(dlt.tables.keys() | extractor.tables.keys()):
        one, other = dlt.tables.get(name), extractor.tables.get(name)
        if one is None or other is None:
            found.append(Difference(table=name, what="table", dlt=_whether(one), extractor=_whether(other)))
        else:
            found += [
                Difference(table=name, what=what, dlt=left, extractor=right)
                for what, left, right in _of_table(one, other)
            ]
    return found


def _of_table(dlt: Table, extractor: Table) -> Iterator[tuple[str, str, str]]:
    for name, one, other in _unlike(dlt.columns, extractor.columns):
        yield f"column {name}", one, other
    for name, one, other in _unlike(dlt.hints, extractor.hints):
        if name != _CARRIED_AS or one:
            yield f"hint {name}", one, other
    if dlt.rows.total() != extractor.rows.total():
        yield "rows", str(dlt.rows.total()), str(extractor.rows.total())
    if dlt.orphans != extractor.orphans:
        yield "rows without a parent", str(dlt.orphans), str(extractor.orphans)
    for row, times in list((dlt.rows - extractor.rows).items())[:_SHOWN]:
        yield _times(times), row, ""
    for row, times in list((extractor.rows - dlt.rows).items())[:_SHOWN]:
        yield _times(times), "", row


def _times(number: int) -> str:
    return "row" if number == 1 else f"row, {number} times"


def _unlike(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(one.keys() | other.keys()):
        if one.get(name, "") != other.get(name, ""):
            yield name, one.get(name, ""), other.get(name, "")


def _whether(table: Table | None) -> str:
    return "" if table is None else f"{table.rows.total()} rows"


def _there(connection: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, dict[str, str]]:
    """Types of columns by table."""
    found: dict[str, dict[str, str]] = {}
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = ?", [dataset]
    ).fetchall()
    for table, column, kind in rows:
        if not table.startswith(_APART):
            found.setdefault(table, {})[column] = kind
    return found


def _hints(described: Hints) -> dict[str, str]:
    of_table = {name: _text(value) for name, value in described.items() if name not in ("name", "columns")}
    of_columns = {
        f"{name} of {column}": _text(value)
        for column, hints in described.get("columns", {}).items()
        for name, value in hints.items()
        if name != "name"
    }
    return of_table | of_columns


def _of_data(settings: Any) -> Any:  # noqa: ANN401 - JSON
    """Settings without what they say of tables that hold no data."""
    if not isinstance(settings, dict):
        return settings
    return {name: kept for name, value in settings.items() if not name.startswith(_APART) and (kept := _of_data(value))}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


class _Contents:
    """What rows hold, as text, with the rows that hang on them.

    Args:
        connection: to the database.
        described: the tables that are there, as dlt's schema has them.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, described: Mapping[str, Hints]) -> None:
        self._described = described
        self._ids: dict[str, set[str]] = {}
        self._rows: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        self._hanging: dict[str, dict[str, list[tuple[str, dict[str, Any]]]]] = {}
        for name, hints in described.items():
            rows = list(_rows(connection, name, hints.get("columns", {})))
            self._rows[name] = rows
            self._ids[name] = {own for own, _, _ in rows}
            below = self._hanging.setdefault(name, {})
            for own, parent, values in rows:
                below.setdefault(parent, []).append((own, values))

    def of(self, table: str) -> Counter[str]:
        """Contents of the rows of a table that hangs on no other one."""
        if self._described.get(table, {}).get("parent"):
            return Counter()
        return Counter(self._whole(table, own, values) for own, _, values in self._rows.get(table, ()))

    def orphans(self, table: str) -> int:
        """Rows of a nested table without the row that they hang on."""
        parent = self._described.get(table, {}).get("parent")
        return sum(hangs_on not in self._ids[parent] for _, hangs_on, _ in self._rows[table]) if parent else 0

    def _whole(self, table: str, own: str, values: Mapping[str, Any]) -> str:
        """A row as JSON: its own columns, then what hangs on it."""
        below = {
            name: sorted(self._whole(name, *one) for one in hanging)
            for name, hints in sorted(self._described.items())
            if hints.get("parent") == table and (hanging := self._hanging[name].get(own))
        }
        parts = [f"{_text(name)}: {_text(value)}" for name, value in sorted(values.items())]
        parts += [f"{_text(name)}: [{', '.join(rows)}]" for name, rows in below.items()]
        return f"{{{', '.join(parts)}}}"


def _rows(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Hints]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Own key, key of the parent, and the other columns of each row."""
    names = [name for name, *_ in connection.execute(f'DESCRIBE "{table}"').fetchall()]
    asked = ", ".join(_asked(name, columns) for name in names)
    values = connection.execute(f'SELECT {asked} FROM "{table}"')  # noqa: S608 - names that dlt has made
    keys = [[name for name in names if columns.get(name, {}).get(hint)] for hint in ("row_key", "parent_key")]
    made_up = {name for name in names if name == _LOAD_ID or any(columns.get(name, {}).get(key) for key in _KEYS)}
    for row in values.fetchall():
        named = dict(zip(names, row, strict=True))
        own, parent = (str(named[of[0]]) if of else "" for of in keys)
        yield own, parent, {name: value for name, value in named.items() if name not in made_up}


def _asked(name: str, columns: Mapping[str, Hints]) -> str:
    if any(columns.get(name, {}).get(hint) for hint in _TIMES):
        return f"CASE WHEN \"{name}\" IS NULL THEN NULL ELSE 'a time' END"
    return f'CAST("{name}" AS VARCHAR)'
