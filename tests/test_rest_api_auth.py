"""Credentials of a configuration: dlt's kinds, tokens over our transport, classes of the user's; and what is secret."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from clock import run
from dlt.common.configuration import configspec
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    AuthConfigBase,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from restful import BASE, Asked, answer, by_dlt, by_us, signed

from extractor.errors import BadBody, CredentialsError, TransportError, Unauthorized, UsageError
from extractor.model import Listing, Request, Response, Signer
from extractor.rest_api import translate

SECRET = "s3cr:t-k3y"


def config(*resources: object, **client: object) -> dict[str, Any]:
    return {"client": {"base_url": BASE, **client}, "resources": list(resources) or ["items"]}


def echo(asked: Asked) -> Response:
    said = {name: asked.headers.get(name) for name in ("authorization", "x-key", "cookie", "x-own", "x-all")}
    return answer([{"headers": said, "params": dict(asked.params)}])


@configspec
class Own(AuthConfigBase):
    """A user's: it signs path and body."""

    secret: str = ""

    def __post_init__(self) -> None:
        self.threads: set[str] = set()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self.threads.add(threading.current_thread().name)
        request.headers["X-Key"] = f"{request.path_url} {len(str(request.body or ''))}"
        return request


def session(**attributes: Any) -> requests.Session:
    made = requests.Session()
    for name, value in attributes.items():
        getattr(made, name).update(value) if isinstance(value, dict) else setattr(made, name, value)
    return made


AUTHS: dict[str, dict[str, Any]] = {
    "none": {},
    "bearer": {"auth": {"type": "bearer", "token": SECRET}},
    "bearer, short": {"auth": {"token": SECRET}},
    "bearer, an object": {"auth": BearerTokenAuth(token=SECRET)},
    "key in a header": {"auth": {"type": "api_key", "name": "X-Key", "api_key": SECRET}},
    "key in the query": {"auth": APIKeyAuth(name="key", api_key=SECRET, location="query")},
    "basic": {"auth": {"type": "http_basic", "username": "me", "password": SECRET}},
    "basic, an object": {"auth": HttpBasicAuth(username="me", password=SECRET)},
    "of a class of the user's": {"auth": Own(SECRET)},
    "headers": {"headers": {"X-Key": SECRET, "X-All": "all"}},
}


@pytest.mark.parametrize("name", AUTHS)
def test_credentials_are_those_that_dlt_sends(name: str) -> None:
    said = config(**AUTHS[name])
    translation = translate(said, name="shop")
    assert by_us(translation, echo) == by_dlt(said, echo)


@pytest.mark.parametrize("name", [name for name in AUTHS if name != "none"])
def test_credentials_are_known_to_be_secret_and_stand_in_no_request(name: str) -> None:
    vendor = translate(config(**AUTHS[name]), name="shop").vendor
    (endpoint,) = vendor.endpoints
    assert SECRET in vendor.secrets
    assert SECRET not in repr(vendor)
    assert SECRET not in repr(asked(vendor.endpoints[0]))
    assert "all" not in vendor.secrets
    assert endpoint.api == ""


def asked(endpoint: Any) -> Request:
    """The endpoint's first request."""
    request = endpoint.exchange(Listing(id=1, endpoint=endpoint.name, key="")).ask()
    assert isinstance(request, Request)
    return request


def test_a_key_in_a_cookie_is_sent_as_one() -> None:
    """What dlt knows as a location and does not do."""
    said = config(auth={"type": "api_key", "name": "sid", "api_key": SECRET, "location": "cookie"})
    (row,) = by_us(translate(said, name="shop"), echo)["items"]
    assert row["headers"]["cookie"] == f"sid={SECRET}"


def test_a_session_gives_its_headers_parameters_cookies_and_credentials() -> None:
    made = session(headers={"X-All": "session", "X-Own": "session"}, params={"a": "1"}, auth=("me", SECRET))
    made.cookies.set("sid", "c00kie")
    said = config({"name": "items", "endpoint": {"params": {"b": 2}, "headers": {"X-Own": "own"}}}, session=made)
    vendor = translate(said, name="shop").vendor
    (row,) = by_us(translate(said, name="shop"), echo)["items"]
    pair = base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert row == {
        "headers": {
            "authorization": f"Basic {pair}",
            "x-key": None,
            "cookie": "sid=c00kie",
            "x-own": "own",
            "x-all": "session",
        },
        "params": {"a": "1", "b": "2"},
    }
    assert {SECRET} <= vendor.secrets


