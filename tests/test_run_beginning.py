from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import pytest
from acme import VENDOR

from extractor.errors import Refused, RunFailed
from extractor.model import Endpoint, Incident, IncidentKind, Listing, Page, State
from extractor.run.beginning import beginning, witnesses

SHOP = replace(
    VENDOR,
    endpoints=(Endpoint(name="people", path="/people"), Endpoint(name="teams", path="/teams")),
    beginning={"people": "created_at", "teams": "meta.since"},
)
Records = Sequence[Mapping[str, object]]


async def begins(people: Sequence[Records], teams: Sequence[Records] = ([],)) -> date | None:
    family = witnesses(SHOP)

    async def fetch(listing: Listing) -> AsyncGenerator[Page]:
        pages = {"people": people, "teams": teams}[listing.endpoint]
        for number, records in enumerate(pages, 1):
            state = State.COMMITTED if number == len(pages) else State.OPEN
            yield Page(listing=listing, state=state, found=family.found(listing, records))

    return await beginning(SHOP, fetch)


@pytest.mark.parametrize(
    "instant",
    [
        1_583_020_799,
        1_583_020_799.9,
        1_583_020_799_000,
        "2020-02-29T23:59:59Z",
        "2020-02-29T23:59:59.123456+00:00",
        "2020-03-01T01:59:59+02:00",
        "2020-02-29 23:59:59",
        "2020-02-29",
    ],
)
async def test_an_instant_may_be_written_in_many_ways(instant: object) -> None:
    assert await begins([[{"created_at": instant}]]) == date(2020, 2, 29)


async def test_the_oldest_of_all_pages_and_endpoints_counts() -> None:
    people = [[{"created_at": "2021-05-05"}, {"created_at": "2020-05-05"}], [{"created_at": "2020-05-04"}]]
    assert await begins(people) == date(2020, 5, 4)
    assert await begins(people, [[{"meta": {"since": "2019-12-31"}}, {"meta": None}]]) == date(2019, 12, 31)


@pytest.mark.parametrize(
    "nothing", [0, 0.0, -1, "", "0001-01-01T00:00:00Z", "soon", None, True, [], 1e300, float("nan")]
)
async def test_what_is_no_instant_says_nothing(nothing: object) -> None:
    """A vendor's zero would otherwise mean fifty years of windows."""
    assert await begins([[{"created_at": nothing}, {}]]) is None
    assert await begins([[{"created_at": nothing}, {"created_at": "2020-05-04"}]]) == date(2020, 5, 4)


async def test_records_that_cannot_be_read_end_the_run() -> None:
    async def failing(listing: Listing) -> AsyncGenerator[Page]:
        incident = Incident(kind=IncidentKind.FAILED, endpoint="people", key="", detail="the vendor answered 500")
        yield Page(listing=listing, state=State.FAILED, incidents=(incident,))

    with pytest.raises(RunFailed, match=r"people tells where history begins.*answered 500.*--since DATE"):
        await beginning(SHOP, failing)


async def test_records_that_may_not_be_read_end_the_run() -> None:
    async def refusing(listing: Listing) -> AsyncGenerator[Page]:
        if listing.endpoint:
            raise Refused("not for you", status=403)
        yield Page(listing=listing, state=State.COMMITTED)

    with pytest.raises(RunFailed, match=r"not for you.*--since DATE"):
        await beginning(SHOP, refusing)
