"""Answers the requests to a vendor: counts, judges, delays and spoils what its routes answer.

A request is counted at the moment it arrives, before anything waits. Then, in this order: the
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

from extractor.sandbox.faults import BROKEN_TRANSFERS, Faults, instead, spoiled
from extractor.sandbox.limits import Organisation, Verdict
from extractor.sandbox.options import Options
from extractor.sandbox.play import Play, Surface
from extractor.sandbox.replies import Call, Reply
from extractor.sandbox.routing import Match, Route
from extractor.sandbox.sending import send
from extractor.sandbox.statistics import Statistics

__all__ = ["Answering"]

CLIENT_GONE = 499  # as nginx logs it


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


class Answering:
    """The vendor's side of a sandbox.

    Args:
        play: the vendor.
        organisations: its budgets, by name.
        statistics: where everything is counted.
        faults: drawn for each request that a budget lets in.
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
        clock: Callable[[], float],
    ) -> None:
        self._play = play
        self._options = options
        self._organisations = organisations
        self._statistics = statistics
        self._faults = faults
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
        arrival = _Arrival(
            request=request,
            surface=surface,
            path=path,
            query=tuple(parse_qsl(query, keep_blank_values=True)),
            number=self._number,
            now=now,
            verdict=self._organisations[surface.budget].arrive(now),
            match=surface.router.find(path[len(surface.prefix) :]),
        )
        endpoint = arrival.route.name if arrival.route else "(none)"
        fault, status = None, CLIENT_GONE
        try:
            with ExitStack() as held:
                if arrival.verdict.allowed:
                    fault = self._faults.draw(arrival.number)
                    reply = await self._let_in(arrival, fault, held)
                else:
                    reply = self._too_many(arrival)
                headers = {} if self._options.no_rate_headers else surface.rate_headers(arrival.verdict)
                response = await send(request, reply, headers, fault if fault in BROKEN_TRANSFERS else None)
                status = reply.status
        finally:
            self._statistics.leave(budget=surface.budget, endpoint=endpoint, status=status)
        return response

    def _surface(self, path: str) -> Surface | None:
        fitting = [surface for surface in self._play.surfaces if path.startswith(surface.prefix + "/")]
        return max(fitting, key=lambda surface: len(surface.prefix), default=None)

    async def _let_in(self, arrival: _Arrival, fault: str | None, held: ExitStack) -> Reply:
        """What a request within its budget is answered, spoiled if its fault says so."""
        self._play.arrived(arrival.number, arrival.now)
        if fault:
            self._statistics.faults[fault] += 1
        request = arrival.request
        body = b"" if request.method == "GET" else await request.read()
        fingerprint = hash((request.method, request.raw_path, body))
        self._statistics.notice(fingerprint)
        reply = self._early(arrival, fault)
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
            reply = spoiled(fault, reply)
        if reply.settled and (fault is None or fault == "slow"):
            self._statistics.settle(fingerprint, reply.status)
        return reply

    def _early(self, arrival: _Arrival, fault: str | None) -> Reply | None:
        """What is answered before the route matters: a fault, or the lack of credentials."""
        if fault == "429":
            return self._too_many(arrival)
        if fault and (reply := instead(fault, arrival.now)):
            return reply
        if not arrival.surface.authorized(arrival.request.headers, arrival.query):
            return arrival.surface.refusal(401, "credentials are missing or wrong", arrival.path)
        return None

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
