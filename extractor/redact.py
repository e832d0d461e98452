"""Secrets are taken out of everything that is shown, logged or written down.

A secret is found as it is, and in every mixture of the spellings that URLs, JSON, Python and HTML have for its
characters, also where a shortened quotation left a part of it; encoded in base64 it is found wherever it lies in the
encoded text, so the pair of a Basic header is found without knowing the user's name. Query strings go whole: their
values are the vendor's customers'.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator

__all__ = ["MASK", "Redactor"]

MASK = "***"

# Escapes may be percent-encoded in their turn.
_BACKSLASHES = r"(?:\\|%(?:25)*5[cC])+"
_DOTS = re.compile(r"\.\.\.|…")
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\\%-]")
# Shorter ones are also parts of ordinary words and numbers, and are masked only where they stand alone.
_WORDLIKE = 4
_SHORTEST_BASE64 = 6
_QUERY = re.compile(
    r"""(?:(?<=://)|(?<=:\\/\\/))[^\s/?#"'<>@\\]+@"""  # userinfo
    r"""|(?:(?<=[^\s?])\?)(?=[\w.~%\[\]+-]+=)[^\s"'<>]*"""  # a query with a name
    r"""|(?<=[^\s#])\#(?=[\w.~%\[\]+-]+=)[^\s"'<>]*"""
)
_ABSOLUTE = re.compile(r"""(https?:(?://|\\/\\/)[^\s?"'<>]*)\?[^\s"'<>]+""", re.IGNORECASE)


class Redactor:
    """Replaces what it knows to be secret with `***`.

    Args:
        secrets: values of all settings that are secret, and tokens made of them. More can follow with `add`.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._patterns: list[re.Pattern[str]] = []
        self._encoded: list[re.Pattern[str]] = []
        self._known: set[str] = set()
        self.add(*secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} secrets)"

    def add(self, *secrets: str) -> None:
        """Learn further secrets, such as a token that the vendor just gave out."""
        for secret in secrets:
            for form in {secret, secret.strip()} - self._known - {""}:
                self._known.add(form)
                self._patterns.append(_spellings(form))
                self._encoded.extend(map(re.compile, _base64_cores(form)))

    def redact(self, text: str) -> str:
        """Return `text` without secrets and query strings."""
        spans = [match.span(1) for pattern in self._patterns for match in pattern.finditer(text)]
        spans += [_whole_token(text, *match.span()) for pattern in self._encoded for match in pattern.finditer(text)]
        spans += self._cut_off(text)
        pieces: list[str] = []
        end = 0
        # Overlapping finds become one: a shorter secret must not leave the rest of a longer one standing.
        for start, stop in sorted(spans):
            if start > end or (start == end and not pieces):
                pieces += [text[end:start], MASK]
            end = max(end, stop)
        pieces.append(text[end:])
        return _without_queries("".join(pieces))

    def _cut_off(self, text: str) -> Iterator[tuple[int, int]]:
        """Where beginnings and ends of secrets stand before and behind dots: databases shorten what they quote."""
        for dots in _DOTS.finditer(text):
            for secret in self._known:
                lengths = range(len(secret) - 1, _WORDLIKE - 1, -1)
                for length in lengths:
                    if text.endswith(secret[:length], 0, dots.start()):
                        yield dots.start() - length, dots.start()
                        break
                for length in lengths:
                    if text.startswith(secret[-length:], dots.end()):
                        yield dots.end(), dots.end() + length
                        break

    def line(self, text: str) -> str:
        """Return `text` redacted and on one line, with nothing in it that does something to a terminal."""
        return "".join(_visible(self.redact(text)))

    def clean(self, text: str, limit: int = 1000) -> str:
        """Return `text` redacted, on one line of harmless characters, and cut to `limit` characters."""
        # Only after redaction is it safe to cut: half a secret would not be found.
        shown = self.line(text)
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _spellings(secret: str) -> re.Pattern[str]:
    pattern = "".join(map(_spelling, secret))
    if len(secret) < _WORDLIKE:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    # Looked ahead for, so that finds may overlap.
    return re.compile(f"(?=({pattern}))")


def _spelling(character: str) -> str:
    """All ways to write one character: itself, percent-encoded (also twice), backslash escapes, HTML entities."""
    code = ord(character)
    forms = {
        re.escape(character),
        re.escape(html.escape(character, quote=True)),
        f"&#0*{code};",
        f"&#[xX]0*{_hex(code)};",
    }
    if not 0xD800 <= code <= 0xDFFF:
        forms.add("".join(f"%(?:25)*{_hex(byte, 2)}" for byte in character.encode()))
        forms.add("".join(f"{_BACKSLASHES}x{_hex(byte, 2)}" for byte in character.encode()))
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        forms.add(f"{_BACKSLASHES}u{_hex(0xD800 + high, 4)}{_BACKSLASHES}u{_hex(0xDC00 + low, 4)}")
        forms.add(f"{_BACKSLASHES}U{_hex(code, 8)}")
    else:
        forms.add(f"{_BACKSLASHES}u{_hex(code, 4)}")
    if code <= 0xFF:
        forms.add(f"{_BACKSLASHES}x{_hex(code, 2)}")
    if character in "\"'/":
        forms.add(f"{_BACKSLASHES}(?:{character}|%(?:25)*{_hex(code, 2)})")
    if character == "\\":
        forms.add(_BACKSLASHES)
    if character == " ":
        forms.add(r"\+")
    named = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}.get(character)
    if named:
        forms.add(f"{_BACKSLASHES}{named}")
    return f"(?:{'|'.join(sorted(forms, key=len, reverse=True))})"


def _hex(number: int, width: int = 1) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:0{width}x}")


def _base64_cores(secret: str) -> Iterator[str]:
    """Patterns for the part of the base64 that `secret` alone decides, at each of the three places it can start."""
    data = secret.encode(errors="surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        # Six bits a letter: the first letters also hold bits of what stands before, the last one of what comes after.
        first = -(-before * 8 // 6)
        last = (before + len(data)) * 8 // 6
        core = encoded[first:last]
        if len(core) >= _SHORTEST_BASE64:
            # Both alphabets, and what URLs and JSON make of their special letters.
            yield "".join({"+": r"(?:\+|-|%2[bB])", "/": r"(?:\\*/|_|%2[fF])"}.get(letter, letter) for letter in core)


def _whole_token(text: str, start: int, stop: int) -> tuple[int, int]:
    while start > 0 and _BASE64.match(text, start - 1):
        start -= 1
    while stop < len(text) and _BASE64.match(text, stop):
        stop += 1
    return start, stop


def _without_queries(text: str) -> str:
    def shorten(match: re.Match[str]) -> str:
        found = match[0]
        return f"{MASK}@" if found.endswith("@") and found[0] not in "?#" else f"{found[0]}{MASK}"

    return _QUERY.sub(shorten, _ABSOLUTE.sub(rf"\1?{MASK}", text))


def _visible(text: str) -> Iterator[str]:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
            code = ord(character)
            yield f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
        else:
            yield character
