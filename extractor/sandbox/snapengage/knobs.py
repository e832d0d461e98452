"""Switches for what is not known of the vendor; the defaults are what its documents and recorded samples suggest."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Knobs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """How paging, dates and the token behave, about which the vendor's documents say little.

    Attributes:
        end_exclusive: the day `end` is no part of the window.
        link_empty: the last page carries an empty link instead of none.
        link_many: several widgets, or none named, are paged like a single one.
        link_foreign: links lead to another origin.
        link_repeat: the link of this page, counted from 1, leads to the page itself; 0 is none.
        link_ttl: seconds after which a link is answered 400; 0 is never.
        bearer: the scheme word `Bearer` before the token is tolerated.
        string_dates: `created_at_date` is always text.
    """

    end_exclusive: bool = False
    link_empty: bool = False
    link_many: bool = False
    link_foreign: bool = False
    link_repeat: int = 0
    link_ttl: int = 0
    bearer: bool = False
    string_dates: bool = False
