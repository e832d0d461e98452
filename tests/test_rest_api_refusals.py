"""What of a configuration can't be kept is refused by name, before anything is asked; so is what dlt does not take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
import requests
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import SinglePagePaginator
from pydantic import BaseModel
from requests.adapters import HTTPAdapter
from restful import BASE

from extractor.errors import UsageError
from extractor.model import RollingWindow
from extractor.rest_api import read, translate


def config(*resources: object, **client: object) -> dict[str, Any]:
    return {"client": {"base_url": BASE, **client}, "resources": list(resources)}


def session(**attributes: Any) -> requests.Session:
    made = requests.Session()
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


class OwnSession(requests.Session):
    """Does something of its own."""


class OwnAdapter(HTTPAdapter):
    """Sends in a way of its own."""


class Stubborn(SinglePagePaginator):
    """Can't be copied."""

    def __deepcopy__(self, memo: object) -> object:
        raise TypeError("one is enough")


class Row(BaseModel):
    id: int


def adapted() -> requests.Session:
    made = session()
    made.mount("https://shop.test", OwnAdapter())
    return made


@dlt.resource
def own() -> Iterator[int]:
    yield 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a dlt resource": (config(own()), "resource own is a DltResource"),
    "a session's adapters": (config("items", session=adapted()), r"client\.session has adapters"),
    "a session's proxies": (config("items", session=session(proxies={"https": "http://x"})), "proxies"),
    "a session without verification": (config("items", session=session(verify=False)), "verify"),
    "a session's certificate": (config("items", session=session(cert="x.pem")), "cert"),
    "a session's hooks": (config("items", session=session(hooks={"response": [print]})), "hooks"),
    "a session of another class": (config("items", session=OwnSession()), "OwnSession"),
    "a session whose auth is a function": (config("items", session=session(auth=lambda request: request)), "auth"),
    "digest": (config("items", session=session(auth=requests.auth.HTTPDigestAuth("a", "b"))), "digest"),
    "another origin": (config({"name": "items", "endpoint": "https://else.test/items"}), "items has a path on another"),
    "plain http": (config("items", base_url="http://shop.test"), r"client\.base_url is plain http"),
    "user and password": (config("items", base_url="https://me:s3cret@shop.test"), r"client\.base_url has a user name"),
    "no address": (config("items", base_url=""), r"client\.base_url"),
    "two bodies": (
        config({"name": "items", "endpoint": {"method": "POST", "json": {"a": 1}, "data": "x"}}),
        "items has both json and data",
    ),
    "a body that can be read once": (
        config({"name": "items", "endpoint": {"method": "POST", "data": iter([b"x"])}}),
        "items has data of the kind",
    ),
    "a scheduler": (
        config(
            {"name": "items", "endpoint": {"incremental": {"cursor_path": "at", "allow_external_schedulers": True}}}
        ),
        "items has allow_external_schedulers",
    ),
    "a model beside an incremental": (
        config({"name": "items", "columns": Row, "endpoint": {"incremental": {"cursor_path": "id"}}}),
        "items has an incremental beside a pydantic model",
    ),
    "a paginator that can't be copied": (
        config({"name": "items", "endpoint": {"paginator": Stubborn()}}),
        "one is enough",
    ),
    "a session that asks for tokens": (
        config(
            "items",
            auth=OAuth2ClientCredentials(
                access_token_url="https://auth.test/token",
                client_id="a",
                client_secret="s3cret",
                session=requests.Session(),
            ),
        ),
        "auth of items has a session of its own",
    ),
    "tokens by plain http": (
        config(
            "items",
            auth={
                "type": "oauth2_client_credentials",
                "access_token_url": "http://auth.test/token",
                "client_id": "a",
                "client_secret": "s3cret",
            },
        ),
        "access_token_url is plain http",
    ),
    "no placeholder's value": (config({"name": "items", "endpoint": "items/{who}"}), "who"),
    "an unknown parent": (config({"name": "items", "endpoint": "items/{resources.posts.id}"}), "posts"),
    "an unknown key": (config({"name": "items", "endpoint": {"pathh": "x"}}), "pathh"),
    "an unknown paginator": (config({"name": "items", "endpoint": {"paginator": "by_magic"}}), "by_magic|paginator"),
    "two of one name": (config("items", "items"), "items"),
    "an impossible range": (
        config(
            {
                "name": "items",
                "endpoint": {"incremental": {"cursor_path": "at", "initial_value": 5, "end_value": 3}},
            }
        ),
        "initial_value",
    ),
    "no resources": ({"client": {"base_url": BASE}}, "resources"),
    "no client": ({"resources": ["items"]}, "client"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_by_name(name: str) -> None:
    said, what = REFUSED[name]
    with pytest.raises(UsageError, match=what) as caught:
        translate(said, name="shop", configuration="shop.py:config")
    assert str(caught.value).startswith("shop.py:config")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("said", [None, [], "config", dlt.resource([1], name="x")])
def test_what_is_no_dictionary_is_none(said: object) -> None:
    with pytest.raises(UsageError, match="a RESTAPIConfig is a dictionary"):
        translate(said, name="shop")


# ── rates ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "limit", "seconds"),
    [("10/s", 10, 1), ("300/min", 300, 60), ("5000/h", 5000, 3600), ("40/15s", 40, 15), (" 3 / 2 min ", 3, 120)],
)
def test_a_rate_is_a_rolling_window(written: str, limit: int, seconds: float) -> None:
    budget = translate(config("items"), name="shop", rate_limit=written).vendor.budgets["requests"]
    assert isinstance(budget, RollingWindow)
    assert (budget.limit, budget.seconds) == (limit, seconds)


