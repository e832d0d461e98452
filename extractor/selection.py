"""Which endpoints a run asks, and which of their records it loads: the words of `--only` and `--also`, worked out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from extractor.errors import UsageError
from extractor.model import Endpoint, Vendor

__all__ = ["Selection", "select"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Names of endpoints.

    Attributes:
        loaded: their records go to their tables.
        fetched: those that are asked at all: the loaded ones and what these need, for its ids or to complete a list.
        unheld: routes that a backfill holds back as a remedy, but that were named: asked like any other endpoint.
    """

    loaded: frozenset[str]
    fetched: frozenset[str]
    unheld: frozenset[str]


def select(vendor: Vendor, only: Iterable[str] = (), also: Iterable[str] = ()) -> Selection:
    """Choose endpoints by name, alias or table.

    Without `only`, what the vendor's file calls default; `also` adds to either. A table that is loaded brings its held
    routes with it, so that it is complete. What a loaded endpoint needs is fetched, and loaded only when named:
    its parents, and the routes that make up for lists that the vendor cuts off.

    Raises:
        UsageError: a name that means nothing here; the message names what would.
    """
    endpoints = {endpoint.name: endpoint for endpoint in vendor.endpoints}
    words = _words(vendor)
    only_named = _resolve(vendor, words, "--only", only)
    named = only_named | _resolve(vendor, words, "--also", also)
    chosen = named if only_named else named | {endpoint.name for endpoint in vendor.endpoints if _plain(endpoint)}
    unheld = frozenset(name for name in named if endpoints[name].held)

    # A held route alone does not stand for its table: whoever names it wants that route, not its siblings.
    tables = {endpoints[name].destination_table for name in chosen if not endpoints[name].held}
    loaded = chosen | {e.name for e in vendor.endpoints if e.held and not e.ids_only and e.destination_table in tables}
    return Selection(loaded=frozenset(loaded), fetched=_needed(endpoints, loaded), unheld=unheld)


def _plain(endpoint: Endpoint) -> bool:
    """Loaded without being named. A held route comes with its table, never by itself."""
    return endpoint.default and not endpoint.held and not endpoint.ids_only


def _needed(endpoints: Mapping[str, Endpoint], loaded: Iterable[str]) -> frozenset[str]:
    """The loaded endpoints, what these need, what that needs, and so on."""
    fetched: set[str] = set()
    left = list(loaded)
    while left:
        endpoint = endpoints[left.pop()]
        if endpoint.name in fetched:
            continue
        fetched.add(endpoint.name)
        left += [parent.endpoint for parent in endpoint.parents]
        if endpoint.cap:
            left += [name for name in (endpoint.cap.completed_by, endpoint.cap.known_from) if name]
    return frozenset(fetched)


def _words(vendor: Vendor) -> dict[str, frozenset[str]]:
    """Each word that may be typed -> the endpoints it means. A name beats an alias, an alias beats a table."""
    tables: dict[str, set[str]] = {}
    aliases: dict[str, set[str]] = {}
    named = [endpoint for endpoint in vendor.endpoints if not endpoint.ids_only]
    for endpoint in named:
        if not endpoint.held:
            tables.setdefault(endpoint.destination_table, set()).add(endpoint.name)
        for alias in endpoint.aliases:
            aliases.setdefault(alias, set()).add(endpoint.name)
    names = {endpoint.name: {endpoint.name} for endpoint in named}
    return {word: frozenset(meant) for word, meant in (tables | aliases | names).items()}


def _resolve(vendor: Vendor, words: Mapping[str, frozenset[str]], option: str, asked: Iterable[str]) -> frozenset[str]:
    named: frozenset[str] = frozenset()
    unknown: list[str] = []
    for word in asked:
        meant = words.get(word.strip())
        if meant is None:
            unknown.append(word.strip())
        else:
            named |= meant
    if unknown:
        hints = []
        for word in unknown:
            close = difflib.get_close_matches(word.lower().replace("-", "_"), words, n=1)
            hints.append(f"{word!r}" + (f" (did you mean {close[0]}?)" if close else ""))
        possible = ", ".join(endpoint.name for endpoint in vendor.endpoints if not endpoint.ids_only)
        raise UsageError(f"{option}: {vendor.name} has no resource {', '.join(hints)}. Resources: {possible}.")
    return named
