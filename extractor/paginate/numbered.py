"""Lists whose pages are asked for by the number of records before them."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from functools import partial

from extractor.errors import Endless
from extractor.model import Answer, Call, Paginator, Rejected
from extractor.paginate.fields import field_of, number
from extractor.paginate.progress import Progress
from extractor.paginate.size import Size

__all__ = ["by_offset", "by_skip"]


def by_offset(
    limit: int, *, total: str = "", offset_param: str = "offset", limit_param: str = "limit", least: int = 0
) -> Paginator:
    """Pages by the number of records before them, until a total is reached or, without one, a page is short.

    Args:
        limit: records a page.
        total: dotted path of how many there are.
        offset_param, limit_param: query parameters.
        least: down to so many records a page is halved when it seems too large to be sent; 0: never.
    """

    def following(content: object, reached: int, short: bool) -> int | None:
        whole = number(field_of(content, total))
        ended = short if whole is None else reached >= whole
        return None if ended else reached

    return partial(_numbered, names=(offset_param, limit_param), limit=limit, least=least, following=following)


def by_skip(
    limit: int,
    *,
    next: str = "pagination.nextPageSkip",  # noqa: A002 - a vendor file says `next=`
    more: str = "pagination.hasMore",
    skip_param: str = "skip",
    limit_param: str = "limit",
    most: int,
    least: int,
) -> Paginator:
    """Pages by the number of records before them, which the vendor names, and allows up to `most`.

    The list stays cut off where the next page lies beyond that.

    Args:
        limit: records a page.
        next: dotted path of the next page's number.
        more: dotted path of whether there is one.
        skip_param, limit_param: query parameters.
        most: the largest number that the vendor takes.
        least: down to so many records a page is halved when it seems too large to be sent; 0: never.
    """

    def following(content: object, reached: int, short: bool) -> int | None:
        named = number(field_of(content, next))
        if named is not None:
            return named
        further = field_of(content, more)
        return reached if further is True or (further is None and not short) else None

    return partial(_numbered, names=(skip_param, limit_param), limit=limit, least=least, following=following, most=most)


def _numbered(
    kept: str | None,
    *,
    names: tuple[str, str],
    limit: int,
    least: int,
    following: Callable[[object, int, bool], int | None],
    most: float = math.inf,
) -> Generator[Call, Answer, bool]:
    """From number to number.

    Args:
        kept: the number to resume at.
        names: parameters for the number and for the size of a page.
        following: the next page's number, None at the end: given the content, the number of the record after the
            last one, and whether the page was a short one.
    """
    place = int(kept or 0)
    size = Size(limit, least)
    progress = Progress(kept or "")
    while True:
        asked = size.now
        numbers = (str(place), str(asked))
        try:
            answer = yield Call(params=tuple(zip(names, numbers, strict=True)), cursor=str(place) if place else None)
        except Rejected as error:
            size.shrink(error)
            continue
        size.keep()
        progress.read(answer.records)
        count, limited = len(answer.records), answer.limited
        further = following(answer.content, place + count, count < asked)
        del answer
        if further is None:
            return limited
        if not count and further <= place:
            # An empty page in the place of one that the vendor still counts: it shows less than it has.
            return limited or further == place
        if further <= place:
            raise Endless(f"after the page at {place} comes the one at {further}")
        if further > most:
            return True
        place = further
