"""Paginators are driven by hand: `next` for the first call, `send` for the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, cycle
from weakref import ref

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from extractor.errors import Endless
from extractor.model import Answer, Call, Paginator, Rejected
from extractor.paginate import (
    by_cursor,
    by_link,
    by_link_or_cursor,
    by_offset,
    by_skip,
    field_of,
    once,
    split_by,
    split_by_field,
)

Params = tuple[tuple[str, str], ...]


def drive(paginator: Paginator, answer: Callable[[Params], Answer]) -> tuple[list[Params], bool]:
    """The parameters of all calls, and what the paginator says at its end."""
    pages = paginator(None)
    asked: list[Params] = []
    call: Call = next(pages)
    while True:
        asked.append(call.params)
        try:
            call = pages.send(answer(call.params))
        except StopIteration as end:
            return asked, bool(end.value)


def answer(*, limited: bool = False, records: list[dict[str, object]] | None = None) -> Answer:
    return Answer(records=records or [], limited=limited)


def test_once_asks_once_and_passes_on_that_the_list_was_cut_off() -> None:
    assert drive(once, lambda _: answer()) == ([()], False)
    assert drive(once, lambda _: answer(limited=True)) == ([()], True)


def test_a_whole_list_is_not_split() -> None:
    assert drive(split_by("status", ("OPEN", "CLOSED")), lambda _: answer()) == ([()], False)
    assert drive(split_by_field("sessionId", ("sessionId",)), lambda _: answer()) == ([()], False)


@given(st.sets(st.sampled_from(["OPEN", "CLOSED", "WAITING"])))
def test_a_split_list_is_whole_if_every_part_is(cut_off: set[str]) -> None:
    values = ("OPEN", "CLOSED", "WAITING")

    def vendor(params: Params) -> Answer:
        return answer(limited=not params or params[0][1] in cut_off)

    asked, limited = drive(split_by("status", values), vendor)
    assert asked == [(), *((("status", value),) for value in values)]
    assert limited is bool(cut_off)


@given(
    first=st.lists(st.integers(0, 6), max_size=5),
    others=st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=5)),
)
def test_every_value_that_any_answer_names_is_asked_for_once(first: list[int], others: dict[int, list[int]]) -> None:
    """Whatever sessions name which: those in a circle, itself, several times."""

    def vendor(params: Params) -> Answer:
        named = others.get(int(params[0][1]), []) if params else first
        records: list[dict[str, object]] = [{"content": {"sessionId": str(value)}} for value in named]
        return answer(limited=not params, records=[*records, {"other": 1}])

    asked, limited = drive(split_by_field("sessionId", ("sessionId", "content.sessionId")), vendor)

    reachable: set[int] = set()
    waiting = list(first)
    while waiting:
        value = waiting.pop()
        if value not in reachable:
            reachable.add(value)
            waiting += others.get(value, [])
    assert asked[0] == ()
    assert sorted(int(params[0][1]) for params in asked[1:]) == sorted(reachable)
    assert limited, "beyond the cut may be values that nobody has seen"


def test_only_text_that_is_not_empty_is_asked_for() -> None:
    records: list[dict[str, object]] = [{"s": ""}, {"s": None}, {"s": 5}, {"s": ["x"]}, {"s": {"a": 1}}, {}, {"s": "a"}]
    asked, _ = drive(
        split_by_field("q", ("s", "t")), lambda params: answer(limited=True, records=records if not params else [])
    )
    assert asked == [(), (("q", "a"),)]


def test_a_cursor_changes_nothing_where_a_list_must_start_again() -> None:
    for paginator in (once, split_by("a", ("b",)), split_by_field("a", ("b",))):
        assert next(paginator("anything")) == Call(params=(), cursor=None)


def test_the_value_at_a_dotted_path() -> None:
    record = {"a": {"b": {"c": 0}}, "d": None, "e": [1], "Customer ID": "x"}
    assert field_of(record, "a.b.c") == 0
    assert field_of(record, "Customer ID") == "x"
    for missing in ("a.x", "a.b.c.d", "d.x", "e.x", "", "x"):
        assert field_of(record, missing) is None
    assert field_of([record], "a") is None


# ── lists that go from page to page ─────────────────────────────────────────────────────────

Row = dict[str, object]


class Many(list[object]):
    """Records that can be referred to weakly."""


class Body(dict[str, object]):
    """A body that can be referred to weakly."""


@dataclass
class Walked:
    """What a paginator was told, how it ended, and where it could go on when it was stopped."""

    rows: list[object] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    kept: str | None = None
    limited: bool | None = None

    @property
    def ids(self) -> set[object]:
        return {row["id"] for row in self.rows if isinstance(row, dict)}


def walk(
    paginator: Paginator, vendor: Callable[[Call], Answer], *, kept: str | None = None, calls: int = 1_000
) -> Walked:
    """Drive it as the client does, for so many calls. What the vendor raises is thrown into it."""
    pages = paginator(kept)
    walked = Walked(kept=kept)
    call = next(pages)
    try:
        for _ in range(calls):
            walked.calls.append(call)
            try:
                found = vendor(call)
            except Rejected as error:
                call = pages.throw(error)
                continue
            walked.rows += found.records
            call = pages.send(found)
            walked.kept = call.cursor
    except StopIteration as end:
        walked.limited = bool(end.value)
    return walked


def rows(number: int) -> list[Row]:
    return [{"id": position} for position in range(number)]


@dataclass
class Keyset:
    """A list as Gorgias pages it: by cursors that name a position in the order, and that may expire.

    Attributes:
        instants: of each row, by its id; a whole number of half seconds.
        size: of a page.
        expired: calls, counted from 0, at which cursors are refused.
        moved: call -> a row that changes just before it, and becomes the newest.
        coarse: the order is that of whole seconds.
    """

    instants: list[int]
    size: int
    expired: frozenset[int] = frozenset()
    moved: Mapping[int, int] = field(default_factory=dict)
    coarse: bool = False
    calls: int = 0

    def __call__(self, call: Call) -> Answer:
        number, self.calls = self.calls, self.calls + 1
        if number in self.moved:
            self.instants[self.moved[number] % len(self.instants)] = max(self.instants) + 1
        params = dict(call.params)
        if "cursor" in params and number in self.expired:
            raise Rejected(400)
        sign = -1 if params.get("order") == "desc" else 1
        unit = 2 if self.coarse else 1
        places = sorted((sign * (instant // unit), row) for row, instant in enumerate(self.instants))
        if "cursor" in params:
            after = tuple(json.loads(params["cursor"]))
            places = [place for place in places if place > after]
        page = places[: self.size]
        records = [{"id": row, "at": {"made": written(self.instants[row])}} for _, row in page]
        following = json.dumps(page[-1]) if len(places) > len(page) else None
        return Answer(records=records, content={"data": records, "meta": {"next_cursor": following}})


def written(instant: int) -> str:
    """With a fraction or without, with an offset or without, as Gorgias writes them."""
    made = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=instant / 2)
    return made.isoformat() if instant % 4 else made.replace(tzinfo=None).isoformat()


WATERMARKED = by_cursor(watermark="at.made", newest_first=(("order", "desc"),))
INSTANTS = st.lists(st.integers(0, 12), min_size=1, max_size=30)


@given(instants=INSTANTS, size=st.integers(1, 7), stop=st.integers(1, 40), paginator=st.sampled_from([0, 1]))
def test_cursors_bring_every_record_once_and_can_be_resumed(
    instants: list[int], size: int, stop: int, paginator: int
) -> None:
    follow = (by_cursor(), WATERMARKED)[paginator]
    vendor = Keyset(instants, size)
    before = walk(follow, vendor, calls=stop)
    after = Walked() if before.limited is not None else walk(follow, vendor, kept=before.kept)
    assert sorted(row["id"] for row in before.rows + after.rows) == list(range(len(instants)))  # type: ignore[index]
    assert vendor.calls == -(-len(instants) // size)


@given(instants=st.lists(st.integers(0, 12), min_size=8, max_size=30), size=st.integers(1, 7), stop=st.integers(0, 30))
def test_of_an_expired_cursor_only_what_is_missing_is_asked_for(instants: list[int], size: int, stop: int) -> None:
    """Down to the newest second that was seen, which is read again: it may hold more than was seen."""
    before = walk(WATERMARKED, Keyset(instants, size), calls=1 + stop % ((len(instants) - 1) // size))
    assert before.limited is None
    vendor = Keyset(instants, size, expired=frozenset({0}))
    after = walk(WATERMARKED, vendor, kept=before.kept)
    assert before.ids | after.ids == set(range(len(instants)))
    assert after.limited is False

    newest = max(instants[row] for row in range(len(instants)) if row in before.ids)
    newer = sum(instant // 2 >= newest // 2 for instant in instants)
    ties = sum(instant // 2 == max(instants) // 2 for instant in instants)
    assert after.calls[0].params == (("cursor", json.loads(before.kept or "")["cursor"]),)
    assert {("order", "desc")} <= set(after.calls[1].params)
    assert len(after.calls) <= 1 + newer // size + 1 + ties // size + 1


@given(
    instants=INSTANTS,
    size=st.integers(1, 7),
    stop=st.integers(1, 12),
    expired=st.frozensets(st.integers(0, 8), max_size=4),
    coarse=st.booleans(),
)
@example(instants=[0, 2, 4, 6, 8, 10], size=1, stop=99, expired=frozenset({1, 3}), coarse=False)
@example(instants=[1, 0, 0], size=1, stop=99, expired=frozenset({1}), coarse=True)
def test_nothing_is_lost_however_often_cursors_expire(
    instants: list[int], size: int, stop: int, expired: frozenset[int], coarse: bool
) -> None:
    """In the middle of a run, too, and when the run that makes up for it is broken off."""
    vendor = Keyset(instants, size, expired=expired, coarse=coarse)
    found: set[object] = set()
    kept: str | None = None
    for calls in (stop, stop, 1_000):
        walked = walk(WATERMARKED, vendor, kept=kept, calls=calls)
        found |= walked.ids
        kept = walked.kept
        if walked.limited is not None:
            break
    assert walked.limited is False
    assert found == set(range(len(instants)))


@given(
    instants=INSTANTS,
    size=st.integers(1, 7),
    expired=st.integers(1, 5),
    moved=st.dictionaries(st.integers(0, 20), st.integers(0, 30), max_size=3),
    stop=st.integers(1, 12),
)
@example(instants=[0, 0, 0], size=1, expired=1, moved={3: 2}, stop=99)
@example(instants=[0, 0, 2], size=1, expired=1, moved={3: 1}, stop=3)
def test_rows_that_change_while_the_list_is_walked_are_not_lost(
    instants: list[int], size: int, expired: int, moved: dict[int, int], stop: int
) -> None:
    number = len(instants)
    assume(len({row % number for row in moved.values()}) == len(moved))
    vendor = Keyset(instants, size, expired=frozenset({expired}), moved=moved)
    before = walk(WATERMARKED, vendor, calls=stop)
    after = Walked() if before.limited is not None else walk(WATERMARKED, vendor, kept=before.kept)
    assert False in (before.limited, after.limited)
    assert before.ids | after.ids == set(range(number))


def test_what_has_been_made_up_for_is_not_asked_for_again_in_a_later_run() -> None:
    """Not even if the run is broken off just before the last look at the front of the list."""
    before = walk(WATERMARKED, Keyset([0, 2, 4, 6, 8], 1, expired=frozenset({1})), calls=7)
    assert before.ids == {0, 1, 2, 3, 4}
    after = walk(WATERMARKED, Keyset([0, 2, 4, 6, 8], 1), kept=before.kept)
    assert after.calls[0].params == (("order", "desc"),)
    assert after.ids == {4, 3}


def test_a_list_that_changes_faster_than_it_is_read_has_no_end() -> None:
    vendor = Keyset([0] * 20, 3, expired=frozenset({2}), moved={call: call for call in range(1_000)})
    with pytest.raises(Endless):
        walk(WATERMARKED, vendor)


def test_a_vendor_that_takes_no_cursor_is_not_asked_for_ever() -> None:
    for paginator in (by_cursor(), WATERMARKED):
        with pytest.raises(Rejected):
            walk(paginator, Keyset([1, 2, 3], 1, expired=frozenset(range(1_000))))


@pytest.mark.parametrize("status", [404, 500, None])
def test_only_a_400_means_that_a_cursor_has_expired(status: int | None) -> None:
    for paginator in (by_cursor(), WATERMARKED, by_link("next")):
        kept = json.dumps({"cursor": "x"}) if paginator is WATERMARKED else "x"
        pages = paginator(kept)
        next(pages)
        with pytest.raises(Rejected):
            pages.throw(Rejected(status))


def test_the_first_page_may_not_be_refused() -> None:
    for paginator in (by_cursor(), WATERMARKED, by_link("next"), by_offset(10), by_skip(10, most=50, least=0)):
        pages = paginator(None)
        next(pages)
        with pytest.raises(Rejected):
            pages.throw(Rejected(400))


@dataclass
class Linked:
    """Pages that name the next one by its address, by its cursor, or by either in turn."""

    number: int
    size: int
    ways: Sequence[str]
    last: object = None

    def __call__(self, call: Call) -> Answer:
        named = call.link.removeprefix("/rows?at=") or dict(call.params).get("after", "")
        assert not (call.link and call.params)
        place = int(named or 0)
        records = rows(self.number)[place : place + self.size]
        reached = place + len(records)
        way = self.ways[place % len(self.ways)]
        content: Row = {"next": {"link": self.last, "cursor": self.last}}
        if reached < self.number:
            content = {"next": {way: f"/rows?at={reached}" if way == "link" else reached}}
        return Answer(records=records, content=content)


EITHER = by_link_or_cursor("next.link", "next.cursor", "after")
LINKED = st.builds(
    Linked,
    number=st.integers(0, 30),
    size=st.integers(1, 7),
    ways=st.lists(st.sampled_from(["link", "cursor"]), min_size=1, max_size=3),
    last=st.sampled_from([None, ""]),
)


@given(vendor=LINKED, stop=st.integers(1, 10), expired=st.booleans())
def test_links_are_followed_as_they_stand_and_can_be_resumed(vendor: Linked, stop: int, expired: bool) -> None:
    """One that a later run is refused makes the list start again."""
    for paginator in (EITHER, by_link("next.link")) if set(vendor.ways) == {"link"} else (EITHER,):
        before = walk(paginator, vendor, calls=stop)
        after = Walked()
        if before.limited is None:
            refused = iter([expired])

            def later(call: Call, refused: Iterator[bool] = refused) -> Answer:
                if next(refused, False):
                    raise Rejected(400)
                return vendor(call)

            after = walk(paginator, later, kept=before.kept)
        again = expired and before.limited is None
        ids = [row["id"] for row in ([] if again else before.rows) + after.rows]  # type: ignore[index]
        assert ids == list(range(vendor.number))
        assert False in (before.limited, after.limited)


@pytest.mark.parametrize("ways", [["link"], ["cursor"]])
def test_a_page_that_names_one_that_was_there_has_no_end(ways: list[str]) -> None:
    pages = iter([rows(3)[:1], rows(3)[1:2], rows(3)[2:]])
    paginator = by_link_or_cursor("link", "cursor", "after")
    with pytest.raises(Endless):
        walk(paginator, lambda _: Answer(records=next(pages), content={ways[0]: "again"}))
    resumed = by_link("link")("again")
    next(resumed)
    with pytest.raises(Endless):
        resumed.send(Answer(records=[], content={"link": "again"}))


def test_a_link_of_this_run_that_is_refused_ends_the_list() -> None:
    """Nothing says that the list, begun again, would come any further."""
    for paginator in (by_link("link"), by_cursor("link")):
        resumed = paginator("a")
        next(resumed)
        resumed.send(Answer(records=[], content={"link": "b"}))
        with pytest.raises(Rejected):
            resumed.throw(Rejected(400))


def test_a_link_that_is_no_address_is_left_to_the_vendor_to_refuse() -> None:
    """Not taken for the end: the rest of the list would be missing without a word."""
    walked = walk(by_link("next"), lambda _: Answer(records=[], content={"next": {"page": 2}}), calls=1)
    assert walked.kept == "{'page': 2}"


# ── lists by number ─────────────────────────────────────────────────────────────────────────


@dataclass
class Numbered:
    """A list by `offset` and `limit`, as Assembled and Clari page theirs.

    Attributes:
        number: of rows.
        total: under which key the answer says that number, '' for nowhere.
        largest: more rows than that are too many for one answer.
        skips: whether the answer names the next page, and what it lacks of that.
    """

    number: int
    total: str = ""
    largest: int = 1_000
    status: int | None = 502
    skips: Sequence[str] = ()
    sizes: list[int] = field(default_factory=list)

    def __call__(self, call: Call) -> Answer:
        params = dict(call.params)
        place, limit = int(params["offset"]), int(params["limit"])
        self.sizes.append(limit)
        if limit > self.largest:
            raise Rejected(self.status)
        records = rows(self.number)[place : place + limit]
        reached = place + len(records)
        content: Row = {self.total: self.number} if self.total else {}
        paging: Row = {"hasMore": reached < self.number}
        if reached < self.number:
            paging["nextPageSkip"] = reached
        content["pagination"] = {name: value for name, value in paging.items() if name in self.skips}
        return Answer(records=records, content=content)


SKIP = partial(by_skip, skip_param="offset")
SAID = st.sampled_from([["hasMore", "nextPageSkip"], ["hasMore"], ["nextPageSkip"], []])


@given(
    number=st.integers(0, 60),
    limit=st.integers(1, 9),
    total=st.sampled_from(["", "total"]),
    stop=st.integers(1, 10),
    skips=SAID,
)
def test_numbers_bring_every_record_once_and_can_be_resumed(
    number: int, limit: int, total: str, stop: int, skips: list[str]
) -> None:
    # Without any word on a next page Clari's last page is a short one; so is the named one's here.
    assume(skips != ["nextPageSkip"] or number % limit)
    for paginator in (by_offset(limit, total="total"), SKIP(limit, most=1_000, least=0)):
        vendor = Numbered(number, total=total, skips=skips)
        before = walk(paginator, vendor, calls=stop)
        after = Walked() if before.limited is not None else walk(paginator, vendor, kept=before.kept)
        assert [row["id"] for row in before.rows + after.rows] == list(range(number))  # type: ignore[index]
        assert False in (before.limited, after.limited)


def test_a_total_ends_a_list_without_a_further_request() -> None:
    for number in (0, 5, 10):
        vendor = Numbered(number, total="total")
        walk(by_offset(5, total="total"), vendor)
        assert len(vendor.sizes) == max(1, number // 5)


@pytest.mark.parametrize("total", ["7", 7, None, "many", True])
def test_a_total_may_be_text_and_one_that_is_no_number_says_nothing(total: object) -> None:
    def vendor(call: Call) -> Answer:
        place = int(dict(call.params)["offset"])
        return Answer(records=rows(7)[place : place + 3], content={"total": total})

    assert len(walk(by_offset(3, total="total"), vendor).rows) == 7


def test_an_empty_page_ends_a_list_whose_total_is_too_high() -> None:
    def vendor(call: Call) -> Answer:
        place = int(dict(call.params)["offset"])
        return Answer(records=rows(4)[place : place + 3], content={"total": 100})

    walked = walk(by_offset(3, total="total"), vendor)
    assert [dict(call.params)["offset"] for call in walked.calls] == ["0", "3", "4"]


@given(
    number=st.integers(0, 300),
    limit=st.integers(2, 40),
    least=st.integers(1, 40),
    largest=st.integers(1, 40),
    status=st.sampled_from([413, 502, 504, None]),
)
def test_pages_that_are_too_large_are_halved_and_grow_again(
    number: int, limit: int, least: int, largest: int, status: int | None
) -> None:
    for paginator in (by_offset(limit, total="total", least=least), SKIP(limit, most=1_000, least=least)):
        vendor = Numbered(number, total="total", largest=largest, status=status, skips=["nextPageSkip", "hasMore"])
        if largest < min(limit, least):
            with pytest.raises(Rejected):
                walk(paginator, vendor)
        else:
            walked = walk(paginator, vendor)
            assert [row["id"] for row in walked.rows] == list(range(number))  # type: ignore[index]
            refused = sum(size > largest for size in vendor.sizes)
            assert refused <= 6 + len(vendor.sizes) // 10, "growing must not cost a request for every page"
        assert min(vendor.sizes) >= min(limit, least)
        assert max(vendor.sizes) == vendor.sizes[0] == limit


def test_pages_grow_ever_more_slowly_where_they_stay_too_large() -> None:
    """Each refusal costs the transport several tries."""
    vendor = Numbered(5_000, largest=6)
    walk(by_offset(10, least=5), vendor)
    assert sum(size > 6 for size in vendor.sizes) <= 7


def test_a_page_has_its_size_again_after_one_bad_moment() -> None:
    vendor = Numbered(5_000, largest=10)
    pages = by_offset(100, least=10)(None)
    call = next(pages)
    with suppress(StopIteration):
        for number in range(1_000):
            vendor.largest = 10 if number == 3 else 1_000
            try:
                call = pages.send(vendor(call))
            except Rejected as error:
                call = pages.throw(error)
    assert vendor.sizes[3:5] == [100, 50]
    assert vendor.sizes[-1] == 100


@pytest.mark.parametrize("status", [400, 404, 500])
def test_pages_are_not_halved_for_other_failures(status: int) -> None:
    for paginator in (by_offset(40, least=1), SKIP(40, most=1_000, least=1)):
        with pytest.raises(Rejected):
            walk(paginator, Numbered(100, largest=1, status=status))


@pytest.mark.parametrize(("number", "limited"), [(59, False), (60, False), (61, True), (200, True)])
def test_a_list_is_cut_off_where_the_vendor_takes_no_larger_number(number: int, limited: bool) -> None:
    vendor = Numbered(number, skips=["hasMore", "nextPageSkip"])
    walked = walk(SKIP(10, most=50, least=0), vendor)
    assert walked.limited is limited
    assert len(walked.rows) == min(number, 60)


def heedless(content: object, _: Call) -> Answer:
    return Answer(records=rows(5), content=content)


def test_a_vendor_that_pays_no_heed_to_the_number_is_found_out() -> None:
    """A total would end the list as if all of it had come."""
    told: Row = {"total": 20}
    for content in (told, {}):
        with pytest.raises(Endless):
            walk(by_offset(5, total="total"), partial(heedless, content))


def test_a_next_page_that_lies_behind_is_no_next_page() -> None:
    with pytest.raises(Endless):
        walk(SKIP(5, most=50, least=0), lambda _: Answer(records=rows(5), content={"pagination": {"nextPageSkip": 0}}))


# ── whatever the vendor answers ─────────────────────────────────────────────────────────────

ALL = {
    "once": once,
    "split_by": split_by("a", ("b", "c")),
    "split_by_field": split_by_field("a", ("id",)),
    "by_cursor": by_cursor("next"),
    "by_cursor, watermark": by_cursor("next", watermark="id", newest_first=(("order", "desc"),)),
    "by_link": by_link("next"),
    "by_link_or_cursor": by_link_or_cursor("next", "more", "after"),
    "by_offset": by_offset(3, total="next", least=1),
    "by_skip": by_skip(3, next="next", more="more", most=50, least=1),
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 60), st.sampled_from(["", "a", "b", "7", "2024-01-01"]), st.just([1])
)
ANSWERS = st.builds(
    Answer,
    records=st.lists(st.one_of(ODD, st.fixed_dictionaries({"id": ODD})), max_size=4),
    content=st.one_of(ODD, st.fixed_dictionaries({"next": ODD, "more": ODD})),
    limited=st.booleans(),
)


@pytest.mark.parametrize("name", ALL)
@given(st.lists(st.one_of(ANSWERS, st.sampled_from([400, 413, 500, None]).map(Rejected)), min_size=1, max_size=6))
def test_whatever_a_vendor_answers_again_and_again_a_list_has_an_end(
    name: str, answers: list[Answer | Rejected]
) -> None:
    found = cycle(answers)

    def vendor(_: Call) -> Answer:
        one = next(found)
        if isinstance(one, Rejected):
            raise Rejected(one.status)
        return one

    with suppress(Endless, Rejected):
        assert walk(ALL[name], vendor, calls=2_000).limited is not None


def test_pages_that_lead_on_and_on_without_a_record_have_no_end() -> None:
    numbers = count(1)

    def vendor(_: Call) -> Answer:
        number = next(numbers)
        return Answer(records=[], content={"next": number, "meta": {"next_cursor": number}})

    for paginator in (by_cursor(), WATERMARKED, by_link("next")):
        with pytest.raises(Endless):
            walk(paginator, vendor)


@pytest.mark.parametrize("name", ALL)
def test_no_answer_is_kept_while_the_next_one_is_waited_for(name: str) -> None:
    """Decoded records take seven times the room of their bytes."""
    pages = ALL[name](None)
    next(pages)
    kept: list[ref[object]] = []

    def answer(number: int) -> Answer:
        records = Many({"id": f"{number}.{one}"} for one in range(3))
        content = Body(next=100 + number, more=True)
        kept.extend((ref(records), ref(content)))
        return Answer(records=records, content=content, limited=True)

    with suppress(StopIteration):
        for number in range(4):
            pages.send(answer(number))
            assert [found() for found in kept if found() is not None] == []
            if name != "once" and number == 1:
                with suppress(Rejected):
                    pages.throw(Rejected(413))
    assert kept
