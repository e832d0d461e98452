"""Paginators: generators that yield calls, are sent the answers, and return whether the list stayed cut off.

They hold no connection and no clock, so that a test drives them with `next` and `send`. None keeps an answer while it
waits for the next one: pages wait for the disk meanwhile, and decoded records take seven times the room of their bytes.

A vendor may answer anything, so none goes round in circles: a page that names one that was there already, or brings
the records of another one, raises `Endless`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from extractor.errors import Endless
from extractor.model import Answer, Call, Paginator, Rejected

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

_EXPIRED = 400
"""What Gorgias most likely answers to a cursor that has expired; its documents name no status."""

_RESTARTS = 10
"""So often a list with a watermark is walked anew; a vendor that takes no cursor would be asked for ever."""

_TOO_LARGE = (413, 502, 504, None)
"""Clari's Copilot API answers 502 where a page exceeds 6 MB; an answer that never comes may have the same cause."""

_PATIENCE = 10
"""Answers in a row until a page that was made smaller grows again."""

_EMPTY = 100
"""Pages in a row without a record, each naming another one, that are taken for a list without end."""


def field_of(record: object, path: str) -> object:
    """The value at a dotted path, None if there is none."""
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def once(_: str | None) -> Generator[Call, Answer, bool]:
    """One request brings the whole list."""
    return (yield Call()).limited


def split_by(param: str, values: tuple[str, ...]) -> Paginator:
    """One request, and if its list was cut off one more for each of the values that `param` can have.

    Each part has the cap for itself: the list is whole if every part is.
    """

    def pages(_: str | None) -> Generator[Call, Answer, bool]:
        if not (yield Call()).limited:
            return False
        cut_off = False
        for value in values:
            cut_off |= (yield Call(params=((param, value),))).limited
        return cut_off

    return pages


def split_by_field(param: str, fields: tuple[str, ...]) -> Paginator:
    """One request, and if its list was cut off one more for each value that its records have in `fields`.

    What lies beyond the cut may have values that nobody has seen, so the list stays cut off.
    """

    def pages(_: str | None) -> Generator[Call, Answer, bool]:
        answer = yield Call()
        if not answer.limited:
            return False
        asked: set[str] = set()
        waiting = _values(answer, fields)
        del answer
        while waiting:
            value = waiting.pop(0)
            if value in asked:
                continue
            asked.add(value)
            # A session's items can name another session: a bot hands over to a second one.
            named = _values((yield Call(params=((param, value),))), fields)
            waiting += [found for found in named if found not in asked]
        return True

    return pages


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
        return partial(_watermarked, at=at, param=param, watermark=watermark, newest_first=newest_first)
    return partial(
        _followed,
        named=lambda content: _text_at(content, at),
        call=lambda cursor: Call(params=((param, cursor),), cursor=cursor),
    )


def by_link(at: str) -> Paginator:
    """Each answer holds the address of the next page, which is followed as it stands."""
    return partial(
        _followed, named=lambda content: _text_at(content, at), call=lambda link: Call(link=link, cursor=link)
    )


def by_link_or_cursor(link: str, cursor: str, param: str) -> Paginator:
    """Each answer holds the address of the next page, or its cursor; the dotted paths say where."""

    def named(content: object) -> str:
        found = {"link": _text_at(content, link)}
        if not found["link"]:
            found = {"cursor": _text_at(content, cursor)}
        return json.dumps(found) if any(found.values()) else ""

    def call(kept: str) -> Call:
        found: dict[str, str] = json.loads(kept)
        if "link" in found:
            return Call(link=found["link"], cursor=kept)
        return Call(params=((param, found["cursor"]),), cursor=kept)

    return partial(_followed, named=named, call=call)


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
        whole = _number(field_of(content, total))
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
        named = _number(field_of(content, next))
        if named is not None:
            return named
        further = field_of(content, more)
        return reached if further is True or (further is None and not short) else None

    return partial(_numbered, names=(skip_param, limit_param), limit=limit, least=least, following=following, most=most)


# ── pages that name the next one ────────────────────────────────────────────────────────────


def _followed(
    kept: str | None, *, named: Callable[[object], str], call: Callable[[str], Call]
) -> Generator[Call, Answer, bool]:
    """From page to page, by what each says of the next one; `kept` is what was said of the page to resume at."""
    place = kept or ""
    resumed = bool(place)
    progress = _Progress(place)
    while True:
        try:
            answer = yield call(place) if place else Call()
        except Rejected as error:
            if error.status != _EXPIRED or not resumed:
                raise
            place, resumed, progress = "", False, _Progress()
            continue
        resumed = False
        progress.read(answer.records)
        place, limited = named(answer.content), answer.limited
        del answer
        if not place:
            return limited
        progress.follow(place)


