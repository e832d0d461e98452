"""Switches that one vendor has."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from extractor.sandbox.gladly import knobs as gladly
from extractor.sandbox.knobs import turned


@dataclass(frozen=True, kw_only=True)
class Knobs:
    odd_shape: bool = False
    most_rows: int = 7
    share: float = 0.5
    pause: float | None = None
    key: str = "k"


def test_what_is_not_turned_stays_as_it_is() -> None:
    assert turned(Knobs, {}) == Knobs()


def test_words_become_what_the_fields_are() -> None:
    words = {"odd-shape": "on", "most-rows": "12", "share": "0.25", "pause": "3", "key": "a=b"}
    assert turned(Knobs, words) == Knobs(odd_shape=True, most_rows=12, share=0.25, pause=3, key="a=b")


@pytest.mark.parametrize(("word", "on"), [("1", True), ("true", True), ("0", False), ("off", False), ("false", False)])
def test_a_switch_has_several_words(word: str, on: bool) -> None:
    assert turned(Knobs, {"odd-shape": word}).odd_shape is on


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("odd-shape", "maybe"),
        ("most-rows", "1.5"),
        ("most-rows", "-1"),
        ("most-rows", "²"),
        ("share", "half"),
        ("share", "nan"),
        ("share", "inf"),
        ("pause", "-0.1"),
        ("pause", ""),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name: str, word: str) -> None:
    with pytest.raises(ValueError, match=f"knob {name} must be"):
        turned(Knobs, {name: word})


@pytest.mark.parametrize("name", ["odd_shape", "colour", ""])
def test_an_unknown_knob_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="key, most-rows, odd-shape, pause, share"):
        turned(Knobs, {name: "1"})


def test_a_vendor_may_ask_for_more() -> None:
    with pytest.raises(ValueError, match="report-rows must be 1 or more"):
        turned(gladly.Knobs, {"report-rows": "0"})
