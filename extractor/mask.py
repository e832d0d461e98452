"""Fields that are not to be kept as they came: which they are, and records without them.

A mask drops a field or puts a keyed hash in its place, so that equal values stay joinable and nobody finds one out by
hashing guesses. It acts in memory, on a page that no disk has seen. What follows from the records besides, the
listings they name, is read from them as they came; so what names listings can't be masked, nor can a key.
"""

from __future__ import annotations

import difflib
import hmac
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, TypeAlias, cast

from extractor.documents import encode_exactly
from extractor.errors import BadBody, UsageError
from extractor.model import Children, ColumnType, Endpoint, Vendor
from extractor.rawjson import NotJson, elements, members

__all__ = ["Mask", "Masked", "Masking", "declared", "understood"]

How = Literal["hash", "drop"]
Steps = tuple[str, ...]
_Tree: TypeAlias = dict[str, "_Tree | How"]

_SHOWN = 16
"""Characters of a hash that only names something."""

# Numbers become their digits, so that 5 and "5" are joined, and long ones are not rounded.
_DIGITS_KEPT = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Mask:
    """One field, and what becomes of it.

    Attributes:
        table: '' for all.
        path: dotted, as columns are declared (`emails[].original`), or the beginning of such a path for all below it.
    """

    table: str = ""
    path: str
    how: How

    def __str__(self) -> str:
        where = f"{self.table}:" if self.table else ""
        return f"{where}{self.path}={self.how}"

    @property
    def steps(self) -> Steps:
        """Names on the way to the field. Lists are gone through, whether the path says so or not."""
        return _steps(self.path)

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint's records may have the field."""
        return self.table in ("", endpoint.destination_table)


@dataclass(frozen=True, kw_only=True, slots=True)
class Masking:
    """The masks of a pipeline.

    Attributes:
        key: of the hashes; empty if there are none.
    """

    masks: tuple[Mask, ...] = ()
    key: bytes = field(default=b"", repr=False)

    @property
    def identity(self) -> dict[str, str]:
        """What all runs of a pipeline must agree on; of the key only a name that does not give it away."""
        named = {"mask": " ".join(f"--mask '{mask}'" for mask in self.masks)} if self.masks else {}
        return named | ({"mask_key": _digest(self.key, "mask_key")[:_SHOWN]} if self.key else {})

    def of(self, endpoint: Endpoint) -> Masked | None:
        """What is to be done with the endpoint's records; None if nothing is."""
        tree: _Tree = {}
        # A field that others lie in goes as a whole, whatever is said of them.
        for mask in sorted(self.masks, key=lambda one: len(one.steps)):
            if mask.concerns(endpoint):
                _plant(tree, mask)
        return Masked(endpoint.name, tree, self.key) if tree else None


class Masked:
    """Masks the records of one endpoint.

    Args:
        endpoint: its name.
        tree: what becomes of which field.
        key: of the hashes.
    """

    def __init__(self, endpoint: str, tree: _Tree, key: bytes) -> None:
        self._endpoint = endpoint
        self._tree = tree
        self._key = key

    def payload(self, raw: bytes) -> bytes:
        """The records of a JSON array, an object or JSON lines as an array; what is not masked keeps its bytes.

        Raises:
            BadBody: it is none of these.
        """
        try:
            return b"[%b]" % b",".join(self._record(record, self._tree) for record in elements(raw))
        except NotJson as error:
            raise BadBody(f"{self._endpoint}: expected JSON records to mask, got another text") from error

    def fingerprint(self, raw: bytes) -> str:
        """A short name for bytes that may hold a masked value."""
        return _digest(self._key, raw.decode("utf-8", "surrogateescape"))[:_SHOWN]

    def _record(self, raw: bytes, tree: _Tree) -> bytes:
        if raw[:1] == b"[":
            return b"[%b]" % b",".join(self._record(one, tree) for one in elements(raw))
        if raw[:1] != b"{":
            return raw
        kept: list[bytes] = []
        touched = False
        for member in members(raw):
            what = tree.get(_plain(member.key))
            value = self._value(member.raw, what)
            touched = touched or value is not member.raw
            if value is not None:
                kept.append(b"%b:%b" % (_written(member.key), value))
        return b"{%b}" % b",".join(kept) if touched else raw

    def _value(self, raw: bytes, what: _Tree | How | None) -> bytes | None:
        """What stands in a field's place, None for nothing."""
        if what is None:
            return raw
        if what == "drop":
            return None
        return self._hash(raw) if what == "hash" else self._record(raw, what)

    def _hash(self, raw: bytes) -> bytes:
        text = raw.decode("utf-8", "surrogateescape")
        try:
            return encode_exactly(self._hashed(_DIGITS_KEPT.decode(text)))
        except RecursionError:
            return encode_exactly(_digest(self._key, text))

    def _hashed(self, value: object) -> object:
        """Of a list each element's, of an object that of its JSON with sorted keys; null says nothing of anybody."""
        if value is None:
            return None
        if isinstance(value, list):
            return [self._hashed(one) for one in cast("list[object]", value)]
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
        return _digest(self._key, text)


def declared(vendor: Vendor, masks: Collection[Mask]) -> Vendor:
    """The vendor with the types that its columns have then: none for what is dropped, text for a hash."""
    return replace(vendor, endpoints=tuple(replace(one, columns=_types(one, masks)) for one in vendor.endpoints))


