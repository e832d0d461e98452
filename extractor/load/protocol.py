"""What the two processes tell each other: JSON lines over two pipes, one request at a time.

The handle sends `serve` first, then requests; the load process answers each with `done` or `failed`, and may send
`waiting`, `retrying` and, in the course of a load, `extracted`, on which it waits for `go`. Credentials travel here and
nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import BinaryIO, cast

import orjson

from extractor.model import ColumnType, Endpoint, Incident, IncidentKind

__all__ = [
    "EndpointSpec",
    "Loaded",
    "Message",
    "Rebuilt",
    "Target",
    "decode",
    "describe",
    "encode",
    "incident_from",
    "incident_to",
    "receive",
]

Message = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where the rows go.

    Attributes:
        pipeline, dataset, schema: dlt's names.
        destination: dlt's name of the destination or the path of its factory.
        destination_name: of a named destination in the configuration, '' for none.
        options: arguments of the destination's factory, `credentials` among them; empty to let dlt's
            configuration say it. JSON only.
        state: travels in dlt's state with the first package that finds it changed: identity and frozen options.
        configuration: `file.py:name` of a user's own configuration, whose hints its tables have; '' for none.
        published: whether `dlt pipeline NAME info` is to find it.
    """

    pipeline: str
    dataset: str
    schema: str
    destination: str = "duckdb"
    destination_name: str = ""
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    state: Mapping[str, object] = field(default_factory=dict)
    configuration: str = ""
    published: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointSpec:
    """What the load must know of an endpoint: its pages' name, and its table's name, key and declared types."""

    name: str
    table: str
    key: tuple[str, ...]
    columns: Mapping[str, ColumnType]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """One chunk is in the destination.

    Attributes:
        load_id: of the package that completed it.
        rows: by table, what the chunk brought; duplicates within it and records kept out not counted.
        packages: more than one if the chunk had to be cut up.
        incidents: of records that were kept out or changed; they are in the ledger already.
        seconds: by step, of this chunk's successful packages.
    """

    load_id: str
    rows: Mapping[str, int]
    packages: int = 1
    incidents: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """What the destination knows of earlier runs.

    Attributes:
        state: as `Target.state` was when it was last loaded; None if there never was a load.
        listings: how many rows of `_extractor_listings` were written to the file.
        incidents: that nobody resolved, without the records' bytes.
    """

    state: Mapping[str, object] | None
    listings: int
    incidents: Sequence[Incident]


def describe(endpoints: Iterable[Endpoint]) -> tuple[EndpointSpec, ...]:
    """The part of the endpoints that the load must know."""
    return tuple(
        EndpointSpec(name=one.name, table=one.destination_table, key=one.key, columns=dict(one.columns))
        for one in endpoints
    )


def incident_to(incident: Incident) -> Message:
    """As a message holds it. Text that is no Unicode is written with escapes."""
    found = cast("Message", asdict(incident))
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in found.items()
    }


def incident_from(message: Mapping[str, object]) -> Incident:
    """The incident that `incident_to` wrote."""
    fields = dict(message)
    return Incident(kind=IncidentKind(str(fields.pop("kind"))), **fields)  # type: ignore[arg-type]


def encode(message: Mapping[str, object]) -> bytes:
    """One line."""
    return orjson.dumps(message) + b"\n"


def decode(line: bytes) -> Message:
    """The message of a whole line."""
    return cast("Message", orjson.loads(line))


def receive(pipe: BinaryIO) -> Message | None:
    """Block until a message comes; None at the end of the pipe, in the middle of a message too."""
    line = pipe.readline()
    return decode(line) if line.endswith(b"\n") else None
