"""Opaque ids that can be read backwards, so that a record is found from its id without a table.

An id is 128 bits in URL-safe base64 without padding (22 characters): a keyed digest of the four
numbers it stands for, and the numbers masked by a digest of that digest (the construction is known
as SIV). Nobody without the key can guess an id, and an invented id does not decode.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from hashlib import blake2b

__all__ = ["Slugs"]

LENGTH = 22
A_BITS, B_BITS, C_BITS = 26, 14, 18  # the kind takes the remaining 6 of 64 bits
TO_STANDARD = str.maketrans("-_+/", "+/--")  # "+" and "/" are no part of an id
TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Slugs:
    """Writes and reads the ids of one sandbox."""

    __slots__ = ("_mask_key", "_tag_key")

    def __init__(self, key: bytes) -> None:
        self._tag_key = key + b"tag"
        self._mask_key = key + b"mask"

    def write(self, kind: int, a: int = 0, b: int = 0, c: int = 0) -> str:
        """The id of record (a, b, c) of a kind; kind < 64, a < 2**26, b < 2**14, c < 2**18."""
        packed = (((kind << A_BITS | a) << B_BITS | b) << C_BITS) | c
        tag = blake2b(self._tag_key + packed.to_bytes(8, "big"), digest_size=8).digest()
        raw = tag + (packed ^ self._mask(tag)).to_bytes(8, "big")
        return b2a_base64(raw, newline=False)[:LENGTH].translate(TO_URL_SAFE).decode()

    def read(self, slug: str) -> tuple[int, int, int, int] | None:
        """What an id stands for as (kind, a, b, c), or None if this sandbox never wrote it."""
        if len(slug) != LENGTH or not slug.isascii():
            return None
        try:
            raw = a2b_base64(slug.translate(TO_STANDARD) + "==", strict_mode=True)
        except Error:
            return None
        packed = int.from_bytes(raw[8:], "big") ^ self._mask(raw[:8])
        kind = packed >> (A_BITS + B_BITS + C_BITS)
        a = packed >> (B_BITS + C_BITS) & ((1 << A_BITS) - 1)
        b = packed >> C_BITS & ((1 << B_BITS) - 1)
        c = packed & ((1 << C_BITS) - 1)
        # Writing it again also refuses the three other spellings of the last character.
        return (kind, a, b, c) if self.write(kind, a, b, c) == slug else None

    def _mask(self, tag: bytes) -> int:
        return int.from_bytes(blake2b(self._mask_key + tag, digest_size=8).digest(), "big")
