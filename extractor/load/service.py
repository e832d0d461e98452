"""What the load process does on request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, cast

import orjson
from dlt.extract import DltResource

from extractor.errors import DestinationError, ExtractorError
from extractor.ledger import LISTING_COLUMNS, incident_rows, listing_rows, sealed_behind
from extractor.ledger.schema import SPOOL
from extractor.load.ahead import Next
from extractor.load.attempt import Loader
from extractor.load.chunk import Chunk, ChunkLoader, Unwanted
from extractor.load.configured import Configured
from extractor.load.connections import Away
from extractor.load.destination import Destination
from extractor.load.own import INCIDENTS, LISTINGS
from extractor.load.protocol import EndpointSpec, Message, Target, incident_to
from extractor.load.quiet import plain
from extractor.load.tables import Page
from extractor.lock import Lock
from extractor.model import Incident, IncidentKind
from extractor.redact import Redactor
from extractor.spool import read

__all__ = ["Service"]

_BLOCK = 10_000
_INCIDENT_COLUMNS = ("kind", "endpoint", "key", "status", "path", "detail", "attempts")


class Service:
    """Performs requests, one at a time, for one pipeline.

    Args:
        serve: the first message: `folder` of the pipeline, `target`, `endpoints`, `patience` in seconds.
        answer: sends a message.
        next_message: blocks until the next one comes.
        redactor: learns all secrets that the process is told.
    """

    def __init__(
        self,
        serve: Message,
        answer: Callable[[Message], None],
        next_message: Callable[[], Message],
        redactor: Redactor,
    ) -> None:
        self._redactor = redactor
        redactor.add(*cast("list[str]", serve["secrets"]))
        self._answer = answer
        self._next_message = next_message
        self._folder = Path(str(serve["folder"]))
        own = self._folder / "load"
        own.mkdir(mode=0o700, exist_ok=True)
        # Only under the lock does what the destination says hold: a predecessor may be in its last commit.
        self._lock = Lock(own / "lock", wait=True)
        target = Target(**cast("dict[str, Any]", serve["target"]))
        specs = cast("list[dict[str, Any]]", serve["endpoints"])
        endpoints = [EndpointSpec(**{**spec, "key": tuple(spec["key"])}) for spec in specs]
        patience = float(cast("float", serve["patience"]))

        def make() -> Destination:
            return Destination(
                own,
                target,
                patience=patience,
                waiting=lambda what: self._say("waiting", what),
                redactor=redactor,
            )

        self._make = make
        self._target = target
        self._endpoints = endpoints
        self._opened: tuple[Destination, ChunkLoader] | None = None
        self._resources: Mapping[str, DltResource] | None = None

    def perform(self, request: Message) -> Message:
        """The answer's fields."""
        name = str(request["do"])
        method = cast("Callable[[Message], Message]", getattr(self, f"_{name}"))
        try:
            # A load knows for itself what it may do again, and what must be hidden hides before anything is opened.
            if name in ("load", "hide", "warm"):
                return method(request)
            return self._destination.answer(lambda: method(request))
        finally:
            if self._opened is not None:
                self._opened[0].sweep()

    def failure(self, error: Exception) -> Message:
        """The answer to a request that failed."""
        if isinstance(error, DestinationError):
            kind = "destination"
        elif isinstance(error, Away):
            kind = "away"
        else:
            kind = "failed"
        text = str(error) if isinstance(error, ExtractorError | Away) else plain(error, self._redactor)
        return {"is": "failed", "kind": kind, "error": text}

    @property
    def _destination(self) -> Destination:
        return self._ready()[0]

    def _ready(self) -> tuple[Destination, ChunkLoader]:
        if self._opened is None:
            destination = self._make()
            destination.sweep()
            loader = Loader(destination, self._target, self._endpoints, self._configured())
            self._opened = (
                destination,
                ChunkLoader(
                    loader,
                    destination,
                    announce=self._announce,
                    retrying=lambda why: self._say("retrying", why),
                    following=self._following,
                ),
            )
        return self._opened

    def _say(self, what: str, text: str) -> None:
        self._answer({"is": what, "text": text})

    def _announce(self, load_id: str, incidents: Sequence[Incident]) -> None:
        self._answer({"is": "extracted", "load_id": load_id, "incidents": [incident_to(one) for one in incidents]})
        answer = self._next_message()
        if answer["do"] != "go":
            raise Unwanted("The run does not want this chunk to be loaded any more.")

    def _configured(self) -> Configured | None:
        if not self._target.configuration:
            return None
        if self._resources is None:
            from extractor import rest_api  # noqa: PLC0415 - only a configuration needs dlt's REST source

            self._resources = rest_api.read(self._target.configuration).resources
        return Configured(self._resources, self._target)

    # ── requests ────────────────────────────────────────────────────────────────────────────

    def _exists(self, _: Message) -> Message:
        return {"exists": self._destination.exists()}

    def _open(self, _: Message) -> Message:
        return {"where": self._destination.open()}

    def _warm(self, _: Message) -> Message:
        import_module("pyarrow.parquet")
        return {}

    def _hide(self, request: Message) -> Message:
        self._redactor.add(*cast("list[str]", request["secrets"]))
        return {}

    def _remember(self, request: Message) -> Message:
        self._target = replace(self._target, state=cast("Mapping[str, object]", request["state"]))
        if self._opened is not None:
            self._opened[0].connections.closed()
            self._opened = None
        return {}

    def _load(self, request: Message) -> Message:
        number, size = cast("int", request["chunk"]), cast("int", request["bytes"])
        chunk = Chunk(
            number=number,
            pages=partial(self._pages, number, size),
            listings=lambda: chain.from_iterable(listing_rows(self._folder, number)),
            incidents=lambda: chain.from_iterable(incident_rows(self._folder, number)),
        )
        loaded = self._ready()[1].load(chunk, cast("int", request["parts"]))
        return {"loaded": asdict(loaded)}

    def _pages(self, number: int, size: int) -> Iterator[Page]:
        for frame in read(self._folder / SPOOL, number, size=size):
            yield frame.endpoint, frame.key, frame.payload

    def _following(self, number: int) -> Next | None:
        if self._target.configuration:
            return None
        found = sealed_behind(self._folder, number)
        return None if found is None else Next(number=found[0], pages=partial(self._pages, *found))

    def _committed(self, request: Message) -> Message:
        return {"committed": self._destination.committed(str(request["load_id"]))}

    def _count(self, _: Message) -> Message:
        names = [*self._destination.tables(), LISTINGS, INCIDENTS]
        return {"rows": self._destination.count(list(dict.fromkeys(names)))}

    def _clear(self, _: Message) -> Message:
        self._destination.clear()
        return {}

    def _rebuild(self, request: Message) -> Message:
        """Rows of `_extractor_listings` as JSON lines, each an array in the order of its columns."""
        # One connection for all questions: opening a DuckDB file takes longer than to ask it.
        with self._destination.connections.open():
            return self._rebuilt(request)

    def _rebuilt(self, request: Message) -> Message:
        state = self._destination.state()
        written = 0
        file = os.open(str(request["file"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            for rows in self._destination.read(LISTINGS, LISTING_COLUMNS, "", _BLOCK):
                out.writelines(orjson.dumps((*row[:-1], _seconds(row[-1]))) + b"\n" for row in rows)
                written += len(rows)
        # An earlier version had no such column.
        gap = "gap" if "gap" in self._destination.columns(INCIDENTS) else "NULL"
        unresolved = chain.from_iterable(
            self._destination.read(INCIDENTS, (*_INCIDENT_COLUMNS, gap), "WHERE resolved_at IS NULL", _BLOCK)
        )
        return {
            "state": None if state is None else dict(state),
            "listings": written,
            "incidents": [incident_to(_incident(row)) for row in unresolved],
        }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _incident(row: tuple[Any, ...]) -> Incident:
    """The incident without the record's bytes: the destination has them."""
    kind, gap = IncidentKind(row[0]), row[-1]
    return Incident(
        kind=kind,
        endpoint=row[1],
        key=row[2],
        status=row[3],
        path=row[4] or "",  # dlt loads empty text as NULL into some destinations
        detail=row[5] or "",
        attempts=row[6],
        gap=kind not in (IncidentKind.GONE, IncidentKind.MOVED) if gap is None else bool(gap),
    )
