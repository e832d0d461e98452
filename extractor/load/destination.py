"""The destination as the load process knows it: opened, asked, and loaded one package at a time.

**A dlt package is never resumed.** Killed at any moment, dlt's own folder may be left in states in which it stops for
good, loads rows twice or notes a load twice. So every attempt has an empty folder and a load id of its own, and the row
in `_dlt_loads` alone says whether it counts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import Destination as Factory
from dlt.common.destination.exceptions import (
    DestinationException,
    DestinationUndefinedEntity,
    InvalidDestinationReference,
    UnknownDestinationModule,
)
from dlt.common.exceptions import DltException
from dlt.common.schema import Schema
from dlt.common.schema.typing import LOADS_TABLE_NAME, PIPELINE_STATE_TABLE_NAME
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from extractor.errors import DestinationError
from extractor.load.connections import Away, Client, Connections, kept_out
from extractor.load.kept import Kept
from extractor.load.own import INCIDENTS, LISTINGS
from extractor.load.protocol import Target
from extractor.load.quiet import plain, secrets_of
from extractor.load.settings import trace_nothing
from extractor.load.tables import prefer_variants
from extractor.redact import Redactor

__all__ = ["STATE_KEY", "Destination"]

_T = TypeVar("_T")

STATE_KEY = "extractor"
"""Where in the state of dlt's source ours is."""


