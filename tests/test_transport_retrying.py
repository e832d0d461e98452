"""What is sent again, when, how often, and what the caller gets in the end; all on the virtual clock."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from clock import START, run, virtual_time
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import (
    BadBody,
    ForeignOrigin,
    RequestFailed,
    RunFailed,
    StorageError,
    TimedOut,
    TransportError,
    Unreachable,
)
from extractor.model import Request, Response
from extractor.transport.retrying import Retrying, leads_away

Said = Response | Exception | int
Vendor = Callable[[Request, int, float], Said]
"""From a request, its number and the time since the start to what happens."""


def now() -> float:
    return asyncio.get_running_loop().time()


class Fake:
    """A vendor behind `send`: counts, and remembers when it was asked for what."""

    def __init__(self, vendor: Vendor | Sequence[Said], *, latency: float = 0.0) -> None:
        self._vendor = vendor
        self._latency = latency
        self._began = now()
        self.sent: list[tuple[float, Request]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    @property
    def times(self) -> list[float]:
        return [moment for moment, _request in self.sent]

    async def send(self, request: Request) -> Response:
        since = now() - self._began
        self.sent.append((since, request))
        number = len(self.sent)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._latency)
        finally:
            self.in_flight -= 1
        said = self._vendor(request, number, since) if callable(self._vendor) else self._vendor[number - 1]
        if isinstance(said, Exception):
            raise said
        return Response(status=said, headers={}) if isinstance(said, int) else said

    async def close(self) -> None:
        self.closed = True


def request(path: str = "/things/1", **changes: Any) -> Request:
    changes.setdefault("accept", lambda response: response.body)
    return Request(endpoint="things", path=path, budgets=("requests",), **changes)


class Longest(Random):
    """Jitter at its upper end, so that waits can be told exactly."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def retrying(fake: Fake, **changes: Any) -> Retrying:
    changes.setdefault("random", Longest())
    return Retrying(fake, vendor="acme", base_url="https://api.acme.example/v1", **changes)


async def opened(fake: Fake, **changes: Any) -> Retrying:
    """Past the opening, with nothing counted."""
    transport = retrying(fake, **changes)
    transport._opened = True
    return transport


def lost(kind: str = "reset") -> TransportError:
    return TransportError("acme things: the host broke the connection", kind=kind)


def slow() -> TimedOut:
    return TimedOut("acme things: no whole answer", kind="timeout")


# ── classes of answers ──────────────────────────────────────────────────────────────────────

RETRIED = {408, 421, 425, *range(500, 600), *range(100, 200)}


@given(status=st.integers(100, 599).filter(lambda status: status != 429))
def test_every_status_is_either_an_answer_or_tried_six_times(status: int) -> None:
    async def main() -> None:
        fake = Fake(lambda _request, _number, _since: status)
        transport = await opened(fake)
        if status in RETRIED:
            with pytest.raises(RequestFailed) as caught:
                await transport.send(request())
            assert (caught.value.status, caught.value.attempts, caught.value.path) == (status, 6, "/things/1")
            assert "acme things" in str(caught.value)
            assert len(fake.sent) == 6
        else:
            assert (await transport.send(request())).status == status
            assert len(fake.sent) == 1

    run(main())


@pytest.mark.parametrize("failure", [503, 408, 421, 425, 502, 520, lost(), slow(), BadBody("cut")])
@virtual_time
async def test_what_passes_is_survived(failure: Said) -> None:
    fake = Fake([failure] * 5 + [Response(status=200, headers={}, body=b"[]")])
    transport = await opened(fake)
    assert (await transport.send(request())).body == b"[]"
    assert len(fake.sent) == 6


@virtual_time
async def test_waits_double_up_to_thirty_seconds() -> None:
    fake = Fake([503] * 9 + [200])
    transport = await opened(fake, attempts=10)
    await transport.send(request())
    waits = [later - earlier for earlier, later in pairwise(fake.times)]
    assert waits == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30])


