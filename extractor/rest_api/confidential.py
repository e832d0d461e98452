"""Which values of a configuration must never be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dlt.common.configuration.specs.base_configuration import BaseConfiguration, is_secret_hint
from dlt.sources.helpers.rest_client.redaction import SENSITIVE_PARAMS

__all__ = ["of_auth", "of_parts", "of_rejected"]

_GUARDED = ("auth", "headers")
_KINDS = ("type", "location", "name")

# dlt's list, and what ends like a credential. Of parameters `sort_key` and `page_token` are none.
_NAMES = frozenset(name.lower() for name in SENSITIVE_PARAMS)
_ENDS = re.compile(
    r"(?:^|[-_])(?:authorization|cookie|passw(?:or)?d|secret|credentials?|signature|assertion"
    r"|(?:api|app|auth|access|private|secret|subscription|refresh|session)[-_]?(?:key|token))$",
    re.IGNORECASE,
)
_HEADER_ENDS = re.compile(r"(?:^|[-_])(?:key|token|auth)$", re.IGNORECASE)


def of_auth(auth: object) -> Iterator[str]:
    """The secrets of an auth object, if there is one; of a class of the user's every text that it holds."""
    fields = auth.get_resolvable_fields() if isinstance(auth, BaseConfiguration) else {}
    own = not type(auth).__module__.startswith(("dlt.", "requests."))
    for name, value in (vars(auth) if auth is not None else {}).items():
        known = name in fields
        if isinstance(value, str) and value:
            if (known and is_secret_hint(fields[name])) or (own and not known) or _sensitive(name):
                yield value
        elif isinstance(value, Mapping):
            yield from of_parts(value)


def of_headers(headers: Mapping[str, object] | None) -> Iterator[str]:
    """Values of headers like `Authorization` or `X-Key`."""
    for name, value in (headers or {}).items():
        if _HEADER_ENDS.search(name):
            yield from _spellings(value)
        else:
            yield from of_parts({name: value})


def of_parts(part: object) -> Iterator[str]:
    """Values beside names like `api_key`, however deep."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if _sensitive(str(name)):
                yield from _spellings(value)
            else:
                yield from of_parts(value)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from of_parts(one)


def of_rejected(config: object) -> Iterator[str]:
    """What must not be quoted of a configuration that dlt does not take: the name of a secret may be misspelt in it."""
    yield from of_parts(config)
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from _texts(value) if name in _GUARDED else of_rejected(value)
    elif isinstance(config, list | tuple):
        for one in config:
            yield from of_rejected(one)


def _texts(part: object) -> Iterator[str]:
    """All texts, however deep, but for those that say of what kind a credential is."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for name, value in part.items():
            if name not in _KINDS:
                yield from _texts(value)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _texts(one)


def _sensitive(name: str) -> bool:
    return name.lower() in _NAMES or _ENDS.search(name) is not None


def _spellings(value: object) -> Iterator[str]:
    """A text or number, and without the scheme before it: `Bearer abc`."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if text and isinstance(value, str | bytes | int) and not isinstance(value, bool):
        yield text
        scheme, _, rest = text.partition(" ")
        if rest and scheme.isalpha():
            yield rest
