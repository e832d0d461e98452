"""Lists whose pages name the next one by its address, or by a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paginating import Row, Walked, rows, walk

from extractor.errors import Endless
from extractor.model import Answer, Call, Rejected
from extractor.paginate import (
    by_cursor,
    by_link,
    by_link_or_cursor,
)


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
