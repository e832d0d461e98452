from __future__ import annotations

import csv
import io
import json
from typing import Literal

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extractor import bodies
from extractor.bodies import Block, blocks, check, encode, fingerprint, rows
from extractor.errors import BadBody
from extractor.model import Endpoint, Records, Response
from extractor.rawjson import elements

Shape = Literal["list", "object", "lines", "csv"]

BOM = b"\xef\xbb\xbf"
U2028 = "\u2028\u2029\x85\x0b\x0c\x1c"
"""What `str.splitlines` takes for the end of a line and JSON does not."""


def endpoint(shape: Shape = "list", *, key: tuple[str, ...] = ("id",), needs: tuple[str, ...] = ()) -> Endpoint:
    return Endpoint(name="things", path="/things", key=key, records=Records(shape=shape, needs=needs))


def read(shape: Shape, body: bytes, *, key: tuple[str, ...] = ("id",), status: int = 200) -> list[Block]:
    """As the transport and the client do it for a small body."""
    about = endpoint(shape, key=key)
    content = check(about, Response(status=status, headers={}, body=body))
    return list(blocks(about, Response(status=status, headers={}, body=body, content=content)))


def download(shape: Shape, body: bytes, *, needs: tuple[str, ...] = (), key: tuple[str, ...] = ("id",)) -> list[Block]:
    """As the transport and the client do it for a body in a file."""
    about = endpoint(shape, needs=needs, key=key)
    file = io.BytesIO(body)
    assert check(about, Response(status=200, headers={}, file=file)) is None
    assert file.tell() == 0, "whoever reads the records begins at the beginning"
    return list(blocks(about, Response(status=200, headers={}, file=file)))


def records(found: list[Block]) -> list[dict[str, object]]:
    return [record for block in found for record in block.records if isinstance(record, dict)]


def malformed(found: list[Block]) -> list[bytes]:
    return [line for block in found for line in block.malformed]


# ── JSON in memory ──────────────────────────────────────────────────────────────────────────


def test_a_small_body_is_one_block_kept_as_it_came() -> None:
    body = b' [ {"id": 1.50, "a": 12345678901234567890123}, {"id": "x"} ] \n'
    (block,) = read("list", body)
    assert [record["id"] for record in records([block])] == [1.5, "x"]
    assert block.payload is body
    assert block.malformed == ()


def test_an_object_is_one_record() -> None:
    (block,) = read("object", b'{"id": "o"}')
    assert block.records == [{"id": "o"}]


@pytest.mark.parametrize("shape", ["list", "object"])
def test_no_content_is_no_records(shape: Shape) -> None:
    (block,) = read(shape, b"", status=204)
    assert block.records == []


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"<html>log in</html>", b"[1,", b'[{"id": 1}', b"[1]]", b"Unexpected error"]
)
@pytest.mark.parametrize("shape", ["list", "object"])
def test_what_is_not_whole_json_is_refused(shape: Shape, body: bytes) -> None:
    with pytest.raises(BadBody, match="things: expected JSON"):
        read(shape, body)


@pytest.mark.parametrize("body", [b"{}", b'{"value": []}', b"null", b'""', b"0", b"true"])
def test_a_list_is_an_array(body: bytes) -> None:
    with pytest.raises(BadBody, match="expected a JSON array, got"):
        read("list", body)


@pytest.mark.parametrize("body", [b"[]", b'[{"id": 1}]', b"null", b'"x"', b"-1.5", b"false"])
def test_an_object_is_no_other_json(body: bytes) -> None:
    with pytest.raises(BadBody, match="expected a JSON object, got"):
        read("object", body)


@pytest.mark.parametrize(
    "body", [b'{"errors": []}', b'{"errors": {"code": "x"}, "id": null}', b'{"errors": 1, "id": ""}']
)
def test_an_error_under_a_status_that_says_success_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="an error under a status"):
        read("object", body)


def test_a_record_may_have_a_field_that_is_called_errors() -> None:
    assert records(read("object", b'{"id": 1, "errors": []}')) == [{"id": 1, "errors": []}]
    assert records(read("object", b'{"errors": 0, "total": 5}', key=())) == [{"errors": 0, "total": 5}]
    with pytest.raises(BadBody):
        read("object", b'{"errors": ["x"]}', key=())


