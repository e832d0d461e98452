"""Random draws that depend on a key and some numbers only, so that data need not be stored."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from struct import pack, unpack
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """A stream of draws: the same key and numbers always give the same draws, in the same order.

    One blake2b digest lasts for eight draws, and costs a tenth of seeding `random.Random`. The key is
    put in front instead of being passed as one: that would take a second block, and nothing is secret here.
    At most 256 digests, 2,048 draws.
    """

    __slots__ = ("_digests", "_seed", "_words")

    def __init__(self, key: bytes, *numbers: int) -> None:
        self._seed = key + pack(f"<{len(numbers)}q", *numbers)
        self._digests = 0
        self._words: list[int] = []

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1; n far below 2**64, so that the bias of the remainder is none to speak of."""
        if not self._words:
            digest = blake2b(self._seed + bytes([self._digests]), digest_size=64).digest()
            self._words = list(unpack("<8Q", digest))
            self._digests += 1
        return self._words.pop() % n

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def unit(self) -> float:
        """A number from 0 (included) to 1 (excluded)."""
        return self.below(1 << 32) / (1 << 32)

    def one_in(self, n: int) -> bool:
        """True once in n draws on average."""
        return self.below(n) == 0

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        return choices[self.below(len(choices))]
