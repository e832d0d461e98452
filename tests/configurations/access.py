"""Credentials of every kind."""

from __future__ import annotations

import os
from typing import Any

import requests
from dlt.common.configuration import configspec
from dlt.sources.helpers.rest_client.auth import AuthConfigBase, BearerTokenAuth
from library import KEY, SECRET
from requests import PreparedRequest

URL = f"{os.environ['LIBRARY_URL']}/v1/guarded/"


@configspec
class Signature(AuthConfigBase):
    """Signs the path of each request."""

    secret: str = ""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["X-Signature"] = f"{len(request.path_url.partition('?')[0])}{self.secret}"
        return request


def books(how: str, **endpoint: Any) -> Any:
    return {"name": f"by_{how}", "endpoint": {"path": f"{how}/books", "data_selector": "data", **endpoint}}


bearer: dict[str, Any] = {
    "client": {"base_url": URL, "auth": {"token": SECRET}},
    "resources": [books("bearer")],
}
"""A token, in the shortest form."""

basic: dict[str, Any] = {
    "client": {"base_url": URL, "auth": {"type": "http_basic", "username": KEY, "password": SECRET}},
    "resources": [books("basic")],
}
"""User and password."""

keys: dict[str, Any] = {
    "client": {
        "base_url": URL,
        "auth": {"type": "api_key", "name": "X-Api-Key", "api_key": SECRET, "location": "header"},
        "headers": {"X-Reader": KEY},
    },
    "resources": [
        books("header"),
        books("named"),
        books("query", auth={"type": "api_key", "name": "api_key", "api_key": SECRET, "location": "query"}),
        books("bearer", auth=BearerTokenAuth(SECRET)),
    ],
}
"""Keys in header and query; a header of the client; resources with an auth of their own."""

oauth: dict[str, Any] = {
    "client": {
        "base_url": URL,
        "auth": {
            "type": "oauth2_client_credentials",
            "access_token_url": f"{os.environ['LIBRARY_URL']}/v1/token",
            "client_id": KEY,
            "client_secret": SECRET,
            "access_token_request_data": {"scope": "books"},
        },
    },
    "resources": [books("oauth")],
}
"""A token that must be asked for first."""

own_auth: dict[str, Any] = {
    "client": {"base_url": URL, "auth": Signature(secret=SECRET)},
    "resources": [books("signed")],
}
"""A class of the user's that signs each request."""

_session = requests.Session()
_session.headers["X-Reader"] = KEY
_session.auth = (KEY, SECRET)

session: dict[str, Any] = {
    "client": {"base_url": URL, "session": _session},
    "resources": [books("named"), books("basic")],
}
"""Headers and credentials of a session of the user's."""