def test_part_of_an_answer_is_refused() -> None:
    """Nobody asked for a range, so a 206 is a list with something missing."""
    with pytest.raises(BadBody, match="206"):
        read("list", b"[]", status=206)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'[{"id": 1, "a": "\\ud800"}]', "\ud800"),
        (b'[{"id": 1, "a": "\xff"}]', "\udcff"),
        (b'[{"id": 1, "a": "x\ny"}]', "x\ny"),
        (b'[{"id": 1, "a": "\\u0000"}]', "\0"),
        (b'[{"id": 1, "a": 123456789012345678901234567890}]', float(123456789012345678901234567890)),
        (BOM + b'[{"id": 1, "a": 2}]', 2),
    ],
    ids=["lone surrogate", "no UTF-8", "control character", "NUL", "long integer", "byte order mark"],
)
def test_what_the_gate_can_treat_gets_there_untouched(body: bytes, value: object) -> None:
    """One bad value must not cost the whole listing; the bytes are the gate's."""
    (block,) = read("list", body)
    assert records([block])[0]["id"] == 1
    assert records([block])[0]["a"] == value
    assert block.payload == body


def test_nan_is_no_null() -> None:
    (block,) = read("list", b'[{"id": 1, "a": NaN, "b": -Infinity}]')
    assert str(records([block])[0]["a"]) == "nan"
    assert b"NaN" in block.payload


@pytest.mark.parametrize("levels", [2_000, 1_000_000])
@pytest.mark.parametrize("shape", ["list", "lines"])
def test_deep_nesting_is_no_record_and_no_crash(shape: Shape, levels: int) -> None:
    deep = b'{"id": 1, "a": ' + b"[" * levels + b"]" * levels + b"}"
    if shape == "list":
        with pytest.raises(BadBody):
            read("list", b"[" + deep + b"]")
    else:
        found = download("lines", b'{"id": 0}\n' + deep + b'\n{"id": 2}')
        assert [record["id"] for record in records(found)] == [0, 2]
        assert malformed(found) == [deep]


def test_what_is_no_object_is_kept_apart_and_the_records_keep_their_bytes() -> None:
    """Written again, NaN would become null, and a long integer a rounded one."""
    body = b'[{"id":1,"a":NaN}, 5 ,"x", {"id":2,"a":12345678901234567890123, "b":1.50},null,[{"id":3}]]'
    (block,) = read("list", body)
    assert [record["id"] for record in records([block])] == [1, 2]
    assert elements(block.payload) == [b'{"id":1,"a":NaN}', b'{"id":2,"a":12345678901234567890123, "b":1.50}']
    assert block.malformed == (b"5", b'"x"', b"null", b'[{"id":3}]')


values = st.recursive(
    # Longer integers keep their bytes in the payload only, which an example above shows.
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), values, max_size=4)


@given(st.lists(objects | values, max_size=6), st.booleans())
def test_of_any_array_every_element_is_a_record_or_malformed(found: list[object], ascii_only: bool) -> None:
    body = json.dumps(found, ensure_ascii=ascii_only).encode()
    (block,) = read("list", body)
    assert [json.loads(piece) for piece in elements(block.payload)] == [v for v in found if isinstance(v, dict)]
    assert [json.loads(piece) for piece in block.malformed] == [v for v in found if not isinstance(v, dict)]
    assert len(block.records) + len(block.malformed) == len(found)


@given(st.binary(max_size=60))
@pytest.mark.parametrize("shape", ["list", "object"])
def test_whatever_the_body_it_is_read_or_refused(shape: Shape, body: bytes) -> None:
    try:
        read(shape, body)
    except BadBody:
        return


# ── JSON lines ──────────────────────────────────────────────────────────────────────────────


