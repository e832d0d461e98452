"""Who may ask: the client's headers, session and auth, and those of resources that have their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dlt.extract import DltResource
from dlt.sources.helpers import requests as dlt_requests
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from requests.auth import AuthBase

from extractor.address import normal_base_url
from extractor.errors import UsageError
from extractor.model import Signer
from extractor.rest_api import sessions
from extractor.rest_api.auth import Common, signer
from extractor.rest_api.confidential import of_auth, of_headers, of_parts

__all__ = ["Access"]


class Access:
    """Sorts resources by their credentials; those with the same ones share an API.

    Args:
        vendor: name of the configuration.
        client: its part that says what all requests have in common.

    Attributes:
        secrets: what must never be shown.
        tokens: APIs that tokens come from, with their origin.
    """

    def __init__(self, vendor: str, client: Mapping[str, Any]) -> None:
        session = client.get("session")
        headers, params = sessions.common_of(session)
        own = {name: str(value) for name, value in (client.get("headers") or {}).items() if value is not None}
        known = {name.lower() for name in own}
        self._vendor = vendor
        self._common = Common(
            headers={**{name: value for name, value in headers.items() if name.lower() not in known}, **own},
            params=params,
        )
        self._fallback = sessions.auth_of(session)
        self._client_auth = client.get("auth")
        self._said: dict[str, Any] = {}
        self._signers: dict[str, Signer] = {"": signer(vendor, self._common, self._fallback, "")}
        self.tokens: dict[str, str] = {}
        self.secrets = {*of_headers(self._common.headers), *of_parts(params), *of_auth(self._fallback)}

    @property
    def signers(self) -> Mapping[str, Signer]:
        """By API."""
        return self._signers

    def api(self, name: str, endpoint: Mapping[str, Any], resource: DltResource) -> str:
        """The API of a resource.

        Args:
            endpoint: as the configuration has it.
            resource: dlt's object, whose auth dlt has made.

        Raises:
            UsageError: its credentials can't be carried.
        """
        said = endpoint.get("auth", self._client_auth)
        api = next((api for api, known in self._said.items() if _same(known, said)), None)
        if api is None:
            api = "" if "auth" not in endpoint or _same(said, self._client_auth) else f"{name}"
            self._said[api] = said
            auth = resource.explicit_args["client"].auth or self._fallback
            self.secrets.update(of_auth(auth))
            self._signers[api] = signer(self._vendor, self._common, auth, self._tokens_of(name, api, auth))
        return api

    def _tokens_of(self, name: str, api: str, auth: AuthBase | None) -> str:
        """The API that tokens come from, '' if there are none to be had."""
        if not isinstance(auth, OAuth2ClientCredentials):
            return ""
        if auth.session is not dlt_requests.client.session:
            raise UsageError(f"the auth of {name} has a session of its own, which can't be kept.")
        address = auth.access_token_url.partition("?")[0]
        parts = urlsplit(normal_base_url(address, address, "access_token_url"))
        tokens = f"{api}:access_token_url"
        self.tokens[tokens] = f"{parts.scheme}://{parts.netloc}"
        return tokens


def _same(one: object, other: object) -> bool:
    """Whether two resources say the same; objects of the user's may hold a state each."""
    return one is other or (isinstance(one, dict | str) and one == other)
