"""Jobs against a vendor that keeps them: created once, known by their id, waited for, read like any list."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from clock import run
from fake_vendor import Behaviour, FakeTransport, Reply, client_of, ok, status, vendor_of
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import (
    BadBody,
    CredentialsError,
    QuotaSpent,
    Refused,
    RequestFailed,
    TimedOut,
    TransportError,
    Unauthorized,
    UnsafePath,
)
from extractor.jobs import Jobs, Place
from extractor.model import (
    Answer,
    Call,
    Crowded,
    Endpoint,
    IncidentKind,
    Job,
    Listing,
    Page,
    Records,
    Request,
    State,
    Windows,
)

SIZE = 2
"""Records of a page of results."""

KEY = "2024-02-23/2024-03-02"


def body(start: date, end: date, about: str) -> Mapping[str, object]:
    return {"from": f"{start}", "to": f"{end}", "about": about}


def by_page(cursor: str | None) -> Generator[Call, Answer, bool]:
    offset = int(cursor or 0)
    while True:
        answer = yield Call(params=(("offset", str(offset)),), cursor=str(offset) if offset else None)
        got = len(answer.records)
        del answer
        if got < SIZE:
            return False
        offset += got


def same_body(record: Mapping[str, object], sent: object, sent_at: float) -> bool:
    started = record["started"]
    return record["body"] == sent and isinstance(started, float) and started >= sent_at - 60


CROWDED = Crowded(code=("code", "crowded"), limits="/limits", at_once="jobs.free", quota="jobs.left", keep=2)
JOB = Job(
    id="id",
    poll="/jobs/{job}",
    status="status",
    waiting=frozenset({"queued", "running"}),
    done=frozenset({"done"}),
    results="/jobs/{job}/results",
    cut_off=("flags.rows", "flags.cells"),
    every=2.0,
    found=("/jobs", same_body),
)
WINDOWS = Windows(days=8, body=body)
ENDPOINT = Endpoint(
    name="report",
    path="/reports",
    method="POST",
    records=Records(at="rows"),
    windows=WINDOWS,
    budgets=("requests", "week"),
    paginate=by_page,
    job=JOB,
)


@dataclass
class Shop:
    """A vendor with jobs.

    Attributes:
        rows: of every job.
        polls: answers until a job is done.
        ending: its status then.
        lost: creating requests that are carried out, but whose answers don't arrive.
        unheard: creating requests that don't even arrive.
        free: places for one more job, one for each time that somebody asks; the last one stays.
    """

    rows: int = 3
    polls: int = 3
    ending: str = "done"
    lost: int = 0
    unheard: int = 0
    refusals: int = 0
    free: list[int] = field(default_factory=lambda: [1])
    left: int = 100
    flags: dict[str, object] = field(default_factory=dict)
    jobs: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    error: RequestFailed = field(default_factory=lambda: TransportError("reset"))
    started: float = 2e9

    def __call__(self, request: Request) -> Reply:
        assert request.budgets == ("requests", "week"), "every request counts"
        if request.method == "POST":
            return self._create(request)
        if request.path == "/limits":
            free = self.free.pop(0) if len(self.free) > 1 else self.free[0]
            return ok({"jobs": {"free": free, "left": self.left}})
        if request.path == "/jobs":
            return ok(list(self.jobs.values()))
        number = request.path.split("/")[2]
        if number not in self.jobs:
            return status(404)
        if request.path.endswith("/results"):
            offset = int(dict(request.params)["offset"])
            return ok({"rows": [{"id": one} for one in range(self.rows)][offset:][:SIZE]})
        self.asked[number] = self.asked.get(number, 0) + 1
        done = self.asked[number] >= self.polls
        return ok({"status": self.ending if done else "running", "flags": self.flags if done else None})

    def _create(self, request: Request) -> Reply:
        assert request.once, "the layer below must not send it twice"
        if self.unheard:
            self.unheard -= 1
            return self.error
        if self.refusals:
            self.refusals -= 1
            return status(400, {"code": "crowded"})
        number = f"j{len(self.jobs)}"
        self.jobs[number] = {"id": number, "body": request.json, "started": self.started}
        if self.lost:
            self.lost -= 1
            return self.error
        return ok({"id": number})


def fetch(
    shop: Shop, endpoint: Endpoint = ENDPOINT, *, key: str = KEY, cursor: str | None = None
) -> tuple[list[Page], list[Request]]:
    transport = FakeTransport(shop)
    client = client_of(vendor_of(endpoint), transport, since=date(2024, 1, 1))

    async def main() -> list[Page]:
        return [page async for page in client.pages(Listing(id=1, endpoint="report", key=key, cursor=cursor))]

    pages = run(main())
    assert [page.state.final for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages, transport.sent


def fetch_from(behaviour: Behaviour, endpoint: Endpoint = ENDPOINT) -> list[Page]:
    client = client_of(vendor_of(endpoint), FakeTransport(behaviour), since=date(2024, 1, 1))

    async def main() -> list[Page]:
        return [page async for page in client.pages(Listing(id=1, endpoint="report", key=KEY))]

    return run(main())


def count(pages: list[Page]) -> int:
    return sum(page.records for page in pages)


def crowded(endpoint: Endpoint = ENDPOINT) -> Endpoint:
    return replace(endpoint, job=replace(JOB, crowded=CROWDED))


# ── the way of a job ────────────────────────────────────────────────────────────────────────


@given(rows=st.integers(0, 7), polls=st.integers(1, 30))
def test_a_job_is_created_waited_for_and_read(rows: int, polls: int) -> None:
    pages, sent = fetch(Shop(rows=rows, polls=polls))
    assert count(pages) == rows
    assert pages[-1].state is State.COMMITTED
    assert not any(page.incidents or page.truncated for page in pages)
    created, *rest = sent
    assert (created.method, created.path, created.json) == (
        "POST",
        "/reports",
        body(date(2024, 2, 23), date(2024, 3, 2), ""),
    )
    assert [request.path for request in rest] == ["/jobs/j0"] * polls + ["/jobs/j0/results"] * (rows // SIZE + 1)
    assert all((request.method, request.json) == ("GET", None) for request in rest)


def test_the_id_is_on_disk_before_anything_else_is_asked() -> None:
    transport = FakeTransport(Shop())
    client = client_of(vendor_of(ENDPOINT), transport, since=date(2024, 1, 1))

    async def main() -> None:
        pages = client.pages(Listing(id=1, endpoint="report", key=KEY))
        first = await anext(pages)
        assert (first.state, first.payload, first.cursor) == (State.OPEN, b"", "job:j0")
        assert len(transport.sent) == 1
        await pages.aclose()

    run(main())


@given(rows=st.integers(0, 7), crash=st.integers(0, 5))
def test_whoever_goes_on_after_a_crash_creates_no_second_job_and_loses_nothing(rows: int, crash: int) -> None:
    shop = Shop(rows=rows)
    pages, _ = fetch(shop)
    written = pages[: crash + 1]
    if written[-1].state.final:
        return
    again, sent = fetch(shop, cursor=written[-1].cursor)
    assert len(shop.jobs) == 1
    assert all(request.method == "GET" for request in sent)
    assert count(written) + count(again) == rows


@given(st.text(), st.none() | st.text())
def test_a_place_is_read_as_it_was_written(job: str, cursor: str | None) -> None:
    job = job.encode("utf-8", "replace").decode()
    place = Place(job, cursor)
    assert Place.of(place.text) == place


def test_other_cursors_are_no_job() -> None:
    assert Place.of(None) == Place.of("offset 5") == Place()


def test_pauses_between_polls_grow_to_ten_times_the_first() -> None:
    shop = Shop(polls=40)
    moments: list[float] = []

    class Clocked(FakeTransport):
        async def send(self, request: Request) -> object:  # type: ignore[override]
            if request.path == "/jobs/j0":
                moments.append(asyncio.get_running_loop().time())
            return await super().send(request)

    client = client_of(vendor_of(ENDPOINT), Clocked(shop), since=date(2024, 1, 1))

    async def main() -> None:
        assert [page async for page in client.pages(Listing(id=1, endpoint="report", key=KEY))]

    run(main())
    pauses = [round(after - before, 6) for before, after in itertools.pairwise(moments)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (2, 20)


# ── jobs that bring nothing ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", ["failed", "cancelled", "a word that nobody knows"])
def test_a_job_that_failed_is_an_incident_with_the_vendors_word(ending: str) -> None:
    pages, _ = fetch(Shop(ending=ending))
    (incident,) = pages[-1].incidents
    assert (pages[-1].state, incident.kind, incident.gap) == (State.FAILED, IncidentKind.FAILED, True)
    assert repr(ending) in incident.detail


@pytest.mark.parametrize(("number", "expected"), [(403, Refused), (401, Unauthorized)])
def test_a_poll_that_is_refused_is_no_matter_of_the_job(number: int, expected: type[Exception]) -> None:
    shop = Shop()
    with pytest.raises(expected):
        fetch_from(lambda request: shop(request) if request.method == "POST" else status(number))


def test_a_job_that_is_never_done_is_given_up() -> None:
    pages, sent = fetch(Shop(polls=10**9))
    assert "is not done after 2 h" in pages[-1].incidents[0].detail
    assert len(sent) < 1000


def test_a_job_that_is_gone_is_created_anew_once() -> None:
    shop = Shop()
    pages, _ = fetch(shop, cursor="job:old 4")
    assert (count(pages), pages[0].cursor) == (3, "job:j0")
    assert len(shop.jobs) == 1


def test_a_vendor_that_knows_none_of_its_jobs_is_not_asked_for_ever() -> None:
    shop = Shop()
    transport = FakeTransport(lambda request: shop(request) if request.method == "POST" else status(404))
    client = client_of(vendor_of(ENDPOINT), transport, since=date(2024, 1, 1))

    async def main() -> list[Page]:
        return [page async for page in client.pages(Listing(id=1, endpoint="report", key=KEY))]

    pages = run(main())
    assert (pages[-1].state, len(shop.jobs)) == (State.FAILED, 2)


@pytest.mark.parametrize("flag", ["rows", "cells"])
def test_results_that_lack_rows_are_asked_for_by_halves(flag: str) -> None:
    shop = Shop(flags={flag: True})
    pages, sent = fetch(shop)
    assert [found.key for found in pages[-1].found] == ["2024-02-23/2024-02-27", "2024-02-27/2024-03-02"]
    assert (count(pages), pages[-1].truncated) == (0, False)
    assert not any(request.path.endswith("/results") for request in sent)
    pages, _ = fetch(shop, key="2024-02-23/2024-02-24")
    assert (count(pages), pages[-1].truncated) == (3, True)


@pytest.mark.parametrize("said", [False, None, "true"])
def test_other_flags_cut_nothing_off(said: object) -> None:
    pages, _ = fetch(Shop(flags={"rows": said}))
    assert (count(pages), pages[-1].truncated) == (3, False)


def test_credentials_that_may_create_no_job_must_be_corrected() -> None:
    with pytest.raises(CredentialsError):
        fetch_from(lambda _: status(401))


@pytest.mark.parametrize("number", [400, 409, 413, 422])
def test_a_job_that_is_refused_has_failed_and_no_day_of_it_is_tried(number: int) -> None:
    """Each would cost a job of the quota."""
    sent: list[Request] = []

    def vendor(request: Request) -> Reply:
        sent.append(request)
        return status(number, {"code": "bad_request"})

    pages = fetch_from(vendor, replace(ENDPOINT, windows=replace(WINDOWS, days=365)))
    assert len(sent) == 1
    assert (pages[-1].state, pages[-1].incidents[0].status) == (State.FAILED, number)


def test_results_that_take_too_long_are_asked_for_by_halves() -> None:
    shop = Shop()

    def vendor(request: Request) -> Reply:
        return TimedOut("late") if request.path.endswith("/results") else shop(request)

    pages = fetch_from(vendor)
    assert [found.key for found in pages[-1].found] == ["2024-02-23/2024-02-27", "2024-02-27/2024-03-02"]


# ── lost answers ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error", [TransportError("reset"), TimedOut("late"), RequestFailed("500", status=500), BadBody("cut off")]
)
def test_a_job_whose_creating_answer_was_lost_is_found_in_the_vendors_list(error: RequestFailed) -> None:
    shop = Shop(lost=1, error=error)
    shop.jobs["older"] = {"id": "older", "body": body(date(2024, 2, 23), date(2024, 3, 2), ""), "started": 1.0}
    shop.jobs["other"] = {"id": "other", "body": {}, "started": shop.started}
    pages, _ = fetch(shop)
    assert count(pages) == 3
    assert pages[0].cursor == "job:j2"
    assert len(shop.jobs) == 3, "no second one was made"


def test_a_job_that_never_was_is_created_again() -> None:
    shop = Shop(unheard=2)
    pages, _ = fetch(shop)
    assert (count(pages), len(shop.jobs)) == (3, 1)


def test_after_three_creations_it_is_given_up() -> None:
    pages, sent = fetch(Shop(unheard=99))
    assert pages[-1].state is State.FAILED
    assert [request.method for request in sent].count("POST") == 3


def test_without_a_list_of_jobs_a_lost_one_is_created_again() -> None:
    shop = Shop(lost=1)
    pages, _ = fetch(shop, replace(ENDPOINT, job=replace(JOB, found=None)))
    assert (count(pages), len(shop.jobs)) == (3, 2)


@pytest.mark.parametrize("cursor", [None, "job:j0"])
def test_what_looks_alike_is_given_to_one_listing_only(cursor: str | None) -> None:
    """Two listings with the same body; the first one's job is of this run or of an earlier one."""
    shop = Shop(lost=2)
    if cursor:
        shop.lost = 1
        shop.jobs["j0"] = {"id": "j0", "body": None, "started": shop.started}
    client = client_of(vendor_of(replace(ENDPOINT, windows=None)), FakeTransport(shop))

    async def main() -> None:
        listings = [Listing(id=1, endpoint="report", key="a", cursor=cursor), Listing(id=2, endpoint="report", key="b")]
        read = [[page async for page in client.pages(listing)] for listing in listings]
        assert [count(pages) for pages in read] == [3, 3]
        assert read[1][0].cursor == "job:j1"

    run(main())
    assert len(shop.jobs) == 2


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"", b'{"id": 5}', b'{"id": ""}'])
def test_an_answer_without_an_id_is_a_lost_one(answer: bytes) -> None:
    shop = Shop()
    answers = itertools.chain([ok(answer)], itertools.repeat(None))

    def vendor(request: Request) -> Reply:
        reply = shop(request)
        return (next(answers) or reply) if request.method == "POST" else reply

    pages = fetch_from(vendor)
    assert (count(pages), len(shop.jobs)) == (3, 1)


