"""JSON in memory: whatever stands round the records, their bytes come out as they were."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor.documents import Block, encode, encode_exactly, read, whole
from extractor.errors import BadBody
from extractor.model import Endpoint, Records, Response
from extractor.rawjson import elements


def block(records: Records, body: bytes, *, row: bool = False, beside: str = "") -> Block:
    """As the transport and the client read a small body."""
    made = (lambda record, _: record if isinstance(record, dict) else None) if row else None
    endpoint = Endpoint(name="things", path="/things", records=records, row=made)
    content, found = read(endpoint, body)
    response = Response(status=200, headers={}, body=body, content=content, found=found)
    if beside:
        endpoint = Endpoint(name="others", path="", records=Records(shape=records.shape, at=beside), beside="things")
    return whole(endpoint, response)


ODD = b'{"id":1,"a":NaN,"b":12345678901234567890123,"c":"\\ud800","d":1.50,"d":2,"e":"\xff"}'
"""What no writer would write again as it is: NaN, a long integer, a lone surrogate, a key twice, bytes of no text."""


@pytest.mark.parametrize("at", ["data", "data.rows", "data.rows.here"])
def test_records_at_a_path_keep_their_bytes(at: str) -> None:
    body = b"[" + ODD + b', {"id" : 2} ]'
    for name in reversed(at.split(".")):
        body = b'{"before": [{"data": [{"id": 9}]}], "' + name.encode() + b'" : ' + body + b' , "after": "]}"} '
    found = block(Records(at=at), body)
    assert found.payload == b"[" + ODD + b', {"id" : 2} ]'
    assert [record["id"] for record in found.records if isinstance(record, dict)] == [1, 2]


def test_an_object_at_a_path_is_a_record() -> None:
    found = block(Records(shape="object", at="call"), b'{"call": ' + ODD + b"}")
    assert (found.payload, len(found.records)) == (ODD, 1)


def test_a_bare_array_is_taken_for_the_list() -> None:
    """The same path of the same vendor has answered both ways."""
    body = b' [{"id": 1}] '
    assert block(Records(at="data"), body).payload is body
    assert block(Records(shape="map", at="data"), body).payload is body


def test_of_a_name_that_stands_twice_the_last_value_counts() -> None:
    """As every parser has it; bytes and decoded records must be the same ones."""
    found = block(Records(at="data"), b'{"data": [{"id": 1}], "data": [{"id": 2}]}')
    assert (found.records, found.payload) == ([{"id": 2}], b'[{"id": 2}]')


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": RECORDS}',
        b'{"next": ["data"], "data": RECORDS}',
        b'{"data": RECORDS, "more": [5]}',
        b'{"data": [{"id": 9}], "more": 5, "data": RECORDS, "less": {}}',
        b'{"more": {"data": [{"id": 9}]}, "data": RECORDS}',
        b'{"data": RECORDS, "more": {"data": [{"id": 9}]}}',
        b'{"more": "\\"data\\": [", "data": RECORDS, "less": "]"}',
        b'{"d\\u0061ta": RECORDS}',
        b'{"d\\u0061ta": RECORDS, "less": "data", "more": [{"id": 9}]}',
        b'{"data": RECORDS, "more": NaN}',
        b'\xef\xbb\xbf{"data": RECORDS}',
    ],
)
def test_records_are_cut_out_wherever_brackets_stand_besides(body: bytes) -> None:
    raw = b'[{"id": 1, "a": ["]"]}, {"id":2}]'
    found = block(Records(at="data"), body.replace(b"RECORDS", raw))
    assert found.payload == raw
    assert [record["id"] for record in found.records if isinstance(record, dict)] == [1, 2]


@pytest.mark.parametrize(
    ("at", "body", "ids"),
    [
        (("scoreCardTemplates", "scorecardTemplates"), b'{"scorecardTemplates": [{"id": 1}]}', [1]),
        (("scoreCardTemplates", "scorecardTemplates"), b'{"scoreCardTemplates": [{"id": 1}]}', [1]),
        (("old", "new"), b'{"old": null, "new": [{"id": 1}]}', [1]),
        (("old", "new"), b'{"new": [{"id": 2}], "old": [{"id": 1}]}', [1]),
        (("old", "new"), b'{"old": null}', []),
        ("data", b'{"data": null}', []),
        ("data", b'{"data": []}', []),
        ("data.rows", b'{"data": {}}', []),
        ("data.rows", b'{"data": null}', []),
    ],
)
def test_the_first_path_that_holds_something_is_taken(at: str | tuple[str, ...], body: bytes, ids: list[int]) -> None:
    assert [record["id"] for record in block(Records(at=at), body).records if isinstance(record, dict)] == ids


def test_an_object_may_stand_alone_or_under_a_name() -> None:
    records = Records(shape="object", at=("call", ""))
    assert block(records, b'{"call": {"id": 1}}').payload == b'{"id": 1}'
    assert block(records, b'{"id": 1}').payload == b'{"id": 1}'


@pytest.mark.parametrize("shape", ["list", "map", "object"])
@pytest.mark.parametrize("body", [b"{}", b'{"error": "x"}', b"null", b'"data"', b'{"Data": []}', b'{"data": 5}'])
def test_records_that_are_not_where_they_should_be_are_no_empty_list(shape: str, body: bytes) -> None:
    with pytest.raises(BadBody, match="things: expected"):
        block(Records(shape=shape, at="data"), body)  # type: ignore[arg-type]


def test_an_error_under_a_path_is_refused() -> None:
    with pytest.raises(BadBody, match="an error under a status"):
        block(Records(shape="object", at="call"), b'{"call": {"errors": ["x"]}}')


def test_what_stands_beside_may_be_missing() -> None:
    body = b'{"items": [], "actors": [{"id": 1}]}'
    assert block(Records(at="items"), body, beside="actors").payload == b'[{"id": 1}]'
    assert block(Records(at="items"), body, beside="other").records == []
    with pytest.raises(BadBody, match="others: expected a JSON array"):
        block(Records(at="items"), b'{"items": [], "actors": 5}', beside="actors")


def test_values_of_a_map_are_records_in_their_order_and_keep_their_bytes() -> None:
    body = b'{"all": { "b" : ' + ODD + b', "a":{"id":2},"b":{"id":3} }}'
    found = block(Records(shape="map", at="all"), body)
    assert elements(found.payload) == [ODD, b'{"id":2}', b'{"id":3}']
    assert [record["id"] for record in found.records if isinstance(record, dict)] == [1, 2, 3]


def test_values_of_a_map_that_are_no_records_are_named() -> None:
    found = block(Records(shape="map"), b'{"a": {"id": 1}, "b": null, "c": [1]}')
    assert (elements(found.payload), found.malformed) == ([b'{"id": 1}'], (b"null", b"[1]"))


def test_what_an_endpoint_makes_records_of_is_not_malformed() -> None:
    found = block(Records(at="topics"), b'{"topics": ["a", 5, null]}', row=True)
    assert (found.records, found.malformed) == (["a", 5, None], ())


def test_what_is_written_again_is_decoded_exactly() -> None:
    (record,) = block(Records(at="data"), b'{"data": [{"id": 12345678901234567890123, "a": NaN}]}', row=True).records
    assert encode_exactly(record) == b'{"id":12345678901234567890123,"a":NaN}'
    assert json.loads(encode({"a": "\ud800"})) == {"a": "\ud800"}


@pytest.mark.parametrize("levels", [900, 1000, 1020, 5000])
def test_brackets_in_brackets_are_cut_or_refused(levels: int) -> None:
    """Parsers give up at different depths; none may crash."""
    deep = b"[" * levels + b"]" * levels
    try:
        found = block(Records(at="data"), b'{"data": [{"id": 1, "a": ' + deep + b"}]}")
    except BadBody:
        assert levels > 900
    else:
        assert found.payload == b'[{"id": 1, "a": ' + deep + b"}]"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    records=st.lists(st.dictionaries(st.text(max_size=4), values, max_size=3), max_size=4),
    others=st.dictionaries(st.text(max_size=4), values, max_size=3),
    indent=st.sampled_from([None, 0, 3]),
    shape=st.sampled_from(["list", "map"]),
)
def test_whatever_stands_round_them_no_record_is_lost_or_changed(
    records: list[object], others: dict[str, object], indent: int | None, shape: str
) -> None:
    at = "the records"
    inner: object = records if shape == "list" else {f"k{number}": record for number, record in enumerate(records)}
    body = json.dumps({**others, at: inner, "z": others}, indent=indent).encode()
    found = block(Records(shape=shape, at=at), body)  # type: ignore[arg-type]
    written = [json.dumps(json.loads(piece)) for piece in elements(found.payload)]
    assert written == [json.dumps(record) for record in records]
    assert len(found.records) == len(records)
    assert found.malformed == ()


def written(value: object) -> str:
    """JSON of a value in which objects are lists of pairs, so that a name may stand twice."""
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{name}: {written(inner)}" for name, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


names = st.sampled_from(['"a"', '"b"', '"c"', '"\\u0061"', '"id"'])
texts = st.sampled_from(["a", '"a": [', "]", "}", "{", "é", ""])
written_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=4).map(tuple),
    max_leaves=12,
)


@given(
    value=st.lists(st.tuples(names, written_values), max_size=5).map(tuple) | written_values,
    at=st.sampled_from(["", "a", "a.b", "b.c.a", ("a", "b"), ("b.c", "a"), ("c", ""), ("", "a"), ("a.a", "b.a")]),
    shape=st.sampled_from(["list", "object", "map"]),
)
@example(value=(('"a"', [()]), ('"b"', [()])), at=("a", "b"), shape="list")
@example(value=(('"b"', [()]), ('"a"', [()])), at=("a", "b"), shape="list")
@example(value=(('"a"', ()), ('"b"', ())), at=("a", "b"), shape="object")
@example(value=(('"a"', [()]), ('"\\u0061"', 1)), at="a", shape="list")
@example(value=(('"a"', (('"b"', [()]),)), ('"c"', 1)), at="a.b", shape="list")
@example(value=(('"b"', (('"c"', (('"a"', (('"id"', 1),)),)),)),), at="b.c.a", shape="object")
@example(value=(('"a"', [()]), ('"b"', [1]), ('"b"', 5)), at="a", shape="list")
def test_decoded_in_two_parts_they_are_what_they_are_in_one(
    value: object, at: str | tuple[str, ...], shape: str
) -> None:
    body = written(value).encode()

    def taken() -> object:
        try:
            endpoint = Endpoint(name="things", path="/things", records=Records(shape=shape, at=at))  # type: ignore[arg-type]
            content, found = read(endpoint, body)
            made = whole(endpoint, Response(status=200, headers={}, body=body, content=content, found=found))
        except BadBody as error:
            return str(error)
        # Blanks around the whole document are part of it.
        return content, made.records, made.payload, made.malformed

    in_two = taken()
    with mock.patch("extractor.documents._in_two", return_value=None):
        assert in_two == taken()
