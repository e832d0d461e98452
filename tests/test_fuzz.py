"""Whatever a vendor, a network or a file brings, it is read, refused as documented, or kept out: nothing crashes.

About 13,000 inputs. `EXTRACTOR_FUZZ=10` in the environment tries ten times as many; the last test counts them.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor import ids, paginate, vendors
from extractor.bodies import blocks, check, rows
from extractor.calls import Calls
from extractor.cli import words
from extractor.documents import says
from extractor.errors import BadBody, Endless, ForeignOrigin, UnsafePath, UsageError
from extractor.gate import Gate
from extractor.gate.shapes import Shapes
from extractor.limits import build
from extractor.limits.pause import retry_after
from extractor.mask import understood
from extractor.model import Answer, Bucket, Call, Endpoint, Listing, Records, Rejected, Response, StatedSecond
from extractor.paths import build_url, fill, origin, same_origin
from extractor.transport.inflate import Inflater

TIMES = float(os.environ.get("EXTRACTOR_FUZZ", "1"))
PLANNED = {
    "document": 2000,
    "lines": 1000,
    "csv": 1000,
    "gate": 2000,
    "paginator": 1000,
    "link": 1000,
    "path": 1000,
    "wait header": 500,
    "rate header": 500,
    "inflate": 800,
    "ids": 200,
    "vendor path": 1000,
    "word": 1000,
}
"""How many inputs each subject gets."""
TRIED: Counter[str] = Counter()


def fuzz(subject: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many examples of a subject, each of them different with every run."""
    return settings(
        max_examples=round(PLANNED[subject] * TIMES),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


# ── bad input ───────────────────────────────────────────────────────────────────────────────

TEXTS = st.one_of(
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        (
            *("", "\0", "\ud800", "\u2028", "\ufeff", "\uf0261.5", "9" * 5000, "a" * 20_000, "id", "errors", "next"),
            *("NaN", "1e999", "2024-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        )
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.sampled_from([2**63, -(2**64), 10**400, 1e308, -0.0]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.just("id"), inner, max_size=4),
    max_leaves=4,
)
RECORDS = st.one_of(VALUES, st.fixed_dictionaries({"id": VALUES}, optional={"Id": VALUES, "made": VALUES, "n": VALUES}))
ODD = [
    b"NaN",
    b"-Infinity",
    b"1e9999",
    b'"\\ud800"',
    b'"\\u0000"',
    b"\xff",
    b"\xef\xbb\xbf",
    b"[" * 1500,
    b'{"a":' * 600,
]
ODD += [b"\x00", b",", b"}", b"]", b'"', b"\\", b"\n", b"\r", b"\xe2\x80\xa8", b"9" * 5000, b'{"id":1,"id":2}', b" "]


@st.composite
def spoilt(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Sound bytes, cut off, doubled, or with something odd put in."""
    data = draw(sound)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        odd = draw(st.sampled_from(ODD) | st.binary(max_size=4))
        width = draw(st.sampled_from([0, 1, 7, 10_000]))
        data = data[:at] + odd + data[at + width :]
    return data


def encoded(text: str) -> bytes:
    return json.dumps(text).encode()


PARTS = st.sampled_from(
    [b"1", b"null", b"true", b"[]", b"{}", b'"x"', b'"2024-01-01"', b"1.5", b"-0", b"[1,[2]]", b'{"id":"y"}', b'""']
    + [encoded(text) for text in ("\0", "\ud800", "\uf0261.5", "0001-01-01T00:00:00+14:00", "é", "a" * 20_000)]
    + [b"9" * 30, b"1e400", b"NaN", b"[" * 60 + b"]" * 60, b'"\xff"', b'"\t"', b'{"a":{"b":[{"id":null}]}}']
)
NAMES = st.sampled_from([b'"id"', b'"Id"', b'"made"', b'"n"', b'"errors"', b'"data"', b'""', b'"\\u0000"', b'"a.b"'])
OBJECTS = st.lists(st.tuples(NAMES, PARTS).map(b":".join), max_size=4).map(lambda pairs: b"{%b}" % b",".join(pairs))
SEVERAL = st.lists(OBJECTS | PARTS, max_size=4)
ARRAYS = SEVERAL.map(lambda values: b"[%b]" % b",".join(values))
DOCUMENTS = spoilt(st.one_of(ARRAYS, OBJECTS, ARRAYS.map(lambda array: b'{"data":%b}' % array), st.binary(max_size=60)))
LINES = spoilt(SEVERAL.map(b"\n".join))
CELLS = st.text(st.sampled_from("ab1,\";'\r\n\t \ufeff\x00é"), max_size=6)
TABLES = spoilt(
    st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=6).map(lambda lines: "\r\n".join(lines).encode())
)

# ── bodies ──────────────────────────────────────────────────────────────────────────────────

KINDS = [
    Records(shape="list"),
    Records(shape="list", at="data"),
    Records(shape="list", at=("data.id", "data")),
    Records(shape="object"),
    Records(shape="map"),
    Records(shape="map", at="data"),
    Records(shape="text"),
]
normalize = NamingConvention().normalize_path


def endpoint(records: Records = KINDS[0], **more: Any) -> Endpoint:
    return Endpoint(name="things", path="/things/{key}", records=records, **more)


@fuzz("document")
@given(body=DOCUMENTS, kind=st.sampled_from(KINDS), exactly=st.booleans(), beside=st.booleans())
def test_a_document_is_read_or_refused(body: bytes, kind: Records, exactly: bool, beside: bool) -> None:
    TRIED["document"] += 1
    about = endpoint(kind, row=(lambda record, _: record) if exactly else None, beside="others" if beside else "")
    says(Response(status=200, headers={}, body=body), ("data.id", "x"))
    with suppress(BadBody):
        content = check(about, Response(status=200, headers={}, body=body))
        found = list(blocks(about, Response(status=200, headers={}, body=body, content=content)))
        assert all(isinstance(block.payload, bytes) for block in found)


@fuzz("lines")
@given(body=LINES)
def test_lines_are_records_or_malformed(body: bytes) -> None:
    TRIED["lines"] += 1
    about = endpoint(Records(shape="lines"))
    with suppress(BadBody):
        assert check(about, Response(status=200, headers={}, file=io.BytesIO(body))) is None
    found = list(blocks(about, Response(status=200, headers={}, file=io.BytesIO(body))))
    written = [line for line in body.split(b"\n") if line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")]
    assert sum(len(block.records) + len(block.malformed) for block in found) == len(written)


@fuzz("csv")
@given(body=TABLES, needs=st.sampled_from([(), ("a",)]))
def test_a_table_is_read_or_refused(body: bytes, needs: tuple[str, ...]) -> None:
    TRIED["csv"] += 1
    about = endpoint(Records(shape="csv", needs=needs))
    with suppress(BadBody):
        assert check(about, Response(status=200, headers={}, file=io.BytesIO(body))) is None
        found = list(blocks(about, Response(status=200, headers={}, file=io.BytesIO(body))))
        assert rows(about, io.BytesIO(body)) == sum(len(block.records) + len(block.malformed) for block in found)


@fuzz("gate")
@given(payload=st.one_of(DOCUMENTS, LINES), keyless=st.booleans())
def test_the_gate_lets_records_in_or_keeps_them_with_a_reason(payload: bytes, keyless: bool) -> None:
    TRIED["gate"] += 1
    about = endpoint(key=() if keyless else ("id",), columns={"id": "text", "made": "timestamp", "n": "bigint"})
    gate = Gate(about, Shapes(table="things", columns=about.columns, name=normalize), {})
    sound = gate.read(payload, "list")
    assert len(sound.records) == len(sound.keys)
    assert all(incident.detail and incident.record is not None for incident in sound.kept_out)
    # What is let in is what dlt can write and DuckDB can read.
    json.dumps(sound.records, allow_nan=False, default=str).encode()


# ── paging ──────────────────────────────────────────────────────────────────────────────────

PAGINATORS = [
    paginate.once,
    paginate.split_by("a", ("b", "c")),
    paginate.split_by_field("a", ("id",)),
    paginate.by_cursor("next"),
    paginate.by_cursor("next", watermark="id", newest_first=(("order", "desc"),)),
    paginate.by_link("next"),
    paginate.by_link_or_cursor("next", "more", "after"),
    paginate.by_offset(3, total="next", least=1),
    paginate.by_skip(3, next="next", more="more", most=50, least=1),
]
STEPS = st.one_of(
    st.builds(
        Answer,
        records=st.lists(RECORDS, max_size=2),
        content=VALUES | st.fixed_dictionaries({"next": VALUES, "more": VALUES}),
        limited=st.booleans(),
    ),
    st.sampled_from([400, 413, 500, None]).map(Rejected),
)


@fuzz("paginator")
@given(steps=st.lists(STEPS, min_size=1, max_size=5), paginator=st.sampled_from(PAGINATORS))
def test_a_paginator_asks_on_or_ends(steps: Sequence[Answer | Rejected], paginator: Any) -> None:
    """And what it wants to be kept can be resumed from."""
    TRIED["paginator"] += 1
    pages = paginator(None)
    call = next(pages)
    with suppress(Endless, Rejected, StopIteration):
        for step in steps:
            assert isinstance(call, Call)
            call = pages.throw(step) if isinstance(step, Rejected) else pages.send(step)
            next(paginator(call.cursor))


# ── links, paths ────────────────────────────────────────────────────────────────────────────

BASE = "https://shop.example/api/v1"
PIECES = st.sampled_from(
    (
        *(
            "https://",
            "http:",
            "javascript:",
            "//",
            "/",
            "\\",
            "@",
            ":",
            ":443",
            ":99999",
            "?",
            "#",
            "..",
            "%2e%2e",
            "%",
        ),
        *("shop.example", "evil.example", "xn--", "[", "]", "[::1]", "。", "api/v1", "=", "&", "é", "\t", "\n", "\0"),
        *("\ud800", "%ff"),
    )
)
ADDRESSES = st.one_of(
    st.lists(PIECES, max_size=9).map("".join),
    TEXTS,
    st.just(BASE).flatmap(lambda base: st.lists(PIECES, max_size=4).map(lambda rest: base + "".join(rest))),
)


@fuzz("link")
@given(link=ADDRESSES)
def test_a_link_leads_to_the_origin_or_nowhere(link: str) -> None:
    TRIED["link"] += 1
    same_origin(BASE, link)
    origin(link)
    listing = Listing(id=0, endpoint="things", key="k")
    with suppress(ForeignOrigin, UnsafePath):
        request = Calls({"": BASE}, {}).request(endpoint(), listing, Call(link=link))
        url = build_url(BASE, request.path, request.params)
        assert origin(url) == origin(BASE)
        assert urlsplit(url).path.startswith("/api/v1/")


@fuzz("path")
@given(value=ADDRESSES, param=ADDRESSES)
def test_an_id_is_one_segment_or_refused(value: str, param: str) -> None:
    TRIED["path"] += 1
    with suppress(UnsafePath):
        url = build_url(BASE, fill("/things/{key}/parts", {"key": value}), [("q", param)])
        parts = urlsplit(url)
        segments = parts.path.split("/")
        assert (parts.scheme, parts.netloc, len(segments)) == ("https", "shop.example", 6)
        assert unquote(segments[4]) == value


TEMPLATES = sorted({one.path for name in vendors.names() for one in vendors.load(name).endpoints if "{" in one.path})


@fuzz("vendor path")
@given(template=st.sampled_from(TEMPLATES), value=ADDRESSES)
def test_no_id_changes_the_path_of_any_vendors_endpoint(template: str, value: str) -> None:
    """Every placeholder holds it."""
    TRIED["vendor path"] += 1
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    with suppress(UnsafePath):
        parts = urlsplit(build_url(BASE, fill(template, dict.fromkeys(names, value))))
        segments = parts.path.removeprefix("/api/v1").split("/")
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "shop.example", "", "")
        assert len(segments) == template.count("/") + 1
        assert not {"", ".", ".."} & set(segments[1:])


# ── headers ─────────────────────────────────────────────────────────────────────────────────

HEADER = st.one_of(
    TEXTS,
    st.integers(-(10**30), 10**30).map(str),
    st.tuples(SCALARS, SCALARS).map(lambda pair: f"{pair[0]!r:.30}/{pair[1]!r:.30}"),
    st.sampled_from(["40/40", "1/0", "0/0", "-1/-1", "1e5", "inf", "nan", "١٢", "²", "1/2/3", "0", "-0", "10, 10"])
    | st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)


@fuzz("wait header")
@given(after=HEADER, date=HEADER)
def test_a_wait_is_between_nothing_and_an_hour(after: str, date: str) -> None:
    TRIED["wait header"] += 1
    asked = retry_after({"retry-after": after, "date": date}, lambda: 1e9)
    assert asked is None or 0 <= asked <= 3600


@fuzz("rate header")
@given(
    policy=st.sampled_from(
        [StatedSecond(limit=10, limit_header="a", remaining_header="b"), Bucket(size=40, per_second=2, used_header="a")]
    ),
    answers=st.lists(st.tuples(HEADER, HEADER, st.sampled_from([200, 429, 500, 0])), min_size=1, max_size=6),
)
def test_a_limiter_believes_what_makes_sense(policy: Any, answers: list[tuple[str, str, int]]) -> None:
    """Whatever is stated, the next request has a time at which it may start."""
    TRIED["rate header"] += 1
    limiter = build(policy)
    now = 100.0
    for one, two, status in answers:
        for _ in range(10_000):
            wait = limiter.wait(now)
            assert 0 <= wait < math.inf
            if not wait:
                break
            now += wait
        ticket = limiter.start(now)
        limiter.answered(ticket, now + 0.05, status, {"a": one, "b": two, "retry-after": two})
        now += 0.05
    assert limiter.rate >= 0


# ── bytes on the wire, files of the user ────────────────────────────────────────────────────


@fuzz("inflate")
@given(
    body=spoilt(
        st.binary(max_size=200).flatmap(lambda data: st.sampled_from([gzip.compress(data), zlib.compress(data), data]))
    ),
    encoding=st.sampled_from(["gzip", "deflate", "", "identity", "br", "GZIP ", "gzip, gzip"]),
    cut=st.integers(0, 200),
)
def test_a_compressed_body_is_inflated_or_refused(body: bytes, encoding: str, cut: int) -> None:
    TRIED["inflate"] += 1
    with suppress(BadBody):
        inflater = Inflater(encoding, limit=100_000)
        size = sum(len(piece) for part in (body[:cut], body[cut:]) for piece in inflater.feed(part))
        inflater.finish()
        assert size <= 100_000


WORD = st.one_of(
    TEXTS,
    st.lists(
        st.sampled_from(
            (
                *(
                    "agents",
                    "name",
                    ":",
                    "=",
                    "hash",
                    "drop",
                    "?",
                    ".",
                    "[]",
                    ",",
                    "%",
                    "-",
                    "s",
                    "m",
                    "1",
                    "0",
                    "9" * 30,
                ),
                *("2024-02-29", "2023-02-29", "0000-01-01", "١", "é", " ", "1e9", "nan", "\0", "\ud800", "\n"),
            )
        ),
        max_size=6,
    ).map("".join),
)
TYPES = [words.UTC_DAY, words.DURATION, words.FAILURE_LIMIT, words.NAMES, words.PARAM, words.SHARE, words.NAME]


@fuzz("word")
@given(word=WORD, kind=st.sampled_from([*TYPES, None]))
def test_a_word_is_understood_or_refused(word: str, kind: click.ParamType[Any] | None) -> None:
    """Those of the options, and `--mask`'s."""
    TRIED["word"] += 1
    with suppress(click.BadParameter, UsageError):
        if kind is None:
            assert all(mask.how in ("hash", "drop") for mask in understood(vendors.load("gladly"), [word]))
        else:
            assert kind.convert(word, None, None) is not None


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ids") / "ids.csv"


@fuzz("ids")
@given(body=TABLES, header=st.sampled_from([b"", b"id\n", b"id,email\n", b"\xef\xbb\xbfemail,id\r\n"]))
def test_a_file_of_ids_is_read_or_refused(file: Path, body: bytes, header: bytes) -> None:
    TRIED["ids"] += 1
    vendor = vendors.load("gladly")
    file.write_bytes(header + body)
    with suppress(UsageError):
        assert all(found.key for found in ids.listings(vendor, file, frozenset(one.name for one in vendor.endpoints)))


def test_so_many_inputs_were_tried(record_property: Callable[[str, object], None]) -> None:
    """Of the subjects that were not left out."""
    record_property("inputs", sum(TRIED.values()))
    print(f"{sum(TRIED.values()):,} inputs: {dict(TRIED)}")  # noqa: T201 - shown with -s
    assert sum(PLANNED.values()) >= 10_000
    assert {subject: TRIED[subject] for subject in TRIED if TRIED[subject] < PLANNED[subject] * min(TIMES, 1)} == {}
