"""dlt's conversions as the load process has them; `test_load_attempt` sees them work inside dlt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dlt.common.data_types import type_helpers
from dlt.common.schema.detections import is_iso_timestamp
from hypothesis import given
from hypothesis import strategies as st

from extractor.load.coercion import harden


@pytest.fixture(autouse=True, scope="module")
def hardened() -> Iterator[None]:
    before = dict(type_helpers._COERCE_DISPATCH)
    harden()
    yield
    type_helpers._COERCE_DISPATCH.clear()
    type_helpers._COERCE_DISPATCH.update(before)


@pytest.mark.parametrize(
    ("to", "of", "value", "expected"),
    [
        ("bigint", "text", "5", 5),
        ("bigint", "double", 5.0, 5),
        ("double", "text", "1.50", 1.5),
        ("double", "bigint", 2**53, 2.0**53),
        ("bool", "text", "True", True),
        ("timestamp", "text", "2024-01-01T00:00:00.123456789Z", datetime(2024, 1, 1, 0, 0, 0, 123456, UTC)),
    ],
)
def test_what_loses_nothing_is_converted(to: Any, of: Any, value: object, expected: object) -> None:
    assert type_helpers.coerce_value(to, of, value) == expected


@pytest.mark.parametrize(
    ("to", "of", "value"),
    [
        ("bigint", "text", "007"),
        ("bigint", "text", "99999999999999999999"),
        ("bigint", "text", "0xffffffffffffffffff"),
        ("bigint", "double", 1e300),
        ("bigint", "double", 1.5),
        ("double", "text", "nan"),
        ("double", "text", "1e999"),
        ("double", "bigint", 2**53 + 1),
        ("bool", "text", "yes"),
        ("bool", "bigint", 7),
        ("bool", "double", 0.5),
        ("timestamp", "bigint", 5),
        ("timestamp", "double", 5.5),
        ("timestamp", "text", "12"),
        ("timestamp", "text", "2024"),
        ("timestamp", "text", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_what_loses_something_is_refused(to: Any, of: Any, value: object) -> None:
    """Dlt answers a ValueError with a variant column."""
    with pytest.raises(ValueError):  # noqa: PT011 - dlt catches any
        type_helpers.coerce_value(to, of, value)


@given(
    st.from_regex(
        r"[0-9]{4}-?(W[0-9]{2}-?[1-7]|[0-9]{2}-?[0-9]{2})[T ][0-9]{2}:?[0-9]{2}(Z|\+[0-9]{2})?", fullmatch=True
    )
)
def test_what_dlt_takes_for_a_time_it_can_read(text: str) -> None:
    """Or it would make a column of times of the first value, and end the chunk at it."""
    if is_iso_timestamp(str, text) and text[:4] not in ("0001", "9999"):
        assert isinstance(type_helpers.coerce_value("timestamp", "text", text), datetime)