@virtual_time
async def test_waits_are_drawn_from_the_whole_range() -> None:
    """Full jitter: listings that failed together don't come back together."""
    fake = Fake(lambda _request, number, _since: 503 if number <= 60 else 200)
    transport = await opened(fake, random=Random(7))
    async with asyncio.TaskGroup() as group:
        for _ in range(60):
            group.create_task(transport.send(request()))
    again = sorted(fake.times[60:])
    assert again[0] < 0.1
    assert again[58] > 0.4
    assert len({round(moment, 3) for moment in again}) > 40


@virtual_time
async def test_the_last_failure_is_raised_with_what_an_incident_needs() -> None:
    fake = Fake([503, lost(), slow(), 500, BadBody("x"), lost("cut off")])
    transport = await opened(fake)
    with pytest.raises(TransportError) as caught:
        await transport.send(request("/customers/7"))
    error = caught.value
    assert (error.kind, error.status, error.attempts, error.path) == ("cut off", None, 6, "/customers/7")


@pytest.mark.parametrize(("timeouts", "sent"), [(1, 1), (2, 2), (6, 6)])
@virtual_time
async def test_timeouts_have_a_limit_of_their_own(timeouts: int, sent: int) -> None:
    """A window that can be halved should not be waited for six times."""
    fake = Fake(lambda _request, _number, _since: slow())
    transport = await opened(fake)
    with pytest.raises(TimedOut) as caught:
        await transport.send(request(timeouts=timeouts))
    assert (len(fake.sent), caught.value.attempts) == (sent, sent)


@virtual_time
async def test_other_failures_dont_count_as_timeouts() -> None:
    fake = Fake([503, 503, 503, 200])
    transport = await opened(fake)
    assert (await transport.send(request(timeouts=1))).status == 200


@virtual_time
async def test_what_is_not_the_vendors_fault_goes_up_at_once() -> None:
    fake = Fake([StorageError("disk full")])
    transport = await opened(fake)
    with pytest.raises(StorageError):
        await transport.send(request())
    assert len(fake.sent) == 1


@virtual_time
async def test_a_certificate_that_became_invalid_ends_the_run() -> None:
    """Somebody else may be answering: nothing is sent there again."""
    fake = Fake([200, lost("certificate")])
    transport = retrying(fake)
    await transport.send(request())
    with pytest.raises(RunFailed, match="run again"):
        await transport.send(request())
    assert len(fake.sent) == 2


@virtual_time
async def test_closing_reaches_the_wire() -> None:
    fake = Fake([])
    await retrying(fake).close()
    assert fake.closed


# ── accept ──────────────────────────────────────────────────────────────────────────────────


@virtual_time
async def test_accept_makes_the_content_of_every_2xx_and_of_nothing_else() -> None:
    def accept(response: Response) -> object:
        return [response.status]

    fake = Fake([200, 206, 404, 301])
    transport = await opened(fake)
    contents = [(await transport.send(request(accept=accept))).content for _ in range(4)]
    assert contents == [[200], [206], None, None]


@virtual_time
async def test_a_refused_body_is_tried_again_and_its_file_closed() -> None:
    files = [io.BytesIO(b"<html>") for _ in range(6)]

    def accept(_response: Response) -> object:
        raise BadBody("acme things: HTML where JSON was expected")

    fake = Fake([Response(status=200, headers={}, file=file) for file in files])
    transport = await opened(fake)
    with pytest.raises(BadBody, match="HTML") as caught:
        await transport.send(request(accept=accept))
    assert (caught.value.status, caught.value.attempts) == (200, 6)
    assert all(file.closed for file in files)


@virtual_time
async def test_a_mistake_in_accept_is_no_vendors_failure() -> None:
    file = io.BytesIO(b"")

    def accept(_response: Response) -> object:
        raise ZeroDivisionError

    fake = Fake([Response(status=200, headers={}, file=file)])
    transport = await opened(fake)
    with pytest.raises(ZeroDivisionError):
        await transport.send(request(accept=accept))
    assert file.closed


