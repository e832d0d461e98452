"""Words for names, messages and variables: plain, foreign, awkward for parsers."""

from __future__ import annotations

import orjson

__all__ = ["CUT_MESSAGE", "LONG_MESSAGE", "MESSAGES", "NAMES", "QUIET_MESSAGES", "VARIABLES", "encoded"]

HALF_A_PAIR = "\uffff"
"""Stands for a lone surrogate, which neither orjson nor UTF-8 can write; no message holds it otherwise."""

NAMES = ("Zoë", "Amir", "Lucía", "Jürgen", "梅", "Oluwaseun", "O'Neil", "Søren", "Иван", "Smith, Anna", "Visitor")
QUIET_MESSAGES = (
    "Hello, do you ship to Norway?",
    "Thank you, that was quick!",
    "Which plan includes the reports?",
    "I can't sign in any more.",
)
MESSAGES = (
    *QUIET_MESSAGES,
    "Grüße aus Köln 🙂👍🏽",
    "one line\u2028another one\u2029a paragraph",
    'See <a href="https://help.sandbox.example/?a=1&amp;b=2">our <b>help</b></a><br/>',
    "first\nsecond\r\nthird\tafter a tab",
    "料金を教えてください。",
    "كم السعر؟",
    "null",
    '{"text": "as JSON"}',
    "00420",
    "👩‍👩‍👧 zero\u200bwidth",
    "",
)
CUT_MESSAGE = f"an emoji cut in half {HALF_A_PAIR}"
LONG_MESSAGE = "<p>" + "The log of my device says: état inattendu, <code>0x80070005</code>; " * 8 + "</p>"
VARIABLES = (
    ("plan", "gold"),
    ("Plan", "silver"),
    ("cart total", "19.90"),
    ("user.id", "000123"),
    ("größe", "XL"),
    ("utm-source", ""),
    ("🛒", "3"),
    ("signed_in", "true"),
)


def encoded(content: object) -> bytes:
    """JSON; a half of a surrogate pair becomes an escape, which is valid JSON but stands for no character."""
    return orjson.dumps(content).replace(HALF_A_PAIR.encode(), b"\\ud83d")
