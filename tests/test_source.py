"""Sources in pipelines of one's own: their tables are a backfill's, and what is not selected costs nothing."""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import pyarrow as pa
import pytest
from dlt.extract import DltSource
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.sources.rest_api import rest_api_source
from runs import QUICK, proxy
from tiny_shop import TOKEN, TinyShop, tiny_shop, write

import extractor
from benchmarks.rig import DATASET, PIPELINE, Sandbox, difference, sandbox, tables
from extractor.account import ExitCode
from extractor.errors import CredentialsError, ExtractorError, SettingsError, UsageError
from extractor.rest_api import read, translate
from extractor.run.job import Job, place
from extractor.sources import supply

Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder; when a test ends, no source has left a thread or a file behind."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield work
    sys.modules.pop("shop", None)
    assert supplying() == []
    assert list(temporary.glob("extractor-*")) == []
    assert not (work / ".extractor").exists()


def supplying() -> list[str]:
    """Threads of engines and their ledgers."""
    return [one.name for one in threading.enumerate() if one.name.startswith(("extractor", "ledger"))]


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with sandbox("gladly", *QUICK, "--size", "4") as one:
        yield one


@pytest.fixture
def shop() -> Iterator[TinyShop]:
    with tiny_shop() as one:
        yield one


def gladly(played: Sandbox, **options: Any) -> DltSource:
    """A source of the sandbox, which has been asked for nothing yet."""
    played.ask("reset-stats", "POST")
    return extractor.source("gladly", settings=settings(played), **options)


def settings(played: Sandbox) -> dict[str, Any]:
    return {"base_url": played.base_url, **played.settings}


def requests(played: Sandbox) -> int:
    return int(played.ask("stats")["requests"])


def pipeline(name: str = PIPELINE, dataset: str = DATASET) -> dlt.Pipeline:
    return dlt.pipeline(name, destination="duckdb", dataset_name=dataset)


def rows(query: str, one: dlt.Pipeline) -> Rows:
    with one.sql_client() as client, client.execute_query(query) as found:
        return found.fetchall()


