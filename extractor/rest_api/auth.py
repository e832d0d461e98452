"""Credentials of a configuration: dlt's own kinds, OAuth2 over our transport, and classes of the user's.

They stand in signers and not in requests, which messages may name.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from requests.auth import AuthBase

from extractor.errors import BadBody, CredentialsError, TransportError, Unauthorized, UsageError
from extractor.model import Request, Response, Send, Signer
from extractor.rest_api import wire

__all__ = ["Common", "signer"]

_CONSTANT = (BearerTokenAuth, APIKeyAuth, HttpBasicAuth, requests.auth.HTTPBasicAuth)
_EARLY = 0.1
"""Share of a token's life that is left when it is renewed; at most `_EARLIEST` seconds."""
_EARLIEST = 60.0
_NONE = ("", "None")
"""What dlt's class reads where there is no token."""
_RENEWALS = 5
"""Tokens that are asked for in a minute because one was refused."""
_MINUTE = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """What goes into every request that does not say otherwise.

    Attributes:
        headers: of the client and its session.
        params: of the session.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)

    def under(self, request: Request) -> Request:
        """The request with it."""
        return _over(_over(request, self.headers, self.params), request.headers, dict(request.params), request.params)


def signer(vendor: str, common: Common, auth: AuthBase | None, api: str) -> Signer:
    """Who signs the requests of one API.

    Args:
        vendor: name of the configuration.
        auth: as dlt has made it.
        api: for requests for tokens.
    """
    if auth is None:
        return Constant(common, {}, {})
    if type(auth) is APIKeyAuth and auth.location == "cookie":
        return Constant(common, {"Cookie": f"{auth.name}={auth.api_key}"}, {})
    if type(auth) in _CONSTANT:
        blank = requests.Request("GET", "https://localhost/").prepare()
        before = dict(blank.headers)
        auth(blank)
        headers = {name: value for name, value in wire.headers(blank).items() if name not in before}
        return Constant(common, headers, dict(wire.path_and_query(blank.url)[1]))
    if isinstance(auth, OAuth2ClientCredentials) and _is_dlts(auth):
        return Tokens(vendor, common, auth, api)
    return Called(vendor, common, auth)


class Constant:
    """A `Signer` with the same credentials for every request."""

    def __init__(self, common: Common, headers: Mapping[str, str], params: Mapping[str, str]) -> None:
        self._common = common
        self._headers = headers
        self._params = params

    async def sign(self, request: Request, send: Send) -> Request:  # noqa: ARG002 - a `Signer`
        """Add them."""
        return _over(self._common.under(request), self._headers, self._params)

    async def refused(self, request: Request, send: Send) -> bool:  # noqa: ARG002 - as above
        """There are no others."""
        return False


class Tokens:
    """A `Signer` with dlt's `OAuth2ClientCredentials`, whose requests for tokens pass the budget.

    One request for a token at a time; a token is renewed before it expires, and when it is refused.

    Args:
        vendor: name of the configuration.
        common: goes into every request, too.
        auth: says how to ask for a token and how to read the answer; subclasses may say it in another way.
        api: where tokens come from.
    """

    def __init__(self, vendor: str, common: Common, auth: OAuth2ClientCredentials, api: str) -> None:
        self._vendor = vendor
        self._common = common
        self._auth = auth
        self._api = api
        self._turn = asyncio.Lock()
        self._token = ""
        self._renewed_at = 0.0
        self._had_one = False
        self._refused_at: deque[float] = deque(maxlen=_RENEWALS)

    async def sign(self, request: Request, send: Send) -> Request:
        """Add the token; ask for one first if there is none that is good for some time."""
        async with self._turn:
            if not self._token or _now() >= self._renewed_at:
                await self._renew(send)
        return _over(self._common.under(request), {"Authorization": f"Bearer {self._token}"}, {})

    async def refused(self, request: Request, send: Send) -> bool:  # noqa: ARG002 - a `Signer`
        """Forget the token, unless new ones are refused all the time."""
        if request.headers["Authorization"] == f"Bearer {self._token}":
            full = len(self._refused_at) == _RENEWALS
            if full and _now() - self._refused_at[0] < _MINUTE:
                return False
            self._refused_at.append(_now())
            self._token = ""
        return True

    async def _renew(self, send: Send) -> None:
        auth = self._auth
        said = auth.build_access_token_request()
        ready = requests.Request("POST", auth.access_token_url, **said).prepare()
        path, params = wire.path_and_query(ready.url)
        request = Request(
            endpoint="access_token_url",
            path=path,
            params=params,
            api=self._api,
            method="POST",
            content=wire.body(ready),
            headers=wire.headers(ready),
            budgets=("requests",),
            accept=self._judged,
        )
        answer = await send(request)
        content = self._judged(answer)
        try:
            token = auth.parse_access_token(content)
            seconds = auth.parse_expiration_in_seconds(content)
        # Subclasses read what they like. Their words may quote the token.
        except Exception as error:
            raise _no_token(self._vendor, answer) from error
        if token in _NONE:
            raise _no_token(self._vendor, answer)
        self._token = token
        self._renewed_at = _now() + seconds - min(seconds * _EARLY, _EARLIEST)
        self._had_one = True

    def _judged(self, answer: Response) -> Any:  # noqa: ANN401 - JSON, for methods of the user's
        """What the answer to a request for a token says.

        Raises:
            CredentialsError: the vendor does not know the client.
            Unauthorized: it does not know it any more.
            TransportError: it has no token just now.
            BadBody: it is no token.
        """
        if 200 <= answer.status < 300:
            try:
                return json.loads(answer.body)
            except ValueError as error:
                raise _no_token(self._vendor, answer) from error
        told = f"{self._vendor}: the request for a token was answered {answer.status}"
        if answer.status in (400, 401, 403):
            if self._had_one:
                raise Unauthorized(f"{told}; the client is not known any more.")
            raise CredentialsError(f"{told}: check client_id, client_secret and access_token_url.")
        raise TransportError(told, status=answer.status, kind="no token")


class Called:
    """A `Signer` that lets an auth class of the user's have its way with each request, in a thread, one at a time.

    Its own requests, if it makes any, are its own matter: no budget knows of them.
    """

    def __init__(self, vendor: str, common: Common, auth: AuthBase) -> None:
        self._vendor = vendor
        self._common = common
        self._auth = auth
        self._turn = asyncio.Lock()

    async def sign(self, request: Request, send: Send) -> Request:  # noqa: ARG002 - a `Signer`
        """What the class makes of the request.

        Raises:
            UsageError: it wants to see the answer, too.
        """
        request = self._common.under(request)
        async with self._turn:
            return await asyncio.to_thread(self._sign, request)

    async def refused(self, request: Request, send: Send) -> bool:  # noqa: ARG002 - as above
        """Nothing tells that it would do better."""
        return False

    def _sign(self, request: Request) -> Request:
        ready = requests.Request(
            request.method,
            # Only its origin is made up.
            f"https://localhost{request.path}",
            params=list(request.params),
            headers=dict(request.headers),
            data=request.content,
        ).prepare()
        try:
            made = self._auth(ready)
        except Exception as error:
            raise TransportError(
                f"{self._vendor}: {type(self._auth).__name__} failed: {type(error).__name__}", kind="no credentials"
            ) from error
        if made.hooks.get("response"):
            raise UsageError(
                f"{self._vendor}: {type(self._auth).__name__} wants to see the answers, which can't be carried."
            )
        path, params = wire.path_and_query(made.url)
        return replace(
            request,
            path=path,
            params=params,
            headers=wire.headers(made),
            content=wire.body(made),
        )


def _is_dlts(auth: OAuth2ClientCredentials) -> bool:
    """Whether it asks for tokens as dlt's class does, so that its fields and the hooks of subclasses say it all."""
    return all(
        getattr(type(auth), name) is getattr(OAuth2ClientCredentials, name)
        for name in ("__call__", "obtain_token", "is_token_expired")
    )


def _no_token(vendor: str, answer: Response) -> BadBody:
    return BadBody(f"{vendor}: expected a token, got {len(answer.body)} bytes of something else", status=answer.status)


def _over(
    request: Request,
    headers: Mapping[str, str],
    params: Mapping[str, str],
    ordered: tuple[tuple[str, str], ...] | None = None,
) -> Request:
    """The request with these in the place of what has the same name."""
    named = {name.lower() for name in headers}
    kept = {name: value for name, value in request.headers.items() if name.lower() not in named}
    left = tuple(pair for pair in request.params if pair[0] not in params)
    return replace(request, headers={**kept, **headers}, params=left + (ordered or tuple(params.items())))


def _now() -> float:
    return asyncio.get_running_loop().time()
