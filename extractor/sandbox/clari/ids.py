"""Kinds of records and their ids, which can be read backwards, so that a record is found from its id without a table.

Four forms occur: UUIDs, 32 and 24 hexadecimal digits, and the 18 characters of a CRM. All are a keyed digest of
the numbers that they stand for, and those numbers masked by a digest of that digest, as in `extractor.sandbox.slugs`.
"""

from __future__ import annotations

from enum import IntEnum, auto, unique
from hashlib import blake2b

__all__ = ["Ids", "Kind"]

NUMBER_BITS, PART_BITS = 32, 18
NUMBERS = 7  # bytes of kind, number and part together
CRM_NUMBER = 4  # bytes; the kind is in the prefix, and there are no parts


@unique
class Kind(IntEnum):
    """What an id stands for, and salt for draws; the comment says what its numbers count."""

    USER = auto()  # user
    CALL = auto()  # call in the order of time
    TOPIC = auto()  # topic
    SCORECARD = auto()  # scorecard in the order of time
    TEMPLATE = auto()  # template
    ACCOUNT = auto()  # account
    DEAL = auto()  # deal
    CONTACT = auto()  # contact
    CUSTOMER = auto()  # the workspace
    AUDIT = auto()  # event in the order of time
    SESSION = auto()  # actor, number
    ACTIVITY = auto()  # activity in the order of time
    FORECAST = auto()  # configured forecast
    ENTRY = auto()  # quarter, forecast and so on; for draws only
    JOB = auto()  # second of the sandbox's start, number
    PUSH = auto()  # ingestion job
    SECRET = auto()  # credential


CRM_PREFIXES = {Kind.ACCOUNT: "001", Kind.CONTACT: "003", Kind.USER: "005", Kind.DEAL: "006"}


class Ids:
    """Writes and reads the ids of one sandbox; numbers are below 2**32, parts below 2**18."""

    def __init__(self, key: bytes) -> None:
        self._tag_key = key + b"clari tag"
        self._mask_key = key + b"clari mask"

    def uuid(self, kind: Kind, number: int, part: int = 0) -> str:
        """A UUID that looks like one of version 4."""
        digits = self.hex32(kind, number, part)
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def hex32(self, kind: Kind, number: int, part: int = 0) -> str:
        """32 hexadecimal digits."""
        return self._seal(_pack(kind, number, part), 9).hex()

    def hex24(self, kind: Kind, number: int, part: int = 0) -> str:
        """24 hexadecimal digits, as MongoDB has them."""
        return self._seal(_pack(kind, number, part), 5).hex()

    def crm(self, kind: Kind, number: int) -> str:
        """18 characters with the prefix that Salesforce gives to records of a kind; only for kinds that it knows."""
        sealed = self._seal(number.to_bytes(CRM_NUMBER, "big"), 3, salt=CRM_PREFIXES[kind].encode())
        return f"{CRM_PREFIXES[kind]}5{sealed.hex().upper()}"

    def read(self, text: str) -> tuple[Kind, int, int] | None:
        """What a UUID or 32 or 24 digits stand for as (kind, number, part), or None if they are no id here."""
        forms = {36: (9, self.uuid), 32: (9, self.hex32), 24: (5, self.hex24)}
        tag, write = forms.get(len(text), (0, self.uuid))
        raw = _bytes(text.replace("-", ""))
        if not tag or len(raw) != tag + NUMBERS:
            return None
        packed = int.from_bytes(self._masked(raw[:tag], raw[tag:]), "big")
        kind = packed >> (NUMBER_BITS + PART_BITS)
        if kind not in Kind.__members__.values():
            return None
        read = Kind(kind), packed >> PART_BITS & ((1 << NUMBER_BITS) - 1), packed & ((1 << PART_BITS) - 1)
        return read if write(*read) == text else None

    def read_crm(self, kind: Kind, text: str) -> int | None:
        """The number that the CRM's id of a record of this kind stands for, or None."""
        raw = _bytes(text[4:].lower())
        if len(raw) != 3 + CRM_NUMBER:
            return None
        number = int.from_bytes(self._masked(raw[:3], raw[3:]), "big")
        return number if self.crm(kind, number) == text else None

    def _seal(self, numbers: bytes, size: int, salt: bytes = b"") -> bytes:
        tag = bytearray(blake2b(self._tag_key + salt + numbers, digest_size=size).digest())
        if size == 9:  # all that a UUID prescribes lies within the tag
            tag[6] = tag[6] & 0x0F | 0x40
            tag[8] = tag[8] & 0x3F | 0x80
        return bytes(tag) + self._masked(bytes(tag), numbers)

    def _masked(self, tag: bytes, numbers: bytes) -> bytes:
        mask = blake2b(self._mask_key + tag, digest_size=len(numbers)).digest()
        return bytes(a ^ b for a, b in zip(numbers, mask, strict=True))


def _pack(kind: Kind, number: int, part: int) -> bytes:
    return (((kind << NUMBER_BITS | number) << PART_BITS) | part).to_bytes(NUMBERS, "big")


def _bytes(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""