def understood(vendor: Vendor, words: Iterable[str]) -> tuple[Mask, ...]:
    """The masks that were typed: `[?][TABLE:]FIELD=hash|drop`.

    They belong to the pipeline, not to one run: all tables of the vendor count, whichever a run loads. With `?` the
    field may be one that no document of the vendor's names.

    Raises:
        UsageError: one makes no sense, contradicts another, or is of a field that is needed as it is.
    """
    masks = sorted({_mask(vendor, word) for word in words})
    ways: dict[tuple[str, Steps], Mask] = {}
    for mask in masks:
        other = ways.setdefault((mask.table, mask.steps), mask)
        if other.how != mask.how:
            raise UsageError(f"--mask: {other} and {mask} contradict each other.")
        _check_needed(vendor, mask)
    return tuple(masks)


# ── words ───────────────────────────────────────────────────────────────────────────────────


def _mask(vendor: Vendor, word: str) -> Mask:
    where, _, how = word.rpartition("=")
    table, colon, path = where.removeprefix("?").partition(":")
    if not colon:
        table, path = "", table
    table, path = table.strip(), path.strip()
    if how not in ("hash", "drop") or not all(_steps(path)):
        raise UsageError(f"--mask: {word!r} is no mask; write FIELD=hash, FIELD=drop or TABLE:FIELD=hash.")
    mask = Mask(table=table, path=path, how=cast("How", how))
    tables = {one.destination_table for one in vendor.endpoints}
    if colon and table not in tables:
        raise UsageError(f"--mask: {vendor.name} has no table {table!r}{_hint(table, tables)}.")
    columns = [column for one in vendor.endpoints if mask.concerns(one) for column in one.columns]
    for column in columns:
        if _covers(mask, column):
            # However it was typed, the same field is the same mask.
            return replace(mask, path=_beginning(mask, column))
    if not where.startswith("?"):
        who = f"{vendor.name}'s table {table}" if table else f"no table of {vendor.name}"
        raise UsageError(
            f"--mask: {who} has {'no' if table else 'a'} field {path!r}{_hint(path, columns)}. "
            f"If its documents only don't name it: --mask '?{word}'."
        )
    return mask


def _hint(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _check_needed(vendor: Vendor, mask: Mask) -> None:
    """A row without its key is lost, and what a listing is asked for by stands in the ledger."""
    for endpoint in vendor.endpoints:
        if not mask.concerns(endpoint):
            continue
        for path, why in _needed(vendor, endpoint):
            needed = _steps(path)
            both = min(len(needed), len(mask.steps))
            if needed[:both] == mask.steps[:both]:
                advice = "" if mask.table else " Say which tables are meant: --mask TABLE:FIELD=hash."
                raise UsageError(f"--mask: {mask} can't be: in {endpoint.destination_table} {path} {why}.{advice}")


def _needed(vendor: Vendor, endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Fields of the endpoint's records that are needed as they are, and what for."""
    for path in endpoint.key:
        yield path, "is the key by which rows are told apart"
    for child in vendor.endpoints:
        for parent in child.parents:
            if isinstance(parent, Children) and parent.endpoint == endpoint.name:
                read = [parent.key] if isinstance(parent.key, str) else _read_by(parent.key)
                for path in (*read, *parent.fields.values()):
                    yield path, f"says what of {child.name} is asked for"


# ── what a function reads ───────────────────────────────────────────────────────────────────


def _read_by(keys: Callable[[Mapping[str, object]], tuple[str, ...]]) -> list[str]:
    """The paths that a function looks at to name children, found by letting it look."""
    seen: set[str] = set()
    for listed in (False, True):
        keys(_Watched(seen, "", listed=listed))
    return sorted(path for path in seen if not any(other.startswith(f"{path}.") for other in seen))


class _Watched(dict[str, object]):
    """A record that notes what it is asked for; in each field is another, or a list of one."""

    def __init__(self, seen: set[str], path: str, *, listed: bool) -> None:
        self._seen = seen
        self._path = path
        self._listed = listed

    def get(self, key: str, _: object = None) -> object:
        path = f"{self._path}.{key}" if self._path else key
        self._seen.add(path)
        inner = _Watched(self._seen, path, listed=self._listed)
        return [inner] if self._listed else inner

    __getitem__ = get


# ── paths ───────────────────────────────────────────────────────────────────────────────────


def _steps(path: str) -> Steps:
    return tuple(_plain(name) for name in path.split("."))


@lru_cache(maxsize=10_000)
def _plain(name: str) -> str:
    """Letters and digits only: destinations make one column of `emailAddress`, `Email Address`, `email_address`."""
    return "".join(char for char in name.casefold() if char.isalnum())


@lru_cache(maxsize=10_000)
def _written(name: str) -> bytes:
    return encode_exactly(name)


def _covers(mask: Mask, column: str) -> bool:
    return _steps(column)[: len(mask.steps)] == mask.steps


def _beginning(mask: Mask, column: str) -> str:
    """The part of a column's path that the mask names."""
    return ".".join(column.split(".")[: len(mask.steps)])


def _types(endpoint: Endpoint, masks: Collection[Mask]) -> Mapping[str, ColumnType]:
    types: dict[str, ColumnType] = {}
    for column, kind in endpoint.columns.items():
        covering = [mask for mask in masks if mask.concerns(endpoint) and _covers(mask, column)]
        outermost = min(covering, key=lambda mask: len(mask.steps), default=None)
        if outermost is None:
            types[column] = kind
        elif outermost.how == "hash":
            types[_beginning(outermost, column)] = "text"
    return types


def _plant(tree: _Tree, mask: Mask) -> None:
    *way, last = mask.steps
    for step in way:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree.setdefault(last, mask.how)


def _digest(key: bytes, text: str) -> str:
    """HMAC-SHA-256 in hex."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()
