"""Ids stay within their segment, addresses within their origin."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.errors import UnsafePath
from extractor.paths import LONGEST_VALUE, build_url, fill, origin, same_origin

BASE = "https://api.acme.example/v1"

NASTY = st.sampled_from(
    [
        *"/\\?#%&=+;:@ .~",
        "%2f",
        "%252f",
        "%2e%2e",
        "..",
        "../",
        "/..",
        "//",
        "\u202e",
        "é",
        "日本",
        "😀",
        "\xa0",
        "{key}",
        "a",
    ]
)
IDS = st.one_of(st.lists(NASTY, min_size=1, max_size=8).map("".join), st.text(min_size=1, max_size=50))


@settings(max_examples=2000)
@given(first=IDS, second=IDS)
def test_any_id_is_one_segment_and_arrives_as_it_was(first: str, second: str) -> None:
    """Or it is refused."""
    try:
        path = fill("/customers/{key}/items/{item}.json", {"key": first, "item": second})
    except UnsafePath:
        return
    assert path.isascii()
    parts = urlsplit(build_url(BASE, path, [("q", second)]))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "api.acme.example", "")
    segments = parts.path.split("/")
    assert len(segments) == 6
    assert segments[:3] == ["", "v1", "customers"]
    assert unquote(segments[3]) == first
    assert unquote(segments[5]) == f"{second}.json"
    assert not set(segments) & {".", ".."}
    assert unquote(parts.query.removeprefix("q=")) == second


def test_unreserved_characters_stay_and_the_percent_sign_is_encoded() -> None:
    assert fill("/a/{key}", {"key": "AZaz09-._~"}) == "/a/AZaz09-._~"
    assert fill("/a/{key}", {"key": "%2F"}) == "/a/%252F"
    assert fill("/a/{key}", {"key": "a/../../admin?x=1#f"}) == "/a/a%2F..%2F..%2Fadmin%3Fx%3D1%23f"
    assert fill("/a/{key}", {"key": "me+you@x.com"}) == "/a/me%2Byou%40x.com"
    assert fill("/a", {"key": "unused"}) == "/a"


def test_a_value_is_not_a_template() -> None:
    assert fill("/{key}/{item}", {"key": "{item}", "item": "x"}) == "/%7Bitem%7D/x"


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "a\0b",
        "a\nb",
        "\x7f",
        "\x85",
        "\ud800",
        "a\udfffb",
        "x" * (LONGEST_VALUE + 1),
        "é" * (LONGEST_VALUE // 2 + 1),
    ],
    ids=ascii,
)
def test_values_that_are_refused(value: str) -> None:
    with pytest.raises(UnsafePath, match=r"/a/\{key\}") as caught:
        fill("/a/{key}", {"key": value})
    assert len(str(caught.value)) < 200


def test_the_longest_value_passes() -> None:
    assert len(fill("/{key}", {"key": "x" * LONGEST_VALUE})) == LONGEST_VALUE + 1


def test_a_missing_value() -> None:
    with pytest.raises(UnsafePath, match=r"no value for \{item\}"):
        fill("/a/{key}/{item}", {"key": "1"})


@pytest.mark.parametrize(("template", "value"), [("/a/.{key}", "."), ("/a/%2e{key}", "%2e")])
def test_what_becomes_a_dot_segment_with_its_surroundings(template: str, value: str) -> None:
    """The second is harmless: the percent sign of the value is encoded."""
    if value == ".":
        with pytest.raises(UnsafePath):
            fill(template, {"key": value})
    else:
        assert fill(template, {"key": value}) == "/a/%2e%252e"


@pytest.mark.parametrize("template", ["/a?b={key}", "/a#{key}"])
def test_a_template_has_no_query_or_fragment(template: str) -> None:
    with pytest.raises(UnsafePath):
        fill(template, {"key": "1"})


# ── whole addresses ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ((), ""),
        ((("a", "1"), ("a", "2")), "?a=1&a=2"),
        ((("q", "1+1 = 2&x"),), "?q=1%2B1%20%3D%202%26x"),
        ((("ids[]", "é"),), "?ids%5B%5D=%C3%A9"),
        ((("empty", ""),), "?empty="),
    ],
)
def test_parameters_are_encoded_in_order(params: tuple[tuple[str, str], ...], query: str) -> None:
    assert build_url(BASE, "/things", params) == f"{BASE}/things{query}"
    assert build_url(f"{BASE}/", "/things", params) == f"{BASE}/things{query}"


@settings(max_examples=500)
@given(path=st.one_of(IDS, IDS.map(lambda text: "/" + text)), params=st.lists(st.tuples(IDS, IDS), max_size=3))
def test_whatever_the_path_the_request_stays_below_the_base(path: str, params: list[tuple[str, str]]) -> None:
    try:
        url = build_url(BASE, path, params)
    except UnsafePath:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "api.acme.example")
    assert parts.path.startswith("/v1/")
    assert (parse_qsl(parts.query, keep_blank_values=True), parts.fragment) == (params, "")
    assert not {unquote(segment) for segment in parts.path.split("/")} & {".", ".."}


@pytest.mark.parametrize("base", ["https://acme.example", "https://acme.example/"])
@pytest.mark.parametrize("path", ["@evil.example/", ".evil.example/", ":1/", "//x", "/\\evil", ""])
def test_a_path_cannot_extend_the_host(base: str, path: str) -> None:
    try:
        assert urlsplit(build_url(base, path)).netloc == "acme.example"
    except UnsafePath:
        assert path != "//x"


@pytest.mark.parametrize("char", [*map(chr, range(0x21)), *"?#\\", *map(chr, range(0x7F, 0xA1)), "\u2028", "é"])
def test_a_path_has_no_character_that_ends_it_or_that_parsers_read_differently(char: str) -> None:
    for path in (f"/a{char}", f"/a{char}b", f"/{char}"):
        with pytest.raises(UnsafePath):
            build_url(BASE, path)


def test_a_lone_surrogate_in_a_parameter() -> None:
    with pytest.raises(UnsafePath, match="surrogate"):
        build_url(BASE, "/things", [("q", "\ud800")])


# ── origins ─────────────────────────────────────────────────────────────────────────────────

SAME = [
    "https://api.acme.example/v1/next?page=2",
    "https://api.acme.example",
    "HTTPS://API.ACME.example:443/other",
    "https://api.acme.example./x",
    "https://api.acme.example:/x",
    "/v1/next",
    "next?at=2020-01-01T00:00",
    "?page=2",
    "#top",
    "./a:b",
    "",
    "../../x",
]
FOREIGN = [
    "http://api.acme.example/",
    "https://api.acme.example:444/",
    "https://api.acme.example:0/",
    "https://api.acme.example:99999/",
    "https://api.acme.example:x/",
    "https://evil.example/",
    "https://acme.example/",
    "https://api.acme.example.evil.example/",
    "https://evil.example/https://api.acme.example/",
    "https://api.acme.example@evil.example/",
    "https://user@api.acme.example/",
    "https://user:pw@api.acme.example/",
    "https://evil.example#@api.acme.example/",
    "https://evil.example?@api.acme.example/",
    "//api.acme.example/v1",
    "//evil.example/",
    "///evil.example/",
    "\\\\evil.example\\",
    "/\\evil.example/",
    "https:\\\\evil.example",
    "https:/evil.example",
    "https:evil.example",
    "https:///evil.example",
    " https://api.acme.example/",
    "https://api.acme.example/ ",
    "ht\ttps://api.acme.example/",
    "https://api.acme.example\n.evil.example/",
    "/\t/evil.example/",
    "\x00//evil.example",
    "https://api%2eacme.example/",
    "https://ａpi.acme.example/",
    "https://api。acme。example/",
    "https://api.acme.example%00.evil.example/",
    "https://[::1]/",
    "https://[::1/",
    "https://127.0.0.1/",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://api.acme.example/",
    "wss://api.acme.example/",
    "evil:1",
]


@pytest.mark.parametrize("url", SAME, ids=ascii)
def test_addresses_within_the_origin(url: str) -> None:
    assert same_origin(BASE, url)


@pytest.mark.parametrize("url", FOREIGN, ids=ascii)
def test_addresses_that_lead_away_or_that_parsers_disagree_about(url: str) -> None:
    assert not same_origin(BASE, url)


@pytest.mark.parametrize(
    ("base", "url", "same"),
    [
        ("https://münchen.example/v1", "https://xn--mnchen-3ya.example/x", True),
        ("https://xn--mnchen-3ya.example/v1", "https://MÜNCHEN.example/x", True),
        ("https://munchen.example/v1", "https://münchen.example/x", False),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/x", True),
        ("http://127.0.0.1:8000/v1", "http://127.1:8000/x", False),
        ("http://127.0.0.1:8000/v1", "http://2130706433:8000/x", False),
        ("http://127.0.0.1:8000/v1", "http://0177.0.0.1:8000/x", False),
        ("http://127.0.0.1:8000/v1", "http://localhost:8000/x", False),
        ("http://[::1]:8000/v1", "http://[0:0:0:0:0:0:0:1]:8000/x", True),
        ("http://[::1]:8000/v1", "http://[::1]:8001/x", False),
        ("http://[::1]:8000/v1", "http://[::1%25eth0]:8000/x", False),
        ("http://localhost/v1", "http://localhost:80/x", True),
        ("not an address", "not an address", False),
        ("ftp://h/", "ftp://h/", False),
    ],
)
def test_spellings_of_hosts(base: str, url: str, same: bool) -> None:
    assert same_origin(base, url) is same


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1/",
        "https://[zz]/",
        "https://[1.2.3.4]/",
        "https://h:port/",
        "https://" + "x" * 64 + ".example/",
        "/x",
    ],
)
def test_what_has_no_origin(url: str) -> None:
    assert origin(url) is None
    assert not same_origin(url, url) or url == "/x"


@settings(max_examples=1000)
@given(
    url=st.one_of(
        st.text(max_size=40),
        st.lists(NASTY | st.sampled_from(["https:", "//", "evil.example", "api.acme.example"])).map("".join),
    )
)
def test_no_text_breaks_the_guard(url: str) -> None:
    """And what passes is on the host for the standard library's parser, too."""
    if same_origin(BASE, url):
        parts = urlsplit(url)
        assert parts.hostname in (None, "api.acme.example", "api.acme.example.")
        assert (origin(url) or origin(BASE)) == ("https", "api.acme.example", 443)
