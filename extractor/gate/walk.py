"""One pass over a record, in which every value gets the form that its column takes.

A value that does not fit its declared type goes where dlt would put it, to the variant column `<column>__v_<type>`, but
unchanged: dlt itself would make 1970 of the number 5 and true of 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import orjson

from extractor.gate.scalars import (
    MICROSECONDS,
    OutOfRange,
    instant,
    integer,
    moment,
    moments,
    number,
    truth,
    written_out,
)
from extractor.gate.shapes import PASSES, Node, Plan, Record, Shapes, Step
from extractor.rawjson import Escaped, Note, Written, digest, dump

__all__ = ["DEPTH", "TABLE_NAME", "LookCloser", "Walk"]

DEPTH = 50
"""Levels of brackets in a record from which on a field becomes text."""

TABLE_NAME = 180
"""Characters of a table's name: dlt names files after tables, and adds up to 40; file systems take 255."""

_MIN, _MAX = -(2**63), 2**63 - 1

_MANY = 6
"""With fewer objects, looking at each by itself takes less."""

_INT, _DICT, _STR = frozenset({int}), frozenset({dict}), frozenset({str})
_TIMES = frozenset({"timestamp", "date"})
_Move = tuple[str, str, object]
"""A key, the one that takes its place, and the value."""


class LookCloser(Exception):
    """The fast walk met a value that only the bytes can tell more of."""


