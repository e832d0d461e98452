"""The gate before dlt: bytes of a page become records that dlt and the destination take without changing them.

dlt 1.31 fails a whole chunk, for ever, on a missing key, an integer beyond 64 bits, a lone surrogate or 50 levels of
lists, and changes NaN, two keys that make one column, and numbers in columns of another type without a word. So:
a record with a sound key always lands; only the offending value changes its form, to JSON text, and an incident names
it; a record without a usable key is kept out, with its bytes in the incident.

A page is parsed fast and walked once. What looks like trouble is read again, slowly and from its bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from itertools import chain, repeat
from typing import cast

import orjson

from extractor.gate.kept import kept_bytes, printable
from extractor.gate.scalars import integer, is_integer, moment
from extractor.gate.shapes import EXTRACTOR_KEY, Record, Shapes, data_type, path_steps
from extractor.gate.suspects import suspicious
from extractor.gate.walk import DEPTH, LookCloser, Walk
from extractor.model import ColumnType, Endpoint, Incident, IncidentKind
from extractor.rawjson import Note, NotJson, distinct, elements, members, parse

__all__ = ["Gate", "Key", "Sound"]

Key = tuple[str | int | float, ...]

_DETAIL = 1_000
_PLAIN = frozenset({"text", "bigint"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """What a page brought.

    Attributes:
        records: ready for dlt, in the page's order.
        keys: primary key of each.
        notes: by the record's position: which of its values changed their form.
        kept_out: records without a usable key.
    """

    records: list[Record] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    notes: dict[int, Incident] = field(default_factory=dict)
    kept_out: list[Incident] = field(default_factory=list)


class Gate:
    """Knows one endpoint's key, declared types, and the shapes that its records have had.

    Args:
        endpoint: whose pages come.
        shapes: columns of its table, shared by all endpoints that write to it.
        key_types: types that the columns of the primary key have by now, shared in the same way. What is neither
            here nor declared takes the type of the first key that comes, and is added.
    """

    def __init__(self, endpoint: Endpoint, shapes: Shapes, key_types: dict[str, ColumnType]) -> None:
        self._endpoint = endpoint.name
        self._shapes = shapes
        self._key_types = key_types
        self._key = tuple(_column_path(shapes, name) for name in endpoint.key)
        self._fields: dict[str, str] = {}
        shapes.keys.update(self._key)
        for path in self._key:
            declared = shapes.declared.get(path)
            if declared is not None:
                key_types["__".join(path)] = data_type(declared)

    @property
    def plain_key(self) -> Mapping[str, ColumnType]:
        """Columns and types of the primary key if all are text or integers by now; else nothing."""
        kinds = {column: self._key_types.get(column) for column in map("__".join, self._key)}
        return {column: kind for column, kind in kinds.items() if kind} if {*kinds.values()} <= _PLAIN else {}

    def together(self, payloads: Sequence[bytes]) -> Sound | None:
        """The sound records of several pages, in half the time if they are small; None if one needs a closer look.

        Args:
            payloads: JSON arrays.
        """
        # A list of lists, so that pages which are no JSON by themselves do not become some together.
        joined = b"[%b]" % b",".join(payloads)
        # Lines and single objects would be parsed for nothing.
        if any(payload[:1] != b"[" for payload in payloads) or suspicious(joined):
            return None
        # The first key to come makes its column's type, and that is the one of the page that is read first.
        if not all("__".join(path) in self._key_types for path in self._key):
            return None
        sound = Sound()
        try:
            found = cast("list[object]", orjson.loads(joined))
            if len(found) != len(payloads) or set(map(type, found)) != {list}:
                return None
            self._fast(list(chain.from_iterable(cast("list[list[object]]", found))), joined, sound)
        except (orjson.JSONDecodeError, LookCloser):
            return None
        return sound

    def read(self, payload: bytes, listing: str) -> Sound:
        """The sound records of a page.

        Args:
            payload: a JSON array, an object, or JSON lines.
            listing: key of the listing that the page belongs to, for incidents of records that have none.
        """
        sound = Sound()
        if not suspicious(payload):
            try:
                self._fast(_values(payload), payload, sound)
            except (orjson.JSONDecodeError, LookCloser):
                sound = Sound()
            else:
                return sound
        try:
            pieces = elements(payload)
        except NotJson:
            return Sound(kept_out=[self._kept_out(payload, listing, "is not JSON")])
        for piece in pieces:
            try:
                if suspicious(piece):
                    raise LookCloser  # noqa: TRY301 - one way to the slow look
                self._fast([orjson.loads(piece)], piece, sound)
            except (orjson.JSONDecodeError, LookCloser):
                self._slow(piece, listing, sound)
        return sound

    def _fast(self, found: Sequence[object], payload: bytes, sound: Sound) -> None:
        """Add the records if there is no doubt about any of them."""
        walk = Walk(self._shapes)
        records = [cast("Record", value) if type(value) is dict else {"value": value} for value in found]
        wrapped = len(found) - list(map(type, found)).count(dict)
        # Before anything in them is changed.
        identities = repeat(None) if self._key else [_content_hash(record) for record in records]
        walk.records(records)
        keys = self._plain_keys(records)
        if keys is None:
            keys = []
            for record, identity in zip(records, identities, strict=False):
                key = self._identify(record, identity)
                if key is None:
                    raise LookCloser
                keys.append(key)
        # Of two equal keys a parser keeps the last. Only the number of keys shows it.
        if walk.keys - wrapped != payload.count(b'":') - payload.count(b'\\":'):
            raise LookCloser
        sound.records.extend(records)
        sound.keys.extend(keys)

    def _slow(self, piece: bytes, listing: str, sound: Sound) -> None:
        """Add one record, whatever it takes."""
        reasons: dict[str, str] = {}
        try:
            record = _careful(piece, reasons.setdefault)
            identity = None if self._key else _content_hash(_leniently(piece, record))
            walk = Walk(self._shapes, reasons.setdefault)
            walk.record(record)
            if walk.deep:
                record = _careful(piece, reasons.setdefault, whole=frozenset(walk.deep))
                Walk(self._shapes, reasons.setdefault).record(record)
        except NotJson:
            sound.kept_out.append(self._kept_out(piece, listing, "is not JSON"))
            return
        key = self._identify(record, identity)
        if key is None:
            what = ", ".join("__".join(path) for path in self._key)
            sound.kept_out.append(self._kept_out(piece, listing, f"has no usable key ({what})"))
            return
        if reasons:
            detail = "; ".join(f"{path or 'value'}: {reason}" for path, reason in reasons.items())
            sound.notes[len(sound.records)] = Incident(
                kind=IncidentKind.MALFORMED,
                endpoint=self._endpoint,
                key=_key_text(key),
                detail=printable(f"kept as text: {detail}")[:_DETAIL],
                gap=False,
            )
        sound.records.append(record)
        sound.keys.append(key)

    def _kept_out(self, raw: bytes, listing: str, why: str) -> Incident:
        name = hashlib.sha256(raw).hexdigest()[:16]
        return Incident(
            kind=IncidentKind.MALFORMED,
            endpoint=self._endpoint,
            key=f"{listing}#{name}",
            detail=f"a record of {len(raw)} bytes {why}; it is in no table",
            record=kept_bytes(raw),
        )

    # ── keys ────────────────────────────────────────────────────────────────────────────────

    def _plain_keys(self, records: Sequence[Record]) -> list[Key] | None:
        """The keys of records that all have one text, or one integer, in a single field; None if any has not."""
        if len(self._key) != 1 or len(self._key[0]) != 1:
            return None
        column = self._key[0][0]
        field_name = self._fields.get(column, column)
        values = [record.get(field_name) for record in records]
        kind = {"text": str, "bigint": int}.get(self._key_types.get(column, ""))
        # The walk has seen to the integers' size.
        if set(map(type, values)) != {kind}:
            return None
        return cast("list[Key]", list(zip(values, strict=True)))

    def _identify(self, record: Record, identity: str | None) -> Key | None:
        """The record's key, its fields brought to the type of their columns; None if it has none."""
        if identity is not None:
            record[EXTRACTOR_KEY] = identity
            return (identity,)
        key: list[str | int | float] = []
        for path in self._key:
            holder, field_name = self._holder(record, path)
            value = holder.get(field_name) if holder is not None else None
            if value is None or holder is None:
                return None
            known = self._key_types.get("__".join(path))
            fitted = _fit(value, known)
            if fitted is None:
                return None
            if known is None:
                self._key_types["__".join(path)] = _type_of(fitted)
            if fitted is not value:
                holder[field_name] = fitted
            key.append(_instant(str(fitted)) if known == "timestamp" else fitted)
        return tuple(key)

    def _holder(self, record: Record, path: tuple[str, ...]) -> tuple[Record | None, str]:
        """The object with the field that makes the column, and the field's name."""
        holder: object = record
        for position, column in enumerate(path):
            if not isinstance(holder, dict):
                return None, ""
            name = self._fields.get(column, column)
            if name not in holder:
                name = next((key for key in holder if self._shapes.column(key) == column), "")
                if name not in holder:
                    return None, ""
                self._fields[column] = name
            if position == len(path) - 1:
                return holder, name
            holder = holder[name]
        return None, ""


