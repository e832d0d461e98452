"""Switches that this vendor alone has."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Knobs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """Size of the budget, and how paging misbehaves.

    Attributes:
        bucket: requests that may come at once: 40 for an API key, 80 for an OAuth2 app.
        window: seconds in which a full bucket runs out: 20, or 10 for an Enterprise account.
        access_token: accepted as `Bearer`, besides e-mail address and API key.
        cursor_ttl: seconds for which a cursor is good; 0 is for ever.
        cursor_repeat: a list names the same cursor again from its page of this number on; 0 is never, 1 would be
            the page that is asked for without a cursor.
        foreign_next: the next address of view items leads to another host.
        view_items_cursor: view items page like all other lists, instead of in a dialect of their own.
    """

    bucket: int = 40
    window: int = 20
    access_token: str = "sandbox-access-token"  # noqa: S105  it opens nothing but this sandbox
    cursor_ttl: float = 0
    cursor_repeat: int = 0
    foreign_next: bool = False
    view_items_cursor: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: names the knob and what it takes.
        """
        if self.bucket not in (40, 80):
            raise ValueError("knob bucket must be 40 or 80")
        if self.window not in (10, 20):
            raise ValueError("knob window must be 10 or 20")
        if self.cursor_repeat == 1:
            raise ValueError("knob cursor-repeat must be 0, or 2 or more")
