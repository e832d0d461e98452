"""The sandbox's server: counts, judges, delays and spoils what a vendor's routes answer.

A request is counted at the moment it arrives, before anything waits. Then, in this order: the
limit of the organisation, the fault drawn for it, credentials, the route, the route's own limit,
the latency, the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from inspect import isawaitable
from urllib.parse import parse_qsl

from aiohttp import web

from extractor.sandbox.faults import BROKEN_TRANSFERS, Faults, instead, spoiled
from extractor.sandbox.limits import FixedSecond, LeakyBucket, Organisation, Tempo, Verdict
from extractor.sandbox.options import Options
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route, Router
from extractor.sandbox.sending import send
from extractor.sandbox.statistics import Statistics, budget_use

__all__ = ["Play", "Sandbox", "Stage"]

HOST = "127.0.0.1"
CLIENT_GONE = 499  # as nginx logs it


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What a vendor is given to be played.

    Attributes:
        key: for all draws and ids, from the seed.
        tempo: the factor on all limits.
        other_origin: scheme, host and port of another server of this sandbox, where redirects lead.
        started: Unix seconds.
    """

    options: Options
    key: bytes
    tempo: Tempo
    other_origin: str
    started: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Play:
    """A vendor as the server needs it.

    Attributes:
        prefix: path below which requests are counted.
        per_second: requests per second of the organisation.
        settings: what a client must be told to use the sandbox, besides the base URL.
        authorized: judges the headers of a request.
        rate_headers: what the vendor states about its limits on every answer.
        too_many: the answer over the limit.
        refusal: the answer with a status (400, 401, 404, 405) for a reason and a path.
        truth: JSON of what exists and of what can't be had, for these tables or for all.
        arrived: told of each counted request by number and instant.
    """

    vendor: str
    prefix: str
    router: Router
    per_second: float
    settings: Mapping[str, object]
    authorized: Callable[[Mapping[str, str]], bool]
    rate_headers: Callable[[Verdict], dict[str, str]]
    too_many: Callable[[], Reply]
    refusal: Callable[[int, str, str], Reply]
    truth: Callable[[Sequence[str], float], AsyncIterator[bytes]]
    arrived: Callable[[int, float], None]


