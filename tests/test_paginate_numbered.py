"""Lists by the number of records before a page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from paginating import Row, Walked, rows, walk

from extractor.errors import Endless
from extractor.model import Answer, Call, Rejected
from extractor.paginate import (
    by_offset,
    by_skip,
)


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


@pytest.mark.parametrize("total", ["7", 7, None, "many", True, "9" * 5_000])
def test_a_total_may_be_text_and_one_that_is_no_number_says_nothing(total: object) -> None:
    def vendor(call: Call) -> Answer:
        place = int(dict(call.params)["offset"])
        return Answer(records=rows(7)[place : place + 3], content={"total": total})

    assert len(walk(by_offset(3, total="total"), vendor).rows) == 7


def test_an_empty_page_ends_a_list_whose_total_is_too_high() -> None:
    """It was cut off: the vendor counts more than it shows."""

    def vendor(call: Call) -> Answer:
        place = int(dict(call.params)["offset"])
        return Answer(records=rows(4)[place : place + 3], content={"total": 100})

    walked = walk(by_offset(3, total="total"), vendor)
    assert [dict(call.params)["offset"] for call in walked.calls] == ["0", "3", "4"]
    assert walked.limited


def test_an_empty_page_ends_a_list_that_says_for_ever_that_there_is_more() -> None:
    def vendor(call: Call) -> Answer:
        place = int(dict(call.params)["skip"])
        return Answer(records=rows(4)[place : place + 3], content={"more": True})

    walked = walk(by_skip(3, next="next", more="more", most=1_000, least=1), vendor)
    assert len(walked.rows) == 4
    assert walked.limited


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