# ── redirects ───────────────────────────────────────────────────────────────────────────────


def moved(location: str | None, status: int = 302) -> Response:
    return Response(status=status, headers={} if location is None else {"location": location})


@pytest.mark.parametrize(
    "location", [None, "/v1/other", "other", "https://api.acme.example/v2", "https://API.acme.example:443/"]
)
@virtual_time
async def test_a_redirect_within_the_origin_is_an_answer(location: str | None) -> None:
    fake = Fake([moved(location, 301)])
    transport = await opened(fake)
    assert (await transport.send(request())).status == 301
    assert len(fake.sent) == 1


@pytest.mark.parametrize(
    "location", ["https://evil.example/", "//evil.example/", "http://api.acme.example/v1", "\\\\evil"]
)
@virtual_time
async def test_a_redirect_to_somebody_else_is_retried_and_then_an_incident(location: str) -> None:
    fake = Fake(lambda _request, _number, _since: moved(location))
    transport = await opened(fake)
    with pytest.raises(ForeignOrigin) as caught:
        await transport.send(request())
    assert (caught.value.status, caught.value.attempts) == (302, 6)
    assert "evil" not in str(caught.value)
    assert {sent.path for _since, sent in fake.sent} == {"/things/1"}


def test_only_redirects_lead_away() -> None:
    base = "https://api.acme.example/v1"
    assert leads_away(base, moved("https://evil.example/", 307))
    assert not leads_away(base, moved("https://evil.example/", 201))
    assert not leads_away(base, moved("/here", 308))


# ── 429 and 503 with a wish ─────────────────────────────────────────────────────────────────


@virtual_time
async def test_429_is_no_attempt() -> None:
    fake = Fake([429] * 20 + [503] * 5 + [200])
    transport = await opened(fake)
    assert (await transport.send(request())).status == 200
    assert len(fake.sent) == 26


@virtual_time
async def test_nothing_but_429_ends_the_run_after_the_patience() -> None:
    fake = Fake(lambda _request, _number, _since: 429)
    transport = await opened(fake, patience=600.0)
    with pytest.raises(RunFailed, match=r"429.*10 min.*run again"):
        await transport.send(request())
    assert 600 <= fake.times[-1] <= 632
    assert len(fake.sent) < 40


@virtual_time
async def test_the_patience_for_429_is_that_of_all_requests_together() -> None:
    """A limiter lets one request go ahead after each pause, and it is another one each time."""
    transport = await opened(Fake(lambda _request, _number, _since: 429), patience=600.0)

    async def one_more() -> None:
        async with asyncio.timeout(200):
            await transport.send(request())

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await one_more()
    with pytest.raises(RunFailed, match="nothing but 429"):
        await one_more()


@virtual_time
async def test_429_for_one_endpoint_only_fails_its_listing() -> None:
    fake = Fake(lambda sent, _number, _since: 429 if sent.path == "/reports" else 200)
    transport = await opened(fake, patience=600.0)

    async def others() -> None:
        while True:
            await transport.send(request())
            await asyncio.sleep(1)

    busy = asyncio.create_task(others())
    with pytest.raises(RequestFailed) as caught:
        await transport.send(request("/reports"))
    busy.cancel()
    assert caught.value.status == 429
    assert caught.value.path == "/reports"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.5),
        ({"retry-after": "86400"}, 300.0),
        ({"retry-after": "soon"}, 0.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 20.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT", "date": "Thu, 01 Jan 1970 00:00:50 GMT"}, 10.0),
    ],
)
@virtual_time
async def test_a_503_may_ask_for_a_pause(headers: Mapping[str, str], wait: float) -> None:
    fake = Fake([Response(status=503, headers=headers), 200])
    transport = await opened(fake, wall=lambda: 40.0)
    await transport.send(request())
    assert fake.times[1] - fake.times[0] == pytest.approx(wait)


# ── the opening ─────────────────────────────────────────────────────────────────────────────