def test_resources_with_their_own_credentials_have_an_api_of_their_own() -> None:
    """Those that say the same share one, and those that say None have none."""
    other = {"type": "bearer", "token": "other-token"}
    said = config(
        "items",
        {"name": "things", "endpoint": {"auth": other}},
        {"name": "more", "endpoint": {"auth": dict(other)}},
        {"name": "public", "endpoint": {"auth": None}},
        {"name": "same", "endpoint": {"auth": {"token": SECRET}}},
        auth={"token": SECRET},
    )
    translation = translate(said, name="shop")
    assert by_us(translation, echo) == by_dlt(said, echo)
    apis = {endpoint.name: endpoint.api for endpoint in translation.vendor.endpoints}
    assert apis == {"items": "", "things": "things", "more": "things", "public": "public", "same": ""}
    assert translation.vendor.secrets == {SECRET, "other-token"}


@pytest.mark.parametrize(
    ("endpoint", "secrets"),
    [
        ({"headers": {"X-Api-Key": "k3y", "X-Page": "5"}}, {"k3y"}),
        ({"headers": {"Authorization": "Bearer k3y"}}, {"Bearer k3y", "k3y"}),
        ({"params": {"api_key": "k3y", "sort": "id"}}, {"k3y"}),
        ({"method": "POST", "json": {"auth": [{"password": "k3y"}], "user": "me"}}, {"k3y"}),
        ({"method": "POST", "data": {"client_secret": "k3y"}}, {"k3y"}),
        ({"params": {"q": "k3y"}}, set()),
    ],
)
def test_what_is_called_like_a_secret_is_one(endpoint: dict[str, Any], secrets: set[str]) -> None:
    assert translate(config({"name": "items", "endpoint": endpoint}), name="shop").vendor.secrets == secrets


# ── classes of the user's ───────────────────────────────────────────────────────────────────


def test_a_class_of_the_users_runs_in_a_thread_and_sees_the_request() -> None:
    auth = Own(SECRET)
    said = config(
        {"name": "items", "endpoint": {"path": "a b", "method": "POST", "json": {"x": 1}, "params": {"q": "ä"}}},
        auth=auth,
    )
    (row,) = by_us(translate(said, name="shop"), echo)["items"]
    assert row["headers"]["x-key"] == "/api/v1/a%20b?q=%C3%A4 11"
    assert auth.threads
    assert threading.main_thread().name not in auth.threads


@configspec
class Asking(Own):
    """Wants to see the answer."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", print)
        return request


@configspec
class Failing(Own):
    """Has a bad day."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:  # noqa: ARG002
        raise ValueError(self.secret)


@pytest.mark.parametrize(("auth", "error"), [(Asking(SECRET), UsageError), (Failing(SECRET), TransportError)])
def test_a_class_that_cannot_be_carried_is_named(auth: Own, error: type[Exception]) -> None:
    translation = translate(config(auth=auth), name="shop")
    with pytest.raises(error, match=type(auth).__name__) as caught:
        signed(translation, asked(translation.vendor.endpoints[0]))
    assert SECRET not in str(caught.value)


# ── tokens ──────────────────────────────────────────────────────────────────────────────────

TOKENS = {
    "type": "oauth2_client_credentials",
    "access_token_url": "https://auth.test/oauth/token?tenant=5",
    "client_id": "me",
    "client_secret": SECRET,
    "access_token_request_data": {"scope": "read"},
}


