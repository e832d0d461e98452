"""The sandbox's server: sets the stage, listens, and answers on paths of its own what it has counted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from urllib.parse import parse_qsl

from aiohttp import web

from extractor.sandbox.answering import Answering
from extractor.sandbox.faults import Faults
from extractor.sandbox.limits import Organisation, Tempo
from extractor.sandbox.options import Options
from extractor.sandbox.play import Play, Stage, Surface
from extractor.sandbox.replies import Reply, json_reply
from extractor.sandbox.sending import send
from extractor.sandbox.statistics import Statistics, budget_use

__all__ = ["Play", "Sandbox", "Stage", "Surface"]

HOST = "127.0.0.1"
CREDENTIAL = re.compile("auth|key|password|secret|token", re.IGNORECASE)
"""In the name of a header or parameter that carries credentials."""


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
        self._runners: list[web.ServerRunner] = []
        self._play: Play
        self._organisations: dict[str, Organisation]
        self._answering: Answering

    async def start(self) -> dict[str, object]:
        """Listen, and say what a client needs to know: vendor, base_url, settings."""
        other_origin = await self._listen(self._other_origin, 0)
        origin = await self._listen(self._answer, self.options.port)
        # Nothing waits from here on, so that no request comes before the vendor is there.
        self._play = self._perform(
            Stage(
                options=self.options,
                key=self._key,
                tempo=self._tempo,
                origin=origin,
                other_origin=other_origin,
                knobs=self.options.knob,
                started=self._clock(),
            )
        )
        self._organisations = {
            name: Organisation(
                allowance,
                tempo=self._tempo,
                bucket=self.options.window == "bucket",
                neighbour=self.options.neighbour,
                seed=f"{self.options.seed} {name}",
            )
            for name, allowance in self._play.budgets.items()
        }
        self._answering = Answering(
            self._play,
            self.options,
            organisations=self._organisations,
            statistics=self.statistics,
            faults=Faults(self.options.fault, self._key),
            other_origin=other_origin,
            clock=self._clock,
        )
        settings = {name: _told(value, origin) for name, value in self._play.settings.items()}
        base_url = settings.pop("base_url", origin + self._play.surfaces[0].prefix)
        return {"vendor": self._play.vendor, "base_url": base_url, "settings": settings}

    async def stop(self) -> None:
        """Close every connection at once."""
        for runner in reversed(self._runners):
            await runner.cleanup()
        self._runners.clear()

    async def _listen(self, handler: Callable[[web.BaseRequest], object], port: int) -> str:
        """Listen on a port; returns the origin."""
        server = web.Server(handler, handler_cancellation=True, access_log=None)  # type: ignore[arg-type]
        # Zero would mean without end.
        runner = web.ServerRunner(server, shutdown_timeout=0.001)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        return f"http://{HOST}:{runner.addresses[0][1]}"

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if path.startswith("/_sandbox/"):
            return await send(request, self._control(request.method, path, parse_qsl(query)), {}, None)
        return await self._answering.answer(request)

    async def _other_origin(self, request: web.BaseRequest) -> web.StreamResponse:
        """Where redirects lead: serves a small file, and notes credentials that must not come here."""
        self.statistics.foreign += 1
        names = (*request.headers, *(name for name, _ in parse_qsl(request.raw_path.partition("?")[2])))
        self.statistics.leaked += any(map(CREDENTIAL.search, names))
        return web.Response(body=b"a file\n", content_type="application/octet-stream")

    def _control(self, method: str, path: str, query: Sequence[tuple[str, str]]) -> Reply:
        """The sandbox's own paths."""
        match method, path:
            case "GET", "/_sandbox/stats":
                return json_reply(self.statistics.counts() | budget_use(self.statistics, self._organisations))
            case "GET", "/_sandbox/truth":
                tables = [value for name, value in query if name == "table"]
                return Reply(chunks=self._play.truth(tables, self._clock()))
            case "POST", "/_sandbox/reset-stats":
                self.statistics.reset()
                for organisation in self._organisations.values():
                    organisation.seconds.clear()
                return json_reply({})
            case "POST", "/_sandbox/limit":
                try:
                    scale = float(dict(query)["scale"])
                except (KeyError, ValueError):
                    scale = 0.0
                if scale > 0:
                    self._tempo.scale = scale
                return json_reply({"scale": self._tempo.scale}, status=200 if scale > 0 else 400)
        return json_reply({"paths": ["stats", "truth?table=", "reset-stats", "limit?scale="]}, status=404)


def _told(value: object, origin: str) -> object:
    """A setting with the origin filled in."""
    if isinstance(value, str):
        return value.replace("{origin}", origin)
    return [_told(each, origin) for each in value] if isinstance(value, list | tuple) else value
