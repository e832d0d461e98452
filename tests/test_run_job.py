from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extractor.errors import UsageError
from extractor.model import Endpoint, Setting, Vendor
from extractor.run.job import Job, place
from extractor.vendors.gladly import VENDOR

SETTINGS = {"organization": "acme", "username": "u", "password": "p"}
TODAY = datetime.now(UTC).date()


def where(**options: Any) -> Any:
    names = {"pipeline": None, "pipeline_name": None, "dataset": None, "destination": "duckdb"}
    return place("gladly", **(names | options))


def job(vendor: Vendor = VENDOR, **options: Any) -> Job:
    plain = {
        "place": where(),
        "rate_share": 1.0,
        "commit_every": 30.0,
        "patience": 1800.0,
        "max_failures": None,
        "settings": SETTINGS,
    }
    return Job.of(vendor, **(plain | options))


def test_names_are_the_vendors_unless_given() -> None:
    plain = where()
    assert (plain.pipeline, plain.dataset, plain.destination) == ("gladly_pipeline", "gladly_data", "duckdb")
    assert plain.folder == Path(".extractor/gladly_pipeline")
    named = where(pipeline_name="trial", dataset="trial_data", destination="postgres")
    assert (named.pipeline, named.dataset, named.destination) == ("trial", "trial_data", "postgres")
    assert named.folder == Path(".extractor/trial")


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "a\nb", "/etc"])
def test_a_name_that_leads_elsewhere_is_a_mistake(name: str) -> None:
    with pytest.raises(UsageError, match="can't be the name of a pipeline"):
        where(pipeline_name=name)


def their_pipeline(**params: object) -> SimpleNamespace:
    destination = SimpleNamespace(
        destination_type="dlt.destinations.postgres", destination_name="warehouse", config_params=params
    )
    return SimpleNamespace(pipeline_name="theirs", dataset_name="kept", destination=destination)


def test_a_pipeline_object_says_all() -> None:
    given = their_pipeline(
        credentials="postgresql://u:secret@h/d", pipeline_name="theirs", destination_name="warehouse", nothing=None
    )
    found = where(pipeline=given, pipeline_name="not this", dataset="nor this")
    assert (found.pipeline, found.dataset, found.destination) == ("theirs", "kept", "dlt.destinations.postgres")
    assert found.options == {"credentials": "postgresql://u:secret@h/d"}
    target = found.target(VENDOR)
    assert (target.destination_name, target.schema, target.options) == ("warehouse", "gladly", found.options)
    assert "secret" not in repr(found) + repr(target)


def test_a_pipeline_that_cannot_be_passed_on_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="can't be given to another process"):
        where(pipeline=their_pipeline(credentials=object()))
    with pytest.raises(UsageError, match="theirs has no destination"):
        where(pipeline=SimpleNamespace(pipeline_name="theirs", dataset_name="d", destination=None))


def test_the_identity_tells_accounts_apart_but_not_ports_of_this_machine() -> None:
    assert job().identity == {"vendor": "gladly", "account": "acme", "base_url": "https://acme.gladly.com/api/v1"}
    local = [job(settings={**SETTINGS, "base_url": f"http://127.0.0.1:{port}/api/v1"}).identity for port in (1, 2)]
    assert local[0] == local[1] != job().identity
    elsewhere = job(settings={**SETTINGS, "base_url": "https://acme.us-1.gladly.com/api/v1"}).identity
    assert elsewhere["base_url"] == "https://acme.us-1.gladly.com/api/v1"
    assert job(settings={**SETTINGS, "organization": "other"}).identity != job().identity


@pytest.mark.parametrize(
    ("since", "until", "good"),
    [
        (TODAY, None, True),
        (TODAY + timedelta(days=1), None, False),
        (date(2024, 1, 1), date(2024, 1, 2), True),
        (date(2024, 1, 2), date(2024, 1, 2), False),
        (date(2024, 1, 3), date(2024, 1, 2), False),
        (None, date(1990, 1, 1), True),
    ],
)
def test_the_first_day_lies_before_the_end(since: date | None, until: date | None, good: bool) -> None:
    if good:
        assert (job(since=since, until=until).since, job(since=since, until=until).until) == (since, until)
        return
    with pytest.raises(UsageError, match=f"--since {since} must lie before"):
        job(since=since, until=until)


def test_nothing_is_asked_for_beyond_today() -> None:
    assert job(until=date(2999, 1, 1)).until == TODAY + timedelta(days=1)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.01, float("nan")])
def test_a_share_is_a_part_of_the_whole(share: float) -> None:
    with pytest.raises(UsageError, match="rate_share"):
        job(rate_share=share)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_commits_have_some_time_between_them(seconds: float) -> None:
    with pytest.raises(UsageError, match="commit_every"):
        job(commit_every=seconds)


def test_endpoints_that_are_asked_keep_parents_before_children() -> None:
    names = [one.name for one in job(only=("conversation_items",)).fetched]
    assert names.index("report_conversation_export") < names.index("conversations") < names.index("conversation_items")
    assert "agents" not in names


def test_parameters_go_to_what_takes_them() -> None:
    chat = Endpoint(name="chat", path="/chats", method="POST", writes=True, given=("widget", "text", "tone"))
    vendor = replace(VENDOR, endpoints=(*VENDOR.endpoints, chat))
    given = {"widget": "w", "tone": "kind"}
    found = job(vendor, only=("chat", "agents"), params=given, allow_writes=True)
    assert found.params == {"chat": (("widget", "w"), ("tone", "kind"))}
    assert {one.name for one in found.fetched} == {"chat", "agents"}
    with pytest.raises(UsageError, match="--allow-writes"):
        job(vendor, only=("chat",), params=given)


def test_a_resource_whose_setting_is_missing_is_left_out_unless_it_is_named() -> None:
    doors = Endpoint(name="doors", path="/doors", needs=("door_ids",))
    settings = (*VENDOR.settings, Setting(name="door_ids", help="doors", required=False, many=True))
    described = replace(VENDOR, settings=settings, endpoints=(*VENDOR.endpoints, doors))
    assert "doors" not in job(described).selection.loaded
    assert "doors" in job(described, settings={**SETTINGS, "door_ids": ["d"]}).selection.loaded
    with pytest.raises(UsageError, match="resource doors needs door_ids"):
        job(described, only=("doors",))
