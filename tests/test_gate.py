"""What passes the gate: every record with a sound key, and nothing that dlt would refuse or change."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import orjson
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st

from extractor.gate import Gate, Sound, kept_bytes, latest
from extractor.gate.shapes import Shapes
from extractor.model import Endpoint, Incident

ITEMS = Endpoint(
    name="items",
    path="/items",
    columns={
        "id": "text",
        "note": "text",
        "made": "timestamp",
        "day": "date",
        "count": "bigint",
        "price": "double",
        "open": "bool",
        "more": "json",
        "lines[].sku": "text",
        "since": "unix",
        "due": "unix_ms",
        "starts[]": "unix",
        "mail.headers": "json",
        "parts[].tree": "json",
    },
)
normalize = NamingConvention().normalize_path


def gate(endpoint: Endpoint = ITEMS, key_types: Any = None) -> Gate:
    shapes = Shapes(table=endpoint.name, columns=endpoint.columns, name=normalize)
    return Gate(endpoint, shapes, {} if key_types is None else key_types)


def read(payload: str | bytes, endpoint: Endpoint = ITEMS) -> Sound:
    return gate(endpoint).read(payload if isinstance(payload, bytes) else payload.encode(), "list")


def one(fields: str, endpoint: Endpoint = ITEMS) -> tuple[dict[str, Any], Incident | None]:
    """The record that comes of these fields, its id left out, and what is noted of it."""
    sound = read(f'[{{"id":"a",{fields}}}]', endpoint)
    assert sound.kept_out == []
    (record,) = sound.records
    assert record.pop("id") == "a"
    return record, sound.notes.get(0)


@pytest.mark.parametrize(
    "payload",
    [
        '[{"id":"a"},{"id":"b"}]',
        '{"id":"a"}\n{"id":"b"}\n',
        '\ufeff[{"id":"a"},\n {"id":"b"}]',
        '{"id":"a"}\n\n{"id":"b","x":NaN}',
    ],
)
def test_arrays_and_lines(payload: str) -> None:
    assert [record["id"] for record in read(payload).records] == ["a", "b"]


@pytest.mark.parametrize("payload", ['{"id":"a","x":{"y":1}}', '{\n  "id": "a",\n  "x": NaN\n}'])
def test_an_object_is_one_record(payload: str) -> None:
    assert [record["id"] for record in read(payload).records] == ["a"]


@pytest.mark.parametrize(
    ("fields", "record"),
    [
        ('"note":5', {"note": "5"}),
        ('"note":1.10', {"note": "1.10"}),
        ('"note":1e5', {"note": "1e5"}),
        ('"note":true', {"note": "true"}),
        ('"note":{"a":[1.10,"é"]}', {"note": '{"a":[1.10,"é"]}'}),
        ('"note":[]', {"note": "[]"}),
        ('"note":null', {"note": None}),
        ('"lines":[{"sku":1},2,{"sku":null}]', {"lines": [{"sku": "1"}, 2, {"sku": None}]}),
        ('"count":"12"', {"count": 12}),
        ('"count":"007"', {"count__v_text": "007"}),
        ('"count":2.0', {"count": 2.0}),
        ('"price":"1.5"', {"price": 1.5}),
        ('"price":7', {"price": 7.0}),
        ('"price":9007199254740993', {"price__v_bigint": 9007199254740993}),
        ('"price":"nan"', {"price__v_text": "nan"}),
        ('"open":"True"', {"open": True}),
        ('"open":1', {"open__v_bigint": 1}),
        ('"made":5', {"made__v_bigint": 5}),
        ('"made":1.5', {"made__v_double": 1.5}),
        ('"made":"soon"', {"made__v_text": "soon"}),
        ('"made":"2024-01-01T00:00:00.123456789Z"', {"made": "2024-01-01T00:00:00.123456Z"}),
        ('"day":"2024-01-01"', {"day": "2024-01-01"}),
        ('"day":"2024-01-01T00:00:00Z"', {"day__v_text": "2024-01-01T00:00:00Z"}),
        ('"more":{"a":[1,{"b":null}]}', {"more": {"a": [1, {"b": None}]}}),
        ('"more":"text"', {"more": '"\\"text\\""'}),
        ('"more":5', {"more": '"5"'}),
        ('"more":null', {"more": None}),
        ('"since":1492685671', {"since": "2017-04-20T10:54:31+00:00"}),
        ('"since":1492685671.123456', {"since": "2017-04-20T10:54:31.123456+00:00"}),
        ('"since":"1492685671.123456"', {"since": "2017-04-20T10:54:31.123456+00:00"}),
        ('"since":-1', {"since": "1969-12-31T23:59:59+00:00"}),
        ('"since":"2017-04-20T10:54:31+02:00"', {"since": "2017-04-20T10:54:31+02:00"}),
        ('"since":0', {"since": None}),
        ('"since":"0"', {"since": None}),
        ('"since":0.0', {"since": None}),
        ('"since":null', {"since": None}),
        ('"since":true', {"since": True}),
        ('"since":""', {"since__v_text": ""}),
        ('"since":"soon"', {"since__v_text": "soon"}),
        ('"since":9223372036854775807', {"since__v_bigint": 9223372036854775807}),
        ('"since":1e17', {"since__v_double": 1e17}),
        ('"since":"99999999999999999999"', {"since__v_text": "99999999999999999999"}),
        ('"due":1492685671999', {"due": "2017-04-20T10:54:31.999000+00:00"}),
        ('"due":"1492685671000"', {"due": "2017-04-20T10:54:31+00:00"}),
        ('"due":1492685671000.125', {"due": "2017-04-20T10:54:31.000125+00:00"}),
        ('"due":"Oct 3, 2014 2:14:31 PM"', {"due": "2014-10-03T14:14:31+00:00"}),
        (
            '"starts":[1492685671,0,"1",1e17]',
            {"starts": ["2017-04-20T10:54:31+00:00", None, "1970-01-01T00:00:01+00:00", {"value__v_double": 1e17}]},
        ),
        ('"mail":{"headers":{"a":[{"b":{"c":1}}]},"n":1}', {"mail": {"headers": {"a": [{"b": {"c": 1}}]}, "n": 1}}),
        ('"parts":[{"tree":[[{"a":1}]]}]', {"parts": [{"tree": [[{"a": 1}]]}]}),
        ('"other":"2024","x":[1,"a",null,{"b":1}]', {"other": "2024", "x": [1, "a", None, {"b": 1}]}),
    ],
)
def test_declared_types(fields: str, record: dict[str, Any]) -> None:
    """Without an incident: nothing is wrong with these."""
    found, note = one(fields)
    assert found == record
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in record.items()}
    assert note is None


@pytest.mark.parametrize(
    ("fields", "record", "detail"),
    [
        ('"x":18446744073709551616', {"x__v_text": "18446744073709551616"}, "x: integer beyond 64 bits"),
        ('"x":9223372036854775808', {"x__v_text": "9223372036854775808"}, "x: integer beyond 64 bits"),
        ('"x":[1e400]', {"x": [{"value__v_text": "1e400"}]}, "x[]: number beyond 64 bits"),
        ('"note":99999999999999999999', {"note": "99999999999999999999"}, "note: integer beyond 64 bits"),
        ('"more":{"a":99999999999999999999}', {"more": {"a": "99999999999999999999"}}, "more.a: integer beyond"),
        ('"count":NaN', {"count__v_text": "NaN"}, "count: NaN"),
        (r'"a":{"b":"\udfff"}', {"a": {"b": r'"\udfff"'}}, "a.b: lone surrogate"),
        (r'"x":"\u0000"', {"x": r'"\u0000"'}, "x: NUL character"),
        ('"made":"0000-01-01T00:00:00Z"', {"made__v_text": "0000-01-01T00:00:00Z"}, "made: time out of range"),
        ('"day":"2024-02-30"', {"day__v_text": "2024-02-30"}, "day: time out of range"),
        ('"due":"Feb 30, 2014 2:14:31 PM"', {"due__v_text": "Feb 30, 2014 2:14:31 PM"}, "due: time out of range"),
        ('"since":"0000-01-01T00:00:00Z"', {"since__v_text": "0000-01-01T00:00:00Z"}, "since: time out of range"),
        ('"since":NaN', {"since__v_text": "NaN"}, "since: NaN"),
        ('"x":' + "[" * 49 + "]" * 49, {"x": "[" * 49 + "]" * 49}, "x: nested too deep"),
    ],
)
def test_the_offending_value_becomes_text_and_an_incident_names_it(
    fields: str, record: dict[str, Any], detail: str
) -> None:
    found, note = one(fields)
    assert found == record
    assert note is not None
    assert not note.gap
    assert note.key == "a"
    assert detail in note.detail


def test_a_json_column_takes_what_is_too_deep_as_a_json_string() -> None:
    deep = '{"a":' * 60 + "1" + "}" * 60
    found, note = one(f'"more":{deep}')
    assert json.loads(json.loads(found["more"])) == deep
    assert note is not None


def test_twenty_levels_stay() -> None:
    found, note = one('"x":' + "[" * 20 + "]" * 20)
    assert isinstance(found["x"], list)
    assert note is None


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ('"a b":1,"a_b":2,"A-B":3', {"a_b"}),
        ('"é":1,"è":2', set()),
        ('"a":{"b":1},"a__b":2', {"a"}),
        ('"a":[{"b":1}],"a__b":[2]', {"a"}),
        ('"_dlt_id":1,"_dlt_load_id":2', set()),
        ('"x__v_text":"t","x":99999999999999999999', {"x__v_text"}),
        ('"":1," ":2', set()),
        ('"__":1', set()),
        ('"x":1,"x":2', {"x"}),
    ],
)
def test_two_keys_never_become_one_column(fields: str, names: set[str]) -> None:
    found, note = one(fields)
    assert names <= found.keys()
    assert note is not None
    columns = [normalize(key) if key.strip() else "_empty" for key in found]
    assert len(set(columns)) == len(columns)
    assert not any(column.startswith("_dlt") or not column for column in columns)


def test_a_clashing_key_gets_the_same_name_every_time() -> None:
    first, _ = one('"a b":1,"a_b":2')
    second, _ = one('"a_b":5,"a b":6')
    assert first.keys() == second.keys()


@pytest.mark.parametrize("record", ['{"x":1}', '{"id":null}', '{"id":{"a":1}}', "1", "null", '"text"', '{"id":"a" 1}'])
def test_a_record_without_a_usable_key_is_kept_out_with_its_bytes(record: str) -> None:
    endpoint = dataclasses.replace(ITEMS, columns={})
    sound = read(f'[{{"id":"b"}},{record},{{"id":"c"}}]', endpoint)
    assert [one["id"] for one in sound.records] == ["b", "c"]
    (incident,) = sound.kept_out
    assert incident.gap
    assert incident.record == record
    assert incident.key.startswith("list#")
    assert "x" not in incident.detail.replace("text", "")


def test_a_page_that_is_no_json_is_kept_out_whole() -> None:
    sound = read("[1,2")
    assert sound.records == []
    assert [incident.record for incident in sound.kept_out] == ["[1,2"]


def test_keys_have_the_type_of_their_columns() -> None:
    types: dict[str, Any] = {}
    number = gate(dataclasses.replace(ITEMS, columns={}), types)
    assert number.read(b'[{"id":1}]', "").keys == [(1,)]
    assert types == {"id": "bigint"}
    assert number.read(b'[{"id":"2"},{"id":3.0},{"id":"x"},{"id":true},{"id":1.5}]', "").keys == [(2,), (3,)]
    assert gate().read(b'[{"id":1},{"id":"1"},{"id":1.0}]', "").keys == [("1",), ("1",), ("1.0",)]


def test_keys_may_have_several_fields_and_lie_deeper() -> None:
    endpoint = Endpoint(
        name="states", path="/", key=("agent.id", "Start Time"), columns={"agent.id": "text", "Start Time": "timestamp"}
    )
    sound = read(
        '[{"agent":{"id":1},"Start Time":"2024-01-01T00:00:00Z"},'
        '{"agent":{"id":"1"},"Start Time":"2024-01-01T01:00:00.000+01:00"},{"agent":{"id":1}},{"agent":1}]',
        endpoint,
    )
    assert sound.keys[0] == sound.keys[1]
    assert len(sound.kept_out) == 2


def test_instants_make_the_same_key_however_they_are_written() -> None:
    endpoint = Endpoint(name="states", path="/", key=("at", "by.at"), columns={"at": "unix", "by.at": "unix_ms"})
    types: dict[str, Any] = {}
    written = [
        (1492685671, 1492685671500),
        ("1492685671", "1492685671500"),
        (1492685671.0, 1492685671500.0),
        ("2017-04-20T10:54:31Z", "2017-04-20T12:54:31.5+02:00"),
    ]
    records = [{"at": at, "by": {"at": by}} for at, by in written]
    sound = gate(endpoint, types).read(json.dumps(records).encode(), "")
    assert len(sound.keys) == len(written)
    assert len(set(sound.keys)) == 1
    assert types == {"at": "timestamp", "by__at": "timestamp"}


def test_in_a_key_0_is_1970_and_what_is_no_instant_is_no_key() -> None:
    endpoint = Endpoint(name="states", path="/", columns={"id": "unix"})
    sound = read('[{"id":0},{"id":"0"},{"id":"soon"},{"id":1e17},{"id":true}]', endpoint)
    assert [record["id"] for record in sound.records] == ["1970-01-01T00:00:00+00:00"] * 2
    assert len(sound.kept_out) == 3


def test_what_lies_in_a_json_column_takes_no_declared_type() -> None:
    endpoint = dataclasses.replace(ITEMS, columns={"a": "json", "a.since": "unix", "a.list[].note": "text"})
    found, note = one('"a":{"since":5,"list":[{"note":1.10}]}', endpoint)
    assert found == {"a": {"since": 5, "list": [{"note": 1.1}]}}
    assert note is None


def test_without_a_key_the_content_is_the_key() -> None:
    endpoint = Endpoint(name="rows", path="/", key=())
    first, second = read('[{"b":1,"a":"é"},{"a":"\\u00e9", "b":1}]', endpoint).records
    canonical = b'{"a":"\\u00e9","b":1}'
    assert first["_extractor_key"] == second["_extractor_key"] == hashlib.sha256(canonical).hexdigest()
    (odd,) = read('[{"b":1,"a":"é","c":"\\ud800"}]', endpoint).records
    assert odd["_extractor_key"] == hashlib.sha256(b'{"a":"\\u00e9","b":1,"c":"\\ud800"}').hexdigest()
    assert read("[1]", endpoint).records[0]["value"] == 1


def test_of_each_key_the_last_fetched_stays() -> None:
    one_gate, incidents = gate(), list[Incident]()
    pages = [
        b'[{"id":"a","n":1},{"id":"a","n":2},{"id":"b","x":NaN}]',
        b'[{"id":"c","n":1},{"id":"b","n":2},{"n":0}]',
        b'[{"id":"a","x":NaN}]',
    ]
    kept = [
        record
        for records in latest(((one_gate, page, "k") for page in reversed(pages)), set(), incidents)
        for record in records
    ]
    assert {record["id"]: record.get("n") for record in kept} == {"a": None, "b": 2, "c": 1}
    assert len(kept) == 3
    assert [(incident.key, incident.gap) for incident in incidents if not incident.gap] == [("a", False)]
    assert sum(incident.gap for incident in incidents) == 1


json_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | json_text
    | st.sampled_from(["\ud800", "a\0", "\uf0261", "2024-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "A", "b c", "_dlt_id", ""]) | json_text, inner, max_size=3)
    ),
    max_leaves=12,
)
names = st.sampled_from([*ITEMS.columns, "x", "a b", "a_b", "lines"])


@given(st.lists(st.dictionaries(names, json_values, max_size=5), max_size=4), st.booleans())
def test_every_record_with_a_sound_key_lands(records: list[dict[str, Any]], ascii_only: bool) -> None:
    """Whatever the fields hold: it comes out, dlt's JSON writer takes it, and no value is one that dlt changes."""
    for number, record in enumerate(records):
        record["id"] = f"r{number}"
    payload = json.dumps(records, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    sound = read(payload)
    assert [record["id"] for record in sound.records] == [f"r{number}" for number in range(len(records))]
    assert sound.kept_out == []
    for record in sound.records:
        assert_harmless(record)


def assert_harmless(value: object, *, columns_from_keys: bool = True) -> None:
    again = orjson.loads(orjson.dumps(value))
    assert again == value
    if isinstance(value, dict) and columns_from_keys:
        columns = [normalize(key) if key and not key.isspace() else "_empty" for key in value]
        assert len(set(columns)) == len(columns)
    inner = (
        list(value.items())
        if isinstance(value, dict)
        else [("", one) for one in value]
        if isinstance(value, list)
        else []
    )
    for name, one_value in inner:
        # What is declared JSON stays whole: its keys make no columns.
        assert_harmless(one_value, columns_from_keys=columns_from_keys and name != "more")
    if isinstance(value, int) and not isinstance(value, bool):
        assert -(2**63) <= value < 2**63
    if isinstance(value, str):
        assert "\0" not in value
        assert not "\uf026" <= value[:1] <= "\uf02e" or len(value) == 1


@given(st.binary(max_size=60))
def test_any_bytes_come_through(payload: bytes) -> None:
    sound = read(payload)
    assert len(sound.records) == len(sound.keys)


@given(st.binary())
def test_kept_bytes_are_text_that_every_destination_takes(raw: bytes) -> None:
    text = kept_bytes(raw)
    assert "\0" not in text
    assert len(text.encode()) <= 1_000_000


def test_kept_bytes_have_a_limit() -> None:
    assert len(kept_bytes(b"a" * 2_000_000)) == 1_000_000
    assert len(kept_bytes(b"\xff" * 2_000_000)) <= 1_000_000
    assert kept_bytes("é".encode()) == "é"