@virtual_time
async def test_one_request_goes_ahead_and_the_others_wait_for_its_answer() -> None:
    fake = Fake(lambda _request, number, _since: 503 if number <= 2 else 200, latency=1.0)
    transport = retrying(fake)
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(transport.send(request(f"/{number}")))
    assert [sent.path for _since, sent in fake.sent[:3]] == ["/0", "/0", "/0"]
    assert fake.times[3] >= fake.times[2] + 1.0
    assert fake.most_in_flight == 19


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 422])
@virtual_time
async def test_any_answer_of_the_vendors_opens(status: int) -> None:
    fake = Fake([status, *[503] * 6])
    transport = retrying(fake)
    assert (await transport.send(request())).status == status
    with pytest.raises(RequestFailed):
        await transport.send(request())


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            TransportError("acme things: the name h has no address", kind="no address"),
            r"no address \(5 attempts\).*account",
        ),
        (TransportError("acme things: h refused the connection", kind="refused"), r"refused.*5 attempts.*network"),
        (503, r"acme: api.acme.example answers 503 \(5 attempts\).*down"),
        (TransportError("acme things: TLS", kind="TLS"), r"TLS \(5 attempts\)"),
        (
            TransportError("acme things: bad certificate", kind="certificate"),
            r"certificate \(1 attempt\).*SSL_CERT_FILE",
        ),
    ],
)
@virtual_time
async def test_no_answer_at_the_start_is_told_with_what_to_do(failure: Said, words: str) -> None:
    fake = Fake(lambda _request, _number, _since: failure)
    transport = retrying(fake)
    with pytest.raises(Unreachable, match=words):
        await transport.send(request())
    count = len(fake.sent)
    assert count <= 5
    assert fake.times[-1] <= 30
    with pytest.raises(Unreachable, match=words):
        await transport.send(request())
    assert len(fake.sent) == count


@virtual_time
async def test_silence_at_the_start_ends_after_thirty_seconds() -> None:
    """A request that may take ten minutes later may not now."""
    began = now()

    class Silent(Fake):
        async def send(self, request: Request) -> Response:
            self.sent.append((now() - began, request))
            await asyncio.sleep(request.timeout)
            raise slow()

    transport = retrying(Silent([]))
    with pytest.raises(Unreachable, match="1 attempt"):
        await transport.send(request(timeout=600.0))
    assert now() - began == pytest.approx(30)


@virtual_time
async def test_everybody_who_waits_for_the_opening_hears_that_it_failed() -> None:
    fake = Fake(lambda _request, _number, _since: lost("refused"))
    transport = retrying(fake)
    results = await asyncio.gather(*(transport.send(request()) for _ in range(10)), return_exceptions=True)
    assert [type(result) for result in results] == [Unreachable] * 10
    assert len(fake.sent) == 5


@virtual_time
async def test_the_next_one_opens_when_the_first_is_cancelled() -> None:
    fake = Fake(lambda _request, _number, _since: 200, latency=5.0)
    transport = retrying(fake)
    first = asyncio.create_task(transport.send(request("/first")))
    second = asyncio.create_task(transport.send(request("/second")))
    await asyncio.sleep(1)
    first.cancel()
    assert (await second).status == 200
    assert [sent.path for _since, sent in fake.sent] == ["/first", "/second"]


@virtual_time
async def test_a_busy_vendor_is_not_an_absent_one() -> None:
    """429 at the start is waited for as long as patience says."""
    fake = Fake(lambda _request, _number, since: 429 if since < 100 else 200)
    assert (await retrying(fake).send(request())).status == 200
    fake = Fake(lambda _request, _number, _since: 429)
    with pytest.raises(RunFailed, match="429"):
        await retrying(fake, patience=120.0).send(request())


@virtual_time
async def test_an_opening_answer_that_is_refused_is_retried_like_any_other() -> None:
    def accept(response: Response) -> object:
        if response.body != b"[]":
            raise BadBody("acme things: HTML")
        return []

    fake = Fake([Response(status=200, headers={}, body=b"<html>"), Response(status=200, headers={}, body=b"[]")])
    assert (await retrying(fake).send(request(accept=accept))).content == []
    fake = Fake([BadBody("too large"), 200])
    assert (await retrying(fake).send(request())).status == 200