class Walk:
    """Goes through records and gives every value the form that its column takes.

    Args:
        note: told of values that changed their form. Without it every doubt raises `LookCloser`, the record
            half changed; with it the records come from `rawjson`.

    Attributes:
        keys: how many keys all objects had that were met.
        deep: top-level fields that make a nested table with too long a name.
    """

    def __init__(self, shapes: Shapes, note: Note | None = None) -> None:
        self.keys = 0
        self.deep: set[str] = set()
        self._root = shapes.root
        self._note = note
        self._top = ""

    def record(self, record: Record) -> None:
        """Change the record in place."""
        self._object(record, self._root, 1)

    def records(self, records: Sequence[Record]) -> None:
        """Change them all in place: many with the same keys together, key by key, in little more than half the time."""
        self._objects(records, self._root, 1)

    def _objects(self, found: Sequence[Record], node: Node, depth: int) -> None:
        if len(found) < _MANY:
            for one in found:
                self._object(one, node, depth)
            return
        alike: dict[tuple[str, ...], list[Record]] = {}
        for one in found:
            alike.setdefault(tuple(one), []).append(one)
        for keys, same in alike.items():
            plan = node.plans.get(keys) or node.plan(keys)
            if len(same) < _MANY or plan.renamed or plan.clashes:
                for one in same:
                    self._object(one, node, depth)
            else:
                self._together(same, plan, depth)

    def _together(self, found: Sequence[Record], plan: Plan, depth: int) -> None:
        """Objects with the same keys, none of which gets another name."""
        if depth >= DEPTH:
            raise LookCloser
        self.keys += len(found) * len(plan.steps)
        # All of them now: what moves below changes the objects.
        columns = list(zip(*map(dict.values, found), strict=True))
        for step, values in zip(plan.steps, columns, strict=True):
            kinds = set(map(type, values)) - step.passes
            if not kinds:
                continue
            if depth == 1:
                self._top = step.key
            if _stay(values, kinds, step):
                continue
            if kinds == _DICT and not step.kind:
                self._objects([value for value in values if type(value) is dict], step.node, depth + 1)
                continue
            for one, value in zip(found, values, strict=True):
                if type(value) in kinds and (move := self._settled(one, step, value, depth)):
                    _move(one, move)

    def _object(self, found: Record, node: Node, depth: int) -> None:
        if depth >= DEPTH:
            raise LookCloser
        keys = tuple(found)
        self.keys += len(keys)
        plan = node.plans.get(keys) or node.plan(keys)
        if plan.renamed or plan.clashes:
            plan = self._renamed(found, node, plan)
        moves: list[_Move] | None = None
        for step, value in zip(plan.steps, found.values(), strict=True):
            if type(value) in step.passes:
                continue
            if depth == 1:
                self._top = step.key
            if move := self._settled(found, step, value, depth):
                moves = [*(moves or ()), move]
        for move in moves or ():
            _move(found, move)

    def _settled(self, found: Record, step: Step, value: object, depth: int) -> _Move | None:
        """Give a value that does not pass its form; says where it has to go if it has another column."""
        kind = type(value)
        if kind is int and step.takes_int and _MIN <= value <= _MAX:  # type: ignore[operator]
            return None
        variant, form = self._form(step.node, value, kind, depth)
        if variant:
            return step.key, f"{step.key}__v_{variant}", form
        if form is not value:
            found[step.key] = form
        return None

    def _renamed(self, found: Record, node: Node, plan: Plan) -> Plan:
        renamed = dict(plan.renamed)
        for key, sibling in plan.clashes.items():
            if isinstance(found[sibling], dict | list):
                renamed.setdefault(key, f"{node.shapes.column(key).replace('__', '_')}_{digest(key)}")
        if not renamed:
            return plan
        if self._note is None:
            raise LookCloser
        items = list(found.items())
        found.clear()
        for key, value in items:
            if key in renamed:
                self._note(f"{node.path}.{key}" if node.path else key, f"its name is taken, see {renamed[key]}")
                value = value if value is None or type(value) is str else self._text(value, 1)  # noqa: PLW2901
            found[renamed.get(key, key)] = value
        keys = tuple(found)
        return node.plans.get(keys) or node.plan(keys)

    def _list(self, found: list[object], node: Node, depth: int) -> None:
        if depth >= DEPTH:
            raise LookCloser
        if len(node.table) > TABLE_NAME:
            if self._note is None:
                raise LookCloser
            self.deep.add(self._top)
        kind_of_all = node.kind
        passes = PASSES[kind_of_all]
        for position, value in enumerate(found):
            kind = type(value)
            if kind is dict and not kind_of_all:
                self._object(value, node, depth + 1)  # type: ignore[arg-type]
            elif kind not in passes:
                variant, form = self._form(node, value, kind, depth)
                if variant:
                    # dlt puts a list's plain values into a column called `value`.
                    found[position] = {f"value__v_{variant}": form}
                elif form is not value:
                    found[position] = form

    def _form(self, node: Node, value: object, kind: type, depth: int) -> tuple[str, object]:
        """The type of the variant column it goes to, '' for its own, and the value."""
        declared = node.kind
        if declared == "text":
            return "", self._text(value, depth)
        if declared == "json":
            return "", self._json(value, kind, depth)
        if kind is str:
            return self._str(node, declared, cast("str", value))
        if kind is dict:
            self._object(value, node, depth + 1)  # type: ignore[arg-type]
            return "", value
        if kind is list:
            self._list(value, node.element(), depth + 1)  # type: ignore[arg-type]
            return "", value
        if isinstance(value, Escaped):
            return ("text" if value.number or declared else ""), str(value)
        if isinstance(value, float):
            return self._float(node, declared, value)
        if isinstance(value, int):
            return self._int(node, declared, value)
        return self._str(node, declared, str(value))

    def _int(self, node: Node, declared: str, value: int) -> tuple[str, object]:
        if not _MIN <= value <= _MAX:
            raise LookCloser
        if declared in ("", "bigint"):
            return "", value
        if declared == "double" and int(float(value)) == value:
            return "", float(value)
        return self._instant(node, value, "bigint", value) if declared in MICROSECONDS else ("bigint", value)

    def _float(self, node: Node, declared: str, value: float) -> tuple[str, object]:
        if abs(value) > _MAX:
            if self._note is None:
                raise LookCloser  # parsers make this of integers beyond 64 bits
            return ("" if declared == "double" else "double"), float(value)
        if declared in MICROSECONDS:
            return self._instant(node, value, "double", float(value))
        return ("" if declared in ("", "bigint", "double") else "double"), float(value)

    def _str(self, node: Node, declared: str, value: str) -> tuple[str, object]:
        form: object = None
        try:
            if declared == "timestamp":
                time = moment(value)
                form = time and time[1]
            elif declared == "date":
                form = value if moment(value) and len(value) == len("2024-01-31") else None
            elif declared == "bigint":
                form = integer(value)
            elif declared == "double":
                form = number(value)
            elif declared == "bool":
                form = truth(value)
            elif declared in MICROSECONDS:
                since = number(value)
                if since is not None:
                    return self._instant(node, since, "text", value)
                time = moment(value)
                form = time[1] if time else written_out(value)
        except OutOfRange as error:
            if self._note is None:
                raise LookCloser from error
            self._note(node.path, "time out of range")
        return ("text", value) if form is None else ("", form)

    @staticmethod
    def _instant(node: Node, since: float, variant: str, value: object) -> tuple[str, object]:
        """The time so long after 1970, or the value itself for its variant if there is no such time.

        Assembled's servers, as others in Go, write 0 where there is no time. In a key 0 is 1970: it can't be null.
        """
        if not since and node.steps not in node.shapes.keys:
            return "", None
        found = instant(since, node.kind)
        return (variant, value) if found is None else ("", found)

    # ── values that become text, or stay whole in a JSON column ─────────────────────────────

    def _text(self, value: object, depth: int) -> str:
        """JSON text, with numbers as they were written."""
        if isinstance(value, Escaped):
            return str(value)
        if self._note is None and self._inside(value, depth, exact=True):
            raise LookCloser
        return dump(value)

    def _json(self, value: object, kind: type, depth: int) -> object:
        if self._note is None:
            self._inside(value, depth, exact=False)
        else:
            value = _plain(value)
        if kind in (dict, list):
            return value
        # dlt decodes text that comes for a JSON column, and writes what is text then as it is.
        return orjson.dumps(orjson.dumps(value).decode()).decode()

    def _inside(self, value: object, depth: int, *, exact: bool) -> bool:
        """Look at all that is in there, and tell whether a number may have been written in another way."""
        kind = type(value)
        if kind is dict or kind is list:
            if depth >= DEPTH:
                raise LookCloser
            self.keys += len(value) if kind is dict else 0  # type: ignore[arg-type]
            inner = value.values() if isinstance(value, dict) else value
            found = [self._inside(one, depth + 1, exact=exact) for one in cast("list[object]", inner)]
            return True in found
        if kind is float:
            if abs(value) > _MAX:  # type: ignore[arg-type]
                raise LookCloser
            return exact
        if kind is int and not _MIN <= value <= _MAX:  # type: ignore[operator]
            raise LookCloser
        return False


def _stay(values: Sequence[object], kinds: set[type], step: Step) -> bool:
    """Whether those of these kinds surely stay as they are."""
    if kinds == _INT and step.takes_int:
        numbers = [value for value in values if type(value) is int]
        return min(numbers) >= _MIN and max(numbers) <= _MAX
    if kinds == _STR and step.kind in _TIMES:
        texts = [value for value in values if type(value) is str]
        return moments(texts) and (step.kind == "timestamp" or len(texts[0]) == len("2024-01-31"))
    return False


def _move(found: Record, move: _Move) -> None:
    key, name, form = move
    del found[key]
    found[name] = form


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[object]", value)]
    if isinstance(value, Escaped):
        return str(value)
    return float(value) if isinstance(value, Written) else value
