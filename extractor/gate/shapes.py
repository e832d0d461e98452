"""What a record's fields are called in the destination, and which of their names can't both be kept.

Records of one endpoint have few shapes (sequences of keys); what follows from a shape's names is worked out once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import NoneType

from extractor.gate.scalars import MICROSECONDS
from extractor.model import ColumnType
from extractor.rawjson import digest

__all__ = ["EXTRACTOR_KEY", "PASSES", "Node", "Plan", "Record", "Shapes", "data_type", "path_steps"]

Record = dict[str, object]

EXTRACTOR_KEY = "_extractor_key"
"""Column of the primary key where the vendor gives none."""

_PLANS = 5_000
_VARIANT = re.compile(r".+__v_(?:text|bigint|double|bool|timestamp|date|time|json|decimal|wei|binary|complex)")

PASSES: dict[str, frozenset[type]] = {
    "": frozenset({NoneType, str, bool}),
    "text": frozenset({NoneType, str}),
    "bigint": frozenset({NoneType, bool}),
    "double": frozenset({NoneType, bool}),
    "bool": frozenset({NoneType, bool}),
    "timestamp": frozenset({NoneType, bool}),
    "date": frozenset({NoneType, bool}),
    "unix": frozenset({NoneType, bool}),
    "unix_ms": frozenset({NoneType, bool}),
    "json": frozenset({NoneType}),
}
"""Types of values that a column of a declared type takes as they are; of numbers, more after a look at their size."""


def data_type(kind: ColumnType) -> ColumnType:
    """What dlt is told of a declared type."""
    return "timestamp" if kind in MICROSECONDS else kind


def path_steps(path: str) -> list[str]:
    """`emails[].primary` as `emails`, `[]`, `primary`."""
    return [step for step in path.replace("[]", ".[]").split(".") if step]


class Node:
    """A place in the records: a field, or the elements of a list.

    Attributes:
        path: for messages, as vendors write it.
        steps: names of the columns on the way, `[]` for a list's elements.
        table: the table that has its values.
        row: the columns' names from that table's row on.
        kind: declared type, '' if none is.
        seen: the places of all keys that objects here have had, by the key.
    """

    __slots__ = ("children", "kind", "path", "plans", "row", "seen", "shapes", "steps", "table")

    def __init__(self, shapes: Shapes, path: str, steps: tuple[str, ...], table: str, row: tuple[str, ...]) -> None:
        self.shapes = shapes
        self.path = path
        self.steps = steps
        self.table = table
        self.row = row
        self.kind: str = shapes.declared.get(steps, "")
        self.children: dict[str, Node] = {}
        self.plans: dict[tuple[str, ...], Plan] = {}
        self.seen: dict[str, Node] = {}

    def member(self, key: str, column: str) -> Node:
        """The place of an object's member."""
        node = self.children.get(column)
        if node is None:
            path = f"{self.path}.{key}" if self.path else key
            node = Node(self.shapes, path, (*self.steps, column), self.table, (*self.row, column))
            self.children[column] = node
        return node

    def element(self) -> Node:
        """The place of a list's elements."""
        node = self.children.get("[]")
        if node is None:
            # dlt puts a list in a list into a table called `list` below the outer list's.
            table = "__".join((self.table, *(self.row or ("list",))))
            node = self.children["[]"] = Node(self.shapes, f"{self.path}[]", (*self.steps, "[]"), table, ())
        return node

    def plain(self) -> bool:
        """Whether all keys that were seen could stand in one object, and none would get another name."""
        plan = Plan(self, tuple(self.seen))
        return not plan.renamed and not plan.clashes

    def plan(self, keys: tuple[str, ...]) -> Plan:
        """What follows from these keys, worked out now."""
        if len(self.plans) >= _PLANS:  # objects used as maps have ever new keys
            self.plans.clear()
            self.seen.clear()
            self.children = {name: node for name, node in self.children.items() if node.kind or name == "[]"}
        plan = self.plans[keys] = Plan(self, keys)
        self.seen |= {step.key: step.node for step in plan.steps}
        return plan


class Step:
    """One key of a shape."""

    __slots__ = ("key", "kind", "node", "passes", "takes_int")

    def __init__(self, key: str, node: Node) -> None:
        self.key = key
        self.node = node
        self.kind = node.kind
        self.passes = PASSES[node.kind]
        self.takes_int = node.kind in ("", "bigint")


class Plan:
    """What follows from the keys of an object.

    Attributes:
        steps: one for each key, in their order.
        renamed: key -> the name it gets because another makes the same column or dlt keeps the name for itself.
        clashes: key -> a sibling that, when it is an object or a list, makes the same columns.
    """

    __slots__ = ("clashes", "renamed", "steps")

    def __init__(self, node: Node, keys: tuple[str, ...]) -> None:
        groups: dict[str, list[str]] = {}
        self.renamed: dict[str, str] = {}
        self.clashes: dict[str, str] = {}
        columns = {key: node.shapes.column(key) for key in keys}
        for key, column in columns.items():
            if node.shapes.reserved(column):
                self.renamed[key] = f"{column.strip('_').replace('__', '_') or 'key'}_{digest(key)}"
            else:
                groups.setdefault(column, []).append(key)
        for column, group in groups.items():
            winner = column if column in group else min(group)
            self.renamed |= {key: f"{column}_{digest(key)}" for key in group if key != winner}
        for key, column in columns.items():
            parts = column.split("__")
            for end in range(1, len(parts)):
                for sibling in groups.get("__".join(parts[:end]), ()):
                    self.clashes[key] = sibling
        self.steps = tuple(Step(key, node.member(key, column)) for key, column in columns.items())


class Shapes:
    """The columns of one table, as its records show them and as they are declared.

    Args:
        table: its name in the destination.
        columns: declared types by dotted path of the records' fields.
        name: a field's or path's name as dlt writes it, `recordingDuration` -> `recording_duration`.

    Attributes:
        declared: types by the columns' names.
        keys: columns of the primary key.
    """

    def __init__(self, *, table: str, columns: Mapping[str, ColumnType], name: Callable[[str], str]) -> None:
        self._name = name
        self._names: dict[str, str] = {}
        self.keys: set[tuple[str, ...]] = set()
        self.declared: dict[tuple[str, ...], ColumnType] = {
            tuple(self.column(step) if step != "[]" else step for step in path_steps(path)): kind
            for path, kind in columns.items()
        }
        self.root = Node(self, "", (), table, ())

    def column(self, key: str) -> str:
        """The key's name in the destination, '' if dlt would give it none."""
        column = self._names.get(key)
        if column is None:
            if len(self._names) > 20 * _PLANS:
                self._names.clear()
            column = self._names[key] = self._name(key) if key and not key.isspace() else "_empty"
        return column

    @staticmethod
    def reserved(column: str) -> bool:
        """True if a vendor's field can't have this name."""
        return not column or column.startswith(("_dlt_", EXTRACTOR_KEY)) or _VARIANT.fullmatch(column) is not None
