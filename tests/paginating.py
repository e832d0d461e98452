"""Paginators driven by hand: `next` for the first call, `send` or `throw` for the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from extractor.model import Answer, Call, Paginator, Rejected

__all__ = ["Row", "Walked", "rows", "walk"]

Row = dict[str, object]


@dataclass
class Walked:
    """What a paginator was told, how it ended, and where it could go on when it was stopped."""

    rows: list[object] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    kept: str | None = None
    limited: bool | None = None

    @property
    def ids(self) -> set[object]:
        return {row["id"] for row in self.rows if isinstance(row, dict)}


def walk(
    paginator: Paginator, vendor: Callable[[Call], Answer], *, kept: str | None = None, calls: int = 1_000
) -> Walked:
    """Drive it as the client does, for so many calls. What the vendor raises is thrown into it."""
    pages = paginator(kept)
    walked = Walked(kept=kept)
    call = next(pages)
    try:
        for _ in range(calls):
            walked.calls.append(call)
            try:
                found = vendor(call)
            except Rejected as error:
                call = pages.throw(error)
                continue
            walked.rows += found.records
            call = pages.send(found)
            walked.kept = call.cursor
    except StopIteration as end:
        walked.limited = bool(end.value)
    return walked


def rows(number: int) -> list[Row]:
    return [{"id": position} for position in range(number)]
