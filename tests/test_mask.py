"""Masks: what is typed, what becomes of a record's bytes, and that no clear value reaches anything that is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from fake_vendor import fetch, ok, vendor_of
from hypothesis import given
from hypothesis import strategies as st
from runs import QUICK, Place

from benchmarks.rig import Sandbox, sandbox
from extractor import vendors
from extractor.account import ExitCode
from extractor.errors import BadBody, SettingsError, UsageError
from extractor.gate import Gate, Shapes
from extractor.mask import Masked, Masking, declared, understood
from extractor.model import Children, Endpoint, IncidentKind, Listing, Records
from extractor.paginate import field_of

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "alice@example.test"


def endpoint_of(**more: Any) -> Endpoint:
    columns = {
        "email": "text",
        "age": "bigint",
        "born": "unix",
        "emails[].original": "text",
        "emails[].primary": "bool",
        "content.body": "text",
        "content.seen": "timestamp",
        "tags[]": "text",
    }
    return Endpoint(**({"name": "people", "path": "/people", "columns": columns} | more))


PEOPLE = endpoint_of()
SHOP = vendor_of(PEOPLE, Endpoint(name="orders", path="/orders", columns={"email": "text", "total": "double"}))


def masked(*words: str, endpoint: Endpoint = PEOPLE) -> Masked:
    found = Masking(masks=understood(SHOP, words), key=KEY).of(endpoint)
    assert found is not None
    return found


def applied(record: object, *words: str) -> Any:
    """What becomes of one record."""
    (found,) = orjson.loads(masked(*words).payload(orjson.dumps([record])))
    return found


def hashed(text: str, key: bytes = KEY) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


# ── values ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (SECRET, hashed(SECRET)),
        ("", hashed("")),
        ("Zoë 😀", hashed("Zoë 😀")),
        (5, hashed("5")),
        (True, hashed("true")),
        (None, None),
        ([], []),
        (["a", None, ["b", 5]], [hashed("a"), None, [hashed("b"), hashed("5")]]),
        ({"b": 1, "a": ["x"]}, hashed('{"a":["x"],"b":"1"}')),
    ],
)
def test_a_hash_is_keyed_and_of_the_canonical_text(value: object, becomes: object) -> None:
    assert applied({"id": 1, "email": value}, "email=hash") == {"id": 1, "email": becomes}


def test_equal_values_are_joinable_however_they_are_written() -> None:
    spelled = [b'"a\\u0040b"', b'"a@b"', b' "\\u0061@b" ']
    payload = b"[%b]" % b",".join(b'{"email":%b}' % one for one in spelled)
    assert {one["email"] for one in orjson.loads(masked("email=hash").payload(payload))} == {hashed("a@b")}
    orders = masked("email=hash", endpoint=SHOP.endpoints[1])
    assert orjson.loads(orders.payload(b'{"email":"a@b"}')) == [{"email": hashed("a@b")}], "in every table"
    objects = masked("content=hash").payload(b'[{"content":{"a":1,"b":2}},{"content":{ "b":2, "a":1}}]')
    assert len({one["content"] for one in orjson.loads(objects)}) == 1


def test_another_key_makes_other_hashes() -> None:
    other = Masking(masks=understood(SHOP, ["email=hash"]), key=KEY[::-1]).of(PEOPLE)
    assert other is not None
    (record,) = orjson.loads(other.payload(b'{"email":"a@b"}'))
    assert record["email"] not in (hashed("a@b"), hashlib.sha256(b"a@b").hexdigest())


@pytest.mark.parametrize("depth", [3, 100_000])
def test_depth_costs_no_stack(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for what in ("email=hash", "email=drop"):
        assert masked(what).payload(b'[{"id":1,"email":{"a":%b}}]' % deep).startswith(b'[{"id":1')
    assert deep in masked("email=drop").payload(b'[{"email":1,"other":%b}]' % deep)


@given(st.lists(st.integers(-(10**40), 10**40) | st.floats(allow_nan=False) | st.text(), unique_by=str, min_size=2))
def test_different_values_have_different_hashes(values: list[object]) -> None:
    payload = json.dumps([{"email": value} for value in values]).encode()
    found = [one["email"] for one in orjson.loads(masked("email=hash").payload(payload))]
    assert len(set(found)) == len(values)


# ── places ──────────────────────────────────────────────────────────────────────────────────


def test_lists_and_objects_are_gone_through() -> None:
    record = {
        "id": 1,
        "emails": [{"original": "a", "primary": True}, {"original": "b"}, "c", None],
        "content": {"body": "d", "seen": "e"},
        "tags": ["f", "g"],
    }
    assert applied(record, "emails[].original=drop", "content.body=hash", "tags[]=hash") == {
        "id": 1,
        "emails": [{"primary": True}, {}, "c", None],
        "content": {"body": hashed("d"), "seen": "e"},
        "tags": [hashed("f"), hashed("g")],
    }


@pytest.mark.parametrize("form", [{"original": SECRET}, [{"original": SECRET}], [[{"original": SECRET}]]])
@pytest.mark.parametrize("path", ["emails[].original", "emails.original"])
def test_a_list_may_come_as_its_one_element_and_the_other_way_round(form: object, path: str) -> None:
    assert SECRET not in json.dumps(applied({"id": 1, "emails": form}, f"{path}=drop"))


@pytest.mark.parametrize("name", ["email", "Email", "EMAIL", "e_mail", "e-mail", "e\\u006dail"])
def test_every_spelling_that_makes_the_column_is_masked(name: str) -> None:
    assert masked("email=drop").payload(b'{"id":1,"%b":"x"}' % name.encode()) == b'[{"id":1}]'


def test_of_a_key_that_stands_twice_both_values_are_masked() -> None:
    payload = b'[{"id":1,"emails":[{"original":"a"}],"emails":[],"email":"b","email":"c"}]'
    found = masked("emails[].original=drop", "email=hash").payload(payload).decode()
    assert found == f'[{{"id":1,"emails":[{{}}],"emails":[],"email":"{hashed("b")}","email":"{hashed("c")}"}}]'


def test_a_field_goes_with_all_that_lies_in_it() -> None:
    assert applied({"id": 1, "content": {"body": "a"}}, "content=drop", "content.body=hash") == {"id": 1}
    assert applied({"id": 1, "emails": [{"original": "a"}]}, "emails=hash") == {
        "id": 1,
        "emails": [hashed('{"original":"a"}')],
    }


def test_other_fields_keep_their_bytes() -> None:
    kept = b'"a": 1.50, "b" :NaN,"c":12345678901234567890123, "d":"\\ud83d", "d": "twice"'
    assert masked("email=drop").payload(b'{"email":"x", %b}' % kept) == (
        b'[{"a":1.50,"b":NaN,"c":12345678901234567890123,"d":"\\ud83d","d":"twice"}]'
    )
    untouched = b'{ %b , "id":  7}' % kept
    assert masked("email=drop").payload(untouched) == b"[%b]" % untouched


def test_lines_are_masked_as_arrays_are() -> None:
    lines = b'{"id":1,"email":"a"}\n{"id":2}\n'
    assert masked("email=drop").payload(lines) == b'[{"id":1},{"id":2}]'


def test_what_is_no_json_is_not_let_through() -> None:
    with pytest.raises(BadBody, match="people: expected JSON records to mask"):
        masked("email=drop").payload(b'[{"email": "a"')


# ── words ───────────────────────────────────────────────────────────────────────────────────


def test_the_same_field_is_the_same_mask_however_it_is_typed() -> None:
    words = ["emails.original=hash", "Emails[].Original=hash", "emails[].original=hash", "people:emails=drop"]
    assert [str(mask) for mask in understood(SHOP, words)] == ["emails[].original=hash", "people:emails[]=drop"]


def test_a_mask_with_a_table_is_for_that_table_alone() -> None:
    masking = Masking(masks=understood(SHOP, ["orders:email=drop"]))
    assert masking.of(PEOPLE) is None
    assert masking.of(SHOP.endpoints[1]) is not None


NAMED = vendor_of(
    endpoint_of(key=("id", "content.no")),
    Endpoint(
        name="visits",
        path="/visits/{key}",
        parents=(Children(endpoint="people", key="email", fields={"since": "born"}),),
    ),
    Endpoint(
        name="calls",
        path="/calls/{key}",
        parents=(Children(endpoint="people", key=lambda record: (str(field_of(record, "content.seen")),)),),
    ),
    Endpoint(name="orders", path="/orders", columns={"email": "text"}),
)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("email", "no mask; write FIELD=hash"),
        ("email=blur", "no mask"),
        ("=drop", "no mask"),
        ("content..body=drop", "no mask"),
        ("emial=hash", r"no table of shop has a field 'emial' \(did you mean email\?\).*--mask '\?emial=hash'"),
        ("orders:age=drop", "shop's table orders has no field 'age'"),
        ("peple:email=drop", r"shop has no table 'peple' \(did you mean people\?\)"),
        ("?id=drop", "in people id is the key"),
        ("?people:content.no=hash", "in people content.no is the key"),
        ("content=hash", "in people content.no is the key"),
        ("email=hash", "in people email says what of visits is asked for.* Say which tables are meant"),
        ("people:born=drop", r"in people born says what of visits is asked for\.$"),
        ("content.seen=drop", "in people content.seen says what of calls is asked for"),
    ],
)
def test_a_mistake_is_told(word: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        understood(NAMED, [word])


def test_what_is_not_needed_can_be_masked_beside_what_is() -> None:
    assert len(understood(NAMED, ["orders:email=hash", "content.body=drop", "?people:nickname=drop"])) == 3


def test_masks_that_contradict_each_other_are_a_mistake() -> None:
    with pytest.raises(UsageError, match="age=drop and age=hash contradict"):
        understood(SHOP, ["age=hash", "age=drop"])


@pytest.mark.parametrize("name", vendors.names())
def test_no_key_of_a_vendor_can_be_masked(name: str) -> None:
    vendor = vendors.load(name)
    for endpoint in vendor.endpoints:
        for field in endpoint.key:
            with pytest.raises(UsageError, match=r"is the key|says what"):
                understood(vendor, [f"?{endpoint.destination_table}:{field}=drop"])


@pytest.mark.parametrize(
    ("vendor", "needed", "free"),
    [
        ("gladly", "events:content.customerId", "events:content.reason"),
        ("gladly", "conversations:customAttributes[].id", "conversations:customAttributes[].value"),
        ("assembled", "people:channels", "people:email"),
        ("clari", "activities:opportunities[].opportunityId", "activities:opportunities[].name"),
        ("clari", "calls:crm_info.contact_ids", "calls:users[].userEmail"),
    ],
)
def test_functions_of_the_vendors_say_what_they_read(vendor: str, needed: str, free: str) -> None:
    described = vendors.load(vendor)
    with pytest.raises(UsageError, match=r"says what of .* is asked for"):
        understood(described, [f"?{needed}=drop"])
    assert understood(described, [f"?{free}=drop"])


# ── types ───────────────────────────────────────────────────────────────────────────────────


def test_a_hash_is_text_and_what_is_dropped_has_no_column() -> None:
    masks = understood(SHOP, ["people:born=hash", "people:content=hash", "emails=hash", "people:age=drop", "tags=hash"])
    people, orders = declared(SHOP, masks).endpoints
    assert people.columns == {
        "email": "text",
        "born": "text",
        "emails[]": "text",
        "content": "text",
        "tags[]": "text",
    }
    assert orders == SHOP.endpoints[1]


def test_the_gate_takes_a_hash_for_what_it_is() -> None:
    masks = understood(SHOP, ["born=hash", "content=hash"])
    (people, _) = declared(SHOP, masks).endpoints
    raw = Masking(masks=masks, key=KEY).of(people)
    assert raw is not None
    shapes = Shapes(table="people", columns=people.columns, name=lambda path: path)
    sound = Gate(people, shapes, {}).read(raw.payload(b'[{"id":1,"born":5,"content":{"body":"x"}}]'), "")
    assert sound.records == [{"id": 1, "born": hashed("5"), "content": hashed('{"body":"x"}')}]
    assert (sound.notes, sound.kept_out) == ({}, [])


def test_the_hash_of_a_record_without_key_is_of_what_is_kept() -> None:
    keyless = replace(PEOPLE, key=())
    shapes = Shapes(table="people", columns={}, name=lambda path: path)
    payload = masked("email=drop").payload(b'[{"email":"a","age":1},{"email":"b","age":1}]')
    keys = Gate(keyless, shapes, {}).read(payload, "").keys
    assert len(set(keys)) == 1, "the key says nothing of the value that is gone"


# ── what a pipeline must agree on ───────────────────────────────────────────────────────────


def test_the_identity_tells_masks_and_keys_apart_and_shows_no_key() -> None:
    masks = understood(SHOP, ["email=hash", "people:age=drop"])
    one = Masking(masks=masks, key=KEY)
    assert Masking().identity == {}
    assert one.identity["mask"] == "--mask 'email=hash' --mask 'people:age=drop'"
    assert one.identity == Masking(masks=understood(SHOP, ["people:age=drop", "email=hash"]), key=KEY).identity
    others = [Masking(masks=masks, key=KEY[::-1]), Masking(masks=masks[:1], key=KEY), Masking(masks=masks)]
    assert all(other.identity != one.identity for other in others)
    assert KEY.decode() not in repr(one) + str(one.identity)


# ── pages ───────────────────────────────────────────────────────────────────────────────────

values = st.recursive(
    st.none() | st.booleans() | st.integers(10**6, 10**9) | st.text(st.characters(codec="ascii"), min_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def texts(value: object) -> list[str]:
    """The texts and numbers in a value, as they are written in JSON."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    if isinstance(value, bool) or value is None:
        return []
    return [json.dumps(value)]