lines = st.lists(
    st.one_of(
        objects.map(lambda value: json.dumps(value, ensure_ascii=False).encode()),
        st.just(b'{"text": "' + U2028[:2].encode() + b'"}'),
        st.sampled_from([b"", b"  ", b"\r", b"not json", b"[1]", b"null", b'{"cut": ']),
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(lines, st.integers(1, 40), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_every_line_is_a_record_or_malformed_or_blank(found: list[bytes], block: int, end: bytes, closed: bool) -> None:
    """However the reader cuts the file into blocks."""
    body = end.join([b'{"first": true}', *found]) + (end if closed else b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_BLOCK", block)
        read_back = download("lines", body)
    sound: list[object] = [{"first": True}]
    spoilt: list[bytes] = []
    for line in found:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            sound.append(value)
        elif line.strip():
            spoilt.append(line.strip())
    assert records(read_back) == sound
    assert malformed(read_back) == spoilt
    in_payloads = [line for part in read_back for line in part.payload.split(b"\n") if line]
    assert [json.loads(line) for line in in_payloads] == sound, "the load reads the same records"
    assert all(len(part.payload.split(b"\n")) == len(part.records) for part in read_back if part.records)


def test_a_line_ends_at_a_line_feed_only() -> None:
    body = json.dumps({"id": U2028}, ensure_ascii=False).replace("\\u000b", "\x0b").encode()
    assert records(download("lines", body)) == [{"id": U2028}]


def test_an_empty_download_has_no_records() -> None:
    for body in (b"", b"\n\r\n  \n", BOM, BOM + b"\r\n"):
        assert records(download("lines", body)) == []
        assert malformed(download("lines", body)) == []
        assert records(download("csv", body, needs=("ID",))) == []


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it() -> None:
    (block,) = download("lines", BOM + b'{"id": 1}\n')
    assert block.payload == b'{"id": 1}'


@pytest.mark.parametrize(
    "body",
    [
        b"Unexpected error occurred",
        b"<html>\n<body>log in</body>\n</html>\n",
        b'{"errors": [{"code": "invalid"}]}',
        b'{"errors": {"code": "x"}, "id": null}\n',
        b"[]",
        b"x" * 200_000,
        b"\n" + b"x" * 200_000 + b"\n",
    ],
)
def test_what_holds_no_record_is_not_a_file_of_records(body: bytes) -> None:
    with pytest.raises(BadBody, match="expected JSON lines"):
        download("lines", body)


def test_spoilt_lines_do_not_spoil_the_file() -> None:
    found = download("lines", b'{"half": \n{"id": 1}\n<html>\n{"id": "\xff"}\n{"id":2')
    assert [record["id"] for record in records(found)] == [1, "\udcff"]
    assert malformed(found) == [b'{"half":', b"<html>", b'{"id":2']


def test_a_first_line_that_is_longer_than_the_look_is_read() -> None:
    body = b'{"id": "' + b"x" * 100_000 + b'"}\n{"id": 2}'
    assert len(records(download("lines", body))) == 2


def test_a_line_without_end_costs_the_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a file of 8 GB without a line feed would be 8 GB in memory."""
    monkeypatch.setattr(bodies, "_LINE", 1000)
    monkeypatch.setattr(bodies, "_BLOCK", 300)
    found = download("lines", b'{"id": 1}\n{"id": "' + b"x" * 5000 + b'"}\n{"id": 2}\n')
    assert [record["id"] for record in records(found)] == [1, 2]
    assert [len(line) for line in malformed(found)] == [1000]
    with pytest.raises(BadBody, match="a line of more than"):
        download("csv", b"ID\n" + b"x" * 5000)


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────


cells = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from([
    "", " ", "a,b", 'say "x"', "two\nlines", "two\r\nlines", "\r", "\0", "\ufeff", U2028, "=1+1", "'", ";", "\t",
])  # fmt: skip


def as_csv(table: list[list[str]], *, end: str = "\r\n", quote_all: bool = False) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerows(table)
    return text.getvalue().encode()


@settings(max_examples=300)
@given(
    table=st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), max_size=7)),
    end=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
    before=st.sampled_from(
        [b"", BOM, b"\r\n\n", b"\n" + BOM, BOM + b"\n\n", b" \n" + BOM + b"\r\n", b"\n\n" + BOM + BOM]
    ),
    size=st.integers(1, 5),
)
def test_a_report_is_read_as_it_was_written(
    table: list[list[str]], end: str, quote_all: bool, before: bytes, size: int
) -> None:
    assume(quote_all or end == "\r\n" or "\\r" not in repr(table))  # Python 3.11 leaves a cell "\r" without quotes
    header = [f"Column {number}" for number in range(len(table[0]) if table else 2)]
    body = before + as_csv([header, *table], end=end, quote_all=quote_all)
    about = endpoint("csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_ROWS", size)
        found = download("csv", body, needs=("Column 1", "Column 0"))
    assert records(found) == [{name: cell or None for name, cell in zip(header, row, strict=True)} for row in table]
    assert malformed(found) == []
    assert all(orjson.loads(block.payload) == block.records for block in found)
    file = io.BytesIO(body)
    assert rows(about, file) == len(table)
    assert file.tell() == 0


@given(st.lists(st.lists(cells, max_size=4), max_size=7))
def test_rows_counts_what_blocks_brings_of_any_table(table: list[list[str]]) -> None:
    """Ragged ones, those without a header, and single columns with blank cells."""
    body = as_csv(table)
    found = list(blocks(endpoint("csv"), Response(status=200, headers={}, file=io.BytesIO(body))))
    assert rows(endpoint("csv"), io.BytesIO(body)) == len(records(found)) + len(malformed(found))


@given(st.binary(max_size=80))
def test_any_bytes_are_counted_alike_or_refused(body: bytes) -> None:
    try:
        count = rows(endpoint("csv"), io.BytesIO(body))
        found = download("csv", body)
    except BadBody:
        return
    assert count == len(records(found)) + len(malformed(found))


def test_blank_lines_are_no_rows_but_a_row_of_blank_cells_is_one() -> None:
    """What is in the report is accounted for, even if nothing is in it."""
    found = download("csv", b"\n \nID,Name\n\n1,a\n  \n,\n2,b\n\n")
    assert records(found) == [{"ID": "1", "Name": "a"}, {"ID": None, "Name": None}, {"ID": "2", "Name": "b"}]


def test_too_many_and_too_few_cells_are_malformed() -> None:
    found = download("csv", b'ID,Name\n1\n2,b\n3,c,d\n"4\nx",\xff,e\n')
    assert records(found) == [{"ID": "2", "Name": "b"}]
    assert malformed(found) == [b"1", b"3,c,d", b"4\nx,\xff,e"]


@pytest.mark.parametrize(
    "body", [b"Unexpected error occurred", b"<html>\n</html>", b'{"errors": []}', b"\n\nUnexpected error, sorry\n"]
)
def test_an_error_text_under_success_is_no_report(body: bytes) -> None:
    with pytest.raises(BadBody, match="expected a CSV report with the column 'ID'"):
        download("csv", body, needs=("ID",))


def test_an_error_text_far_below_blank_lines_is_no_report() -> None:
    with pytest.raises(BadBody, match="expected a CSV report"):
        download("csv", b"\n" * 100_000 + b"Unexpected error occurred", needs=("ID",))


@pytest.mark.parametrize("before", [b"", BOM, b"\n" + BOM, b"\n" + BOM + b"\n", b" \r\n\t" + BOM])
@pytest.mark.parametrize("header", [b"ID,Name", b'"ID","Name"', b" ID , Name"])
def test_the_first_column_is_found_behind_whatever_stands_before_it(before: bytes, header: bytes) -> None:
    found = download("csv", before + header + b"\r\n1,a\r\n", needs=("ID", "Name"))
    assert records(found) == [{"ID": "1", "Name": "a"}]


def test_lines_may_end_with_a_carriage_return_alone() -> None:
    assert records(download("csv", b"ID,Name\r1,a\r", needs=("ID",))) == [{"ID": "1", "Name": "a"}]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Name,Name,Name", ["Name", "Name (2)", "Name (3)"]),
        ("Name,Name (2),Name", ["Name", "Name (2)", "Name (3)"]),
        ("Name,Name,Name (2)", ["Name", "Name (3)", "Name (2)"]),
        (",,x", ["", " (2)", "x"]),
    ],
)
def test_no_column_hides_another_of_the_same_name(header: str, names: list[str]) -> None:
    (record,) = records(download("csv", f"{header}\n1,2,3\n".encode()))
    assert record == dict(zip(names, ["1", "2", "3"], strict=True))


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "a (2) (2)", "b", ""]), min_size=1, max_size=8))
def test_every_column_keeps_its_value(header: list[str]) -> None:
    names = bodies._names(header)
    assert len(set(names)) == len(header)
    assert all(names[header.index(name)] == name for name in header), "the first of a name keeps it"


def test_invalid_utf8_and_nul_cost_their_cells_only() -> None:
    (block,) = download("csv", b"ID,Name\n1,a\xffb\n2,c\0d\n3,\xc3\xa9\n")
    assert [record["Name"] for record in records([block])] == ["a\udcffb", "c\0d", "é"]
    assert json.loads(block.payload) == block.records, "written, although orjson takes no lone surrogates"


def test_a_cell_without_end_is_refused() -> None:
    with pytest.raises(BadBody, match="can't be read"):
        rows(endpoint("csv"), io.BytesIO(b'ID\n"' + (b"x" * 1023 + b"\n") * 17 * 1024))


def test_a_large_report_comes_in_blocks() -> None:
    body = as_csv([["ID", "Name"], *([str(number), "x"] for number in range(1203))])
    found = download("csv", body)
    assert [len(block.records) for block in found] == [500, 500, 203]


def test_the_file_stays_open_for_its_owner() -> None:
    file = io.BytesIO(b"ID\n1\n")
    assert rows(endpoint("csv"), file) == 1
    list(blocks(endpoint("csv"), Response(status=200, headers={}, file=file)))
    assert not file.closed


# ── small things ────────────────────────────────────────────────────────────────────────────


@given(values)
def test_encode_is_json_whatever_orjson_thinks(value: object) -> None:
    assert json.loads(encode(value)) == value


def test_encode_takes_what_orjson_refuses() -> None:
    assert json.loads(encode({"a": "\ud800", "b": 2**70})) == {"a": "\ud800", "b": 2**70}


def test_a_fingerprint_tells_bytes_apart() -> None:
    assert fingerprint(b"a") == fingerprint(b"a") != fingerprint(b"b")
    assert len(fingerprint(b"")) == 16
