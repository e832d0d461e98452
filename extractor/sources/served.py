"""The resources of a source: each takes its own table's records out of what the driver below them hands on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from dlt.extract import DltResource
from dlt.extract.hints import TResourceHints

from extractor.ledger import IncidentRow
from extractor.load.given import Marked
from extractor.load.own import INCIDENTS, own_batches, own_hints
from extractor.load.tables import Page
from extractor.model import Incident

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Batch", "Incidents", "Servable", "Served"]

_NEWEST_STAYS = {"name": "_dlt_id", "dedup_sort": "desc"}
"""Of rows with one key in a package dlt keeps any, unless a column says which; the driver numbers them in that one."""


class Servable(Protocol):
    """A table: what dlt is told of it, and how records are made of pages."""

    @property
    def name(self) -> str:
        """Of the resource."""

    @property
    def cursor(self) -> str | None:
        """The column of an incremental cursor, None if there is none."""

    @property
    def last_stays(self) -> bool:
        """Whether of two records with one key the last one is to stay."""

    def hints(self) -> TResourceHints:
        """Key, columns, write disposition."""

    def batches(self, pages: Sequence[Page], incidents: list[Incident]) -> Iterator[Sequence[object]]:
        """Records; incidents are added to."""


class Batch(list[object]):
    """Rows of one table: records, or tuples of `_extractor_incidents`."""

    def __init__(self, table: str, rows: Iterable[object]) -> None:
        super().__init__(rows)
        self.table = table


class Served(Marked):
    """A transformer of the driver.

    Attributes:
        table: whose records it passes on, whatever it is called by now.
    """

    table = ""

    @classmethod
    def of(cls, table: Servable, driver: DltResource) -> Self:
        """The resource for a table."""

        def own(batch: Batch) -> list[object] | None:
            return list(batch) if batch.table == table.name else None

        hints = table.hints()
        columns = hints.get("columns") or {}
        if table.last_stays and isinstance(columns, dict):
            hints["columns"] = cast("Any", {**columns, "_dlt_id": _NEWEST_STAYS})
        made = cls.from_data(own, name=table.name, hints=hints, data_from=driver)
        made.table, made.cursor = table.name, table.cursor
        return made

    def add_limit(
        self, max_items: int | None = None, max_time: float | None = None, count_rows: bool | None = False
    ) -> Self:
        """Limit what the driver hands on, for all tables together: batches, seconds or rows."""
        self._parent.add_limit(max_items, max_time, count_rows)
        return self

    def _clone(self, **options: Any) -> Self:  # noqa: ANN401 - dlt's own signature
        made = super()._clone(**options)
        made.table, made.cursor = self.table, self.cursor
        return made


class Incidents(Served):
    """Our table beside the vendor's: it comes with them whichever are selected."""

    table = INCIDENTS

    @classmethod
    def below(cls, driver: DltResource) -> Self:
        """The resource."""

        def own(batch: Batch) -> Iterator[pa.Table]:
            if batch.table == INCIDENTS:
                yield from own_batches(INCIDENTS, cast("list[IncidentRow]", batch))

        return cls.from_data(own, name=INCIDENTS, hints=own_hints(INCIDENTS), data_from=driver)

    @property
    def selected(self) -> bool:
        """Always: what is missing must be told wherever something is loaded."""
        return True

    @selected.setter
    def selected(self, _: bool) -> None:
        pass