BODIES: dict[str, tuple[Records, Callable[[list[dict[str, object]]], bytes]]] = {
    "list": (Records(), lambda records: json.dumps(records).encode()),
    "map": (Records(shape="map"), lambda records: json.dumps(dict(enumerate(records))).encode()),
    "object": (Records(shape="object"), lambda records: json.dumps(records[0]).encode()),
    "lines": (Records(shape="lines"), lambda records: b"\n".join(json.dumps(one).encode() for one in records)),
}


@pytest.mark.parametrize("shape", BODIES)
@pytest.mark.parametrize("how", ["hash", "drop"])
@given(secrets=st.lists(values, min_size=1, max_size=3))
def test_no_masked_value_is_in_any_page(shape: str, how: str, secrets: list[object]) -> None:
    form, body = BODIES[shape]
    records = [{"id": number, "email": one, "emails": [{"original": one}]} for number, one in enumerate(secrets)]
    asked = replace(PEOPLE, records=form, download=shape == "lines")
    vendor = vendor_of(asked, Endpoint(name="visits", path="/", parents=(Children(endpoint="people", key="id"),)))
    masks = understood(vendor, [f"email={how}", f"emails[].original={how}"])
    pages, _ = fetch(
        vendor,
        lambda _: ok(body(records)),
        Listing(id=1, endpoint="people", key=""),
        masking=Masking(masks=masks, key=KEY),
    )
    kept = str([(page.payload, page.found, page.incidents, page.cursor) for page in pages])
    assert not [text for one in secrets for text in texts(one) if text in kept]
    assert sum(page.records for page in pages) == (1 if shape == "object" else len(records))
    assert {found.key for page in pages for found in page.found} == {
        str(number) for number in range(1 if shape == "object" else len(records))
    }


