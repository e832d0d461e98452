"""One chunk goes in: whole if it can, and otherwise in parts, until what the destination refuses is alone.

After three failures, and if the destination takes an empty package, the pages are halved and halved again. Each part is
a package of its own; a single record that fails alone becomes an incident. The chunk's own rows come last, in a package
that completes it. A crash in between costs nothing: the parts that are in go in again, by key, to the same effect.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from extractor.errors import StorageError
from extractor.gate import kept_bytes
from extractor.ledger import IncidentRow, ListingRow
from extractor.load.ahead import Ahead, Next
from extractor.load.attempt import CountsDiffer, Loader, Package, incident_rows_of
from extractor.load.connections import Away, kept_out
from extractor.load.destination import Destination
from extractor.load.protocol import Loaded
from extractor.load.settings import unlimited
from extractor.load.tables import Contents, Page
from extractor.model import Incident, IncidentKind
from extractor.rawjson import NotJson, elements

__all__ = ["Chunk", "ChunkLoader", "Unwanted"]

_ATTEMPTS = 3
_DETAIL = 300

_Announced = tuple[str, Sequence[Incident]]
"""Load id and incidents of a package that may be committed by now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """What is to be loaded; asked again for every attempt.

    Attributes:
        number: in ledger and spool.
        pages: in the order they were fetched.
        listings, incidents: rows for our own two tables.
    """

    number: int
    pages: Callable[[], Iterable[Page]]
    listings: Callable[[], Iterable[ListingRow]]
    incidents: Callable[[], Iterable[IncidentRow]]


class Unwanted(Exception):
    """The run does not want the chunk to be loaded any more."""


