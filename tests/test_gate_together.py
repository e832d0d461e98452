"""Pages that go through the gate together come out as each by itself."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_gate import ITEMS, gate

from extractor.gate import Gate, latest
from extractor.model import Endpoint, Incident

COUNTED = Endpoint(name="counted", path="/counted", key=("id",), columns={"id": "bigint", "made": "timestamp"})
KEYED = {
    "text": ITEMS,
    "counted": COUNTED,
    "of a type that the first one shows": Endpoint(name="anys", path="/anys", key=("id",)),
    "none": Endpoint(name="bare", path="/bare", key=(), columns={"made": "timestamp"}),
    "two fields": Endpoint(name="pairs", path="/pairs", key=("id", "note"), columns={"id": "bigint"}),
    "nested": Endpoint(name="nested", path="/nested", key=("x.y",), columns={"x.y": "text"}),
    "moment": Endpoint(name="moments", path="/moments", key=("made",), columns={"made": "timestamp"}),
}

# fmt: off
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False),
    st.sampled_from(
        [
            "x", "", "\0", "\ud800", "\uf022", "0001-01-01T00:00:00Z", "2023-02-29T10:00:00Z",
            "2024-02-29T10:00:00Z", "2024-02-29T11:00:00+01:00", "2024-02-29 10:00:00",
        ]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["y", "made"]), st.text(max_size=2), max_size=2),
)
# fmt: on
ids = st.one_of(st.integers(0, 12), st.sampled_from(["a", "b", "7", None, True, 2**70, 1.5]))
records = st.lists(
    st.fixed_dictionaries({"id": ids}, optional={"made": values, "note": values, "x": values, "ID": values}), max_size=9
)
pages = st.one_of(
    records.map(lambda found: json.dumps(found).encode("utf-8", "surrogatepass")),
    st.sampled_from([
        b"", b"[", b"[]", b"nothing", b'["a]', b'b"]', b"[1],[2]", b'{"id":1}', b'{"id":1}\n{"id":2}\n', b"[[1],2]",
        b'[{"id":1,"id":2}]', b'[{"id":"a","x":1,"x":2}]', b'[{"id":3,"made":"2024-01-01T00:00:00Z"},{"id":3}] ',
    ]),
)  # fmt: skip


def alone(endpoint: Endpoint, payloads: list[bytes]) -> tuple[list[Any], list[Incident]]:
    """What comes out of pages that are read one after the other, the last first."""
    incidents: list[Incident] = []
    mine, seen = gate(endpoint), set[Any]()
    found = [
        record
        for number, payload in reversed(list(enumerate(payloads)))
        for (record,) in latest_of_one(mine, payload, str(number), seen, incidents)
    ]
    return found, incidents


def latest_of_one(
    mine: Gate, payload: bytes, listing: str, seen: set[Any], incidents: list[Incident]
) -> list[list[Any]]:
    return [[record] for batch in latest([(mine, payload, listing)], seen, incidents) for record in batch]


def together(endpoint: Endpoint, payloads: list[bytes]) -> tuple[list[Any], list[Incident]]:
    incidents: list[Incident] = []
    mine = gate(endpoint)
    numbered = [(mine, payload, str(number)) for number, payload in enumerate(payloads)]
    return [record for batch in latest(reversed(numbered), set(), incidents) for record in batch], incidents


@pytest.mark.parametrize("endpoint", KEYED.values(), ids=KEYED)
@given(payloads=st.lists(pages, max_size=8))
@example(payloads=[b'[{"id":"a]', b'["}]'])
@example(payloads=[b'["a]', b'["],5'])
@example(payloads=[b'["a]', b'b"]', b"[1],[2]"])
@example(payloads=[b'[{"id":"a","x":1,"x":2}]', b'[{"id":"b"}]'])
@example(payloads=[b'[{"id":1}]', b'[{"id":2},{"id":1,"x":5}]', b'[{"id":1,"x":6}]'])
@example(payloads=[b'[{"id":1,"note":1}]', b'[{"id":"a","note":"a"}]'])
def test_as_each_by_itself(endpoint: Endpoint, payloads: list[bytes]) -> None:
    assert together(endpoint, payloads) == alone(endpoint, payloads)


@pytest.mark.parametrize("field", ["x", "made", "day", "count", "note", "since"])
@pytest.mark.parametrize(
    "value",
    [
        "2024-01-01T00:00:00Z",
        "2024-01-01",
        "2024-01-01T00:00:00.123456789Z",
        "0001-01-01T00:00:00+14:00",
        5,
        2**63,
        2**64,
        1.5,
        True,
        None,
        "5",
        "\0",
        "\ud800",
        {"y": 1},
        [1],
    ],
)
def test_many_alike_as_each_by_itself(field: str, value: object) -> None:
    payloads = [json.dumps([{"id": str(number), field: value}]).encode() for number in range(8)]
    assert together(ITEMS, payloads) == alone(ITEMS, payloads)


def test_the_last_of_a_key_stays_the_last_first() -> None:
    payloads = [b'[{"id":"a","x":1},{"id":"b","x":1}]', b'[{"id":"b","x":2},{"id":"c","x":2}]', b'[{"id":"b","x":3}]']
    found, _ = together(ITEMS, payloads)
    assert [(record["id"], record["x"]) for record in found] == [("b", 3), ("c", 2), ("a", 1)]


def test_they_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some thousand bytes of them: what they were read for would else grow with the chunk."""
    loads, read = orjson.loads, list[int]()

    def counted(raw: bytes) -> object:
        read.append(len(raw))
        return loads(raw)

    monkeypatch.setattr(orjson, "loads", counted)
    payloads = [b'[{"id":"%d"}]' % number for number in range(10_000)]
    found, _ = together(ITEMS, payloads)
    assert len(found) == 10_000
    assert 2 < len(read) < 20
    assert max(read) < 50_000


def test_the_gates_are_not_mixed() -> None:
    """Pages of two endpoints that write to one table."""
    one, other = gate(ITEMS), gate(ITEMS)
    found = [
        [record["id"] for record in batch]
        for batch in latest(
            [(one, b'[{"id":"a"}]', "1"), (other, b'[{"id":"b"}]', "2"), (one, b'[{"id":"c"}]', "3")], set(), []
        )
    ]
    assert found == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("key", [2**63, -(2**63) - 1, True, 1.5])
def test_only_integers_of_64_bits_are_keys_at_a_glance(key: float) -> None:
    payload = b"[%b]" % b",".join(b'{"id":%d}' % number for number in range(8))
    odd = json.dumps([{"id": 100}, {"id": key}]).encode()
    found, incidents = together(COUNTED, [payload, odd])
    assert len(found) == 9
    assert len(incidents) == 1


def test_a_counted_key_is_the_same_as_its_text() -> None:
    found, _ = together(COUNTED, [b'[{"id":1,"x":"old"}]', b'[{"id":"1","x":"new"}]'])
    assert [(record["id"], record["x"]) for record in found] == [(1, "new")]