class Destination:
    """One destination, dataset and pipeline.

    Args:
        folder: for dlt's files while an attempt lasts.
        target: names, and how to open it.
        patience: seconds to wait for a destination that others keep locked or that is away.
        waiting: called once when such a wait begins, with what it waits for.
        redactor: learns the destination's secrets.

    Attributes:
        connections: to it, one at a time.
    """

    def __init__(
        self,
        folder: Path,
        target: Target,
        *,
        patience: float,
        waiting: Callable[[str], None],
        redactor: Redactor | None = None,
    ) -> None:
        trace_nothing()
        self._redactor = redactor or Redactor()
        self._work = folder / "dlt"
        self._target = target
        self._kept = Kept(target.pipeline)
        self._tidy = False
        self._asked: dlt.Pipeline | None = None
        self.connections = Connections(
            self._asking, name=target.destination, patience=patience, waiting=waiting, plain=self.plain
        )
        self._factory = self._make_factory()
        self._redactor.add(*secrets_of(self._factory))

    def _make_factory(self) -> Any:  # noqa: ANN401 - dlt types its factories so
        target = self._target
        options = dict(target.options)
        try:
            return Factory.from_reference(
                target.destination, destination_name=target.destination_name or None, **cast("Any", options)
            )
        except (UnknownDestinationModule, InvalidDestinationReference) as error:
            raise DestinationError(
                f"dlt knows no destination {target.destination!r}. "
                "Name one of dlt's (duckdb, postgres, bigquery, snowflake ...) with --destination."
            ) from error
        except (DestinationException, ConfigurationException, ImportError, TypeError) as error:
            raise DestinationError(
                f"The destination {target.destination!r} can't be used: {self.plain(error)} "
                "Check its settings in .dlt/config.toml and .dlt/secrets.toml."
            ) from error

    # ── dlt's pipeline in an empty folder ───────────────────────────────────────────────────

    def pipeline(self) -> dlt.Pipeline:
        """A pipeline that stands where the last commit left it."""
        self.sweep()
        self._kept.restore(self._work)
        pipeline = dlt.pipeline(
            self._target.pipeline,
            pipelines_dir=str(self._work),
            destination=self._factory,
            dataset_name=self._target.dataset,
        )
        if not self._kept.known:
            self.connections.closed()
            pipeline.sync_destination()
            self._kept.keep(pipeline)
        return pipeline

    def attempting(self) -> dlt.Pipeline:
        """A pipeline for an attempt. What attempts that were killed left in dlt's own table of states is deleted."""
        if not self._tidy:
            self._delete_states()
            self._tidy = True
        # The attempt's pipeline is the only one that is kept.
        self._asked = None
        return self.pipeline()

    def _delete_states(self) -> None:
        """Delete this pipeline's states whose load is not in `_dlt_loads`. No load goes on, so none will come there."""
        with self.connections.open() as client, suppress(DestinationUndefinedEntity):
            states, loads = map(client.make_qualified_table_name, (PIPELINE_STATE_TABLE_NAME, LOADS_TABLE_NAME))
            unnoted = f"_dlt_load_id NOT IN (SELECT load_id FROM {loads})"  # noqa: S608
            left = f"FROM {states} WHERE pipeline_name = %s AND {unnoted}"
            # Not every destination can delete; none has to where nothing is left.
            if client.execute_sql(f"SELECT 1 {left}", self._target.pipeline):
                client.execute_sql(f"DELETE {left}", self._target.pipeline)

    def keep(self, pipeline: dlt.Pipeline) -> None:
        """The pipeline's schema and state are those of the last commit; dlt's own commands find them, too."""
        self._kept.keep(pipeline)
        if self._target.published:
            self._kept.publish()

    def forget(self) -> None:
        """Take schema and state from the destination again."""
        self._kept.forget()
        self._tidy = False

    def sweep(self) -> None:
        """Delete what an attempt left behind, that of a killed process too."""
        shutil.rmtree(self._work, ignore_errors=True)
        if self._target.published:
            self._kept.sweep()

    def schema(self, pipeline: dlt.Pipeline) -> Schema:
        """The schema of the last commit, or a new one."""
        name = self._target.schema
        schema = pipeline.schemas[name].clone() if name in pipeline.schemas else Schema(name)
        if not self._target.configuration:
            prefer_variants(schema)
        return schema

    # ── questions ───────────────────────────────────────────────────────────────────────────

    def exists(self) -> bool:
        """False if it is a file that isn't there and that opening would make; nothing is opened."""
        try:
            credentials = self._asking().destination_client().config.credentials
        except DltException:
            return True  # what is wrong `open` says
        return not isinstance(credentials, DuckDbCredentials) or Path(credentials.database).exists()

    def open(self) -> str:
        """Open it once; returns where it is, in words.

        Raises:
            DestinationError: it can't be opened, or another pipeline loads into the dataset; with the reason and
                what to do.
        """
        try:
            with ExitStack() as opened:
                others = self._others(self.connections.reached(opened))
            where = str(self._asking().destination_client().config)
        except Away as error:
            raise DestinationError(str(error)) from error
        except DltException as error:
            raise DestinationError(
                f"The destination {self._target.destination} can't be opened: {self.plain(error)} "
                "Check its settings in .dlt/config.toml and .dlt/secrets.toml."
            ) from error
        if others:
            raise DestinationError(
                f"The dataset {self._target.dataset} belongs to the pipeline {', '.join(others)}: each would take the "
                f"other's {LISTINGS} for its own. Choose another --dataset."
            )
        # As dlt's own messages show it: an address without a password, for DuckDB the file.
        return where.removeprefix("duckdb:///")

    def _others(self, client: Client) -> list[str]:
        """Pipelines of this package that have loaded into the dataset before; those of others do no harm."""
        state, loads, schemas = (
            client.make_qualified_table_name(name) for name in ("_dlt_pipeline_state", "_dlt_loads", "_dlt_version")
        )
        schema = client.escape_column_name("schema")
        query = (
            f"SELECT DISTINCT s.pipeline_name FROM {state} AS s "  # noqa: S608 - dlt's own names
            f"JOIN {loads} AS l ON l.load_id = s._dlt_load_id JOIN {schemas} AS v ON v.schema_name = l.schema_name "
            f"WHERE s.pipeline_name <> %s AND v.{schema} LIKE %s"
        )
        try:
            rows = client.execute_sql(query, self._target.pipeline, f'%"{LISTINGS}"%')
        except DestinationUndefinedEntity:
            return []
        return sorted(str(row[0]) for row in rows or ())

    def reach(self) -> None:
        """Wait until it can be opened.

        Raises:
            Away: it can't within `patience`.
        """
        with ExitStack() as opened:
            self.connections.reached(opened)

    def answer(self, question: Callable[[], _T]) -> _T:
        """The question's answer; it is asked again when others kept the destination locked at that moment.

        Raises:
            Away: as `reach` does.
        """
        while True:
            try:
                return question()
            except DltException as error:
                if not kept_out(error):
                    raise
            self.forget()
            self.reach()

    def committed(self, load_id: str) -> bool:
        """Whether `_dlt_loads` has the load. If so, what it left in the staging dataset is deleted.

        Raises:
            RuntimeError: it has it more than once, which no attempt of ours can bring about.
        """
        with self.connections.open() as client:
            found = self._count(client, "_dlt_loads", "WHERE load_id = %s AND status = 0", load_id)
        if found > 1:
            raise RuntimeError(f"the load {load_id} stands {found} times in _dlt_loads")
        if found:
            self._empty_staging()
        return found == 1

    def _empty_staging(self) -> None:
        """Delete the records there, as dlt does behind each commit if it is not killed."""
        names = self.tables()
        with self.connections.open() as client, client.with_staging_dataset():
            for name in names:
                with suppress(DestinationUndefinedEntity):
                    client.truncate_tables(name)

    def verify(self, client: Client, load_id: str, names: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many rows of the load `_dlt_loads` has, and each of the tables."""
        loads = self._count(client, "_dlt_loads", "WHERE load_id = %s AND status = 0", load_id)
        return loads, {name: self._count(client, name, "WHERE _dlt_load_id = %s", load_id) for name in names}

    def count(self, names: Sequence[str]) -> dict[str, int]:
        """Rows of the tables, 0 where there is no table."""
        with self.connections.open() as client:
            return {name: self._count(client, name, "") for name in names}

    def tables(self) -> list[str]:
        """All tables that have had data, dlt's own left out."""
        pipeline = self.pipeline()
        name = self._target.schema
        return pipeline.schemas[name].data_table_names(seen_data_only=True) if name in pipeline.schemas else []

    def state(self) -> Mapping[str, object] | None:
        """Ours, as it was when it was last loaded."""
        self.forget()
        sources = cast("dict[str, Any]", self.pipeline().state).get("sources", {})
        return cast("Mapping[str, object] | None", sources.get(self._target.schema, {}).get(STATE_KEY))

    def columns(self, table: str) -> list[str]:
        """Names of the table's columns in small letters; none if there is no table."""
        with self.connections.open() as client:
            name = client.make_qualified_table_name(table)
            try:
                with client.execute_query(f"SELECT * FROM {name} WHERE 1 = 0") as cursor:  # noqa: S608
                    return [str(column[0]).lower() for column in cursor.description]
            except DestinationUndefinedEntity:
                return []

    def read(self, table: str, columns: Sequence[str], where: str, block: int) -> Iterator[list[tuple[Any, ...]]]:
        """The table's rows, `block` at a time; none if there is no table."""
        with self.connections.open() as client:
            name = client.make_qualified_table_name(table)
            try:
                with client.execute_query(f"SELECT {', '.join(columns)} FROM {name} {where}") as cursor:  # noqa: S608
                    while rows := cursor.fetchmany(block):
                        yield rows
            except DestinationUndefinedEntity:
                return

    def clear(self) -> None:
        """Empty our own two tables."""
        with self.connections.open() as client:
            for name in (LISTINGS, INCIDENTS):
                try:
                    client.execute_sql(f"DELETE FROM {client.make_qualified_table_name(name)} WHERE 1 = 1")  # noqa: S608
                except DestinationUndefinedEntity:
                    continue

    def plain(self, error: BaseException) -> str:
        """The reason of an error, fit for a message."""
        return plain(error, self._redactor)

    def _asking(self) -> dlt.Pipeline:
        """A pipeline for questions, apart from the one that an attempt is about. It needs none of its files."""
        if self._asked is None:
            self._asked = dlt.pipeline(
                self._target.pipeline,
                pipelines_dir=str(self._work / "ask"),
                destination=self._factory,
                dataset_name=self._target.dataset,
            )
        return self._asked

    @staticmethod
    def _count(client: Client, table: str, where: str, *values: object) -> int:
        name = client.make_qualified_table_name(table)
        try:
            rows = client.execute_sql(f"SELECT count(*) FROM {name} {where}", *values)  # noqa: S608
        except DestinationUndefinedEntity:
            return 0
        return int(rows[0][0]) if rows else 0
