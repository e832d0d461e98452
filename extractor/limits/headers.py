"""What answers say of a limit, in the spellings that are in use.

* `RateLimit: "default";r=50;t=30` with `RateLimit-Policy: "default";q=100;w=60`: the IETF draft from version 8 on;
* `RateLimit: limit=100, remaining=50, reset=30`: its version 7;
* `RateLimit-Limit: 100, 100;w=60`, `RateLimit-Remaining: 50`, `RateLimit-Reset: 30`: before that;
* `X-RateLimit-Limit` or `X-Rate-Limit-Limit` and so on: the same, with the reset in seconds or as a Unix time;
* `RateLimit-Limit-Second`, `X-RateLimit-Remaining-Minute` and so on: one for each window, as Kong has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from extractor.limits.pause import http_date

__all__ = ["Stated", "stated"]

_PREFIXES = ("ratelimit", "x-ratelimit", "x-rate-limit")
_WINDOWS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_NUMBER = re.compile(r"\s*([0-9]{1,16}(?:\.[0-9]+)?)")
_NAMED = re.compile(r'([a-z]+)\s*=\s*"?([0-9]{1,16}(?:\.[0-9]+)?)')
_UNIX = 1e9
_UNIX_MS = 1e12
_NAMES = {"q": "limit", "limit": "limit", "r": "left", "remaining": "left", "t": "resets", "reset": "resets"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """One answer's words.

    Attributes:
        limit: requests in a window.
        left: of them, None if it is not said.
        window: its seconds, None if they are not said.
        resets: seconds until there are more, None if they are not said.
    """

    limit: float
    left: float | None = None
    window: float | None = None
    resets: float | None = None


def stated(headers: Mapping[str, str], wall: Callable[[], float]) -> Stated | None:
    """The limit that an answer states; of several windows the shortest. None if it states none.

    Args:
        headers: names in lower case.
        wall: seconds since 1970, for a reset as Unix time in an answer without a date.
    """
    if not any("limit" in name and name.startswith(_PREFIXES) for name in headers):
        return None
    return _structured(headers) or _kongs(headers) or _plain(headers, wall)


def _structured(headers: Mapping[str, str]) -> Stated | None:
    found: dict[str, float] = {}
    policies = headers.get("ratelimit-policy", "").split(",")
    told = headers.get("ratelimit", "")
    for text in (_policy(told, policies), told.split(",")[0] if ";" in told else told):
        found |= {_NAMES.get(name, name): float(value) for name, value in _NAMED.findall(text)}
    if not told or "limit" not in found:
        return None
    return Stated(limit=found["limit"], left=found.get("left"), window=found.get("w"), resets=found.get("resets"))


def _policy(told: str, policies: list[str]) -> str:
    """The policy that the answer is about; the first one if it names none."""
    name = told.split(";", maxsplit=1)[0].strip()
    return next((policy for policy in policies if name and policy.strip().startswith(name)), policies[0])


def _kongs(headers: Mapping[str, str]) -> Stated | None:
    for unit, seconds in _WINDOWS.items():
        for prefix in _PREFIXES:
            limit = _number(headers, f"{prefix}-limit-{unit}")
            if limit:
                return Stated(limit=limit, left=_number(headers, f"{prefix}-remaining-{unit}"), window=seconds)
    return None


def _plain(headers: Mapping[str, str], wall: Callable[[], float]) -> Stated | None:
    for prefix in _PREFIXES:
        limit = _number(headers, f"{prefix}-limit")
        if not limit:
            continue
        policies = headers.get("ratelimit-policy", "") or headers[f"{prefix}-limit"]
        resets = _number(headers, f"{prefix}-reset")
        if resets is not None and resets >= _UNIX:
            date = http_date(headers.get("date", ""))
            resets = max(0.0, resets / (1000 if resets >= _UNIX_MS else 1) - (wall() if date is None else date))
        return Stated(
            limit=limit,
            left=_number(headers, f"{prefix}-remaining"),
            window=_window(policies.split(","), limit),
            resets=resets,
        )
    return None


def _window(policies: list[str], limit: float) -> float | None:
    """Seconds of the policy with that limit: `100;w=60`."""
    for policy in policies:
        number, seconds = _NUMBER.match(policy), dict(_NAMED.findall(policy)).get("w")
        if seconds and number and float(number[1]) == limit:
            return float(seconds)
    return None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    found = _NUMBER.match(headers.get(name, ""))
    return float(found[1]) if found else None
