"""Secrets don't show, in whatever spelling they come."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.redact import MASK, Redactor

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "path": lambda text: quote(text, safe=""),
    "query": quote_plus,
    "lenient": lambda text: quote(text, safe="/:@+=!*'(),;$&"),
    "lower hex": lambda text: quote(text, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps({"a": text})),
    "json with slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "orjson": lambda text: orjson.dumps(text).decode(),
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda text: repr(text.encode()),
    "json in a query": lambda text: quote(json.dumps(text), safe=""),
    "repr in a path": lambda text: quote(repr([text]), safe="/"),
    "html": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "basic": lambda text: "Basic " + base64.b64encode(f"somebody@x.example:{text}".encode()).decode(),
    "basic, user unknown": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "basic, as user": lambda text: base64.b64encode(f"{text}:x".encode()).decode(),
    "base64 in a query": lambda text: quote(base64.b64encode(f"u:{text}".encode()).decode(), safe=""),
}
# As vendors make them, and as nobody should: every printable sign and some letters beyond ASCII.
SECRETS = st.text(
    st.one_of(
        st.sampled_from("abcXYZ0189+/=-_.~!%\"'\\ &<>@:?#é日😀"), st.characters(min_codepoint=33, max_codepoint=126)
    ),
    min_size=8,
    max_size=40,
).filter(lambda text: "*" not in text and len(text.strip()) >= 8)


@settings(max_examples=300)
@given(secret=SECRETS, before=st.text(max_size=10), after=st.text(max_size=10))
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_secret_is_found_in_every_spelling(name: str, secret: str, before: str, after: str) -> None:
    spelling = SPELLINGS[name](secret)
    shown = Redactor([secret]).redact(f"{before} {spelling} {after}")
    assert MASK in shown
    assert spelling not in shown
    assert secret not in shown.replace(MASK, "")


@pytest.mark.parametrize("name", SPELLINGS)
def test_what_stands_around_a_secret_stays(name: str) -> None:
    secret = 'pa"ss/wö+rd\\99'
    assert Redactor([secret]).redact(f"before {SPELLINGS[name](secret)} after").startswith("before ")
    assert Redactor([secret]).redact(f"before {SPELLINGS[name](secret)} after").endswith(" after")


def test_the_longest_first_and_overlapping_ones_whole() -> None:
    redactor = Redactor(["secret", "secret-token", "token-2024"])
    assert redactor.redact("secret-token") == MASK
    assert redactor.redact("a secret-token-2024 b") == f"a {MASK} b"
    assert redactor.redact("secretsecret") == MASK
    assert Redactor(["aaaa"]).redact("xaaaaaay") == f"x{MASK}y"


def test_short_ones_are_masked_where_they_stand_alone() -> None:
    """Everything else would make logs unreadable, and show the secret by what is missing."""
    assert Redactor(["10"]).redact("10 of 100 in 10 s, key=10") == f"{MASK} of 100 in {MASK} s, key={MASK}"


def test_nothing_known_nothing_changed() -> None:
    text = "Gladly: 10 requests; what? Nothing #3, a=b"
    assert Redactor(["", "  "]).redact(text) == text
    assert Redactor([]).redact(text) == text


def test_secrets_with_blanks_around_are_known_without_them() -> None:
    assert "hunter22" not in Redactor([" hunter22\n"]).redact("key hunter22.")


def test_more_can_be_learned() -> None:
    redactor = Redactor(["first-token"])
    redactor.add("second-token")
    assert redactor.redact("first-token second-token") == f"{MASK} {MASK}"


@pytest.mark.parametrize("dots", ["...", "…"])
@given(secret=SECRETS.map(str.strip).filter(lambda text: "." not in text), kept=st.integers(4, 7))
def test_what_a_shortened_quotation_leaves_of_a_secret_goes_too(dots: str, secret: str, kept: int) -> None:
    redactor = Redactor([secret])
    assert redactor.redact(f"§{secret[:kept]}{dots}§") == f"§{MASK}{dots}§"
    assert redactor.redact(f"§{dots}{secret[-kept:]}§") == f"§{dots}{MASK}§"
    assert redactor.redact(f"§{dots}§ {dots}") == f"§{dots}§ {dots}"


def test_its_own_repr_shows_none() -> None:
    assert repr(Redactor(["first-token"])) == "Redactor(1 secrets)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://h.example/a?email=x@y.z&n=1 failed", "GET https://h.example/a?*** failed"),
        ("GET https://h.example/a?just-a-word failed", "GET https://h.example/a?*** failed"),
        ("GET /a/b?email=x%40y.z: 500", "GET /a/b?*** 500"),
        ('{"url": "https:\\/\\/h.example\\/a?x=1"}', '{"url": "https:\\/\\/h.example\\/a?***"}'),
        ("https://user:pw@h.example/a", "https://***@h.example/a"),
        ("https://h.example/cb#access_token=1", "https://h.example/cb#***"),
        ("<a href='https://h.example/?q=1'>", "<a href='https://h.example/?***'>"),
        ("Really? yes=no", "Really? yes=no"),
        ("see #3", "see #3"),
    ],
)
def test_query_strings_go(text: str, shown: str) -> None:
    assert Redactor([]).redact(text) == shown


def test_clean_makes_one_harmless_line() -> None:
    text = "a\nb\r\tc\x1b[31md\x00e\u202ef\u2028g\ud800h\u200bi 日本"
    assert Redactor([]).clean(text) == ("a\\x0ab\\x0d\\x09c\\x1b[31md\\x00e\\u202ef\\u2028g\\ud800h\\u200bi 日本")


@given(text=st.text(st.characters(), max_size=300), limit=st.integers(1, 100))
def test_clean_is_short_and_printable(text: str, limit: int) -> None:
    shown = Redactor(["secret-token"]).clean(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown
    shown.encode()


@given(lead=st.integers(0, 60))
def test_a_cut_never_leaves_half_a_secret(lead: int) -> None:
    shown = Redactor(["secret-token"]).clean("x" * lead + "secret-token" * 3, 40)
    assert "sec" not in shown