@pytest.mark.parametrize("answer", [status(409), ok({"jobs": [], "more": 1}), ok(b"<html>"), TransportError("reset")])
def test_a_list_that_does_not_say_leaves_the_job_alone(answer: Reply) -> None:
    """To create it again might be to create it twice."""
    shop = Shop(lost=1)
    pages = fetch_from(lambda request: answer if request.path == "/jobs" else shop(request))
    assert (pages[-1].state, len(shop.jobs)) == (State.FAILED, 1)


def test_entries_of_the_list_that_are_no_jobs_are_no_jobs() -> None:
    shop = Shop(lost=1)

    def vendor(request: Request) -> Reply:
        return ok([5, None, {"id": None}, *shop.jobs.values()]) if request.path == "/jobs" else shop(request)

    assert fetch_from(vendor)[0].cursor == "job:j0"


def test_what_cannot_be_sent_was_not_lost() -> None:
    pages, sent = fetch(Shop(unheard=9, error=UnsafePath("a parameter holds lone surrogates")))
    assert (pages[-1].state, len(sent)) == (State.FAILED, 1)


# ── crowds and quotas ───────────────────────────────────────────────────────────────────────


def test_before_the_first_job_of_a_run_the_limits_are_asked_once() -> None:
    transport = FakeTransport(Shop())
    client = client_of(vendor_of(crowded()), transport, since=date(2024, 1, 1))

    async def main() -> None:
        for number in range(3):
            key = f"2024-02-0{number + 1}/2024-02-0{number + 2}"
            assert [page async for page in client.pages(Listing(id=1, endpoint="report", key=key))]

    run(main())
    paths = [request.path for request in transport.sent]
    assert paths[0] == "/limits"
    assert paths.count("/limits") == 1