@pytest.mark.parametrize("written", ["", "10", "0/s", "10/day", "-1/s", "1.5/s", 10, ["10/s"]])
def test_what_is_no_rate_is_refused(written: object) -> None:
    with pytest.raises(UsageError, match="rate_limit"):
        translate(config("items"), name="shop", rate_limit=written)


# ── files ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, whose modules are forgotten afterwards."""
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    monkeypatch.setattr("sys.modules", dict(__import__("sys").modules))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, text: str, name: str = "corner_shop.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


CONFIG = f'config = {{"client": {{"base_url": "{BASE}"}}, "resources": ["items"]}}\n'


def test_a_file_is_imported_under_its_own_name(folder: Path) -> None:
    """So what stands behind its guard for scripts is left alone, and it may import what lies beside it."""
    written(folder, "limit = '7/s'\n", "beside_the_shop.py")
    text = (
        "from beside_the_shop import limit as rate_limit\n"
        + CONFIG
        + 'if __name__ == "__main__":\n    raise SystemExit\n'
    )
    translation = read(written(folder, text))
    assert (translation.vendor.name, translation.vendor.configuration) == ("corner_shop", "corner_shop.py:config")
    assert isinstance(translation.vendor.budgets["requests"], RollingWindow)
    assert list(translation.resources) == ["items"]


def test_a_file_may_hold_several(folder: Path) -> None:
    file = written(folder, CONFIG + "other = {**config, 'resources': ['things']}\n")
    assert list(read(f"{file}:other").resources) == ["things"]
    assert list(read(f"{folder / file}:config").resources) == ["items"]


@pytest.mark.parametrize(
    ("text", "reference", "what"),
    [
        (CONFIG, "no_shop.py:config", "no file no_shop.py"),
        (CONFIG, "corner_shop.py:conf", "has no 'conf'. It has: config"),
        ("1 / 0", "corner_shop.py", "can't be imported: ZeroDivisionError"),
        ("config = (", "corner_shop.py", "can't be imported: SyntaxError"),
        ("import sys; sys.exit(3)", "corner_shop.py", "can't be imported: SystemExit"),
        ("config = 5", "corner_shop.py", "corner_shop.py:config is a int"),
        (CONFIG + "rate_limit = 'fast'", "corner_shop.py", "rate_limit = 'fast' is no rate"),
    ],
)
def test_a_mistake_in_a_file_is_one_message(folder: Path, text: str, reference: str, what: str) -> None:
    written(folder, text)
    with pytest.raises(UsageError) as caught:
        read(reference)
    assert what in str(caught.value)


@pytest.mark.parametrize(("name", "what"), [("json.py", "another module"), ("my-shop.py", "is no name")])
def test_a_file_whose_name_cannot_be_kept_is_refused(folder: Path, name: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        read(written(folder, CONFIG, name))
