from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st
from told import OUTCOME, SNAPSHOT

from extractor.console.jsonl import JsonLines


def lines(*snapshots: object, end: bool = False) -> list[dict[str, object]]:
    stream = io.StringIO()
    shown = JsonLines("acme", stream)
    for snapshot in snapshots:
        shown.show(snapshot)  # type: ignore[arg-type]
    if end:
        shown.end(OUTCOME)
    shown.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_snapshot_is_one_object() -> None:
    (told,) = lines(SNAPSHOT)
    assert told["event"] == "progress"
    assert told["vendor"] == "acme"
    assert told["left"] is None
    assert told["phase"] == "fetching"
    assert told["incidents"] == {"gone": 2, "failed": 1}
    endpoints = told["endpoints"]
    assert isinstance(endpoints, list)
    assert endpoints[2] == {
        "endpoint": "conversations",
        "table": "conversations",
        "waiting": 4000,
        "committed": 998,
        "gone": 2,
        "failed": 1,
        "truncated": 0,
        "records": 1200,
        "known": 5001,
    }


def test_the_end_is_an_object_too() -> None:
    *_, told = lines(end=True)
    assert told["event"] == "end"
    assert told["code"] == 3
    assert told["vendor"] == "acme"
    assert isinstance(told["tables"], list)
    assert told["tables"][1]["rows"] == 1234567


def test_at_most_one_a_second() -> None:
    assert len(lines(*(replace(SNAPSHOT, seconds=tenths / 10) for tenths in range(31)))) == 4


def test_mappings_of_any_kind_and_numbers_that_are_none() -> None:
    (told,) = lines(replace(SNAPSHOT, allowed=math.inf, rate=math.nan, incidents=MappingProxyType({"gone": 1})))
    assert told["allowed"] is None
    assert told["rate"] is None
    assert told["incidents"] == {"gone": 1}


@given(st.text())
def test_whatever_came_from_outside_stays_on_one_line(phase: str) -> None:
    (told,) = lines(replace(SNAPSHOT, phase=phase))
    assert told["phase"] == phase


def test_a_reader_that_is_gone_does_not_stop_the_run() -> None:
    stream = io.StringIO()
    stream.close()
    JsonLines("acme", stream).end(OUTCOME)