@given(refusals=st.integers(0, 12), full=st.integers(0, 12))
def test_a_crowd_is_waited_for(refusals: int, full: int) -> None:
    shop = Shop(refusals=refusals, free=[0] * full + [1])
    pages, sent = fetch(shop, crowded())
    assert (count(pages), len(shop.jobs)) == (3, 1)
    assert [request.method for request in sent].count("POST") == refusals + 1


def test_a_crowd_that_does_not_go_away_is_given_up() -> None:
    pages, sent = fetch(Shop(free=[0]), crowded())
    assert "no place for one more" in pages[-1].incidents[0].detail
    assert len(sent) < 1000
    pages, sent = fetch(Shop(refusals=10**9), crowded())
    assert (pages[-1].state, pages[-1].incidents[0].status) == (State.FAILED, 400)
    assert len(sent) < 1000


@pytest.mark.parametrize("refusal", [b"", b"<html>", b'{"code": "other"}', b"[]"])
def test_another_refusal_is_no_crowd(refusal: bytes) -> None:
    shop = Shop()

    def vendor(request: Request) -> Reply:
        return replace(status(400), body=refusal) if request.method == "POST" else shop(request)

    pages = fetch_from(vendor, crowded())
    assert (pages[-1].state, pages[-1].incidents[0].status) == (State.FAILED, 400)


