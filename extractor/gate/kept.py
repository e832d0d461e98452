"""What an incident keeps of bytes and words that came from outside."""

from __future__ import annotations

import base64

__all__ = ["kept_bytes", "printable"]

_RECORD_BYTES = 1_000_000


def kept_bytes(raw: bytes) -> str:
    """Bytes as an incident keeps them: text, or base64 after `base64:`; cut off at 1 MB."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    # What destinations do with control characters differs; sound JSON has none but blanks.
    if all(char >= " " or char in "\t\r\n" for char in text):
        return text if len(raw) <= _RECORD_BYTES else raw[:_RECORD_BYTES].decode(errors="ignore")
    return "base64:" + base64.b64encode(raw[: (_RECORD_BYTES - 7) // 4 * 3]).decode()


def printable(text: str) -> str:
    """The text without control characters, for a message."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
