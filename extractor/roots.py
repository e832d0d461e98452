"""The listings that a run begins with; all others are named by pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from extractor.model import Configured, Endpoint, Found, Vendor
from extractor.windows import Span, keys

__all__ = ["needs_beginning", "roots"]


def roots(
    vendor: Vendor,
    fetched: frozenset[str],
    span: Span,
    *,
    lists: Mapping[str, Sequence[str]],
    given: Mapping[str, str],
    named: Iterable[Found] = (),
) -> Iterator[Found]:
    """One listing for each endpoint without parents, or for each value that is configured, or the windows of these.

    An endpoint that takes parameters from the user is about the first one's value, so that it is asked once for each
    of them. Endpoints that live on ids from a file alone have no root, nor have those that stand beside another's
    records.

    Args:
        vendor: whose endpoints they are.
        fetched: endpoints that the run asks for.
        span: the days for which endpoints with windows are asked.
        lists: settings that are lists.
        given: what the user gave with `--param`.
        named: listings of a file's ids, which get their windows here.
    """
    windows = {endpoint.name: endpoint.windows for endpoint in vendor.endpoints}
    for one in (*_plain(vendor, fetched, lists, given), *named):
        yield from (replace(one, key=key) for key in keys(windows[one.endpoint], one.key, span))


def needs_beginning(vendor: Vendor, fetched: frozenset[str], span: Span) -> bool:
    """Whether windows can't be told before somebody asks where the vendor's history begins."""
    windows = (endpoint.windows for endpoint in vendor.endpoints if endpoint.name in fetched)
    return span.since is None and any(one is not None and one.begin == "beginning" for one in windows)


def _plain(
    vendor: Vendor, fetched: frozenset[str], lists: Mapping[str, Sequence[str]], given: Mapping[str, str]
) -> Iterator[Found]:
    """The listings of endpoints whose ids no page names, before they get their windows."""
    from_file = {name for names in vendor.ids.values() for name in names}
    for endpoint in vendor.endpoints:
        only_from_file = endpoint.name in from_file and not endpoint.parents
        if endpoint.name not in fetched or only_from_file or endpoint.beside:
            continue
        yield from (Found(endpoint=endpoint.name, key=about) for about in _abouts(endpoint, lists, given))


def _abouts(endpoint: Endpoint, lists: Mapping[str, Sequence[str]], given: Mapping[str, str]) -> Sequence[str]:
    """What each of its roots is about."""
    if endpoint.given:
        return (given[endpoint.given[0]],)
    if endpoint.parents:
        configured = [parent.setting for parent in endpoint.parents if isinstance(parent, Configured)]
        return [value for setting in configured for value in lists.get(setting, ())]
    return ("",)
