"""Answers the requests to a vendor: counts, judges, delays and spoils what its routes answer.

A request is counted at the moment it arrives, before anything waits. Then, in this order: an outage, the
budget of its surface, the fault drawn for it, credentials, the route, the route's own limit,
the latency, the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from inspect import isawaitable
from urllib.parse import parse_qsl

from aiohttp import web

from extractor.sandbox.faults import BROKEN_TRANSFERS, LOST, REFUSED, Faults, instead
from extractor.sandbox.limits import Organisation, Verdict
from extractor.sandbox.options import Options
from extractor.sandbox.play import Play, Surface
from extractor.sandbox.replies import Call, Reply
from extractor.sandbox.routing import Match, Route
from extractor.sandbox.sending import hang_up, send
from extractor.sandbox.spoiling import spoiled
from extractor.sandbox.statistics import Statistics

__all__ = ["Answering"]

NO_ANSWER, CLIENT_GONE = 444, 499  # as nginx logs them


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arrival:
    """A request that has been counted, and where it leads."""

    request: web.BaseRequest
    surface: Surface
    path: str
    query: tuple[tuple[str, str], ...]
    number: int
    now: float
    verdict: Verdict
    match: Match | None

    @property
    def route(self) -> Route | None:
        return self.match.routes.get(self.request.method) if self.match else None

    @property
    def endpoint(self) -> str:
        return self.route.name if self.route else "(none)"


class Answering:
    """The vendor's side of a sandbox.

    Args:
        play: the vendor.
        organisations: its budgets, by name.
        statistics: where everything is counted.
        faults: drawn for each request; an outage keeps it from the budget, any other comes behind that.
        other_origin: where a fault redirects to.
        clock: Unix seconds.
    """

    def __init__(
        self,
        play: Play,
        options: Options,
        *,
        organisations: Mapping[str, Organisation],
        statistics: Statistics,
        faults: Faults,
        other_origin: str,
        clock: Callable[[], float],
    ) -> None:
        self._play = play
        self._options = options
        self._organisations = organisations
        self._statistics = statistics
        self._faults = faults
        self._other_origin = other_origin
        self._clock = clock
        self._number = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one; what is on no surface is refused and not counted."""
        path, _, query = request.raw_path.partition("?")
        surface = self._surface(path)
        if surface is None:
            return await send(request, self._play.surfaces[0].refusal(404, "no such path", path), {}, None)
        now = self._clock()
        self._number += 1
        self._statistics.arrive(now)
        match = surface.router.find(path[len(surface.prefix) :])
        fault = self._faults.draw(self._number, now, path if match and match.args else None)
        if fault == "outage":
            self._statistics.faults[fault] += 1
            self._statistics.leave(budget=surface.budget, endpoint="(none)", status=NO_ANSWER)
            return hang_up(request)
        arrival = _Arrival(
            request=request,
            surface=surface,
            path=path,
            query=tuple(parse_qsl(query, keep_blank_values=True)),
            number=self._number,
            now=now,
            verdict=self._organisations[surface.budget].arrive(now),
            match=match,
        )
        status = CLIENT_GONE
        try:
            with ExitStack() as held:
                if arrival.verdict.allowed:
                    reply = await self._let_in(arrival, fault, held)
                else:
                    fault, reply = None, self._too_many(arrival)
                headers = {} if self._options.no_rate_headers else surface.rate_headers(arrival.verdict)
                response = await send(request, reply, headers, fault if fault in BROKEN_TRANSFERS else None)
                status = reply.status
        finally:
            self._statistics.leave(budget=surface.budget, endpoint=arrival.endpoint, status=status)
        return response

    def _surface(self, path: str) -> Surface | None:
        fitting = [surface for surface in self._play.surfaces if path.startswith(surface.prefix + "/")]
        return max(fitting, key=lambda surface: len(surface.prefix), default=None)

    async def _let_in(self, arrival: _Arrival, fault: str | None, held: ExitStack) -> Reply:
        """What a request within its budget is answered, spoiled if its fault says so."""
        self._play.arrived(arrival.number, arrival.now)
        request = arrival.request
        body = b"" if request.method == "GET" else await request.read()
        fingerprint = hash((request.method, request.raw_path, body))
        self._statistics.notice(fingerprint)
        faulty = self._instead(arrival, fault)
        reply = faulty or self._unauthorized(arrival)
        if reply is None and arrival.match is not None and arrival.route is not None:
            call = Call(
                args=arrival.match.args,
                query=arrival.query,
                headers=request.headers,
                body=body,
                now=arrival.now,
                path=arrival.path,
            )
            reply = await self._perform(arrival, arrival.route, call, held)
        else:
            await asyncio.sleep(self._options.latency / 1000)
            reply = reply or arrival.surface.refusal(
                405 if arrival.match else 404, "no such method or path", arrival.path
            )
        if fault:
            meant, reply = reply, spoiled(fault, reply)
            if faulty or fault in BROKEN_TRANSFERS or reply is not meant:
                self._statistics.faults[fault] += 1
        if reply.settled and fault not in LOST:
            self._statistics.settle(fingerprint, reply.status, arrival.endpoint)
        return reply

    def _instead(self, arrival: _Arrival, fault: str | None) -> Reply | None:
        """What a fault answers before credentials and route matter."""
        if fault in REFUSED:
            return self._too_many(arrival)
        return instead(fault, arrival.now, self._other_origin + arrival.path) if fault else None

    def _unauthorized(self, arrival: _Arrival) -> Reply | None:
        if arrival.surface.authorized(arrival.request.headers, arrival.query):
            return None
        return arrival.surface.refusal(401, "credentials are missing or wrong", arrival.path)

    async def _perform(self, arrival: _Arrival, route: Route, call: Call, held: ExitStack) -> Reply:
        """The route's answer; its own limit is held until the answer has been sent."""
        if route.limit is not None:
            if not route.limit.enter(call.now):
                return self._too_many(arrival)
            held.callback(route.limit.leave)
        latency = self._options.latency if route.latency is None else route.latency(arrival.number)
        await asyncio.sleep(latency / 1000)
        if route.query is not None and (unknown := {name for name, _ in call.query} - route.query):
            return arrival.surface.refusal(400, f"unknown parameter {min(unknown)}", call.path)
        answer = route.answer(call)
        return await answer if isawaitable(answer) else answer

    def _too_many(self, arrival: _Arrival) -> Reply:
        """The vendor's own `Retry-After`, if it sends one, is left as it is."""
        reply = arrival.surface.too_many(arrival.verdict)
        if self._options.retry_after and "retry-after" not in map(str.lower, reply.headers):
            reply.headers["Retry-After"] = str(arrival.verdict.retry_after)
        return reply
