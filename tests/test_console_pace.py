from __future__ import annotations

from dataclasses import replace

from told import SNAPSHOT

from extractor.console.pace import Pace


def test_one_in_so_many_seconds_and_each_new_phase() -> None:
    pace = Pace(5.0)
    due = [
        pace.due(replace(SNAPSHOT, seconds=seconds, phase=phase))
        for seconds, phase in ((0, "a"), (1, "a"), (4.9, "a"), (5, "a"), (6, "b"), (7, "b"), (7.5, "a"), (20, "a"))
    ]
    assert due == [True, False, False, True, True, False, True, True]
