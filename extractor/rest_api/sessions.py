"""A `requests` session of the user's: what it says of every request, and what of it can't be kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
from dlt.sources.helpers.requests.session import Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from extractor.errors import UsageError

__all__ = ["auth_of", "common_of", "refuse"]

_MADE_UP = ("dlt/", "python-requests/")
_LIBRARY = frozenset({"accept", "accept-encoding", "connection"})


def refuse(session: requests.Session) -> None:
    """Refuse what a session does and this engine does in another way.

    Raises:
        UsageError: names what it is.
    """
    if what := next(_unkept(session), ""):
        raise UsageError(f"client.session has {what}, which can't be kept; its headers, params, auth and cookies are.")


def common_of(session: requests.Session | None) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and parameters that it adds to every request."""
    if session is None:
        return {}, {}
    headers = {
        name: str(value)
        for name, value in session.headers.items()
        if not (name.lower() in _LIBRARY and value == requests.Session().headers.get(name))
        and not (name.lower() == "user-agent" and str(value).startswith(_MADE_UP))
    }
    if session.cookies:
        headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    params: Any = session.params
    return headers, {str(name): str(value) for name, value in dict(params or {}).items() if value is not None}


def auth_of(session: requests.Session | None) -> AuthBase | None:
    """Its credentials."""
    auth: Any = session.auth if session is not None else None
    return requests.auth.HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth


def _unkept(session: requests.Session) -> Iterator[str]:
    if type(session) not in (requests.Session, Session):
        yield f"a class of its own ({type(session).__name__})"
    if any(type(adapter) is not HTTPAdapter for adapter in session.adapters.values()):
        yield "adapters"
    if session.proxies:
        yield "proxies"
    if session.verify is not True:
        yield "verify"
    if session.cert:
        yield "cert"
    if session.hooks.get("response"):
        yield "hooks"
    if isinstance(session.auth, requests.auth.HTTPDigestAuth):
        yield "digest authentication, which answers to a refusal"
    if session.auth is not None and not isinstance(session.auth, tuple | AuthBase):
        yield "an auth that is a function"
