"""The client and windows of a parent or a configured value: halves, pieces, and the walk back through time."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import orjson
import pytest
from fake_vendor import Behaviour, Reply, fetch, ok, status, vendor_of
from hypothesis import given
from hypothesis import strategies as st

from extractor.model import Answer, Call, Endpoint, Listing, Page, Paginator, Records, Request, State, Windows
from extractor.windows import Window, grid, newest

DAY = timedelta(days=1)
UNTIL = date(2024, 3, 5)
LIMIT = 3
OWNER = "a b/c"


def days(start: date, end: date) -> tuple[tuple[str, str], ...]:
    return (("from", start.isoformat()), ("to", end.isoformat()))


def skipping(most: int) -> Paginator:
    """Three records a page; True when more are there than can be skipped."""

    def pages(cursor: str | None) -> Generator[Call, Answer, bool]:
        skip = int(cursor or 0)
        while True:
            answer = yield Call(params=(("skip", str(skip)),), cursor=str(skip) if skip else None)
            got = len(answer.records)
            del answer
            if got < LIMIT:
                return False
            skip += got
            if skip > most:
                return True

    return pages


def logs(windows: Windows, *, most: int = 10**6) -> Endpoint:
    return Endpoint(
        name="logs",
        path="/logs",
        key_param="owner",
        records=Records(at="rows"),
        windows=replace(windows, params=days),
        paginate=skipping(most),
    )


def asked(request: Request) -> Window:
    params = dict(request.params)
    return Window(date.fromisoformat(params["from"]), date.fromisoformat(params["to"]))


def covered(windows: list[Window]) -> list[date]:
    return sorted(window.start + timedelta(days=number) for window in windows for number in range(window.days))


def playing(rows: Mapping[date, int]) -> Behaviour:
    """So many rows a day, three a page, with their number in all."""

    def vendor(request: Request) -> Reply:
        found = [{"id": f"{day}-{number}"} for day in covered([asked(request)]) for number in range(rows.get(day, 0))]
        skip = int(dict(request.params)["skip"])
        return ok({"rows": found[skip:][:LIMIT], "meta": {"total": len(found)}})

    return vendor


@dataclass
class Walk:
    """All windows from the newest back in time, as the engine would have them fetched."""

    pages: list[Page]
    sent: list[Request]

    @property
    def ids(self) -> list[str]:
        return [record["id"] for page in self.pages for record in orjson.loads(page.payload or b"[]")]


def walk(endpoint: Endpoint, behaviour: Behaviour, since: date | None = None, owner: str = OWNER) -> Walk:
    windows = endpoint.windows
    assert windows is not None
    first = [newest(windows, UNTIL)] if since is None else list(grid(windows, since, UNTIL))
    waiting = [Listing(id=1, endpoint="logs", key=window.key_of(owner), fields={"kept": "x"}) for window in first]
    known = {listing.key for listing in waiting}
    done = Walk([], [])
    while waiting:
        pages, transport = fetch(vendor_of(endpoint), behaviour, waiting.pop(0), since=since, until=UNTIL)
        done.pages += pages
        done.sent += transport.sent
        for page in pages:
            for found in page.found:
                assert found.key not in known, "no window is named twice"
                known.add(found.key)
                assert found.fields["kept"] == "x", "a window's requests need what those of its parent needed"
                waiting.append(Listing(id=1, endpoint="logs", key=found.key, fields=found.fields))
    assert {dict(request.params)["owner"] for request in done.sent} == {owner}
    return done


some_rows = st.dictionaries(st.integers(1, 40).map(lambda back: UNTIL - timedelta(days=back)), st.integers(0, 9))


# ── too large ───────────────────────────────────────────────────────────────────────────────


@given(rows=some_rows)
def test_a_window_that_says_it_holds_too_many_is_halved_before_its_pages_are_read(rows: dict[date, int]) -> None:
    endpoint = logs(Windows(days=8, near=7, counted="meta.total"))
    done = walk(endpoint, playing(rows), since=UNTIL - timedelta(days=40))
    assert sorted(done.ids) == sorted(f"{day}-{number}" for day, count in rows.items() for number in range(count))
    assert len(done.ids) == len(set(done.ids)), "nothing is read of a window that is left"
    assert not any(page.truncated or page.incidents for page in done.pages)
    skipped = [asked(request) for request in done.sent if dict(request.params)["skip"] != "0"]
    assert all(one.days == 1 or sum(rows.get(day, 0) for day in covered([one])) < 7 for one in skipped)


@given(rows=some_rows, most=st.integers(3, 8))
def test_a_window_whose_pages_stop_half_way_is_halved_too(rows: dict[date, int], most: int) -> None:
    """The vendor skips no further; a single day is then said to be cut off."""
    done = walk(logs(Windows(days=8), most=most), playing(rows), since=UNTIL - timedelta(days=40))
    cut = {page.listing.key for page in done.pages if page.truncated}
    reach = most // LIMIT * LIMIT + LIMIT
    assert cut == {Window(day, day + DAY).key_of(OWNER) for day, count in rows.items() if count >= reach}
    wanted = {f"{day}-{number}" for day, count in rows.items() for number in range(min(count, reach))}
    assert set(done.ids) >= wanted


def test_the_count_of_a_later_page_is_no_reason_to_begin_again() -> None:
    endpoint = logs(Windows(days=8, near=7, counted="meta.total"))
    listing = Listing(id=1, endpoint="logs", key="2024-02-23/2024-03-02 x", cursor="3")
    pages, _ = fetch(vendor_of(endpoint), playing({date(2024, 2, 25): 9}), listing, since=UNTIL)
    assert sum(page.records for page in pages) == 6
    assert pages[-1].found == ()


@pytest.mark.parametrize("total", [None, "9", [9]])
def test_a_count_that_is_no_number_halves_nothing(total: object) -> None:
    endpoint = logs(Windows(days=8, near=1, counted="meta.total"))
    answer = ok({"rows": [{"id": 1}], "meta": {"total": total}})
    (page,), _ = fetch(
        vendor_of(endpoint), lambda _: answer, Listing(id=1, endpoint="logs", key="2024-02-23/2024-03-02"), since=UNTIL
    )
    assert (page.records, page.found) == (1, ())


def test_an_error_is_looked_into_for_the_same_owner() -> None:
    bad = date(2024, 2, 25)

    def vendor(request: Request) -> Reply:
        return status(400) if bad in covered([asked(request)]) else playing({bad + DAY: 2})(request)

    done = walk(logs(Windows(days=16)), vendor, since=date(2024, 2, 20))
    assert len(done.ids) == 2
    (incident,) = [one for page in done.pages for one in page.incidents]
    assert incident.key == f"2024-02-25/2024-02-26 {OWNER}"


# ── pieces ──────────────────────────────────────────────────────────────────────────────────


@given(rows=some_rows, piece=st.integers(1, 9))
def test_a_slice_of_several_pages_is_left_for_pieces_that_cover_it(rows: dict[date, int], piece: int) -> None:
    endpoint = logs(Windows(days=8, pieces=piece))
    since = UNTIL - timedelta(days=40)
    done = walk(endpoint, playing(rows), since=since)
    assert sorted(done.ids) == sorted(f"{day}-{number}" for day, count in rows.items() for number in range(count))
    assert len(done.ids) == len(set(done.ids)), "nothing is loaded twice"
    left = {page.listing.key for page in done.pages if page.found}
    read = [Window.of(page.listing.key) for page in done.pages if page.state.final and page.listing.key not in left]
    assert covered(read) == covered([Window(since, UNTIL)]), "each day is read once"
    assert all(Window.of(key).days > piece for key in left)


def test_a_slice_whose_pages_are_being_followed_is_not_left() -> None:
    endpoint = logs(Windows(days=8, pieces=1))
    listing = Listing(id=1, endpoint="logs", key="2024-02-23/2024-03-02 x", cursor="3")
    pages, _ = fetch(vendor_of(endpoint), playing({date(2024, 2, 25): 9}), listing, since=UNTIL)
    assert [page.state for page in pages] == [State.OPEN, State.OPEN, State.COMMITTED]
    assert sum(page.records for page in pages) == 6


# ── back in time ────────────────────────────────────────────────────────────────────────────


@given(
    rows=st.dictionaries(
        st.integers(1, 120).map(lambda back: UNTIL - timedelta(days=back)), st.integers(1, 4), max_size=4
    ),
    empty=st.integers(1, 3),
    quarters=st.booleans(),
    pieces=st.sampled_from([0, 2]),
)
def test_going_back_ends_after_so_many_empty_slices(
    rows: dict[date, int], empty: int, quarters: bool, pieces: int
) -> None:
    windows = Windows(grid="quarters" if quarters else "days", days=8, empty=empty, pieces=pieces)
    done = walk(logs(windows), playing(rows), owner="")
    slices = list(grid(windows, date(1990, 1, 1), UNTIL))
    in_a_row = 0
    wanted = []
    for one in slices:
        wanted.append(one)
        whole = one.end != UNTIL
        in_a_row = 0 if any(day in rows for day in covered([one])) else in_a_row + whole
        if in_a_row == empty:
            break
    reached = min(asked(request).start for request in done.sent)
    assert reached == wanted[-1].start
    read = covered([Window(reached, UNTIL)])
    assert sorted(done.ids) == sorted(f"{day}-{n}" for day, count in rows.items() if day in read for n in range(count))


def test_an_empty_last_page_is_no_empty_slice() -> None:
    """By offset, the page after the last full one is empty."""
    key = "2024-02-23/2024-03-02 x"
    pages, _ = fetch(
        vendor_of(logs(Windows(days=8))), playing({date(2024, 2, 25): 3}), Listing(id=1, endpoint="logs", key=key)
    )
    assert [page.records for page in pages] == [3, 0]
    assert [found.key for found in pages[-1].found] == ["2024-02-15/2024-02-23 x"]
    # Nor is one of which an earlier run has read all but this page.
    (page,), _ = fetch(
        vendor_of(logs(Windows(days=8))),
        playing({date(2024, 2, 25): 3}),
        Listing(id=1, endpoint="logs", key=key, cursor="3"),
    )
    assert [found.key for found in page.found] == ["2024-02-15/2024-02-23 x"]


def test_where_the_beginning_is_known_nobody_walks_back() -> None:
    endpoint = logs(Windows(days=8, begin="beginning"))
    pages, _ = fetch(
        vendor_of(endpoint),
        playing({date(2024, 2, 25): 2}),
        Listing(id=1, endpoint="logs", key="2024-02-23/2024-03-02 x"),
    )
    assert (pages[-1].state, pages[-1].found) == (State.COMMITTED, ())