def test_a_line_that_is_no_record_leaves_its_size_and_a_keyed_hash() -> None:
    broken = f'{{"id": 1, "email": "{SECRET}"'.encode()
    lines = replace(PEOPLE, records=Records(shape="lines"), download=True)
    vendor, listing = vendor_of(lines), Listing(id=1, endpoint="people", key="k")
    behaviour = ok(b'{"id":0}\n' + broken)
    told = set()
    for key in (KEY, KEY[::-1]):
        (page,), _ = fetch(
            vendor,
            lambda _: behaviour,
            listing,
            masking=Masking(masks=understood(vendor, ["email=hash"]), key=key),
        )
        (incident,) = page.incidents
        assert (incident.kind, incident.record, incident.gap) == (IncidentKind.MALFORMED, None, True)
        assert f"{len(broken)} bytes" in incident.detail
        assert SECRET not in str(page)
        told.add(incident.key)
    assert len(told) == 2, "whoever guesses the line needs the key to be sure"


def test_rows_are_masked_after_they_were_made_and_kept_ones_chosen_before() -> None:
    made = replace(
        PEOPLE,
        row=lambda record, _: {**record, "email": record["mail"]} if isinstance(record, dict) else None,
        keep=lambda record, _: record.get("mail") == SECRET,
    )
    vendor = vendor_of(made)
    (page,), _ = fetch(
        vendor,
        lambda _: ok([{"id": 1, "mail": SECRET}, {"id": 2, "mail": "other"}]),
        Listing(id=1, endpoint="people", key=""),
        masking=Masking(masks=understood(vendor, ["email=drop", "?mail=drop"])),
    )
    assert page.payload == b'[{"id":1}]'


