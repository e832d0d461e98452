"""What goes wrong between a vendor and its client, decided by seed, number, instant and path of the request."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from math import isfinite
from zlib import crc32

from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import Reply

__all__ = ["BROKEN_TRANSFERS", "FAULTS", "LOST", "REFUSED", "Amount", "Faults", "amount", "flaw", "instead"]

Amount = float | tuple[float, float]
"""A probability, share or number; of an interval when it begins, in seconds after the first request, and its length."""

FAULTS: Mapping[str, str] = {
    "500": "an error of the server",
    "502": "a gateway's page",
    "503": "with Retry-After in seconds",
    "503-date": "with Retry-After as a date",
    "408": "the server waited too long",
    "425": "too early",
    "429": "too many requests, although there are not",
    "401": "credentials are not accepted",
    "302": "to another origin",
    "206": "the answer, as a part that nobody asked for",
    "drop": "the connection is reset before the answer",
    "reset": "the connection is reset in the middle of the body",
    "short": "the body is shorter than it says",
    "long": "behind the body comes another answer",
    "slow": "the body comes bit by bit, for two seconds",
    "garbage": "bytes that are nothing",
    "html": "200 with a page",
    "empty": "200 without a body",
    "null": "200 with null",
    "bad-gzip": "a gzip body with a wrong checksum",
    "bomb": "2 MB of gzip that are 2 GB",
    "huge": "the body, with 10 MB of blanks",
    "deep": "a field with 5,000 levels in a record",
    "duplicate-keys": "a field twice in a record",
    "nan": "NaN in a record",
    "bigint": "an integer beyond 64 bits in a record",
    "surrogate": "half a character in a record",
    "nul": "a NUL character in a record",
    "stuck": "P is a share: paths with an id that answer 500 always",
    "401-from": "P is a number: 401 from this request on",
    "outage": "AT:SECONDS: every connection is reset",
    "storm": "AT:SECONDS: 429 only",
}
"""Kind -> what it is, for `--help`. Unless it says otherwise a kind takes a probability per request."""

INTERVALS = ("outage", "storm")
LASTING = (*INTERVALS, "401-from", "stuck")
"""Kinds that no dice decide; in this order they win over each other and over the rest."""
LOST = ("drop", "reset", "short")
"""Faults after which the client has no whole answer."""
BROKEN_TRANSFERS = (*LOST, "long", "slow")
"""Faults that spoil the sending of an answer, not the answer."""
REFUSED = ("storm", "429")
"""Faults that are answered as a limit would."""

_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def amount(text: str) -> Amount:
    """What stands behind the sign of equality.

    Raises:
        ValueError: it is neither a number nor two of them with a colon between.
    """
    at, colon, seconds = text.partition(":")
    return (float(at), float(seconds)) if colon else float(at)


def flaw(chosen: Mapping[str, Amount]) -> str | None:
    """What makes no sense in a choice of faults, if anything does."""
    if chosen.keys() - FAULTS.keys():
        return f"fault must be one of {', '.join(FAULTS)}"
    chances = 0.0
    for kind, given in chosen.items():
        if isinstance(given, tuple) != (kind in INTERVALS):
            return f"fault {kind} must be {'AT:SECONDS' if kind in INTERVALS else 'one number'}"
        if isinstance(given, tuple):
            if not all(isfinite(number) and number >= 0 for number in given):
                return f"AT and SECONDS of the fault {kind} must be 0 or more"
        elif kind == "401-from":
            if not (given >= 1 and given % 1 == 0):
                return "fault 401-from must be the number of a request, 1 or more"
        elif not 0 <= given <= 1:
            return f"the probability of the fault {kind} must be between 0 and 1"
        elif kind not in LASTING:
            chances += given
    return "the probabilities of all faults must not exceed 1 together" if chances > 1 else None


class Faults:
    """Draws faults.

    Args:
        chosen: kind -> how often, when or where; see `FAULTS`.
        key: of the draws.
    """

    def __init__(self, chosen: Mapping[str, Amount], key: bytes) -> None:
        self._lasting = {kind: chosen[kind] for kind in LASTING if kind in chosen}
        self._chances = tuple(
            (kind, chance)
            for kind, chance in sorted(chosen.items())
            if kind not in LASTING and not isinstance(chance, tuple) and chance > 0
        )
        self._key = key
        self._first: float | None = None

    def draw(self, number: int, now: float, path: str | None) -> str | None:
        """The fault of a request, if it has one.

        Args:
            number: of the request, from 1.
            now: Unix seconds of its arrival.
            path: if it has an id in it.
        """
        self._first = now if self._first is None else self._first
        for kind, given in self._lasting.items():
            if isinstance(given, tuple):
                at, seconds = given
                hit = 0 <= now - self._first - at < seconds
            elif kind == "stuck":
                hit = path is not None and Dice(self._key, 0xFB, crc32(path.encode())).unit() < given
            else:
                hit = number >= given
            if hit:
                return kind
        return self._by_chance(number)

    def _by_chance(self, number: int) -> str | None:
        if not self._chances:
            return None
        point = Dice(self._key, 0xFA, number).unit()
        for kind, chance in self._chances:
            if point < chance:
                return kind
            point -= chance
        return None


def instead(fault: str, now: float, elsewhere: str) -> Reply | None:
    """The answer that a fault gives before the request reaches the application, if it does.

    It is what servers and gateways in front of the vendor's code send, so it is in no vendor's words.

    Args:
        elsewhere: address on another origin.
    """
    match fault:
        case "500" | "408" | "425" | "401":
            return _bare(int(fault))
        case "stuck":
            return _bare(500)
        case "401-from":
            return _bare(401)
        case "302":
            return Reply(status=302, headers={"Location": elsewhere})
        case "502":
            return Reply(status=502, body=_GATEWAY, content_type="text/html")
        case "503":
            return Reply(status=503, headers={"Retry-After": "1"})
        case "503-date":
            return Reply(status=503, headers={"Retry-After": formatdate(now + 2, usegmt=True)})
    return None


def _bare(status: int) -> Reply:
    return Reply(status=status, body=HTTPStatus(status).phrase.encode(), content_type="text/plain")