# ── outages ─────────────────────────────────────────────────────────────────────────────────


async def work(transport: Retrying, count: int, *, at_once: int = 50, every: float = 0.0) -> list[object]:
    """`count` requests by `at_once` workers; failures are results."""
    left = iter(range(count))
    results: list[object] = []

    async def worker() -> None:
        for number in left:
            try:
                results.append((await transport.send(request(f"/things/{number}"))).status)
            except RequestFailed as error:
                results.append(error)
            await asyncio.sleep(every)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return results


@pytest.mark.parametrize("failure", [503, 500, lost("refused"), slow()])
@virtual_time
async def test_an_outage_of_twenty_minutes_fails_nothing_and_is_left_alone(failure: Said) -> None:
    """G13: hardly anything is sent while the vendor is away, and everything goes through afterwards."""
    fake = Fake(lambda _request, _number, since: failure if 10 <= since < 1210 else 200, latency=0.1)
    transport = retrying(fake, random=Random(3))
    results = await work(transport, 20_000, at_once=50, every=0.4)
    assert results == [200] * 20_000
    during = [since for since in fake.times if 10 <= since < 1210]
    # 50 were in flight, some of which tried once more before the tenth failure; then the probes.
    assert len(during) < 50 + 50 + 50
    assert len(fake.sent) <= 1.01 * 20_000
    calm = [since for since in during if since > 100]
    assert min(later - earlier for earlier, later in pairwise(calm)) >= 30
    assert fake.most_in_flight <= 50


@virtual_time
async def test_an_outage_longer_than_the_patience_ends_the_run() -> None:
    fake = Fake(lambda _request, _number, since: lost("refused") if since >= 10 else 200, latency=0.1)
    transport = retrying(fake, patience=1800.0)
    with pytest.raises(ExceptionGroup) as caught:
        await work(transport, 20_000, at_once=20, every=0.5)
    failure = caught.value.exceptions[0]
    assert isinstance(failure, RunFailed)
    assert str(failure) == "acme: no answer from the vendor for 30 min; run again to resume."
    assert 1800 <= now() - START - 10 <= 1835
    assert now() - START - fake.times[-1] <= 37


@virtual_time
async def test_a_window_that_may_time_out_once_survives_an_outage() -> None:
    """When everything has failed in the meantime, its timeout says nothing of its size."""

    class Slower(Fake):
        async def send(self, request: Request) -> Response:
            await asyncio.sleep(3 if request.path == "/window" else 0)
            return await super().send(request)

    fake = Slower(lambda _request, _number, since: slow() if 1 <= since < 300 else 200)
    transport = retrying(fake)
    await transport.send(request("/good"))
    await asyncio.sleep(1)
    async with asyncio.TaskGroup() as group:
        window = group.create_task(transport.send(request("/window", timeouts=1)))
        for number in range(12):
            group.create_task(transport.send(request(f"/{number}")))
    assert window.result().status == 200
    assert [sent.path for _since, sent in fake.sent].count("/window") == 2


@virtual_time
async def test_a_listing_that_always_fails_does_not_hold_the_others_up() -> None:
    """RELIABILITY row 52: parked after six attempts."""
    fake = Fake(lambda sent, _number, _since: 503 if sent.path == "/things/3" else 200, latency=0.05)
    results = await work(retrying(fake), 200, at_once=5)
    assert results.count(200) == 199
    (failed,) = [result for result in results if isinstance(result, RequestFailed)]
    assert (failed.status, failed.attempts, failed.path) == (503, 6, "/things/3")


