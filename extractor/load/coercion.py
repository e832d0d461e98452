"""dlt's conversions between types, without those that lose something or end a chunk.

`harden` is for columns that no document names, whose type dlt takes from the first value that comes. Where dlt 1.31
reads `007` as 7, 7 as true and 5 as 1970-01-01T00:00:05, and stops for good at an integer of 20 digits in quotes, the
value goes to dlt's own variant column. Times are read by the standard library, ten times as fast as by dlt.

`bound` is for tables of a user's own configuration, where dlt's way is what is wanted: only what it can't load after
converting it goes to the variant column, too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dlt.common.data_types import type_helpers
from dlt.common.time import parse_iso_like_datetime

from extractor.gate.scalars import integer, is_integer, moment, number, truth

__all__ = ["bound", "harden"]

_DLTS = dict(type_helpers._COERCE_DISPATCH)  # noqa: SLF001 - there is no other way in; a test says that it is still used


def harden() -> None:
    """Change dlt's table of conversions, for this process."""
    type_helpers._COERCE_DISPATCH.update(  # noqa: SLF001
        {
            ("bigint", "text"): _or_refused(integer),
            ("bigint", "double"): _to_integer,
            ("double", "text"): _or_refused(number),
            ("double", "bigint"): _to_double,
            ("bool", "text"): _or_refused(truth),
            ("bool", "bigint"): _refuse,
            ("bool", "double"): _refuse,
            ("timestamp", "text"): _to_moment,
            ("timestamp", "bigint"): _refuse,
            ("timestamp", "double"): _refuse,
        }
    )


def bound() -> None:
    """Leave dlt's table of conversions as it is, but for results that no column can hold."""
    bounded = {
        to_from: _bounded(convert) for to_from, convert in _DLTS.items() if to_from[0] in ("bigint", "timestamp")
    }
    type_helpers._COERCE_DISPATCH.update(_DLTS | bounded)  # noqa: SLF001


def _bounded(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def within(value: Any) -> Any:  # noqa: ANN401 - as dlt types them
        try:
            made = convert(value)
        except OverflowError as error:
            raise ValueError(value) from error
        return _refuse(value) if isinstance(made, int) and not is_integer(made) else made

    return within


def _or_refused(read: Callable[[str], object]) -> Callable[[str], object]:
    def convert(text: str) -> object:
        value = read(text)
        return _refuse(text) if value is None else value

    return convert


def _refuse(value: object) -> object:
    """Dlt makes a variant column of it."""
    raise ValueError(value)


def _to_integer(value: float) -> object:
    return int(value) if is_integer(value) else _refuse(value)


def _to_double(value: int) -> object:
    return float(value) if int(float(value)) == value else _refuse(value)


def _to_moment(text: str) -> object:
    found = moment(text)
    if found is not None:
        return found[0]
    # Whatever dlt takes for a time when it sees a column first, it must be able to read afterwards.
    rare = parse_iso_like_datetime(text)
    return rare if isinstance(rare, datetime) else _refuse(text)
