"""What is asked, what is answered, and parts of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["UNKNOWN", "Asked", "Record", "Reply", "day"]

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request.

    Attributes:
        path: what follows the API's name, in parts.
        url: without the query, for links to further pages.
        content: its JSON body; empty if it has none.
    """

    method: str
    path: Sequence[str]
    url: str
    params: Mapping[str, str]
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer; `content` becomes JSON."""

    content: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


UNKNOWN = Reply(status=404, content={"message": "Not Found"})


def day(number: int) -> str:
    """An instant of 2024, a later one for a larger number below 366."""
    month, of_month = divmod(number % 336, 28)
    return f"2024-{month + 1:02}-{of_month + 1:02}T08:30:00Z"