def _watermarked(
    kept: str | None, *, at: str, param: str, watermark: str, newest_first: tuple[tuple[str, str], ...]
) -> Generator[Call, Answer, bool]:
    """From cursor to cursor, oldest first; once a cursor has expired, newest first down to the rows that were seen.

    A row that changes while the list is walked newest first moves to its front, out of the walk's way. So such a walk
    is followed by another one, down to where the one before began, until nothing can have come up meanwhile.
    """
    mark = _Mark.read(kept)
    progress = _Progress(mark.cursor)
    restarts, checked = 0, False
    while True:
        params = (newest_first if mark.floor else ()) + (((param, mark.cursor),) if mark.cursor else ())
        try:
            answer = yield Call(params=params, cursor=mark.text())
        except Rejected as error:
            if error.status != _EXPIRED or not mark.cursor or restarts == _RESTARTS:
                raise
            restarts += 1
            mark, progress = replace(mark, cursor="", floor=mark.floor or mark.newest), _Progress()
            continue
        progress.read(answer.records)
        instants = [instant for record in answer.records if (instant := _instant(field_of(record, watermark)))]
        cursor, limited = _text_at(answer.content, at), answer.limited
        del answer
        mark = mark.after(cursor, instants)
        if mark.cursor and not mark.reached(instants):
            progress.follow(mark.cursor)
            continue
        if mark.floor is None or progress.pages == 1 or (checked and mark.newest == mark.floor):
            return limited
        if restarts == _RESTARTS:
            raise Endless(f"records come up faster than {progress.pages} pages of them can be read")
        restarts, checked = restarts + 1, True
        mark, progress = replace(mark, cursor="", floor=mark.newest), _Progress()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    """How far a walk has come.

    Attributes:
        cursor: of the next page, '' for the first.
        newest: the newest instant that was seen.
        floor: of a walk newest first: what is older was seen before it.
    """

    cursor: str = ""
    newest: datetime | None = None
    floor: datetime | None = None

    @classmethod
    def read(cls, kept: str | None) -> _Mark:
        found: dict[str, str] = json.loads(kept) if kept else {}
        return cls(
            cursor=found.get("cursor", ""), newest=_instant(found.get("newest")), floor=_instant(found.get("floor"))
        )

    def text(self) -> str | None:
        """As the disk keeps it; None for the beginning of the list."""
        if not self.cursor and not self.floor:
            return None
        instants = {"newest": self.newest, "floor": self.floor}
        return json.dumps({"cursor": self.cursor} | {name: at.isoformat() for name, at in instants.items() if at})

    def after(self, cursor: str, instants: Sequence[datetime]) -> _Mark:
        """After a page with rows of these instants."""
        return replace(self, cursor=cursor, newest=max((at for at in (*instants, self.newest) if at), default=None))

    def reached(self, instants: Sequence[datetime]) -> bool:
        """Whether the floor lies above one of these: whole seconds, in case the vendor orders by no more than those.

        The rows of the floor's own second are read once more, all of them: some may not have been seen.
        """
        return self.floor is not None and min(instants, default=self.floor) < self.floor.replace(microsecond=0)


# ── pages by number ─────────────────────────────────────────────────────────────────────────


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
    size = _Size(limit, least)
    progress = _Progress(kept or "")
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
        if further is None or (not count and further <= place):
            return limited
        if further <= place:
            raise Endless(f"after the page at {place} comes the one at {further}")
        if further > most:
            return True
        place = further


class _Size:
    """How many records to ask for at once: half as many when they seem too large, more again after a while.

    Args:
        most: at first.
        least: never fewer; 0: never fewer than at first.
    """

    def __init__(self, most: int, least: int) -> None:
        self.now = most
        self._most = most
        self._least = least or most
        self._patience = _PATIENCE
        self._good = 0

    def shrink(self, rejected: Rejected) -> None:
        """Ask for half of it, or raise what came if that is not the way."""
        if rejected.status not in _TOO_LARGE or self.now <= self._least:
            raise rejected
        self.now = max(self.now // 2, self._least)
        self._patience *= 2  # each time that it has grown too far
        self._good = 0

    def keep(self) -> None:
        """That many came."""
        self._good += 1
        if self._good == self._patience and self.now < self._most:
            self.now = min(self.now * 2, self._most)
            self._good = 0


# ── what is common ──────────────────────────────────────────────────────────────────────────


class _Progress:
    """Sees to it that a list goes on, and raises `Endless` where it does not.

    Args:
        place: where it is resumed, '' at the beginning.
    """

    def __init__(self, place: str = "") -> None:
        self.pages = 1 if place else 0  # the page that named the place was read in an earlier run
        self._places = {place}
        self._prints: set[int] = set()
        self._empty = 0

    def follow(self, place: str) -> None:
        """The list goes on there."""
        if place in self._places:
            raise Endless(f"page {self.pages} leads to one that was there already")
        self._places.add(place)

    def read(self, records: Sequence[object]) -> None:
        """A page with these records came."""
        self.pages += 1
        self._empty = 0 if records else self._empty + 1
        if self._empty > _EMPTY:
            raise Endless(f"{_EMPTY} pages in a row were empty, and each leads to another one")
        if records:
            # In any order: the vendor may send them as members of an object.
            found = hash(frozenset(hash(repr(record)) for record in records))
            if found in self._prints:
                raise Endless(f"page {self.pages} holds the same records as an earlier one")
            self._prints.add(found)


def _text_at(content: object, path: str) -> str:
    found = field_of(content, path)
    return str(found) if found else ""


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _instant(value: object) -> datetime | None:
    """An ISO 8601 time; without an offset it is UTC, as Gorgias means it."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _values(answer: Answer, fields: tuple[str, ...]) -> list[str]:
    named = (field_of(record, path) for record in answer.records for path in fields)
    return list(dict.fromkeys(value for value in named if isinstance(value, str) and value))