@virtual_time
async def test_an_endpoint_that_always_fails_is_no_outage() -> None:
    """A request that succeeded before succeeds again, so the rest of the run fails listing by listing, soon."""
    fake = Fake(lambda sent, _number, _since: 500 if sent.path.startswith("/broken") else 200, latency=0.05)
    transport = retrying(fake, random=Random(1))
    await transport.send(request("/agents"))
    failed = 0
    for number in range(30):
        with pytest.raises(RequestFailed):
            await transport.send(request(f"/broken/{number}"))
        failed += 1
    probes = [sent.path for _since, sent in fake.sent].count("/agents") - 1
    assert failed == 30
    assert 10 <= probes <= 30 * 6 // 7
    assert now() < START + 30 * 60


@virtual_time
async def test_the_probe_repeats_what_succeeded_last_and_closes_its_file() -> None:
    probed: list[str] = []

    def vendor(sent: Request, _number: int, since: float) -> Said:
        if since >= 5:
            probed.append(sent.path)
        return 503 if 5 <= since < 60 else 200

    fake = Fake(vendor)
    transport = await opened(fake)
    await transport.send(request("/good"))
    await transport.send(request("/posted", method="POST"))
    await transport.send(request("/file", download=True))
    await transport.send(request("/gone-wrong-before", accept=lambda _response: None))
    await asyncio.sleep(5)
    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(transport.send(request("/wanted")))
    assert set(probed) == {"/wanted", "/gone-wrong-before"}


@virtual_time
async def test_a_vendor_that_shows_a_maintenance_page_is_away() -> None:
    """200 with HTML for ten minutes: no listing fails for it."""

    def accept(response: Response) -> object:
        if response.body == b"<html>":
            raise BadBody("HTML")
        return []

    page = Response(status=200, headers={}, body=b"<html>")
    fake = Fake(lambda _request, _number, since: page if 2 <= since < 600 else 200, latency=0.1)
    transport = retrying(fake)

    async def one(number: int) -> int:
        await asyncio.sleep(number * 0.1)
        return (await transport.send(request(f"/{number}", accept=accept))).status

    assert await asyncio.gather(*map(one, range(100))) == [200] * 100
    assert len(fake.sent) < 250


@virtual_time
async def test_retries_beyond_what_the_successes_paid_for_come_slowly() -> None:
    """Of nine tenths that fail, the reserve of 100 is spent, then a retry needs a success or a pause."""
    chance = Random(5)
    fake = Fake(lambda _request, _number, _since: 503 if chance.random() < 0.9 else 200, latency=0.1)
    transport = retrying(fake, random=Random(6), attempts=200)
    results = await work(transport, 150, at_once=50)
    assert results.count(200) == 150
    successes = 150
    retries = len(fake.sent) - 150
    slow_ones = retries - 100 - successes
    assert slow_ones > 0
    assert fake.times[-1] > slow_ones * 0.5


@virtual_time
async def test_a_quarter_that_fails_by_lot_costs_no_listing() -> None:
    chance = Random(8)
    fake = Fake(lambda _request, _number, _since: 502 if chance.random() < 0.25 else 200, latency=0.1)
    transport = retrying(fake, random=Random(9))
    results = await work(transport, 2000, at_once=50)
    assert results.count(200) >= 1998
    assert fake.times[-1] < 60


@virtual_time
async def test_waiting_requests_can_be_cancelled() -> None:
    """Also the one that asks for signs of life: the next takes over."""
    fake = Fake(lambda _request, _number, since: lost() if 1 <= since < 200 else 200)
    transport = retrying(fake)
    await transport.send(request("/good"))
    await asyncio.sleep(1)
    tasks = [asyncio.create_task(transport.send(request(f"/{number}"))) for number in range(12)]
    await asyncio.sleep(50)
    for task in tasks[:11]:
        task.cancel()
    assert (await tasks[11]).status == 200
    assert all(
        isinstance(result, asyncio.CancelledError)
        for result in await asyncio.gather(*tasks[:11], return_exceptions=True)
    )


