"""What passes between a client and a paginator."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

__all__ = ["Answer", "Call", "Paginator", "Rejected"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What a paginator asks for: the endpoint's request with these parameters in addition.

    Attributes:
        params: replace the endpoint's own of the same name.
        link: address from the vendor's answer that is asked for as it stands instead; absolute or relative.
        cursor: with which a later run can start here; None if the listing must then start again.
    """

    params: tuple[tuple[str, str], ...] = ()
    link: str = ""
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a paginator is told of each answer. It must keep none of it: pages wait for the disk.

    Attributes:
        records: decoded, in the vendor's order.
        content: the whole decoded body; None for a downloaded one.
        limited: the vendor says that the list was cut off.
    """

    records: Sequence[object]
    content: object = None
    limited: bool = False


class Rejected(Exception):
    """Thrown into a paginator whose call failed, so that it can ask in another way; one that can't lets it pass.

    Attributes:
        status: of the answer, None if there was none.
    """

    def __init__(self, status: int | None) -> None:
        super().__init__(f"status {status}")
        self.status = status


Paginator = Callable[[str | None], Generator[Call, Answer, bool]]
"""Given the cursor to start at, yields calls, is sent their answers, returns whether the list stayed cut off."""
