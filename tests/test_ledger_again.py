"""What failed is claimed again, and nothing else that waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from extractor.ledger import Ledger
from extractor.model import Found, Incident, IncidentKind, Page, State


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """Of the listings a to e of `items`, b failed and d was read; the others wait."""
    one = await Ledger.open(tmp_path / "p")
    await one.add([Found(endpoint="items", key=key) for key in "abcde"])
    for listing in await one.claim("items", 9):
        if listing.key == "b":
            failed = Incident(kind=IncidentKind.FAILED, endpoint="items", key="b")
            await one.record(Page(listing=listing, state=State.FAILED, incidents=(failed,)))
        elif listing.key == "d":
            await one.record(Page(listing=listing, state=State.COMMITTED, payload=b"[1]", records=1))
    await one.close()
    again = await Ledger.open(tmp_path / "p")
    yield again
    await again.close()


async def keys(ledger: Ledger, endpoint: str = "items") -> list[str]:
    return [listing.key for listing in await ledger.claim(endpoint, 99)]


async def test_only_what_failed_and_what_it_names(ledger: Ledger) -> None:
    taken = await ledger.take_up(["items", "parts"])
    assert (taken.again, taken.left) == (1, 3)
    assert ledger.claimable("items") == 1
    (listing,) = await ledger.claim("items", 99)
    assert listing.key == "b"
    found = (Found(endpoint="parts", key="b1"), Found(endpoint="items", key="a"), Found(endpoint="items", key="f"))
    await ledger.record(Page(listing=listing, state=State.COMMITTED, found=found))
    assert await keys(ledger) == ["f"]
    assert await keys(ledger, "parts") == ["b1"]
    assert (ledger.claimable("items"), ledger.claimable("parts")) == (0, 0)


async def test_what_failed_on_the_way_goes_on_from_there(ledger: Ledger, tmp_path: Path) -> None:
    (a,) = await ledger.claim("items", 1)
    await ledger.record(Page(listing=a, state=State.OPEN, payload=b"[1, 2]", records=2, cursor="2"))
    await ledger.record(Page(listing=a, state=State.FAILED, cursor="2"))
    await ledger.close()
    again = await Ledger.open(tmp_path / "p")
    assert (await again.take_up(["items"])).again == 2
    assert {one.key: one.cursor for one in await again.claim("items", 99)} == {"a": "2", "b": None}
    assert (await again.summary()).endpoints["items"].records == 3
    await again.record(Page(listing=a, state=State.COMMITTED, payload=b"[3]", records=1))
    assert (await again.summary()).endpoints["items"].records == 4
    await again.close()


async def test_a_held_listing_that_is_named_now_does_not_bring_those_around_it(ledger: Ledger) -> None:
    await ledger.add([Found(endpoint="items", key="h", state=State.HELD), Found(endpoint="items", key="i")])
    await ledger.take_up(["items"])
    await ledger.add([Found(endpoint="items", key="h")])
    assert sorted(await keys(ledger)) == ["b", "h"]


async def test_an_attempt_that_ended_early_is_gone_on_with(ledger: Ledger, tmp_path: Path) -> None:
    taken = await ledger.take_up(["items"])
    await ledger.add([Found(endpoint="items", key="new")])
    await ledger.close()
    again = await Ledger.open(tmp_path / "p")
    next_one = await again.take_up(["items"], after=taken.after)
    assert (next_one.again, next_one.left, next_one.after) == (2, 3, taken.after)
    assert sorted(await keys(again)) == ["b", "new"]
    await again.close()


async def test_where_nothing_else_waits_nothing_is_left(ledger: Ledger) -> None:
    for listing in await ledger.claim("items", 99):
        await ledger.record(Page(listing=listing, state=State.COMMITTED))
    taken = await ledger.take_up(["items"])
    assert (taken.again, taken.left, taken.after) == (1, 0, 0)
    assert await keys(ledger) == ["b"]


async def test_later_listings_are_read_again_where_the_order_counts(ledger: Ledger) -> None:
    taken = await ledger.take_up(["items"], in_order=["items"])
    assert taken.again == 2
    assert await keys(ledger) == ["b", "d"]
    assert (await ledger.summary()).endpoints["items"].records == 0


async def test_a_refused_endpoint_has_all_its_listings_claimed(ledger: Ledger) -> None:
    await ledger.note([Incident(kind=IncidentKind.REFUSED, endpoint="items", key="a")])
    taken = await ledger.take_up(["items"])
    assert (taken.again, taken.left) == (4, 0)
    assert await keys(ledger) == ["a", "b", "c", "e"]


async def test_other_endpoints_keep_their_failures(ledger: Ledger) -> None:
    assert (await ledger.take_up(["others"])).again == 0
    assert ledger.counts("items")[State.FAILED] == 1


async def test_an_incident_holds_until_its_listing_is_read(ledger: Ledger) -> None:
    await ledger.take_up(["items"])
    assert await ledger.made_good() == 0
    (listing,) = await ledger.claim("items", 99)
    assert (await ledger.summary()).incidents == {IncidentKind.FAILED: 1}
    await ledger.record(Page(listing=listing, state=State.COMMITTED))
    assert await ledger.made_good() == 1
    assert not (await ledger.summary()).incidents
