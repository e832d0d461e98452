"""All tables of a user's own configuration, from package to package: which are begun, and what must not come twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from dlt.common.schema import Schema
from dlt.common.schema.utils import is_nested_table
from dlt.extract import DltResource

from extractor.load.coercion import bound
from extractor.load.given import Given
from extractor.load.leftovers import Client, clear, newest
from extractor.load.once import Progress, tell
from extractor.load.protocol import Target
from extractor.load.tables import Page
from extractor.model import Incident

__all__ = ["Configured"]

_STATE = "extractor_tables"
"""Where in the state of dlt's source the progress of a run is."""

Connect = Callable[[], AbstractContextManager[Client]]


class Configured:
    """Makes the resources of each package.

    What a killed load left behind is cleared away before the first package of a process and after one that failed; a
    chunk whose parts came in while it did not is begun anew without them.

    Args:
        resources: dlt's own, by name.
        target: whose state tells one run from another, and what was selected.
    """

    def __init__(self, resources: Mapping[str, DltResource], target: Target) -> None:
        bound()
        self._resources = resources
        self._given: dict[str, Given] = {}
        selection = cast("Mapping[str, Sequence[str]]", target.state.get("selection") or {})
        self._selected = frozenset(selection.get("loaded", ()))
        self._run = str(target.state.get("began") or "")
        self._progress = Progress()
        self._earlier: frozenset[str] = frozenset()
        self._told = self._clean = False
        self._anew = True

    def chunk(self) -> None:
        """Another chunk follows, or the same one from its beginning."""
        self._anew = True

    def tell(self, factory: Any) -> None:  # noqa: ANN401 - dlt types its factories so
        """Have a destination's tables replaced once in a run."""
        if not self._told:
            tell(factory, lambda: (self._earlier, self._progress.before))
            self._told = True

    def begin(self, state: dict[str, Any], schema: Schema, connect: Connect, *, part: bool) -> None:
        """Make ready for a package.

        Args:
            state: of dlt's source, as the last package left it.
            schema: that the destination has.
            connect: opens the destination.
            part: the package does not complete a chunk.
        """
        known = state.get(_STATE)
        progress = Progress.read(known)
        torn = progress.parts_after if self._anew else None
        if torn is not None or not self._clean:
            with connect() as client:
                clear(client, schema, self._resources, after=torn)
        self._anew = self._clean = False
        if known is None or progress.run != self._run:
            with connect() as client:
                progress = Progress(run=self._run, before=newest(client, schema))
        if not part or torn is not None:
            progress.parts_after = None
        if part and progress.parts_after is None:
            with connect() as client:
                progress.parts_after = newest(client, schema)
        self._progress = progress

    def resources(
        self, pages: Sequence[Page], incidents: list[Incident], state: dict[str, Any], schema: Schema
    ) -> list[DltResource]:
        """One for each resource that the pages have records of, or whose tables the run has yet to empty.

        Args:
            pages: in the order they were fetched.
            incidents: added to while dlt reads.
            state: of dlt's source; noted in it is what the package begins.
            schema: for its naming.
        """
        of_resource: dict[str, list[Page]] = {name: [] for name in self._resources}
        for page in pages:
            of_resource[page[0]].append(page)
        self._earlier = frozenset(self._progress.begun)
        made: list[DltResource] = []
        for name, own in of_resource.items():
            given = self._given.get(name) or self._given.setdefault(name, Given(self._resources[name], schema.naming))
            empties = given.replaces and name in self._selected - self._earlier
            if own or empties:
                self._progress.begun.add(name)
                made.append(given.resource(own, incidents))
        state[_STATE] = self._progress.written()
        return made

    def done(self) -> None:
        """The package is committed."""
        self._clean = True

    def rows(self, schema: Schema, counts: Mapping[str, int]) -> tuple[dict[str, int], list[str]]:
        """Rows that a package has for tables of the configuration, and those of them that must be there afterwards.

        Args:
            schema: as the package has it.
            counts: rows by table, nested and dlt's own ones too.
        """
        rows = {
            name: counts[name]
            for name, table in schema.tables.items()
            if name in counts and table.get("resource") in self._resources and not is_nested_table(table)
        }
        # A merge may leave rows out: unchanged ones, deleted ones, all but one of a key.
        return rows, [name for name in rows if schema.tables[name].get("write_disposition") != "merge"]
