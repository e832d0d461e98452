"""Rows of packages that were never committed, taken out of tables that a second attempt would add to.

A key makes a second attempt harmless; without one whatever a killed load has brought must go before the next. Rows of a
load that `_dlt_loads` does not know are such, and rows of lists whose record is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlt.common.schema import Schema
from dlt.common.schema.typing import C_DLT_LOAD_ID, TTableSchema
from dlt.common.schema.utils import get_first_column_name_with_prop, get_nested_tables, has_table_seen_data
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from extractor.load.once import additive

__all__ = ["clear", "newest"]

Client = SqlClientBase[Any]


def newest(client: Client, schema: Schema) -> str:
    """The load id of the latest committed load, '' if there is none."""
    try:
        rows = client.execute_sql(f"SELECT max(load_id) FROM {_name(client, schema.loads_table_name)}")  # noqa: S608
    except DatabaseUndefinedRelation:
        return ""
    return str(rows[0][0] or "") if rows else ""


def clear(client: Client, schema: Schema, resources: Iterable[str], *, after: str | None = None) -> None:
    """Delete them.

    Args:
        client: of the destination.
        schema: that the destination has; nobody else may be loading into its tables.
        resources: whose tables are looked at.
        after: loads later than this one go too, though they are committed.
    """
    wanted = set(resources)
    load_id = client.escape_column_name(schema.naming.normalize_identifier(C_DLT_LOAD_ID))
    loads = f"SELECT load_id FROM {_name(client, schema.loads_table_name)} WHERE status = 0"  # noqa: S608
    for table in schema.data_tables(seen_data_only=True):
        name = table["name"] or ""
        if table.get("resource") not in wanted or not additive(table):
            continue
        condition = f"{load_id} NOT IN ({loads})"
        values = () if after is None else (after,)
        _delete(client, name, f"{condition} OR {load_id} > %s" if values else condition, *values)
        for nested in get_nested_tables(schema.tables, name)[1:]:
            _delete_orphans(client, nested, schema.tables[nested["parent"] or ""])


def _delete_orphans(client: Client, table: TTableSchema, parent: TTableSchema) -> None:
    link, row = get_first_column_name_with_prop(table, "parent_key"), get_first_column_name_with_prop(parent, "row_key")
    if link and row and has_table_seen_data(table):
        there = f"SELECT {client.escape_column_name(row)} FROM {_name(client, parent['name'] or '')}"  # noqa: S608
        _delete(client, table["name"] or "", f"{client.escape_column_name(link)} NOT IN ({there})")


def _delete(client: Client, table: str, condition: str, *values: object) -> None:
    try:
        client.execute_sql(f"DELETE FROM {_name(client, table)} WHERE {condition}", *values)  # noqa: S608
    except DatabaseUndefinedRelation:
        return  # a package that was killed early names tables that it has not made


def _name(client: Client, table: str) -> str:
    return client.make_qualified_table_name(table)