class Given:
    """Gives out tokens."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        await asyncio.sleep(0.1)
        if self.answers:
            return self.answers.pop(0)
        return token(f"t{len(self.requests)}")


def token(text: str, **said: Any) -> Response:
    return answer({"access_token": text, **said})


def tokens(**said: Any) -> tuple[Signer, Request]:
    vendor = translate(config(auth={**TOKENS, **said}), name="shop").vendor
    assert vendor.signer is not None
    return vendor.signer, asked(vendor.endpoints[0])


def bearer(request: Request) -> str:
    return request.headers["Authorization"]


def test_a_token_is_asked_for_over_the_transport_and_once() -> None:
    """However many requests wait for it; the request for it counts against the budget."""
    vendor = translate(config(auth=TOKENS), name="shop").vendor
    signer, request = vendor.signer, asked(vendor.endpoints[0])
    assert signer is not None
    given = Given()

    async def many() -> list[Request]:
        return await asyncio.gather(*(signer.sign(request, given.send) for _ in range(20)))

    assert {bearer(one) for one in run(many())} == {"Bearer t1"}
    (asking,) = given.requests
    assert (asking.method, asking.path, asking.params) == ("POST", "/oauth/token", (("tenant", "5"),))
    assert parse_qs((asking.content or b"").decode()) == {
        "client_id": ["me"],
        "client_secret": [SECRET],
        "grant_type": ["client_credentials"],
        "scope": ["read"],
    }
    assert asking.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asking.budgets == ("requests",)
    assert vendor.apis[asking.api].base_url == "https://auth.test"
    assert SECRET in vendor.secrets


def test_a_token_is_renewed_before_it_expires() -> None:
    signer, request = tokens()
    given = Given(token("short", expires_in=100))

    async def over_time() -> list[str]:
        found = []
        for _ in range(4):
            found.append(bearer(await signer.sign(request, given.send)))
            await asyncio.sleep(40)
        return found

    assert run(over_time()) == ["Bearer short", "Bearer short", "Bearer short", "Bearer t2"]


def test_a_token_that_is_refused_is_renewed_once_for_all() -> None:
    signer, request = tokens()
    given = Given()

    async def refused() -> set[str]:
        old = [await signer.sign(request, given.send) for _ in range(5)]
        assert all([await signer.refused(one, given.send) for one in old[:3]])
        new = await signer.sign(request, given.send)
        assert all([await signer.refused(one, given.send) for one in old[3:]])
        return {bearer(new), bearer(await signer.sign(request, given.send))}

    assert run(refused()) == {"Bearer t2"}
    assert len(given.requests) == 2


def test_a_vendor_that_refuses_every_token_is_not_asked_for_more_and_more() -> None:
    signer, request = tokens()
    given = Given()

    async def refused() -> int:
        count = 0
        while await signer.refused(await signer.sign(request, given.send), given.send):
            count += 1
        return count

    assert run(refused()) == 5
    assert len(given.requests) == 6


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer({"error": "invalid_client", "echo": SECRET}, status=401), CredentialsError),
        (answer({"error": "invalid_client"}, status=400), CredentialsError),
        (answer(b"busy", status=503), TransportError),
        (answer(b"slow down", status=429), TransportError),
        (answer(b"<html>"), BadBody),
        (answer(["x"]), BadBody),
        (answer({"token": "x"}), BadBody),
        (token("x", expires_in="soon"), BadBody),
    ],
)
def test_a_token_that_is_not_given_is_named_for_what_it_is(response: Response, error: type[Exception]) -> None:
    """What may pass is tried again like any request."""
    signer, request = tokens()
    given = Given(response)
    with pytest.raises(error) as caught:
        run(signer.sign(request, given.send))
    assert SECRET not in str(caught.value)
    assert bearer(run(signer.sign(request, given.send))) == "Bearer t2"


def test_a_client_that_is_not_known_any_more_ends_the_run() -> None:
    signer, request = tokens()
    given = Given(token("first", expires_in=10), answer({}, status=401))

    async def later() -> None:
        await signer.sign(request, given.send)
        await asyncio.sleep(10)
        await signer.sign(request, given.send)

    with pytest.raises(Unauthorized):
        run(later())


@configspec
class InHeaders(OAuth2ClientCredentials):
    """As some vendors want it: the client in a header, the token under another name."""

    def build_access_token_request(self) -> dict[str, Any]:
        return {"headers": {"Authorization": "Basic x"}, "json": {"grant_type": "account"}}

    def parse_access_token(self, response_json: Any) -> str:
        return f"own-{response_json['token']}"

    def parse_expiration_in_seconds(self, response_json: Any) -> int:  # noqa: ARG002
        return 5


def test_a_subclass_says_how_it_asks_and_what_it_reads() -> None:
    auth = InHeaders(access_token_url="https://auth.test/token", client_id="me", client_secret=SECRET)
    vendor = translate(config(auth=auth), name="shop").vendor
    assert vendor.signer is not None
    given = Given(answer({"token": "x"}))
    request = run(vendor.signer.sign(asked(vendor.endpoints[0]), given.send))
    assert bearer(request) == "Bearer own-x"
    (asking,) = given.requests
    assert json.loads(asking.content or b"") == {"grant_type": "account"}
    assert asking.headers["Authorization"] == "Basic x"
