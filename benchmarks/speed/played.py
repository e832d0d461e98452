"""Whom a contender speaks to: the help desk, or a vendor's sandbox; and what either counted."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.rig import Sandbox

__all__ = ["ROOT", "Counted", "Open", "Played", "Size", "Vendor", "open_desk"]

ROOT = Path(__file__).parent.parent.parent
"""Of the project, from which `-m benchmarks…` is found."""

Seconds = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What was asked so far.

    Attributes:
        records: in the answers, 0 where nobody counts them.
        admitted, refused: requests by Unix second; the refused were answered with 429.
        repeated: requests for what had been asked for before.
        first, last: Unix time of the first and the last request; 0 before there was any.
        share: part of the allowed requests that was used, where whoever counts also knows what he allows.
    """

    requests: int = 0
    records: int = 0
    admitted: Seconds = ()
    refused: Seconds = ()
    repeated: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    first: float = 0.0
    last: float = 0.0
    share: float | None = None

    @property
    def too_many(self) -> int:
        """Answers with status 429."""
        return sum(count for _, count in self.refused)

    def share_of(self, rate: float) -> float | None:
        """Part of `rate` requests a second that was used between the first window and the last; None without one."""
        inner = range(int(self.first) + 2, int(self.last))
        if not inner:
            return None
        return sum(count for second, count in self.admitted if second in inner) / (rate * len(inner))


class Played(Protocol):
    """Somebody who answers."""

    @property
    def base_url(self) -> str:
        """Where."""

    def counted(self) -> Counted:
        """What was asked so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much the desk holds, and how it answers.

    Attributes:
        latency: ms.
        limit: `fixed`, `sliding` or `bucket`; '' for none.
        rate: requests a second that the limit allows.
        stated: whether answers state the limit.
    """

    customers: int = 0
    conversations: int = 2
    items: int = 8
    lines: int = 0
    latency: float = 0.0
    limit: str = ""
    rate: int = 20
    stated: bool = True

    @property
    def requests(self) -> int:
        """That a walk through all lists needs."""
        return -(-self.customers // 100) + self.customers * (1 + self.conversations)

    @property
    def records(self) -> int:
        """In all lists, or in the export."""
        return self.lines or self.customers * (1 + self.conversations * (1 + self.items))

    @property
    def arguments(self) -> list[str]:
        """For `python -m benchmarks.speed.desk`."""
        numbers = ("customers", "conversations", "items", "lines", "latency", "rate")
        words = [f"--{name}={getattr(self, name)}" for name in numbers]
        return words + ([f"--limit={self.limit}"] if self.limit else []) + ([] if self.stated else ["--unstated"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A help desk that is open."""

    base_url: str

    def counted(self) -> Counted:
        """What was asked so far."""
        with urllib.request.urlopen(f"{self.base_url}/_counts", timeout=60) as answer:  # noqa: S310 - loopback
            told = json.load(answer)
        pairs = {name: tuple(map(tuple, told[name])) for name in ("admitted", "refused")}
        return Counted(**(told | pairs))


@contextmanager
def open_desk(size: Size) -> Iterator[Open]:
    """Open a desk in a process of its own; close it afterwards."""
    command = [sys.executable, "-m", "benchmarks.speed.desk", *size.arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it was started with a pipe
            port = json.loads(process.stdout.readline())["port"]
            yield Open(base_url=f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """A vendor's sandbox."""

    sandbox: Sandbox

    @property
    def base_url(self) -> str:
        """Where."""
        return self.sandbox.base_url

    def counted(self) -> Counted:
        """What was asked so far; seconds and share are those of the first budget, 429s those of all."""
        stats: dict[str, Any] = self.sandbox.ask("stats")
        refused = tuple((int(row[0]), int(row[4])) for row in stats["seconds"] if row[4])
        elsewhere = stats["too_many"] - sum(count for _, count in refused)
        return Counted(
            requests=stats["requests"],
            admitted=tuple((int(row[0]), int(row[2])) for row in stats["seconds"]),
            refused=refused + (((int(stats["last_request"]), elsewhere),) if elsewhere else ()),
            repeated=stats["repeated"],
            in_flight=stats["in_flight"],
            most_in_flight=stats["max_in_flight"],
            first=stats["first_request"] or 0.0,
            last=stats["last_request"] or 0.0,
            share=stats["share_used"],
        )
