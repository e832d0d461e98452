"""Values from records enter URLs here, and only here: each as one path segment or one query value.

Whatever an id holds, the request keeps its origin, its base path and its number of segments; an id
that can't is refused with `UnsafePath` before anything is sent. `same_origin` is the guard for
addresses that a vendor hands out: they are compared with the configured base URL, never with the
address they came from.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, quote, unquote, urlsplit

from extractor.errors import UnsafePath

__all__ = ["LONGEST_VALUE", "build_url", "fill", "origin", "same_origin"]

LONGEST_VALUE = 16 * 1024
"""Bytes of UTF-8 that one value may have."""

# Control characters and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_SEGMENT = frozenset("?#")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PORTS = {"http": 80, "https": 443}
# IDNA takes these for dots, most parsers don't.
_OTHER_DOTS = frozenset("\u3002\uff0e\uff61")
# Printable ASCII, without "?", "#" and the backslash.
_PATH = re.compile(r'/[!"$->@-\[\]-~]*')
# What parsers disagree about: some drop these silently, some take a backslash for a slash.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\xa0\\]")

Origin = tuple[str, str, int]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return `template` with each `{name}` replaced by its value as one percent-encoded path segment.

    Raises:
        UnsafePath: a value is missing, empty, `.` or `..`, longer than 16 KB, holds control characters or lone
            surrogates, or would make a dot segment together with the text around it.
    """

    def encode(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name)
        if value is None:
            raise UnsafePath(f"{template}: there is no value for {{{name}}}", path=template)
        return _segment(template, name, value)

    path = _PLACEHOLDER.sub(encode, template)
    if path.count("/") != template.count("/") or not _NO_SEGMENT.isdisjoint(path) or _has_dot_segments(path):
        raise UnsafePath(f"{template}: a value changes the shape of the path", path=template)
    return path


def _segment(template: str, name: str, value: str) -> str:
    if value in ("", ".", ".."):
        raise UnsafePath(f"{template}: {{{name}}} is {value!r}, which is no path segment", path=template)
    if _UNPRINTABLE.search(value):
        raise UnsafePath(f"{template}: {{{name}}} holds control characters or lone surrogates", path=template)
    if len(value.encode()) > LONGEST_VALUE:
        raise UnsafePath(f"{template}: {{{name}}} is longer than {LONGEST_VALUE} bytes", path=template)
    return quote(value, safe="")


def _has_dot_segments(path: str) -> bool:
    # Nearly no path has a dot or an encoded character, so the look at each segment is rare. Some servers (Java's) leave
    # out what follows a semicolon before they look for dots.
    return ("." in path or "%" in path) and any(
        unquote(part).partition(";")[0] in (".", "..") for part in path.split("/")
    )


def build_url(base_url: str, path: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """Return the address of a request: the base URL, an encoded path below it, and parameters encoded here.

    Blanks become `%20` and `+` becomes `%2B`, which every decoder reads alike; repeated names stay in order.

    Args:
        base_url: has a scheme and a host, and neither query nor fragment.

    Raises:
        UnsafePath: the result would not lie below `base_url`, or a parameter holds a lone surrogate.
    """
    # A path of such characters ends where the query begins, and the host before it where the path begins.
    if not _PATH.fullmatch(path) or _has_dot_segments(path):
        raise UnsafePath(f"{path!r:.200}: not an encoded path below the base URL", path=path[:200])
    try:
        query = "&".join([f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params])
    except UnicodeEncodeError:
        raise UnsafePath(f"{path}: a query parameter holds lone surrogates", path=path) from None
    address = base_url.rstrip("/") + path
    return f"{address}?{query}" if query else address


def origin(url: str) -> Origin | None:
    """Return scheme, host and port of an absolute http(s) address, in one spelling; None if it is anything else.

    Userinfo, backslashes, blanks, control characters, percent signs in the host and characters that
    only compatibility mapping turns into a host name are all refused: parsers disagree about them.
    """
    if _AMBIGUOUS.search(url):
        return None
    try:
        return _origin_of(urlsplit(url))
    except ValueError:
        return None


def same_origin(base_url: str, url: str) -> bool:
    """True if `url`, seen from `base_url`, leads to the same scheme, host and port.

    Upper case, a trailing dot, punycode and the default port are looked through. References without
    a scheme stay on the host, unless they start with `//`.
    """
    if _AMBIGUOUS.search(url) or url.startswith("//"):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.scheme and not parts.netloc:
        # "a:b" has a scheme; a colon in the first segment that urlsplit did not take for one is for no parser to guess.
        return ":" not in re.split(r"[/?#]", url, maxsplit=1)[0]
    own = origin(base_url)
    return own is not None and origin(url) == own


def _origin_of(parts: SplitResult) -> Origin | None:
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or "@" in parts.netloc or "%" in parts.netloc:
        return None
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        return None
    if not host or port == 0:
        return None
    name = _host(host, bracketed=parts.netloc.startswith("["))
    return None if name is None else (scheme, name, port or _PORTS[scheme])


def _host(host: str, *, bracketed: bool) -> str | None:
    if bracketed:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            return None
    name = host.lower().removesuffix(".")
    if unicodedata.normalize("NFKC", name) != name or not _OTHER_DOTS.isdisjoint(name):
        return None
    try:
        return name.encode("idna").decode("ascii").lower() or None
    except UnicodeError:
        return None
