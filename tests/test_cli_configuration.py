"""A configuration of one's own on the command line: `file.py:name` wherever a vendor's name may stand."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest
from tiny_shop import TOKEN, TinyShop, tiny_shop, write

import extractor
from extractor.account import ExitCode
from extractor.cli import main

QUIET = ("--progress", "off")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder; what a file of it brings into this process goes again with the test."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield work
    for file in work.glob("*.py"):
        sys.modules.pop(file.stem, None)


@pytest.fixture
def shop() -> Iterator[TinyShop]:
    with tiny_shop() as one:
        yield one


@pytest.fixture
def configured(folder: Path, shop: TinyShop) -> TinyShop:
    write(folder, shop)
    return shop


def rows(query: str) -> list[tuple[object, ...]]:
    with duckdb.connect("shop_pipeline.duckdb", read_only=True) as connection:
        connection.execute("USE shop_data")
        return connection.execute(query).fetchall()


def all_is_there_once(shop: TinyShop) -> bool:
    customers = sorted(str(one) for (one,) in rows("SELECT id FROM customers"))
    orders = sorted((str(order), str(of)) for order, of in rows('SELECT "order", _customers_id FROM orders'))
    return customers == sorted(shop.customers) and orders == sorted(shop.orders)


def test_a_backfill_and_the_same_once_more(configured: TinyShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfill", "shop.py:config", *QUIET]) == ExitCode.COMPLETE
    assert "Complete." in capsys.readouterr().out
    assert all_is_there_once(configured)
    assert sorted(configured.requests()) == sorted(
        [f"/v1/customers?page={page}" for page in range(1, 5)]
        + [f"/v1/customers/{one}/orders?page=1" for one in configured.customers]
    )
    assert main(["backfill", "shop.py", *QUIET]) == ExitCode.COMPLETE
    assert "Nothing to do" in capsys.readouterr().out
    assert not configured.requests()
    assert main(["status", "shop.py:config"]) == ExitCode.COMPLETE
    status = capsys.readouterr().out
    assert "shop_pipeline" in status
    assert "customers" in status
    assert not configured.requests()


def test_the_function_takes_the_same_word(configured: TinyShop, folder: Path) -> None:
    outcome = extractor.backfill(str(folder / "shop.py:config"), only=["customers"])
    assert (outcome.vendor, outcome.pipeline, outcome.dataset) == ("shop", "shop_pipeline", "shop_data")
    assert [(one.table, one.rows) for one in outcome.tables] == [("customers", len(configured.customers))]
    assert len(configured.requests()) == 4


def test_its_resources_are_listed(configured: TinyShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources", "shop.py:config"]) == ExitCode.COMPLETE
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["customers", "customers", "as", "configured", "yes", "-", "-", "-"]
    assert lines[2] == ["orders", "orders", "as", "configured", "yes", "-", "-", "customers"]
    assert not configured.requests()


def test_a_field_that_is_masked_is_in_no_table(configured: TinyShop) -> None:
    assert main(["backfill", "shop.py", *QUIET, "--only", "customers", "--mask", "?name=drop"]) == ExitCode.COMPLETE
    assert {name for (name,) in rows("SELECT column_name FROM (DESCRIBE customers)")} == {
        "id",
        "_dlt_id",
        "_dlt_load_id",
    }
    assert len(configured.requests()) == 4


@pytest.mark.parametrize("mask", ["?id=hash", "?customers:id=drop"])
def test_what_a_child_is_asked_for_by_cannot_be_masked(
    configured: TinyShop, mask: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands in the ledger, and with it in the destination."""
    assert main(["backfill", "shop.py", "--mask", mask]) == ExitCode.USAGE
    assert "id says what of orders is asked for" in capsys.readouterr().err
    assert not configured.requests()


