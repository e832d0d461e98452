from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.rawjson import Escaped, NotJson, Written, dump, elements, members, parse, unsound

plain_text = st.text().filter(lambda text: not unsound(text))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_text, inner, max_size=4),
    max_leaves=20,
)


def read(text: str | bytes) -> tuple[Any, dict[str, str]]:
    notes: dict[str, str] = {}
    return parse(text if isinstance(text, bytes) else text.encode(), "", notes.__setitem__), notes


@given(values, st.sampled_from([None, 2]), st.booleans())
def test_it_reads_what_every_reader_reads(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read(text) == (value, {})
    assert json.loads(dump(read(text)[0])) == value


@given(st.lists(values, max_size=5))
def test_an_array_falls_into_its_elements(found: list[object]) -> None:
    assert [json.loads(piece) for piece in elements(json.dumps(found, indent=1).encode())] == found
    lines = b"\n".join(json.dumps(value).encode() for value in found)
    if not lines.startswith(b"["):
        assert [json.loads(piece) for piece in elements(lines)] == found


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("9223372036854775808", "9223372036854775808", "integer beyond 64 bits"),
        ("-" + "9" * 5000, "-" + "9" * 5000, "integer beyond 64 bits"),
        ("1e999", "1e999", "number beyond 64 bits"),
        ("NaN", "NaN", "NaN"),
        ("-Infinity", "-Infinity", "-Infinity"),
        (r'"\ud800"', r'"\ud800"', "lone surrogate"),
        (b'"\xff"', r'"\udcff"', "lone surrogate"),
        (r'"\u0000"', r'"\u0000"', "NUL character"),
        ('"\uf0261"', r'"\uf0261"', "character that dlt keeps for itself"),
    ],
)
def test_a_value_that_no_table_holds_comes_as_its_json_text(text: str | bytes, value: str, reason: str) -> None:
    found, notes = read(text)
    assert isinstance(found, Escaped)
    assert (str(found), notes) == (value, {"": reason})


def test_notes_name_the_place() -> None:
    _, notes = read('{"a":[1,{"b":NaN}],"c":{"d":"\\ud800"}}')
    assert notes == {"a[].b": "NaN", "c.d": "lone surrogate"}


@pytest.mark.parametrize("text", ["1.10", "1e5", "1E5", "-0.0", "1.0", "0.1000000000000000055511151231257827"])
def test_numbers_keep_their_digits(text: str) -> None:
    found, _ = read(text)
    assert isinstance(found, Written)
    assert found.text == text
    assert dump({"a": [found]}) == f'{{"a":[{text}]}}'


def test_a_key_that_stands_twice_keeps_both_values() -> None:
    found, notes = read('{"a":1,"b":2,"a":[3],"a":"4"}')
    assert found["a"] == "4"
    assert sorted(value for key, value in found.items() if key.startswith("a_")) == ["1", "[3]"]
    assert notes == {"a": "key twice"}


def test_depth_is_counted_without_depth() -> None:
    (member,) = members(b'{"deep":' + b'[{"a":' * 100_000 + b"1" + b"}]" * 100_000 + b"}")
    assert (member.key, member.depth) == ("deep", 200_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1,]",
        "[,]",
        "[1 2]",
        '{"a"}',
        '{"a":}',
        '{"a" 1}',
        "{1:2}",
        '["',
        "[1]]",
        "[1][",
        '{"a":1',
        "truth",
        "01",
        "[}",
    ],
)
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotJson):
        read(text)
