"""What passes between the server and a vendor before the first request: the stage, and the play on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from extractor.sandbox.limits import Allowance, Tempo, Verdict
from extractor.sandbox.options import Options
from extractor.sandbox.replies import Reply
from extractor.sandbox.routing import Router

__all__ = ["Play", "Stage", "Surface"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What a vendor is given to be played.

    Attributes:
        key: for all draws and ids, from the seed.
        tempo: the factor on all limits.
        origin: scheme, host and port of this sandbox, for absolute links in answers.
        other_origin: the same of another server of this sandbox, where redirects lead.
        knobs: name -> value of switches that only this vendor has; a vendor refuses unknown names by ValueError.
        started: Unix seconds.
    """

    options: Options
    key: bytes
    tempo: Tempo
    origin: str
    other_origin: str
    knobs: Mapping[str, str]
    started: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """One API of a vendor: the paths below a prefix, with credentials of their own.

    Attributes:
        prefix: begins with "/"; where several fit a path, the longest wins.
        budget: name of the one that its requests count against.
        authorized: judges headers and query of a request.
        rate_headers: what the vendor states about its limits on every answer.
        too_many: the answer over a limit; a verdict that allows the request means that a fault or the limit of
            the route refuses it.
        refusal: the answer with a status (400, 401, 404, 405) for a reason and a path.
    """

    prefix: str
    router: Router
    budget: str
    authorized: Callable[[Mapping[str, str], Sequence[tuple[str, str]]], bool]
    rate_headers: Callable[[Verdict], dict[str, str]]
    too_many: Callable[[Verdict], Reply]
    refusal: Callable[[int, str, str], Reply]


@dataclass(frozen=True, kw_only=True, slots=True)
class Play:
    """A vendor as the server needs it.

    Attributes:
        budgets: by name; the statistics show the seconds of the first one.
        surfaces: the prefix of the first one ends the base URL.
        settings: what a client must be told to use the sandbox: text or lists of text, in which `{origin}` stands
            for scheme, host and port of the sandbox; `base_url` is needed only where it is not that of a surface.
        truth: JSON of what exists and of what can't be had, for these tables or for all.
        arrived: told of each request that a budget let in, by number and instant.
    """

    vendor: str
    budgets: Mapping[str, Allowance]
    surfaces: tuple[Surface, ...]
    settings: Mapping[str, object]
    truth: Callable[[Sequence[str], float], AsyncIterator[bytes]]
    arrived: Callable[[int, float], None]