def test_csv_and_records_beside_are_masked_too() -> None:
    table = Endpoint(
        name="report",
        path="/r",
        key=("ID",),
        records=Records(shape="csv"),
        download=True,
        columns={"Full Name": "text"},
    )
    vendor = vendor_of(table)
    (page,), _ = fetch(
        vendor,
        lambda _: ok(f"ID,Full Name\n1,{SECRET}\n".encode()),
        Listing(id=1, endpoint="report", key=""),
        masking=Masking(masks=understood(vendor, ["Full Name=hash"]), key=KEY),
    )
    assert orjson.loads(page.payload) == [{"ID": "1", "Full Name": hashed(SECRET)}]
    both = vendor_of(
        Endpoint(name="events", path="/e", records=Records(at="items")),
        Endpoint(name="actors", path="", records=Records(at="actors"), beside="events", columns={"name": "text"}),
    )
    pages, _ = fetch(
        both,
        lambda _: ok({"items": [{"id": 1}], "actors": [{"id": 2, "name": SECRET}]}),
        Listing(id=1, endpoint="events", key=""),
        masking=Masking(masks=understood(both, ["actors:name=drop"])),
    )
    assert [page.payload for page in pages] == [b'[{"id":2}]', b'[{"id":1}]']


# ── whole runs ──────────────────────────────────────────────────────────────────────────────

