"""Words: plain, foreign, awkward for parsers."""

from __future__ import annotations

__all__ = ["FIRST_NAMES", "LAST_NAMES", "LINES", "SUBJECTS"]

FIRST_NAMES = ("Ada", "Bjørn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Gül", "Hector", "Íris", "Jo", "健太", "Łucja")
LAST_NAMES = ("Ångström", "O'Connor", "de la Cruz", "Smith-Jones", "Nguyễn", "Öz", "van 't Hoff", "Zhang")
SUBJECTS = (
    "Where is my parcel?",
    "Re: Re: Fwd: invoice",
    "Größentausch für Bestellung 1043",
    'wrong "blue", see photo',
    "返品したい",
    None,
    "",
)
LINES = (
    "Hello, could you tell me when order 20417 will be sent?",
    "It works now, thank you!",
    "Please change the address to 12 Low Road,\nFlat 3.",
    "The jumper is too small; may I have the next size?",
    "Merci beaucoup 🙏🏽 à bientôt",
    "one line\r\nanother\tline\u2028and a separator",
    '<div>Hi,<br><b>still</b> nothing &amp; no "answer"</div>',
    "ご連絡ありがとうございます。",
    "שלום, איפה ההזמנה שלי?",
    "null",
    '{"not": ["JSON", "for you"]}',
    "=1+2, 00417, 1e5",
    "",
)
