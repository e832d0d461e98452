"""The resource below all others of a source: it has the tables fetched that are selected when it starts.

One generator hands on the batches of all tables. With one for each, a queue that nobody reads just then would keep the
engine waiting for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count

import dlt
from dlt.common.schema import Schema

from extractor.load.attempt import incident_rows_of
from extractor.load.own import INCIDENTS
from extractor.load.tables import Page
from extractor.model import Incident
from extractor.run.job import Job
from extractor.selection import narrowed
from extractor.sources.served import Batch, Servable, Served
from extractor.sources.supply import Supply

__all__ = ["Driver", "Tables"]

Tables = Callable[[Schema], Mapping[str, Servable]]
"""Makes the tables, by the names of the endpoints that write to them, for a schema's names and types."""


class Driver:
    """Fetches the tables of a source.

    Args:
        job: all that the source may be asked for.
        tables: those of the source.
    """

    def __init__(self, job: Job, tables: Tables) -> None:
        self._job = job
        self._tables = tables

    def batches(self) -> Iterator[Batch]:
        """What is selected in the source that is being read, and in the end the incidents.

        Raises:
            ExtractorError: it is no use to go on.
        """
        source = dlt.current.source()
        asked = {one.table for one in source.resources.extracted if isinstance(one, Served)}
        tables = self._tables(source.schema)
        loaded = [endpoint for endpoint, table in tables.items() if table.name in asked]
        found: list[Incident] = []
        happened: Sequence[object] = ()
        if loaded:
            selection = narrowed(self._job.vendor, self._job.selection, loaded)
            with Supply(replace(self._job, selection=selection)) as supply:
                yield from _read(supply, tables, found)
            happened = supply.incidents
        yield Batch(INCIDENTS, chain(happened, incident_rows_of(found)))


def _read(supply: Iterable[Sequence[Page]], tables: Mapping[str, Servable], found: list[Incident]) -> Iterator[Batch]:
    """The records of the pages, table by table; where the newest of a key stays, numbered as they were fetched."""
    load = secrets.token_hex(8)
    numbers = (f"{load}{number:010x}" for number in count())
    for pages in supply:
        of_table: dict[str, list[Page]] = {}
        for page in pages:
            of_table.setdefault(tables[page[0]].name, []).append(page)
        for own in of_table.values():
            table = tables[own[0][0]]
            for records in table.batches(own, found):
                yield Batch(table.name, _numbered(records, numbers) if table.last_stays else records)


def _numbered(records: Iterable[object], numbers: Iterator[str]) -> Iterator[object]:
    """The records with the id that dlt would make up for each."""
    for record in records:
        yield {**record, "_dlt_id": next(numbers)} if isinstance(record, dict) else record
