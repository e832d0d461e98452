"""A JSON document in memory becomes records: decoded, and as the bytes that came.

The bytes are cut out of the document and never written again: written again, NaN would become null, a long integer a
rounded one, and of a key that stands twice one value would be lost. Only `Endpoint.row` makes new ones.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

import orjson

from extractor.errors import BadBody
from extractor.model import Endpoint, Response
from extractor.paginate import field_of
from extractor.rawjson import elements

__all__ = ["Block", "Found", "Record", "decoded", "encode", "encode_exactly", "is_error", "read", "says", "whole"]

Record = dict[str, object]

_STANDS_IN = secrets.token_hex()
"""No vendor sends it."""
_STAND_IN = orjson.dumps(_STANDS_IN)
_BRACKETS = {"list": b"[]", "object": b"{}"}
_BLANK = re.compile(r"[ \t\r\n]*")
# What it decodes is thrown away; Python refuses to read integers of more than 4,300 digits.
_SCANNER = json.JSONDecoder(strict=False, parse_int=float)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Some records of one body.

    Attributes:
        records: decoded, for their ids: objects, or whatever an endpoint's `row` makes objects of.
        payload: the same records as the load will read them: JSON array, object or lines.
        malformed: lines that are no record, as they came.
    """

    records: list[object]
    payload: bytes
    malformed: tuple[bytes, ...] = ()


class Found(NamedTuple):
    """Where a document has an endpoint's records.

    Attributes:
        path: dotted, '' for the document itself.
        value: what stands there, None for nothing.
        raw: its bytes, None if they have yet to be searched for.
    """

    path: str
    value: object
    raw: bytes | None


def read(endpoint: Endpoint, body: bytes) -> tuple[object, Found]:
    """Decode a document that holds the endpoint's records.

    Raises:
        BadBody: it is no JSON, or the records are not where they should be.
    """
    cut, raw = "", body
    try:
        if endpoint.row is not None:
            content = _decoded_exactly(body)
        elif (parts := _in_two(endpoint, body)) is not None:
            content, cut, raw = parts
        else:
            content = decoded(body)
    except (ValueError, RecursionError) as error:
        what = "an empty body" if not body.strip() else "a body that is not JSON"
        raise BadBody(f"{endpoint.name}: expected JSON, got {what} of {len(body)} bytes") from error
    path, value = _located(endpoint, content)
    return content, Found(path, value, raw if path == cut else body if not path else None)


def whole(endpoint: Endpoint, response: Response) -> Block:
    """The records of a document that `read` has passed.

    Raises:
        BadBody: it is nested too deep to be cut, or lacks the records of an endpoint that stands beside another.
    """
    if response.status == 204:
        return Block(records=[], payload=b"")
    if isinstance(response.found, Found) and not endpoint.beside:
        path, value, raw = response.found
    else:
        path, value = _located(endpoint, response.content)
        raw = None if path else response.body
    if value is None:
        return Block(records=[], payload=b"")
    if raw is None:
        raw = _cut(endpoint, response.body, path, value)
    if isinstance(value, dict):
        if endpoint.records.shape == "object":
            return Block(records=[value], payload=raw)
        values = _values(endpoint, raw)
        # Decoded one by one: of a key that stands twice, both values are records.
        decode = decoded if endpoint.row is None else _decoded_exactly
        return _sorted_out(endpoint, [decode(piece) for piece in values], b"[" + b",".join(values) + b"]")
    return _sorted_out(endpoint, cast("list[object]", value), raw)


def decoded(data: bytes) -> object:
    """What JSON says, for its ids.

    orjson is strict where some vendors are not: NaN, lone surrogates, control characters, bytes that are no UTF-8.
    The gate, which reads the bytes again, deals with what is inside.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _decoded_exactly(data)


def _decoded_exactly(data: bytes) -> object:
    """As `decoded`, but long integers keep their digits."""
    return cast("object", json.loads(_text(data), strict=False))


def encode(content: object) -> bytes:
    """JSON; also of what orjson refuses to write: lone surrogates, integers beyond 64 bits."""
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:
        return json.dumps(content).encode()


def encode_exactly(content: object) -> bytes:
    """JSON in which NaN stays NaN, for the gate to name it; orjson would write null."""
    return json.dumps(content, separators=(",", ":")).encode()


def says(response: Response, code: tuple[str, str]) -> bool:
    """True if the body is JSON that has this text at this dotted path."""
    try:
        content = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return False
    path, value = code
    return field_of(content, path) == value


def is_error(endpoint: Endpoint, content: Record) -> bool:
    """True for an error under a status that says success."""
    telling = endpoint.key or content.keys() - {"errors"}
    return "errors" in content and not any(content.get(name) for name in telling)


def _located(endpoint: Endpoint, content: object) -> tuple[str, object]:
    """The dotted path of the records ('' for the document itself) and what stands there, None for nothing."""
    path, value = _first(endpoint, content)
    if path is None:
        return "", None
    shape = endpoint.records.shape
    if shape == "list" and not isinstance(value, list):
        raise BadBody(f"{endpoint.name}: expected a JSON array, got {_kind(value)}")
    if shape == "map" and not isinstance(value, dict | list):
        raise BadBody(f"{endpoint.name}: expected a JSON object of records, got {_kind(value)}")
    if shape == "object":
        if not isinstance(value, dict):
            raise BadBody(f"{endpoint.name}: expected a JSON object, got {_kind(value)}")
        if is_error(endpoint, value):
            raise BadBody(f"{endpoint.name}: expected a record, got an error under a status that says success")
    return path, value


def _first(endpoint: Endpoint, content: object) -> tuple[str | None, object]:
    """The first of the endpoint's paths that holds something, and what; None if they hold nothing.

    The first name of one must be there, what is behind it need not: vendors leave out a list that is empty.
    """
    if isinstance(content, list) and endpoint.records.shape != "object":
        return "", content
    paths = _paths(endpoint)
    names = content if isinstance(content, dict) else {}
    empty = bool(endpoint.beside)
    for path in paths:
        if not path:
            return path, content
        if path.partition(".")[0] in names:
            value = field_of(content, path)
            if value is not None:
                return path, value
            empty = True
    if not empty:
        raise BadBody(f"{endpoint.name}: expected a JSON object with {paths[0]!r}, got {_kind(content)} without it")
    return None, None


def _paths(endpoint: Endpoint) -> tuple[str, ...]:
    at = endpoint.records.at
    return (at,) if isinstance(at, str) else at


def _sorted_out(endpoint: Endpoint, values: list[object], raw: bytes) -> Block:
    """A block of the elements of an array, with those kept apart that can't be records."""
    if endpoint.row is not None or set(map(type, values)) <= {dict}:
        return Block(records=values, payload=raw)
    pieces = elements(raw)
    sound = b",".join(piece for piece in pieces if piece[:1] == b"{")
    return Block(
        records=[value for value in values if isinstance(value, dict)],
        payload=b"[" + sound + b"]",
        malformed=tuple(piece for piece in pieces if piece[:1] != b"{"),
    )


