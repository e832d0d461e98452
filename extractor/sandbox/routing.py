"""Paths to routes: a tree of segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from extractor.sandbox.limits import Rolling
from extractor.sandbox.replies import Call, Reply

__all__ = ["Match", "Route", "Router"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        name: in the statistics.
        path: begins with "/"; `{}` stands for a variable segment.
        query: names of the parameters that it knows; None takes any.
        limit: a budget of its own, besides that of its surface.
        latency: milliseconds that an answer takes, by number of the request; None is the sandbox's own.
    """

    name: str
    path: str
    answer: Callable[[Call], Reply | Awaitable[Reply]]
    method: str = "GET"
    query: frozenset[str] | None = frozenset()
    limit: Rolling | None = None
    latency: Callable[[int], float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Where a path leads: methods to routes, and the variable segments."""

    routes: dict[str, Route]
    args: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    routes: dict[str, Route] = field(default_factory=dict)
    fixed: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None


class Router:
    """Finds the route of a path; a fixed segment wins over a variable one."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in route.path.split("/")[1:]:
                if segment == "{}":
                    node.variable = node.variable or _Node()
                    node = node.variable
                else:
                    node = node.fixed.setdefault(segment, _Node())
            node.routes[route.method] = route

    def find(self, path: str) -> Match | None:
        """The routes at a path as sent (begins with "/", percent-encoded), or None."""
        node = self._root
        args: list[str] = []
        for segment in path.split("/")[1:]:
            fixed = node.fixed.get(segment)
            if fixed is not None:
                node = fixed
            elif node.variable is not None and segment:
                args.append(unquote(segment) if "%" in segment else segment)
                node = node.variable
            else:
                return None
        return Match(routes=node.routes, args=tuple(args)) if node.routes else None
