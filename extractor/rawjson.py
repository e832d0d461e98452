"""JSON read piece by piece, as it was written: the slow look at what a fast parser refuses or rounds.

Numbers keep their digits, a key that stands twice keeps both values, depth costs no stack, and a value that no
table can hold comes as an `Escaped`: its JSON text, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import orjson

__all__ = ["Escaped", "NotJson", "Written", "dump", "elements", "escaped_text", "members", "parse", "unsound"]

_TOKEN = re.compile(rb'\s*+(?:("[^"\\]*+(?:\\.[^"\\]*+)*+")|([\[\]{},:])|([^\s\[\]{},:"]++))', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_CONSTANTS: dict[bytes, bool | None] = {b"true": True, b"false": False, b"null": None}
_NOT_NUMBERS = (b"NaN", b"Infinity", b"-Infinity")
_BLANK = b" \t\r\n"

_MARKED = re.compile("[\uf026-\uf02e].", re.DOTALL)
_EDGE = re.compile(r"(?:0001-01-01|9999-12-31)[T ].*[+-]\d\d:?(?:\d\d)?")


class NotJson(ValueError):
    """The bytes are no JSON, not even a lenient reader's."""


class Escaped(str):
    """The JSON text of a value that no table can hold.

    Attributes:
        number: the value is a number (beyond 64 bits, NaN, infinite), not text.
    """

    __slots__ = ("number",)
    number: bool


class Written(float):
    """A number with a fraction or an exponent, and its digits as they came."""

    __slots__ = ("text",)
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """One value between two brackets: its bytes, how deep it is nested, and in an object its key."""

    raw: bytes
    depth: int
    key: str = ""


Note = Callable[[str, str], object]
"""Told of each value that changes its form: path, reason."""


def unsound(text: str) -> str:
    """Why dlt or a destination would refuse or change this text; '' if it is sound."""
    if "\0" in text:
        return "NUL character"
    if _MARKED.match(text):
        return "character that dlt keeps for itself"  # dlt would read U+F026 "1.5" as the number 1.5
    if _EDGE.fullmatch(text):
        return "time out of range"  # in UTC it is in the year 0 or 10000, on which dlt fails
    try:
        text.encode()
    except UnicodeEncodeError:
        return "lone surrogate"
    return ""


def escaped_text(text: str) -> Escaped:
    """JSON text in ASCII."""
    return _escaped(json.dumps(text), number=False)


