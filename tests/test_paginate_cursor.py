"""Lists by cursors, with a watermark and without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from paginating import Walked, walk

from extractor.errors import Endless
from extractor.model import Answer, Call, Rejected
from extractor.paginate import (
    by_cursor,
    by_link,
    by_offset,
    by_skip,
)


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