def test_a_key_of_a_configuration_cannot_be_masked(
    folder: Path, shop: TinyShop, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(folder, shop)
    file.write_text(file.read_text().replace('"name": "orders",', '"name": "orders", "merge_key": "number",'))
    assert main(["backfill", "shop.py", "--mask", "?number=hash"]) == ExitCode.USAGE
    assert "number is the key by which rows are told apart" in capsys.readouterr().err
    assert not shop.requests()


def test_tables_are_counted_under_the_names_that_dlt_gives_them(folder: Path, shop: TinyShop) -> None:
    file = write(folder, shop)
    named = '"name": "customers", "table_name": "allCustomers",'
    file.write_text(file.read_text().replace('"name": "customers",', named))
    outcome = extractor.backfill("shop.py", only=["customers"])
    assert [(one.table, one.rows, one.records) for one in outcome.tables] == [("all_customers", 12, 12)]


def test_tables_that_are_replaced_hold_the_last_backfill_alone(folder: Path, shop: TinyShop) -> None:
    file = write(folder, shop)
    replaced = '"resource_defaults": {"write_disposition": "replace"}, "resources": ['
    file.write_text(file.read_text().replace('"resources": [', replaced))
    for fresh in ((), ("--fresh",)):
        assert main(["backfill", "shop.py", *QUIET, "--commit-every", "50ms", *fresh]) == ExitCode.COMPLETE
        assert all_is_there_once(shop)
        assert len(shop.requests()) == 4 + 12


def test_no_file_of_a_run_holds_the_token(configured: TinyShop, folder: Path) -> None:
    assert main(["backfill", "shop.py", *QUIET, "--keep-raw"]) == ExitCode.COMPLETE
    assert configured.requests()
    holding = [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert [path.name for path in holding if "__pycache__" not in path.parts] == ["shop.py"]


# ── mistakes ────────────────────────────────────────────────────────────────────────────────

OTHERS = """
text = "no dictionary"
broken = {{"client": {{"base_url": "{base_url}"}}, "resources": [{{"name": "a", "endpoint": {{"pth": "a"}}}}]}}
"""


@pytest.mark.parametrize("command", ["backfill", "retry", "status", "resources"])
@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("shoop.py:config", "There is no file shoop.py"),
        ("shop.py:confg", "shop.py has no 'confg'"),
        ("shop.py:text", "shop.py:text is a str"),
        ("shop.py:broken", "pth"),
        ("failing.py:config", "failing.py can't be imported: ZeroDivisionError"),
        ("leaving.py:config", "leaving.py can't be imported: SystemExit"),
        ("unsound.py:config", "unsound.py can't be imported: SyntaxError"),
        ("config", "There is no vendor 'config'"),
    ],
)
def test_a_mistake_is_one_message(
    folder: Path, command: str, reference: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = TinyShop(base_url="http://127.0.0.1:1")
    write(folder, shop, further=OTHERS.format(base_url=shop.base_url))
    (folder / "failing.py").write_text("config = 1 / 0\n")
    (folder / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    (folder / "unsound.py").write_text("config = {\n")
    assert main([command, reference]) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.err.startswith("Error: ")
    assert said in captured.err
    assert captured.err.count("\nError: ") == 0
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not (folder / ".extractor").exists()


@pytest.mark.parametrize("part", ['"auth": {"type": "bearer", "tokn": T}', '"headers": [["X-Api-Key", T]]'])
def test_a_secret_beside_a_mistake_is_not_quoted(folder: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "shop.py").write_text(
        f'T = "{TOKEN}"\n'
        f'config = {{"client": {{"base_url": "http://127.0.0.1:1", {part}}}, "resources": ["a", {{"nam": "b"}}]}}\n'
    )
    assert main(["backfill", "shop.py"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "is not what dlt takes for a RESTAPIConfig" in said
    assert TOKEN not in said


@pytest.mark.parametrize("words", ["backfill shop.py --sandbox", "status shop.py --sandbox", "sandbox shop.py:config"])
@pytest.mark.usefixtures("configured")
def test_there_is_no_sandbox_of_it(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == ExitCode.USAGE
    assert "is a configuration of your own" in capsys.readouterr().err


def test_nobody_is_let_in(folder: Path, shop: TinyShop, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, shop, token="wrong-token")
    assert main(["backfill", "shop.py:config", *QUIET]) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.err == (
        "Error: shop does not know these credentials (401 at customers): "
        "check client.auth and client.headers in shop.py:config.\n"
    )
    assert captured.out == ""
    assert len(shop.requests()) == 1


def test_what_failed_is_asked_for_again_from_where_it_failed(
    configured: TinyShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that were loaded before are not loaded twice: there is no key by which they could be told."""
    configured.statuses = {"/v1/customers?page=3": 418, "/v1/customers/c1/orders?page=1": 404}
    assert main(["backfill", "shop.py:config", *QUIET]) == ExitCode.PARTIAL
    assert rows("SELECT count(*) FROM customers") == [(6,)]
    assert "2 failed" in capsys.readouterr().out
    configured.statuses = {}
    configured.requests()
    assert main(["retry", "shop.py:config", *QUIET]) == ExitCode.COMPLETE
    assert all_is_there_once(configured)
    assert sorted(configured.requests()) == sorted(
        ["/v1/customers?page=3", "/v1/customers?page=4", "/v1/customers/c1/orders?page=1"]
        + [f"/v1/customers/c{number}/orders?page=1" for number in range(6, 12)]
    )


# ── runs that end early ─────────────────────────────────────────────────────────────────────


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "extractor", "backfill", "shop.py:config", *QUIET, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def again(shop: TinyShop) -> Sequence[str]:
    """Let everything be answered, run once more, and return what was asked for then."""
    shop.hold_from = 0
    shop.let_go.set()
    shop.requests()
    assert main(["backfill", "shop.py:config", *QUIET]) == ExitCode.COMPLETE
    return shop.requests()


@pytest.mark.parametrize("request_number", [3, 9])
def test_a_killed_run_goes_on_and_no_row_comes_twice(configured: TinyShop, request_number: int) -> None:
    configured.hold_from = request_number
    with start("--commit-every", "100ms") as process:
        assert configured.held.wait(60)
        process.kill()
    asked = again(configured)
    assert all_is_there_once(configured)
    everything = configured.pages + len(configured.customers)
    assert len(asked) <= everything
    # Pages that were on disk are not asked for again.
    assert "/v1/customers?page=1" not in asked


def test_ctrl_c_keeps_what_was_fetched(configured: TinyShop) -> None:
    configured.hold_from = 9
    with start() as process:
        assert configured.held.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in said
    assert "/v1/customers?page=1" not in again(configured)
    assert all_is_there_once(configured)


def test_ctrl_c_while_the_file_is_imported(folder: Path) -> None:
    (folder / "shop.py").write_text(
        "import pathlib, time\npathlib.Path('imported').touch()\ntime.sleep(60)\nconfig = {}\n"
    )
    with start() as process:
        while not (folder / "imported").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, "")
    assert "Traceback" not in said
