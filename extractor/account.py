"""What a run tells about itself: snapshots while it lasts, an outcome at its end.

`run` fills these in, `console` shows them, and `status` builds one from ledger and destination.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["EndpointCount", "ExitCode", "Outcome", "Snapshot", "TableAccount"]


class ExitCode(IntEnum):
    """What the process ends with."""

    COMPLETE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointCount:
    """Listings of one endpoint by where they stand.

    Attributes:
        table: the table its records go to, '' if they are read for their ids only.
        waiting: held or pending or half-read; `known` is the sum of all.
        records: delivered by the vendor so far, repeats included.
    """

    endpoint: str
    table: str
    waiting: int = 0
    committed: int = 0
    gone: int = 0
    failed: int = 0
    truncated: int = 0
    records: int = 0

    @property
    def known(self) -> int:
        """Listings of this endpoint that are known."""
        return self.waiting + self.committed + self.gone + self.failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A moment of a run.

    Attributes:
        phase: a few words: what it does or waits for.
        seconds: since the start of this process.
        requests: sent in this run, every attempt counted.
        rate: requests a second over the last seconds; `allowed` is what the vendor allows at present.
        throttled: answers with status 429.
        loaded: rows that the destination holds of this run; `fetched` rows are on disk at least.
        backlog: bytes in the spool that are not loaded.
    """

    phase: str
    seconds: float
    requests: int
    rate: float
    allowed: float | None
    in_flight: int
    throttled: int
    fetched: int
    loaded: int
    backlog: int
    endpoints: tuple[EndpointCount, ...]
    incidents: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableAccount:
    """The closing reconciliation of one table: what its parents named against what came.

    Attributes:
        rows: in the destination now, None if it can't be asked.
        listings: that lead to this table, of all its endpoints; the next four are parts of it.
        waiting: not done, because the run ended early.
        truncated: cut off by the vendor and not completed by another route.
        records: delivered, repeats included.
    """

    table: str
    rows: int | None
    listings: int
    committed: int
    gone: int
    failed: int
    waiting: int
    truncated: int
    records: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        message: one sentence, for people: complete, partial with what is missing, or why it failed.
        share: part of the allowed requests that was used while there was work, 0 to 1, None if unknown.
        pauses: times the vendor was left alone after a 429.
        incidents: by kind, open ones of the whole pipeline.
        where: the destination in words, for DuckDB the file.
        next: the command to type next.
        nothing_to_do: everything had been committed before.
    """

    code: ExitCode
    message: str
    vendor: str
    pipeline: str
    dataset: str
    where: str
    seconds: float
    requests: int = 0
    throttled: int = 0
    pauses: int = 0
    share: float | None = None
    tables: tuple[TableAccount, ...] = ()
    incidents: Mapping[str, int] = field(default_factory=dict)
    next: str = ""
    nothing_to_do: bool = False
