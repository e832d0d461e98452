"""Text in sound JSON that dlt or a destination would refuse or change, found in the bytes of whole pages.

In bytes that hold none of these, and that a strict parser takes, the walk finds all that is left to find.
"""

from __future__ import annotations

import re

__all__ = ["suspicious"]

_SUSPECTS = (b"\\u0000", b"\\uf02", b"\\uF02")
_UNESCAPED = b"\xef\x80"
_EDGES = (b'"0001-01-01', b'"9999-12-31')
_EDGE = re.compile(rb'"(?:0001-01-01|9999-12-31)[^"]*[+-][0-9:]+"')


def suspicious(raw: bytes) -> bool:
    """Whether there may be some in there."""
    # Without a generator: it takes longer than to look through a page.
    for suspect in _SUSPECTS:
        if suspect in raw:
            return True
    if not raw.isascii() and _UNESCAPED in raw:
        return True
    return (_EDGES[0] in raw or _EDGES[1] in raw) and _EDGE.search(raw) is not None