@pytest.mark.parametrize("left", [0, 1, 2])
@pytest.mark.parametrize("refusals", [0, 1])
def test_the_rest_of_the_quota_is_left_to_others(left: int, refusals: int) -> None:
    shop = Shop(left=left, refusals=refusals)
    with pytest.raises(QuotaSpent, match=f"report: the vendor's quota of jobs has {left} left") as caught:
        fetch(shop, crowded())
    assert (caught.value.budget, caught.value.until) == ("", None)
    assert shop.jobs == {}


def test_what_is_left_of_the_quota_is_told_once_before_the_first_job() -> None:
    shop = Shop(left=41)
    told: list[tuple[str, int]] = []
    vendor = vendor_of(crowded())
    jobs = Jobs(FakeTransport(shop), say=lambda text: told.append((text, len(shop.jobs))))
    endpoint = vendor.endpoints[-1]
    assert endpoint.job is not None
    job = endpoint.job

    async def main() -> None:
        for _ in range(3):
            request = Request(
                endpoint=endpoint.name, path=endpoint.path, method="POST", budgets=endpoint.budgets, accept=bool
            )
            await jobs.create(endpoint, job, request)

    run(main())
    assert told == [("fetching; 41 of the quota of jobs are left", 0)]
    assert len(shop.jobs) == 3


def test_limits_that_say_nothing_hold_nobody_up() -> None:
    shop = Shop()
    pages = fetch_from(lambda request: ok({}) if request.path == "/limits" else shop(request), crowded())
    assert count(pages) == 3


def test_jobs_that_may_crowd_each_other_are_created_one_after_the_other() -> None:
    shop = Shop()
    at_once = [0, 0]

    class Slow(FakeTransport):
        async def send(self, request: Request) -> object:  # type: ignore[override]
            at_once[0] += request.method == "POST"
            at_once[1] = max(at_once)
            await asyncio.sleep(1)
            at_once[0] -= request.method == "POST"
            return await super().send(request)

    client = client_of(vendor_of(crowded()), Slow(shop), since=date(2024, 1, 1))

    async def one(number: int) -> int:
        key = f"2024-02-0{number}/2024-02-0{number + 1}"
        return count([page async for page in client.pages(Listing(id=number, endpoint="report", key=key))])

    async def main() -> None:
        assert await asyncio.gather(*map(one, range(1, 6))) == [3] * 5

    run(main())
    assert at_once == [0, 1]
