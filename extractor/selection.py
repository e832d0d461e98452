"""Which endpoints a run asks, and which of their records it loads: the words of `--only` and `--also`, worked out."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from extractor.errors import SettingsError, UsageError
from extractor.model import Children, Endpoint, Vendor
from extractor.settings import how_to_write

__all__ = ["Selection", "alternatives", "narrowed", "select"]


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


def select(
    vendor: Vendor,
    only: Iterable[str] = (),
    also: Iterable[str] = (),
    *,
    settings: Collection[str] | None = None,
    given: Collection[str] = (),
    allow_writes: bool = False,
) -> Selection:
    """Choose endpoints by name, alias or table.

    Without `only`, what the vendor's file calls default, as far as there are settings for it; `also` adds to either. A
    table that is loaded brings its held routes with it, so that it is complete. What a loaded endpoint needs is
    fetched, and loaded only when named: its parents, what its records stand beside, and the routes that make up for
    lists that the vendor cuts off.

    Args:
        vendor: whose endpoints they are.
        only: names to choose instead of the default ones.
        also: names to choose besides.
        settings: names of those that have a value; None to take all for granted.
        given: names of the parameters that the user gave.
        allow_writes: endpoints may be chosen that change something at the vendor.

    Raises:
        UsageError: a name that means nothing here, or more than was allowed or given; the message names what would do.
        SettingsError: there are not even settings for the first of the default endpoints.
    """
    endpoints = {endpoint.name: endpoint for endpoint in vendor.endpoints}
    words = _words(vendor)
    only_named = _resolve(vendor, words, "--only", only)
    named = only_named | _resolve(vendor, words, "--also", also)
    asked = [endpoint for endpoint in vendor.endpoints if endpoint.name in named]
    _check_writes(vendor, asked, allow_writes=allow_writes)
    _check_given(vendor, asked, given)
    lacking = {name: _lacking(endpoints, name, settings) for name in endpoints}
    for endpoint in asked:
        if lacking[endpoint.name]:
            raise UsageError(how_to_write(vendor, f"{vendor.name}'s resource {endpoint.name}", lacking[endpoint.name]))
    plain = frozenset(e.name for e in vendor.endpoints if not only_named and _plain(e) and not lacking[e.name])
    chosen = named | plain
    if not chosen:
        raise SettingsError(_nothing_to_load(vendor))
    unheld = frozenset(name for name in named if endpoints[name].held)

    # A held route alone does not stand for its table: whoever names it wants that route, not its siblings.
    tables = {endpoints[name].destination_table for name in chosen if not endpoints[name].held}
    remedies = {e.name for e in vendor.endpoints if e.held and not e.ids_only and e.destination_table in tables}
    loaded = chosen | {name for name in remedies if not lacking[name]}
    return Selection(loaded=loaded, fetched=_needed(endpoints, loaded), unheld=unheld)


def narrowed(vendor: Vendor, selection: Selection, loaded: Iterable[str]) -> Selection:
    """The selection with these endpoints in place of those that are loaded, and with what these need."""
    endpoints = {endpoint.name: endpoint for endpoint in vendor.endpoints}
    wanted = frozenset(loaded)
    return Selection(loaded=wanted, fetched=_needed(endpoints, wanted), unheld=selection.unheld & wanted)


def alternatives(vendor: Vendor) -> list[tuple[str, ...]]:
    """Settings with each of which alone something is loaded by default, beside those that are always required."""
    endpoints = {endpoint.name: endpoint for endpoint in vendor.endpoints}
    needs = dict.fromkeys(_lacking(endpoints, e.name, ()) for e in vendor.endpoints if _plain(e))
    return [one for one in needs if not any(set(other) < set(one) for other in needs)]


def _plain(endpoint: Endpoint) -> bool:
    """Loaded without being named. A held route comes with its table, never by itself."""
    hidden = endpoint.held or endpoint.ids_only or endpoint.writes or endpoint.given
    return endpoint.default and not hidden


def _needed(endpoints: Mapping[str, Endpoint], loaded: Iterable[str]) -> frozenset[str]:
    """The loaded endpoints, what these need, what that needs, and so on."""
    fetched: set[str] = set()
    left = list(loaded)
    while left:
        endpoint = endpoints[left.pop()]
        if endpoint.name in fetched:
            continue
        fetched.add(endpoint.name)
        parents = [endpoints[parent.endpoint] for parent in endpoint.parents if isinstance(parent, Children)]
        # What changes something at the vendor, or must be told something, is for the user alone to ask for.
        left += [parent.name for parent in parents if not parent.writes and not parent.given]
        left += [endpoint.beside] if endpoint.beside else []
        if endpoint.cap:
            left += [name for name in (endpoint.cap.completed_by, endpoint.cap.known_from) if name]
    return frozenset(fetched)


def _lacking(endpoints: Mapping[str, Endpoint], name: str, settings: Collection[str] | None) -> tuple[str, ...]:
    """Settings that are missing for an endpoint and for what it needs."""
    if settings is None:
        return ()
    needed = _needed(endpoints, [name])
    needs = dict.fromkeys(need for endpoint in endpoints.values() if endpoint.name in needed for need in endpoint.needs)
    return tuple(need for need in needs if need not in settings)


def _nothing_to_load(vendor: Vendor) -> str:
    """What to say where settings are missing for everything that is loaded by default."""
    ways = alternatives(vendor)
    names = list(dict.fromkeys(name for way in ways for name in way))
    return how_to_write(vendor, vendor.name, names, what=", or ".join(" and ".join(way) for way in ways))


def _check_writes(vendor: Vendor, asked: Iterable[Endpoint], *, allow_writes: bool) -> None:
    for endpoint in asked:
        if endpoint.writes and not allow_writes:
            does = endpoint.note or "its request changes something there"
            raise UsageError(f"{vendor.name}'s resource {endpoint.name}: {does}. If you want that: --allow-writes.")


def _check_given(vendor: Vendor, asked: Sequence[Endpoint], given: Collection[str]) -> None:
    for endpoint in asked:
        if endpoint.given and endpoint.given[0] not in given:
            raise UsageError(
                f"{vendor.name}'s resource {endpoint.name} needs to be told its {endpoint.given[0]}: "
                f"--param {endpoint.given[0]}=VALUE."
            )
    taken = [name for endpoint in asked for name in endpoint.given]
    unknown = [name for name in given if name not in taken]
    if unknown:
        takers = [f"{e.name} ({', '.join(e.given)})" for e in vendor.endpoints if e.given]
        possible = f"These take parameters: {', '.join(takers)}." if takers else f"No resource of {vendor.name} does."
        raise UsageError(f"--param: nothing that was named takes {', '.join(unknown)}. {possible}")


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
