"""Lists without pages, and what holds of all paginators whatever the vendor answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count, cycle
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paginating import walk

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

    for paginator in (by_cursor(), by_cursor(watermark="at"), by_link("next")):
        with pytest.raises(Endless):
            walk(paginator, vendor)


class Many(list[object]):
    """Records that can be referred to weakly."""


class Body(dict[str, object]):
    """A body that can be referred to weakly."""


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
