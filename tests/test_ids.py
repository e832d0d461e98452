from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor.errors import UsageError
from extractor.ids import listings
from extractor.model import Endpoint, Found
from extractor.vendors.gladly import VENDOR

BY_ID = ("customer_profiles", "conversations", "tasks")
ALL = frozenset(endpoint.name for endpoint in VENDOR.endpoints)


def found(path: Path, content: bytes | str, fetched: frozenset[str] = ALL) -> list[tuple[str, str]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(one.endpoint, one.key) for one in listings(VENDOR, path, fetched)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "customers.csv"


def all_of(*keys: str) -> list[tuple[str, str]]:
    return [(name, key) for key in keys for name in BY_ID]


def test_without_a_header_the_first_column_holds_ids(file: Path) -> None:
    assert found(file, "a\nb\n") == all_of("a", "b")


@pytest.mark.parametrize("header", ["id", "ID", ' "id" ', "\ufeffid"])
def test_a_header_is_no_customer(file: Path, header: str) -> None:
    assert found(file, f"{header.strip()}\na\n") == all_of("a")


def test_columns_say_how_their_values_are_looked_up(file: Path) -> None:
    text = "name,email,phone,id\nAda,ada@b.example,+49 1,a\nBob,,,\n"
    assert found(file, text) == [("customers_by_email", "ada@b.example"), ("customers_by_phone", "+49 1"), *all_of("a")]


def test_only_what_the_run_fetches_is_named(file: Path) -> None:
    assert found(file, "a\n", frozenset({"tasks"})) == [("tasks", "a")]
    assert found(file, "email\nada@b.example\n", frozenset({"tasks"})) == []


@pytest.mark.parametrize("text", ["", "\n", "\n \n\n", "id\n", "id\n\n , \n"])
def test_blank_lines_are_nobody(file: Path, text: str) -> None:
    assert found(file, text) == []


def test_a_header_may_come_after_blank_lines(file: Path) -> None:
    assert found(file, "\n\nid\na\n") == all_of("a")


def test_lines_may_be_shorter_than_the_header(file: Path) -> None:
    assert found(file, "email,id\nada@b.example\n") == [("customers_by_email", "ada@b.example")]


def test_columns_that_mean_nothing_are_a_mistake(file: Path) -> None:
    with pytest.raises(UsageError, match="has the columns name, town; one must be called id or email or phone"):
        found(file, "name,town\na,b\n")


def test_what_is_not_in_utf_8_is_a_mistake(file: Path) -> None:
    with pytest.raises(UsageError, match="is not a CSV file in UTF-8"):
        found(file, b"id\n\xff\xfe\n")


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.csv can't be read"):
        list(listings(VENDOR, tmp_path / "nowhere.csv", ALL))


def test_a_vendor_may_have_nothing_to_look_up(file: Path) -> None:
    file.write_text("a\n")
    with pytest.raises(UsageError, match="gladly has nothing that is looked up"):
        list(listings(replace(VENDOR, ids={}), file, ALL))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1)))
def test_whatever_is_written_is_read(file: Path, keys: list[str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([["id"], *([key] for key in keys)])
    expected = [key.strip() for key in keys if key.strip()]
    assert found(file, file.read_bytes()) == all_of(*expected)


def test_a_vendor_that_looks_nothing_up_by_id_wants_a_header(file: Path) -> None:
    file.write_text("a\n")
    with pytest.raises(UsageError, match="has no header; one must be called email"):
        list(listings(replace(VENDOR, ids={"email": VENDOR.ids["email"]}), file, ALL))


def test_a_column_that_stands_in_the_path_is_a_field(file: Path) -> None:
    endpoints = (Endpoint(name="typing", path="/doors/{door}/{key}"), Endpoint(name="poll", path="/poll/{key}"))
    file.write_text("id,Door,town\na,d,x\nb,,x\n")
    vendor = replace(VENDOR, ids={"id": ("typing", "poll")}, endpoints=endpoints)
    assert list(listings(vendor, file, frozenset({"typing", "poll"}))) == [
        Found(endpoint="typing", key="a", fields={"door": "d"}),
        Found(endpoint="poll", key="a"),
        Found(endpoint="typing", key="b"),
        Found(endpoint="poll", key="b"),
    ]
