"""One attempt: pages and rows become one package in a real DuckDB file."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
import os
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from loading import ITEMS, Warehouse, listing, page, settle_in

from extractor.load.attempt import CountsDiffer
from extractor.load.tables import Contents
from extractor.model import Endpoint, Incident

Make = Callable[..., Warehouse]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    settle_in(tmp_path, monkeypatch)

    def make(*endpoints: Endpoint, **target: Any) -> Warehouse:
        return Warehouse(tmp_path, endpoints or (ITEMS,), **target)

    return make


def test_two_packages_with_a_reader_in_between(warehouse: Make) -> None:
    shop = warehouse()
    first = shop.load(page({"id": "a", "lines": [{"sku": "x"}]}), listings=[listing("k1")])
    assert shop.rows("SELECT id, _dlt_load_id FROM items") == [("a", first.load_id)]
    second = shop.load(page({"id": "b", "lines": [{"sku": "y"}, {"sku": "z"}]}), listings=[listing("k2")])
    assert shop.rows("SELECT id FROM items ORDER BY id") == [("a",), ("b",)]
    assert shop.rows("SELECT sku FROM items__lines ORDER BY sku") == [("x",), ("y",), ("z",)]
    assert shop.rows("SELECT key, state FROM _extractor_listings ORDER BY key") == [
        ("k1", "committed"),
        ("k2", "committed"),
    ]
    assert shop.rows("SELECT load_id, status FROM _dlt_loads ORDER BY load_id") == [
        (first.load_id, 0),
        (second.load_id, 0),
    ]
    assert second.rows == {"items": 1, "_extractor_listings": 1, "_extractor_incidents": 0}


def test_a_record_that_comes_again_replaces_the_old_one_with_its_nested_rows(warehouse: Make) -> None:
    shop = warehouse()
    shop.load(page({"id": "a", "name": "old", "lines": [{"sku": "x", "parts": [{"name": "p"}]}, {"sku": "y"}]}))
    shop.load(page({"id": "a", "name": "new", "lines": [{"sku": "z"}]}))
    assert shop.rows("SELECT id, name FROM items") == [("a", "new")]
    assert shop.rows("SELECT sku FROM items__lines") == [("z",)]
    assert shop.rows("SELECT count(*) FROM items__lines__parts") == [(0,)]


def test_of_duplicates_in_one_package_the_last_one_stays(warehouse: Make) -> None:
    shop = warehouse()
    package = shop.load(
        page({"id": "a", "name": "1", "lines": [{"sku": "x"}]}, {"id": "a", "name": "2", "lines": [{"sku": "y"}]}),
        page({"id": "b", "name": "1"}),
        page({"id": "a", "name": "3", "lines": [{"sku": "z"}]}, key="later"),
    )
    assert package.rows["items"] == 2
    assert shop.rows("SELECT id, name FROM items ORDER BY id") == [("a", "3"), ("b", "1")]
    assert shop.rows("SELECT sku FROM items__lines") == [("z",)]


def test_a_listing_that_comes_again_has_one_row(warehouse: Make) -> None:
    shop = warehouse()
    shop.load(listings=[listing("k", state="pending"), listing("other")])
    shop.load(listings=[listing("k", state="committed")])
    assert shop.rows("SELECT key, state FROM _extractor_listings ORDER BY key") == [
        ("k", "committed"),
        ("other", "committed"),
    ]


def test_our_tables_have_the_columns_that_the_design_names(warehouse: Make) -> None:
    shop = warehouse()
    shop.load(listings=[("items", "", None, '{"a":"b"}', "open", "c", 2, 1, 1_700_000_000)])
    assert shop.types("_extractor_listings") == {
        **dict.fromkeys(("endpoint", "key", "parent", "fields", "state", "cursor"), "VARCHAR"),
        "records": "BIGINT",
        "pages": "BIGINT",
        "seen_at": "TIMESTAMP WITH TIME ZONE",
    }
    columns = "id kind endpoint key status path detail record attempts seen_at resolved_at gap"
    assert " ".join(shop.types("_extractor_incidents")) == columns
    assert shop.rows("SELECT endpoint, key, fields, epoch(seen_at) FROM _extractor_listings") == [
        ("items", "", '{"a":"b"}', 1_700_000_000.0)
    ]


def test_data_tables_have_the_vendors_columns_and_dlts_alone(warehouse: Make) -> None:
    shop = warehouse()
    shop.load(page({"id": "a", "extra": 1, "lines": [{"sku": "x"}]}))
    columns = {name for name, *_ in shop.rows("DESCRIBE items")}
    declared = {"id", "name", "count", "made", "price", "open", "day", "more"}
    assert columns == declared | {"extra", "_dlt_id", "_dlt_load_id"}
    tables = {name for (name,) in shop.rows("SHOW TABLES") if not name.startswith(("_dlt", "_extractor"))}
    assert tables == {"items", "items__lines"}


POISON: dict[str, tuple[str, str, Any]] = {
    # what comes in the field `x`, the column in which it lands, what it is there
    "an integer beyond 64 bits": ("123456789012345678901", "x__v_text", "123456789012345678901"),
    "a number beyond a double": ("1e999", "x__v_text", "1e999"),
    "a large float": ("1e300", "x__v_double", 1e300),
    "NaN": ("NaN", "x__v_text", "NaN"),
    "minus infinity": ("-Infinity", "x__v_text", "-Infinity"),
    "a lone surrogate": (r'"\ud83d!"', "x", r'"\ud83d!"'),
    "NUL": (r'"a\u0000b"', "x", r'"a\u0000b"'),
    "dlt's own mark": ('"\uf0261.5"', "x", r'"\uf0261.5"'),
    "the year 0 in UTC": ('"0001-01-01T00:00:00+14:00"', "x", '"0001-01-01T00:00:00+14:00"'),
    "fifty lists": ("[" * 50 + "]" * 50, "x", "[" * 50 + "]" * 50),
    "a thousand objects": ('{"a":' * 1000 + "1" + "}" * 1000, "x", '{"a":' * 1000 + "1" + "}" * 1000),
    "lists with long names": (
        '[{"abcdefghijklmnopqrstuvwxyz":' * 9 + "1" + "}]" * 9,
        "x",
        '[{"abcdefghijklmnopqrstuvwxyz":' * 9 + "1" + "}]" * 9,
    ),
    "digits in a nested list": ("[[99999999999999999999]]", "", None),
}


def test_poison_of_every_kind_lands_and_so_does_all_else(warehouse: Make) -> None:
    shop = warehouse()
    records = [f'{{"id":"{kind}","x":{text}}}' for kind, (text, _, _) in POISON.items()]
    sound = [f'{{"id":"sound {n}","name":"n"}}' for n in range(5)]
    payload = f"[{','.join(records + sound)}]".encode()
    found: list[Incident] = []
    package = shop.load(("items", "", payload), announce=lambda _, incidents: found.extend(incidents))
    assert package.rows["items"] == len(POISON) + 5
    landed = {
        row[0]: dict(zip(("x", "x__v_text", "x__v_double"), row[1:], strict=True))
        for row in shop.rows("SELECT id, x, x__v_text, x__v_double FROM items")
    }
    for kind, (_, column, value) in POISON.items():
        expected = {"x": None, "x__v_text": None, "x__v_double": None} | ({column: value} if column else {})
        assert landed[kind] == expected, kind
    assert shop.rows("SELECT value__v_text FROM items__x__list") == [("99999999999999999999",)]
    noted = {incident.key for incident in found}
    assert noted == set(POISON) - {"a large float"}
    assert not any(incident.gap for incident in found)
    assert {key for (key,) in shop.rows("SELECT key FROM _extractor_incidents")} == noted


def test_records_without_a_key_are_kept_in_incidents_only(warehouse: Make) -> None:
    shop = warehouse()
    package = shop.load(page({"id": "a"}, {"name": "no key"}, {"id": None}, key="list 1"))
    assert shop.rows("SELECT id FROM items") == [("a",)]
    assert sorted(shop.rows("SELECT kind, endpoint, record FROM _extractor_incidents")) == [
        ("malformed", "items", '{"id": null}'),
        ("malformed", "items", '{"name": "no key"}'),
    ]
    assert all(incident.gap and incident.key.startswith("list 1#") for incident in package.incidents)


MIXED: list[dict[str, Any]] = [
    {"id": "a", "name": "n", "count": 1, "made": "2024-01-01T00:00:00.123456789Z", "price": 1.5, "open": True},
    {
        "id": "b",
        "name": 5,
        "count": "2",
        "made": 5,
        "price": 2,
        "open": "true",
        "day": "2024-02-29",
        "more": {"a": [1]},
    },
    {"id": "c", "name": {"a": [1]}, "count": 1.5, "made": "soon", "price": "3.5", "open": 1, "day": 7, "more": "text"},
    {"id": 4, "name": None, "count": "007", "made": "2024-01-01 10:00", "price": "x", "open": "no", "more": 5},
    {"id": "e", "count": [1], "made": None, "price": 2**60 + 1, "day": "2024-02-30", "more": None, "tags": ["a", 1]},
    {"id": "f", "lines": [{"sku": 1, "quantity": "1", "parts": [{"name": 1}]}, {"sku": "2", "quantity": "many"}]},
    {"id": "g", "lines": [{"sku": None, "quantity": 2.0, "parts": []}], "owner": {"phones": [{"number": 1}]}},
    {"id": "h", "owner": {"phones": []}, "more": [1, {"b": "c"}], "made": "0000-00-00T00:00:00Z"},
]


def test_types_do_not_depend_on_the_order_of_arrival(warehouse: Make) -> None:
    """The same records in ten shuffled orders, each into a table of its own, by two packages: ten equal tables."""
    orders = range(10)
    shop = warehouse(*(dataclasses.replace(ITEMS, name=f"items{n}") for n in orders))
    shuffled = {n: random.Random(n).sample(MIXED, len(MIXED)) for n in orders}
    for part in (slice(3), slice(3, None)):
        shop.load(*(page(record, endpoint=f"items{n}") for n in orders for record in shuffled[n][part]))
    tables = {name for (name,) in shop.rows("SHOW TABLES")}
    content: dict[str, dict[str, object]] = {f"items{n}": {} for n in orders}
    for table in sorted(tables):
        root, _, nested = table.partition("__")
        if root in content:
            types = dict(sorted(shop.types(table).items()))
            columns = ", ".join(f'"{name}"' for name in types)
            rows = sorted(map(repr, shop.rows(f"SELECT {columns} FROM {table}")))
            content[root][nested] = (types, rows)
    assert set(content["items0"]) == {"", "count", "lines", "lines__parts", "owner__phones", "tags"}
    assert all(found == content["items0"] for found in content.values())


def test_declared_columns_lose_nothing(warehouse: Make) -> None:
    shop = warehouse()
    shop.load(page(*MIXED))
    assert shop.rows("SELECT id, name FROM items WHERE name IS NOT NULL ORDER BY id") == [
        ("a", "n"),
        ("b", "5"),
        ("c", '{"a":[1]}'),
    ]
    assert shop.rows("SELECT id, CAST(made AS VARCHAR) FROM items WHERE made IS NOT NULL ORDER BY id") == [
        ("4", "2024-01-01 10:00:00+00"),
        ("a", "2024-01-01 00:00:00.123456+00"),
    ]
    elsewhere = "SELECT id, made__v_bigint, made__v_text FROM items"
    assert [row for row in shop.rows(f"{elsewhere} ORDER BY id") if row[1:] != (None, None)] == [
        ("b", 5, None),
        ("c", None, "soon"),
        ("h", None, "0000-00-00T00:00:00Z"),
    ]
    assert shop.rows('SELECT id, "count" FROM items WHERE "count" IS NOT NULL ORDER BY id') == [("a", 1), ("b", 2)]
    assert shop.rows("SELECT count__v_double FROM items WHERE id = 'c'") == [(1.5,)]
    assert shop.rows("SELECT count__v_text FROM items WHERE id = '4'") == [("007",)]
    assert shop.rows("SELECT value FROM items__count") == [(1,)]
    assert shop.rows("SELECT price__v_bigint FROM items WHERE id = 'e'") == [(2**60 + 1,)]
    assert shop.rows("SELECT open__v_bigint FROM items WHERE id = 'c'") == [(1,)]
    assert [json.loads(text) for (text,) in shop.rows("SELECT more FROM items WHERE more IS NOT NULL ORDER BY id")] == [
        5,
        {"a": [1]},
        "text",
        [1, {"b": "c"}],
    ]


def test_seconds_and_milliseconds_land_as_one_instant(warehouse: Make) -> None:
    states = Endpoint(
        name="states",
        path="/",
        key=("at",),
        columns={"at": "unix", "end": "unix_ms", "lines[].at": "unix_ms", "lines[].note": "text"},
    )
    shop = warehouse(states)
    line = {"at": "1492685671000", "note": "x"}
    shop.load(page({"at": 1492685671, "end": "Apr 20, 2017 10:54:32 AM", "lines": [line]}, endpoint="states"))
    shop.load(page({"at": "2017-04-20T10:54:31Z", "end": 1492685672001, "lines": [line]}, endpoint="states"))
    shop.load(page({"at": "1492685672.25", "end": 0}, {"at": 0, "end": 10**18}, endpoint="states"))
    assert shop.types("states")["at"] == shop.types("states")["end"] == "TIMESTAMP WITH TIME ZONE"
    assert shop.rows('SELECT "at"::TEXT, "end"::TEXT, end__v_bigint FROM states ORDER BY "at"') == [
        ("1970-01-01 00:00:00+00", None, 10**18),
        ("2017-04-20 10:54:31+00", "2017-04-20 10:54:32.001+00", None),
        ("2017-04-20 10:54:32.25+00", None, None),
    ]
    assert shop.rows('SELECT "at"::TEXT FROM states__lines') == [("2017-04-20 10:54:31+00",)]


def test_a_subtree_that_is_declared_as_json_makes_no_columns_and_no_tables(warehouse: Make) -> None:
    """Syntax trees and mail headers would make hundreds of both."""
    macros = Endpoint(name="macros", path="/", columns={"id": "bigint", "code.ast": "json", "parts[].tree": "json"})
    shop = warehouse(macros)
    tree = {"type": "Program", "body": [{"type": "If", "test": {"value": 1}}, [1, "x"]]}
    shop.load(page({"id": 1, "code": {"ast": tree, "n": 1}, "parts": [{"tree": [tree]}]}, endpoint="macros"))
    assert sorted(shop.types("macros")) == ["code__ast", "code__n", "id"]
    assert sorted(shop.types("macros__parts")) == ["tree"]
    tables = shop.rows("SELECT DISTINCT table_name FROM information_schema.tables WHERE table_name LIKE 'macros%'")
    assert sorted(tables) == [("macros",), ("macros__parts",)]
    ((ast, inner),) = shop.rows("SELECT code__ast, tree FROM macros, macros__parts")
    assert json.loads(ast) == tree
    assert json.loads(inner) == [tree]


def test_undeclared_columns_lose_nothing_and_never_end_a_load(warehouse: Make) -> None:
    """Dlt takes the type of the first value; what does not fit goes to its variant columns unchanged."""
    shop = warehouse(Endpoint(name="items", path="/"))
    shop.load(page({"id": 1, "n": 1, "b": True, "d": 1.5, "t": "2024-01-01T00:00:00Z"}))
    shop.load(
        page({"id": 2, "n": "007", "b": 7, "d": "nan", "t": 5}),
        page({"id": 3, "n": "99999999999999999999", "b": "yes", "d": "1e999", "t": "2024-05-06"}),
        page({"id": 4, "n": 1e300, "b": 0.5, "d": 2**63 - 1, "t": "0x10"}),
    )
    assert shop.rows("SELECT n, n__v_text, n__v_double FROM items ORDER BY id") == [
        (1, None, None),
        (None, "007", None),
        (None, "99999999999999999999", None),
        (None, None, 1e300),
    ]
    assert shop.rows("SELECT b, b__v_bigint, b__v_text, b__v_double FROM items ORDER BY id")[1:] == [
        (None, 7, None, None),
        (None, None, "yes", None),
        (None, None, None, 0.5),
    ]
    assert shop.rows("SELECT d, d__v_text, d__v_bigint FROM items ORDER BY id")[1:] == [
        (None, "nan", None),
        (None, "1e999", None),
        (None, None, 2**63 - 1),
    ]
    assert shop.rows("SELECT CAST(t AS VARCHAR), t__v_bigint, t__v_text FROM items ORDER BY id")[1:] == [
        (None, 5, None),
        ("2024-05-06 00:00:00+00", None, None),
        (None, None, "0x10"),
    ]


def test_a_key_that_nobody_declared_keeps_the_type_it_had_first(warehouse: Make) -> None:
    endpoint = Endpoint(name="items", path="/")
    shop = warehouse(endpoint)
    shop.load(page({"id": 1, "v": "x"}))
    again = warehouse(endpoint)
    package = again.load(page({"id": "1", "v": "y"}, {"id": "two", "v": "z"}))
    assert again.rows("SELECT id, v FROM items") == [(1, "y")]
    assert [incident.gap for incident in package.incidents] == [True]


def test_without_a_primary_key_equal_records_are_one(warehouse: Make) -> None:
    shop = warehouse(Endpoint(name="items", path="/", key=()))
    shop.load(page({"a": 1, "b": "é"}, {"b": "é", "a": 1}, {"a": 2}))
    shop.load(page({"a": 1, "b": "é"}))
    canonical = ('{"a":1,"b":"\\u00e9"}', '{"a":2}')
    assert shop.rows("SELECT _extractor_key FROM items ORDER BY a") == [
        (hashlib.sha256(text.encode()).hexdigest(),) for text in canonical
    ]


def test_several_endpoints_write_into_one_table(warehouse: Make) -> None:
    one = Endpoint(name="item", path="/", table="items", columns={"id": "text", "more": "json"})
    shop = warehouse(ITEMS, one)
    shop.load(page({"id": "a", "name": "listed"}), page({"id": "a", "name": "alone"}, endpoint="item"))
    shop.load(page({"id": "b", "more": {"x": 1}}, endpoint="item"))
    assert shop.rows("SELECT id, name FROM items ORDER BY id") == [("a", "alone"), ("b", None)]


def test_the_load_id_is_announced_before_anything_is_in_the_destination(warehouse: Make) -> None:
    shop = warehouse()
    shop.load(page({"id": "a"}))

    def stop(load_id: str, _: Sequence[Incident]) -> None:
        assert not shop.destination.committed(load_id)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        shop.load(page({"id": "b"}), announce=stop)
    assert shop.rows("SELECT id FROM items") == [("a",)]
    shop.load(page({"id": "c"}))
    assert shop.rows("SELECT id FROM items ORDER BY id") == [("a",), ("c",)]


def test_a_new_process_goes_on_with_the_types_of_the_old_one(warehouse: Make) -> None:
    warehouse().load(page({"id": "a", "undeclared": 1}))
    shop = warehouse()
    shop.load(page({"id": "b", "undeclared": "text"}))
    assert shop.rows("SELECT id, undeclared, undeclared__v_text FROM items ORDER BY id") == [
        ("a", 1, None),
        ("b", None, "text"),
    ]


def test_nothing_is_left_behind_and_nobody_else_can_read_what_is_there(warehouse: Make, tmp_path: Path) -> None:
    shop = warehouse()
    before = os.umask(0o077)
    try:
        modes: list[int] = []

        def look(_load_id: str, _incidents: Sequence[Incident]) -> None:
            modes.extend(path.stat().st_mode & 0o077 for path in (tmp_path / "load").rglob("*"))

        shop.load(page({"id": "a"}), announce=look)
    finally:
        os.umask(before)
    assert modes
    assert not any(modes)
    assert not list((tmp_path / "load").glob("dlt*"))
    assert shop.rows("SELECT count(*) FROM shop_data_staging.items") == [(0,)]


def test_duckdb_writes_out_what_is_new_once_for_a_package(warehouse: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does so whenever nobody has it open any more, and rewrites what it wrote before."""
    shop = warehouse()
    shop.load(page({"id": "a"}))
    written: list[int] = []
    close = DuckDbConnectionPool.return_conn

    def closed(pool: DuckDbConnectionPool, connection: Any) -> None:
        close(pool, connection)
        written.append(shop.file.stat().st_mtime_ns)

    monkeypatch.setattr(DuckDbConnectionPool, "return_conn", closed)
    shop.load(page({"id": "b"}))
    assert len(written) > 2
    assert len(set(written)) == 2
    assert written[-2] == written[0]