class ChunkLoader:
    """Loads chunks one after the other.

    Args:
        announce: given the load id that completes the chunk, and the incidents of records that were kept out or
            changed; the load goes on when it returns, and ends when it raises `Unwanted`.
        retrying: told why an attempt failed.
        following: the chunk behind this one, if it is sealed.
    """

    def __init__(
        self,
        loader: Loader,
        destination: Destination,
        *,
        announce: Callable[[str, Sequence[Incident]], None],
        retrying: Callable[[str], None],
        following: Callable[[int], Next | None] = lambda _: None,
    ) -> None:
        self._loader = loader
        self._destination = destination
        self._announce = announce
        self._retrying = retrying
        self._following = following
        self._ahead = Ahead(loader.prepare)
        self._why = ""

    def load(self, chunk: Chunk, parts: int = 1) -> Loaded:
        """Load it.

        Args:
            chunk: where its pages and rows are.
            parts: how many packages to make of the pages from the start; more than one after this process was
                killed over the chunk, as it is when memory is short.

        Raises:
            Away: the destination can't be reached or takes nothing.
            CountsDiffer: it has other rows than it was given.
            StorageError: the chunk's pages are damaged or missing.
        """
        self._loader.chunk()
        if parts <= 1:
            package = self._patiently(chunk, partial(self._contents, chunk))
            if package is not None:
                return _loaded([package], package.incidents)
            self._probe()
        return self._in_parts(chunk, max(parts, 2))

    def _contents(self, chunk: Chunk) -> Contents:
        """What was made of it ahead, in the first attempt; its pages in any other."""
        return self._ahead.take(chunk.number) or Contents(pages=list(chunk.pages()))

    def _patiently(
        self, chunk: Chunk, contents: Callable[[], Contents], found: Sequence[Incident] = ()
    ) -> Package | None:
        """The package that completes the chunk; None if every attempt failed.

        Args:
            chunk: whose own rows go with it.
            contents: all of the chunk's, or nothing if its pages are in already.
            found: incidents of pages that are in already.
        """
        failed = 0
        while failed < _ATTEMPTS:
            announced: list[_Announced] = []

            def announce(load_id: str, more: Sequence[Incident], noted: list[_Announced] = announced) -> None:
                self._announce(load_id, [*found, *more])
                noted.append((load_id, more))
                following = self._following(chunk.number)
                if following is not None:
                    self._ahead.begin(following)

            incidents = chain(chunk.incidents(), incident_rows_of(found))
            try:
                return self._loader.attempt(contents, chunk.listings(), incidents, announce)
            except (CountsDiffer, StorageError, Unwanted):
                raise
            except Exception as error:  # noqa: BLE001 - whatever dlt or a driver raises, the chunk must go on
                failed += not kept_out(error)
                self._recover(error, failed)
            package = self._committed(announced)
            if package is not None:
                return package
        return None

    def _committed(self, announced: Sequence[_Announced]) -> Package | None:
        """The package of an attempt that failed in clearing up behind the commit; None if it failed before."""
        for load_id, more in announced:
            if self._destination.answer(partial(self._destination.committed, load_id)):
                return Package(load_id=load_id, rows={}, incidents=more, seconds={})
        return None

    def _recover(self, error: Exception, failed: int) -> None:
        self._why = self._destination.plain(error)
        self._retrying(self._why)
        if "out of memory" in self._why.lower():
            unlimited(os.environ)
        self._destination.forget()
        time.sleep(0.1 * 2**failed)
        self._destination.reach()

    def _probe(self) -> None:
        """See that the destination takes a package without pages; else it is no record's fault."""
        try:
            self._loader.attempt(Contents, [], [], lambda _load_id, _incidents: None, part=True)
        except Exception as error:
            raise Away(f"The destination takes nothing: {self._destination.plain(error)}") from error

    def _in_parts(self, chunk: Chunk, parts: int) -> Loaded:
        self._ahead.drop()
        pages = list(chunk.pages())
        packages: list[Package] = []
        refused: list[Incident] = []
        size = max(1, -(-len(pages) // parts))
        for start in range(0, len(pages), size):
            self._part(pages[start : start + size], packages, refused)
        found = [incident for package in packages for incident in package.incidents] + refused
        last = self._patiently(chunk, Contents, found)
        if last is None:
            raise Away(f"The destination takes records, but not the rows that say so: {self._why}")
        return _loaded([*packages, last], found)

    def _part(self, pages: Sequence[Page], packages: list[Package], refused: list[Incident]) -> None:
        announced: list[_Announced] = []
        try:
            contents = partial(Contents, pages=pages)
            packages.append(self._loader.attempt(contents, [], [], lambda *one: announced.append(one), part=True))
        except CountsDiffer:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._recover(error, 1)
            package = self._committed(announced)
            if package is not None:
                packages.append(package)
                return
            if kept_out(error):
                self._part(pages, packages, refused)
                return
            halves = _halves(pages)
            if not halves:
                self._probe()
                refused.append(_refused(pages[0], self._destination.plain(error)))
            for half in halves:
                self._part(half, packages, refused)


def _halves(pages: Sequence[Page]) -> list[Sequence[Page]]:
    """Two parts, none if there is one record only."""
    if len(pages) > 1:
        middle = len(pages) // 2
        return [pages[:middle], pages[middle:]]
    endpoint, key, payload = pages[0]
    try:
        records = elements(payload)
    except NotJson:
        return []
    if len(records) < 2:
        return []
    middle = len(records) // 2
    return [[(endpoint, key, b"[%b]" % b",".join(half))] for half in (records[:middle], records[middle:])]


def _refused(page: Page, why: str) -> Incident:
    endpoint, key, payload = page
    return Incident(
        kind=IncidentKind.MALFORMED,
        endpoint=endpoint,
        key=f"{key}#{hashlib.sha256(payload).hexdigest()[:16]}",
        detail=f"the destination refuses the record: {why}"[:_DETAIL],
        record=kept_bytes(payload.removeprefix(b"[").removesuffix(b"]")),
        attempts=_ATTEMPTS,
    )


def _loaded(packages: Sequence[Package], found: Sequence[Incident]) -> Loaded:
    rows: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for package in packages:
        for name, number in package.rows.items():
            rows[name] = rows.get(name, 0) + number
        for step, time_taken in package.seconds.items():
            seconds[step] = seconds.get(step, 0.0) + time_taken
    return Loaded(
        load_id=packages[-1].load_id, rows=rows, packages=len(packages), incidents=len(found), seconds=seconds
    )
