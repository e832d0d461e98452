"""What deserves another try gets one, later; what doesn't is returned or raised."""

from __future__ import annotations

import asyncio
import random as randomness
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from urllib.parse import urlsplit

from extractor.errors import BadBody, ForeignOrigin, RequestFailed, RunFailed, TimedOut, TransportError, Unreachable
from extractor.limits import Withdrawn
from extractor.limits.pause import retry_after
from extractor.model import Request, Response
from extractor.paths import same_origin
from extractor.transport import Transport
from extractor.transport.outage import LONGEST_PAUSE, Allowance, Breaker, duration

__all__ = ["Retrying", "leads_away"]

_FIRST_PAUSE = 0.5
_LONGEST_ASKED = 300.0
_OPENING_ATTEMPTS = 5
_OPENING_SECONDS = 30.0
_NEVER_LEFT = frozenset({"certificate", "no address", "no connection", "refused"})
"""Kinds of `TransportError` after which certainly nothing has been sent."""
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(kw_only=True, slots=True)
class _Tries:
    """How far one request has got.

    Attributes:
        sent: attempts in all.
        failures, timeouts: since the last outage.
        limited: 429s in a row, the first of them at `limited_since`.
    """

    began: float
    sent: int = 0
    failures: int = 0
    timeouts: int = 0
    limited: int = 0
    limited_since: float | None = None