@pytest.mark.parametrize(
    "ask", [lambda there: there.count(["items"]), lambda there: there.state()], ids=["rows", "state"]
)
def test_nothing_is_asked_while_the_file_is_closed(warehouse: Make, monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
    shop = warehouse()
    close, asked, order = DuckDbConnectionPool.return_conn, threading.Event(), list[str]()

    def closed(pool: DuckDbConnectionPool, connection: Any) -> None:
        if threading.current_thread().name == "closing":
            assert not asked.wait(0.1)
        close(pool, connection)
        order.append(threading.current_thread().name)

    monkeypatch.setattr(DuckDbConnectionPool, "return_conn", closed)
    shop.loader.attempt(partial(Contents, pages=[page({"id": "a"})]), [], [], lambda *_: order.clear())
    before = len(order)
    ask(shop.destination)
    asked.set()
    shop.destination.connections.closed()
    assert order[before] == "closing"


def test_the_next_package_is_made_while_the_file_is_closed(warehouse: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing opens it meanwhile; an error of closing it is met by whoever does next, once."""
    shop = warehouse()
    shop.load(page({"id": "a"}))
    done, announced, order = threading.Event(), threading.Event(), list[str]()
    close, borrow = DuckDbConnectionPool.return_conn, DuckDbConnectionPool.borrow_conn

    def closed(pool: DuckDbConnectionPool, connection: Any) -> None:
        if threading.current_thread().name == "closing" and not order:
            assert announced.wait(30)
            order.append("closed")
            close(pool, connection)
            done.set()
            raise OSError("No space left on device")
        close(pool, connection)

    def borrowed(pool: DuckDbConnectionPool, **options: Any) -> Any:
        order.append("opened")
        return borrow(pool, **options)

    contents = partial(Contents, pages=[page({"id": "b"})])
    monkeypatch.setattr(DuckDbConnectionPool, "return_conn", closed)
    shop.loader.attempt(contents, [], [], lambda *_: None)
    monkeypatch.setattr(DuckDbConnectionPool, "borrow_conn", borrowed)
    with pytest.raises(OSError, match="No space left"):
        shop.loader.attempt(contents, [], [], lambda *_: announced.set())
    assert done.is_set()
    assert order == ["closed"]
    shop.load(page({"id": "c"}))
    assert shop.rows("SELECT id FROM items ORDER BY id") == [("a",), ("b",), ("c",)]


def test_an_attempt_that_fails_leaves_the_file_to_others(warehouse: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = warehouse()
    shop.load(page({"id": "a"}))

    def lost(*_: Any) -> Any:
        raise OSError("No space left on device")

    monkeypatch.setattr(shop.destination, "verify", lost)
    with pytest.raises(OSError, match="No space left"):
        shop.load(page({"id": "b"}))
    # Whoever has it open in this process for writing too keeps those out who only read.
    assert shop.rows("SELECT count(*) FROM _extractor_listings") == [(0,)]


def test_a_load_that_lost_rows_is_no_load(warehouse: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = warehouse()
    verify = shop.destination.verify

    def one_less(client: Any, load_id: str, names: Sequence[str]) -> tuple[int, dict[str, int]]:
        loads, there = verify(client, load_id, names)
        return loads, {name: number - 1 for name, number in there.items()}

    monkeypatch.setattr(shop.destination, "verify", one_less)
    with pytest.raises(CountsDiffer, match="items has 0 rows"):
        shop.load(page({"id": "a"}))


# DuckDB's use of pandas and dlt's of DuckDB.
@pytest.mark.filterwarnings("ignore::Warning")
def test_dlts_dataset_reads_the_tables(warehouse: Make) -> None:
    """What users do in a notebook: data frames, Arrow, SQL."""
    import dlt

    shop = warehouse()
    shop.load(page({"id": "a", "lines": [{"sku": "x"}]}, {"id": "b"}))
    pipeline = dlt.attach("shop_pipeline")
    dataset = pipeline.dataset()
    frame, arrow = dataset.table("items").df(), dataset.table("items__lines").arrow()
    assert frame is not None
    assert sorted(frame["id"]) == ["a", "b"]
    assert arrow is not None
    assert arrow.num_rows == 1
    assert dataset("SELECT count(*) FROM items").fetchall() == [(2,)]


def test_loads_leave_nothing_in_memory(warehouse: Make) -> None:
    """The process lives for days; dlt's log of looked-up settings would keep every pipeline with its rows."""
    import dlt

    shop = warehouse()
    for number in range(5):
        shop.load(page({"id": str(number)}))
    gc.collect()
    ours = [one for one in gc.get_objects() if isinstance(one, dlt.Pipeline) and one.pipeline_name == "shop_pipeline"]
    assert len(ours) <= 1