def dump(value: object) -> str:
    """Compact JSON with the numbers as they were written."""
    return orjson.dumps(value, default=_as_written, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def elements(raw: bytes) -> list[bytes]:
    """The values of a JSON array; of other JSON the values that stand one after the other."""
    stripped = raw.removeprefix(b"\xef\xbb\xbf").strip(_BLANK)
    if stripped[:1] == b"[":
        return [member.raw for member in _split(stripped)]
    if stripped[:1] == b"{":
        with suppress(NotJson):
            _split(stripped)
            return [stripped]
    lines = (line.strip(_BLANK) for line in stripped.split(b"\n"))
    return [line for line in lines if line]


def members(raw: bytes) -> list[Member]:
    """The members of an object, one by one; a key that stands twice comes twice."""
    if raw[:1] != b"{":
        raise NotJson("expected an object")
    return _split(raw)


def parse(raw: bytes, path: str, note: Note) -> object:
    """The value, with `Escaped` and `Written` where it needs them. The caller sees to its depth."""
    raw = raw.strip(_BLANK)
    first = raw[:1]
    if first == b'"':
        return _text(raw, path, note)
    if first == b"[":
        return [parse(member.raw, f"{path}[]", note) for member in _split(raw)]
    if first == b"{":
        return distinct(
            [(member.key, parse(member.raw, join(path, member.key), note)) for member in _split(raw)], path, note
        )
    return _scalar(raw, path, note)


def distinct(pairs: list[tuple[str, object]], path: str, note: Note) -> dict[str, object]:
    """An object of these members; of a key that stands twice the last value keeps the name, as parsers have it."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            note(join(path, key), "key twice")
            earlier = found.pop(key)
            copies = 1
            while (name := f"{key}_{digest(f'{key}#{copies}')}") in found:
                copies += 1
            found[name] = earlier if isinstance(earlier, str) else dump(earlier)
        found[key] = value
    return found


def digest(text: str) -> str:
    """Eight characters that tell names apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def join(path: str, key: str) -> str:
    """The path of an object's member."""
    return f"{path}.{key}" if path else key


def _split(raw: bytes) -> list[Member]:  # noqa: C901 - one small automaton, clearer in one piece
    """What stands between the outermost brackets, in one pass and without recursion."""
    closing = {b"[": b"]", b"{": b"}"}
    stack: list[bytes] = []
    found: list[Member] = []
    position = begin = deepest = 0
    key: str | None = None
    is_object = raw[:1] == b"{"
    end = len(raw)
    while position < end:
        token = _TOKEN.match(raw, position)
        if token is None:
            raise NotJson("expected JSON, got a text without end or a stray character")
        position = token.end()
        mark = token[2]
        if mark is None:
            continue
        if mark in closing:
            stack.append(closing[mark])
            if len(stack) == 1:
                begin = position
            deepest = max(deepest, len(stack) - 1)
        elif mark == b":":
            if len(stack) == 1 and is_object and key is None:
                key = _key(raw[begin : token.start(2)])
                begin = position
        else:
            if len(stack) == 1:
                piece = raw[begin : token.start(2)].strip(_BLANK)
                if piece or mark == b"," or found or key is not None:
                    if not piece or (key is None) is is_object:
                        raise NotJson("expected a value between the commas")
                    found.append(Member(piece, deepest, key or ""))
                begin, deepest, key = position, 0, None
            if mark != b",":
                if not stack or stack.pop() != mark:
                    raise NotJson("expected the bracket that was opened last")
                if not stack:
                    break
    if stack or raw[position:].strip(_BLANK):
        raise NotJson("expected one JSON value, got part of one or more")
    return found


def _key(raw: bytes) -> str:
    text = raw.strip(_BLANK)
    if text[:1] != b'"':
        raise NotJson("expected a key in quotes")
    key = _decoded(text)
    return json.dumps(key)[1:-1] if unsound(key) in ("lone surrogate", "NUL character") else key


def _decoded(raw: bytes) -> str:
    try:
        return cast("str", json.loads(raw.decode("utf-8", "surrogateescape"), strict=False))
    except ValueError as error:
        raise NotJson("expected a text in quotes") from error


def _text(raw: bytes, path: str, note: Note) -> str:
    text = _decoded(raw)
    reason = unsound(text)
    if not reason:
        return text
    note(path, reason)
    return escaped_text(text)


def _scalar(raw: bytes, path: str, note: Note) -> object:
    if raw in _CONSTANTS:
        return _CONSTANTS[raw]
    if raw in _NOT_NUMBERS:
        note(path, raw.decode())
        return _escaped(raw.decode(), number=True)
    text = raw.decode("ascii", "replace")
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise NotJson("expected a value")
    if number[1] or number[2]:
        written = Written(text)
        written.text = text
        if math.isfinite(written):
            return written
        note(path, "number beyond 64 bits")
        return _escaped(text, number=True)
    # Python refuses to read integers of more than 4,300 digits, and need not here.
    if len(text) <= 20 and -(2**63) <= int(text) < 2**63:
        return int(text)
    note(path, "integer beyond 64 bits")
    return _escaped(text, number=True)


def _escaped(text: str, *, number: bool) -> Escaped:
    value = Escaped(text)
    value.number = number
    return value


def _as_written(value: object) -> orjson.Fragment:
    if isinstance(value, Written):
        return orjson.Fragment(value.text)
    if isinstance(value, Escaped):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)
