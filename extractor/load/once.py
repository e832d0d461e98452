"""What a write disposition says of one load, kept where a run loads in many packages.

dlt means by `replace`: what this load brings takes the place of all that was there. A run has many loads, so its first
one does that and the others append. In the same way a later one leaves alone what this run has loaded before, where a
disposition deletes or retires whatever a load does not bring again. The schema keeps the user's words: only the
tables that dlt prepares for loading are told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from dlt.common.destination.client import JobClientBase
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.destination.utils import resolve_merge_strategy
from dlt.common.schema.typing import C_DLT_LOAD_ID, TTableSchema
from dlt.common.schema.utils import get_columns_names_with_prop, get_root_table
from dlt.destinations.job_client_impl import SqlJobClientBase

__all__ = ["SCOPE", "Progress", "additive", "tell"]

SCOPE = "x-merge-destination-scope"
"""dlt's hint with the rows of the destination that a merge may delete or retire."""


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a run is with its tables; it travels in dlt's state with each package.

    Attributes:
        run: tells this run from one that loads everything anew.
        before: the latest load before the run's first, '' if there was none.
        begun: resources that the run has loaded something of, or emptied.
        parts_after: while a chunk is loaded in parts, the latest load before them.
    """

    run: str = ""
    before: str = ""
    begun: set[str] = field(default_factory=set)
    parts_after: str | None = None

    @classmethod
    def read(cls, state: Mapping[str, Any] | None) -> Progress:
        """As `written` wrote it."""
        return cls(**{**state, "begun": set(state["begun"])}) if state else cls()

    def written(self) -> dict[str, object]:
        """For dlt's state."""
        return {
            "run": self.run,
            "before": self.before,
            "begun": sorted(self.begun),
            "parts_after": self.parts_after,
        }


def additive(table: TTableSchema) -> bool:
    """Whether a package that is loaded a second time would add its rows a second time."""
    if table.get("write_disposition") != "merge":
        return True
    strategy = table.get("x-merge-strategy") or "delete-insert"
    keyed = bool(get_columns_names_with_prop(table, "primary_key"))
    return strategy == "delete-insert" and not (keyed and _whole(table))


def _whole(table: TTableSchema | PreparedTableSchema) -> bool:
    """Whether a merge looks at the primary key alone, so that packages don't touch each other's rows."""
    return not table.get(SCOPE) and not get_columns_names_with_prop(cast("TTableSchema", table), "merge_key")


def tell(factory: Any, begun: Callable[[], tuple[Container[str], str]]) -> None:  # noqa: ANN401 - dlt types its factories so
    """Have the clients of a destination prepare tables so that their write disposition is done once in a run.

    Args:
        factory: of the destination.
        begun: resources that an earlier package of the run has begun, and `Progress.before`.
    """
    make = factory.client

    def client(*args: object, **options: object) -> JobClientBase:
        made = cast("JobClientBase", make(*args, **options))
        prepare = made.prepare_load_table

        def prepared(table_name: str) -> PreparedTableSchema:
            table = prepare(table_name)
            resources, before = begun()
            if (get_root_table(made.schema.tables, table_name).get("resource") or "") in resources:
                _later(made, table, before)
            return table

        made.prepare_load_table = prepared  # type: ignore[method-assign]
        return made

    factory.client = client


def _later(client: JobClientBase, table: PreparedTableSchema, before: str) -> None:
    if table["write_disposition"] == "replace":
        table["write_disposition"] = "append"
    elif table["write_disposition"] == "merge" and not table.get("parent") and isinstance(client, SqlJobClientBase):
        scope = _scope(client, table, before)
        if scope:
            cast("dict[str, object]", table)[SCOPE] = scope


def _scope(client: SqlJobClientBase, table: PreparedTableSchema, before: str) -> str:
    """The rows that a later package of the run may delete or retire, '' if it may all that dlt would."""
    strategy = resolve_merge_strategy(client.schema.tables, cast("TTableSchema", table), client.capabilities)
    whole = _whole(table)
    if strategy in ("scd2", "cdc") and whole:
        return "1 = 0"
    if strategy not in ("delete-insert", "cdc") or whole:
        return ""
    escape = client.sql_client.escape_column_name
    older = f"{escape(client.schema.naming.normalize_identifier(C_DLT_LOAD_ID))} <= '{before}'"
    if own := table.get(SCOPE):
        return f"({own}) AND {older}"
    same = {
        prop: " AND ".join(
            f"s.{escape(column)} = {{table}}.{escape(column)}"
            for column in get_columns_names_with_prop(cast("TTableSchema", table), prop)
        )
        for prop in ("primary_key", "merge_key")
    }
    replaced = f"EXISTS (SELECT 1 FROM {{staging_table}} s WHERE {same['merge_key']}) AND {older}"  # noqa: S608
    if strategy == "cdc" or not same["primary_key"]:
        return replaced
    return f"({replaced}) OR EXISTS (SELECT 1 FROM {{staging_table}} s WHERE {same['primary_key']})"  # noqa: S608
