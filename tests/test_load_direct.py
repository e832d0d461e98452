"""Pages that become columns at once make what they would make record by record, or are left to the gate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from dlt.destinations import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from extractor.gate import Gate, Key, Shapes, latest
from extractor.load.columnar import Columnar
from extractor.load.direct import Direct
from extractor.model import ColumnType, Endpoint, Incident

COLUMNS: dict[str, ColumnType] = {
    "id": "text",
    "no": "bigint",
    "note": "text",
    "count": "bigint",
    "size": "double",
    "on": "bool",
    "made": "timestamp",
    "day": "date",
    "more": "json",
    "in__note": "text",
    "in__no": "bigint",
    "in__made": "timestamp",
    "in__deep__note": "text",
}
DECLARED = Endpoint(
    name="declared",
    path="/",
    columns={"id": "text", "note": "text", "count": "bigint", "size": "double", "made": "timestamp", "in.no": "bigint"},
)
ENDPOINTS = {
    "declared": DECLARED,
    "not declared": Endpoint(name="bare", path="/"),
    "a number": Endpoint(name="numbers", path="/", key=("no",), columns={"no": "bigint"}),
    "two fields": Endpoint(name="pairs", path="/", key=("id", "no"), columns={"no": "bigint"}),
    "nested": Endpoint(name="nested", path="/", key=("in.note",), columns={"in.note": "text"}),
    "otherwise": Endpoint(name="others", path="/", columns={"note": "bigint", "count": "double", "made": "unix"}),
}
_MOMENTS = ["2024-02-29T10:00:00Z", "2024-02-29 11:00:00.5+01:00"]
_RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from("abcdefgh"),
    "no": st.integers(0, 9),
    "note": st.text(max_size=3),
    "count": st.integers(-(2**63), 2**63 - 1),
    "size": st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9)),
    "on": st.booleans(),
    "made": st.sampled_from(_MOMENTS),
    "day": st.sampled_from(["2024-02-29", "1024-01-31"]),
    "in": st.fixed_dictionaries(
        {"note": st.sampled_from("xyz")},
        optional={"no": st.integers(0, 9), "made": st.sampled_from(_MOMENTS), "deep": st.just({"note": "z"})},
    ),
    "none": st.none(),
    "list": st.just([]),
}
_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("", "5", "007", "true", "nan", "2024-02-30T10:00:00Z", "0001-01-01T00:00:00+14:00"),
        *("\0", "\ud800", "\uf022x"),
        *(0, -1, 1.5, 3.0, 2**53 + 1, 2**63, 2**64, 1e300, float("nan"), float("inf"), True, None),
        *([], [1], [None], [{}], {}, {"x": 1}, {"note": None}, {"note": 5}, [[]]),
    ]
)  # fmt: skip
_NAMES = st.sampled_from([*_RIGHT, "Note", "in__note", "_dlt_id", "size__v_text", "", "new"])


@st.composite
def written(draw: st.DrawFn) -> str:
    """A record, mostly as it should be; sometimes with values of other kinds, other names, or a name twice."""
    members = [
        (name, draw(values)) for name, values in _RIGHT.items() if name in ("id", "no", "in") or draw(st.booleans())
    ]
    if draw(st.integers(0, 15)) == 0:
        members.insert(draw(st.integers(0, len(members))), (draw(_NAMES), draw(_ODD)))
    ascii_only = draw(st.booleans())
    texts = (f"{json.dumps(key)}:{json.dumps(one, ensure_ascii=ascii_only)}" for key, one in members)
    return f"{{{', '.join(texts)}}}"


@st.composite
def a_page(draw: st.DrawFn, *, lines: bool) -> bytes:
    found = draw(st.lists(written(), min_size=int(lines), max_size=4))
    text = "\n".join(found) if lines else f"[{','.join(found)}]"
    return text.encode("utf-8", "surrogatepass")


_SPOILT = st.sampled_from(
    [b"", b"[", b"[]", b'["a]', b'b"]', b"[null]", b"[1]", b"[{}]", b"nothing", b'[{"id":"a"}]}{"r":[{"id":"b"}]',
     b'[{"id":"a"}],"r":[]', b'{"id":"a"},{"id":"b"}', b'{"id":"a"},{"id":"b"\n,"no":1}', b'{"id":"a"}\n\n{"id":"b"}',
     b'{"id":"a","in":{"note":"x"}\n{"no":1}}', b'[{"id":"a","in":{"note":"\xff"}}]', b'[{"id":"a","id":"b"}]',
     b'{"id":"a",\n"no":1}']
)  # fmt: skip


def pages(*, lines: bool) -> st.SearchStrategy[list[bytes]]:
    whole = a_page(lines=lines)
    return st.lists(whole, min_size=1, max_size=6) | st.lists(whole | _SPOILT, min_size=1, max_size=3)


def table(columns: dict[str, ColumnType]) -> Columnar:
    """The columns that a destination has."""
    schema = Schema("shop")
    told: Any = [{"name": name, "data_type": kind, "nullable": True} for name, kind in columns.items()]
    schema.update_table(new_table("items", columns=told))
    return Columnar(schema, "items", ["more"], schema.naming.normalize_path, duckdb().capabilities())


COLUMNAR = table(COLUMNS)


class Reader:
    """The gate of an endpoint, which has seen these records before."""

    def __init__(self, endpoint: Endpoint, before: Sequence[bytes]) -> None:
        naming = Schema("shop").naming.normalize_path
        self.shapes = Shapes(table="items", columns=endpoint.columns, name=naming)
        self.gate = Gate(endpoint, self.shapes, {})
        self.direct = Direct(self.shapes)
        self.incidents: list[Incident] = []
        for payload in before:
            self.gate.read(payload, "before")

    def at_once(self, payloads: Sequence[bytes], seen: set[Key], columnar: Columnar = COLUMNAR) -> Any:
        return self.direct.table(self.gate, payloads, columnar, seen)

    def as_records(self, payloads: Sequence[bytes], seen: set[Key], columnar: Columnar = COLUMNAR) -> Any:
        last_first = [(self.gate, payload, "now") for payload in reversed(payloads)]
        found = [record for batch in latest(last_first, seen, self.incidents) for record in batch]
        return columnar.batch(found) if found else []


def rows(found: Any) -> list[str]:
    """The records, without what is null."""
    told = found.to_pylist() if len(found) else []
    return sorted(repr({name: value for name, value in sorted(row.items()) if value is not None}) for row in told)


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
@given(data=st.data())
def test_as_record_by_record(endpoint: Endpoint, data: st.DataObject) -> None:
    lines = data.draw(st.booleans())
    payloads = data.draw(pages(lines=lines))
    before = [data.draw(a_page(lines=False)), *data.draw(st.sampled_from([payloads, payloads[:1], []]))]
    came: set[Key] = {("a",), (1,), ("b", 2), ("x",)}
    reader, ours, theirs = Reader(endpoint, before), set(came), set(came)
    made = reader.at_once(payloads, ours)
    told = reader.as_records(payloads, theirs)
    if made is None:
        assert ours == came
    else:
        assert told is not None
        assert not reader.incidents
        assert rows(made) == rows(told)
        assert ours == theirs
        assert set(made.column_names) >= (set(told.column_names) if len(told) else set())


def lots(*records: dict[str, object]) -> list[bytes]:
    return [json.dumps([record]).encode() for record in records]


USUAL: dict[str, object] = {
    "id": "a",
    "no": 1,
    "note": "été",
    "size": 3,
    "on": True,
    "made": _MOMENTS[0],
    "day": "2024-02-29",
    "in": {"note": "x", "deep": {"note": "z"}, "no": None},
    "none": None,
    "list": [],
}


@pytest.mark.parametrize("endpoint", [one for name, one in ENDPOINTS.items() if name != "otherwise"])
def test_what_is_usual_needs_no_records(endpoint: Endpoint) -> None:
    reader = Reader(endpoint, lots(USUAL))
    payloads = lots(*(USUAL | {"id": one, "no": no, "in": {"note": one}} for no, one in enumerate("bcd")))
    made = reader.at_once(payloads, set())
    assert rows(made) == rows(reader.as_records(payloads, set()))
    assert len(made) == 3


def test_lines_need_none_either() -> None:
    reader = Reader(DECLARED, lots(USUAL))
    payloads = [b'{"id":"b","note":"}\\n{"}\n{"id":"c"}', b'{"id":"d"}']
    assert rows(reader.at_once(payloads, set())) == rows(reader.as_records(payloads, set()))


def test_empty_pages_need_nobody() -> None:
    made = Reader(DECLARED, lots(USUAL)).at_once([b"[]", b"[]"], set())
    assert len(made) == 0


@pytest.mark.parametrize(
    "odd",
    [
        {"note": 5},
        {"note": {"x": 1}},
        {"note": "\0"},
        {"size": 2**53 + 1},
        {"size": float("nan")},
        {"size": "5"},
        {"no": 2**63},
        {"no": 1.0},
        {"on": 1},
        {"made": "2024-02-29"},
        {"made": "2023-02-29T10:00:00Z"},
        {"day": "2024-02-30"},
        {"list": [None]},
        {"list": [1]},
        {"none": 1},
        {"new": None},
        {"in": {"new": 1}},
        {"in": []},
        {"Note": "x"},
        {"in__note": "x"},
        {"id": None},
        {"id": 5},
    ],
)
def test_what_is_not_is_left_to_the_gate(odd: dict[str, object]) -> None:
    reader = Reader(DECLARED, lots(USUAL))
    seen: set[Key] = set()
    assert reader.at_once(lots(USUAL, USUAL | odd), seen) is None
    assert seen == set()


@pytest.mark.parametrize(
    ("columns", "endpoint"),
    [
        (COLUMNS, ENDPOINTS["otherwise"]),
        # No key of the vendor's: ours is a hash of the record as it stands there.
        (COLUMNS, Endpoint(name="keyless", path="/", key=())),
        ({**COLUMNS, "note": "json"}, DECLARED),
        ({**COLUMNS, "id": "bigint"}, DECLARED),
        ({**COLUMNS, "in": "text"}, DECLARED),
        ({**COLUMNS, "list": "text"}, DECLARED),
        ({name: kind for name, kind in COLUMNS.items() if name != "note"}, DECLARED),
    ],
)
def test_tables_that_are_not_plain_are_the_gates(columns: dict[str, ColumnType], endpoint: Endpoint) -> None:
    assert Reader(endpoint, lots(USUAL)).at_once(lots(USUAL), set(), table(columns)) is None


@pytest.mark.parametrize("other", [{"Note": "x"}, {"in__note": "x"}, {"_dlt_id": "x"}, {"size__v_text": "x"}])
def test_names_that_make_a_column_of_another_are_the_gates(other: dict[str, object]) -> None:
    reader = Reader(DECLARED, lots(USUAL, {"id": "b", **other}))
    assert reader.at_once(lots(USUAL, {"id": "b", **other}), set(), table({**COLUMNS, "_dlt_id": "text"})) is None


def test_keys_of_another_type_than_their_columns_are_the_gates() -> None:
    reader = Reader(ENDPOINTS["not declared"], [b'[{"id":"a"}]'])
    assert reader.at_once([b'[{"id":5}]'], set(), table({"id": "bigint"})) is None


def test_of_a_key_the_last_record_stays_and_none_that_came() -> None:
    reader = Reader(DECLARED, lots(USUAL))
    seen: set[Key] = {("z",)}
    payloads = [b'[{"id":"a","note":"1"},{"id":"b","note":"1"},{"id":"a","note":"2"}]', b'[{"id":"b"},{"id":"z"}]']
    assert rows(reader.at_once(payloads, seen)) == ["{'id': 'a', 'note': '2'}", "{'id': 'b'}"]
    assert seen == {("a",), ("b",), ("z",)}


def test_what_was_refused_again_and_again_is_tried_ever_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else tables that are never plain would be read twice."""
    reader, tried = Reader(DECLARED, lots(USUAL)), list[Any]()
    records = Direct._records

    def counted(self: Direct, *args: Any) -> Any:
        tried.append(args)
        return records(self, *args)

    monkeypatch.setattr(Direct, "_records", counted)
    for _ in range(1_000):
        reader.at_once(lots(USUAL | {"note": 5}), set())
    assert 10 < len(tried) < 30
    assert any(reader.at_once(lots(USUAL), set()) is not None for _ in range(100))
    # What is taken again is tried at once.
    assert reader.at_once(lots(USUAL | {"note": 5}), set()) is None
    assert reader.at_once(lots(USUAL), set()) is None
    assert reader.at_once(lots(USUAL), set()) is not None


_FIRST = b'[{"id":"a","no":1,"in":{"note":"x"}}]'


@given(payloads=st.lists(_SPOILT | st.just(_FIRST), min_size=1, max_size=4))
@example(payloads=[_FIRST, b'[{"id":"a"}]}{"r":[{"id":"b"}]'])
@example(payloads=[b'["a]', b'b"]'])
@example(payloads=[b'{"id":"a"},{"id":"b"\n,"no":1}'])
@example(payloads=[b'[{"id":"a","in":{"note":"\xff"}}]'])
@example(payloads=[b'{"id":"a"},{"id":"b"}', b'{"id":"a"}'])
def test_pages_that_are_no_json_do_not_become_some_together(payloads: list[bytes]) -> None:
    reader = Reader(ENDPOINTS["not declared"], [_FIRST])
    if reader.at_once(payloads, set()) is not None:
        reader.as_records(payloads, set())
        assert not reader.incidents
