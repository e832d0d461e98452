"""Addresses: a path with placeholders becomes one.

Values from records enter a path as one percent-encoded segment each. Only where a path begins with a placeholder may
its value be a whole link, as vendors hand them out; like the links to next pages it must stay on the origin of the
configured base URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from urllib.parse import quote, urlsplit

from dlt.sources.helpers.rest_client.utils import join_url
from dlt.sources.rest_api.config_setup import DirectKeyFormatter

from extractor.errors import ForeignOrigin, RequestFailed
from extractor.paths import fill, same_origin

__all__ = ["address", "elsewhere"]

# What `requests` leaves as it stands.
_SOUND = "%/?:@!$&'()*+,;=~[]"
_NO_NAME = re.compile(r"\W")
_WHOLE = ("http://", "https://")
_HOST_SHOWN = 100


def address(base_url: str, template: str, values: Mapping[str, object]) -> str:
    """The address that a path of the configuration means.

    Args:
        base_url: of the client.
        template: with dlt's placeholders.
        values: what they may name.

    Raises:
        UnsafePath: a value can't be one segment.
        ForeignOrigin: a value is a link that leads elsewhere.
    """
    path = query = link = ""
    asked = False
    named: dict[str, str] = {}
    for literal, field, spec, conversion in Formatter().parse(template.partition("#")[0]):
        before, mark, behind = ("", "", literal) if asked else literal.partition("?")
        asked = asked or bool(mark)
        path += quote(before, safe=_SOUND)
        query += quote(behind, safe=_SOUND)
        if field is None:
            continue
        text = _text(field, spec, conversion, values)
        if asked:
            query += quote(text.encode("utf-8", "surrogatepass"), safe="")
        elif not (path or link) and text.lower().startswith(_WHOLE):
            link = text
        else:
            name = _NO_NAME.sub("_", field)
            while named.setdefault(name, text) != text:
                name += "_"
            path += f"{{{name}}}"
    path = fill(path, named) if path else ""
    if link:
        if not same_origin(base_url, link):
            raise elsewhere(template, link)
        url = link + path
    else:
        url = path if path.lower().startswith(_WHOLE) else join_url(base_url, path)
    return f"{url}?{query}" if query else url


def _text(field: str, spec: str | None, conversion: str | None, values: Mapping[str, object]) -> str:
    """What a placeholder is replaced with."""
    written = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
    try:
        return DirectKeyFormatter().vformat(f"{{{written}}}", (), values)
    except (LookupError, AttributeError, ValueError, TypeError) as error:
        raise RequestFailed(f"there is no value for {{{field}}}") from error


def elsewhere(what: str, link: str) -> ForeignOrigin:
    """The error for a link that is not followed; it names the host, never the query, which may hold a token."""
    try:
        host = urlsplit(link).hostname or "no address"
    except ValueError:
        host = "no address"
    shown = host.encode("ascii", "backslashreplace").decode()[:_HOST_SHOWN]
    return ForeignOrigin(f"{what} leads elsewhere: {shown}")