@virtual_time
async def test_the_request_goes_out_unchanged() -> None:
    fake = Fake([503, 200])
    transport = await opened(fake)
    sent = request(timeout=120.0, params=(("a", "b"),))
    await transport.send(sent)
    assert [seen for _since, seen in fake.sent] == [sent, sent]
    fake = Fake([200])
    await retrying(fake).send(sent)
    assert fake.sent[0][1] == replace(sent, timeout=30.0)


# ── what may be sent only once ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["refused", "no address", "no connection"])
@pytest.mark.parametrize("first", [True, False], ids=["at the start", "later"])
@virtual_time
async def test_what_never_left_or_was_turned_away_is_sent_again(*, first: bool, kind: str) -> None:
    fake = Fake([lost(kind), 429, lost(kind), 200])
    transport = retrying(fake) if first else await opened(fake)
    assert (await transport.send(request(method="POST", once=True))).status == 200
    assert len(fake.sent) == 4


@pytest.mark.parametrize(
    "failure", [503, 500, 502, 408, 421, 425, lost("reset"), lost("cut off"), slow(), BadBody("cut")]
)
@pytest.mark.parametrize("first", [True, False], ids=["at the start", "later"])
@virtual_time
async def test_what_may_have_arrived_is_not_sent_twice(*, first: bool, failure: Said) -> None:
    fake = Fake([lost("refused"), failure, 200, 200])
    transport = retrying(fake) if first else await opened(fake)
    with pytest.raises(RequestFailed) as caught:
        await transport.send(request(method="POST", once=True))
    assert (caught.value.attempts, caught.value.path) == (1 if first else 2, "/things/1")
    assert len(fake.sent) == 2
    assert (await transport.send(request())).status == 200


@virtual_time
async def test_what_the_request_refuses_is_not_sent_twice() -> None:
    def refuse(_response: Response) -> object:
        raise BadBody("not what was asked for")

    fake = Fake([200, 200])
    transport = retrying(fake)
    with pytest.raises(BadBody):
        await transport.send(request(method="POST", once=True, accept=refuse))
    assert len(fake.sent) == 1


@pytest.mark.parametrize("known", [True, False])
@virtual_time
async def test_what_may_be_sent_once_never_asks_whether_the_vendor_is_back(*, known: bool) -> None:
    """In an outage it waits for another request's sign of life; if there is none to repeat, it goes out."""
    fake = Fake(lambda _request, _number, since: 200 if not 1 <= since < 60 else 503)
    transport = await opened(fake)
    if known:
        await transport.send(request("/good"))
    await asyncio.sleep(1)
    others = [asyncio.create_task(transport.send(request(f"/{number}"))) for number in range(12)]
    await asyncio.sleep(20)
    creating = transport.send(request("/create", method="POST", once=True))
    if known:
        assert (await creating).status == 200
        assert fake.sent[-1][0] >= 60
    else:
        with pytest.raises(RequestFailed):
            await creating
    await asyncio.gather(*others)
    assert [sent.path for _since, sent in fake.sent].count("/create") == 1


# ── several APIs of one vendor ──────────────────────────────────────────────────────────────


@virtual_time
async def test_apis_that_share_a_transport_fail_and_recover_each_for_itself() -> None:
    """While one is away the other goes on, and its redirects are judged by its own address."""

    def answer(sent: Request, _number: int, since: float) -> Said:
        if sent.api == "calls":
            return 503 if 1 <= since < 60 else 200
        return Response(status=302, headers={"location": "https://jobs.acme.example/elsewhere"})

    fake = Fake(answer)
    jobs, calls = (
        Retrying(fake, vendor="acme", base_url=f"https://{name}.acme.example", random=Longest())
        for name in ("jobs", "calls")
    )
    assert (await calls.send(request(api="calls"))).status == 200
    await asyncio.sleep(1)
    away = [asyncio.create_task(calls.send(request(f"/{number}", api="calls"))) for number in range(12)]
    for _ in range(30):
        assert (await jobs.send(request(api="jobs"))).status == 302
        await asyncio.sleep(1)
    assert not any(task.done() for task in away)
    assert [response.status for response in await asyncio.gather(*away)] == [200] * 12
