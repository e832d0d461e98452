"""Which listings the records of a page name: the edges of the tree of endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from extractor.model import Children, Endpoint, Found, Listing, Missing, State, Vendor
from extractor.paginate import field_of

__all__ = ["Family"]

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Edge:
    child: str
    keys: Callable[[Record], Iterable[object]]
    fields: tuple[tuple[str, str], ...]
    state: State


class Family:
    """Knows for every endpoint whose parent it is, as far as a run fetches the children.

    Args:
        vendor: whose tree it is.
        fetched: endpoints that the run asks for; no other gets a listing.
        unheld: endpoints that were named by the user, whose listings wait for nothing.
    """

    def __init__(self, vendor: Vendor, fetched: frozenset[str], unheld: frozenset[str]) -> None:
        self._edges: dict[str, list[_Edge]] = {}
        self._siblings: dict[str, list[str]] = {}
        self._unheld = unheld
        children = [endpoint for endpoint in vendor.endpoints if endpoint.name in fetched]
        for child in children:
            for parent in child.parents:
                self._edges.setdefault(parent.endpoint, []).append(self._edge(child, parent))
            if isinstance(child.held, Missing) and child.name not in unheld:
                # A record that its list delivered need not be asked for by id, unless the user wants just that.
                delivered = _Edge(child.name, _field("id"), (), State.COMMITTED)
                self._edges.setdefault(child.held.delivered_by, []).append(delivered)
            alike = [other.name for other in children if other.parents == child.parents]
            self._siblings[child.name] = alike if child.parents else [child.name]

    def found(self, listing: Listing, records: Iterable[Record]) -> tuple[Found, ...]:
        """The listings that these records of the listing name, each once, in their order."""
        edges = self._edges.get(listing.endpoint)
        if not edges:
            return ()
        found: dict[tuple[str, str], Found] = {}
        for record in records:
            for edge in edges:
                for value in edge.keys(record):
                    key = _text(value)
                    if not key or (edge.child, key) in found:
                        continue
                    fields = {name: _storable(_text(field_of(record, path))) for name, path in edge.fields}
                    found[edge.child, key] = Found(
                        endpoint=edge.child, key=key, parent=listing.key, fields=fields, state=edge.state
                    )
        return tuple(found.values())

    def renamed(self, listing: Listing, key: str) -> tuple[Found, ...]:
        """The listings to have when the vendor says that the listing's record has another id now."""
        return tuple(
            Found(endpoint=name, key=key, parent=listing.key, fields=listing.fields)
            for name in self._siblings[listing.endpoint]
        )

    def _edge(self, child: Endpoint, parent: Children) -> _Edge:
        keys = _field(parent.key) if isinstance(parent.key, str) else parent.key
        waits = child.held is not None and child.name not in self._unheld
        return _Edge(child.name, keys, tuple(parent.fields.items()), State.HELD if waits else State.PENDING)


def _field(path: str) -> Callable[[Record], Iterable[object]]:
    if "." in path:
        return lambda record: (field_of(record, path),)
    return lambda record: (record.get(path),)


def _storable(text: str) -> str:
    """Text without lone surrogates, which no ledger takes."""
    return text.encode("utf-8", "replace").decode()


def _text(value: object) -> str:
    """An id as text; '' for what can't be one."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
