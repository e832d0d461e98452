"""Progress as JSON lines, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TextIO

from extractor.account import EndpointCount, Outcome, Snapshot
from extractor.console.lines import Lines

__all__ = ["JsonLines"]


class JsonLines:
    """One object a line: `event` is `progress` or `end`, the rest is the snapshot or the outcome."""

    def __init__(self, vendor: str, stream: TextIO) -> None:
        self._vendor = vendor
        self._lines = Lines(stream, self._progress, every=1.0)

    def show(self, snapshot: Snapshot) -> None:
        """Write a line if it is time for one."""
        self._lines.show(snapshot)

    def end(self, outcome: Outcome) -> None:
        """Write the outcome."""
        self._lines.write(_text({"event": "end"} | told(outcome)))

    def close(self) -> None:
        """Every line was flushed."""

    def _progress(self, snapshot: Snapshot, left: float | None) -> str:
        return _text({"event": "progress", "vendor": self._vendor, "left": plain(left)} | told(snapshot))


def _text(value: Mapping[str, object]) -> str:
    # ASCII only: control characters and whatever else came from outside are escaped.
    return json.dumps(value, allow_nan=False)


def told(value: Snapshot | Outcome) -> dict[str, object]:
    """The fields as JSON has them, with what can be computed from an endpoint's counts."""
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}


def plain(value: object) -> object:
    """Tuples as lists, dataclasses as objects, what is no number as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        shown = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return shown | {"known": value.known} if isinstance(value, EndpointCount) else shown
    return value
