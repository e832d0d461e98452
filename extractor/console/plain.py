"""Progress as lines, for logs and pipes."""

from __future__ import annotations

from functools import partial
from typing import TextIO

from extractor.account import Outcome, Snapshot
from extractor.console.lines import Lines
from extractor.console.text import clock, counted, kinds, roughly, size, visible

__all__ = ["Plain", "line"]


class Plain:
    """A line at the start of each phase, and one every five seconds."""

    def __init__(self, vendor: str, stream: TextIO) -> None:
        self._lines = Lines(stream, partial(line, vendor), every=5.0)

    def show(self, snapshot: Snapshot) -> None:
        """Write a line if it is time for one."""
        self._lines.show(snapshot)

    def end(self, outcome: Outcome) -> None:
        """The account is printed by the command."""

    def close(self) -> None:
        """Every line was flushed."""


def line(vendor: str, snapshot: Snapshot, left: float | None) -> str:
    """All of a snapshot in one line."""
    known = sum(endpoint.known for endpoint in snapshot.endpoints)
    waiting = sum(endpoint.waiting for endpoint in snapshot.endpoints)
    parts = [f"{known - waiting:,} of {known:,} known listings done"]
    if failed := sum(endpoint.failed for endpoint in snapshot.endpoints):
        parts.append(f"{failed:,} failed")
    parts.append(f"{snapshot.fetched:,} rows fetched, {snapshot.loaded:,} loaded")
    if snapshot.backlog:
        parts.append(f"{size(snapshot.backlog)} to load")
    allowed = f" of {snapshot.allowed:,.1f}" if snapshot.allowed is not None else ""
    parts += [f"{snapshot.rate:,.1f}{allowed} requests/s", f"{snapshot.in_flight:,} in flight"]
    if snapshot.throttled:
        parts.append(counted(snapshot.throttled, "answer 429", "answers 429"))
    if incidents := kinds(snapshot.incidents):
        parts.append(f"incidents: {incidents}")
    if left is not None:
        parts.append(f"about {roughly(left)} left")
    return f"{clock(snapshot.seconds)} {visible(vendor)} {visible(snapshot.phase)}: {'; '.join(parts)}"
