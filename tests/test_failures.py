from __future__ import annotations

import pytest

from extractor.errors import RunFailed, UsageError
from extractor.failures import FailureLimit, Failures
from extractor.model import Incident, IncidentKind, Listing, Page, State


def page(state: State, detail: str = "") -> Page:
    listing = Listing(id=1, endpoint="items", key="k")
    incident = Incident(kind=IncidentKind.FAILED, endpoint="items", key="k", detail=detail)
    return Page(listing=listing, state=state, incidents=(incident,) if detail else ())


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", FailureLimit(listings=0)),
        ("20", FailureLimit(listings=20)),
        ("5%", FailureLimit(percent=5.0)),
        (" 2.5 % ", FailureLimit(percent=2.5)),
    ],
)
def test_a_limit_as_it_is_written(text: str, limit: FailureLimit) -> None:
    assert FailureLimit.of(text) == limit
    assert FailureLimit.of(str(limit)) == limit


@pytest.mark.parametrize("text", ["", "many", "-1", "2.5", "100%", "%", "٣", "9" * 5000])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(UsageError, match="no limit on failures"):
        FailureLimit.of(text)


def test_a_number_is_exceeded_by_one_more() -> None:
    limit = FailureLimit.of("2")
    assert [limit.exceeded(failed, 1000) for failed in (2, 3)] == [False, True]


def test_a_share_is_one_of_enough_lists() -> None:
    limit = FailureLimit.of("10%")
    assert [limit.exceeded(failed, finished) for failed, finished in ((49, 49), (5, 50), (6, 50))] == [
        False,
        False,
        True,
    ]


def test_the_message_says_how_many_of_how_many_and_what_for() -> None:
    failures = Failures(FailureLimit.of("2"), vendor="acme")
    for one in (State.OPEN, State.COMMITTED, State.GONE):
        failures.count(page(one))
    failures.count(page(State.FAILED, "seldom"))
    failures.count(page(State.FAILED, "often"))
    with pytest.raises(RunFailed) as raised:
        failures.count(page(State.FAILED, "often"))
    assert str(raised.value) == (
        "acme: 3 of 5 lists failed, more than --max-failures 2 allows. Most often: often. "
        "When that is mended, fetch them again: python -m extractor retry acme."
    )


def test_without_a_limit_everything_may_fail() -> None:
    failures = Failures(None, vendor="acme")
    for _ in range(200):
        failures.count(page(State.FAILED, "so"))
