"""Which listings the records of a page name: the edges of the tree of endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from types import MappingProxyType

from extractor.model import Children, Endpoint, Found, Listing, Missing, State, Vendor, Windows
from extractor.paginate import field_of
from extractor.windows import Span, keys

__all__ = ["Family"]

Record = Mapping[str, object]

_NONE: Mapping[str, str] = MappingProxyType({})
"""One for all: a page can name thousands of listings, and waits for the disk with them."""


@dataclass(frozen=True, slots=True)
class _Edge:
    child: str
    keys: Callable[[Record], Iterable[object]]
    fields: tuple[tuple[str, str], ...]
    state: State
    oldest_first: str

    def in_order(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records as the children are to be named."""
        return (
            sorted(records, key=lambda one: _instant(field_of(one, self.oldest_first)))
            if self.oldest_first
            else records
        )


class Family:
    """Knows for every endpoint whose parent it is, as far as a run fetches the children.

    Args:
        vendor: whose tree it is.
        fetched: endpoints that the run asks for; no other gets a listing.
        unheld: endpoints that were named by the user, whose listings wait for nothing.
        span: the days for which children with windows are asked, all if None; where history begins may be found out
            later.
    """

    def __init__(
        self,
        vendor: Vendor,
        fetched: frozenset[str],
        unheld: frozenset[str],
        span: Span | None = None,
    ) -> None:
        self.span = span or Span(since=None, until=date.max)
        self._fetched = fetched
        self._edges: dict[str, list[_Edge]] = {}
        self._together: dict[str, int] = {}
        self._windows: dict[str, Windows] = {}
        self._siblings: dict[str, list[str]] = {}
        self._unheld = unheld
        children = [endpoint for endpoint in vendor.endpoints if endpoint.name in fetched]
        for child in children:
            if child.windows is not None:
                self._windows[child.name] = child.windows
            for parent in child.parents:
                if not isinstance(parent, Children):
                    continue
                self._edges.setdefault(parent.endpoint, []).append(self._edge(child, parent))
                if parent.together > 1:
                    self._together[child.name] = parent.together
            if isinstance(child.held, Missing) and child.name not in unheld:
                # A record that its list delivered need not be asked for by id, unless the user wants just that.
                delivered = _Edge(child.name, _field("id"), (), State.COMMITTED, "")
                self._edges.setdefault(child.held.delivered_by, []).append(delivered)
            alike = [other.name for other in children if other.parents == child.parents]
            self._siblings[child.name] = alike if child.parents else [child.name]

    def found(self, listing: Listing, records: Iterable[object]) -> tuple[Found, ...]:
        """The listings that these records of the listing name, each once, in their order; only objects do."""
        edges = self._edges.get(listing.endpoint)
        if not edges:
            return ()
        found: dict[tuple[str, str], Found] = {}
        listed: list[Record] = [record for record in records if isinstance(record, dict)]
        for edge in edges:
            for record in edge.in_order(listed):
                for value in edge.keys(record):
                    key = _text(value)
                    if not key or (edge.child, key) in found:
                        continue
                    fields = {name: _storable(_text(field_of(record, path))) for name, path in edge.fields} or _NONE
                    found[edge.child, key] = Found(
                        endpoint=edge.child, key=key, parent=listing.key, fields=fields, state=edge.state
                    )
        return tuple(self._listings(found.values()))

    def asked(self, named: Iterable[Found]) -> tuple[Found, ...]:
        """Those of the listings that the run asks for."""
        return tuple(one for one in named if one.endpoint in self._fetched)

    def renamed(self, listing: Listing, key: str) -> tuple[Found, ...]:
        """The listings to have when the vendor says that the listing's record has another id now."""
        siblings = self._siblings[listing.endpoint]
        found = [Found(endpoint=name, key=key, parent=listing.key, fields=listing.fields) for name in siblings]
        return tuple(self._listings(found))

    def _listings(self, named: Iterable[Found]) -> Iterator[Found]:
        """What is asked for the ids that were named: some in one listing together, some in a listing for each window.

        Of those together, the first one's fields are kept.
        """
        gathered: dict[str, list[Found]] = {}
        for one in named:
            if one.endpoint in self._together:
                gathered.setdefault(one.endpoint, []).append(one)
            else:
                yield from self._in_windows(one)
        for name, ones in gathered.items():
            for start in range(0, len(ones), self._together[name]):
                some = ones[start : start + self._together[name]]
                yield from self._in_windows(replace(some[0], key=",".join(one.key for one in some)))

    def _in_windows(self, named: Found) -> Iterator[Found]:
        windows = self._windows.get(named.endpoint)
        if windows is None:
            yield named
        else:
            yield from (replace(named, key=key) for key in keys(windows, named.key, self.span))

    def _edge(self, child: Endpoint, parent: Children) -> _Edge:
        keys = _field(parent.key) if isinstance(parent.key, str) else parent.key
        waits = child.held is not None and child.name not in self._unheld
        return _Edge(
            child.name, keys, tuple(parent.fields.items()), State.HELD if waits else State.PENDING, parent.oldest_first
        )


def _field(path: str) -> Callable[[Record], Iterable[object]]:
    if "." in path:
        return lambda record: (field_of(record, path),)
    return lambda record: (record.get(path),)


def _instant(value: object) -> datetime:
    """What is no instant comes first: anything newer may replace it."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _storable(text: str) -> str:
    """Text without lone surrogates, which no ledger takes."""
    return text.encode("utf-8", "replace").decode()


def _text(value: object) -> str:
    """An id as text; '' for what can't be one."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
