"""How long a destination is waited for, on a clock of our own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self, cast

import dlt
import pytest
from dlt.destinations.exceptions import DestinationConnectionError
from hypothesis import given
from hypothesis import strategies as st

from extractor.load import connections
from extractor.load.connections import Away, Connections


class Locked:
    """A pipeline whose destination refuses connections until `opens`; each look takes `look_s`."""

    def __init__(self, *, look_s: float, opens: float = float("inf")) -> None:
        self.now = 0.0
        self.look_s = look_s
        self.opens = opens
        self.slept: list[float] = []
        self.said: list[str] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def sql_client(self) -> Locked:
        return self

    def __enter__(self) -> Self:
        self.now += self.look_s
        if self.now < self.opens:
            raise DestinationConnectionError("duckdb", "shop_data", "it is locked", OSError("locked"))
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute_sql(self, _: str) -> None:
        pass


def reach(locked: Locked, patience: float) -> None:
    pipeline = cast("dlt.Pipeline", locked)
    to = Connections(lambda: pipeline, name="duckdb", patience=patience, waiting=locked.said.append, plain=str)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        patch.setattr(connections, "time", locked)
        to.reached(opened)


LOOK_S = st.floats(min_value=0, max_value=20)
PATIENCE_S = st.floats(min_value=0.25, max_value=60)


@given(look_s=LOOK_S, patience=PATIENCE_S)
def test_patience_is_for_waiting_whatever_a_look_takes(look_s: float, patience: float) -> None:
    locked = Locked(look_s=look_s)
    with pytest.raises(Away, match="can't be opened"):
        reach(locked, patience)
    assert 0 < sum(locked.slept) <= patience
    assert len(locked.said) == 1


@given(look_s=st.floats(min_value=0, max_value=0.1), patience=PATIENCE_S, part=st.floats(min_value=0, max_value=0.33))
def test_what_opens_within_a_third_of_the_patience_is_reached(look_s: float, patience: float, part: float) -> None:
    locked = Locked(look_s=look_s, opens=patience * part)
    reach(locked, patience)
    assert len(locked.said) == (len(locked.slept) > 0)
