"""Paginators: generators that yield calls, are sent the answers, and return whether the list stayed cut off.

They hold no connection and no clock, so that a test drives them with `next` and `send`. None keeps an answer while it
waits for the next one: pages wait for the disk meanwhile, and decoded records take seven times the room of their bytes.

A vendor may answer anything, so none goes round in circles: a page that names one that was there already, or brings
the records of another one, raises `Endless`.
"""

from __future__ import annotations

from extractor.paginate.capped import once, split_by, split_by_field
from extractor.paginate.fields import field_of
from extractor.paginate.linked import by_cursor, by_link, by_link_or_cursor
from extractor.paginate.numbered import by_offset, by_skip

__all__ = [
    "by_cursor",
    "by_link",
    "by_link_or_cursor",
    "by_offset",
    "by_skip",
    "field_of",
    "once",
    "split_by",
    "split_by_field",
]
