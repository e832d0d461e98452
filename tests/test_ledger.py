"""The ledger as the engine and the load meet it: its promises one by one, in memory order and after crashes.

`test_ledger_model.py` plays it against a model, `test_ledger_crash.py` kills it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from extractor.errors import PipelineBusy, StorageError, UsageError
from extractor.ledger import Ledger, incident_id, incident_rows, listing_rows, status
from extractor.model import Found, Incident, IncidentKind, Listing, Page, State
from extractor.spool import Frame, read


def now() -> float:
    return 1000.0


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(tmp_path / "p", clock=now)
    yield opened
    await opened.close()


def found(key: str, endpoint: str = "items", state: State = State.PENDING, **fields: str) -> Found:
    return Found(endpoint=endpoint, key=key, parent="p", fields=fields, state=state)


def done(listing: Listing, payload: bytes = b"[1]", *children: Found) -> Page:
    return Page(listing=listing, state=State.COMMITTED, payload=payload, records=1, found=children)


async def one(ledger: Ledger, key: str = "a") -> Listing:
    """A claimed listing of `items`."""
    await ledger.add([found(key)])
    [listing] = await ledger.claim("items", 1)
    return listing


async def frames(ledger: Ledger, folder: Path) -> list[Frame]:
    """What the next sealed chunk holds."""
    chunk = await ledger.next_sealed()
    assert chunk is not None
    return list(read(folder / "spool", chunk.id, size=chunk.bytes))


def rows(folder: Path, chunk: int) -> set[tuple[str, str, str, str | None, int, int]]:
    """(endpoint, key, state, cursor, records, pages) of the chunk's listings."""
    return {
        (endpoint, key, state, cursor, records, pages)
        for batch in listing_rows(folder, chunk)
        for endpoint, key, _, _, state, cursor, records, pages, _ in batch
    }


# ── work ────────────────────────────────────────────────────────────────────────────────────────


async def test_listings_are_claimed_once_in_the_order_of_discovery(ledger: Ledger) -> None:
    await ledger.add([found(key) for key in "cab"])
    await ledger.add([found(key) for key in "bd"])

    first = await ledger.claim("items", 3)
    second = await ledger.claim("items", 3)
    assert [listing.key for listing in first + second] == ["c", "a", "b", "d"]
    assert (first[0].parent, first[0].fields, first[0].cursor) == ("p", {}, None)
    assert await ledger.claim("items", 3) == []
    assert await ledger.claim("unheard of", 3) == []


async def test_claimable_counts_what_claim_would_find(ledger: Ledger) -> None:
    assert ledger.claimable("items") == 0
    await ledger.add([found("a"), found("b"), found("c", state=State.HELD)])
    assert ledger.claimable("items") == 2
    [listing] = await ledger.claim("items", 1)
    assert ledger.claimable("items") == 1
    await ledger.record(Page(listing=listing, state=State.OPEN, cursor="2"))
    assert ledger.claimable("items") == 1
    await ledger.record(done(listing))
    assert ledger.claimable("items") == 1
    assert ledger.counts("items")[State.COMMITTED] == 1


async def test_page_brings_its_children_into_the_work(ledger: Ledger) -> None:
    told: list[int] = []
    ledger.on_work = lambda: told.append(ledger.claimable("deeper"))
    listing = await one(ledger)
    told.clear()
    await ledger.record(done(listing, b"[1]", found("x", "deeper", q="1")))

    assert told == [1]
    [child] = await ledger.claim("deeper", 9)
    assert (child.key, child.fields) == ("x", {"q": "1"})
    await ledger.record(done(child))
    assert told == [1], "there is no more to claim than before"