def _kind(content: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(content), "a number")


# ── bytes ───────────────────────────────────────────────────────────────────────────────────


def _in_two(endpoint: Endpoint, body: bytes) -> tuple[object, str, bytes] | None:
    """The content, and a path with the bytes there, if they can be guessed: then nothing is decoded twice."""
    brackets = _BRACKETS.get(endpoint.records.shape)
    for path in filter(None, _paths(endpoint) if brackets else ()):
        guess = _guessed(body, path, brackets or b"")
        if guess is not None:
            raw, value, content = guess
            *above, name = path.split(".")
            holder = field_of(content, ".".join(above)) if above else content
            cast("Record", holder)[name] = value
            return content, path, raw
    return None


def _cut(endpoint: Endpoint, body: bytes, path: str, value: object) -> bytes:
    """The bytes of an array or object at a path; of a name that stands twice the last one, as parsers have it."""
    guess = _guessed(body, path, _BRACKETS["list" if isinstance(value, list) else "object"])
    return _searched(endpoint, body, path) if guess is None else guess[0]


def _guessed(body: bytes, path: str, brackets: bytes) -> tuple[bytes, object, object] | None:
    """What the outermost brackets behind the path's name enclose, if it is proved to be the value there.

    Proof: it is JSON by itself, and a text in its place is what a parser finds at the path.

    Returns:
        It, decoded too, and the content with that text.
    """
    first, last = brackets
    name = path.rpartition(".")[2]
    begin = body.find(first, body.find(f'"{name}"'.encode()))
    end = body.rfind(last) + 1
    raw = body[begin:end]
    try:
        value = orjson.loads(raw)
        around = orjson.loads(b"".join((body[:begin], _STAND_IN, body[end:])))
    except orjson.JSONDecodeError:
        return None
    return (raw, value, around) if field_of(around, path) == _STANDS_IN else None


def _searched(endpoint: Endpoint, body: bytes, path: str) -> bytes:
    """The same wherever it stands, slowly."""
    text = _text(body)
    begin, end = _after_blanks(text, 0), len(text)
    for name in path.split("."):
        spans = {key: span for key, *span in _members(endpoint, text, begin)}
        begin, end = spans[name]
    return text[begin:end].encode("utf-8", "surrogateescape")


def _values(endpoint: Endpoint, raw: bytes) -> list[bytes]:
    """The bytes of each value of an object."""
    text = _text(raw)
    spans = _members(endpoint, text, _after_blanks(text, 0))
    return [text[begin:end].encode("utf-8", "surrogateescape") for _, begin, end in spans]


def _members(endpoint: Endpoint, text: str, begin: int) -> Iterator[tuple[str, int, int]]:
    """Key, begin and end of each value of the object that begins there, in text that is known to be JSON."""
    try:
        position = _after_blanks(text, begin + 1)
        while text[position] != "}":
            key, position = _SCANNER.raw_decode(text, position)
            begin = _after_blanks(text, _after_blanks(text, position) + 1)
            _, end = _SCANNER.raw_decode(text, begin)
            yield key, begin, end
            position = _after_blanks(text, end)
            if text[position] == ",":
                position = _after_blanks(text, position + 1)
    except RecursionError as error:
        raise BadBody(f"{endpoint.name}: expected JSON, got a body with too many brackets in brackets") from error


def _text(raw: bytes) -> str:
    return raw.decode("utf-8-sig", "surrogateescape")


def _after_blanks(text: str, position: int) -> int:
    blanks = _BLANK.match(text, position)
    return blanks.end() if blanks else position