MASKS = (
    "customer_profiles:name=hash",
    "customer_profiles:emails=hash",
    "phones=drop",
    "customer_profiles:address=drop",
    "content.body=drop",
    "content.content=hash",
    "content.from=hash",
    "content.to=hash",
    "agents:name=drop",
    "?report_conversation_export:Assigned Agent Name (Current)=drop",
    "?report_task_export:Assigned Agent Name (Current)=drop",
)
CLEAR = (
    "SELECT name FROM customer_profiles",
    "SELECT original FROM customer_profiles__emails",
    "SELECT original FROM customer_profiles__phones",
    "SELECT address FROM customer_profiles",
    "SELECT content__body FROM conversation_items",
    "SELECT content__content FROM conversation_items",
)


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *QUICK, "--size", "6") as one:
        yield one


def place(folder: Path, played: Sandbox, patch: pytest.MonkeyPatch) -> Place:
    folder.mkdir()
    patch.chdir(folder)
    patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
    one = Place(folder, played)
    one.settings["mask_key"] = KEY.decode()
    return one


def shown(one: Place, secrets: Iterable[str]) -> set[str]:
    """Those that are found below the folder: in the bytes of any file, and in any cell of any table."""
    files = [path.read_bytes() for path in one.folder.rglob("*") if path.is_file()]
    cells: list[str] = []
    # A database file is compressed.
    with duckdb.connect(str(one.database), read_only=True) as connection:
        for schema, table in connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            for row in connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall():
                cells += map(str, row)
    text = "\n".join(cells)
    return {one for one in secrets if one in text or any(one.encode() in file for file in files)}


def test_nothing_below_the_folder_shows_a_masked_value(
    played: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = place(tmp_path / "clear", played, monkeypatch)
    clear.run(keep_raw=True)
    # Shorter ones may stand anywhere by chance.
    secrets = {row[0] for query in CLEAR for row in clear.rows(query) if row[0] and len(row[0]) > 8}
    assert len(secrets) > 20
    assert shown(clear, secrets) == secrets, "this test would see them"
    hidden = place(tmp_path / "masked", played, monkeypatch)
    outcome = hidden.run(keep_raw=True, mask=MASKS)
    assert shown(hidden, secrets) == set()
    assert {name: count for name, count in outcome.incidents.items() if name == "failed"} == {}
    for table in ("customer_profiles", "conversation_items", "agents", "conversations", "tasks"):
        count = f"SELECT count(*) FROM {table}"
        assert hidden.rows(count) == clear.rows(count)
    names = {hashed(name) for (name,) in clear.rows("SELECT name FROM customer_profiles WHERE name IS NOT NULL")}
    assert names == {name for (name,) in hidden.rows("SELECT name FROM customer_profiles WHERE name IS NOT NULL")}


def test_a_pipeline_keeps_its_masks(played: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = place(tmp_path / "work", played, monkeypatch)
    agents = {"only": ["agents"], "mask": ["name=hash"]}
    with pytest.raises(SettingsError, match="--mask FIELD=hash needs mask_key"):
        one.run(**agents, settings={**one.settings, "mask_key": ""})
    assert one.run(**agents).code is ExitCode.COMPLETE
    assert one.run(**agents).nothing_to_do
    begun = "was begun with --mask 'name=hash', and this run has"
    with pytest.raises(UsageError, match=f"{begun} no --mask.*--fresh"):
        one.run(only=["agents"])
    with pytest.raises(UsageError, match="begun with another mask_key"):
        one.run(**agents, settings={**one.settings, "mask_key": KEY.decode()[::-1]})
    shutil.rmtree(one.state)
    with pytest.raises(UsageError, match=f"{begun} --mask 'name=drop'"):
        one.run(only=["agents"], mask=["name=drop"])
    assert one.run(only=["agents"], mask=["name=drop"], fresh=True).code is ExitCode.COMPLETE
    assert one.rows("SELECT count(name), count(email_address) > 0 FROM agents") == [(0, True)]
