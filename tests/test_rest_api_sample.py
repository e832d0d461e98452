"""A sample ends every list at the same page for this package and for dlt itself, whatever turns the pages."""

from __future__ import annotations

import runpy
from collections import Counter
from typing import Any, cast

import pytest
from library import AUTHORS, serve
from oracle import CONFIGURATIONS, every
from restful import Asked, Server, by_dlt, by_us

from extractor.model import Response
from extractor.rest_api import Found, sample
from extractor.rest_api.sample import cut


def counted(paths: Counter[str]) -> Server:
    def server(asked: Asked) -> Response:
        paths[asked.path] += 1
        return serve(asked)

    return server


def found(name: str, monkeypatch: pytest.MonkeyPatch) -> Found:
    monkeypatch.setenv("LIBRARY_URL", "https://shop.test")
    config = runpy.run_path(str(CONFIGURATIONS / "paging.py"))[name]
    return Found(config=config, name="shop", rate_limit=None, reference="shop.py:config")


@pytest.mark.parametrize("limit", [1, 3, 4, 50])
@pytest.mark.parametrize("name", [name for _, name in every("paging")])
def test_both_read_the_same_pages(name: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = Counter[str](), Counter[str]()
    one = found(name, monkeypatch)
    own = by_us(sample(one, limit), counted(ours))
    assert own == by_dlt(cut(cast("dict[str, Any]", one.config), limit), counted(theirs))
    assert ours == theirs
    assert any(own.values())
    assert all(len(rows) <= limit for rows in own.values())


@pytest.mark.parametrize("limit", [1, 3, 4])
def test_a_list_is_left_with_the_page_that_brings_enough(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages hold three records, and a root keeps no more than were asked for."""
    paths = Counter[str]()
    rows = by_us(sample(found("json_link", monkeypatch), limit), counted(paths))
    assert rows["authors"] == AUTHORS[:limit]
    assert paths["/v1/linked/authors"] == -(-limit // 3)


def test_steps_of_the_defaults_are_kept() -> None:
    """The cut is a step before them."""
    config = {
        "client": {"base_url": "https://shop.test/v1/"},
        "resource_defaults": {"processing_steps": [{"map": lambda author: {"id": author["id"] * 10}}]},
        "resources": ["authors"],
    }
    one = Found(config=config, name="shop", rate_limit=None, reference="shop.py:config")
    assert by_us(sample(one, 2), serve) == {"authors": [{"id": 10}, {"id": 20}]}
