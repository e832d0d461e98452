"""Switches that one vendor has: from the words of the command line to a dataclass of the vendor's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from math import inf
from typing import TypeVar, get_type_hints

__all__ = ["turned"]

T = TypeVar("T")
SWITCH = {"1": True, "on": True, "true": True, "0": False, "off": False, "false": False}


def turned(kind: type[T], words: Mapping[str, str]) -> T:
    """The knobs that were turned, the others as they are by default.

    Args:
        kind: a dataclass with defaults, of fields that are bool, int, float, `float | None` or str; whatever else it
            takes for granted it checks itself.
        words: name -> value; names have hyphens where fields have underscores.

    Raises:
        ValueError: names the knob and what there is, or what it takes.
    """
    hints = get_type_hints(kind)
    known = {field.name.replace("_", "-"): field.name for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, object] = {}
    for name, text in words.items():
        if name not in known:
            raise ValueError(f"there is no knob {name}; there are {', '.join(sorted(known)) or 'none'}")
        read, takes = READERS[hints[known[name]]]
        try:
            values[known[name]] = read(text)
        except (KeyError, ValueError):
            raise ValueError(f"knob {name} must be {takes}, not {text!r}") from None
    return kind(**values)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number < inf:
        raise ValueError
    return number


NUMBER = (_number, "a number, 0 or more")
READERS: dict[object, tuple[Callable[[str], object], str]] = {
    bool: (SWITCH.__getitem__, "on or off"),
    int: (_count, "a whole number, 0 or more"),
    float: NUMBER,
    float | None: NUMBER,
    str: (str, "text"),
}
