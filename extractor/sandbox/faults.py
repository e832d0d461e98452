"""What goes wrong between a vendor and its client, decided by seed and number of the request."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

from extractor.sandbox.dice import Dice
from extractor.sandbox.replies import JSON, Reply

__all__ = ["BROKEN_TRANSFERS", "Faults", "instead", "spoiled"]

BROKEN_TRANSFERS = ("reset", "short", "slow")
"""Faults that spoil the sending of an answer, not the answer."""

_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Faults:
    """Draws faults.

    Args:
        chances: kind -> probability per request.
        key: of the draws.
    """

    def __init__(self, chances: Mapping[str, float], key: bytes) -> None:
        self._chances = tuple((kind, chance) for kind, chance in sorted(chances.items()) if chance > 0)
        self._key = key

    def draw(self, number: int) -> str | None:
        """The fault of the request with this number, if it has one."""
        if not self._chances:
            return None
        point = Dice(self._key, 0xFA, number).unit()
        for kind, chance in self._chances:
            if point < chance:
                return kind
            point -= chance
        return None


def instead(fault: str, now: float) -> Reply | None:
    """The answer that a fault gives before the request reaches the application, if it does."""
    match fault:
        case "500":
            return Reply(status=500, body=b'{"errors":[{"code":"invalid","detail":"internal error"}]}')
        case "502":
            return Reply(status=502, body=_GATEWAY, content_type="text/html")
        case "503":
            return Reply(status=503, headers={"Retry-After": "1"})
        case "503-date":
            return Reply(status=503, headers={"Retry-After": formatdate(now + 2, usegmt=True)})
    return None


def spoiled(fault: str, reply: Reply) -> Reply:
    """An answer with its body exchanged.

    Only JSON answers of a success are: an empty report or file is also what "nothing there" looks
    like, and no client could tell the fault from it.
    """
    if reply.status != 200 or reply.content_type != JSON or reply.chunks is not None:
        return reply
    match fault:
        case "garbage":
            return Reply(body=b'\x1f\x8b{"id": nope', headers=reply.headers, settled=False)
        case "html":
            page = b"<!doctype html><title>Maintenance</title><p>We'll be back soon."
            return Reply(body=page, content_type="text/html", headers=reply.headers, settled=False)
        case "empty":
            return Reply(headers=reply.headers, settled=False)
    return reply