# ── bytes to records ────────────────────────────────────────────────────────────────────────


def _values(payload: bytes) -> Sequence[object]:
    if payload[:1] == b"{":
        try:
            return [orjson.loads(payload)]
        except orjson.JSONDecodeError:
            return [orjson.loads(line) for line in payload.split(b"\n") if line.strip()]
    found = orjson.loads(payload)
    return cast("list[object]", found) if type(found) is list else [found]


def _careful(piece: bytes, note: Note, whole: frozenset[str] = frozenset()) -> Record:
    """The record read slowly; fields that are nested too deep, or in `whole`, as their JSON text."""
    pairs: list[tuple[str, object]] = []
    for member in members(piece if piece[:1] == b"{" else b'{"value":%b}' % piece):
        if member.depth >= DEPTH - 1 or member.key in whole:
            note(member.key, "nested too deep")
            text = member.raw.decode("utf-8", "backslashreplace")
            pairs.append((member.key, text.replace("\0", "\\u0000")))
        else:
            pairs.append((member.key, parse(member.raw, member.key, note)))
    return distinct(pairs, "", note)


def _leniently(piece: bytes, record: Record) -> object:
    """What stands there, as Python reads it, to be hashed."""
    try:
        return cast("object", json.loads(piece))
    except (ValueError, RecursionError):
        return record