def backfilled(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> dict[str, Rows]:
    """The tables of a backfill in a folder of its own."""
    own = folder.parent / "backfill"
    own.mkdir()
    with monkeypatch.context() as there:
        there.chdir(own)
        there.setenv("DLT_DATA_DIR", str(own / "dlt"))
        outcome = extractor.backfill(name, pipeline_name=PIPELINE, dataset=DATASET, **options)
        assert outcome.code is ExitCode.COMPLETE
        return {name: found for name, found in tables(own).items() if name != "_extractor_listings"}


def config(shop: TinyShop, **customers: Any) -> dict[str, Any]:
    """As in the file `shop.py`, with more said of the customers."""
    return {
        "client": {
            "base_url": f"{shop.base_url}/v1/",
            "auth": {"type": "bearer", "token": TOKEN},
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
        },
        "resources": [
            {"name": "customers", "endpoint": {"path": "customers", "data_selector": "data"}, **customers},
            {
                "name": "orders",
                "endpoint": {"path": "customers/{resources.customers.id}/orders", "data_selector": "data"},
                "include_from_parent": ["id"],
            },
        ],
    }


def selling(shop: TinyShop, pages: Mapping[int, list[dict[str, Any]]]) -> None:
    """Let the shop's customers be these."""

    def answer(target: str, _: str) -> tuple[int, object]:
        page = int(urlsplit(target).query.removeprefix("page="))
        return 200, {"data": pages[page], "pages": len(pages)}

    shop.answer = answer  # type: ignore[method-assign, assignment]


# ── the same tables as a backfill ───────────────────────────────────────────────────────────


def test_tables_are_those_of_a_backfill_however_often(
    played: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = gladly(played)
    one = pipeline()
    one.run(source)
    loaded = tables(folder)
    expected = backfilled(folder, "gladly", monkeypatch, settings=settings(played))
    assert not difference(expected, loaded)
    assert loaded["_extractor_incidents"][1:]
    one.run(source)
    assert not difference(expected, tables(folder))


def test_a_source_goes_on_in_the_tables_of_a_backfill(
    played: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("agents", "customer_profiles")
    with monkeypatch.context() as there:
        there.chdir(folder.parent)
        extractor.backfill("gladly", only=names, pipeline_name=PIPELINE, dataset=DATASET, settings=settings(played))
        before = tables(folder.parent)
        pipeline().run(gladly(played, only=names))
        assert not difference(before, tables(folder.parent))


def test_tables_of_a_configuration_are_those_of_a_backfill_and_of_dlt(
    shop: TinyShop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, dlts = pipeline(), pipeline("dlts", "dlts_data")
    ours.run(extractor.source(config(shop), name="shop"))
    asked = sorted(shop.requests())
    dlts.run(rest_api_source(config(shop), name="shop"))  # type: ignore[arg-type]
    assert sorted(shop.requests()) == asked
    loaded = tables(folder)
    assert not difference(tables(folder, "dlts", "dlts_data"), _data(loaded))
    file = write(folder.parent, shop)
    assert not difference(backfilled(folder, f"{file}:config", monkeypatch), loaded)
    for table in ("customers", "orders"):
        assert ours.default_schema.tables[table] == dlts.default_schema.tables[table]


def _data(loaded: dict[str, Rows]) -> dict[str, Rows]:
    return {name: found for name, found in loaded.items() if name != "_extractor_incidents"}


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
def test_a_write_disposition_means_what_dlt_means(shop: TinyShop, disposition: str) -> None:
    source = extractor.source(config(shop, write_disposition=disposition, primary_key="id"), only=["customers"])
    one = pipeline()
    for _ in range(2):
        one.run(source)
    times = 2 if disposition == "append" else 1
    assert rows("SELECT count(*) FROM customers", one) == [(times * len(shop.customers),)]


def test_of_two_records_with_one_key_the_last_stays(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they reach dlt together or not."""
    monkeypatch.setattr(supply, "_AHEAD", 1)
    selling(
        shop,
        {
            1: [{"id": 1, "name": "old", "tags": ["a", "b"]}, {"id": 2, "name": "only"}],
            2: [{"id": 1, "name": "newer"}],
            3: [{"id": 1, "name": "newest", "tags": ["c"]}],
        },
    )
    one = pipeline()
    customers = config(shop, write_disposition="merge", primary_key="id")
    one.run(extractor.source(customers, name="shop", only=["customers"]))
    assert rows("SELECT id, name FROM customers ORDER BY id", one) == [(1, "newest"), (2, "only")]
    assert rows("SELECT value FROM customers__tags", one) == [("c",)]


# ── what is selected ────────────────────────────────────────────────────────────────────────


def test_what_is_not_selected_costs_no_request(played: Sandbox) -> None:
    source = gladly(played)
    assert {"agents", "teams", "conversations"} <= set(source.resources)
    assert requests(played) == 0
    selected = source.with_resources("agents")
    assert list(selected.selected_resources) == ["agents", "_extractor_incidents"]
    one = pipeline()
    one.run(selected)
    assert requests(played) == 1
    assert set(tables(Path())) == {"agents", "_extractor_incidents"}
    one.run(source.with_resources("teams", "inboxes"))
    assert requests(played) == 3


def test_parents_are_asked_for_their_ids_alone(shop: TinyShop) -> None:
    orders = [row for row in extractor.source(config(shop)).with_resources("orders") if isinstance(row, dict)]
    assert sorted((row["order"], row["_customers_id"]) for row in orders) == sorted(shop.orders)
    assert len(shop.requests()) == shop.pages + len(shop.customers)


def test_a_resource_may_be_read_alone_renamed_and_piped_on(played: Sandbox) -> None:
    source = gladly(played, only=["agents", "teams"])
    alone = [row["id"] for row in source.resources["agents"]]
    assert len(alone) == len(set(alone)) > 1
    assert [row["id"] for row in source.resources["agents"].with_name("staff")] == alone
    names = dlt.transformer(lambda agents: [{"id": one["id"]} for one in agents], name="ids")
    assert [row["id"] for row in source.resources["agents"] | names] == alone
    assert requests(played) == 3


def test_of_a_configuration_all_resources_are_there_selected_as_it_says(shop: TinyShop) -> None:
    source = extractor.source(config(shop, selected=False), name="shop")
    assert list(source.resources) == ["customers", "orders", "_extractor_incidents"]
    assert list(source.selected_resources) == ["orders", "_extractor_incidents"]
    found = [row for row in source.with_resources("customers") if isinstance(row, dict)]
    assert sorted(row["id"] for row in found) == sorted(shop.customers)
    assert len(shop.requests()) == shop.pages


def test_two_sources_in_one_pipeline(played: Sandbox, shop: TinyShop) -> None:
    one = pipeline()
    one.run([gladly(played, only=["agents"]), extractor.source(config(shop), name="shop", only=["customers"])])
    assert rows("SELECT count(*) FROM agents", one)[0][0] > 1
    assert rows("SELECT count(*) FROM customers", one) == [(len(shop.customers),)]


def test_a_source_may_be_parallelized(played: Sandbox, folder: Path) -> None:
    names = ["agents", "teams", "customer_profiles"]
    pipeline().run(gladly(played, only=names))
    pipeline("other").run(gladly(played, only=names).parallelize())
    assert not difference(tables(folder), tables(folder, "other"))


# ── what is missing ─────────────────────────────────────────────────────────────────────────


def test_what_the_vendor_refuses_is_an_incident_whatever_is_selected(played: Sandbox) -> None:
    with proxy(played) as between:
        between.spoiled = {"/teams": 403}
        source = extractor.source("gladly", settings={**settings(played), "base_url": between.base_url})
        one = pipeline()
        one.run(source.with_resources("agents", "teams"))
    assert rows("SELECT kind, endpoint, status FROM _extractor_incidents", one) == [("refused", "teams", 403)]


def test_a_record_that_dlt_cannot_take_is_an_incident_with_its_bytes(shop: TinyShop) -> None:
    selling(shop, {1: [{"id": 1}, {"name": "nobody"}]})
    one = pipeline()
    keyed = config(shop, write_disposition="merge", primary_key="id")
    one.run(extractor.source(keyed, name="shop").with_resources("customers"))
    assert rows("SELECT id FROM customers", one) == [(1,)]
    assert rows("SELECT kind, record FROM _extractor_incidents", one) == [("malformed", '{"name":"nobody"}')]


def test_without_a_secret_in_any_message(shop: TinyShop) -> None:
    shop.statuses = {"/v1/customers?page=2": 418}
    found = list(extractor.source(config(shop), name="shop").with_resources("customers"))
    (incidents,) = [row for row in found if isinstance(row, pa.Table)]
    assert [one["kind"] for one in incidents.to_pylist()] == ["failed"]
    assert TOKEN not in str(incidents.to_pylist())


# ── ends that come early ────────────────────────────────────────────────────────────────────


def test_a_limit_ends_the_engine(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait to be read, and then their vendor does."""
    monkeypatch.setattr(supply, "_AHEAD", 2)
    shop.pages = 50
    source = extractor.source(config(shop), name="shop").with_resources("customers").add_limit(1)
    found = [row for row in source if isinstance(row, dict)]
    assert 3 <= len(found) <= 9
    assert len(shop.requests()) < shop.pages


def test_whoever_reads_slowly_keeps_the_engine_waiting(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "_AHEAD", 2)
    shop.pages = 50
    with supply.Supply(customers_of(shop)) as supplied:
        read = len(next(iter(supplied)))
        # Two pages wait to be read, a third one for their places; its next one is not asked for before.
        while len(shop.seen) < read + 3:
            time.sleep(0.001)
    assert len(shop.requests()) == read + 3


def customers_of(shop: TinyShop) -> Job:
    nowhere = place("shop", pipeline=None, pipeline_name=None, dataset=None, destination="duckdb")
    return Job.of(
        translate(config(shop), name="shop", configuration="shop").vendor,
        place=nowhere,
        only=["customers"],
        rate_share=1.0,
        commit_every=30.0,
        patience=1800.0,
        settings=None,
    )


def test_an_error_of_the_pipeline_ends_the_engine(shop: TinyShop) -> None:
    def step(_: object) -> object:
        raise ValueError("a mistake of the user's")

    shop.pages = 50
    source = extractor.source(config(shop), name="shop")
    source.resources["customers"].add_map(step)
    with pytest.raises(PipelineStepFailed, match="a mistake of the user's"):
        pipeline().run(source)


def test_an_iterator_that_is_let_go_ends_the_engine(shop: TinyShop) -> None:
    """Also in the middle of a request."""
    shop.pages, shop.hold_from = 50, 4
    reading = iter(extractor.source(config(shop), name="shop").with_resources("customers"))
    assert next(reading)
    assert shop.held.wait(60)
    del reading
    gc.collect()
    assert supplying() == []


# ── errors ──────────────────────────────────────────────────────────────────────────────────


def test_wrong_credentials_are_one_message(played: Sandbox) -> None:
    wrong = {**settings(played), "password": "wrong-password"}
    with pytest.raises(PipelineStepFailed) as failed:
        pipeline().run(extractor.source("gladly", settings=wrong))
    assert str(failed.value).count("does not know these credentials") == 1
    assert "wrong-password" not in str(failed.value)
    own = _own(failed.value)
    assert isinstance(own, CredentialsError)
    assert own.__cause__ is own.__context__ is None


def test_a_token_that_ends_fails_the_pipeline_with_one_message(shop: TinyShop) -> None:
    shop.statuses = {"/v1/customers?page=3": 401}
    with pytest.raises(ResourceExtractionError) as failed:
        list(extractor.source(config(shop), name="shop").with_resources("customers"))
    assert str(failed.value).count("401") == 1
    assert TOKEN not in str(failed.value)
    assert isinstance(_own(failed.value), ExtractorError)


def _own(error: BaseException | None) -> BaseException | None:
    while error is not None and not isinstance(error, ExtractorError):
        error = error.__cause__
    return error


def test_mistakes_in_the_call_are_told_at_once(played: Sandbox, shop: TinyShop, folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no resource 'agent'.*did you mean agents"):
        gladly(played, only=["agent"])
    with pytest.raises(SettingsError, match="organization, username, password"):
        extractor.source("gladly")
    with pytest.raises(UsageError, match="name and rate_limit are for configurations"):
        extractor.source("gladly", rate_limit="5/s")
    with pytest.raises(UsageError, match="rest_api is not what dlt takes"):
        extractor.source({"client": {}, "resources": []})
    with pytest.raises(UsageError, match=r"There is no file nowhere\.py"):
        extractor.source("nowhere.py:config")
    assert list(folder.iterdir()) == []
    assert requests(played) == len(shop.requests()) == 0


def test_a_configuration_in_a_file_keeps_its_name_unless_it_gets_another(shop: TinyShop, folder: Path) -> None:
    write(folder, shop)
    assert extractor.source("shop.py:config").name == "shop"
    named = extractor.source("shop.py:config", name="store", rate_limit="100/s")
    assert (named.name, named.schema.name) == ("store", "store")
    limited = [read("shop.py", rate_limit="100/s"), translate(config(shop), name="shop", rate_limit="100/s")]
    assert limited[0].vendor.budgets == limited[1].vendor.budgets != read("shop.py").vendor.budgets
    assert len([row for row in named.with_resources("customers") if isinstance(row, dict)]) == len(shop.customers)