async def test_open_listing_without_cursor_is_counted_from_the_beginning(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    listing = await one(ledger)
    await ledger.record(Page(listing=listing, state=State.OPEN, records=5, truncated=True))
    await ledger.close()

    ledger = await Ledger.open(tmp_path / "p")
    [again] = await ledger.claim("items", 5)
    assert again.cursor is None
    await ledger.record(Page(listing=again, state=State.COMMITTED, records=7))
    summary = (await ledger.summary()).endpoints["items"]
    assert (summary.records, summary.pages, summary.truncated) == (7, 1, 0)
    await ledger.close()


async def test_late_duplicate_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    listing = await one(ledger)
    await ledger.record(done(listing))
    await ledger.record(done(listing, b"[2]", found("late")))

    assert ledger.claimable("items") == 0
    await ledger.seal()
    assert [frame.payload for frame in await frames(ledger, tmp_path / "p")] == [b"[1]"]


async def test_frame_tells_the_load_what_it_holds(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.add([found("a", q="1")])
    [listing] = await ledger.claim("items", 1)
    await ledger.record(done(listing, b'[{"id": 1}]'))
    await ledger.seal()
    assert await frames(ledger, tmp_path / "p") == [
        Frame(endpoint="items", key="a", fields={"q": "1"}, fetched_at=1000, records=1, payload=b'[{"id": 1}]')
    ]


async def test_records_beside_a_listings_own_are_those_of_their_endpoint(ledger: Ledger, tmp_path: Path) -> None:
    """The load finds their table by it. The listing is one of its own endpoint all the same."""
    listing = await one(ledger)
    beside = Page(listing=listing, state=State.OPEN, payload=b"[2,3]", records=2, beside="actors", truncated=True)
    await ledger.record(beside)
    await ledger.record(done(listing))
    await ledger.seal()

    summary = (await ledger.summary()).endpoints
    assert (summary["items"].records, summary["items"].pages, summary["items"].truncated) == (1, 2, 1)
    assert (summary["actors"].records, summary["actors"].pages, summary["actors"].truncated) == (2, 0, 0)
    assert set(summary["actors"].listings.values()) == {0}
    assert [(one.endpoint, one.key, one.records) for one in await frames(ledger, tmp_path / "p")] == [
        ("actors", "a", 2),
        ("items", "a", 1),
    ]
    assert rows(tmp_path / "p", 1) == {("items", "a", "committed", None, 1, 2)}
    assert ledger.claimable("actors") == 0


@pytest.mark.parametrize(("again", "left"), [("claim", 2), ("ask_again", 2), ("forget_loaded", 0), ("restart", 0)])
async def test_records_beside_count_no_more_when_their_listing_begins_again(
    tmp_path: Path, again: str, left: int
) -> None:
    """Twice, in case something of the first time is left behind."""
    ledger = await Ledger.open(tmp_path)
    for _ in range(2):
        await ledger.add([found("a"), found("b", "others")])
        for listing in (*await ledger.claim("items", 1), *await ledger.claim("others", 1)):
            await ledger.record(Page(listing=listing, state=State.OPEN, payload=b"[2]", records=2, beside="actors"))
        assert (await ledger.summary()).endpoints["actors"].records == 4
        await ledger.close()

        ledger = await Ledger.open(tmp_path)
        if again == "claim":
            await ledger.claim("items", 1)
            await ledger.close()
            ledger = await Ledger.open(tmp_path)
        elif again == "ask_again":
            await ledger.ask_again(["items"])
        elif again == "forget_loaded":
            await ledger.forget_loaded()
        else:
            await ledger.restart()
            await ledger.add([found("a"), found("b", "others"), found("c", "actors")])
            await ledger.ask_again(["items"])
        assert (await ledger.summary()).endpoints["actors"].records == left
    await ledger.close()


async def test_ledger_of_the_version_before_is_opened(tmp_path: Path) -> None:
    """It knows no records of other endpoints."""
    ledger = await Ledger.open(tmp_path / "p")
    await one(ledger)
    await ledger.close()
    with sqlite3.connect(tmp_path / "p" / "ledger.sqlite") as connection:
        connection.executescript("DROP TABLE besides; PRAGMA user_version = 1")
    connection.close()
    assert status(tmp_path / "p").endpoints["items"].records == 0

    ledger = await Ledger.open(tmp_path / "p")
    [listing] = await ledger.claim("items", 1)
    await ledger.record(Page(listing=listing, state=State.COMMITTED, payload=b"[2]", records=2, beside="actors"))
    assert (await ledger.summary()).endpoints["actors"].records == 2
    await ledger.close()


async def test_page_without_payload_has_no_frame(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.record(done(await one(ledger), b""))
    await ledger.seal()
    assert await frames(ledger, tmp_path / "p") == []
    assert rows(tmp_path / "p", 1) == {("items", "a", "committed", None, 1, 1)}


async def test_page_that_does_not_fit_a_frame_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.ledger.ledger._payload_bytes", 2)
    with pytest.raises(ValueError, match="3 bytes; at most 2 fit"):
        await ledger.record(done(await one(ledger)))


@pytest.mark.parametrize("state", [State.HELD, State.PENDING])
async def test_page_leaves_its_listing_open_or_final(ledger: Ledger, state: State) -> None:
    listing = await one(ledger)
    with pytest.raises(ValueError, match="leaves its listing"):
        await ledger.record(Page(listing=listing, state=state))


async def test_what_the_ledger_cannot_keep_is_refused_alone(ledger: Ledger) -> None:
    """One caller's mistake does not touch the steps of the others."""
    listing = await one(ledger)
    results = await asyncio.gather(
        ledger.add([found("\ud800")]),
        ledger.add([found("b", q="\ud800")]),
        ledger.add([found("b", state=State.OPEN)]),
        ledger.record(Page(listing=listing, state=State.OPEN, cursor="\ud800")),
        ledger.record(done(Listing(id=99, endpoint="items", key="?"))),
        ledger.add([found("c")]),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == [
        "UnicodeEncodeError",
        "TypeError",
        "ValueError",
        "UnicodeEncodeError",
        "LookupError",
        "NoneType",
    ]
    assert [claimed.key for claimed in await ledger.claim("items", 9)] == ["c"]


async def test_a_page_of_a_listing_that_nobody_claimed_is_refused(ledger: Ledger) -> None:
    listing = await one(ledger)
    await ledger.restart()
    await ledger.add([found("a")])
    with pytest.raises(LookupError, match="Nobody has claimed"):
        await ledger.record(done(listing))
    assert await ledger.claim("items", 9) == [listing]


async def test_many_at_once_are_all_kept(ledger: Ledger) -> None:
    """Every size of statement is used: 256, 64, 16, 4 and 1 rows."""
    await ledger.add([found(f"k{n}") for n in range(341)])
    listings = await ledger.claim("items", 1000)
    await asyncio.gather(*(ledger.record(done(each, b"[]", found(each.key, "deeper"))) for each in listings))
    assert ledger.counts("items")[State.COMMITTED] == ledger.claimable("deeper") == 341


# ── held ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("states", "end"),
    [
        ([State.HELD], State.HELD),
        ([State.HELD, State.PENDING], State.PENDING),
        ([State.HELD, State.COMMITTED], State.COMMITTED),
        ([State.COMMITTED, State.HELD], State.COMMITTED),
        ([State.COMMITTED, State.PENDING], State.COMMITTED),
        ([State.PENDING, State.HELD], State.PENDING),
        ([State.PENDING, State.COMMITTED], State.PENDING),
    ],
)
@pytest.mark.parametrize("together", [False, True])
async def test_first_word_other_than_held_counts(
    ledger: Ledger, states: list[State], end: State, *, together: bool
) -> None:
    """Whether the mentions come in one step or one after the other."""
    mentions = [found("a", state=state) for state in states]
    for step in [mentions] if together else [[mention] for mention in mentions]:
        await ledger.add(step)
    assert {state: count for state, count in ledger.counts("items").items() if count} == {end: 1}
    assert len(await ledger.claim("items", 9)) == (end is State.PENDING)


async def test_released_listings_get_the_fields_in_later_runs_too(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    await ledger.add([found("a", state=State.HELD, own="1"), found("b", state=State.HELD)])
    assert await ledger.claim("items", 9) == []
    assert await ledger.release("items", {"truncated": "[]"}) == 2
    [first] = await ledger.claim("items", 1)
    await ledger.close()

    ledger = await Ledger.open(tmp_path / "p")
    both = await ledger.claim("items", 9)
    assert both[0] == first
    assert [listing.fields for listing in both] == [{"own": "1", "truncated": "[]"}, {"truncated": "[]"}]
    await ledger.close()


async def test_listing_that_is_let_go_late_is_not_forgotten(ledger: Ledger) -> None:
    """It was found before listings that have been claimed since."""
    await ledger.add([found("a", state=State.HELD), found("b")])
    assert [listing.key for listing in await ledger.claim("items", 9)] == ["b"]
    await ledger.add([found("a")])
    assert [listing.key for listing in await ledger.claim("items", 9)] == ["a"]


# ── questions of the closing step ───────────────────────────────────────────────────────────────


async def test_truncated_listings_and_what_made_up_for_them(ledger: Ledger) -> None:
    await ledger.add([found("a"), found("b"), found("c")])
    a, b, c = await ledger.claim("items", 3)
    await ledger.record(Page(listing=a, state=State.OPEN, cursor="2", truncated=True))
    await ledger.record(done(a))
    await ledger.record(done(b))
    await ledger.record(Page(listing=c, state=State.FAILED, truncated=True))
    assert await ledger.truncated("items") == [("a", {})]

    await ledger.add([found(f"m{n}", "missing", customer=owner) for n, owner in enumerate("aabz")])
    for listing in (await ledger.claim("missing", 9))[:3]:
        await ledger.record(done(listing))
    assert await ledger.count_by_field("missing", "customer", ["a", "b", "z"]) == {"a": 2, "b": 1, "z": 0}


async def test_status_counts_while_another_run_is_alive(ledger: Ledger, tmp_path: Path) -> None:
    listing = await one(ledger)
    incident = Incident(kind=IncidentKind.GONE, endpoint="items", key="a", gap=False)
    refused = Incident(kind=IncidentKind.REFUSED, endpoint="items", key="")
    await ledger.record(
        Page(listing=listing, state=State.GONE, payload=b"[]", records=4, incidents=(incident, refused))
    )
    await ledger.seal()
    summary = status(tmp_path / "p")
    assert summary == await ledger.summary()
    assert (summary.chunks, summary.unloaded, summary.backlog) == (1, 4, ledger.backlog_bytes)
    assert (summary.incidents, summary.gaps) == ({IncidentKind.GONE: 1, IncidentKind.REFUSED: 1}, 1)
    assert summary.endpoints["items"].listings[State.GONE] == 1


def test_status_without_a_ledger_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be opened"):
        status(tmp_path)


async def test_meta_is_remembered(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    assert await ledger.get_meta("identity") is None
    await ledger.set_meta(identity={"vendor": "gladly"}, until="2026-01-01")
    await ledger.set_meta(until="2026-02-01")
    await ledger.close()
    ledger = await Ledger.open(tmp_path / "p")
    assert await ledger.get_meta("identity") == {"vendor": "gladly"}
    assert await ledger.get_meta("until") == "2026-02-01"
    await ledger.close()


# ── incidents ───────────────────────────────────────────────────────────────────────────────────


async def test_incident_that_happens_again_is_one_row_and_goes_with_the_later_chunk(
    ledger: Ledger, tmp_path: Path
) -> None:
    listing = await one(ledger)

    def page(attempts: int) -> Page:
        incident = Incident(
            kind=IncidentKind.FAILED, endpoint="items", key="a", status=500, path="/x", attempts=attempts
        )
        return Page(listing=listing, state=State.OPEN, cursor="1", incidents=(incident, incident))

    await ledger.record(page(6))
    await ledger.seal()
    [[row]] = incident_rows(tmp_path / "p", 1)
    number = incident_id(Incident(kind=IncidentKind.FAILED, endpoint="items", key="a"))
    assert row == (number, "failed", "items", "a", 500, "/x", "", None, 6, 1000, None, 1)
    await ledger.record(page(7))
    await ledger.seal()
    assert list(incident_rows(tmp_path / "p", 1)) == []
    [[row]] = incident_rows(tmp_path / "p", 2)
    assert row[8] == 7


async def test_incident_with_text_that_is_no_unicode_is_written_with_escapes(ledger: Ledger, tmp_path: Path) -> None:
    incident = Incident(kind=IncidentKind.MALFORMED, endpoint="items", key="\ud800", record="é\udfff")
    await ledger.record(Page(listing=await one(ledger), state=State.COMMITTED, incidents=(incident,)))
    await ledger.seal()
    [[row]] = incident_rows(tmp_path / "p", 1)
    assert (row[3], row[7]) == ("\\ud800", "é\\udfff")


# ── chunks ──────────────────────────────────────────────────────────────────────────────────────


async def test_chunk_goes_through_its_states(ledger: Ledger, tmp_path: Path) -> None:
    assert await ledger.seal() is None
    await ledger.record(done(await one(ledger)))
    sealed: list[str] = []
    ledger.on_sealed = lambda: sealed.append("sealed")
    assert await ledger.seal() == 1
    assert sealed == ["sealed"]
    assert await ledger.seal() is None

    chunk = await ledger.next_sealed()
    assert chunk is not None
    assert (chunk.id, chunk.state, chunk.records, chunk.bytes) == (1, "sealed", 1, ledger.backlog_bytes)
    incident = Incident(kind=IncidentKind.MALFORMED, endpoint="items", key="r1")
    await ledger.loading(1, "L1", [incident])
    assert [row[1] for [row] in incident_rows(tmp_path / "p", 1)] == ["malformed"]
    assert await ledger.next_sealed() is None
    assert [each.load_id for each in await ledger.chunks_in_loading()] == ["L1"]
    assert await ledger.failed(1) == 1
    await ledger.loading(1, "L2")
    await ledger.loaded(1)
    assert await ledger.last_loaded_load_id() == "L2"
    assert await ledger.chunks_in_loading() == []
    assert (ledger.backlog_bytes, list((tmp_path / "p" / "spool").iterdir())) == (0, [])


async def test_chunks_are_loaded_in_order(ledger: Ledger) -> None:
    for key in "ab":
        await ledger.record(done(await one(ledger, key)))
        await ledger.seal()
    with pytest.raises(ValueError, match="Chunk 1 must be loaded before chunk 2"):
        await ledger.loading(2, "L")
    with pytest.raises(ValueError, match="sealed, not loading"):
        await ledger.loaded(1)
    with pytest.raises(ValueError, match="unknown"):
        await ledger.failed(7)
    await ledger.loading(1, "L1")
    await ledger.loaded(1)
    chunk = await ledger.next_sealed()
    assert chunk is not None
    assert chunk.id == 2


@pytest.mark.parametrize(("records", "size", "full"), [(10, 1 << 20, [2, 40, 40, 18]), (1000, 500, [8] * 12 + [4])])
async def test_full_chunks_seal_themselves_within_a_batch(
    tmp_path: Path, records: int, size: int, full: list[int]
) -> None:
    """The first one very early, those that wait behind it when they hold more; none more bytes than it may."""
    ledger = await Ledger.open(tmp_path / "p", chunk_records=records, chunk_bytes=size)
    await ledger.add([found(f"k{n:03}") for n in range(100)])
    listings = await ledger.claim("items", 100)
    await asyncio.gather(*(ledger.record(done(each, b"[1]" + b" " * 20)) for each in listings))
    await ledger.seal()
    keys: list[str] = []
    sizes: list[int] = []
    while chunk := await ledger.next_sealed():
        pages = [frame.key for frame in read(tmp_path / "p" / "spool", chunk.id, size=chunk.bytes)]
        committed = {key for _, key, state, *_ in rows(tmp_path / "p", chunk.id) if state == "committed"}
        assert committed == set(pages)
        keys += pages
        sizes.append(len(pages))
        await ledger.loading(chunk.id, f"L{chunk.id}")
        await ledger.loaded(chunk.id)
    assert keys == [f"k{n:03}" for n in range(100)]
    assert sizes == full
    await ledger.close()


async def test_a_chunk_seals_itself_early_again_when_nothing_waits_any_more(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p", chunk_records=2)
    await ledger.add([found(f"k{n}") for n in range(5)])
    listings = await ledger.claim("items", 5)
    for listing in listings[:4]:
        await ledger.record(done(listing))
    await ledger.loading(1, "L1")
    await ledger.loaded(1)
    assert await ledger.next_sealed() is None, "three records are not eight"
    await ledger.record(done(listings[4]))
    chunk = await ledger.next_sealed()
    assert chunk is not None
    assert chunk.records == 4
    await ledger.close()


async def test_rows_are_as_they_were_at_the_end_of_the_chunk(ledger: Ledger, tmp_path: Path) -> None:
    """Found in chunk 1, advanced in 2, ended in 3; read after all of it."""
    listing = await one(ledger)
    await ledger.seal()
    await ledger.record(Page(listing=listing, state=State.OPEN, cursor="2", records=5))
    await ledger.record(Page(listing=listing, state=State.OPEN, cursor="3", records=5))
    await ledger.seal()
    await ledger.record(Page(listing=listing, state=State.FAILED, records=1))
    await ledger.seal()
    assert [rows(tmp_path / "p", chunk) for chunk in (1, 2, 3)] == [
        {("items", "a", "pending", None, 0, 0)},
        {("items", "a", "open", "3", 10, 2)},
        {("items", "a", "failed", None, 11, 3)},
    ]


async def test_rows_come_in_batches(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.add([found(f"k{n}") for n in range(25)])
    await ledger.seal()
    assert [len(batch) for batch in listing_rows(tmp_path / "p", 1, batch=10)] == [10, 10, 5]


async def test_kept_segments_are_not_overwritten_by_a_new_ledger(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    for key in "ab":
        ledger = await Ledger.open(folder, keep_raw=True)
        await ledger.record(done(await one(ledger, key)))
        chunk = await ledger.seal()
        assert chunk is not None
        await ledger.loading(chunk, "L")
        await ledger.loaded(chunk)
        await ledger.close()
        (folder / "ledger.sqlite").unlink()
    assert sorted(path.name for path in (folder / "raw").iterdir()) == ["00000001.pages", "00000002.pages"]


# ── beginning again ─────────────────────────────────────────────────────────────────────────────


async def test_rebuilt_ledger_goes_on_where_the_destination_stands(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.empty
    incident = Incident(kind=IncidentKind.TRUNCATED, endpoint="items", key="a")
    count = await ledger.rebuild(
        [
            ("roots", "", None, None, "committed", None, 3, 1, 5),
            ("items", "a", "", '{"q":"1"}', "open", "2", 5, 1, 5),
            ("items", "b", "", None, "pending", None, 0, 0, 5),
            ("missing", "m", "a", None, "pending", None, 0, 0, 5),
            ("missing", "n", "a", None, "gone", None, 0, 1, 5),
        ],
        held=["missing"],
        incidents=[incident],
    )
    assert (count, ledger.empty) == (5, False)
    assert [ledger.claimable(name) for name in ("roots", "items", "missing")] == [0, 2, 0]
    assert ledger.counts("missing")[State.HELD] == ledger.counts("missing")[State.GONE] == 1
    assert await ledger.seal() is None, "the destination has all of it"
    a, _ = await ledger.claim("items", 9)
    assert (a.key, a.parent, a.fields, a.cursor) == ("a", "", {"q": "1"}, "2")
    await ledger.record(Page(listing=a, state=State.COMMITTED, records=2))
    await ledger.seal()
    assert rows(tmp_path / "p", 1) == {("items", "a", "committed", None, 7, 2)}
    assert list(incident_rows(tmp_path / "p", 1)) == []
    assert (await ledger.summary()).gaps == 1
    with pytest.raises(ValueError, match="isn't empty"):
        await ledger.rebuild([])


async def test_rebuilt_ledger_counts_records_beside_from_then_on(ledger: Ledger, tmp_path: Path) -> None:
    """The destination's rows tell of each listing what was its own; one that begins again counts whole."""
    told = [
        ("items", key, "p", None, state, cursor, 3, 2, 5)
        for key, state, cursor in (("a", "committed", None), ("b", "open", "2"), ("c", "open", None))
    ]
    await ledger.rebuild(told)
    b, c = await ledger.claim("items", 9)
    for listing in (b, c):
        await ledger.record(Page(listing=listing, state=State.OPEN, cursor=listing.cursor, records=2, beside="actors"))
        await ledger.record(done(listing))
    await ledger.seal()
    summary = (await ledger.summary()).endpoints
    assert (summary["items"].records, summary["actors"].records) == (3 + 3 + 1 + 1, 4)
    assert rows(tmp_path / "p", 1) == {("items", "b", "committed", None, 4, 4), ("items", "c", "committed", None, 1, 2)}


async def test_rebuild_that_fails_leaves_the_ledger_empty(ledger: Ledger) -> None:
    def broken() -> object:
        yield ("items", "a", None, None, "pending", None, 0, 0, 5)
        raise RuntimeError("the destination went away")

    with pytest.raises(RuntimeError, match="went away"):
        await ledger.rebuild(broken())  # type: ignore[arg-type]
    assert ledger.empty
    assert await ledger.rebuild([("items", "b", None, None, "pending", None, 0, 0, 5)]) == 1
    assert [listing.key for listing in await ledger.claim("items", 9)] == ["b"]


async def test_when_the_database_is_gone_everything_is_pending_and_told_again(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.add([found("h", "missing", State.COMMITTED)])
    await ledger.record(done(await one(ledger)))
    chunk = await ledger.seal()
    assert chunk is not None
    await ledger.loading(chunk, "L1")
    await ledger.loaded(chunk)
    incident = Incident(kind=IncidentKind.FAILED, endpoint="items", key="b")
    await ledger.record(Page(listing=await one(ledger, "b"), state=State.FAILED, payload=b"[1]", incidents=(incident,)))

    await ledger.forget_loaded(held=["missing"])
    assert (ledger.claimable("items"), ledger.claimable("missing"), ledger.backlog_bytes) == (2, 0, 0)
    assert ledger.counts("missing")[State.HELD] == 1
    assert await ledger.last_loaded_load_id() is None
    again = await ledger.seal()
    assert again is not None
    assert again > chunk
    assert {(key, state) for _, key, state, *_ in rows(tmp_path / "p", again)} == {
        ("a", "pending"),
        ("b", "pending"),
        ("h", "pending"),
    }
    summary = await ledger.summary()
    assert (summary.incidents, summary.endpoints["items"].pages) == ({}, 0)


async def test_restarted_ledger_is_as_new(ledger: Ledger) -> None:
    await ledger.record(done(await one(ledger)))
    await ledger.set_meta(until="x")
    first = await ledger.seal()
    assert first is not None
    await ledger.restart()
    assert (ledger.empty, ledger.backlog_bytes, await ledger.get_meta("until")) == (True, 0, None)
    assert ((await ledger.summary()).endpoints, await ledger.seal()) == ({}, None)
    await ledger.record(done(await one(ledger)))
    second = await ledger.seal()
    assert second is not None
    assert second > first


# ── opening ─────────────────────────────────────────────────────────────────────────────────────


async def test_second_run_is_refused_while_the_first_is_alive(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.empty
    with pytest.raises(PipelineBusy):
        await Ledger.open(tmp_path / "p")


async def test_ledger_of_a_newer_version_is_refused_by_all(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    await (await Ledger.open(folder)).close()
    connection = sqlite3.connect(folder / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for _ in range(2):
        with pytest.raises(UsageError, match="newer version of extractor"):
            await Ledger.open(folder)
    with pytest.raises(UsageError, match="newer version"):
        status(folder)


async def test_file_that_is_no_ledger_is_refused_not_replaced(tmp_path: Path) -> None:
    """A silent restart from zero would fetch everything again."""
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "ledger.sqlite").write_bytes(bytes(8192))
    with pytest.raises(StorageError, match="can't be opened"):
        await Ledger.open(folder)
    assert (folder / "ledger.sqlite").read_bytes() == bytes(8192)


async def test_ledger_with_a_damaged_page_is_a_storage_error(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    ledger = await Ledger.open(folder)
    await ledger.add([found(f"k{n}") for n in range(500)])
    await ledger.close()
    raw = bytearray((folder / "ledger.sqlite").read_bytes())
    raw[4096:] = bytes(len(raw) - 4096)
    (folder / "ledger.sqlite").write_bytes(raw)
    for _ in range(2):
        with pytest.raises(StorageError, match="can't be read or written"):
            await Ledger.open(folder)


async def test_closed_ledger_says_so(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    await ledger.close()
    await ledger.close()
    with pytest.raises(RuntimeError, match="closed"):
        await ledger.add([])


async def test_unusable_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a file")
    with pytest.raises(StorageError, match="can't be written"):
        await Ledger.open(tmp_path / "p")


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    await ledger.record(done(await one(ledger)))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "p").rglob("*")}
    assert modes.pop("spool") == 0o700
    assert "ledger.sqlite-wal" in modes
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "p").stat().st_mode & 0o777 == 0o700
    await ledger.close()


async def test_who_is_cancelled_while_waiting_is_recorded_all_the_same(ledger: Ledger) -> None:
    task = asyncio.create_task(ledger.add([found("a")]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await ledger.claim("items", 9)) == 1
