"""Lists whose pages name the next one."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from functools import partial

from extractor.model import Answer, Call, Paginator, Rejected
from extractor.paginate.fields import text_at
from extractor.paginate.progress import Progress, expired
from extractor.paginate.watermark import watermarked

__all__ = ["by_cursor", "by_link", "by_link_or_cursor"]


def by_cursor(
    at: str = "meta.next_cursor",
    param: str = "cursor",
    *,
    watermark: str = "",
    newest_first: tuple[tuple[str, str], ...] = (),
) -> Paginator:
    """Each answer names the cursor of the next page.

    A cursor that expired makes a resumed list start again. With a watermark only what is missing is asked for, and
    the endpoint's own order must be oldest first.

    Args:
        at: dotted path of the cursor in an answer.
        param: query parameter for it.
        watermark: dotted path, in a record, of the instant (ISO 8601) that orders the list.
        newest_first: parameters that turn the order round.
    """
    if watermark:
        return partial(watermarked, at=at, param=param, watermark=watermark, newest_first=newest_first)
    return partial(
        _followed,
        named=lambda content: text_at(content, at),
        call=lambda cursor: Call(params=((param, cursor),), cursor=cursor),
    )


def by_link(at: str) -> Paginator:
    """Each answer holds the address of the next page, which is followed as it stands."""
    return partial(
        _followed, named=lambda content: text_at(content, at), call=lambda link: Call(link=link, cursor=link)
    )


def by_link_or_cursor(link: str, cursor: str, param: str) -> Paginator:
    """Each answer holds the address of the next page, or its cursor; the dotted paths say where."""

    def named(content: object) -> str:
        found = {"link": text_at(content, link)}
        if not found["link"]:
            found = {"cursor": text_at(content, cursor)}
        return json.dumps(found) if any(found.values()) else ""

    def call(kept: str) -> Call:
        found: dict[str, str] = json.loads(kept)
        if "link" in found:
            return Call(link=found["link"], cursor=kept)
        return Call(params=((param, found["cursor"]),), cursor=kept)

    return partial(_followed, named=named, call=call)


def _followed(
    kept: str | None, *, named: Callable[[object], str], call: Callable[[str], Call]
) -> Generator[Call, Answer, bool]:
    """From page to page, by what each says of the next one; `kept` is what was said of the page to resume at."""
    place = kept or ""
    resumed = bool(place)
    progress = Progress(place)
    while True:
        try:
            answer = yield call(place) if place else Call()
        except Rejected as error:
            if not expired(error) or not resumed:
                raise
            place, resumed, progress = "", False, Progress()
            continue
        resumed = False
        progress.read(answer.records)
        place, limited = named(answer.content), answer.limited
        del answer
        if not place:
            return limited
        progress.follow(place)
