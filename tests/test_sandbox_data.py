"""What the sandbox draws instead of storing it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import Part, Population
from extractor.sandbox.gladly.stamps import mixed, parse, stamp
from extractor.sandbox.options import Options
from extractor.sandbox.slugs import Slugs

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@given(st.integers(0, 63), st.integers(0, 2**26 - 1), st.integers(0, 2**14 - 1), st.integers(0, 2**18 - 1))
def test_an_id_is_read_back(kind: int, a: int, b: int, c: int) -> None:
    slug = Slugs(KEY).write(kind, a, b, c)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", slug)
    assert Slugs(KEY).read(slug) == (kind, a, b, c)
    assert Slugs(b"l" * 32).read(slug) is None


@given(st.text(max_size=30))
def test_nothing_that_was_not_written_is_an_id(text: str) -> None:
    assert Slugs(KEY).read(text) is None
    assert Ids(KEY).read(text) is None


@pytest.mark.parametrize("text", ["!" * 22, "A" * 22, "A" * 21, "A+/AAAAAAAAAAAAAAAAAAA", "crm.000009~0000", "é" * 22])
def test_what_looks_like_an_id_is_none(text: str) -> None:
    assert Ids(KEY).read(text) is None


@pytest.mark.parametrize("last", "BCDEFGHIJKLMNOP")
def test_an_id_has_one_spelling(last: str) -> None:
    slugs = Slugs(KEY)
    for n in range(2_000):
        if (slug := slugs.write(1, n)).endswith("A"):
            assert slugs.read(slug[:-1] + last) is None
            return
    pytest.fail("no id ends with A")


def test_some_ids_begin_with_a_dash_and_some_were_supplied_by_clients() -> None:
    ids = Ids(KEY)
    written = [ids.customer(i) for i in range(1_000)]
    assert any(slug.startswith("-") for slug in written)
    supplied = [slug for slug in written if slug.startswith("crm.")]
    assert len(supplied) == 25
    for i, slug in enumerate(written):
        assert ids.read(slug) == (Kind.CUSTOMER, i, 0, 0)
    assert ids.read(ids.write(Kind.CUSTOMER, 9)) is None, "a customer has one id only"


@given(st.integers(1, 2**48), st.integers(0, 1_000))
def test_dice_stay_in_their_range_and_repeat_themselves(n: int, seed: int) -> None:
    drawn = [Dice(KEY, seed, 2).below(n) for _ in range(2)]
    assert drawn[0] == drawn[1] < n


def test_dice_are_fair_enough() -> None:
    counts = [0] * 6
    for i in range(1_500):
        dice = Dice(KEY, i)
        for _ in range(20):
            counts[dice.below(6)] += 1
    assert min(counts) > 0.95 * 5_000
    assert max(counts) < 1.05 * 5_000


@given(st.integers(1_500_000_000_000, 1_900_000_000_000), st.integers(0, 10_000))
def test_stamps_mix_precisions_but_mean_the_same_instant(ms: int, seed: int) -> None:
    text = mixed(ms, Dice(KEY, seed))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{2,9})?Z", text)
    assert parse(re.sub(r"\.\d+Z", "Z", text)) == ms // 1000


def test_stamps_as_the_vendor_documents_them() -> None:
    assert stamp(1_708_499_719_072, 9, 729_330) == "2024-02-21T07:15:19.072729330Z"
    assert stamp(1_708_499_719_072, 2) == "2024-02-21T07:15:19.07Z"
    assert stamp(1_708_499_719_072, 0) == "2024-02-21T07:15:19Z"
    assert parse("2024-02-21") is None
    assert parse("2024-02-21T07:15:19") is None


@pytest.mark.parametrize("size", [1, 60, 72, 500, 3_000])
def test_nothing_happens_before_its_cause_or_after_the_end_of_the_data(size: int) -> None:
    population = Population(Options(size=size), KEY, NOW)
    for i in range(size):
        who = population.customer(i)
        born = population.born(who)
        talks = [population.conversation(who, j) for j in range(who.conversations)]
        assert all(born <= talk.created for talk in talks)
        assert all(earlier.created <= later.created for earlier, later in pairwise(talks))
        assert all(not talk.open for talk in talks[:-1])
        for talk in talks:
            assert talk.created + talk.span < population.until
            times = [population.item_time(talk, k) // 1000 for k in range(talk.items)]
            assert times == sorted(times)
            assert talk.created // 1000 == times[0]
            assert times[-1] * 1000 <= talk.created + talk.span
        tasks = [population.task(who, t).created for t in range(min(who.tasks, 50))]
        assert tasks == sorted(tasks)
        assert all(born <= task < population.until for task in tasks)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (59, set()),
        (72, {Part.CAPPED}),
        (400, {Part.CAPPED, Part.LONG}),
        (2_000, {Part.CAPPED, Part.LONG, Part.BUSY}),
    ],
)
def test_rare_parts_are_played_from_their_size_on(size: int, expected: set[Part]) -> None:
    population = Population(Options(size=size), KEY, NOW)
    rare = (Part.CAPPED, Part.LONG, Part.BUSY)
    assert {part for part in rare if any(population.playing(part))} == expected
    for part in Part:
        if part is not Part.NORMAL:
            found = [i for i in range(size) if population.part(i) is part]
            assert [*population.playing(part)] == found
            assert len(found) <= max(2, size // 15)


def test_skew_grows_with_the_size() -> None:
    counts = [len([*Population(Options(size=size), KEY, NOW).playing(Part.LONG)]) for size in (400, 2_000, 20_000)]
    assert counts == [1, 2, 20]


def test_a_plain_population_has_no_traps() -> None:
    population = Population(Options(size=3_000, plain=True), KEY, NOW)
    customers = [population.customer(i) for i in range(3_000)]
    assert {who.part for who in customers} == {Part.NORMAL, Part.TASKS_ONLY, Part.FRESH}
    assert max(who.conversations for who in customers) <= 4
    assert all(who.conversations or who.tasks for who in customers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"latency": -1},
        {"fault": {"501": 0.1}},
        {"fault": {"500": 1.5}},
        {"fault": {"500": 0.6, "502": 0.6}},
        {"fault": {"500": (1, 2)}},
        {"fault": {"stuck": 1.5}},
        {"fault": {"outage": 5}},
        {"fault": {"storm": (5, -1)}},
        {"fault": {"401-from": 0}},
        {"rate_scale": 0},
        {"rate_change": ((-1, 2),)},
        {"neighbour": 1},
        {"neighbour": float("nan")},
        {"window": "square"},
        {"until": datetime(2024, 1, 1)},  # noqa: DTZ001  the point of it
        {"port": 70_000},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        Options(**wrong)  # type: ignore[arg-type]
