"""The requests that a vendor allows, as its documents state them; `limits` works out what they mean."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bucket", "Budget", "Learnt", "RollingWindow", "StatedSecond", "WeeklyQuota"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedSecond:
    """So many requests a second for the whole account.

    Attributes:
        limit: requests a second to believe until the vendor shows another.
        limit_header, remaining_header: of every answer, names in lower case; '' where the vendor states nothing.
    """

    limit: float
    limit_header: str = ""
    remaining_header: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket that holds `size` requests and drains evenly.

    Attributes:
        size: requests at once after a rest, to believe until a header says otherwise.
        per_second: requests a second that drain, at a bucket of `size`; a larger one drains faster in proportion
            until 429s show that it does not.
        used_header: of every answer, lower case: `USED/SIZE`; '' where the vendor states nothing.
        older: the smaller bucket (size, per_second) of older accounts, taken for ours when 429s show it.
    """

    size: int
    per_second: float
    used_header: str = ""
    older: tuple[int, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RollingWindow:
    """At most `limit` requests in any `seconds`, and `at_once` in flight; no headers."""

    limit: int
    seconds: float
    at_once: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WeeklyQuota:
    """So many requests from Sunday 00:00 UTC to the next, counted over runs and processes of one account.

    Attributes:
        limit: requests a week.
        keep: that many are left to the company's other users.
        spent_text: what the body of a 429 holds when the quota is spent; '' if nothing tells it from other 429s.
    """

    limit: int
    keep: int
    spent_text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Learnt:
    """Nobody says what the vendor allows: its answers do, in the usual headers or by 429s.

    Attributes:
        at_once: requests in flight at most; fewer while answers take longer for it.
    """

    at_once: int = 64


Budget = StatedSecond | Bucket | RollingWindow | WeeklyQuota | Learnt
