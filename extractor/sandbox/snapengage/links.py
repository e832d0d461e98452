"""The links to further pages: absolute, with every parameter of the first request, and opaque in `next`."""

from __future__ import annotations

from hashlib import blake2b
from re import compile as pattern
from urllib.parse import urlencode

from extractor.sandbox.snapengage.windows import Window

__all__ = ["Links"]

TOKEN = pattern(r"([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{16})")


class Links:
    """Writes links and reads their `next`.

    Args:
        address: of the endpoint, without a query.
        key: of the digest that binds a link to its window.
        lives: seconds after which a link is not read any more; 0 is never.
    """

    def __init__(self, address: str, key: bytes, lives: int) -> None:
        self._address = address
        self._key = key
        self._lives = lives

    def write(self, window: Window, position: int, now: float) -> str:
        """The link to the rest of a window, from a position on."""
        # Links that live for ever are the same whenever they are written, so that an answer asked for twice is too.
        written = int(now) if self._lives else 0
        token = f"{position:08x}{written:08x}{self._seal(window, position, written)}"
        return f"{self._address}?{urlencode((*window.asked, ('next', token)), safe=',/')}"

    def read(self, window: Window, now: float) -> int:
        """The position at which the page of a request begins.

        Raises:
            ValueError: `next` was not written for this window, or is too old.
        """
        if window.next is None:
            return 0
        match = TOKEN.fullmatch(window.next)
        position, written = (int(match[1], 16), int(match[2], 16)) if match else (0, 0)
        if match is None or match[3] != self._seal(window, position, written):
            raise ValueError("next is unknown")
        if self._lives and now > written + self._lives:
            raise ValueError("next has expired")
        return position

    def _seal(self, window: Window, position: int, written: int) -> str:
        text = repr((window.asked, position, written)).encode()
        return blake2b(text, digest_size=8, key=self._key).hexdigest()