class Sandbox:
    """One vendor on loopback.

    Args:
        options: how it behaves.
        perform: makes the vendor when the server starts.
        clock: Unix seconds; tests of the limits pass their own.
    """

    def __init__(
        self, options: Options, perform: Callable[[Stage], Play], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.options = options
        self.statistics = Statistics()
        self._perform = perform
        self._clock = clock
        self._key = blake2b(f"sandbox {options.seed}".encode(), digest_size=32).digest()
        self._tempo = Tempo(options.rate_scale, options.rate_change)
        self._faults = Faults(options.fault, self._key)
        self._runners: list[web.ServerRunner] = []
        self._number = 0
        self._play: Play
        self._organisation: Organisation

    async def start(self) -> dict[str, object]:
        """Listen, and say what a client needs to know: vendor, base_url, settings."""
        other_port = await self._listen(self._other_origin, 0)
        stage = Stage(
            options=self.options,
            key=self._key,
            tempo=self._tempo,
            other_origin=f"http://{HOST}:{other_port}",
            started=self._clock(),
        )
        self._play = self._perform(stage)
        self._organisation = Organisation(
            base=self._play.per_second,
            tempo=self._tempo,
            window=FixedSecond() if self.options.window == "fixed" else LeakyBucket(),
            neighbour=self.options.neighbour,
            seed=self.options.seed,
        )
        port = await self._listen(self._answer, self.options.port)
        return {
            "vendor": self._play.vendor,
            "base_url": f"http://{HOST}:{port}{self._play.prefix}",
            "settings": dict(self._play.settings),
        }

    async def stop(self) -> None:
        """Close every connection at once."""
        for runner in reversed(self._runners):
            await runner.cleanup()
        self._runners.clear()

    async def _listen(self, handler: Callable[[web.BaseRequest], object], port: int) -> int:
        server = web.Server(handler, handler_cancellation=True, access_log=None)  # type: ignore[arg-type]
        # Zero would mean without end.
        runner = web.ServerRunner(server, shutdown_timeout=0.001)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        return int(runner.addresses[0][1])

    # ── the vendor's side ───────────────────────────────────────────────────────────────────

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, raw_query = request.raw_path.partition("?")
        if raw_path.startswith("/_sandbox/"):
            return await self._control(request, raw_path, raw_query)
        prefix = self._play.prefix
        if not raw_path.startswith(prefix + "/"):
            return await send(request, self._play.refusal(404, "no such path", raw_path), {}, None)
        now = self._clock()
        self._number += 1
        number, statistics = self._number, self.statistics
        statistics.arrive(now)
        endpoint, status = "", CLIENT_GONE
        held = ExitStack()
        try:
            verdict = self._organisation.arrive(now)
            headers = {} if self.options.no_rate_headers else self._play.rate_headers(verdict)
            match = self._play.router.find(raw_path[len(prefix) :])
            route = match.routes.get(request.method) if match else None
            endpoint = route.name if route else "(none)"
            fault = None
            if not verdict.allowed:
                reply = self._too_many()
            else:
                self._play.arrived(number, now)
                fault = self._faults.draw(number)
                if fault:
                    statistics.faults[fault] += 1
                body = b"" if request.method == "GET" else await request.read()
                fingerprint = hash((request.method, request.raw_path, body))
                statistics.notice(fingerprint)
                reply = self._early(request, fault, now) or Reply(status=0)
                if reply.status == 0 and match is not None and route is not None:
                    call = Call(
                        args=match.args,
                        query=tuple(parse_qsl(raw_query, keep_blank_values=True)),
                        headers=request.headers,
                        body=body,
                        now=now,
                        path=raw_path,
                    )
                    reply = await self._perform_route(route, call, number, held)
                else:
                    await asyncio.sleep(self.options.latency / 1000)
                    if reply.status == 0:
                        reply = self._play.refusal(405 if match else 404, "no such method or path", raw_path)
                if fault:
                    reply = spoiled(fault, reply)
                if reply.settled and (fault is None or fault == "slow"):
                    statistics.settle(fingerprint, reply.status)
            response = await send(request, reply, headers, fault if fault in BROKEN_TRANSFERS else None)
            status = reply.status
        finally:
            held.close()
            statistics.leave(endpoint=endpoint, status=status)
        return response

    def _early(self, request: web.BaseRequest, fault: str | None, now: float) -> Reply | None:
        """What is answered before the route matters: a fault, or the lack of credentials."""
        if fault and (reply := instead(fault, now)):
            return self._too_many() if fault == "429" else reply
        if not self._play.authorized(request.headers):
            return self._play.refusal(401, "credentials are missing or wrong", request.raw_path)
        return None

    async def _perform_route(self, route: Route, call: Call, number: int, held: ExitStack) -> Reply:
        """The route's answer; its own limit is held until the answer has been sent."""
        unknown = {name for name, _ in call.query} - route.query
        if route.limit is not None:
            if not route.limit.enter(call.now):
                return self._too_many()
            held.callback(route.limit.leave)
        latency = self.options.latency if route.latency is None else route.latency(number)
        await asyncio.sleep(latency / 1000)
        if unknown:
            return self._play.refusal(400, f"unknown parameter {min(unknown)}", call.path)
        answer = route.answer(call)
        return await answer if isawaitable(answer) else answer

    def _too_many(self) -> Reply:
        reply = self._play.too_many()
        if self.options.retry_after:
            reply.headers["Retry-After"] = "1"
        return reply

    # ── the other origin, and the sandbox's own paths ────────────────────────────────────────

    async def _other_origin(self, request: web.BaseRequest) -> web.StreamResponse:
        """Where redirects lead: serves a small file, and notes credentials that must not come here."""
        self.statistics.foreign += 1
        self.statistics.leaked += "Authorization" in request.headers
        return web.Response(body=b"a file\n", content_type="application/octet-stream")

    async def _control(self, request: web.BaseRequest, path: str, raw_query: str) -> web.StreamResponse:
        query = parse_qsl(raw_query)
        match request.method, path:
            case "GET", "/_sandbox/stats":
                reply = json_reply(self._counts())
            case "GET", "/_sandbox/truth":
                tables = [value for name, value in query if name == "table"]
                reply = Reply(chunks=self._play.truth(tables, self._clock()))
            case "POST", "/_sandbox/reset-stats":
                self.statistics.reset()
                self._organisation.seconds.clear()
                reply = json_reply({})
            case "POST", "/_sandbox/limit":
                try:
                    scale = float(dict(query)["scale"])
                except (KeyError, ValueError):
                    scale = 0.0
                if scale > 0:
                    self._tempo.scale = scale
                reply = json_reply({"scale": self._tempo.scale}, status=200 if scale > 0 else 400)
            case _:
                reply = json_reply({"paths": ["stats", "truth?table=", "reset-stats", "limit?scale="]}, status=404)
        return await send(request, reply, {}, None)

    def _counts(self) -> dict[str, object]:
        return self.statistics.counts() | budget_use(self.statistics, self._organisation)
