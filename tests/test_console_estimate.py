from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from told import SNAPSHOT

from extractor.account import EndpointCount
from extractor.console.estimate import Estimate


def after(moments: Iterable[tuple[float, int]]) -> float | None:
    """The estimate after snapshots at these seconds with so much waiting."""
    estimate, left = Estimate(), None
    for seconds, waiting in moments:
        endpoints = (EndpointCount(endpoint="x", table="x", waiting=waiting, committed=5),)
        left = estimate.left(replace(SNAPSHOT, seconds=seconds, endpoints=endpoints))
    return left


def test_a_steady_decline_says_how_long() -> None:
    assert after((float(s), 1000 - 10 * s) for s in range(31)) == pytest.approx(70)


def test_while_work_grows_nobody_knows() -> None:
    assert after((float(s), 1000 + s) for s in range(60)) is None


def test_a_standstill_promises_nothing() -> None:
    assert after((float(s), 1000) for s in range(60)) is None


def test_a_few_seconds_are_not_enough() -> None:
    assert after((float(s), 1000 - 10 * s) for s in range(10)) is None


def test_nothing_waiting_needs_no_estimate() -> None:
    assert after([(0.0, 100), (20.0, 0)]) is None


def test_only_the_last_minute_counts() -> None:
    """After an hour of finding, an hour of finishing isn't hidden by it."""
    growing = [(float(s), 10 * s) for s in range(600)]
    shrinking = [(600.0 + s, 6000 - 20 * s) for s in range(120)]
    assert after(growing + shrinking) == pytest.approx((6000 - 20 * 119) / 20)


def test_a_gap_longer_than_the_window_is_bridged() -> None:
    assert after([(0.0, 1000), (500.0, 500)]) == pytest.approx(500)