class Retrying:
    """A `Transport` that sends again what failed for a reason that may pass.

    That is: no whole answer, 408, 421, 425, any 5xx, a body that `Request.accept` refuses, a redirect to
    another origin.
    The wait before the attempt n + 1 is a random part ("full jitter") of 0.5 s · 2^(n-1), at most of 30 s, and at
    least what a 503's Retry-After asks for, up to 5 minutes. A 429 is no attempt: the limiter below pauses, and the
    request goes again. Everything else is an answer, redirects within the origin included; none is followed.

    Until the vendor has answered for the first time, one request is under way and the others wait.

    A request that may be sent only `once` goes again after a 429, or when it certainly has not left; any other
    failure of it is final.

    One for each of a vendor's APIs, for they have outages of their own; `transport` may be shared.

    Args:
        transport: makes one attempt, within the budgets.
        vendor: its name, for messages.
        base_url: of the API; redirects are compared with its origin.
        patience: seconds of outage, or of nothing but 429, until the run is given up.
        attempts: for one request.
        random: for jitter.
        wall: seconds since 1970, for a Retry-After that is a date on an answer without one.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        vendor: str,
        base_url: str,
        patience: float = 1800.0,
        attempts: int = 6,
        random: Random | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._vendor = vendor
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        self._patience = patience
        self._attempts = attempts
        self._random = random or randomness.SystemRandom()
        self._wall = wall
        self._allowance = Allowance()
        self._breaker = Breaker(vendor=vendor, patience=patience, random=self._random, doubt_after=attempts + 1)
        self._opening = asyncio.Lock()
        self._opened = False
        self._unreachable: str | None = None
        self._proven: Request | None = None
        self._refused_since: float | None = None

    async def send(self, request: Request) -> Response:
        """Send until there is an answer; `Response.content` is what `accept` made of a 2xx.

        Raises:
            RequestFailed: all attempts failed; this is the last failure, with status and attempts.
            QuotaSpent: nothing more may be sent for days.
            Unreachable: the vendor has not answered at all since the start.
            RunFailed: it has answered before, and doesn't any more.
        """
        first: Response | RequestFailed | None = None
        if not self._opened:
            async with self._opening:
                if self._unreachable is not None:
                    raise Unreachable(self._unreachable)
                if not self._opened:
                    first = await self._open(request)
        return await self._persist(request, first)

    @property
    def away(self) -> float | None:
        """Seconds since the vendor has last answered, during an outage; else None."""
        return self._breaker.away

    async def close(self) -> None:
        """Close the transport below."""
        await self._transport.close()

    async def _open(self, request: Request) -> Response | RequestFailed:
        clock = asyncio.get_running_loop().time
        started = began = clock()
        failures = limited = 0
        while True:
            left = _OPENING_SECONDS - (clock() - began)
            outcome = await self._try(replace(request, timeout=min(request.timeout, max(left, 1.0))))
            if isinstance(outcome, Response) and outcome.status == 429:
                # It is there, only busy with others: the 30 s begin anew.
                if clock() - started >= self._patience:
                    raise self._only_429()
                limited += 1
                await asyncio.sleep(self._backoff(limited))
                began = clock()
                continue
            if isinstance(outcome, BadBody) or (isinstance(outcome, Response) and 200 <= outcome.status < 500):
                self._opened = True
                return outcome
            if _spent_once(request, outcome):
                return outcome
            failures += 1
            wait = max(self._backoff(failures), self._asked(outcome))
            certain = isinstance(outcome, TransportError) and outcome.kind == "certificate"
            if certain or failures == _OPENING_ATTEMPTS or clock() - began + wait >= _OPENING_SECONDS:
                self._unreachable = self._nobody_there(outcome, failures)
                raise Unreachable(self._unreachable)
            await asyncio.sleep(wait)

    async def _persist(self, request: Request, outcome: Response | RequestFailed | None) -> Response:
        tries = _Tries(began=asyncio.get_running_loop().time())
        while True:
            while outcome is None:
                await self._outage(request, tries)
                outcome = await self._try_unless_away(request)
            tries.sent += 1
            verdict = self._judge(request, outcome)
            if isinstance(verdict, RequestFailed):
                await self._after_failure(request, verdict, tries, asked=self._asked(outcome))
            elif verdict.status == 429:
                await self._after_429(request, tries)
            else:
                self._succeeded(request, verdict)
                return verdict
            outcome = None

    async def _after_failure(self, request: Request, failure: RequestFailed, tries: _Tries, *, asked: float) -> None:
        """Wait as long as the next attempt has to, or raise if there is none."""
        self._breaker.failed()
        tries.limited_since = None
        tries.failures += 1
        tries.timeouts += isinstance(failure, TimedOut)
        if isinstance(failure, TransportError) and failure.kind == "certificate":
            raise RunFailed(f"{failure} any more; run again to resume when it is.")
        final = _spent_once(request, failure)
        if final or tries.failures >= self._attempts or tries.timeouts >= request.timeouts:
            if not final and await self._outage(request, tries):
                return
            failure.attempts = tries.sent
            failure.path = request.path
            raise failure
        await self._allowance.take()
        await asyncio.sleep(max(self._backoff(tries.failures), asked))

    async def _after_429(self, request: Request, tries: _Tries) -> None:
        """Wait a little on top of the limiter's pause, so that a limit it doesn't know of isn't stormed either."""
        now = asyncio.get_running_loop().time()
        # Each pause costs another request a 429, so that of one request alone the second may come late.
        if self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since >= self._patience:
            raise self._only_429()
        if tries.limited_since is None:
            tries.limited, tries.limited_since = 0, now
        elif now - tries.limited_since >= self._patience:
            # Others got through: it is this endpoint's own limit, not the vendor's.
            raise _failed(self._vendor, request, 429, attempts=tries.sent)
        tries.limited += 1
        await asyncio.sleep(self._backoff(tries.limited))

    async def _try(self, request: Request) -> Response | RequestFailed:
        try:
            return await self._transport.send(request)
        except (TransportError, BadBody) as error:
            return error

    async def _try_unless_away(self, request: Request) -> Response | RequestFailed | None:
        """None if the vendor went away while others were before it."""
        if not self._lone(request):
            request.wanted = self._in_no_doubt
        try:
            return await self._try(request)
        except Withdrawn:
            return None

    def _judge(self, request: Request, outcome: Response | RequestFailed) -> Response | RequestFailed:
        if isinstance(outcome, RequestFailed):
            return outcome
        if outcome.good(request):
            try:
                outcome.content = request.accept(outcome)
            except BaseException as error:
                _discard(outcome)
                if not isinstance(error, BadBody):
                    raise
                error.status = outcome.status
                return error
            return outcome
        if outcome.status in (408, 421, 425) or not 200 <= outcome.status < 500:
            return _failed(self._vendor, request, outcome.status)
        if leads_away(self._base_url, outcome):
            return ForeignOrigin(
                f"{self._vendor} {request.endpoint}: {self._host} answered {outcome.status} and names another host",
                status=outcome.status,
            )
        return outcome

    def _succeeded(self, request: Request, response: Response) -> None:
        self._refused_since = None
        self._allowance.earn()
        self._breaker.succeeded()
        if response.status == 200 and request.method == "GET" and not request.download:
            self._proven = request

    async def _outage(self, request: Request, tries: _Tries) -> bool:
        """Wait while there is an outage; True if there was one and the request's tries begin anew because of it."""
        if self._lone(request):
            return False

        async def probe() -> bool:
            # What finds out whether the vendor is back must go while that is in doubt.
            sample = replace(self._proven or request, wanted=lambda: True)
            verdict = self._judge(sample, await self._try(sample))
            if isinstance(verdict, RequestFailed):
                return False
            _discard(verdict)
            return verdict.status != 429

        if not await self._breaker.passage(probe):
            return False
        if asyncio.get_running_loop().time() - tries.began >= self._patience:
            return False
        tries.failures = tries.timeouts = 0
        return True

    def _in_no_doubt(self) -> bool:
        return not self._breaker.doubtful

    def _lone(self, request: Request) -> bool:
        """True if it can't be what finds out whether the vendor is back, and there is nothing else that could."""
        return request.once and self._proven is None

    def _backoff(self, failures: int) -> float:
        return self._random.uniform(0.0, min(LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 16)))

    def _asked(self, outcome: Response | RequestFailed) -> float:
        if not isinstance(outcome, Response) or outcome.status != 503:
            return 0.0
        return min(_LONGEST_ASKED, retry_after(outcome.headers, self._wall) or 0.0)

    def _only_429(self) -> RunFailed:
        return RunFailed(
            f"{self._vendor}: nothing but 429 (too many requests) from the vendor for {duration(self._patience)}. "
            "Something else uses the whole budget; run again to resume."
        )

    def _nobody_there(self, outcome: Response | RequestFailed, failures: int) -> str:
        tries = "1 attempt" if failures == 1 else f"{failures} attempts"
        if isinstance(outcome, Response):
            return (
                f"{self._vendor}: {self._host} answers {outcome.status} ({tries}). The vendor seems to be down; "
                "run again later, or check base_url."
            )
        advice = {
            "no address": "Check the account's name or base_url in the settings, and this machine's network.",
            "certificate": "Check base_url. If your company's proxy signs certificates, put its CA into SSL_CERT_FILE.",
        }
        kind = outcome.kind if isinstance(outcome, TransportError) else ""
        todo = advice.get(kind, "Check base_url in the settings, this machine's network and its firewall.")
        return f"{outcome} ({tries}). {todo}"


def leads_away(base_url: str, response: Response) -> bool:
    """True for a redirect whose `Location` is not within the origin of `base_url`."""
    return response.status in _REDIRECTS and not same_origin(base_url, response.headers.get("location", ""))


def _spent_once(request: Request, outcome: Response | RequestFailed) -> bool:
    """True if it may have arrived and must not do so twice."""
    return request.once and not (isinstance(outcome, TransportError) and outcome.kind in _NEVER_LEFT)


def _failed(vendor: str, request: Request, status: int, *, attempts: int = 1) -> RequestFailed:
    return RequestFailed(
        f"{vendor} {request.endpoint}: the vendor answered {status}",
        status=status,
        attempts=attempts,
        path=request.path,
    )


def _discard(response: Response) -> None:
    if response.file is not None:
        response.file.close()
