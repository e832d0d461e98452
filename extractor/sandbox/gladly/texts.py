"""Words for names and messages: plain, foreign, awkward for parsers."""

from __future__ import annotations

__all__ = ["FIRST_NAMES", "LAST_NAMES", "MESSAGES", "NOTES", "QUIET_MESSAGES", "STREETS", "SUBJECTS"]

FIRST_NAMES = (
    "Zoë",
    "Amir",
    "Lucía",
    "Jürgen",
    "Mei",
    "Oluwaseun",
    "Anna",
    "Søren",
    "Émile",
    "Rosie",
    "Иван",
    "さくら",
)
LAST_NAMES = ("Ålund", "O'Neil", "García Márquez", "de Vries", "Smith", "Nguyễn", "Kowalski", "Müller-Lüdenscheidt")
STREETS = ("1 Main St", "22 Åsgatan\nFlat 3", "Calle Mayor 7, 2º B", "Kirchweg 12a", '9 "The Elms", Lower Rd')
SUBJECTS = (
    "Where is my order?",
    "RE: RE: Fwd: refund 💸",
    "Größe passt nicht",
    "Order #10023, #10024",
    "",
)

QUIET_MESSAGES = (
    "Hello, I have a question about my last order.",
    "Thanks, that solved it!",
    "Could you send me the invoice again, please?",
    "It arrived today, but the box was damaged.",
)
MESSAGES = (
    *QUIET_MESSAGES,
    "Danke schön, grüße aus Köln 🙂👍🏽",
    "first line\nsecond line\r\nthird line\twith a tab",
    "two paragraphs\u2028split by a line separator\u2029and a paragraph separator",
    '<p>Hi <b>there</b>,</p><ul><li>size: 10&quot;</li><li>colour: "blue", not <i>navy</i></li></ul>',
    "注文番号を教えてください。よろしくお願いします。",
    "مرحبا، أين طلبي؟",
    "null",
    '{"looks": "like JSON", "but": ["is", "text"]}',
    "=SUM(A1:A9), +49 30 1234, -1, @home",
    "👩‍👩‍👧‍👦 family plan? Ｆｕｌｌ ｗｉｄｔｈ, zero\u200bwidth",
    "0012345",
    "2024-02-30T25:61:00Z",
)
NOTES = ("<p>Called back, <b>no answer</b></p>", "VIP – be nice", "refund approved by @Amy\u2028see policy § 4")