def _content_hash(record: object) -> str:
    """Sha256 of the canonical JSON, in hex: keys sorted, no blanks, ASCII."""
    return hashlib.sha256(json.dumps(record, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# ── keys ────────────────────────────────────────────────────────────────────────────────────


def _column_path(shapes: Shapes, name: str) -> tuple[str, ...]:
    return tuple(shapes.column(step) for step in path_steps(name))


def _fit(value: object, known: ColumnType | None) -> str | int | float | None:
    """The value as its column takes it, None if that would be another value."""
    kind = type(value)
    if not isinstance(value, str | int | float):
        return None
    if known == "text":
        return value if kind is str else json.dumps(value)
    if known == "bigint":
        if isinstance(value, str):
            return integer(value)
        return int(value) if kind is not bool and is_integer(value) else None
    if known == "double":
        return None if kind in (str, bool) else float(value)
    if known == "bool":
        return value if kind is bool else None
    return value if known is None or kind is str else None


def _type_of(value: str | float) -> ColumnType:
    names: dict[type, ColumnType] = {str: "text", bool: "bool", int: "bigint"}
    return names.get(type(value), "double")


def _instant(text: str) -> str:
    """The same for all ways to write a moment."""
    time = moment(text)
    if time is None:
        return text
    found = time[0] if time[0].tzinfo else time[0].replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat()


def _key_text(key: Key) -> str:
    return str(key[0]) if len(key) == 1 else json.dumps(key)
