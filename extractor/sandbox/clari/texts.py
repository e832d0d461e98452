"""Words for titles, names and talk: plain, foreign, awkward for parsers."""

from __future__ import annotations

__all__ = ["COMPANIES", "FIRST_NAMES", "LAST_NAMES", "PHRASES", "SENTENCES", "SUBJECTS", "TITLES"]

FIRST_NAMES = ("Zoë", "Amir", "Lucía", "Jürgen", "Mei", "Oluwaseun", "Anna", "Søren", "Émile", "Иван", "さくら")
LAST_NAMES = ("Ålund", "O'Neil", "García Márquez", "de Vries", "Smith", "Nguyễn", "Kowalski", "Müller-Lüdenscheidt")
COMPANIES = ("Ærø Ferries", "Böhm & Söhne", "Null Island Ltd.", '"Quoted" Foods', "株式会社みらい", "Acme, Inc.")
TITLES = (
    "Discovery call",
    "Weekly sync – pricing",
    "QBR // renewal 🚀",
    "Démo produit",
    "",
    "Intro: <b>security</b> review",
)
SUBJECTS = ("Re: proposal", "Contract v2 (final).pdf", "Größenordnung?", "Lunch 🍜", "", '"urgent", please read')
PHRASES = ("too expensive", "next steps", "budget approval", "the other vendor")
SENTENCES = (
    "Thanks for taking the time today.",
    "Could you walk me through the pricing once more?",
    "We are looking at the other vendor as well, to be honest.",
    "Genau, das müssten wir noch mit der Geschäftsführung klären.",
    "それは来週までに確認します。",
    "Right.",
    "Um, so, what I would suggest as next steps is that we send the draft, you mark it up, and we meet on Thursday.",
    "Budget approval sits with finance until the end of the quarter 🙂",
    "He said “no”\u2028and then “maybe”.",
    "Sí, claro.",
)
